"""Both ends of the spectrum of a symmetric operator, each between a bound that is certain and one that is nearly so.

Lanczos vectors q_1, q_2, ... of A satisfy A Q = Q T + beta q_{k+1} e_k^T + F, F rounding, orthogonal or not. For a unit
eigenvector u of A with eigenvalue lambda above every eigenvalue of T, g = Q^T u solves
(lambda - T) g = beta (u^T q_{k+1}) e_k + F^T u, so that

    |u^T q_1| <= beta ||q_{k+1}|| |[(lambda - T)^{-1}]_{1k}| + ||F|| ||(lambda - T)^{-1} e_1||,

which falls as lambda grows. A start of random direction has |u^T q_1| <= t with probability at most t sqrt(2 n / pi),
whatever u is: but for that probability, A has no eigenvalue where the right side is below t. In exact arithmetic this
is the bound of van Dorsselaer, Hochstenbach & van der Vorst 2000 (SIAM J. Matrix Anal. Appl. 22, 837) from the Lanczos
polynomial; Kuczynski & Wozniakowski 1992 (SIAM J. Matrix Anal. Appl. 13, 1094) bound the same before anything is
computed, and show that from a start that is not random no number of products suffices. From inside, every eigenvalue
of T lies within k^{5/2} eps_2 of the spectrum's two ends with certainty (Paige 1980, Linear Algebra Appl. 34, 235), so
that three vectors are all that is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, pi, sqrt
from typing import Final

import numpy as np

from lossurf.numerics import EPS, Matrix

FAILURE: Final = 1e-3
"""Probability, over the random start, that an eigenvalue lies beyond the outer bound of one end. A tenth of that costs
about a tenth more products at the default error."""

_MOST_PRODUCTS: Final = 400  # an error of 0.1 % of the radius where the spectrum is dense up to its ends
_FIRST_LOOK: Final = 6
_LOOKS: Final = 3  # products between two looks, each of which costs what a product of small layers does
_GRID: Final = 2.0 ** -np.arange(0.0, 6.0, 0.25)  # of widths tried, relative to the one that is asked for
_NORMS: Final = 1.0 + 1e-6
"""What computed norms of vectors are off by, as a factor: n eps for n numbers, up to 4e9 of them."""

Operator = Callable[[Matrix], Matrix]


@dataclass(frozen=True)
class End:
    """An extreme eigenvalue lies between `inner`, certain, and `outer`, but for a probability of `failure`."""

    inner: float
    outer: float
    failure: float

    @property
    def value(self) -> float:
        """The middle."""
        return self.inner + 0.5 * (self.outer - self.inner)

    @property
    def error(self) -> float:
        """Half the width, and what the middle is rounded by."""
        return 0.5 * abs(self.outer - self.inner) + EPS * max(abs(self.inner), abs(self.outer))

    def within(self, bound: float) -> End:
        """Take a certain outer bound in place of one that is farther out."""
        beyond = self.outer > bound if self.outer >= self.inner else self.outer < bound
        return End(self.inner, bound, 0.0) if beyond else self


@dataclass(frozen=True)
class Extremes:
    """The ends of a spectrum, and how many products with the operator they took."""

    smallest: End
    largest: End
    products: int


def extreme_eigenvalues(
    operator: Operator,
    order: int,
    *,
    rounding: float,
    share: float,
    bounds: tuple[float, float] = (-inf, inf),
    allowance: float = 0.0,
    seed: int = 0,
) -> Extremes:
    """Enclose the least and the largest eigenvalue by one run of the Lanczos method.

    Parameters
    ----------
    operator : callable
        x (order,) -> A x, A symmetric.
    order : int
        At least 1.
    rounding : float
        Bound of ||A x - operator(x)|| for unit x.
    share : float
        Wanted error of both, relative to the spectral radius.
    bounds : (float, float)
        Between which the spectrum lies with certainty.
    allowance : float
        What is added to the errors later on, in units of the eigenvalues: the run goes on until there is room for it.
    seed : int
        Of the start.

    Returns
    -------
    Extremes
        With errors above what was asked for if _MOST_PRODUCTS do not suffice.
    """
    start = np.random.default_rng(seed).standard_normal(order)
    run = _Run(operator, start / np.linalg.norm(start), rounding)
    limit = FAILURE * sqrt(pi / (2.0 * order))
    while True:
        ended = run.step() or run.products >= _MOST_PRODUCTS
        if ended or (run.products >= _FIRST_LOOK and run.products % _LOOKS == 0):
            ends = run.ends(limit, share, allowance, bounds)
            if ended or ends.enough:
                return Extremes(ends.smallest, ends.largest, run.products)


@dataclass(frozen=True)
class _Ends:
    smallest: End
    largest: End
    enough: bool


class _Run:
    """A run of the Lanczos method without reorthogonalisation, in Paige's order of operations."""

    def __init__(self, operator: Operator, start: Matrix, rounding: float) -> None:
        self._operator, self._rounding = operator, rounding
        self._current, self._before = start, np.zeros_like(start)
        self._diagonal: list[float] = []
        self._beside: list[float] = []

    @property
    def products(self) -> int:
        return len(self._diagonal)

    def step(self) -> bool:
        """Add a vector; True where nothing is left to add."""
        w = self._operator(self._current)
        if self._beside:
            w -= self._beside[-1] * self._before
        self._diagonal.append(float(w @ self._current))
        w -= self._diagonal[-1] * self._current
        self._beside.append(float(np.linalg.norm(w)))
        if self._beside[-1] <= self._rounding:
            return True
        self._before, self._current = self._current, w / self._beside[-1]
        return False

    def ends(self, limit: float, share: float, allowance: float, bounds: tuple[float, float]) -> _Ends:
        """Return both ends as they are known now, and whether that is as well as was asked for."""
        k, n = self.products, self._current.size
        beside = np.array(self._beside[:-1])
        ritz = np.linalg.eigvalsh(np.diag(self._diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        low, high = float(ritz[0]), float(ritz[-1])
        size = max(abs(low), abs(high), *map(abs, self._beside))
        # Paige's eps_2: 6 eps_0, eps_0 = 2 (n + 4) eps, and eps_1, a product's error beside 14 eps
        paige = sqrt(2.0) * max(12.0 * (n + 4) * EPS * size, 14.0 * EPS * size + 2.0 * self._rounding)
        certain = k**2.5 * paige + k * EPS * size
        wanted = 2.0 * (share * max(abs(low), abs(high)) - allowance)
        widths = wanted * _GRID if wanted > 0.0 else 2.0 * size * _GRID
        reach = partial(self._reach, error=sqrt(k) * (self._rounding + 16.0 * EPS * size))  # ||F||, of a few updates
        outer = [
            theta + _width(partial(reach, theta, sign), limit, widths - certain, size) + k * EPS * size
            for sign, theta in ((-1.0, -low), (1.0, high))
        ]
        smallest = End(low + certain, -outer[0], FAILURE).within(bounds[0])
        largest = End(high - certain, outer[1], FAILURE).within(bounds[1])
        enough = wanted > 0.0 and max(largest.outer - largest.inner, smallest.inner - smallest.outer) <= wanted
        return _Ends(smallest, largest, enough)

    def _reach(self, theta: float, sign: float, widths: Matrix, *, error: float) -> Matrix:
        """Most that |u^T q_1| can be for eigenvalues theta + widths of sign A; inf where not above those of sign T."""
        k = self.products
        pivots = np.empty((k, widths.size))
        row = np.empty_like(pivots)  # of the inverse of lambda - T, the first
        for j in range(k - 1, -1, -1):
            pivots[j] = (theta - sign * self._diagonal[j]) + widths
            if j < k - 1:
                pivots[j] -= self._beside[j] ** 2 / pivots[j + 1]
            pivots[j][~(pivots[j] > 0.0)] = np.nan
        row[0] = 1.0 / pivots[0]
        for j in range(k - 1):
            row[j + 1] = self._beside[j] * row[j] / pivots[j + 1]
        found = _NORMS**2 * self._beside[-1] * row[-1] + error * np.linalg.norm(row, axis=0)
        return np.asarray(np.where(np.isnan(found), inf, found))


def _width(reach: Callable[[Matrix], Matrix], limit: float, widths: Matrix, size: float) -> float:
    """Least of the widths at which `reach` is within the limit, or if none is, of doublings of `size`; inf."""
    widths = widths[widths > 0.0]
    fine = widths[reach(widths) <= limit] if widths.size else widths
    if fine.size:
        return float(fine.min())
    wide = size
    while 0.0 < wide < inf:
        if reach(np.array([wide]))[0] <= limit:
            return wide
        wide *= 2.0
    return inf
