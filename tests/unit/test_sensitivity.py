"""How far a relative change of the layers reaches, to first order.

Independent channel: three layers of one number each, whose derivatives are written down by hand, and differences of the
products of layers that really were moved.
"""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from lossurf.landscape.sensitivity import Sensitivity, vanishing_tolerance
from lossurf.network import WhitenedNetwork

# P = 2 * 1/2 * 4 = 4 and T = 1; relative changes refer to 8, what rounding of W_1 reaches, to at least 1, and to 2
NETWORK = WhitenedNetwork((np.array([[4.0]]), np.array([[0.5]]), np.array([[2.0]])), np.ones((1, 1)), (0.0,) * 3, 8.0)


def test_a_change_refers_to_the_size_of_the_layer_of_t_and_of_what_w_1_is_rounded_to():
    sensitivity = Sensitivity(NETWORK)
    assert [sensitivity.weight(k) for k in (1, 2, 3)] == [8.0, 1.0, 2.0]
    assert Sensitivity(WhitenedNetwork(NETWORK.layers, NETWORK.target, (0.0,) * 3, 3.0)).weight(1) == 4.0


@pytest.mark.parametrize(
    ("i", "j", "expected"),
    [
        (1, 0, 0.0),
        (2, 0, 8.0),
        (3, 1, 1.0),
        (4, 2, 2.0),
        (3, 0, 0.5 * 8 + 1 * 4),
        (4, 1, 2 * 1 + 2 * 0.5),
        (4, 0, 2 * 0.5 * 8 + 2 * 1 * 4 + 2 * 0.5 * 4),
    ],
)
def test_a_product_changes_by_each_layer_between_the_norms_of_the_others(i, j, expected):
    assert Sensitivity(NETWORK).change(i, j) == expected


@pytest.mark.parametrize(
    ("pair", "size", "parts"),  # of the layers above, below, and of the product
    [
        ((1, 1), 3.0, (3 * 3, 0, 20)),
        ((2, 2), 24.0, (2 * 3 * 4, 2 * 3 * 8, 2 * 4 * 20)),
        ((3, 3), 6.0, (0, 3 * 8, 2 * 20)),
        ((2, 1), 6.0, (2 * 3, 0, 2 * 20)),
        ((3, 2), 12.0, (0, 3 * 8, 4 * 20)),
    ],
)
def test_a_block_changes_by_what_is_above_below_and_the_product(pair, size, parts):
    sensitivity = Sensitivity(NETWORK)
    assert sensitivity.block_norm(*pair) == size
    assert sensitivity.block_change(*pair) == sum(parts)
    if pair[0] > pair[1]:  # the gradients, i = j, have measures of their own
        assert sensitivity.block_ratio(*pair) == size / sum(parts)


def test_the_measure_of_a_gradient_is_the_change_that_would_make_it_zero():
    assert Sensitivity(NETWORK).gradient_measures().tolist() == [3.0 / 29.0, 24.0 / 232.0, 6.0 / 64.0]


def test_a_rank_falls_where_a_change_takes_the_singular_value_after_it_and_never_in_the_identity():
    pairs = np.array([[3, 1], [2, 1]])
    assert Sensitivity(NETWORK).rank_ratio_table(pairs, 0, 2).tolist() == [[0.5, 0.0], [inf, 0.0]]
    layers = (np.diag([4.0, 1.0]), np.diag([1.0, 0.25]), np.eye(2))
    wider = Sensitivity(WhitenedNetwork(layers, np.eye(2), (0.0,) * 3, 1.0))
    assert [wider.next_singular_value(3, 1, rank) for rank in (0, 1, 2)] == [1.0, 0.25, 0.0]
    assert wider.rank_ratios(pairs, 1).tolist() == [0.25, inf]


def test_every_product_has_its_norm_and_every_layer_its_width():
    layers = (np.full((3, 2), 0.1), np.full((1, 3), 0.5), np.full((4, 1), 0.25))
    sensitivity = Sensitivity(WhitenedNetwork(layers, np.zeros((4, 2)), (0.0,) * 3, 1.0))
    assert sensitivity.widths.tolist() == [2, 3, 1, 4]
    # products of ones are ones: 3 * 0.1 * 0.5 * 0.25 eight times
    assert sensitivity.norm(4, 0) == pytest.approx(0.0375 * 8**0.5, rel=1e-14)
    assert sensitivity.norm(3, 0) == pytest.approx(0.15 * 2**0.5, rel=1e-14)


def test_nothing_vanishes_at_no_change_and_a_zero_at_any():
    assert [vanishing_tolerance(*pair) for pair in ((0.0, 0.0), (0.0, 2.0), (3.0, 2.0), (1.0, 0.0))] == [0, 0, 1.5, inf]


def test_no_change_of_the_layers_by_tau_does_more_than_was_said():
    # channel: blocks of moved layers, in the spectral norm
    rng, tau = np.random.default_rng(0), 1e-6
    for _ in range(50):
        widths = rng.integers(1, 5, 4)
        layers = tuple(rng.standard_normal(shape) for shape in zip(widths[1:], widths, strict=False))
        T = rng.standard_normal((widths[-1], widths[0]))
        here = WhitenedNetwork(layers, T, (0.0,) * 3, 1.0)
        sensitivity = Sensitivity(here)
        moved = []
        for k, W in enumerate(layers, 1):
            step = rng.standard_normal(W.shape)
            moved.append(W + tau * sensitivity.weight(k) * step / np.linalg.norm(step, 2))
        there = WhitenedNetwork(tuple(moved), T, (0.0,) * 3, 1.0)
        for i in range(1, 4):
            for j in range(1, i + 1):
                off = np.linalg.norm(there.residual_block(i, j) - here.residual_block(i, j), 2)
                assert off <= tau * (1.0 + 1e-3) * sensitivity.block_change(i, j)
