"""The exact type test of a critical point, as a step function of the tolerance (theory, sections 5 and 6).

No Hessian is formed. Every quantity the test compares with the tolerance tau changes sides at one value of tau, so
the verdict is a step function of tau, known exactly; the interval around tau is the verdict's error bar.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray

from lossurf.landscape.beyond import Beyond, beyond_signal
from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.levels import Carried, carried_eigenvectors, carried_shares, excess_by_rank, overlaps_of
from lossurf.landscape.sensitivity import Sensitivity, vanishing_tolerance
from lossurf.landscape.signal import Signal, signal_between
from lossurf.landscape.staircase import Pairs
from lossurf.numerics import Matrix, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict

_AT_ONCE = 4096  # pairs of layers whose ranks are asked for together


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
        self._problem, self.sensitivity = problem, sensitivity
        self.network = sensitivity.network
        self.rank_max = rank_max
        self.layer_gradients = sensitivity.gradient_measures()
        self.largest_layer_gradient = float(np.max(sensitivity.layer_gradient_norms))
        self.gradient = max(float(np.max(self.layer_gradients)), mean_gradient)
        self.excess = self.network.excess + mean_excess
        # no more of them are any but zero; of a network far above T the rounding of the others is large beside T
        self.product_singular_values = sensitivity.singular_values(self.network.depth + 1, 0)[:rank_max]
        self._excess_by_rank = excess_by_rank(problem)
        self._carried: dict[int, Carried | None] = {}
        self._signals: dict[int, Signal | None] = {}
        self._beyond: dict[int, Beyond | None] = {}
        self._target_roots = np.sort(problem.target_svd[1])
        # ||T||_F^2 >= 1 is the unit of loss; where T = 0 the unit is ||Y||^2 = 1 in these coordinates
        self._loss_unit = max(float(np.sum(problem.target**2)), 1.0)
        # of the pairs seen so far, from the largest E_ij on: `strict_below` of every rank, and how many they are
        self._strict_below, self._seen = np.zeros(int(np.max(sensitivity.widths, initial=0)) + 1), 0
        self._of_ranks: dict[int, float] = {}
        self._verdicts: dict[float, Verdict] = {}  # a reading asks for the same ones many times
        self._steps: dict[float, tuple[Step, Verdict | None, Verdict | None]] = {}

    def verdict(self, tau: float) -> Verdict:
        """Return the verdict when every zero is judged at tolerance tau."""
        if tau not in self._verdicts:
            self._verdicts[tau] = self._verdict(tau)
        return self._verdicts[tau]

    def _verdict(self, tau: float) -> Verdict:
        if self.gradient > tau:
            return Verdict.NOT_CRITICAL
        if self.network.depth == 1:  # convex: a critical point above the optimum is one of these two by rounding
            level = self.level(self.rank_max, tau)
            return Verdict.GLOBAL_MINIMUM if level is Level.EQUAL else Verdict.UNDETERMINED
        first, second = (self._verdict_at_rank(rank, tau) for rank in self.ranks(tau))
        return first if first is second else Verdict.UNDETERMINED

    def ranks(self, tau: float) -> tuple[int, ...]:
        """rank(P) counting singular values above tau, and above tau max(1, change(P))."""
        return tuple(int(_count_above(values, tau)) for values in self._rank_thresholds)

    def rise_above(self, rank: int) -> float:
        """L - L_rank in squared scale units; negative only by rounding, or where the rank of P is higher."""
        return self.excess - float(self._excess_by_rank[min(rank, self._excess_by_rank.size - 1)])

    def level(self, rank: int, tau: float) -> Level:
        """Compare the loss with L_rank at tolerance tau."""
        equal_from, above_until = self._level_thresholds
        place = min(rank, equal_from.size - 1)
        if tau >= equal_from[place]:
            return Level.EQUAL
        return Level.ABOVE if tau < above_until[place] else Level.UNRESOLVED

    def strict_below(self, rank: int) -> float:
        """Return the tau below which a best rank-`rank` fit is a strict saddle.

        The largest over i > j of the lesser of two vanishing tolerances: for some pair both E_ij != 0 and
        rank(M_ij) > r. Pairs are visited from the largest E_ij on, so that ranks are computed only where they matter,
        of twice as many at each turn.
        """
        if not is_narrow(self.network):
            return self._strict_below_if_wide(rank)
        ratios, count = self.pair_ratios, int(np.count_nonzero(self.pair_ratios))
        while self._seen < count and ratios[self._seen] > self._strict_below[rank]:
            stop = min(2 * self._seen + 1, self._seen + _AT_ONCE, count)
            pairs, sizes = self.pairs[self._seen : stop], ratios[self._seen : stop, None]
            of_ranks = self.sensitivity.rank_ratio_table(pairs, 0, self._strict_below.size)
            self._strict_below = np.maximum(self._strict_below, np.max(np.minimum(sizes, of_ranks), axis=0))
            self._seen = stop
        return float(self._strict_below[rank])

    def _strict_below_if_wide(self, rank: int) -> float:
        """Return the same, pair by pair, or a bound of it where it is rounding or the point not critical below it."""
        if rank not in self._of_ranks:
            best, explained = 0.0, max(self.gradient, self.sensitivity.rounding)
            for (i, j), ratio in zip(self.pairs.tolist(), self.pair_ratios.tolist(), strict=True):
                if ratio <= best:
                    break
                if ratio <= explained:
                    best = ratio
                    break
                best = max(best, min(ratio, self._rank_ratio(i, j, rank)))
            self._of_ranks[rank] = best
        return self._of_ranks[rank]

    def _rank_ratio(self, i: int, j: int, rank: int) -> float:
        """Return the tau at which rank(M_ij) falls to `rank` in a wide network, or a bound of it that is rounding."""
        if i == j + 1:  # the identity: no change moves it
            return inf if self.sensitivity.widths[j] > rank else 0.0
        return vanishing_tolerance(self.singular_value_beyond(i, j, rank), self.sensitivity.change(i, j))

    def singular_value_beyond(self, i: int, j: int, rank: int, *, zero: float | None = None) -> float:
        """Return the singular value of M_ij after the first `rank`, or a bound of it where that is at most `zero`.

        `zero` is what rounding amounts to if it is not given. Layers that are the signal's bound it without a product.
        Otherwise M = Pi M + (I - Pi) M, Pi = S_{i-1} Q_{i-1} the projector on the signal, of rank `rank`: the singular
        values of M beyond that are at most those of (I - Pi) M (Weyl), whatever Pi is; two products are cheaper than an
        SVD. Of A_j, to the left of which there is no projector, M Pi.
        """
        beyond, upper = self.beyond(rank), i <= self.network.depth
        if beyond is not None and (upper or j > 0):
            change, bound = self.sensitivity.change(i, j), float(beyond.bounds[i, j])
            if bound <= (self.sensitivity.negligible * change if zero is None else zero):
                return bound
            zero = self.sensitivity.rounding * change if zero is None else zero
            M = self.network.partial_product(i, j)
            left = beyond.signal.left_above(M, i) if upper else beyond.signal.left_below(M, j)
            bound = float(np.linalg.norm(left))
            if bound <= zero:
                return bound
        return self.sensitivity.next_singular_value(i, j, rank)

    def beyond(self, rank: int) -> Beyond | None:
        """Return what the signal of that rank leaves of a wide network; None where there is no signal."""
        if rank not in self._beyond:
            signal = None if is_narrow(self.network) else self.signal(rank)
            self._beyond[rank] = None if signal is None else beyond_signal(self.sensitivity, signal)
        return self._beyond[rank]

    def strict_pairs(self, rank: int, tau: float) -> Pairs:
        """Layer pairs i > j with E_ij != 0 and rank(M_ij) > `rank` at tau, one a row, the clearest first."""
        linked = self.linked_pairs(tau)
        if is_narrow(self.network):
            of_ranks = self.sensitivity.rank_ratios(linked, rank)
        else:
            of_ranks = np.array([self._rank_ratio(i, j, rank) for i, j in linked.tolist()])
        ratios = np.minimum(self.pair_ratios[: len(linked)], of_ranks)
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

    def eigen_indices(self, rank: int, tau: float) -> tuple[int, ...] | None:
        """Return the 1-based eigen-set S of a critical point: which eigenvectors of Sigma span the range of P.

        None where no set of `rank` indices explains P: eigenvalues tied to within the tolerance leave the set
        ambiguous.
        """
        if rank == 0:
            return ()
        problem, s = self._problem, self._problem.target_svd[1]
        weights = carried_shares(problem, self._overlaps, float(self.product_singular_values[rank - 1]))
        chosen = np.zeros(s.size, dtype=bool)
        chosen[np.argsort(-weights, kind="stable")[:rank]] = True
        # an eigenvector is carried or not: a weight near one half means the set is not determined by P
        clear = np.min(weights[chosen]) > 0.9 and np.max(weights[~chosen], initial=0.0) < 0.1
        gaps = (s[:-1] - s[1:])[chosen[:-1] != chosen[1:]]  # descending: of one in the set to its nearest outside
        tied = np.min(gaps, initial=inf) <= max(tau, problem.target_error())
        return tuple((np.flatnonzero(chosen) + 1).tolist()) if clear and not tied else None

    def carried(self, rank: int) -> Carried | None:
        """Return which eigenvectors of Sigma P carries if it is of that rank; None where they are not told apart."""
        if rank not in self._carried:
            least = float(self.product_singular_values[rank - 1]) if rank else 0.0
            self._carried[rank] = carried_eigenvectors(self._problem, self._mapped, self._overlaps, rank, least=least)
        return self._carried[rank]

    @cached_property
    def _mapped(self) -> Matrix:
        """P V, V the right singular vectors of T."""
        if self.sensitivity.projection is not None:
            return self.sensitivity.projection.mapped
        return np.asarray(self.network.product @ self._problem.target_svd[2].T)

    @cached_property
    def _overlaps(self) -> Matrix:
        """u_i^T P v_i."""
        return overlaps_of(self._problem, self._mapped)

    def signal(self, rank: int) -> Signal | None:
        """Return the part of the layers that carries P if it is of that rank, between eigenvectors of Sigma.

        None where those are not told apart, or its blocks cannot be inverted.
        """
        if rank not in self._signals:
            carried = self.carried(rank)
            self._signals[rank] = None
            if carried is not None:
                with suppress(np.linalg.LinAlgError):
                    found = signal_between(self.network, carried.left, carried.right, carried.roots)
                    _ = found.own_factors  # the blocks are inverted together, too
                    self._signals[rank] = found
        return self._signals[rank]

    def step(self, tau: float) -> tuple[Step, Verdict | None, Verdict | None]:
        """Return the step of the verdict that contains tau, and the verdicts below and above it (None: no end)."""
        if tau not in self._steps:
            self._steps[tau] = self._step(tau)
        return self._steps[tau]

    def _step(self, tau: float) -> tuple[Step, Verdict | None, Verdict | None]:
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
        wanted = min(self.rank_max, int(_count_above(self._target_roots, tau)))
        return rank < wanted and self.rise_above(self.rank_max) > self._loss_rounding

    @cached_property
    def _loss_rounding(self) -> float:
        """Rounding of the difference of two sums of squares of up to `_loss_unit`, one term an entry of T."""
        return rank_threshold(self._loss_unit, sum(self.network.target.shape))

    @cached_property
    def _rank_thresholds(self) -> tuple[Matrix, Matrix]:
        """The tau at which each singular value of P stops counting, in itself and against change(P); ascending."""
        s = np.sort(self.product_singular_values)
        return s, s / max(1.0, self.sensitivity.product_change)

    @cached_property
    def _level_thresholds(self) -> tuple[Matrix, Matrix]:
        """For every rank the tau from which the loss equals L_rank, and the tau below which it is surely above."""
        rise, change = self.excess - self._excess_by_rank, self.sensitivity.product_change
        equal_from = rise / self._loss_unit
        with np.errstate(over="ignore", invalid="ignore"):
            reached = np.sqrt(2.0 * rise) / change if change > 0.0 else np.full(rise.size, inf)
        above_until = np.minimum(equal_from, reached)
        rounding = rise <= self._loss_rounding
        return np.where(rounding, 0.0, equal_from), np.where(rounding, 0.0, above_until)

    @cached_property
    def _edges(self) -> list[float]:
        """Every tau at which the verdict may change, except those of `strict_below`; ascending, 0 first, inf last."""
        places = [np.array([0.0, self.gradient]), *self._rank_thresholds, self._target_roots, *self._level_thresholds]
        edges = np.sort(np.concatenate(places))  # np.unique would import numpy.ma, 12 ms
        edges = edges[edges < inf]
        told = self._told_apart(edges)
        changed = np.any(told[:, 1:] != told[:, :-1], axis=0)
        return [*edges[np.concatenate([[True], changed])].tolist(), inf]

    def _told_apart(self, taus: Matrix) -> Matrix:
        """Return what the verdict at each tau follows from, shape (facts, n): where all are equal, so is the verdict.

        That the point is critical, that P has the singular values a minimum must have, how the loss stands to L*; and,
        where it is above that, for both ranks of P how it stands to theirs and, of a best fit, the rank.
        """
        optimum = self._levels_at(np.full(taus.size, self.rank_max), taus)
        wanted = np.minimum(self.rank_max, _count_above(self._target_roots, taus))
        hides = self.rise_above(self.rank_max) > self._loss_rounding
        told = [self.gradient > taus, optimum]
        for values in self._rank_thresholds:
            ranks = _count_above(values, taus)
            fit = self._levels_at(ranks, taus)
            above = optimum > 0
            told += [hides & (ranks < wanted) & ~above, above * fit, np.where(above & (fit == 0), ranks, -1)]
        return np.array(told)

    def _levels_at(self, ranks: NDArray[np.intp], taus: Matrix) -> NDArray[np.intp]:
        """Return 0 where the loss is equal to the level of the rank at tau, 1 where unresolved, 2 where above."""
        equal_from, above_until = (ends[np.minimum(ranks, ends.size - 1)] for ends in self._level_thresholds)
        return np.asarray(np.where(taus >= equal_from, 0, np.where(taus < above_until, 2, 1)), dtype=np.intp)

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


def _count_above(ascending: Matrix, taus: Matrix | float) -> NDArray[np.intp]:
    """Count the numbers above each tau."""
    return np.asarray(len(ascending) - ascending.searchsorted(taus, side="right"))
