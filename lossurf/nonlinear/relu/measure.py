"""A ReLU checkpoint against Corollary 3.2: surveyed, measured, and its linear reduction classified."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.dataset import Dataset
from lossurf.landscape.classify import classify_network
from lossurf.nonlinear.relu.corollary import reduced_map
from lossurf.nonlinear.relu.losses import ReluLosses, relu_losses
from lossurf.nonlinear.relu.measurements import SAMPLE_LIMIT, Progress, ReluMeasurements, measure
from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.nonlinear.relu.survey import survey
from lossurf.numerics import Matrix
from lossurf.reduction.blas_threads import SingleThreadHold
from lossurf.reduction.problem import ReducedProblem
from lossurf.reduction.triangle import Triangle
from lossurf.words import Verdict

__all__ = ["Progress", "ReluMeasurements", "ReluStudy", "measure_relu"]

_SURVEY_STREAM = 1  # keeps the subsample's draws apart from those of the measurements, which start from the same seed


@dataclass(frozen=True)
class ReducedNetwork:
    """What the linear theory says of rho P, as `lossurf.landscape.verdict.Classification` defines it."""

    verdict: Verdict
    reason: str
    gradient: float
    tolerance: float
    rank: int
    rank_max: int
    plateau_rank: int | None
    plateau_distance: float | None


@dataclass(frozen=True)
class ReluStudy:
    """What `measure_relu` finds: the measurements, the losses, the reduced problem and where rho P stands on it."""

    measurements: ReluMeasurements
    losses: ReluLosses
    problem: ReducedProblem
    reduced_network: ReducedNetwork
    notes: tuple[str, ...]


def measure_relu(
    dataset: Dataset, triangle: Triangle, checkpoint: Checkpoint, *, seed: int, progress: Progress | None = None
) -> ReluStudy:
    """Measure a ReLU checkpoint on a dataset; `lossurf.api.relu_dataset` documents the parameters."""
    if seed < 0:
        raise UsageError(f"the seed {seed} is negative", remedy="give a whole number from 0")
    network = ReluNetwork(checkpoint.weights, checkpoint.biases)
    # Many small products: BLAS threads cost more than they give here; with one the bytes do not depend on their number.
    with SingleThreadHold():
        draws = np.random.default_rng([seed, _SURVEY_STREAM])
        facts = survey(network, dataset.blocks(), SAMPLE_LIMIT, draws)
        losses, problem = relu_losses(network, facts, triangle)
        measurements = measure(network, facts, seed, progress)
        reduced = _classify_reduced(network, facts.start_rates, problem, checkpoint.dtypes)
    return ReluStudy(measurements, losses, problem, reduced, _notes(checkpoint))


def _classify_reduced(
    network: ReluNetwork, start_rates: Matrix, problem: ReducedProblem, dtypes: tuple[str, ...]
) -> ReducedNetwork:
    """Classify the linear network rho P: W_1 scaled by rho, and all biases joined in the last."""
    weights = (start_rates[0] * network.weights[0], *network.weights[1:])
    biases: list[Matrix | None] = [None] * len(weights)
    if problem.bias:
        biases[-1] = reduced_map(network, start_rates)[:, -1]
    found = classify_network(Checkpoint.of(weights, biases, dtypes=dtypes), problem)
    return ReducedNetwork(**{field.name: getattr(found, field.name) for field in fields(ReducedNetwork)})


def _notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    if checkpoint.biases[-1] is None and any(bias is not None for bias in checkpoint.biases):
        return ("the output layer has no bias but others do: L* is that of a network with one, a lower bound here",)
    return ()
