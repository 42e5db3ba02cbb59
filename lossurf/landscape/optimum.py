"""Critical values of the loss: the best loss of every rank, and the values nearest to a given loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lossurf.numerics import Matrix, surely_nonzero
from lossurf.reduction.problem import ReducedProblem

_ENUMERATED = 14
"""Up to this many eigenvalues all 2^14 critical values are listed; beyond, the best of each rank and its exchanges of
the last eigenvalue in or the first left out, which include the two neighbours of every plateau a descent visits, and
the point's own set with what one exchange makes of it, as a strict saddle may carry any set."""


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
    eigenvalues = problem.eigenvalues[: problem.target_svd[1].size]
    if eigenvalues.size <= _ENUMERATED:
        gains = _all_gains(eigenvalues, rank_max)
    else:
        gains = _leading_gains(eigenvalues, rank_max)
        carried = [k - 1 for k in own or () if k <= eigenvalues.size]  # what lies beyond has the eigenvalue 0
        near = _near(carried, eigenvalues.size, rank_max)
        gains = np.append(gains, [float(np.sum(eigenvalues[sorted(chosen)])) for chosen in near])
    return np.unique(best_loss(problem, 0) - 0.5 * gains)


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
    exchanged = [leading]
    for k in range(1, min(rank_max + 1, eigenvalues.size)):
        exchanged += [leading[k] - eigenvalues[:k] + eigenvalues[k], leading[k] - eigenvalues[k - 1] + eigenvalues[k:]]
    return np.concatenate(exchanged)


def nearest_losses(losses: Matrix, loss: float) -> tuple[float | None, float | None]:
    """Return the nearest of the ascending `losses` at or below `loss`, and above it."""
    position = int(np.searchsorted(losses, loss, side="right"))
    below = float(losses[position - 1]) if position > 0 else None
    return below, float(losses[position]) if position < losses.size else None


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
