"""Levels of the loss against sums written out over sets of whole numbers: X = I, so that Sigma is Y^T Y."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import lossurf
from lossurf.landscape.levels import (
    best_loss,
    critical_losses,
    eigenvalue_bounds,
    excess_by_rank,
    nearest_losses,
    next_level,
    nonzero_eigenvalues,
)

ROOTS = [7, 5, 5, 3, 2]


def of(roots, beside=0.0):
    """A problem with these singular values, and a last sample that nothing explains."""
    n = len(roots)
    X, Y = np.eye(n + 1, n), np.vstack([np.diag(np.asarray(roots, dtype=float)), np.zeros((1, n))])
    Y[n, 0] = beside
    return lossurf.Data(X, Y).problem(bias=False)


def halves(roots, most):
    """1/2 the sum of squares of what a set of at most `most` leaves out, of every set."""
    n = len(roots)
    sets = [chosen for size in range(most + 1) for chosen in combinations(range(n), size)]
    return {sum(roots[k] ** 2 for k in range(n) if k not in chosen) / 2 for chosen in sets}


@pytest.mark.parametrize("beside", [0.0, 4.0])
@pytest.mark.parametrize("most", range(6))
def test_every_set_of_eigenvectors_has_its_critical_loss(most, beside):
    found = critical_losses(of(ROOTS, beside), most)
    wanted = sorted(value + beside**2 / 2 for value in halves(ROOTS, most))
    distinct = found[np.append(True, np.diff(found) > 1e-9)]  # tied eigenvalues may differ by a rounding
    assert distinct == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("rank", range(8))
def test_the_best_of_a_rank_leaves_out_the_least_eigenvalues(rank):
    problem = of(ROOTS, 4.0)
    wanted = sum(root**2 for root in ROOTS[rank:]) / 2
    assert best_loss(problem, rank) == pytest.approx(wanted + 8.0, rel=1e-14)
    excess = excess_by_rank(problem)
    assert excess.size == 6
    assert excess[min(rank, 5)] * problem.scale**2 == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("own", [None, (), (3,), (2, 16), (1, 2, 3), (4, 9, 16)])
def test_of_many_eigenvalues_the_leading_sets_and_the_own_one_have_their_neighbours(own):
    roots = list(range(17, 1, -1))
    found, total, most = critical_losses(of(roots), 3, own), sum(root**2 for root in roots), 3
    near = [tuple(range(k)) for k in range(most + 1)]
    if own is not None:
        near.append(tuple(k - 1 for k in own))
    for chosen in near:
        others = [k for k in range(16) if k not in chosen]
        beside = (
            [chosen, *((*chosen[:i], *chosen[i + 1 :]) for i in range(len(chosen)))] if chosen in near[4:] else [chosen]
        )
        if chosen in near[4:]:
            beside += [(*rest, k) for rest in beside for k in others if len(rest) < most]
        elif chosen:
            # the first left out for any within, the last within for any left out
            beside += [(*chosen[:i], *chosen[i + 1 :], len(chosen)) for i in range(len(chosen))]
            beside += [(*chosen[:-1], k) for k in others]
        for each in beside:
            loss = (total - sum(roots[k] ** 2 for k in each)) / 2
            assert np.min(np.abs(found - loss)) < 1e-9 * total, (chosen, each)
    assert np.all(np.diff(found) > 0.0)


@pytest.mark.parametrize(("count", "listed"), [(14, 1 + 14 + 91), (15, 1 + 15 + 14 + 1)])
def test_of_fourteen_eigenvalues_every_set_is_listed_and_of_fifteen_the_leading_ones(count, listed):
    # powers of two, of which no two sets have one sum: none, each alone, the first with each other, and {2, 3}
    problem = of(2.0 ** np.arange(count, 0, -1))
    assert critical_losses(problem, 2).size == listed
    assert critical_losses(problem, 0).size == 1
    assert critical_losses(problem, 1).size == 1 + count


@pytest.mark.parametrize(
    ("loss", "nearest"),
    [(0.5, (None, 1.0)), (1.0, (1.0, 2.0)), (1.5, (1.0, 2.0)), (4.0, (4.0, None)), (9.0, (4.0, None))],
)
def test_the_values_on_either_side(loss, nearest):
    assert nearest_losses(np.array([1.0, 2.0, 4.0]), loss) == nearest


@pytest.mark.parametrize(
    ("most", "rise"), [(1, (49 - 25) / 2), (2, (25 - 9) / 2), (3, (25 - 9) / 2), (4, (9 - 4) / 2), (5, 2.0)]
)
def test_the_next_level_exchanges_or_drops_one_eigenvalue(most, rise):
    problem = of(ROOTS, 4.0)
    assert next_level(problem, most) == pytest.approx(best_loss(problem, most) + rise, rel=1e-14)


def test_where_nothing_can_be_explained_there_is_no_next_level():
    X, Y = np.eye(3, 2), np.array([[0.0], [0.0], [5.0]])
    problem = lossurf.Data(X, Y).problem(bias=False)
    assert next_level(problem, 1) is None
    assert nonzero_eigenvalues(problem) == 0


def test_an_eigenvalue_has_the_bar_of_its_root():
    """(sigma +- e)^2 with e the error of T, never below zero."""
    problem = of([3.0, 1e-18])
    error = problem.target_error() * problem.scale
    large, small = eigenvalue_bounds(problem)
    assert (large.index, small.index) == (1, 2)
    assert (large.low, large.high) == pytest.approx(((3.0 - error) ** 2, (3.0 + error) ** 2), rel=1e-15)
    assert small.low == 0.0
    assert small.high >= error**2
    assert nonzero_eigenvalues(problem) == 1
