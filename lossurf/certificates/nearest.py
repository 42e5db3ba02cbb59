"""Whether the explicit critical point that a certificate names beside its weights is one, is near, and is of the kind.

The claim "an exact bad saddle lies within 3e-9 of the stored weights" in the form a reader can check (theory, end of
section 6a). Its distance is measured between the layers as they are stored; relative to each it needs no gauge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most, largest
from lossurf.certificates.exact_gradient import layer_gradients
from lossurf.certificates.plain_network import LayerProducts, norm, singular_values
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, column_norms, frobenius_norm, rank_threshold

_ROUNDING: Final = 1000.0
"""A quantity of the point is zero to rounding where a change of every layer by this times order * eps explains it.

The point is put together from the singular vectors of T, a division by the signal blocks and products with the
stored layers, each good to order * eps times the condition of what is divided by; three decimal digits are left for
that condition. It is 1e-12 to 1e-11 for usual widths: far below any tolerance a verdict is made at.
"""

_ROUNDING_OF_LEVEL: Final = 30.0
"""The same for its loss. The error of the product is that of two factorisations and of a division, a decimal digit in
all; what the condition makes worse goes to the other side of the division and leaves the product. A wider bound would
take a point that lacks a singular value of 1e-4 for a minimum where X is ill conditioned."""

FARTHEST: Final = 10.0
"""Times tau: the measure of a critical point is at most tau, and the point itself within ten times its first order."""


@dataclass(frozen=True)
class NearestPoint:
    """An explicit critical point W' beside stored weights W.

    Attributes
    ----------
    layers : sequence of ndarray
        W'_1..W'_N, of the shapes of the weights.
    distance : float
        max_k ||W'_k - W_k||_F / ||W_k||_F as claimed; a layer that is zero stays zero.
    gradient : float
        Claimed relative gradient of W': ||dL/dW_k|| over what a relative change of the layers does to it.
    """

    layers: Sequence[Matrix]
    distance: float
    gradient: float


def nearest_checks(
    claim: str, weights: Sequence[Matrix], nearest: NearestPoint, R11: Matrix, T: Matrix, *, rank: int, tau: float
) -> tuple[Check, ...]:
    """Check a nearest critical point by structure.

    Parameters
    ----------
    claim : str
        "global-minimum", "strict-saddle" or "bad-saddle".
    weights : sequence of ndarray
        W_1..W_N as stored.
    nearest : NearestPoint
    R11, T : ndarray, shapes (rank_x, dx) and (dy, rank_x)
    rank : int
        Rank of the product that is claimed.
    tau : float
        Tolerance of the claim.

    Returns
    -------
    tuple of Check
        That W' is as near as it is said to be and near enough, critical to rounding (the gradient exact or in extended
        precision), of the claimed rank, and of the claimed type: the loss of its level, and the pairs of layers.
    """
    with np.errstate(all="ignore"):  # what overflows fails
        point = _Point(_leveled(nearest.layers), R11, T, rank)
        return (*_distance(weights, nearest, tau), *_critical(point, nearest), *_TYPES[claim](point))


def _leveled(layers: Sequence[Matrix]) -> list[Matrix]:
    """Layers of about one size by powers of two, their product kept: as stored a part of it may leave float64.

    Beside a zero they are of size 1: any scale of theirs is one of the zero.
    """
    exponents = [int(np.frexp(np.max(np.abs(W), initial=0.0))[1]) for W in layers]
    total = sum(exponents) if all(W.any() for W in layers) else 0
    shares = np.diff(np.rint(np.linspace(0, total, len(layers) + 1))).astype(int).tolist()
    return [np.ldexp(W, share - exponent) for W, share, exponent in zip(layers, shares, exponents, strict=True)]


class _Point(LayerProducts):
    """W' with the norms of its products, which a power of two in a layer and its inverse in another do not change."""

    def __init__(self, layers: Sequence[Matrix], R11: Matrix, T: Matrix, rank: int) -> None:
        units = column_norms(R11)
        whitening = np.divide(R11, units, out=np.zeros_like(R11), where=units > 0.0)
        chain = [layers[0] @ R11.T, *layers[1:]]
        sizes = [norm(W) for W in chain]
        # rounding of W'_1 is felt through R11, however much cancels in their product
        sizes[0] = max(sizes[0], norm(layers[0] * units) * norm(whitening))
        super().__init__(chain, sizes)
        self.weights, self.R11, self.T, self.rank = layers, R11, T, rank
        self.s = singular_values(T)
        self.rank_max = min(R11.shape[1], *(len(W) for W in layers))
        self.small = _ROUNDING * rank_threshold(1.0, sum(R11.shape) + sum(len(W) for W in layers))

    @cached_property
    def E(self) -> Matrix:  # noqa: N802  # the symbol of the theory
        return self.product(self.depth + 1, 0) - self.T

    @cached_property
    def residual_norm(self) -> float:
        """||E||."""
        return norm(self.E)

    @cached_property
    def reach(self) -> float:
        """First-order change of E per relative change of the layers and of T."""
        return self.change(self.depth + 1, 0) + norm(self.T)

    def block(self, i: int, j: int) -> tuple[float, float]:
        """||E_ij||, and its first-order change."""
        top = self.depth + 1
        value = norm(self.product(top, i).T @ self.E @ self.product(j, 0).T)
        return value, self.block_change(i, j)

    def block_change(self, i: int, j: int) -> float:
        top, size = self.depth + 1, self.residual_norm
        above_i, below_j = self.norm(top, i), self.norm(j, 0)
        outer = self.change(top, i) * below_j + above_i * self.change(j, 0)
        return outer * size + above_i * below_j * self.reach

    def rise(self, rank: int) -> float:
        """1/2 ||E||^2 above the best fit of a rank: its loss is the sum over the singular values left out."""
        return 0.5 * float(np.sum(self.E**2)) - 0.5 * float(np.sum(self.s[rank:] ** 2))

    @cached_property
    def level_rounding(self) -> float:
        """What rounding explains of a loss: <E, dE> + 1/2 ||dE||^2, ||dE|| up to its share of the reach."""
        moved = (
            _ROUNDING_OF_LEVEL / _ROUNDING * self.small * self.reach * float(np.sqrt(min(self.T.shape) or 1))
        )  # Frobenius
        of_sums = self.small / _ROUNDING * float(np.sum(self.T**2))  # L and L* are sums of squares of up to ||T||^2
        return moved * float(np.linalg.norm(self.E)) + 0.5 * moved * moved + of_sums


