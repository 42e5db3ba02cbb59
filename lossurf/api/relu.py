"""`relu`: a trained ReLU network against Corollary 3.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from numpy.typing import ArrayLike

from lossurf.api.parts.result import Result
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.fields import limited, merged
from lossurf.inputs.checkpoints.checkpoint import LayerFacts
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.inputs.tables.data import Samples
from lossurf.nonlinear.relu.losses import ReluLosses
from lossurf.nonlinear.relu.measure import Progress, ReducedNetwork, ReluMeasurements, measure_relu
from lossurf.words import Status


@dataclass(frozen=True)
class ReluResult(Result):
    """How far a ReLU checkpoint is from the assumptions of Corollary 3.2, and what the linear theory says instead.

    Attributes
    ----------
    data : DataFacts
    checkpoint : str
        The file.
    layers : tuple of LayerFacts
    biases : tuple of bool
        Which layers have one.
    loss : ReluLosses
    reduced_network : ReducedNetwork
        Of the linear network that the corollary puts in the checkpoint's place, rho P.
    notes : tuple of str
        What was assumed in reading.
    measurements : ReluMeasurements
    expected : tuple of str or None
        The overall statuses asked for.
    ok : bool
        Whether the status is among them (True where nothing was asked).
    """

    command: ClassVar[str] = "relu"

    data: DataFacts
    checkpoint: str
    layers: Annotated[tuple[LayerFacts, ...], limited(minItems=1)]
    biases: tuple[bool, ...]
    loss: ReluLosses
    reduced_network: ReducedNetwork
    notes: tuple[str, ...]
    measurements: ReluMeasurements = field(metadata=merged())
    expected: tuple[Status, ...] | None = None
    ok: bool = True


def relu(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    seed: int = 0,
    expect: Sequence[str] = (),
    samples: Samples = "rows",
    progress: Progress | None = None,
) -> ReluResult:
    """Measure how far a ReLU network is from the assumptions of Corollary 3.2, and what the linear theory says of it.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first; every one but the last is
        followed by a ReLU.
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none.
    seed : int
        Not negative; every random draw follows from it.
    expect : sequence of str
        Statuses asked for; the result's `ok` says whether the overall status is one of them.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.
    progress : callable, optional
        Called with the name of a stage and the share of it that is done.

    Returns
    -------
    ReluResult

    Raises
    ------
    InputError
        If arrays are not finite real numbers, the layers do not chain from dx to dy, or the outputs leave the range of
        float64.
    UsageError
        If the seed is negative, or `expect` names no status.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> network = [np.ones((2, 2)), np.ones((2, 2))]
    >>> result = lossurf.relu(network, X, Y)
    >>> print(result.measurements.literal, result.reduced_network.verdict)
    True not-critical
    """
    for name in expect:
        if name not in tuple(Status):
            raise UsageError(f"'{name}' is not a status", remedy=f"use one of {', '.join(Status)}")
    data = as_data(X, Y, samples=samples)
    data.require_as_read("relu")
    checkpoint = as_checkpoint(weights, data.dx, data.dy, biases=biases, linear=False)
    found = measure_relu(data, checkpoint, seed=seed, progress=progress)
    return ReluResult(
        data=data.facts(bias=found.problem.bias),
        checkpoint=checkpoint.name,
        layers=checkpoint.layers,
        biases=tuple(bias is not None for bias in checkpoint.biases),
        loss=found.losses,
        reduced_network=found.reduced_network,
        notes=(*data.notes, *checkpoint.notes, *found.notes),
        measurements=found.measurements,
        expected=tuple(map(Status, expect)) or None,
        ok=not expect or found.measurements.status in expect,
    )


DOCUMENT = ReluResult
