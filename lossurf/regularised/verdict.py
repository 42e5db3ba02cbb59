"""The result of classifying one checkpoint under a loss with weight decay."""

from __future__ import annotations

from dataclasses import dataclass, field

from lossurf.inputs.checkpoints.checkpoint import LayerFacts
from lossurf.landscape.verdict import Certificate, Inertia, Shadow
from lossurf.numerics import Matrix
from lossurf.words import DecayVerdict, Reduction


@dataclass(frozen=True)
class WeightDecay:
    """What was asked: the optimizer's weight decay, what its loss sums, and the penalty that follows.

    Attributes
    ----------
    wd : float
    reduction : Reduction
    lambda_ : float
        lam of 1/2 ||P X - Y||^2 + 1/2 lam sum ||W_k||^2.
    """

    wd: float
    reduction: Reduction
    lambda_: float


@dataclass(frozen=True)
class LowerPoint:
    """A network of the same widths with a lower regularised loss.

    Attributes
    ----------
    loss : float
    rank : int
        Of its product.
    layers : tuple of ndarray
        Shapes of the weights.
    """

    loss: float
    rank: int
    layers: tuple[Matrix, ...] = field(repr=False)


@dataclass(frozen=True)
class DecayClassification:
    """The verdict on one checkpoint under the loss 1/2 ||W_N ... W_1 X - Y||^2 + 1/2 lam sum ||W_k||^2.

    Attributes
    ----------
    checkpoint : str
        The file, or "weights" for arrays.
    layers : tuple of LayerFacts
    verdict : DecayVerdict
    reason : str
        The verdict's ground in words.
    loss : float
        The regularised loss; biases are not decayed.
    mse : float
        Mean squared error of the predictions alone.
    squared_loss, penalty : float
        The two parts of `loss`.
    optimal_loss : float or None
        The least regularised loss, where it is known: within `gap_bound` of `loss` at a global minimum, and for one
        hidden layer that is wide enough.
    gap_bound : float or None
        No network of this depth has a loss lower by more than this.
    gradient : float
        The criticality measure: critical at tolerances above it.
    imbalance : float
        The tolerance at which the layers share their singular values, as at every critical point.
    tolerance : float
        tau, the relative change of every layer that decides what counts as zero.
    stable_from, stable_to : float, float or None
        The verdict holds for every tolerance in this range; None: no upper end.
    neighbours : (str or None, str or None)
        The verdicts just below and just above that range.
    rank : int or None
        Of the layers at the tolerance; None where they have not the same.
    singular_values : tuple of float
        Of the nearest critical point's layers, which all share them, in units of the weights.
    symmetries : int or None
        How many of the inertia's zeros are rotations of hidden units.
    lower : LowerPoint or None
        For a local minimum: a lower point that was found.
    certificate : Certificate or None
    nearest : Shadow or None
        The critical point that the verdict speaks of, exact to rounding. The distance counts every layer as at least
        the size that the data and the depth set.
    inertia : Inertia or None
        How many independent ways lead down, are flat, and lead up; None where the verdict names no kind of critical
        point, and for networks whose form is too large to factor.
    notes : tuple of str
        What was assumed in reading and judging the checkpoint.
    expected : tuple of str or None
        The verdicts asked for.
    ok : bool
        Whether the verdict is among them (True where nothing was asked).
    """

    checkpoint: str
    layers: tuple[LayerFacts, ...]
    verdict: DecayVerdict
    reason: str
    loss: float
    mse: float
    squared_loss: float
    penalty: float
    optimal_loss: float | None
    gap_bound: float | None
    gradient: float
    imbalance: float
    tolerance: float
    stable_from: float
    stable_to: float | None
    neighbours: tuple[str | None, str | None]
    rank: int | None
    singular_values: tuple[float, ...]
    symmetries: int | None
    lower: LowerPoint | None
    certificate: Certificate | None
    nearest: Shadow | None = None
    inertia: Inertia | None = None
    notes: tuple[str, ...] = ()
    expected: tuple[str, ...] | None = None
    ok: bool = True
