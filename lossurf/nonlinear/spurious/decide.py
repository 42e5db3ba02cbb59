"""A spurious local minimum for the user's data: least squares is one, unless no function of x can do better."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.affine import between_group_loss
from lossurf.nonlinear.spurious.better import hinge_network
from lossurf.nonlinear.spurious.descent import STARTS, descend
from lossurf.nonlinear.spurious.exact import exact_loss
from lossurf.nonlinear.spurious.minimum import Radius, certified_radius, least_squares_point, stationarity_defect
from lossurf.nonlinear.spurious.problem import ShallowProblem
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.numerics import Matrix
from lossurf.reduction.whitening import require_squarable
from lossurf.words import SpuriousVerdict

# Shares of 1/2 ||Y - mean||^2. A residual computed as the difference of numbers good to about 1e-16 has a squared
# share near 1e-32 m cond(X)^2; below 1e-20 a fit is exact for any data worth the name, above 1e-12 (residuals of a
# millionth) it is surely not, and between the two rounding and lack of fit cannot be told apart.
_EXACT_FIT: Final = 1e-20
_PERHAPS_EXACT_FIT: Final = 1e-12
_NOTHING_BETWEEN_GROUPS: Final = 1e-18  # sums over groups add up a few more roundings

_SMALLEST_RELATIVE_DROP: Final = 1e-9  # of the loss: a drop below it is no evidence anybody could see in training
# What the stored point may have above the loss it is written for: less than anything that is called a drop, or than
# what an exact fit may leave. More, and it is another point than the one that theory speaks of.
_EXCESS_OF_LOSS: Final = 1e-9
_EXCESS_OF_TOTAL: Final = _PERHAPS_EXACT_FIT

_DROP_OVER_DEFECT: Final = 1e6  # the least-squares point may be off by its rounding; the drop must dwarf that


REASONS: Final = {
    "exact-fit": "an affine map fits the data exactly, so the least-squares point is a global minimum",
    "perhaps-exact-fit": "the least-squares fit is so close that rounding cannot be told from lack of fit",
    "no-gain": "the residuals cancel within every group of equal inputs, so no function of x beats least squares",
    "spurious": "a local minimum by the certified radius, and another network of this width has a lower loss",
    "stored": "the least-squares point has loss {loss:.6g} instead of {wanted:.6g} once its weights are rounded to "
    "float64, so it is not written; centre the inputs and the outputs and try again",
    "radius": "rounding of the pre-activations spoils the certified radius; centre the inputs and try again",
    "descent": "local minimum verified, spuriousness undecided: the width leaves no unit for a hinge, and none of "
    "{starts} descents ended lower",
    "drop": "local minimum verified, spuriousness undecided: the best drop found is too small to be told from rounding",
}
"""Why a verdict was given, in words."""


@dataclass(frozen=True)
class SpuriousFinding:
    """The least-squares point of a network f = W2 h(W1 x + b1) + b2 with squared loss, and what beats it.

    Attributes
    ----------
    activation : PiecewiseLinear
    hidden_width : int
        d1.
    rank : int
        r, the rank of the centred least-squares predictions.
    rank_x : int
        Rank of centred X.
    verdict : SpuriousVerdict
    reason : str
    linear_loss : float
        Loss of the best affine map, 1/2 ||Y_LS - Y||^2.
    loss : float
        Of the least-squares point with its weights in float64, the exact rational value rounded once.
    radius, relative_radius : float
        rho, in which no network has a lower loss than the best affine map of the point's rank; and
        rho / max_j ||(w_j, b_j)||.
    defect : float
        How much lower than `minimum` that best affine map can be, because stored weights are rounded.
    groups : int
        Number of different inputs.
    attainable : float
        1/2 sum ||S_G||^2 / n_G over them: no function of x lowers the least-squares loss by more.
    better_loss : float or None
        Loss of `better`, exact and rounded once.
    better_kind : str or None
        "refit", "minimal" or "descent".
    drop, relative_drop : float or None
        loss - better_loss as an exact rational rounded once; and divided by `loss`.
    minimal_drop : float or None
        The drop where the hinge is added and the affine part keeps its weights.
    minimum : ShallowNetwork or None
        None where rounding its weights to float64 takes its loss off the one it is to have.
    better : ShallowNetwork or None
    """

    activation: PiecewiseLinear
    hidden_width: int
    rank: int
    verdict: SpuriousVerdict
    reason: str
    linear_loss: float
    loss: float
    radius: float
    relative_radius: float
    defect: float
    groups: int
    attainable: float
    better_loss: float | None
    better_kind: str | None
    drop: float | None
    relative_drop: float | None
    minimal_drop: float | None
    rank_x: int = field(repr=False)
    minimum: ShallowNetwork | None = field(repr=False)
    better: ShallowNetwork | None = field(repr=False)


@dataclass(frozen=True)
class _Point:
    """The least-squares point with what was measured there."""

    network: ShallowNetwork
    loss: Fraction
    radius: Radius
    defect: float
    attainable: float
    groups: int
    wanted: float  # loss of the affine map that it is written for
    allowed: float  # difference from it

    @property
    def holds(self) -> bool:
        """Whether the stored numbers have, on the stored data and without rounding, the loss they are written for."""
        return abs(float(self.loss) - self.wanted) <= self.allowed


@dataclass(frozen=True)
class _Better:
    network: ShallowNetwork | None = None
    kind: str | None = None
    loss: Fraction | None = None
    minimal: Fraction | None = None  # loss of the minimal hinge


def find_spurious(
    X: Matrix, Y: Matrix, activation: PiecewiseLinear, *, hidden_width: int | None = None, seed: int = 0
) -> SpuriousFinding:
    """Build the least-squares point, certify it as a local minimum, and look for a better point of the same width.

    Parameters
    ----------
    X, Y : ndarray, shapes (m, dx), (m, dy)
        Finite float64, one row a sample.
    activation : PiecewiseLinear
    hidden_width : int, optional
        d1; without it r + 1, the least for which least squares is spurious whenever a function of x can beat it.
    seed : int
        Of the random directions and descents.

    Returns
    -------
    SpuriousFinding

    Raises
    ------
    UsageError
        If the hidden width is below 1.
    InputError
        If squares of X or Y leave the range of float64.

    Notes
    -----
    Yun, Sra & Jadbabaie 2019, "Small nonlinearities in activation functions create bad local minima in neural
    networks", Theorem 1, sharpened: any dy and repeated inputs are allowed. Group equal inputs and let S_G be the sum
    of the least-squares residuals over a group. If some S_G != 0 and d1 >= r + 1, a hinge that is active only at a
    vertex of the hull of those inputs, added with a small weight, lowers the loss.
    """
    if hidden_width is not None and hidden_width < 1:
        raise UsageError(
            f"a hidden width of {hidden_width} is no network", where="hidden width", remedy="give a width of at least 1"
        )
    require_squarable(np.max(np.abs(X), axis=0, initial=0.0) * np.sqrt(X.shape[0]), "X")
    require_squarable(np.max(np.abs(Y), axis=0, initial=0.0) * np.sqrt(Y.shape[0]), "Y")
    problem = ShallowProblem(X, Y, activation, hidden_width, seed)
    attainable, groups = between_group_loss(X, problem.fit.residuals)
    settled = _gate(problem, attainable)
    minimum = least_squares_point(problem)
    wanted = problem.fit.reduced_rank_loss(problem.point_rank)
    point = _Point(
        network=minimum,
        loss=exact_loss(minimum, X, Y, activation),
        radius=certified_radius(minimum, X),
        defect=stationarity_defect(minimum, problem),
        attainable=attainable,
        groups=groups,
        wanted=wanted,
        allowed=max(_EXCESS_OF_LOSS * wanted, _EXCESS_OF_TOTAL * problem.fit.total),
    )
    if not point.holds:
        return _result(problem, point, _Better(), (SpuriousVerdict.UNDECIDED, "stored"))
    better = _Better() if settled else _better(problem)
    return _result(problem, point, better, settled or _decide(point, better))


def _gate(problem: ShallowProblem, attainable: float) -> tuple[SpuriousVerdict, str] | None:
    """Verdicts that need no better point; below the fit's rank the least-squares loss says nothing about the point."""
    fit = problem.fit
    if fit.total == 0.0:
        return SpuriousVerdict.NOT_APPLICABLE, "exact-fit"
    if problem.hidden_width < fit.rank:
        return None
    if fit.loss <= _EXACT_FIT * fit.total:
        return SpuriousVerdict.NOT_APPLICABLE, "exact-fit"
    if fit.loss <= _PERHAPS_EXACT_FIT * fit.total:
        return SpuriousVerdict.UNDECIDED, "perhaps-exact-fit"
    if attainable <= _NOTHING_BETWEEN_GROUPS * fit.total:
        return SpuriousVerdict.NOT_SPURIOUS, "no-gain"
    return None


