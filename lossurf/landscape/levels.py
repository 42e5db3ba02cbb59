"""Levels of the loss: the best of every rank, every critical value, and which eigenvalues of Sigma are not zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, inf
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from lossurf.decompositions import svd
from lossurf.fields import Count, Indices, Magnitude, Size, limited
from lossurf.landscape.index_range import IndexRange, index_range
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, decide_nonzero, surely_nonzero
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Status, Verdict

_ENUMERATED = 14
"""Up to this many eigenvalues all 2^14 critical values are listed; beyond, the best of each rank and its exchanges of
the last eigenvalue in or the first left out, which include the two neighbours of every plateau a descent visits, and
the point's own set with what one exchange makes of it, as a strict saddle may carry any set."""

_MOST = 4096  # values listed in full: more cannot be told apart in a picture


def nonzero_eigenvalues(problem: ReducedProblem) -> int:
    """Count the eigenvalues of Sigma that are surely not zero: whose roots stand clear of the error of T."""
    return int(np.count_nonzero(surely_nonzero(problem.target_svd[1], problem.target_error())))


def root_resolution(problem: ReducedProblem) -> float:
    """Singular values of T closer than this are not told apart, nor one below it from zero."""
    return UNDECIDED_FACTOR * problem.target_error()


@dataclass(frozen=True)
class Carried:
    """Which eigenvectors of Sigma a product carries, by groups that T's error does not tell apart, descending.

    Attributes
    ----------
    left, right : ndarray, shapes (dy, r) and (rank_x, r)
        Singular vectors of T; of a group that is carried in part the orthonormal combinations nearest to the product.
    roots : ndarray, shape (r,)
        Singular values of T that go with them, of each the mean of its group.
    others, others_right : ndarray, shapes (dy, q - r) and (rank_x, q - r)
        Those that are left out.
    sizes, counts : ndarray, shape (groups,)
        How many eigenvectors there are in each group, and how many of them are carried.
    """

    left: Matrix
    right: Matrix
    roots: Matrix
    others: Matrix
    others_right: Matrix
    sizes: NDArray[np.intp]
    counts: NDArray[np.intp]


def carried_eigenvectors(
    problem: ReducedProblem, mapped: Matrix, overlaps: Matrix, rank: int, *, least: float
) -> Carried | None:
    """Say which eigenvectors of Sigma a product P carries.

    Parameters
    ----------
    problem : ReducedProblem
    mapped : ndarray, shape (dy, q)
        P V, V the right singular vectors of T.
    overlaps : ndarray, shape (q,)
        u_i^T P v_i (`overlaps_of`).
    rank : int
        Of P.
    least : float
        Singular value number `rank` of P.

    Returns
    -------
    Carried or None
        None if P is no combination of whole eigenvectors, or carries one of eigenvalue zero.
    """
    u, s, vt = problem.target_svd
    resolution, starts, sizes = _groups(problem)
    counts = sizes if rank else np.zeros_like(sizes)
    if 0 < rank < len(u):  # the range of nothing and of all outputs is known without a look at the product
        shares = np.add.reduceat(carried_shares(problem, overlaps, least), starts)
        counts = np.clip(np.rint(shares), 0, sizes).astype(np.intp)
    if np.sum(counts) != rank or np.any(s[starts[counts > 0]] <= resolution):
        return None
    left, right = u, vt.T
    for k in np.flatnonzero((counts > 0) & (counts < sizes)):  # all of a group, or one alone, are as they are
        group = slice(starts[k], starts[k] + sizes[k])
        turn = svd(u[:, group].T @ mapped[:, group])[0]
        left, right = (_turned(vectors, group, turn) for vectors in (left, right))
    kept = np.arange(s.size) - np.repeat(starts, sizes) < np.repeat(counts, sizes)
    roots = np.repeat(np.add.reduceat(s, starts) / sizes, counts)
    if rank == s.size:
        return Carried(left, right, roots, left[:, rank:], right[:, rank:], sizes, counts)
    return Carried(left[:, kept], right[:, kept], roots, left[:, ~kept], right[:, ~kept], sizes, counts)


@lru_cache(maxsize=1)  # one checkpoint asks for many ranks, and so do others on the same data
def _groups(problem: ReducedProblem) -> tuple[float, NDArray[np.intp], NDArray[np.intp]]:
    """Return what tells roots apart, and the first place and the size of every group that it does not tell apart."""
    s, resolution = problem.target_svd[1], root_resolution(problem)
    starts = np.concatenate([[0], np.flatnonzero(-np.diff(s) > resolution) + 1])[: s.size]
    return resolution, starts, np.diff(np.append(starts, s.size))


