"""Convex losses of a linear network's outputs other than the squared one: value, slope, curvature, conjugate.

Outputs R and targets Y are (m, dy), one row a sample; every loss is a sum over samples. The conjugate gives the dual
bound: for every Lambda with Lambda^T X = 0 in its domain, -conjugate(Lambda) is below the loss of every linear map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lossurf.errors import UsageError
from lossurf.numerics import Matrix
from lossurf.words import CONVEX_LOSSES


class Loss(Protocol):
    """What the analysis asks of a loss."""

    @property
    def name(self) -> str:
        """Name for options and reports."""
        ...

    def value(self, R: Matrix, Y: Matrix) -> float:
        """Sum over all samples."""
        ...

    def slope(self, R: Matrix, Y: Matrix) -> Matrix:
        """Return the derivative D with respect to R, (m, dy)."""
        ...

    def times_curvature(self, R: Matrix, Y: Matrix, V: Matrix) -> Matrix:
        """Apply the second derivative at R to V, (m, dy)."""
        ...

    def curvature_near(self, R: Matrix, Y: Matrix, V: Matrix, reach: Matrix) -> Matrix:
        """Apply a second derivative that bounds those at all outputs near R to V, (m, dy).

        From above where the reach (m, 1) is positive, from below where it is negative: of all outputs whose row is
        within |reach| of R's in the Euclidean norm.
        """
        ...

    def curvature_bound(self, Y: Matrix) -> float:
        """Return c with second derivative <= c everywhere, in every direction."""
        ...

    @property
    def shifts(self) -> bool:
        """Whether one number added to all outputs of a sample leaves its loss as it is."""
        ...

    def feasible_share(self, multipliers: Matrix, Y: Matrix) -> float:
        """Largest t <= 1 for which t times the multipliers is in the conjugate's domain."""
        ...

    def dual(self, multipliers: Matrix, Y: Matrix) -> float:
        """Minus the conjugate."""
        ...

    def splits(self, R: Matrix, Y: Matrix) -> bool:
        """Whether the loss falls to zero along R for every sample: the classes are split."""
        ...


