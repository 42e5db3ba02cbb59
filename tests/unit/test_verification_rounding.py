"""The bounds of rounding that verification allows, each against what it bounds.

Independent channel: rational arithmetic, logarithms of numbers chosen for them, and the angle between two columns.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from lossurf.certificates.rounding import Rounding

EPS = 2.0**-52


def of(weights, R11, T, scale=1.0):
    return Rounding([np.array(W) for W in weights], np.array(R11), np.array(T), scale)


def test_the_order_counts_what_is_added_up():
    # 5 inputs, 4 and 3 hidden units, T of 2 by 6
    rounding = of([np.ones((4, 5)), np.ones((3, 4)), np.ones((2, 3))], np.ones((6, 5)), np.ones((2, 6)))
    assert rounding.own == (5 + 4 + 3 + 2 + 6) * EPS
    assert rounding.unit == rounding.own  # what is of length 1 is scaled by nothing


def test_layers_of_other_lengths_are_scaled_through_their_logarithms():
    # the largest entries are e^5, e^-7 and e^11, the scale is e^-3; a layer of zeros has no logarithm
    weights = [[[math.exp(5.0), -1.0]], [[0.0]], [[-math.exp(-7.0)]]]
    rounding = of(weights, np.diag([-math.exp(11.0), 1.0]), np.ones((1, 2)), math.exp(-3.0))
    assert rounding.unit - rounding.own == pytest.approx((5 + 7 + 11 + 3) * EPS, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("cosine", [0.0, 0.6, 1.0 - 1e-6])
@pytest.mark.parametrize("units", [(1.0, 1.0, 1.0), (1e-3, 1e-5, 1e-4), (1e-200, 1e100, 1e-200), (1e5, 1e7, 1e9)])
def test_the_condition_of_two_columns_is_told_by_their_angle_alone(cosine, units):
    # A^T A = [[1, c], [c, 1]] has the eigenvalues 1 + c and 1 - c; a third column is orthogonal to both
    R11 = np.eye(3)
    R11[:2, 1] = cosine, math.sqrt((1.0 - cosine) * (1.0 + cosine))
    condition = math.sqrt((1.0 + cosine) / (1.0 - cosine))
    assert of([np.eye(3)], R11 * units, np.eye(3)).condition == pytest.approx(condition, rel=1e-9, abs=0.0)


def test_a_column_of_zeros_is_no_reason_for_a_condition_and_neither_is_nothing():
    assert of([np.ones((1, 3))], np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 3.0]]), np.ones((1, 2))).condition == 1.0
    assert of([np.ones((1, 2))], np.ones((2, 2)), np.ones((1, 2))).condition > 1e15
    for R11 in (np.zeros((0, 2)), np.zeros((2, 2))):
        assert of([np.ones((1, 2))], R11, np.ones((1, len(R11)))).condition == 1.0


def exactly(matrix):
    return np.vectorize(Fraction)(np.asarray(matrix)).astype(object)


def size(matrix):
    return math.sqrt(float(np.sum(matrix * matrix)))


@pytest.mark.parametrize("unit", [2.0**-30, 1.0, 2.0**30])
def test_the_residual_is_off_by_less_than_its_bound_which_adds_up_its_terms(unit):
    rng = np.random.default_rng(0)
    near = 0
    for _ in range(20):
        weights = [rng.standard_normal(shape) for shape in ((3, 4), (3, 3), (2, 3))]
        R11, T = rng.standard_normal((4, 4)), unit * rng.standard_normal((2, 4))
        weights[-1] *= unit
        rounding = of(weights, R11, T, unit)
        P, terms = R11.T, abs(exactly(R11.T))
        exact = exactly(R11.T)
        for W in weights:
            P, exact, terms = W @ P, exactly(W) @ exact, abs(exactly(W)) @ terms
        off = size(exactly(P - T) - (exact - exactly(T))) / unit
        bound = rounding.unit * size(terms + abs(exactly(T))) / unit
        assert off <= rounding.residual == pytest.approx(bound, rel=1e-12, abs=0.0)
        near += off >= 1e-3 * bound
    assert near


def test_half_a_square_is_off_by_what_its_root_is_and_by_its_sum():
    # of 1/2 3^2 with an error of 1/2: 1/2 3.5^2 - 1/2 3^2, and the unit of rounding of 3^2
    rounding = of([np.eye(2)], np.eye(2), np.eye(2))
    assert rounding.square(3.0, 0.5) == pytest.approx(0.5 * (3.5**2 - 3.0**2) + 9.0 * rounding.unit, rel=1e-15, abs=0.0)
    assert rounding.square(2.0**20, 0.0) == 2.0**40 * rounding.unit


def test_a_level_is_off_by_what_its_singular_values_are_and_by_their_sum():
    # each singular value by the unit of rounding of the largest, which is the scale
    rounding = of([np.eye(2)], np.eye(2), np.eye(2), 8.0)
    values = [Fraction(1), Fraction(3, 4), Fraction(1, 8)]
    u = Fraction(rounding.unit)
    moved = sum(((v + u) ** 2 - v**2) / 2 for v in values)
    bound = float(moved + u * sum(v**2 for v in values))
    assert rounding.level(np.array([8.0, 6.0, 1.0])) == pytest.approx(bound, rel=1e-15, abs=0.0)
    u0 = float(u)
    assert rounding.level(np.zeros(3)) == pytest.approx(1.5 * u0 * u0, rel=1e-15, abs=0.0)
    assert rounding.level(np.zeros(0)) == 0.0