def _turned(vectors: Matrix, group: slice, turn: Matrix) -> Matrix:
    turned = vectors.copy()
    turned[:, group] = vectors[:, group] @ turn
    return turned


def overlaps_of(problem: ReducedProblem, mapped: Matrix) -> Matrix:
    """u_i^T P v_i of every singular triple of T, shape (q,); `mapped` is P V."""
    return np.asarray(np.sum(problem.target_svd[0] * mapped, axis=0))


def carried_shares(problem: ReducedProblem, overlaps: Matrix, least: float) -> Matrix:
    """u_i^T P v_i / s_i of every singular triple of T, shape (q,): its share in Pi where P = Pi T, Pi a projector.

    Below the least singular value that P carries, an s_i is no longer what P v_i can be measured by.
    """
    sizes = np.maximum(problem.target_svd[1], least)
    return np.asarray(np.divide(overlaps, sizes, out=np.zeros_like(sizes), where=sizes > 0.0))


def best_loss(problem: ReducedProblem, rank: int) -> float:
    """L_k: the least loss of a product of rank at most `rank`, user's units (theory, section 2)."""
    losses = problem.loss_by_rank
    return float(losses[min(rank, losses.size - 1)])


def excess_by_rank(problem: ReducedProblem) -> Matrix:
    """1/2 sum_{i>k} l_i for k = 0..q in squared scale units, shape (q + 1,); q = min(dy, rank_x)."""
    squares = problem.target_svd[1] ** 2
    return np.concatenate([0.5 * np.cumsum(squares[::-1])[::-1], [0.0]])


def critical_losses(problem: ReducedProblem, rank_max: int, own: Sequence[int] | None = None) -> Matrix:
    """Values the loss can take at a critical point of rank at most `rank_max`, ascending, user's units.

    Parameters
    ----------
    problem : ReducedProblem
    rank_max : int
    own : sequence of int, optional
        Eigen-set, from 1, that the point at hand carries. With more than 14 eigenvalues, where not all values are
        listed, its own value and those one exchange, loss or gain of an eigenvector away are.

    Returns
    -------
    ndarray
        L(W) = 1/2 ||R22||^2 + 1/2 sum of the eigenvalues of Sigma outside an eigen-set S (theory, section 5).
    """
    return np.unique(_critical_losses(problem, rank_max, own))


def nearest_critical_losses(problem: ReducedProblem, rank_max: int, loss: float) -> tuple[float | None, float | None]:
    """Return the nearest of `critical_losses` at or below `loss`, and above it; they need not be sorted for that."""
    return nearest_losses(_critical_losses(problem, rank_max), loss)


def _critical_losses(problem: ReducedProblem, rank_max: int, own: Sequence[int] | None = None) -> Matrix:
    return _losses(problem, rank_max) if own is None else _losses_near(problem, rank_max, own)


@lru_cache(maxsize=1)  # of many checkpoints on the same data they are the same
def _losses(problem: ReducedProblem, rank_max: int) -> Matrix:
    return _losses_near(problem, rank_max, ())


def _losses_near(problem: ReducedProblem, rank_max: int, own: Sequence[int]) -> Matrix:
    eigenvalues = problem.eigenvalues[: problem.target_svd[1].size]
    if eigenvalues.size <= _ENUMERATED:
        gains = _all_gains(eigenvalues, rank_max)
    else:
        gains = _leading_gains(eigenvalues, rank_max)
        carried = [k - 1 for k in own if k <= eigenvalues.size]  # what lies beyond has the eigenvalue 0
        near = _near(carried, eigenvalues.size, rank_max) if carried else ()
        gains = np.concatenate([gains, [float(np.sum(eigenvalues[sorted(chosen)])) for chosen in near]])
    return np.asarray(best_loss(problem, 0) - 0.5 * gains)


def _near(own: list[int], size: int, rank_max: int) -> Iterator[list[int]]:
    """Yield an eigen-set, and those of at most `rank_max` that differ by one eigenvector left out, taken in or both."""
    others = [k for k in range(size) if k not in own]
    yield own
    if len(own) < rank_max:
        yield from ([*own, k] for k in others)
    for left_out in range(len(own)):
        rest = own[:left_out] + own[left_out + 1 :]
        yield rest
        yield from ([*rest, k] for k in others)


def _all_gains(eigenvalues: Matrix, rank_max: int) -> Matrix:
    """Sum the eigenvalues over every set of at most `rank_max`."""
    sums, sizes = np.zeros(1), np.zeros(1, dtype=int)
    for eigenvalue in eigenvalues:
        sums, sizes = np.concatenate([sums, sums + eigenvalue]), np.concatenate([sizes, sizes + 1])
    return np.asarray(sums[sizes <= rank_max])


