"""What a relative change of the layers does, as verification computes it, on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.certificates.plain_network import PlainNetwork, curvature

ONE = np.ones((1, 1))


def scalars(*sizes, **options):
    return PlainNetwork([size * ONE for size in sizes], ONE, ONE, 1.0, **options)


def test_as_stored_only_what_one_layer_has_above_t_is_given_to_those_below():
    # 4, 1/2, 2 become 2, 1, 2; each relative change moves P = 4 by itself, and E = 3
    network = scalars(4.0, 0.5, 2.0, as_stored=True)
    assert [float(W[0, 0]) for W in network.layers] == pytest.approx([2.0, 1.0, 2.0])
    assert network.change(4, 0) == pytest.approx(12.0)
    assert float(network.residual_block(2, 2)[0, 0]) == pytest.approx(12.0)
    assert network.residual_change(2, 2) == pytest.approx((2 * 2 + 2 * 2) * 3 + 2 * 2 * 12)
    assert network.gradient() == pytest.approx(max(6 / (8 * 3 + 2 * 12), 12 / 72))


def test_balanced_no_layer_is_longer_than_another():
    network = scalars(4.0, 0.5, 4.0)
    assert [float(W[0, 0]) for W in network.layers] == pytest.approx([2.0, 2.0, 2.0])


def test_a_change_of_a_layer_smaller_than_t_is_one_of_t():
    network = scalars(0.5, 0.5, 1.0, as_stored=True)
    assert network.change(4, 0) == pytest.approx(0.5 + 0.5 + 0.25)


def test_a_change_of_w_1_is_one_of_what_cancels_in_its_product_with_x():
    # W_1 R11^T = 3 - 1 = 2, of ||W_1|| ||R11|| = sqrt(10) sqrt(2)
    W_1, R11 = np.array([[3.0, -1.0]]), np.ones((1, 2))
    network = PlainNetwork([W_1, ONE], R11, ONE, 1.0, as_stored=True)
    assert network.change(3, 0) == pytest.approx(np.sqrt(20.0) + 2.0)


def test_beside_a_zero_the_others_have_norm_1_or_as_stored_at_most_that():
    balanced, stored = (scalars(0.0, 4.0, 0.5, as_stored=choice) for choice in (False, True))
    assert [float(W[0, 0]) for W in balanced.layers] == pytest.approx([0.0, 1.0, 1.0])
    assert [float(W[0, 0]) for W in stored.layers] == pytest.approx([0.0, 1.0, 1.0])
    assert [float(W[0, 0]) for W in scalars(0.0, 4.0, 1.0, as_stored=True).layers] == pytest.approx([0.0, 1.0, 1.0])
    assert [float(W[0, 0]) for W in scalars(0.0, 0.5, 0.5, as_stored=True).layers] == pytest.approx([0.0, 0.5, 0.5])


def test_a_layer_that_is_rounding_beside_a_zero_is_one_too():
    assert scalars(0.0, 1e-17, 1.0).layers[1] == 0.0
    assert scalars(0.0, 1e-3, 1.0).layers[1] != 0.0


@pytest.mark.parametrize(("size", "free"), [(0.009, True), (0.011, False)])
def test_a_product_of_a_hundredth_of_t_fixes_no_scale(size, free):
    assert scalars(size, 1.0).fixes_no_scale() is free


def test_the_curvature_of_two_numbers_and_the_sizes_of_its_terms():
    # L = (w_2 w_1 - 5)^2 / 2 at (2, 3) along (1, 1): (w_1 + w_2)^2 + 2 (6 - 5) = 27
    form, terms = curvature([2.0 * ONE, 3.0 * ONE], [ONE, ONE], ONE, 5.0 * ONE)
    assert form == 27.0
    # P_1^2 of 5 * 5, 2 (P_0 + T) P_2 of 2 * 11, and |E| of 2 * 1 times P_2 again
    assert terms == 25.0 + 22.0 + 2.0