def _distance(weights: Sequence[Matrix], nearest: NearestPoint, tau: float) -> Iterator[Check]:
    pairs = zip(weights, nearest.layers, strict=True)
    ratios = [_ratio(frobenius_norm(other - W), frobenius_norm(W)) for W, other in pairs]
    distance = largest(ratios)
    # two sums of n squares in any order differ by n eps of themselves
    rounding = rank_threshold(distance, 4 + max(W.size for W in weights))
    yield at_most("nearest-distance-claimed", abs(distance - nearest.distance), rounding)
    yield at_most("nearest-distance", distance, FARTHEST * tau)


def _critical(point: _Point, nearest: NearestPoint) -> Iterator[Check]:
    gradients = layer_gradients(point.weights, point.R11, point.T)
    measures = [_ratio(norm(gradient), point.block_change(k, k)) for k, gradient in enumerate(gradients, 1)]
    yield at_most("nearest-critical", largest(measures), point.small)
    said = nearest.gradient
    yield Check("nearest-gradient-claimed", 0.0 <= said <= point.small, said, point.small)
    values = np.append(singular_values(point.product(point.depth + 1, 0)), 0.0)
    zero = point.small * point.change(point.depth + 1, 0)
    yield at_most("nearest-rank", float(values[point.rank]) if point.rank < values.size else np.inf, zero)
    if point.rank:
        yield above("nearest-rank-reached", float(values[min(point.rank, values.size) - 1]), UNDECIDED_FACTOR * zero)


def _minimum(point: _Point) -> Iterator[Check]:
    yield at_most("nearest-at-the-optimum", point.rise(point.rank_max), point.level_rounding)


def _above_the_optimum(point: _Point) -> Check:
    return above("nearest-above-the-optimum", point.rise(point.rank_max), UNDECIDED_FACTOR * point.level_rounding)


def _bad(point: _Point) -> Iterator[Check]:
    yield _above_the_optimum(point)
    yield at_most("nearest-best-fit", point.rise(point.rank), point.level_rounding)
    worst = largest(min(_vanishing(point, i, j)) for i, j in _pairs(point))
    yield at_most("nearest-pairs", worst, point.small)


def _strict(point: _Point) -> Iterator[Check]:
    """Not a best fit of its rank, or a pair of layers in which neither factor vanishes."""
    yield _above_the_optimum(point)
    rise, rounding = point.rise(point.rank), UNDECIDED_FACTOR * point.level_rounding
    if rise > rounding:
        yield above("nearest-best-fit-missed", rise, rounding)
        return
    best = max((min(_vanishing(point, i, j)) for i, j in _pairs(point)), default=0.0)
    yield Check("nearest-pairs-open", best > UNDECIDED_FACTOR * point.small, best, UNDECIDED_FACTOR * point.small)


def _pairs(point: _Point) -> Iterator[tuple[int, int]]:
    for i in range(2, point.depth + 1):
        for j in range(1, i):
            yield i, j


def _vanishing(point: _Point, i: int, j: int) -> tuple[float, float]:
    """Return the relative changes of the layers at which E_ij vanishes, and at which rank(M_ij) falls to the rank."""
    block, block_change = point.block(i, j)
    if i == j + 1:  # the identity: no layer in it
        return _ratio(block, block_change), np.inf if len(point.product(i, j)) > point.rank else 0.0
    values = singular_values(point.product(i, j))
    beyond = float(values[point.rank]) if values.size > point.rank else 0.0
    return _ratio(block, block_change), _ratio(beyond, point.change(i, j))


def _ratio(size: float, change: float) -> float:
    return size / change if change else np.inf if size else 0.0


_TYPES: Final = {"global-minimum": _minimum, "strict-saddle": _strict, "bad-saddle": _bad}
