"""Every bound of the reduced data on its edge.

Independent channel: powers of two and Pythagorean triples, so that each bound can be put together by hand from the
sentence that derives it, and numbers that really were rounded to float32.
"""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.precision import Precision, column_errors, relative_input_error
from lossurf.reduction.problem import reduced_problem

EPS = 2.0**-52
SINGLE = 2.0**-23


def precision(input_error=0.0, condition=1.0, *, target=(0.0,), residual=(0.0,), coefficient=0.0, largest=1.0):
    return Precision(input_error, np.array(target), np.array(residual), coefficient, largest, condition)


def test_rounding_is_a_share_of_what_was_factored_and_uncertainty_of_what_was_stored():
    factored, stored = np.array([1.0, 2.0]), np.array([1024.0, 2.0])
    rounding, uncertain = column_errors(factored, stored, 8, SINGLE)
    assert rounding.tolist() == [24.0 * EPS, 48.0 * EPS]
    assert uncertain.tolist() == [1024.0 * SINGLE, 2.0 * SINGLE]


@pytest.mark.parametrize(("order", "share"), [(3, 19), (48, 64), (49, 144), (128, 144), (129, 145)])
def test_sums_that_blas_makes_are_over_more_rows(order, share):
    assert column_errors(np.ones(1), np.ones(1), order, EPS)[0].tolist() == [share * EPS]


def test_float64_is_exact_as_it_is_stored():
    assert column_errors(np.ones(2), np.full(2, 1e9), 8, EPS)[1].tolist() == [0.0, 0.0]


def test_centring_takes_a_large_mean_away_and_leaves_its_error():
    # numbers near 1024 are known to 1024 2^-23 each, however small their spread; 4 samples make twice that
    X = np.array([[1023.0], [1025.0], [1023.0], [1025.0]])
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1, dtype="float32", data_eps=SINGLE), bias=True)
    assert problem.output_norms == pytest.approx([2.0])
    assert problem.precision.target_errors == pytest.approx([2048.0 * SINGLE], rel=1e-6)
    assert problem.precision.residual_errors == pytest.approx([2048.0 * SINGLE], rel=1e-6)
    assert problem.precision.input_error == pytest.approx(1024.0 * SINGLE, rel=1e-6)


def test_a_column_of_which_less_is_left_than_its_error_is_none():
    # the second input is known to 2 * 1024 * 2^-23 = 2^-12, and as long as its spread about its mean
    for spread, seen in ((2.0**-13, False), (2.0**-12, False), (2.0**-11, True)):
        X = np.array([[1.0, 1024.0], [-1.0, 1024.0], [1.0, 1024.0 + spread], [-1.0, 1024.0 + spread]])
        problem = reduced_problem(reduce_blocks([(X, X[:, :1])], 2, 1, dtype="float32", data_eps=SINGLE), bias=True)
        assert bool(problem.column_norms[1] > 0.0) is seen


def test_an_output_of_which_only_error_is_left_keeps_its_loss_and_has_no_fit():
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    Y = 1024.0 + 2.0**-14 * X
    problem = reduced_problem(reduce_blocks([(X, Y)], 1, 1, dtype="float32", data_eps=SINGLE), bias=True)
    assert not problem.target.any()
    assert problem.loss_by_rank == pytest.approx([2.0**-27, 2.0**-27])  # 1/2 of four squares of 2^-14


def test_the_turn_of_a_row_space_is_error_times_condition_and_at_most_a_right_angle():
    assert precision(2.0**-10, 4.0).turn == 2.0**-8
    assert precision(2.0**-10, 2.0**20).turn == 1.0


def test_the_error_of_t_adds_outputs_and_the_turn_of_x():
    # 5 of the outputs; the turn 1/4 brings a quarter of the residual in, and a sixteenth of Y out
    assert precision(2.0**-4, 4.0, target=(3.0, 4.0)).target_error(16.0, 8.0) == 5.0 + 1.0 + 2.0


@pytest.mark.parametrize(
    ("input_error", "size", "expected"),
    [
        (0.25, 64.0, 5.0 + 2.0 * (3.0 * 0.25 * 2.0 + 8.0 / 16.0)),
        (0.25, 8.0, 8.0),  # a distance from Y is at most ||Y||
        (0.5, 64.0, 5.0 + 2.0 * (3.0 * 0.5 * 2.0 + 8.0 / 4.0)),
        (0.5001, 64.0, 64.0),  # turned so far, nothing is known
    ],
)
def test_the_error_of_a_distance_takes_the_fit_twice(input_error, size, expected):
    found = precision(input_error, 1.0, residual=(3.0, 4.0), coefficient=3.0, largest=2.0)
    assert found.distance_error(size, 8.0) == expected


def test_a_t_is_zero_below_its_error_where_the_loss_does_not_see_it():
    # sqrt(n eps) is 2^-24 for n = 16: the turn may hide that much of Y and no more
    small, large = precision(2.0**-30, target=(2.0**-40,)), precision(2.0**-10, target=(2.0**-40,))
    assert small.zero_target(1.0, 1.0, 16) == 2.0**-40 + 2.0**-60 + 2.0**-30
    assert large.zero_target(1.0, 1.0, 16) == 2.0**-40 + 2.0**-24