@dataclass(frozen=True)
class Huber:
    """1/2 e^2 up to |e| = delta, linear beyond; e = R - Y."""

    delta: float = 1.0
    name: str = "huber"
    shifts: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.delta) and self.delta > 0.0):
            raise UsageError(
                f"delta = {self.delta:g} is not a length", where="huber", remedy="give a delta above 0, in units of Y"
            )

    def value(self, R: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        e = np.abs(R - Y)
        inside = np.minimum(e, self.delta)
        return float(np.sum(0.5 * inside**2 + self.delta * (e - inside)))

    def slope(self, R: Matrix, Y: Matrix) -> Matrix:
        """See `Loss`."""
        return np.asarray(np.clip(R - Y, -self.delta, self.delta))

    def times_curvature(self, R: Matrix, Y: Matrix, V: Matrix) -> Matrix:
        """See `Loss`; at the kinks of the slope one of its two derivatives."""
        return np.where(np.abs(R - Y) <= self.delta, V, 0.0)

    def curvature_near(self, R: Matrix, Y: Matrix, V: Matrix, reach: Matrix) -> Matrix:
        """See `Loss`: samples that a move by |reach| takes over a kink count where they bend more, or less."""
        return np.where(np.abs(R - Y) <= self.delta + reach, V, 0.0)

    def curvature_bound(self, Y: Matrix) -> float:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return 1.0

    def feasible_share(self, multipliers: Matrix, Y: Matrix) -> float:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return _share(self.delta, np.abs(multipliers))

    def dual(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        return -float(np.sum(multipliers * (0.5 * multipliers + Y)))

    def splits(self, R: Matrix, Y: Matrix) -> bool:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return False


@dataclass(frozen=True)
class LogCosh:
    """ln cosh(R - Y)."""

    name: str = "logcosh"
    shifts: bool = False

    def value(self, R: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        e = np.abs(R - Y)
        return float(np.sum(e + np.log1p(np.exp(-2.0 * e)) - np.log(2.0)))

    def slope(self, R: Matrix, Y: Matrix) -> Matrix:
        """See `Loss`."""
        return np.asarray(np.tanh(R - Y))

    def times_curvature(self, R: Matrix, Y: Matrix, V: Matrix) -> Matrix:
        """See `Loss`."""
        return np.asarray((1.0 - np.tanh(R - Y) ** 2) * V)

    def curvature_near(self, R: Matrix, Y: Matrix, V: Matrix, reach: Matrix) -> Matrix:
        """See `Loss`: the logarithm of 1 - tanh^2 has the slope -2 tanh, at most 2."""
        return np.asarray(np.exp(2.0 * reach) * self.times_curvature(R, Y, V))

    def curvature_bound(self, Y: Matrix) -> float:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return 1.0

    def feasible_share(self, multipliers: Matrix, Y: Matrix) -> float:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return _share(1.0, np.abs(multipliers))

    def dual(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        entropy = _entropy(1.0 + multipliers) + _entropy(1.0 - multipliers)
        return -float(np.sum(multipliers * Y + 0.5 * entropy))

    def splits(self, R: Matrix, Y: Matrix) -> bool:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return False


@dataclass(frozen=True)
class Logistic:
    """ln(1 + e^R) - Y R, every output on its own; Y in [0, 1]."""

    name: str = "logistic"
    shifts: bool = False

    def value(self, R: Matrix, Y: Matrix) -> float:
        """See `Loss`: Y ln(1 + e^-R) + (1 - Y) ln(1 + e^R), terms that do not cancel."""
        return float(np.sum(Y * np.logaddexp(0.0, -R) + (1.0 - Y) * np.logaddexp(0.0, R)))

    def slope(self, R: Matrix, Y: Matrix) -> Matrix:
        """See `Loss`: sigma(R) - Y, without cancellation where Y is 0 or 1."""
        return np.asarray((1.0 - Y) * _sigmoid(R) - Y * _sigmoid(-R))

    def times_curvature(self, R: Matrix, Y: Matrix, V: Matrix) -> Matrix:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return np.asarray(_sigmoid(R) * _sigmoid(-R) * V)

    def curvature_near(self, R: Matrix, Y: Matrix, V: Matrix, reach: Matrix) -> Matrix:
        """See `Loss`: the logarithm of sigma (1 - sigma) has the slope 1 - 2 sigma, at most 1."""
        return np.asarray(np.exp(reach) * self.times_curvature(R, Y, V))

    def curvature_bound(self, Y: Matrix) -> float:  # noqa: ARG002  # the interface's signature
        """See `Loss`."""
        return 0.25

    def feasible_share(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`: 0 <= t Lambda + Y <= 1."""
        return min(_share(Y, -multipliers), _share(1.0 - Y, multipliers))

    def dual(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        return -float(np.sum(_entropy(multipliers + Y) + _entropy((1.0 - Y) - multipliers)))

    def splits(self, R: Matrix, Y: Matrix) -> bool:
        """See `Loss`."""
        return bool(np.all(np.where(Y == 1.0, R > 0.0, (Y == 0.0) & (R < 0.0))))


@dataclass(frozen=True)
class Softmax:
    """Cross-entropy s ln sum_k e^{R_k} - sum_k Y_k R_k, s = sum_k Y_k; Y >= 0, usually one-hot."""

    name: str = "softmax"
    shifts: bool = True

    def value(self, R: Matrix, Y: Matrix) -> float:
        """See `Loss`: sum_k Y_k (ln sum_l e^{R_l} - R_k), terms that do not cancel."""
        return float(np.sum(Y * _surprise(R)))

    def slope(self, R: Matrix, Y: Matrix) -> Matrix:
        """See `Loss`; in a row with one label, that label's entry is minus the sum of the others: no cancellation."""
        share, total = np.exp(-_surprise(R)), np.sum(Y, axis=1, keepdims=True)
        others = np.where(total == Y, 0.0, share).sum(axis=1, keepdims=True)
        return np.asarray(np.where(total == Y, -total * others, total * share - Y))

    def times_curvature(self, R: Matrix, Y: Matrix, V: Matrix) -> Matrix:
        """See `Loss`."""
        share, total = np.exp(-_surprise(R)), np.sum(Y, axis=1, keepdims=True)
        return np.asarray(total * share * (V - np.sum(share * V, axis=1, keepdims=True)))

    def curvature_near(self, R: Matrix, Y: Matrix, V: Matrix, reach: Matrix) -> Matrix:
        """See `Loss`: its third derivative along a unit v is at most sqrt(2), the range of v, of its second."""
        return np.asarray(np.exp(np.sqrt(2.0) * reach) * self.times_curvature(R, Y, V))

    def curvature_bound(self, Y: Matrix) -> float:
        """See `Loss`: diag(p) - p p^T has no eigenvalue above 1/2."""
        return 0.5 * float(np.max(np.sum(Y, axis=1), initial=0.0))

    def feasible_share(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`: t Lambda + Y >= 0."""
        return _share(Y, -multipliers)

    def dual(self, multipliers: Matrix, Y: Matrix) -> float:
        """See `Loss`."""
        return -float(np.sum(_entropy(multipliers + Y)) - np.sum(_entropy(np.sum(Y, axis=1))))

    def splits(self, R: Matrix, Y: Matrix) -> bool:
        """See `Loss`."""
        carried = np.equal(Y, np.sum(Y, axis=1, keepdims=True))
        wanted = np.sum(np.where(carried, R, 0.0), axis=1, keepdims=True)
        return bool(np.all(np.any(carried, axis=1)) and np.all(carried | (wanted > R)))


def make_loss(name: str, delta: float | None = None) -> Loss:
    """Return a loss by its name.

    Parameters
    ----------
    name : str
        One of `words.CONVEX_LOSSES`.
    delta : float, optional
        Where Huber's loss becomes linear, in units of Y; 1 by default.

    Raises
    ------
    UsageError
        If the name is unknown, delta is not positive, or the loss has none.
    """
    if delta is not None and name != "huber":
        raise UsageError(f"the {name} loss has no delta", where="delta", remedy="leave it out, or choose huber")
    if name == "huber":
        return Huber(1.0 if delta is None else delta)
    if name not in CONVEX_LOSSES:
        raise UsageError(
            f"no loss is called '{name}'", where="loss", remedy=f"choose squared or {', '.join(CONVEX_LOSSES)}"
        )
    others: dict[str, type[LogCosh | Logistic | Softmax]] = {
        "logcosh": LogCosh,
        "logistic": Logistic,
        "softmax": Softmax,
    }
    return others[name]()


def _share(room: float | Matrix, wanted: Matrix) -> float:
    """Largest t <= 1 with t * wanted <= room, entrywise; room >= 0."""
    ratio = np.divide(room, wanted, out=np.ones_like(wanted), where=wanted > room)
    return float(np.min(ratio, initial=1.0))


def _entropy(p: Matrix) -> Matrix:
    """Return p ln p, 0 at 0 and below, where rounding of a feasible point may end."""
    return np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0)), 0.0)


def _sigmoid(t: Matrix) -> Matrix:
    return np.asarray(np.exp(-np.logaddexp(0.0, -t)))


def _surprise(R: Matrix) -> Matrix:
    """-ln of the softmax of every row."""
    shifted = R - np.max(R, axis=1, keepdims=True)
    return np.asarray(np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)) - shifted)
