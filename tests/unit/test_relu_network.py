"""Trusted: the paper's sum over every single path, written out."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import output_by_paths, random_network

from lossurf.errors import InputError
from lossurf.nonlinear.relu.network import ReluNetwork

CASES = [((3, 2, 2), False), ((3, 4, 2, 3, 2), True), ((2, 3, 3, 1), True), ((3, 2), True)]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    generator = np.random.default_rng(5)
    widths, bias = request.param
    return random_network(widths, generator, bias=bias), generator.standard_normal((6, widths[0]))


def test_forward_is_the_sum_over_active_paths(case):
    network, X = case
    outputs, masks = network.forward(X)
    expected = [output_by_paths(network, x, [mask[i] for mask in masks]) for i, x in enumerate(X)]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-12)


def test_masks_of_another_sample_are_obeyed(case):
    network, X = case
    masks = tuple(mask[::-1] for mask in network.forward(X)[1])
    expected = np.array([output_by_paths(network, x, [mask[i] for mask in masks]) for i, x in enumerate(X)])
    np.testing.assert_allclose(network.masked_forward(X, masks), expected, rtol=1e-12, atol=1e-12)
    maps = np.broadcast_to(network.masked_maps(masks), (6, expected.shape[1], X.shape[1] + 1))
    by_maps = np.einsum("iok,ik->io", maps, np.hstack([X, np.ones((6, 1))]))
    np.testing.assert_allclose(by_maps, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(network.average_map(masks), maps.mean(axis=0), rtol=1e-12, atol=1e-12)


def test_start_layer_maps_separate_the_paths_by_where_they_start(case):
    network, X = case
    on = [np.ones(width, dtype=bool) for width in network.hidden_widths]
    weights = np.random.default_rng(1).random(network.hidden_layers + 1)
    R = np.tensordot(weights, network.start_layer_maps(), axes=1)
    for x in X:
        expected = output_by_paths(network, x, on, lambda start, _path: weights[start])
        np.testing.assert_allclose(R @ [*x, 1.0], expected, rtol=1e-12, atol=1e-12)


def test_averaging_in_parts_is_the_average(case, monkeypatch):
    network, X = case
    masks = network.forward(X)[1]
    whole = network.average_map(masks)
    monkeypatch.setattr("lossurf.nonlinear.relu.network._MAP_NUMBERS", 1)
    np.testing.assert_allclose(network.average_map(masks), whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("factor", [1e160, 1e308])
def test_outputs_beyond_float64_are_refused_by_name(factor):
    network = ReluNetwork((np.eye(2) * factor, np.ones((1, 2)) * factor), (None, None))
    with pytest.raises(InputError, match="leave the range of float64"):
        network.forward(np.ones((1, 2)))


def test_a_unit_at_zero_is_not_active():
    network = ReluNetwork((np.eye(2), np.ones((1, 2))), (None, None))
    assert network.forward(np.array([[0.0, 1.0]]))[1][0].tolist() == [[False, True]]