def test_the_worst_column_rounds_and_all_columns_are_uncertain():
    norms, rounding, uncertain = (
        np.array([1.0, 2.0, 0.0]),
        np.array([0.125, 0.5, 9.0]),
        np.array([0.0625 * 3, 0.5, 9.0]),
    )
    expected = 0.25 + np.hypot(0.1875, 0.25) / 2.0  # 3/16 and 4/16 make 5/16
    assert relative_input_error(norms, rounding, uncertain, 2.0) == expected == 0.25 + 0.15625
    assert relative_input_error(norms, 8.0 * rounding, uncertain, 2.0) == 1.0
    assert relative_input_error(np.zeros(3), rounding, uncertain, 2.0) == 0.0


def test_means_lost_along_an_intercept_are_no_error_of_the_residual():
    # channel: the centred outputs of float64 are 2, 2, -2, -2 exactly; only their mean of 2^40 is rounded
    X = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 2.0], [1.0, -2.0]])
    Y = 2.0**40 + np.array([[2.0], [2.0], [-2.0], [-2.0]])
    found = reduced_problem(reduce_blocks([(X, Y)], 2, 1))
    share = (4 + 16) * EPS  # of four columns
    assert found.precision.target_errors == pytest.approx([share * 2.0**41], rel=1e-6)
    assert found.precision.residual_errors[0] <= share * 16.0


SLOPE = np.array([[3.0], [4.0]])  # X and Y = X: T is 5
ACROSS = np.array([[-4.0], [3.0]])  # what X does not see


def float_problem(X, Y, eps=SINGLE, **options):
    blocks = [(X, Y)]
    return reduced_problem(reduce_blocks(blocks, X.shape[1], Y.shape[1], dtype="float32", data_eps=eps), **options)


def test_errors_of_eigenvalues_and_losses_are_those_of_their_roots():
    problem = float_problem(SLOPE, SLOPE)
    # T = 5 to 5 u, so that 25 is known to 2 * 5 * 5 u
    assert problem.target_error() == pytest.approx(SINGLE, rel=1e-6, abs=0.0)
    assert problem.eigenvalues == pytest.approx([25.0])
    assert problem.eigenvalues_error == pytest.approx([50.0 * SINGLE], rel=1e-6)
    # L_0 = 25/2 moves with Y alone, by 5 * 5 u; the distance 0 is known to 5 u of Y and twice 5 u of P X
    assert problem.loss_by_rank_error == pytest.approx([25.0 * SINGLE, 0.5 * (15.0 * SINGLE) ** 2], rel=1e-5, abs=0.0)


def test_below_the_rank_of_t_what_is_left_out_has_the_errors_of_y_too():
    problem = float_problem(np.eye(4)[:, :2], np.diag([4.0, 3.0, 0.0, 0.0])[:, :2])
    # distances: of Y itself 5 u; of rank 1, which leaves 3, 5 u of Y and those of the fit: 5 u and twice 5 sqrt(2) u
    of_fit = (5.0 + 2.0 * 5.0 * np.sqrt(2.0)) * SINGLE
    expected = [5.0 * SINGLE * 5.0, (5.0 * SINGLE + of_fit) * 3.0]
    assert problem.loss_by_rank_error[:2] == pytest.approx(expected, rel=1e-5)


def test_a_t_that_is_taken_for_zero_is_in_the_loss_and_in_the_error_and_its_unit_is_y():
    # u = 2^-10: T = 5 u / 2 within the error 5 u of Y
    problem = float_problem(SLOPE, ACROSS + 2.0**-11 * SLOPE, 2.0**-10)
    assert not problem.target.any()
    assert problem.scale == pytest.approx(5.0 * np.sqrt(1.0 + 2.0**-22), rel=1e-14)
    assert problem.loss_by_rank == pytest.approx([12.5 * (1.0 + 2.0**-22)] * 2, rel=1e-14)
    # u of Y, u of X along the residual and u^2 across it, and u / 2 of the T that was left out
    assert problem.target_error() == pytest.approx(2.5 * 2.0**-10 + 2.0**-20, rel=1e-5)


def test_the_signs_of_singular_vectors_are_fixed():
    rng = np.random.default_rng(0)
    for _ in range(10):
        u, s, vt = float_problem(rng.standard_normal((9, 3)), rng.standard_normal((9, 4))).target_svd
        assert np.all(np.max(u, axis=0) == np.max(np.abs(u), axis=0))
        assert np.all(s > 0.0)
        assert np.linalg.norm(u * s @ vt, 2) == pytest.approx(1.0)


def test_the_row_of_the_ones_holds_the_means():
    problem = float_problem(SLOPE, ACROSS + 7.0, bias=True)
    assert problem.mean_row.x / problem.mean_row.root_samples == pytest.approx([3.5])
    assert problem.mean_row.y / problem.mean_row.root_samples == pytest.approx([6.5])
