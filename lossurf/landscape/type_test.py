"""The exact type test of a critical point, as a step function of the tolerance (theory, sections 5 and 6).

No Hessian is formed. Every quantity the test compares with the tolerance tau changes sides at one value of tau, so
the verdict is a step function of tau, known exactly; the interval around tau is the verdict's error bar.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import chain
from math import inf, sqrt

import numpy as np

from lossurf.landscape.levels import excess_by_rank
from lossurf.landscape.norms import singular_values
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.staircase import Pairs
from lossurf.numerics import Matrix, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict


class Level(Enum):
    """Where a loss stands relative to a critical value."""

    EQUAL = "equal"
    ABOVE = "above"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Step:
    """One step of the verdict as a function of tau: `verdict` holds on start <= tau < stop."""

    verdict: Verdict
    start: float
    stop: float


class TypeTest:
    """The verdict on one network at every tolerance.

    Parameters
    ----------
    problem : ReducedProblem
    sensitivity : Sensitivity
        Of the whitened network.
    mean_excess : float
        1/2 ||mean residual||^2 in squared scale units; 0 without biases.
    mean_gradient : float
        The mean residual's criticality measure; 0 without biases.
    """

    def __init__(
        self,
        problem: ReducedProblem,
        sensitivity: Sensitivity,
        *,
        rank_max: int,
        mean_excess: float,
        mean_gradient: float,
    ) -> None:
        self.sensitivity = sensitivity
        self.network = sensitivity.network
        self.rank_max = rank_max
        self.layer_gradients = sensitivity.gradient_measures()
        self.largest_layer_gradient = float(np.max(sensitivity.layer_gradient_norms))
        self.gradient = max(float(np.max(self.layer_gradients)), mean_gradient)
        self.excess = self.network.excess + mean_excess
        # no more of them are any but zero; of a network far above T the rounding of the others is large beside T
        self.product_singular_values = singular_values(self.network.product)[:rank_max]
        self._excess_by_rank = excess_by_rank(problem)
        self._target_roots = np.sort(problem.target_svd[1]).tolist()
        # ||T||_F^2 >= 1 is the unit of loss; where T = 0 the unit is ||Y||^2 = 1 in these coordinates
        self._loss_unit = max(float(np.sum(problem.target**2)), 1.0)
        self._strict_below: dict[int, float] = {}
        self._of_levels: dict[int, tuple[float, float]] = {}

    def verdict(self, tau: float) -> Verdict:
        """Return the verdict when every zero is judged at tolerance tau."""
        if self.gradient > tau:
            return Verdict.NOT_CRITICAL
        if self.network.depth == 1:  # convex: a critical point above the optimum is one of these two by rounding
            level = self.level(self.rank_max, tau)
            return Verdict.GLOBAL_MINIMUM if level is Level.EQUAL else Verdict.UNDETERMINED
        first, second = (self._verdict_at_rank(rank, tau) for rank in self.ranks(tau))
        return first if first is second else Verdict.UNDETERMINED

    def ranks(self, tau: float) -> tuple[int, ...]:
        """rank(P) counting singular values above tau, and above tau max(1, change(P))."""
        return tuple(_above(values, tau) for values in self._rank_thresholds)

    def rise_above(self, rank: int) -> float:
        """L - L_rank in squared scale units; negative only by rounding, or where the rank of P is higher."""
        return self.excess - float(self._excess_by_rank[min(rank, self._excess_by_rank.size - 1)])

    def level(self, rank: int, tau: float) -> Level:
        """Compare the loss with L_rank at tolerance tau."""
        equal_from, above_until = self._level_thresholds(rank)
        if tau >= equal_from:
            return Level.EQUAL
        return Level.ABOVE if tau < above_until else Level.UNRESOLVED

    def strict_below(self, rank: int) -> float:
        """Return the tau below which a best rank-`rank` fit is a strict saddle.

        The largest over i > j of the lesser of two vanishing tolerances: for some pair both E_ij != 0 and
        rank(M_ij) > r. Pairs are visited from the largest E_ij on, so that ranks are computed only where they matter,
        of twice as many at each turn.
        """
        if rank not in self._strict_below:
            best, ratios = 0.0, self.pair_ratios
            for start, stop in _doubling(int(np.count_nonzero(ratios))):
                if ratios[start] <= best:
                    break
                of_ranks = self.sensitivity.rank_ratios(self.pairs[start:stop], rank)
                best = max(best, float(np.max(np.minimum(ratios[start:stop], of_ranks))))
            self._strict_below[rank] = best
        return self._strict_below[rank]

    def strict_pairs(self, rank: int, tau: float) -> Pairs:
        """Layer pairs i > j with E_ij != 0 and rank(M_ij) > `rank` at tau, one a row, the clearest first."""
        linked = self.linked_pairs(tau)
        ratios = np.minimum(self.pair_ratios[: len(linked)], self.sensitivity.rank_ratios(linked, rank))
        order = np.argsort(-ratios, kind="stable")
        return linked[order[ratios[order] > tau]]

    def linked_pairs(self, tau: float) -> Pairs:
        """Layer pairs i > j with E_ij != 0 at tau, one a row."""
        return self.pairs[: int(np.count_nonzero(self.pair_ratios > tau))]

    @cached_property
    def pairs(self) -> Pairs:
        """Layer pairs i > j, one a row, those with the largest E_ij (relative to its change) first."""
        i, j = np.tril_indices(self.network.depth, -1)
        order = np.argsort(-self.sensitivity.block_ratios[i + 1, j + 1], kind="stable")
        return np.column_stack([i + 1, j + 1])[order]

    @cached_property
    def pair_ratios(self) -> Matrix:
        """The tau at which E_ij counts as zero for each of `pairs`."""
        return np.asarray(self.sensitivity.block_ratios[self.pairs[:, 0], self.pairs[:, 1]])

    def step(self, tau: float) -> tuple[Step, Verdict | None, Verdict | None]:
        """Return the step of the verdict that contains tau, and the verdicts below and above it (None: no end)."""
        here = self.verdict(tau)
        start, stop, below, above = 0.0, inf, None, None
        for piece in self._pieces_down(tau):
            if piece.verdict is not here:
                start, below = piece.stop, piece.verdict
                break
        for piece in self._pieces_up(tau):
            if piece.verdict is not here:
                stop, above = piece.start, piece.verdict
                break
        return Step(here, start, stop), below, above

    def _verdict_at_rank(self, rank: int, tau: float) -> Verdict:
        optimum = self.level(self.rank_max, tau)
        if optimum is not Level.ABOVE:
            reached = optimum is Level.EQUAL and not self._misses(rank, tau)
            return Verdict.GLOBAL_MINIMUM if reached else Verdict.UNDETERMINED
        fit = self.level(rank, tau)
        if fit is not Level.EQUAL:
            return Verdict.STRICT_SADDLE if fit is Level.ABOVE else Verdict.UNDETERMINED
        return Verdict.STRICT_SADDLE if tau < self.strict_below(rank) else Verdict.BAD_SADDLE

    def _misses(self, rank: int, tau: float) -> bool:
        """Whether P lacks a singular value of T that the tolerance resolves but the loss does not.

        The loss sees a singular value squared, so one of up to sqrt(2 tau) hides in it.
        """
        wanted = min(self.rank_max, _above(self._target_roots, tau))
        return rank < wanted and self.rise_above(self.rank_max) > self._loss_rounding

    @cached_property
    def _loss_rounding(self) -> float:
        """Rounding of the difference of two sums of squares of up to `_loss_unit`, one term an entry of T."""
        return rank_threshold(self._loss_unit, sum(self.network.target.shape))

    @cached_property
    def _rank_thresholds(self) -> tuple[list[float], list[float]]:
        """The tau at which each singular value of P stops counting, in itself and against change(P); ascending."""
        s = np.sort(self.product_singular_values)
        return s.tolist(), (s / max(1.0, self.sensitivity.product_change)).tolist()

    def _level_thresholds(self, rank: int) -> tuple[float, float]:
        """Return the tau from which the loss equals L_rank, and the tau below which it is surely above."""
        if rank not in self._of_levels:
            self._of_levels[rank] = self._thresholds_of_level(rank)
        return self._of_levels[rank]

    def _thresholds_of_level(self, rank: int) -> tuple[float, float]:
        rise = self.rise_above(rank)
        if rise <= self._loss_rounding:
            return 0.0, 0.0
        equal_from = rise / self._loss_unit
        change = self.sensitivity.product_change
        return equal_from, min(equal_from, sqrt(2.0 * rise) / change if change > 0.0 else inf)

    @cached_property
    def _edges(self) -> list[float]:
        """Every tau at which the verdict may change, except those of `strict_below`; ascending, 0 first, inf last."""
        edges = {0.0, self.gradient, *chain(*self._rank_thresholds, self._target_roots), inf}
        for rank in range(self._excess_by_rank.size):
            edges.update(self._level_thresholds(rank))
        return sorted(edges)

    def _pieces_up(self, tau: float) -> Iterator[Step]:
        for index in range(self._edge_below(tau), len(self._edges) - 1):
            yield from (piece for piece in self._split(index) if piece.stop > tau)

    def _pieces_down(self, tau: float) -> Iterator[Step]:
        for index in range(self._edge_below(tau), -1, -1):
            yield from (piece for piece in reversed(self._split(index)) if piece.start <= tau)

    def _edge_below(self, tau: float) -> int:
        return bisect_right(self._edges, tau) - 1

    def _split(self, index: int) -> list[Step]:
        """Cut the interval between two edges where its saddles change from strict to bad."""
        start, stop = self._edges[index], self._edges[index + 1]
        cuts = [start]
        if start >= self.gradient and self.network.depth > 1:
            cuts += sorted({cut for rank in self.ranks(start) for cut in self._cuts(rank, start) if start < cut < stop})
        return [Step(self.verdict(a), a, b) for a, b in zip(cuts, [*cuts[1:], stop], strict=True)]

    def _cuts(self, rank: int, tau: float) -> list[float]:
        saddle = self.level(self.rank_max, tau) is Level.ABOVE and self.level(rank, tau) is Level.EQUAL
        return [self.strict_below(rank)] if saddle else []


def _above(ascending: list[float], tau: float) -> int:
    """Count the numbers above tau."""
    return len(ascending) - bisect_right(ascending, tau)


def _doubling(length: int) -> Iterator[tuple[int, int]]:
    """Cut 0..length into ranges of 1, 2, 4, ..."""
    start, size = 0, 1
    while start < length:
        yield start, min(start + size, length)
        start, size = start + size, 2 * size


def eigen_indices(problem: ReducedProblem, product: Matrix, rank: int, tau: float) -> tuple[int, ...] | None:
    """Return the 1-based eigen-set S of a critical point: which eigenvectors of Sigma span the range of P.

    None where no set of `rank` indices explains P: eigenvalues tied to within the tolerance leave the set ambiguous.
    """
    u, s, _ = problem.target_svd
    if rank == 0:
        return ()
    # the range of P from a random combination of its columns: an SVD with vectors would cost more than the verdict
    mixed = product @ np.random.default_rng(0).standard_normal((product.shape[1], rank))
    weights = np.sum((u.T @ np.linalg.qr(mixed)[0]) ** 2, axis=1)
    chosen = np.sort(np.argsort(-weights, kind="stable")[:rank])
    others = np.setdiff1d(np.arange(s.size), chosen)
    # an eigenvector is carried or not: a weight near one half means the set is not determined by P
    clear = float(np.min(weights[chosen])) > 0.9 and float(np.max(weights[others], initial=0.0)) < 0.1
    tied = others.size > 0 and float(np.min(np.abs(s[chosen][:, None] - s[others]))) <= max(tau, problem.target_error())
    return tuple(int(i) + 1 for i in chosen) if clear and not tied else None
