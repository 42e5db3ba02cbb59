"""`relu`: a trained ReLU network against Corollary 3.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from lossurf.api.facts import DataFacts, data_facts
from lossurf.inputs.checkpoints.checkpoint import Checkpoint, LayerFacts, as_checkpoint
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.inputs.tables.dataset import Dataset
from lossurf.nonlinear.relu.losses import ReluLosses
from lossurf.nonlinear.relu.measure import Progress, ReducedNetwork, ReluMeasurements, measure_relu
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.triangle import Triangle


@dataclass(frozen=True)
class ReluResult:
    """How far a ReLU checkpoint is from the assumptions of Corollary 3.2, and what the linear theory says instead.

    Attributes
    ----------
    data : DataFacts
    checkpoint : str
    layers : tuple of LayerFacts
    biases : tuple of bool
        Which layers have one.
    measurements : ReluMeasurements
    loss : ReluLosses
    reduced_network : ReducedNetwork
        Of the linear network that the corollary puts in the checkpoint's place, rho P.
    notes : tuple of str
        What was assumed in reading.
    """

    data: DataFacts
    checkpoint: str
    layers: tuple[LayerFacts, ...]
    biases: tuple[bool, ...]
    measurements: ReluMeasurements = field(repr=False)  # a document of its own
    loss: ReluLosses
    reduced_network: ReducedNetwork
    notes: tuple[str, ...] = ()


def relu(
    weights: Sequence[ArrayLike],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    seed: int = 0,
    samples: Samples = "rows",
) -> ReluResult:
    """Measure how far a ReLU network is from the assumptions of Corollary 3.2, and what the linear theory says of it.

    Parameters
    ----------
    weights : sequence of array_like
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first; every one but the last is
        followed by a ReLU.
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none.
    seed : int
        Not negative; every random draw follows from it.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    ReluResult

    Raises
    ------
    InputError
        If arrays are not finite real numbers, the layers do not chain from dx to dy, or the outputs leave the range of
        float64.
    UsageError
        If the seed is negative.
    """
    data = as_dataset(X, Y, samples=samples)
    triangle = reduce_blocks(data.blocks(), data.dx, data.dy, dtype=data.dtype, data_eps=data.data_eps)
    return relu_dataset(
        data, triangle, as_checkpoint(weights, data.dx, data.dy, biases=biases, linear=False), seed=seed
    )


def relu_dataset(
    dataset: Dataset, triangle: Triangle, checkpoint: Checkpoint, *, seed: int = 0, progress: Progress | None = None
) -> ReluResult:
    """Measure a ReLU checkpoint on a dataset; `relu` for data and checkpoints that were read before.

    Parameters
    ----------
    dataset : Dataset
    triangle : Triangle
        Of the dataset.
    checkpoint : Checkpoint
        Every layer but the last is followed by a ReLU.
    seed : int
        Not negative; every random draw follows from it.
    progress : callable, optional
        Called with the name of a stage and the share of it that is done.

    Returns
    -------
    ReluResult

    Raises
    ------
    UsageError
        If the seed is negative.
    InputError
        If the network's outputs leave the range of float64.
    """
    found = measure_relu(dataset, triangle, checkpoint, seed=seed, progress=progress)
    return ReluResult(
        data=data_facts(found.problem, dataset.x, dataset.y),
        checkpoint=checkpoint.name,
        layers=checkpoint.layers,
        biases=tuple(bias is not None for bias in checkpoint.biases),
        measurements=found.measurements,
        loss=found.losses,
        reduced_network=found.reduced_network,
        notes=(*checkpoint.notes, *found.notes),
    )
