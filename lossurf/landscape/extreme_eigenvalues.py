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

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, pi, sqrt
from typing import Final

import numpy as np

from lossurf.landscape.ends import End, Extremes
from lossurf.numerics import EPS, Matrix

FAILURE: Final = 1e-3
"""Probability, over the random start, that an eigenvalue lies beyond the outer bound of one end. A tenth of that costs
about a tenth more products at the default error."""

_MOST_PRODUCTS: Final = 400  # an error of 0.1 % of the radius where the spectrum is dense up to its ends
_FIRST_LOOKS: Final = (6, 12)
_SURE_OF: Final = 0.8  # of the products that the rate so far asks for: it grows as Ritz values settle
_NEAR: Final = 4.0  # products, few enough for the rate to be known: one product too many costs no more than a look
_GRID: Final = tuple(2.0 ** (0.25 * step) for step in range(-23, 1))  # of widths tried, relative to the one asked for
_NORMS: Final = 1.0 + 1e-6
"""What computed norms of vectors are off by, as a factor: n eps for n numbers, up to 4e9 of them."""

Operator = Callable[[Matrix], Matrix]


def extreme_eigenvalues(
    operator: Operator,
    order: int,
    *,
    rounding: float,
    share: float,
    bounds: tuple[float, float] = (-inf, inf),
    allowance: float = 0.0,
    both: bool = True,
    vector: bool = False,
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
    both : bool
        False where the least eigenvalue is not asked for: it is then as well known as it comes.
    vector : bool
        Whether to return the Ritz vector of the largest eigenvalue, from Lanczos vectors kept in half the digits.
    seed : int
        Of the start.

    Returns
    -------
    Extremes
        With errors above what was asked for if _MOST_PRODUCTS do not suffice.
    """
    start = np.random.default_rng(seed).standard_normal(order)
    start /= np.linalg.norm(start)
    run = _Run(operator, start, rounding, [] if vector else None)
    del start  # which the run lets go of, too
    pace = _Pace(share)
    while True:
        ended = run.step() or run.products >= _MOST_PRODUCTS
        if ended or run.products >= pace.following:
            look = _Look.at(run, share, allowance)
            missing = max(look.missing(1.0, bounds[1]), look.missing(-1.0, bounds[0]) if both else -inf)
            if ended or missing <= 0.0:
                return Extremes(look.end(-1.0, bounds[0]), look.end(1.0, bounds[1]), run.products, run.top_vector())
            pace.took(run.products, missing)


class _Pace:
    """When to look again: each look costs what a product of small layers does, and each product too many one."""

    def __init__(self, share: float) -> None:
        self.following = _FIRST_LOOKS[0]
        self._least_rate = 2.0 * sqrt(share)  # of Chebyshev polynomials at half of the width that is asked for
        self._before: tuple[int, float] = (0, inf)

    def took(self, products: int, missing: float) -> None:
        """Place the look after one at which that much was missing, in powers of e."""
        at, was = self._before
        self._before = (products, missing)
        if self.following < _FIRST_LOOKS[-1]:
            self.following = _FIRST_LOOKS[-1]
            return
        rate = (was - missing) / (products - at) if missing < was < inf else 0.0
        expected = min(missing / max(rate, self._least_rate), _FIRST_LOOKS[-1])
        self.following = products + max(1, round(expected) if expected < _NEAR else int(_SURE_OF * expected))


class _Run:
    """A run of the Lanczos method without reorthogonalisation, in Paige's order of operations."""

    def __init__(self, operator: Operator, start: Matrix, rounding: float, kept: list[Matrix] | None = None) -> None:
        self._operator, self.rounding, self.order = operator, rounding, start.size
        self._current, self._before = start, np.zeros_like(start)
        self._diagonal: list[float] = []
        self._beside: list[float] = []
        self._kept = kept

    @property
    def products(self) -> int:
        return len(self._diagonal)

    def step(self) -> bool:
        """Add a vector; True where nothing is left to add."""
        if self._kept is not None:
            self._kept.append(self._current.astype(np.float32))
        current, spare = self._current, self._before
        w = self._operator(current)
        if self._beside:
            w -= np.multiply(spare, self._beside[-1], out=spare)
        inner = float(w @ current)
        w -= np.multiply(current, inner, out=spare)
        length = sqrt(float(w @ w))
        self._diagonal.append(inner)
        self._beside.append(length)
        if length <= self.rounding:
            return True
        w *= 1.0 / length  # a rounding more than a division: what Paige allows for is taken twice (`_Look.at`)
        self._before, self._current = current, w
        return False

    def ritz(self) -> Matrix:
        """Eigenvalues of T."""
        return np.asarray(np.linalg.eigvalsh(self._tridiagonal()), dtype=np.float64)

    def top_vector(self) -> Matrix | None:
        """Return the Ritz vector of the largest eigenvalue of T."""
        if self._kept is None:
            return None
        weights = np.linalg.eigh(self._tridiagonal())[1][:, -1]
        return np.asarray(sum(float(w) * kept for w, kept in zip(weights, self._kept, strict=True)), dtype=np.float64)

    def _tridiagonal(self) -> Matrix:
        k = self.products
        T = np.zeros((k, k))
        T.flat[:: k + 1] = self._diagonal
        T.flat[1 :: k + 1] = T.flat[k :: k + 1] = self._beside[:-1]
        return T

    @property
    def largest_beside(self) -> float:
        return max(map(abs, self._beside))

    def reach(self, theta: float, sign: float, width: float, *, error: float) -> float:
        """Most that |u^T q_1| can be for an eigenvalue theta + width of sign A; inf where not above those of sign T."""
        pivots = [0.0] * self.products
        pivot = inf
        for j in range(self.products - 1, -1, -1):
            pivot = (theta - sign * self._diagonal[j]) + width - self._beside[j] ** 2 / pivot
            if not pivot > 0.0:
                return inf
            pivots[j] = pivot
        row, squares = 1.0 / pivots[0], 0.0  # of the inverse of lambda - T, the first
        for beside, pivot in zip(self._beside, pivots[1:], strict=False):
            squares += row * row
            row *= beside / pivot
        return _NORMS**2 * self._beside[-1] * row + error * sqrt(squares + row * row)


@dataclass(frozen=True)
class _Look:
    """What a run says of both ends after so many products."""

    run: _Run
    low: float
    high: float
    size: float
    rounded: float  # of the Ritz values
    certain: float  # what a Ritz value may be outside of the spectrum
    wanted: float  # width of either end; not positive where there is no room for it
    error: float  # of ||F||
    limit: float  # of |u^T q_1|

    @classmethod
    def at(cls, run: _Run, share: float, allowance: float) -> _Look:
        k, n = run.products, run.order
        ritz = run.ritz()
        low, high = float(ritz[0]), float(ritz[-1])
        size = max(abs(low), abs(high), run.largest_beside)
        rounded = k * EPS * size
        # Paige's eps_2: 6 eps_0, eps_0 = 2 (n + 4) eps, and eps_1, a product's error beside 14 eps
        paige = sqrt(2.0) * max(12.0 * (n + 4) * EPS * size, 14.0 * EPS * size + 2.0 * run.rounding)
        return cls(
            run=run,
            low=low,
            high=high,
            size=size,
            rounded=rounded,
            certain=k**2.5 * paige + rounded,
            wanted=2.0 * (share * max(abs(low), abs(high)) - allowance),
            error=sqrt(k) * (run.rounding + 16.0 * EPS * size),  # of a few updates
            limit=FAILURE * sqrt(pi / (2.0 * n)),
        )

    def missing(self, sign: float, bound: float) -> float:
        """Return the logarithm of how far the largest eigenvalue of sign A is from as well known as is wanted.

        At most 0 where it is: by the run, or by a bound that is certain.
        """
        if not self.wanted > 0.0:
            return inf
        if sign * bound - (self._theta(sign) - self.certain) <= self.wanted:
            return -inf
        reach = self._reach(sign, self._width_of(self.wanted))
        return log(reach / self.limit) if 0.0 < reach < inf else inf

    def end(self, sign: float, bound: float) -> End:
        """Enclose the largest eigenvalue of sign A."""
        theta = self._theta(sign)
        outer = theta + self._width(sign) + self.rounded
        return End(sign * (theta - self.certain), sign * outer, FAILURE).within(bound)

    def _theta(self, sign: float) -> float:
        return self.high if sign > 0.0 else -self.low

    def _reach(self, sign: float, width: float) -> float:
        return self.run.reach(self._theta(sign), sign, width, error=self.error) if width > 0.0 else inf

    def _width_of(self, whole: float) -> float:
        """Of the outer side, where inner and outer are to be so far apart."""
        return whole - self.certain - 2.0 * self.rounded

    def _width(self, sign: float) -> float:
        """Least of the widths tried at which the reach, which falls, is within the limit; inf."""
        largest = self.wanted if self.wanted > 0.0 else 2.0 * self.size
        widths = [self._width_of(largest * step) for step in _GRID]
        first = bisect_left(widths, True, key=lambda width: self._reach(sign, width) <= self.limit)
        if first < len(widths):
            return widths[first]
        wide = self.size
        while 0.0 < wide < inf:
            if self._reach(sign, wide) <= self.limit:
                return wide
            wide *= 2.0
        return inf
