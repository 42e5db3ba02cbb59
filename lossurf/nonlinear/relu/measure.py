"""A ReLU checkpoint against Corollary 3.2: surveyed, measured, and its linear reduction classified."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.fields import Count, Magnitude, Size
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.verdict import PlainVerdict
from lossurf.nonlinear.relu.corollary import reduced_map
from lossurf.nonlinear.relu.losses import ReluLosses, relu_losses
from lossurf.nonlinear.relu.measurements import SAMPLE_LIMIT, Progress, ReluMeasurements, measure
from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.nonlinear.relu.survey import survey
from lossurf.numerics import Matrix
from lossurf.reduction.blas_threads import ONE_THREAD
from lossurf.reduction.problem import ReducedProblem

__all__ = ["Progress", "ReluMeasurements", "ReluStudy", "measure_relu"]

_SURVEY_STREAM = 1  # keeps the subsample's draws apart from those of the measurements, which start from the same seed


@dataclass(frozen=True)
class ReducedNetwork:
    """What the linear theory says of rho P, as `lossurf.landscape.verdict.Classification` defines it.

    Attributes
    ----------
    verdict : Verdict
        What kind of point of the squared loss it is.
    reason : str
        The verdict's ground in words.
    gradient : float
        Criticality measure.
    tolerance : float
        tau, the relative change of every layer that decides what counts as zero.
    rank : int
        Of the product.
    rank_max : int
        min(d_0, ..., d_N).
    plateau_rank : int or None
        The k whose L_k is nearest to the loss.
    plateau_distance : float or None
        |L - L_k| for that k.
    """

    verdict: PlainVerdict
    reason: str
    gradient: Magnitude
    tolerance: Magnitude
    rank: Count
    rank_max: Size
    plateau_rank: Count | None
    plateau_distance: float | None


@dataclass(frozen=True)
class ReluStudy:
    """What `measure_relu` finds: the measurements, the losses, the reduced problem and where rho P stands on it."""

    measurements: ReluMeasurements
    losses: ReluLosses
    problem: ReducedProblem
    reduced_network: ReducedNetwork
    notes: tuple[str, ...]


def measure_relu(data: Data, checkpoint: Checkpoint, *, seed: int, progress: Progress | None = None) -> ReluStudy:
    """Measure a ReLU checkpoint on data; `lossurf.relu` documents the parameters."""
    if seed < 0:
        raise UsageError(f"the seed {seed} is negative", remedy="give a whole number from 0")
    network = ReluNetwork(checkpoint.weights, checkpoint.biases)
    # Many small products: BLAS threads cost more than they give here; with one the bytes do not depend on their number.
    with ONE_THREAD:
        draws = np.random.default_rng([seed, _SURVEY_STREAM])
        facts = survey(network, data.dataset.blocks(), SAMPLE_LIMIT, draws)
        losses, problem = relu_losses(network, facts, data.reduce())
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
