"""Every decision on its edge: what is just below, on and just above a threshold.

Independent channel: the numbers are powers of two and small integers, so that every comparison can be made by hand.
"""

from math import inf, nextafter

import numpy as np
import pytest

from lossurf.numerics import (
    EPS,
    LARGEST_TOLERANCE,
    STABILITY_FACTOR,
    UNDECIDED_FACTOR,
    column_norms,
    data_eps,
    decide_nonzero,
    default_tolerance,
    frobenius_norm,
    numerical_rank,
    rank_threshold,
    reference_row,
    surely_nonzero,
)
from lossurf.words import Status


def test_the_constants_are_what_the_bounds_were_derived_with():
    assert EPS == 2.0**-52
    assert (UNDECIDED_FACTOR, STABILITY_FACTOR, LARGEST_TOLERANCE) == (10.0, 3.0, 1e-2)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0.0, Status.FAILS),
        (nextafter(4.0, 0.0), Status.FAILS),
        (4.0, Status.FAILS),
        (nextafter(4.0, inf), Status.UNDECIDED),
        (40.0, Status.UNDECIDED),
        (nextafter(40.0, inf), Status.HOLDS),
        (inf, Status.HOLDS),
    ],
)
def test_a_quantity_is_zero_up_to_its_error_and_open_up_to_ten_times_that(value, status):
    decision = decide_nonzero(value, 4.0)
    assert decision.status is status
    assert (decision.value, decision.threshold, decision.margin) == (value, 4.0, value / 4.0)


def test_without_an_error_the_decision_is_exact():
    assert decide_nonzero(0.0, 0.0).status is Status.FAILS
    assert decide_nonzero(5e-324, 0.0).status is Status.HOLDS
    assert decide_nonzero(1.0, 0.0).margin is None


def test_surely_nonzero_is_what_holds():
    values = np.array([0.0, 4.0, 40.0, nextafter(40.0, inf)])
    assert surely_nonzero(values, 4.0).tolist() == [False, False, False, True]


def test_rounding_is_the_order_times_eps_of_the_largest():
    assert rank_threshold(8.0, 16) == 2.0**-45
    assert rank_threshold(8.0, 16, 2.0**-23) == 2.0**-16
    assert rank_threshold(0.0, 16) == 0.0


def test_a_singular_value_on_the_threshold_is_rounding():
    assert numerical_rank(np.array([3.0, 2.0, nextafter(1.0, 2.0), 1.0, 0.0]), 1.0) == 3
    assert numerical_rank(np.zeros(2), 0.0) == 0


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200, 1e300])
def test_norms_whose_squares_leave_the_range(size):
    found = column_norms(np.array([[3.0, 0.0, 1.0], [4.0, 0.0, 0.0]]) * size)
    assert found[0] == pytest.approx(5.0 * size, rel=1e-2 if size < 1e-300 else 1e-15, abs=0.0)
    assert found[1] == 0.0
    assert found[2] == pytest.approx(size, rel=1e-15, abs=0.0)


@pytest.mark.parametrize("entry", [float("nan"), float("inf"), -float("inf")])
def test_the_norm_of_what_is_not_finite_is_infinite(entry):
    assert frobenius_norm(np.array([1.0, entry])) == float("inf")
    assert frobenius_norm(np.ones(2), np.array([[entry]])) == float("inf")
    assert frobenius_norm(np.array([3.0]), np.array([[0.0, 4.0]])) == 5.0


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_the_norm_of_several_arrays_whose_squares_leave_the_range(size):
    arrays = (np.array([2.0, 1.0]) * size, np.array([[0.0, 4.0], [2.0, 0.0]]) * size)
    assert frobenius_norm(*arrays) == pytest.approx(5.0 * size, rel=1e-15, abs=0.0)


def test_the_norms_of_no_rows_are_zero():
    assert column_norms(np.zeros((0, 2))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("dtype", "eps"),
    [
        ("float64", 2.0**-52),
        ("longdouble", 2.0**-52),
        ("float32", 2.0**-23),
        ("float16", 2.0**-10),
        ("int64", 2.0**-52),
        ("bool", 2.0**-52),
    ],
)
def test_how_well_stored_numbers_are_known(dtype, eps):
    assert data_eps(dtype) == eps


@pytest.mark.parametrize(
    ("dtypes", "tau"),
    [
        ([], 1e-8),
        (["float64"], 1e-8),
        (["int64"], 1e-8),
        (["float64", "float32"], 1e-6),
        (["float32", "float64"], 1e-6),
        (["float16", "float32"], 1e-2),
        (["float32", "bfloat16", "float64"], 1e-2),
    ],
)
def test_the_coarsest_layer_decides_the_tolerance(dtypes, tau):
    assert default_tolerance(dtypes) == tau


def test_a_reference_is_near_the_middle_short_and_exact_for_integers():
    rng = np.random.default_rng(0)
    rows = rng.integers(-9, 10, (50, 4)) + np.array([0, 1e3, 1e9, 1e15])
    reference = reference_row(rows)
    assert np.array_equal(reference, np.rint(reference))
    assert np.all(np.abs(rows - reference) <= 19)
    spread = rng.standard_normal((200, 3)) * 1e-3 + 7.0
    assert np.all(np.abs(reference_row(spread) - 7.0) < 1e-3)
    assert np.all(reference_row(spread) * 2.0**14 == np.rint(reference_row(spread) * 2.0**14))  # steps of 2^-12 or so


def test_a_reference_is_the_lower_median_in_steps_of_a_quarter_of_the_lower_median_of_what_is_off_it():
    # off 10.6: 6 in the middle of five, steps of 1; off -16.6: 9, steps of 2; and off 10.6: 10.6 before 20, steps of 2
    first = np.array([110.6, 10.6, 7.6, 9.6, 40.6, 16.6])
    rows = np.column_stack([first, -first, first])
    assert reference_row(rows).tolist() == [11.0, -16.0, 11.0]
    assert reference_row(rows[:, :1]).tolist() == [11.0]
    assert reference_row(np.array([[30.6], [0.0], [10.6]])).tolist() == [10.0]


def test_a_reference_is_that_of_31_rows_from_the_first_to_the_last_spread_evenly():
    rows = np.full((61, 1), 1.1)
    rows[1::2] = 5.0
    assert reference_row(rows).tolist() == [1.1]
    rows[0] = rows[60] = 3.0  # two of 31, by 1.9: steps of a quarter
    assert reference_row(rows).tolist() == [1.0]


def test_one_outlier_moves_no_reference():
    rows = np.ones((41, 1))
    rows[20] = 1e300
    rows[::2] += 0.5
    assert 1.0 <= reference_row(rows)[0] <= 2.0


def test_a_column_of_one_value_is_its_own_reference():
    rows = np.tile([0.1, 0.0, -0.0, 1e308, 5e-324], (7, 1))
    reference = reference_row(rows)
    assert np.array_equal(rows - reference, np.zeros_like(rows))
    assert not np.signbit(reference[2])