def _better(problem: ShallowProblem) -> _Better:
    if problem.hidden_width <= problem.fit.rank:
        network = descend(problem)
        return _Better() if network is None else _Better(network, "descent", _exact(problem, network))
    found: list[tuple[Fraction, str, ShallowNetwork]] = []
    for kind in ("refit", "minimal"):
        network = hinge_network(problem, refit=kind == "refit")
        if network is not None:
            found.append((_exact(problem, network), kind, network))
    if not found:
        return _Better()
    loss, kind, network = min(found, key=lambda entry: entry[0])
    return _Better(network, kind, loss, minimal=found[-1][0])


def _exact(problem: ShallowProblem, network: ShallowNetwork) -> Fraction:
    return exact_loss(network, problem.X, problem.Y, problem.activation)


def _decide(point: _Point, better: _Better) -> tuple[SpuriousVerdict, str]:
    if not point.radius.value > 0.0:
        return SpuriousVerdict.UNDECIDED, "radius"
    if better.loss is not None:
        drop = point.loss - better.loss
        if drop > 0 and drop >= max(_DROP_OVER_DEFECT * point.defect, _SMALLEST_RELATIVE_DROP * float(point.loss)):
            return SpuriousVerdict.SPURIOUS, "spurious"
    return SpuriousVerdict.UNDECIDED, "descent" if better.kind == "descent" else "drop"


def _result(
    problem: ShallowProblem, point: _Point, better: _Better, answer: tuple[SpuriousVerdict, str]
) -> SpuriousFinding:
    loss = point.loss
    lower = better.loss is not None and better.loss < loss
    drop = loss - better.loss if better.loss is not None and lower else None
    return SpuriousFinding(
        activation=problem.activation,
        hidden_width=problem.hidden_width,
        rank=problem.fit.rank,
        verdict=answer[0],
        reason=REASONS[answer[1]].format(starts=STARTS, loss=float(loss), wanted=point.wanted),
        linear_loss=problem.fit.loss,
        loss=float(loss),
        radius=point.radius.value,
        relative_radius=point.radius.relative,
        defect=point.defect,
        groups=point.groups,
        attainable=point.attainable,
        better_loss=float(better.loss) if better.loss is not None and lower else None,
        better_kind=better.kind if lower else None,
        drop=None if drop is None else float(drop),
        relative_drop=None if drop is None else float(drop / loss),
        minimal_drop=None if better.minimal is None else float(loss - better.minimal),
        rank_x=problem.fit.basis.shape[1],
        minimum=point.network if point.holds else None,
        better=better.network if lower else None,
    )
