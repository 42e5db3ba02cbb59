"""Independent channels: the critical values from an eigendecomposition of the data made here, binomial counts of
eigen-sets, and the types that Theorem 2.3 and Corollary 2.4 assign to them."""

from itertools import combinations

import numpy as np
import pytest
from critical_points import eigen_system, random_data

from lossurf.api.audit import audit
from lossurf.errors import UsageError


def audited(X, Y, widths, **options):
    return audit(X.T, Y.T, widths, **options)


def shown(result):
    return {statement.id: statement.shown for statement in result.statements}


@pytest.mark.parametrize("widths", [(5, 2, 3), (5, 3, 3), (5, 2, 4, 3), (5, 1, 1, 3), (5, 4, 3, 4, 3)])
def test_every_statement_is_shown_at_every_level_with_its_critical_value(widths):
    X, Y = random_data(np.random.default_rng(sum(widths)), 5, 3, 30)
    result = audited(X, Y, widths)
    assert result.shown, result.statements
    assert result.theorem.applies == "yes"
    highest = min(widths)
    sets = {members for rank in range(highest + 1) for members in combinations((1, 2, 3), rank)}
    assert {level.eigen_indices for level in result.levels} == sets
    assert result.levels_total == len(sets)
    fitted = eigen_system(X, Y)[1] ** 2
    rest = np.sum(Y**2) - np.sum(fitted)
    for level in result.levels:
        kept = [index - 1 for index in level.eigen_indices]
        expected = 0.5 * (rest + np.sum(np.delete(fitted, kept)))
        assert level.loss == pytest.approx(expected, rel=1e-10)
        assert [point.loss for point in level.points] == pytest.approx([expected] * len(level.points), rel=1e-10)


def test_types_are_those_of_the_theorem():
    X, Y = random_data(np.random.default_rng(2), 4, 3, 25)
    result = audited(X, Y, (4, 2, 2, 3))
    for level in result.levels:
        leading = level.eigen_indices == tuple(range(1, level.rank + 1))
        for point in level.points:
            if not leading:
                assert point.verdict == "strict-saddle"
            elif level.rank == 2:
                assert point.verdict == "global-minimum"
                assert point.decrease is point.rise is None
            else:
                assert point.verdict == ("strict-saddle" if point.tails else "bad-saddle")
                assert point.inner_rank == (2 if point.tails else level.rank)


def test_a_bad_saddle_is_left_by_as_much_as_the_next_level_is_lower():
    X, Y = random_data(np.random.default_rng(9), 4, 3, 25)
    levels = {level.eigen_indices: level for level in audited(X, Y, (4, 3, 3, 3)).levels}
    for rank in range(3):
        (bad,) = (p for p in levels[tuple(range(1, rank + 1))].points if p.verdict == "bad-saddle")
        here, lower = (levels[tuple(range(1, k + 1))].loss for k in (rank, rank + 1))
        assert bad.decrease == pytest.approx(here - lower, rel=1e-9)


@pytest.mark.parametrize("case", ["tie", "zero", "wide-output", "copied-input", "bias"])
def test_data_outside_the_hypotheses_are_audited_too_and_said_to_be_outside(case):
    rng = np.random.default_rng(4)
    if case == "wide-output":
        X, Y = random_data(rng, 2, 4, 20)
    else:
        X, Y = random_data(rng, 4, 3, 20, tie=case == "tie", zero=case == "zero")
    if case == "copied-input":
        X = np.vstack([X, X[:1]])
    if case == "bias":
        X, Y = X + 5.0, Y - 3.0
    result = audited(X, Y, (X.shape[0], 2, 2, Y.shape[0]), bias=case == "bias")
    assert result.shown, result.statements
    assert (result.theorem.applies == "yes") is (case == "bias")


def test_the_limit_keeps_the_best_fits_of_every_rank():
    X, Y = random_data(np.random.default_rng(6), 6, 5, 30)
    result = audited(X, Y, (6, 5, 5, 5), limit=7)
    assert result.levels_total == 2**5
    assert [level.eigen_indices for level in result.levels[:6]] == [tuple(range(1, r + 1)) for r in range(6)]
    assert len(result.levels) == 7


def test_a_limit_beyond_every_integer_of_the_machine_shows_all_levels():
    X, Y = random_data(np.random.default_rng(6), 4, 2, 30)
    result = audited(X, Y, (4, 3, 2), limit=10**30)
    assert len(result.levels) == result.levels_total == 2**2


def test_nothing_to_fit_shows_nothing():
    result = audited(np.eye(2, 6), np.eye(6)[4:5], (2, 2, 1))
    assert not result.shown
    assert result.witness is None
    assert not any(shown(result).values())


def test_a_network_without_hidden_layer_is_refused():
    X, Y = random_data(np.random.default_rng(1), 3, 2, 12)
    with pytest.raises(UsageError, match="without a hidden layer"):
        audited(X, Y, (3, 2))
