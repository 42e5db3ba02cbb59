"""`spurious`: a bad local minimum of a ReLU-like network on the user's data, and a better point."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from numpy.typing import ArrayLike

from lossurf.api.parts.result import Result
from lossurf.data import Data, DataFacts, as_data
from lossurf.fields import Count, Magnitude, Size, Unbounded, limited, matrix
from lossurf.inputs.tables.data import Samples
from lossurf.nonlinear.spurious.activations import piecewise_linear
from lossurf.nonlinear.spurious.counterexample import counterexample as theorem_2
from lossurf.nonlinear.spurious.decide import SpuriousFinding, find_spurious
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.numerics import Matrix
from lossurf.words import SpuriousVerdict


@dataclass(frozen=True)
class ActivationFacts:
    """The activation h.

    Attributes
    ----------
    name : str
        As `--activation` takes it.
    slopes : (float, float) or None
        (s+, s-) right and left of the kink; None for a smooth one.
    """

    name: str
    slopes: tuple[float, float] | None


@dataclass(frozen=True)
class CounterexampleFacts:
    """Three samples on which an activation has a spurious minimum (Yun, Sra & Jadbabaie 2019, Theorem 2).

    Attributes
    ----------
    X, Y : ndarray, shapes (3, 2), (3, 1)
    convex_interval : (float, float)
        Where h is convex; the pre-activations stay inside.
    """

    X: Annotated[Matrix, matrix(3, 2)]
    Y: Annotated[Matrix, matrix(3, 1)]
    convex_interval: tuple[Unbounded, Unbounded]


@dataclass(frozen=True)
class SpuriousResult(Result):
    """The least-squares point of a network f = W2 h(W1 x + b1) + b2 with squared loss, and what beats it.

    Attributes
    ----------
    data : DataFacts
        Of centred X and Y.
    activation : ActivationFacts
    hidden_width : int
        d1.
    rank : int
        r, the rank of the centred least-squares predictions.
    verdict : SpuriousVerdict
    reason : str
        The verdict's ground in words.
    linear_loss : float
        Loss of the best affine map, 1/2 ||Y_LS - Y||^2.
    loss : float
        Of the point with its weights in float64, the exact rational value rounded once.
    radius, relative_radius : float
        rho, in which no network has a lower loss than the best affine map of the point's rank; and
        rho / max_j ||(w_j, b_j)||.
    defect : float
        How much lower than `loss` that best affine map can be, because stored weights are rounded.
    groups : int
        Number of different inputs.
    attainable : float
        No function of x lowers the least-squares loss by more.
    better_loss : float or None
        Loss of the better point, exact and rounded once.
    better_kind : {"refit", "minimal", "descent", "zero-loss"} or None
        How it was found.
    drop, relative_drop : float or None
        loss - better_loss as an exact rational rounded once; and divided by `loss`.
    minimal_drop : float or None
        The drop where the hinge is added and the affine part keeps its weights.
    counterexample : CounterexampleFacts or None
        None for the user's data.
    seed : int
        Of random directions and starts.
    minimum_file, better_file, dataset_file : Path or None
        What was written.
    notes : tuple of str
        What was assumed in reading the data.
    minimum : ShallowNetwork or None
        The point; None where rounding its weights to float64 takes its loss off the one it is to have.
    better : ShallowNetwork or None
        The better point.
    """

    command: ClassVar[str] = "spurious"

    data: DataFacts
    activation: ActivationFacts
    hidden_width: Size
    rank: Count
    verdict: SpuriousVerdict
    reason: str
    linear_loss: Magnitude
    loss: Magnitude
    radius: float
    relative_radius: float
    defect: Magnitude
    groups: Size
    attainable: Magnitude
    better_loss: Magnitude | None
    better_kind: Literal["refit", "minimal", "descent", "zero-loss"] | None
    drop: Annotated[float, limited(exclusiveMinimum=0)] | None
    relative_drop: Annotated[float, limited(exclusiveMinimum=0, maximum=1)] | None
    minimal_drop: float | None
    counterexample: CounterexampleFacts | None
    seed: Count
    minimum_file: Path | None = None
    better_file: Path | None = None
    dataset_file: Path | None = None
    notes: tuple[str, ...] = ()
    minimum: ShallowNetwork | None = field(default=None, repr=False)
    better: ShallowNetwork | None = field(default=None, repr=False)


def spurious(
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    hidden_width: int | None = None,
    activation: str = "relu",
    slopes: tuple[float, float] | None = None,
    seed: int = 0,
    samples: Samples = "rows",
) -> SpuriousResult:
    """Find a spurious local minimum of W2 h(W1 x + b1) + b2 under squared loss, and a better point.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    hidden_width : int, optional
        Hidden units; without it one more than the rank of the least-squares predictions.
    activation : str
        "relu" or "leaky-relu".
    slopes : (float, float), optional
        s+ > 0 and s- >= 0 of h, in place of the named activation's.
    seed : int
        Not negative; of random directions and starts.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    SpuriousResult

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the width is below 1 or the activation is not ReLU-like.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> found = lossurf.spurious(X, Y)
    >>> print(found.verdict, found.hidden_width, found.better_loss < found.loss)
    spurious 3 True
    """
    function = piecewise_linear(activation, slopes)
    data = as_data(X, Y, samples=samples)
    data.require_as_read("spurious")
    inputs, outputs = data.samples()
    found = find_spurious(inputs, outputs, function, hidden_width=hidden_width, seed=seed)
    dataset = data.dataset
    return SpuriousResult(
        **_shared(found),
        data=DataFacts(dataset.x, dataset.y, len(inputs), data.dx, data.dy, dataset.dtype, True, found.rank_x),
        activation=ActivationFacts(function.name, function.slopes),
        counterexample=None,
        seed=seed,
        notes=data.notes,
    )


def _shared(found: SpuriousFinding) -> dict[str, Any]:
    """Return what a finding has in common with the result."""
    names = {field.name for field in fields(SpuriousResult)} - {"activation"}
    return {name: value for name, value in vars(found).items() if name in names}


def counterexample(activation: str, *, hidden_width: int = 2, seed: int = 0) -> SpuriousResult:
    """Show three samples on which an activation, smooth or not, has a spurious minimum.

    Parameters
    ----------
    activation : str
        One of `lossurf.words.ActivationName`.
    hidden_width : int
        d1; with one unit nothing is claimed about a lower loss.
    seed : int
        Stands in the result alone: nothing is random here.

    Returns
    -------
    SpuriousResult
        Its `counterexample` holds the samples.

    Raises
    ------
    UsageError
        If the activation is unknown or the width below 1.
    """
    shown = theorem_2(activation, hidden_width)
    name = f"counterexample of {shown.activation.name}"
    return SpuriousResult(
        data=DataFacts(name, name, len(shown.X), shown.X.shape[1], shown.Y.shape[1], "float64", True, 1),
        activation=ActivationFacts(shown.activation.name, None),
        hidden_width=shown.hidden_width,
        rank=0,  # the best affine map is the constant 1/3
        verdict=shown.verdict,
        reason=shown.reason,
        linear_loss=shown.linear_loss,
        loss=shown.loss,
        radius=shown.radius,
        relative_radius=shown.relative_radius,
        defect=shown.loss_error,
        groups=len(shown.X),
        attainable=shown.linear_loss,
        better_loss=shown.better_loss,
        better_kind=None if shown.better is None else "zero-loss",
        drop=shown.drop,
        relative_drop=shown.relative_drop,
        minimal_drop=None,
        counterexample=CounterexampleFacts(shown.X, shown.Y, shown.convex_interval),
        seed=seed,
        minimum=shown.minimum,
        better=shown.better,
    )


DOCUMENT = SpuriousResult
