"""Every critical value of the loss for given widths, with the kinds of point that can be found at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from lossurf.numerics import decide_nonzero
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Status, Verdict

_MOST = 4096  # values listed in full: more cannot be told apart in a picture


@dataclass(frozen=True)
class CriticalValue:
    """The loss of the critical points whose product carries one set of eigenvectors of Sigma.

    Attributes
    ----------
    rank : int
        Size of the set.
    eigen_indices : tuple of int
        From 1, ascending.
    loss : float
    kinds : tuple of Verdict
        Kinds of critical point with this product that exist for the widths, the worst first.
    """

    rank: int
    eigen_indices: tuple[int, ...]
    loss: float
    kinds: tuple[Verdict, ...]


def critical_values(problem: ReducedProblem, widths: tuple[int, ...]) -> tuple[tuple[CriticalValue, ...], bool]:
    """List the critical values of a network, highest loss first.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy).

    Returns
    -------
    tuple of CriticalValue
    bool
        Whether these are all: of more than 4096 sets only the leading ones and their single exchanges are listed.

    Notes
    -----
    A critical product projects least squares onto eigenvectors of Sigma with non-zero eigenvalues (Baldi & Hornik 1989;
    Kawaguchi 2016, Lemma 4.2). A set that leaves out a larger eigenvalue gives strict saddles only. At a leading set
    below the optimum one hidden layer gives strict saddles and more give bad ones too (theory, section 7); where inner
    layers are wider than the rank, tails give strict ones besides. Without a hidden layer only the optimum is critical.
    """
    roots = problem.target_svd[1]
    error = problem.target_error()
    positive = sum(decide_nonzero(float(root), error).status is Status.HOLDS for root in roots)
    highest = min(*widths, positive)
    if len(widths) == 2:
        sets: Iterator[tuple[int, ...]] = iter([tuple(range(highest))])
        complete = True
    else:
        complete = sum(comb(positive, rank) for rank in range(highest + 1)) <= _MOST
        sets = _all_sets(positive, highest) if complete else _leading_sets(positive, highest)
    values = [_value(problem, widths, chosen, highest, positive) for chosen in sets]
    return tuple(sorted(values, key=lambda value: (-value.loss, value.rank))), complete


def _all_sets(positive: int, highest: int) -> Iterator[tuple[int, ...]]:
    for rank in range(highest + 1):
        yield from combinations(range(positive), rank)


def _leading_sets(positive: int, highest: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets {1..r}, and those with the last eigenvector exchanged for a later one."""
    for rank in range(highest + 1):
        kept = tuple(range(rank))
        yield kept
        yield from ((*kept[:-1], other) for other in range(rank, positive) if rank)


def _value(
    problem: ReducedProblem, widths: tuple[int, ...], chosen: tuple[int, ...], highest: int, positive: int
) -> CriticalValue:
    left_out = [k for k in range(problem.eigenvalues.size) if k not in chosen]
    loss = 0.5 * problem.residual_norm**2 + 0.5 * float(np.sum(problem.eigenvalues[left_out][::-1]))
    kinds = _kinds(problem, widths, chosen, highest, positive)
    return CriticalValue(len(chosen), tuple(k + 1 for k in chosen), loss, kinds)


def _kinds(
    problem: ReducedProblem, widths: tuple[int, ...], chosen: tuple[int, ...], highest: int, positive: int
) -> tuple[Verdict, ...]:
    roots = problem.target_svd[1]
    left_out = max((float(roots[k]) for k in range(positive) if k not in chosen), default=0.0)
    gap = left_out - min((float(roots[k]) for k in chosen), default=np.inf)
    # tied eigenvalues count as leading: exchanging them changes nothing that can be seen
    leading = decide_nonzero(max(gap, 0.0), problem.target_error()).status is not Status.HOLDS
    if not leading:
        return (Verdict.STRICT_SADDLE,)
    if len(chosen) == highest:
        return (Verdict.GLOBAL_MINIMUM,)
    if len(widths) == 3:
        return (Verdict.STRICT_SADDLE,)
    return (Verdict.BAD_SADDLE, Verdict.STRICT_SADDLE)
