"""Trusted: losses of projected least squares on the data, and dense Hessians of points built by their formulas."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from critical_points import RECIPES, Point, build, dense_hessian, eigen_system, random_data, true_type

import lossurf
from lossurf.errors import UsageError
from lossurf.landscape import levels as module
from lossurf.landscape.levels import critical_losses, critical_values, nearest_losses
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import Verdict

STRICT, BAD, GLOBAL = Verdict.STRICT_SADDLE, Verdict.BAD_SADDLE, Verdict.GLOBAL_MINIMUM


def problem_of(X, Y):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]))


@pytest.fixture(scope="module")
def data():
    return random_data(np.random.default_rng(4), 5, 3, 20)


@pytest.mark.parametrize("widths", [(5, 4, 4, 3), (5, 2, 3), (5, 3), (5, 6, 2, 4, 3)], ids=str)
def test_every_set_of_eigenvectors_has_its_loss(data, widths):
    X, Y = data
    fit = Y @ np.linalg.pinv(X) @ X
    U = np.linalg.svd(fit)[0]
    found, complete = critical_values(problem_of(X, Y), widths)
    assert complete
    highest = min(widths)
    sets = [s for rank in range(highest + 1) for s in combinations(range(3), rank)] if len(widths) > 2 else [(0, 1, 2)]
    expected = {
        tuple(k + 1 for k in chosen): 0.5 * np.sum((U[:, list(chosen)] @ U[:, list(chosen)].T @ fit - Y) ** 2)
        for chosen in sets
    }
    assert {value.eigen_indices for value in found} == set(expected)
    for value in found:
        assert value.loss == pytest.approx(expected[value.eigen_indices], rel=1e-11)
        assert value.rank == len(value.eigen_indices)
    assert [value.loss for value in found] == sorted((value.loss for value in found), reverse=True)


@pytest.mark.parametrize("widths", [(5, 4, 4, 3), (5, 2, 3), (5, 4, 2, 4, 3)], ids=str)
def test_the_worst_kind_of_each_value_is_that_of_a_point_without_tails(data, widths):
    X, Y = data
    generator = np.random.default_rng(1)
    for value in critical_values(problem_of(X, Y), widths)[0]:
        chosen = tuple(k - 1 for k in value.eigen_indices)
        weights = build(generator, widths, X, Y, eigen_set=chosen, recipe="zero")
        assert value.kinds[0] == true_type(Point(weights, X, Y, chosen, "zero")), value


def test_one_hidden_layer_has_no_bad_saddle_and_no_hidden_layer_only_the_minimum(data):
    problem = problem_of(*data)
    assert {kind for value in critical_values(problem, (5, 4, 3))[0] for kind in value.kinds} == {STRICT, GLOBAL}
    assert [value.kinds for value in critical_values(problem, (5, 3))[0]] == [(GLOBAL,)]


def test_leading_sets_below_the_optimum_have_strict_saddles_besides(data):
    X, Y = data
    for chosen in ((), (0,), (0, 1)):
        weights = build(np.random.default_rng(2), (5, 4, 4, 3), X, Y, eigen_set=chosen, recipe="inner")
        assert true_type(Point(weights, X, Y, chosen, "inner")) == STRICT
    kinds = {value.eigen_indices: value.kinds for value in critical_values(problem_of(*data), (5, 4, 4, 3))[0]}
    assert kinds[()] == kinds[1,] == kinds[1, 2] == (BAD, STRICT)
    assert kinds[2,] == kinds[1, 3] == (STRICT,)
    assert kinds[1, 2, 3] == (GLOBAL,)


def test_zero_eigenvalues_carry_no_critical_point(data):
    X, Y = data
    values = critical_values(problem_of(X, np.vstack([Y[:1], Y[:1]])), (5, 4, 4, 2))[0]
    assert [(value.eigen_indices, value.kinds[0]) for value in values] == [((), BAD), ((1,), GLOBAL)]


def test_of_too_many_sets_the_leading_ones_and_their_exchanges_are_listed(data, monkeypatch):
    problem = problem_of(*data)
    everything = {value.eigen_indices: value for value in critical_values(problem, (5, 4, 4, 3))[0]}
    monkeypatch.setattr(module, "_MOST", 5)
    found, complete = critical_values(problem, (5, 4, 4, 3))
    assert not complete
    assert {value.eigen_indices for value in found} == {(), (1,), (2,), (3,), (1, 2), (1, 3), (1, 2, 3)}
    assert all(everything[value.eigen_indices] == value for value in found)


@pytest.mark.parametrize(("widths", "sets"), [((5, 4, 3), 8), ((5, 2, 3), 7), ((5, 1, 3), 4)], ids=str)
def test_all_sets_are_listed_up_to_as_many_as_may_be(data, monkeypatch, widths, sets):
    problem = problem_of(*data)
    for most, complete in ((sets, True), (sets - 1, False)):
        monkeypatch.setattr(module, "_MOST", most)
        found, whole = critical_values(problem, widths)
        assert whole is complete
        assert len(found) == sets or not complete


def test_nothing_to_gain_leaves_one_value():
    X, Y = np.eye(4)[:2], np.eye(4)[2:]
    values, _ = critical_values(problem_of(X, Y), (2, 3, 3, 2))
    assert [(value.rank, value.kinds) for value in values] == [(0, (GLOBAL,))]


def test_the_eigen_system_used_here_has_distinct_values(data):
    values = eigen_system(*data)[1]
    assert np.min(-np.diff(values)) > 1e-3


@pytest.mark.parametrize(("own", "rank_max"), [((3, 5, 8), 14), ((), 14), ((16,), 14), ((2, 4, 6, 8), 4)], ids=str)
def test_a_saddle_of_many_outputs_lies_on_a_listed_level_between_its_neighbours(own, rank_max):
    # channel: the losses of all 2^16 projections of least squares, summed from the singular values of the fit
    X, Y = random_data(np.random.default_rng(11), 20, 16, 60)
    fit = Y @ np.linalg.pinv(X) @ X
    squares, rest = np.linalg.svd(fit, compute_uv=False)[:16] ** 2, np.sum((Y - fit) ** 2)
    carried = (np.arange(2**16)[:, None] >> np.arange(16)) & 1
    carried = carried[carried.sum(axis=1) <= rank_max]
    every = np.sort(0.5 * (rest + (1 - carried) @ squares))
    listed = critical_losses(problem_of(X, Y), rank_max, own=own)
    places = np.searchsorted(every, listed).clip(1, every.size - 1)
    assert np.max(np.minimum(np.abs(every[places] - listed), np.abs(every[places - 1] - listed))) < 1e-11 * every[-1]
    loss = 0.5 * (rest + sum(squares[k] for k in range(16) if k + 1 not in own))
    assert min(abs(level - loss) for level in nearest_losses(listed, loss) if level is not None) < 1e-11 * loss
    for out in own:
        for into in set(range(1, 17)) - set(own):
            exchanged = loss + 0.5 * (squares[out - 1] - squares[into - 1])
            assert np.min(np.abs(listed - exchanged)) < 1e-11 * loss
    if own == (3, 5, 8):
        assert np.min(np.abs(critical_losses(problem_of(X, Y), rank_max) - loss)) > 1e-4 * loss


@pytest.mark.parametrize("times", [0.5, 1.07, 5.0])
def test_an_eigenvalue_that_may_be_rounding_is_a_level_nowhere(times):
    # channel: T is diagonal by construction; its second entry is a few errors of data stored as float32
    X = np.eye(3, dtype=np.float32)
    Y = np.zeros((3, 2), np.float32)
    Y[0, 0] = 1.0
    error = reduced_problem(reduce_blocks([(X, Y)], 3, 2, data_eps=2.0**-23)).target_error()
    Y[1, 1] = times * error
    found = lossurf.audit(X, Y, widths=(3, 2, 2))
    assert {level.rank for level in found.levels} == {0, 1}
    values, complete = critical_values(reduced_problem(reduce_blocks([(X, Y)], 3, 2, data_eps=2.0**-23)), (3, 2, 2))
    assert complete
    assert {value.rank for value in values} == {0, 1}
    with pytest.raises(UsageError):
        lossurf.construct(X, Y, (3, 2, 2, 2), "bad-saddle", eigen_set=[2])


@pytest.mark.parametrize("widths", [(5, 4, 3), (5, 2, 3), (5, 4, 4, 3)], ids=str)
def test_points_of_every_value_have_an_index_from_the_least_to_the_most(data, widths):
    # channel: negative eigenvalues of the dense Hessian; the ends are those of some point, as far as recipes go
    X, Y = data
    rng, reached = np.random.default_rng(3), 0
    for value in critical_values(problem_of(X, Y), widths)[0]:
        chosen, found = tuple(k - 1 for k in value.eigen_indices), set()
        for recipe in RECIPES:
            weights = build(rng, widths, X, Y, eigen_set=chosen, recipe=recipe)
            values = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
            found.add(int(np.sum(values < -1e-9 * np.max(np.abs(values)))))
        assert value.index_least <= min(found), (value, found)
        assert max(found) <= value.index_most, (value, found)
        reached += (value.index_least in found) + (value.index_most in found)
    assert reached >= 1.5 * len(critical_values(problem_of(X, Y), widths)[0])
