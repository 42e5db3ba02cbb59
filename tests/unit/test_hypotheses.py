"""Independent channel: integer data whose ranks and eigenvalues are read off, and exact changes of units."""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.numerics import data_eps
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.theory.hypotheses import check_hypotheses


def statuses(X: np.ndarray, Y: np.ndarray, dtype: str = "float64") -> dict[str, str]:
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    triangle = reduce_blocks([(X, Y)], X.shape[1], Y.shape[1], dtype=dtype, data_eps=data_eps(dtype))
    return {finding.id: str(finding.status) for finding in check_hypotheses(reduced_problem(triangle))}


def unit_inputs(*singular_values: float) -> tuple[np.ndarray, np.ndarray]:
    """X the first three unit columns, Y X^T diagonal: Sigma has the squares of the given numbers as eigenvalues."""
    X = np.eye(5)[:, :3]
    return X, np.eye(5)[:, : len(singular_values)] * np.array(singular_values)


def test_all_hold_where_the_eigenvalues_are_9_4_1() -> None:
    assert set(statuses(*unit_inputs(3, 2, 1)).values()) == {"holds"}


def test_a_gap_that_rounding_could_hide_is_undecided_and_never_a_tie() -> None:
    assert statuses(*unit_inputs(3, 2, 2))["distinct-eigenvalues"] == "undecided"
    assert statuses(*unit_inputs(3, 2, 2 + 1e-9))["distinct-eigenvalues"] == "holds"
    assert statuses(*unit_inputs(3, 2, 2 + 1e-9), dtype="float32")["distinct-eigenvalues"] == "undecided"


def test_two_zero_eigenvalues_are_a_tie() -> None:
    found = statuses(*unit_inputs(3, 0, 0))
    assert (found["xyt-full-rank"], found["distinct-eigenvalues"]) == ("fails", "fails")


def test_more_outputs_than_inputs_leave_a_tie_at_zero() -> None:
    found = statuses(np.eye(6)[:, :2], np.eye(6)[:, :4] * [4, 3, 2, 1])
    assert found == {
        "xxt-full-rank": "holds",
        "xyt-full-rank": "holds",
        "dy-le-dx": "fails",
        "distinct-eigenvalues": "fails",
    }


def test_only_what_no_rounding_can_hide_fails() -> None:
    X, Y = unit_inputs(3, 2, 1)
    assert statuses(np.hstack([X, np.zeros((5, 1))]), Y)["xxt-full-rank"] == "fails"
    assert statuses(X[:2], Y[:2])["xxt-full-rank"] == "fails"  # two samples span no three inputs
    assert statuses(np.hstack([X, X[:, :1]]), Y)["xxt-full-rank"] == "undecided"  # a copy, or one that differs by 1e-17


def centred(X: np.ndarray, Y: np.ndarray) -> tuple[dict[str, str], tuple[int, int]]:
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    problem = reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1]), bias=True)
    return {finding.id: str(finding.status) for finding in check_hypotheses(problem)}, problem.rank_bounds


def test_a_constant_column_is_nothing_beside_a_bias_and_one_direction_without() -> None:
    X = np.column_stack([[1, 2, 4, 8, 16], np.full(5, 3), [1, -1, 1, -1, 2]])
    Y = np.column_stack([[1, 0, 2, 0, 1], np.full(5, 7)])
    found, bounds = centred(X, Y)
    assert bounds == (2, 1)
    assert (found["xxt-full-rank"], found["xyt-full-rank"]) == ("fails", "fails")
    found = statuses(X, Y)
    assert (found["xxt-full-rank"], found["xyt-full-rank"]) == ("holds", "holds")
    doubled = np.column_stack([X, np.full(5, -2)])  # two constants are one direction, whatever rounding does
    assert statuses(doubled, Y)["xxt-full-rank"] == "fails"


def test_a_bias_takes_one_sample() -> None:
    X, Y = np.array([[1, 5, 2], [2, 1, 1], [4, 3, 9]]), np.array([[1], [2], [5]])
    assert statuses(X, Y)["xxt-full-rank"] == "holds"
    found, bounds = centred(X, Y)
    assert (found["xxt-full-rank"], bounds) == ("fails", (2, 1))


def test_eigenvalues_that_are_zero_whatever_the_numbers_are_have_no_error() -> None:
    X, Y = np.eye(6)[:, :4] * [1, 2, 3, 4] + 0.1, np.random.default_rng(0).standard_normal((6, 5))
    Y[:, 4] = 0.0
    X[:, 2:] = 0.0
    problem = reduced_problem(reduce_blocks([(X, Y)], 4, 5))
    assert problem.rank_bounds == (2, 4)
    assert np.all(problem.eigenvalues[:2] > 0.0)
    assert problem.eigenvalues[2:].tolist() == problem.eigenvalues_error[2:].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("units", [1e-6, 1e6, 1e100, 1e-100])
def test_units_of_the_inputs_do_not_matter(units: float) -> None:
    generator = np.random.default_rng(3)
    X, Y = generator.standard_normal((30, 3)), generator.standard_normal((30, 3))
    assert statuses(X * [units, 1.0, 1.0 / units], Y) == statuses(X, Y)


def test_units_of_the_outputs_make_no_eigenvalue_zero() -> None:
    generator = np.random.default_rng(4)
    X, Y = generator.standard_normal((30, 3)), generator.standard_normal((30, 3))
    found = statuses(X, Y * [1e20, 1.0, 1.0])  # the last two eigenvalues drown in the rounding of the first
    assert (found["xyt-full-rank"], found["distinct-eigenvalues"]) == ("holds", "undecided")


def test_inputs_below_the_precision_of_float64_are_refused() -> None:
    X, Y = unit_inputs(3, 2, 1)
    with pytest.raises(InputError, match=r"column 2 of X is so small .* \(X\); rescale"):
        statuses(X * [1.0, 1e-310, 1.0], Y)