def _leading_gains(eigenvalues: Matrix, rank_max: int) -> Matrix:
    """Sum the eigenvalues over {1..k}, k <= rank_max, and over the sets one exchange away: i for k + 1, or k for j."""
    leading = np.concatenate([[0.0], np.cumsum(eigenvalues)])[: rank_max + 1]
    k = np.arange(1, min(rank_max + 1, eigenvalues.size))[:, None]
    inside = np.arange(eigenvalues.size) < k
    given = np.where(inside, eigenvalues, eigenvalues[k - 1])
    return np.concatenate([leading, (leading[k] - given + np.where(inside, eigenvalues[k], eigenvalues)).ravel()])


def nearest_losses(losses: Matrix, loss: float) -> tuple[float | None, float | None]:
    """Return the nearest of some `losses` at or below `loss`, and above it."""
    below = losses <= loss
    least, most = np.max(losses[below], initial=-inf), np.min(losses[~below], initial=inf)
    return float(least) if least > -inf else None, float(most) if most < inf else None


def next_level(problem: ReducedProblem, rank_max: int) -> float | None:
    """Return the least critical value that is surely above L*: one eigenvalue of the optimal set exchanged or dropped.

    None where every critical point is a global minimum (T = 0).
    """
    roots = problem.target_svd[1]
    kept, left_out = roots[:rank_max, None], np.append(roots[rank_max:], 0.0)
    distinct = surely_nonzero(kept - left_out, problem.target_error())
    if not np.any(distinct):
        return None
    rise = np.min(((kept - left_out) * (kept + left_out))[distinct]) / 2.0
    return best_loss(problem, rank_max) + float(problem.scale**2 * rise)


@dataclass(frozen=True)
class CriticalValue:
    """The loss of the critical points whose product carries one set of eigenvectors of Sigma.

    Attributes
    ----------
    rank : int
        Size of the set.
    eigen_indices : tuple of int
        From 1, ascending; with weight decay those that it was followed from.
    loss : float
        Of the critical points.
    kinds : tuple of Verdict
        Kinds of critical point with this product that exist for the widths, the worst first.
    index_least : int
        Least Morse index of a critical point with this product.
    index_most : int or None
        The largest, of tails in the bases of T (`lossurf.landscape.index_range`); None where they are too many to try.
    index_most_proved : bool
        Whether no critical point with this product has a larger one; otherwise `index_most` is the largest found.
    """

    rank: Count
    eigen_indices: Indices
    loss: Magnitude
    kinds: Annotated[tuple[Verdict, ...], limited(minItems=1)]
    index_least: Count
    index_most: Count | None
    index_most_proved: bool


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
    positive = nonzero_eigenvalues(problem)
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
    indices = _indices(problem, widths, chosen, positive)
    return CriticalValue(
        rank=len(chosen),
        eigen_indices=tuple(k + 1 for k in chosen),
        loss=loss,
        kinds=kinds,
        index_least=indices.least,
        index_most=indices.most,
        index_most_proved=indices.proved,
    )


def _indices(problem: ReducedProblem, widths: tuple[int, ...], chosen: tuple[int, ...], positive: int) -> IndexRange:
    """Return the range of Morse indices; ties count as no inversion, exchanging them changes nothing."""
    roots, error = problem.target_svd[1], problem.target_error()
    left_out = [k for k in range(positive) if k not in chosen]
    gaps = [max(float(roots[b] - roots[a]), 0.0) for a in chosen for b in left_out]
    inversions = sum(decide_nonzero(gap, error).status is Status.HOLDS for gap in gaps)
    return index_range([width - len(chosen) for width in widths[1:-1]], len(left_out), inversions)


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


@dataclass(frozen=True)
class Eigenvalue:
    """One eigenvalue of Sigma (numbered from 1) and the range in which the stored precision leaves it.

    Attributes
    ----------
    index : int
        From 1, descending.
    value : float
        Of Sigma, squared units of Y times samples.
    low : float
        Lower end of its error bar.
    high : float
        Upper end.
    """

    index: Size
    value: Magnitude
    low: Magnitude
    high: Magnitude


def eigenvalue_bounds(problem: ReducedProblem) -> tuple[Eigenvalue, ...]:
    """Return all dy eigenvalues, descending, each with the bounds that its root has by Weyl's inequality.

    The singular values of T move by at most the error of T, and the eigenvalues are their squares.
    """
    error = problem.scale * problem.target_error()
    found = []
    for index, value in enumerate(problem.eigenvalues.tolist(), start=1):
        root = value**0.5
        low, high = max(root - error, 0.0) ** 2, (root + error) ** 2
        found.append(Eigenvalue(index, value, low, high))
    return tuple(found)
