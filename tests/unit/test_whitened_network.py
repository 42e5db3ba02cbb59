"""Layers in whitened coordinates: the gauges, and which layers are only rounding.

Independent channel: on Y = X of one column a layer of one number is, in units of T, the number that is stored.
"""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from lossurf.network import Gauge, whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

X = np.array([[3.0], [4.0]])


def read(*numbers, gauge=Gauge.STORED):
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1))
    return whiten([np.array([[number]]) for number in numbers], problem, gauge=gauge)


def sizes(network):
    return [float(np.linalg.norm(W, 2)) for W in network.layers]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ((4.0, 0.5, 2.0), (2.0, 1.0, 2.0)),  # one that is above T gives to the one below, the longest first
        ((4.0, 0.125, 2.0), (1.0, 1.0, 1.0)),
        ((4.0, 0.25, 0.125), (1.0, 0.354, 0.354)),  # and the shortest is given to first
        ((0.5, 0.25, 1.0), (0.5, 0.25, 1.0)),  # else nothing is moved
        ((4.0, 2.0), (4.0, 2.0)),
        ((0.0, 4.0, 1.0), (0.0, 1.0, 1.0)),  # beside a zero nothing is longer than T
        ((0.0, 0.5, 0.25), (0.0, 0.5, 0.25)),
        ((0.0, 4.0, 0.5), (0.0, 1.0, 1.0)),
    ],
)
def test_as_stored_only_a_factor_between_the_layers_is_shared(stored, expected):
    assert sizes(read(*stored)) == pytest.approx(expected, rel=2e-3)


def test_balanced_no_layer_is_longer_than_another_and_beside_a_zero_each_is_as_long_as_t():
    assert sizes(read(4.0, 0.5, 4.0, gauge=Gauge.BALANCED)) == pytest.approx([2.0, 2.0, 2.0])
    assert sizes(read(0.0, 4.0, 0.5, gauge=Gauge.BALANCED)) == pytest.approx([0.0, 1.0, 1.0])


@pytest.mark.parametrize("gauge", Gauge)
def test_no_gauge_moves_the_product(gauge):
    network = read(4.0, -0.5, 3.0, gauge=gauge)
    assert float(network.product[0, 0] / network.target[0, 0]) == pytest.approx(-6.0)
    assert sum(network.stretch) == pytest.approx(0.0, abs=1e-14)


def test_rounding_of_w_1_reaches_as_far_as_what_cancels_in_its_product_with_x():
    # W_1 X = 3 x - x = 2 x, of ||W_1|| = sqrt(10) and two equal columns, sqrt(2)
    problem = reduced_problem(reduce_blocks([(np.hstack([X, X]), X)], 2, 1))
    network = whiten([np.array([[3.0, -1.0]])], problem)
    assert sizes(network) == pytest.approx([2.0])
    assert network.first_layer_size == pytest.approx(np.sqrt(20.0))


@pytest.mark.parametrize(
    ("numbers", "gone"),
    [
        ((0.0, 1.2e-14, 1.0), True),  # ten times 6 eps, 6 the widths, are 1.3e-14
        ((0.0, 1.5e-14, 1.0), False),
        ((0.0, 1e-14, 1e6), True),  # as it is stored, whatever another layer could give it
        ((1.0, 1e-14, 1.0), False),  # and only beside a zero
    ],
)
def test_beside_a_zero_a_layer_of_ten_roundings_is_one_too(numbers, gone):
    assert (sizes(read(*numbers))[1] == 0.0) is gone


def test_a_layer_that_is_rounding_has_the_units_of_a_zero():
    assert read(0.0, 1e-16, 2.0).stretch == pytest.approx(read(0.0, 0.0, 2.0).stretch)


def test_a_first_layer_blind_to_x_is_zero_where_its_rounding_moves_no_product():
    # W_1 is orthogonal to the one direction of X, so that its product with X is rounding; times 1e26 it dwarfs Y
    rng = np.random.default_rng(0)
    rounded = 0
    for _ in range(20):
        x = rng.standard_normal((4, 1)) @ rng.standard_normal((1, 3))
        problem = reduced_problem(reduce_blocks([(x, x[:, :1])], 3, 1))
        W_1 = np.linalg.svd(x)[2][2:]
        assert sizes(whiten([W_1, np.ones((1, 1))], problem)) == pytest.approx([0.0, 1.0])
        large = whiten([W_1, np.full((1, 1), 1e26)], problem)
        rounded += sizes(large)[0] > 0.0
    assert rounded > 10


def test_the_logarithms_of_the_factors_are_those_of_the_layers():
    assert read(4.0, 0.5, 2.0).stretch == pytest.approx([-log(2.0), log(2.0), 0.0])
