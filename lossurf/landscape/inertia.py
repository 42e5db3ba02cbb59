"""The signature of the Hessian at a critical point, from ranks alone: how many independent ways lead down (theory, 10).

In the bases of signal and tail the form splits: r^2 positive squares of the signal, for every carried eigenvector a
form on both complements, and the tail network, a representation of a chain that is a sum of intervals of nodes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import inf, nextafter
from typing import Final, Literal

import numpy as np

from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.levels import root_resolution
from lossurf.landscape.projection import FAR
from lossurf.landscape.type_test import TypeTest
from lossurf.landscape.verdict import Inertia
from lossurf.network import WhitenedNetwork
from lossurf.numerics import STABILITY_FACTOR, Matrix
from lossurf.reduction.problem import ReducedProblem
from lossurf.spectral import RELATIVE_ERROR

QUICK_WORK: Final = 1e8
"""Sum of d^3 over the products whose ranks are asked for: a tenth of a second. Beyond that the question costs more than
the verdict, which needs ranks along a staircase only."""

LARGEST_WORK: Final = 1e11
"""What is done where the count is asked for: a minute or two."""

_SMALL: Final = 64  # below this size calls cost more than arithmetic
_LOOKED_INTO: Final = 20  # ranks that change within the margin around tau

Signature = tuple[int, int]  # negative, positive
Ranks = Counter[tuple[int, int]]  # by pairs of nodes; 0 where there is none


def find_inertia(
    test: TypeTest, problem: ReducedProblem, biases: Sequence[Matrix | None], sizes: Sequence[int], tau: float
) -> Inertia | None:
    """Count the signs of the Hessian's eigenvalues over a checkpoint's own parameters.

    Parameters
    ----------
    test : TypeTest
        In the gauge that decides; critical at tau.
    problem : ReducedProblem
    biases : sequence of ndarray or None
        An output bias adds dy positive squares; inner biases are flat (theory, section 5).
    sizes : sequence of int
        Numbers of weights of the layers as stored.
    tau : float
        Tolerance at which ranks are judged.

    Returns
    -------
    Inertia or None
        None where the carried eigenvectors are not told apart from others, where the signature changes within a factor
        of STABILITY_FACTOR of tau.
    """
    counted = RankTable(test, problem, tau)
    here = counted.signature(tau)
    if here is None:
        return None
    start, stop = counted.range_of(here, tau)
    if start * STABILITY_FACTOR > tau or stop < STABILITY_FACTOR * tau:
        return None
    output, parameters = biases[-1], sum(sizes) + sum(b.size for b in biases if b is not None)
    negative, positive = here[0], here[1] + (0 if output is None else output.size)
    return Inertia(negative, parameters - negative - positive, positive, start, None if stop == inf else stop)


def work_of_counting(network: WhitenedNetwork) -> float:
    """Sum of d^3 over the pairs of layers; a small product costs what one of _SMALL does."""
    widest = max(_SMALL, network.layers[0].shape[1], *(W.shape[0] for W in network.layers))
    return float(widest) ** 3 * network.depth * (network.depth + 1)


class RankTable:
    """Ranks of M_ij and E_ij at the tolerances around tau, and the signature that follows from them."""

    def __init__(self, test: TypeTest, problem: ReducedProblem, tau: float) -> None:
        self._test, self._problem, self._sensitivity, self._tau = test, problem, test.sensitivity, tau
        network = test.network
        self.depth = network.depth
        self.widths = [network.layers[0].shape[1], *(W.shape[0] for W in network.layers)]
        self._links: dict[tuple[int, int], Matrix] = {}
        self._blocks: dict[tuple[int, int], Matrix] = {}

    def signature(self, tau: float) -> Signature | None:
        """Negative and positive squares over the whitened weights at tau."""
        first, second = self._test.ranks(tau)
        if first != second:
            return None
        rho, dy, r, N = self.widths[0], self.widths[-1], first, self.depth
        if N == 1:
            return 0, dy * rho
        orders = _orders(self._test, r)
        if orders is None:
            return None
        inversions, ties = orders
        t, e = self._tail_ranks(r, tau), self._block_ranks(tau)
        y = [0] + [e[f, 1] - e[f - 1, 1] for f in range(1, N + 1)]  # f = 1..N
        x = [e[N, k + 1] - e[N, k + 2] for k in range(N)]  # k = 0..N-1
        Y = [0] + [t[f, N] - t[f - 1, N] for f in range(1, N + 1)]
        X = [t[0, k] - t[0, k + 1] for k in range(N)]
        pairs = [(f, k) for f in range(1, N + 1) for k in range(N) if f <= k + 1]
        of_intervals = sum(m * e[min(u + 1, N), max(s, 1)] for (s, u), m in _intervals(t, N).items())
        of_tails = of_intervals - sum(y[f] * x[k] for f, k in pairs)
        of_ends = sum((Y[f] - y[f]) * (X[k] - x[k]) for f, k in pairs)
        of_signal = r * r + r * (rho + dy - 2 * r)
        return inversions + of_tails, of_signal - inversions - ties + of_tails + of_ends

    def range_of(self, here: Signature, tau: float) -> tuple[float, float]:
        """Return tolerances around tau between which no rank changes, or at least not the signature.

        Ranks that change within the margin are looked into, up to _LOOKED_INTO of them on either side.
        """
        breaks = self._breakpoints(tau)
        at = bisect_right(breaks, tau)
        below = ((value, nextafter(value, 0.0)) for value in reversed(breaks[:at]))
        above = ((value, value) for value in breaks[at:])
        start, stop = self._first_change(here, below, tau), self._first_change(here, above, tau)
        return 0.0 if start is None else start, inf if stop is None else stop

    def _first_change(self, here: Signature, breaks: Iterable[tuple[float, float]], tau: float) -> float | None:
        """Of tolerances, each with one beyond it: the first outside the margin, or with another signature beyond it."""
        for looked, (value, beyond) in enumerate(breaks):
            near = 1.0 / STABILITY_FACTOR < value / tau < STABILITY_FACTOR
            if not near or looked >= _LOOKED_INTO or self.signature(beyond) != here:
                return value
        return None

    def _breakpoints(self, tau: float) -> list[float]:
        """Tolerances at which one of the ranks changes, or the point ceases to be critical, ascending.

        Those within the margin of tau, and the nearest beyond it on either side.
        """
        N, values = self.depth, self._test.product_singular_values
        links = [self._link(i, j) for i in range(N + 1) for j in range(i)]
        blocks = [self._block(i, j) for i in range(2, N + 1) for j in range(1, i)]
        of_product = values, values / max(1.0, self._sensitivity.product_change)
        found = np.concatenate([[self._test.gradient], *links, *blocks, *of_product])
        found = found[(found > 0.0) & (found < inf)]
        with np.errstate(over="ignore"):
            ratios = found / tau
        below, above = ratios <= 1.0 / STABILITY_FACTOR, ratios >= STABILITY_FACTOR
        ends = {float(np.max(found[below], initial=0.0)), float(np.min(found[above], initial=inf))}
        return sorted((ends - {0.0, inf}).union(found[~below & ~above].tolist()))

    def spectra(self) -> Iterator[tuple[tuple[int, int], Literal["residual", "product"], Matrix]]:
        """Yield the tolerances at which the singular values of W_i ... W_j, and of E_ij, count as zero, with (i, j)."""
        for i in range(1, self.depth + 1):
            for j in range(i):
                yield (i, j + 1), "product", self._measured(i, j)
        for i in range(2, self.depth + 1):
            for j in range(1, i):
                yield (i, j), "residual", self._block(i, j)

    def _tail_ranks(self, r: int, tau: float) -> Ranks:
        """t(j, i) = rank(W_i ... W_{j+1}) - r for 0 <= j <= i <= N; 0 outside."""
        values = {(j, j): self.widths[j] - r for j in range(self.depth + 1)}
        for i in range(1, self.depth + 1):
            for j in range(i):
                values[j, i] = max(int(np.count_nonzero(self._link(i, j) > tau)) - r, 0)
        values[0, self.depth] = 0
        return Counter(values)

    def _block_ranks(self, tau: float) -> Ranks:
        """e(i, j) = rank(E_ij) for i > j, 0 otherwise."""
        pairs = [(i, j) for i in range(2, self.depth + 1) for j in range(1, i)]
        return Counter({(i, j): int(np.count_nonzero(self._block(i, j) > tau)) for i, j in pairs})

    def _link(self, i: int, j: int) -> Matrix:
        """Tolerances at which the rank of W_i ... W_{j+1} changes."""
        if (i, j) not in self._links:
            bounds = self._bounds(i, j)
            self._links[i, j] = self._measured(i, j) if bounds is None else bounds
        return self._links[i, j]

    def _measured(self, i: int, j: int) -> Matrix:
        """Tolerances at which the singular values of W_i ... W_{j+1} count as zero."""
        return _vanishing(self._sensitivity.singular_values(i + 1, j), self._sensitivity.change(i + 1, j))

    def _bounds(self, i: int, j: int) -> Matrix | None:
        """Return bounds of those tolerances that tell the rank of a wide product from afar; None where none do.

        P = A_i M B_j, so that singular value r of M is at least that of P over ||A_i|| ||B_j||; those beyond r are
        rounding where all that the signal leaves of M is. Between the two, and far from both, lies tau.
        """
        sensitivity, r = self._sensitivity, self._test.ranks(self._tau)[0]
        if is_narrow(self._test.network) or not r or i - j == self.depth:
            return None
        carried = float(self._test.product_singular_values[r - 1])
        outer = sensitivity.norm(self.depth + 1, i) * sensitivity.norm(j + 1, 0) * (1.0 + RELATIVE_ERROR) ** 2
        change = sensitivity.change(i + 1, j)
        if not carried > FAR * self._tau * outer * change:
            return None
        zero = self._tau * change / FAR
        beyond = self._test.singular_value_beyond(i + 1, j, r, zero=zero)
        if beyond > zero:  # there are tails: the rank is theirs to say
            return None
        return _vanishing(np.append(np.full(r, carried / outer), beyond), change)

    def _block(self, i: int, j: int) -> Matrix:
        """Tolerances at which the singular values of E_ij count as zero; 0 for what the error of T explains."""
        if (i, j) not in self._blocks:
            ratio = self._sensitivity.block_ratio(i, j)
            if ratio <= self._tau:  # zero at tau: where it ceases to be is all that matters
                self._blocks[i, j] = np.array([ratio])
                return self._blocks[i, j]
            values, top = self._sensitivity.block_singular_values(i, j), self.depth + 1
            error = root_resolution(self._problem) * self._sensitivity.norm(top, i) * self._sensitivity.norm(j, 0)
            values = np.where(values > error, values, 0.0)
            self._blocks[i, j] = _vanishing(values, self._sensitivity.block_change(i, j))
        return self._blocks[i, j]


def _vanishing(values: Matrix, change: float) -> Matrix:
    if not change > 0.0:
        return np.where(values > 0.0, inf, 0.0)
    with np.errstate(over="ignore"):
        return np.asarray(values / change)


def _intervals(t: Ranks, N: int) -> dict[tuple[int, int], int]:
    """m(s, t): how many times the tails hold the interval of nodes s..t."""
    return {
        (s, u): t[s, u] - t[s - 1, u] - t[s, u + 1] + t[s - 1, u + 1] for s in range(N + 1) for u in range(s, N + 1)
    }


def _orders(test: TypeTest, rank: int) -> tuple[int, int] | None:
    """Pairs (a carried, b left out) with l_b > l_a, and with l_b = l_a; None where a carried one is not told apart."""
    carried = test.carried(rank)
    if carried is None:
        return None
    counts, left_out = carried.counts, carried.sizes - carried.counts
    return int(counts @ (np.cumsum(left_out) - left_out)), int(counts @ left_out)
