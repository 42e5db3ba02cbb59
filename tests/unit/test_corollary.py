"""Trusted: expectation and variance summed over every state of all units, or over every path."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import all_masks, output_by_paths, random_network, unit_paths

from lossurf.nonlinear.relu.corollary import path_variance, reduced_map, unit_probabilities, unit_variance
from lossurf.nonlinear.relu.path_statistics import start_layer_activation

CASES = [((2, 3, 2), False), ((2, 3, 2), True), ((3, 2, 2, 2), True), ((2, 2, 3, 1), False)]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    generator = np.random.default_rng(8)
    widths, bias = request.param
    network = random_network(widths, generator, bias=bias)
    X = generator.standard_normal((40, widths[0]))
    rates = start_layer_activation(network.forward(X)[1], 40).mean(axis=0)
    return network, X[:3], rates


def second_moment(X):
    rows = np.hstack([X, np.ones((X.shape[0], 1))])
    return rows.T @ rows


def expectation_over_units(network, x, p):
    mean = square = 0.0
    for masks in all_masks(network.hidden_widths):
        chance = np.prod([p[k] if on else 1 - p[k] for k, layer in enumerate(masks) for on in layer])
        f = output_by_paths(network, x, masks)
        mean, square = mean + chance * f, square + chance * f**2
    return mean, square - mean**2


def test_independent_units_average_to_the_reduced_map_with_this_variance(case):
    network, X, rates = case
    p = unit_probabilities(rates)
    assert np.prod(p) == pytest.approx(rates[0], rel=1e-13)
    parts = [expectation_over_units(network, x, p) for x in X]
    R = reduced_map(network, rates)
    np.testing.assert_allclose([mean for mean, _ in parts], np.hstack([X, np.ones((3, 1))]) @ R.T, rtol=1e-10)
    total = sum(float(variance.sum()) for _, variance in parts)
    assert unit_variance(network, rates, second_moment(X)) == pytest.approx(total, rel=1e-10)


def test_independent_paths_have_this_variance(case):
    network, X, rates = case
    on = [np.ones(width, dtype=bool) for width in network.hidden_widths]
    total = 0.0
    for x in X:
        for start in range(network.hidden_layers + 1):
            for path in unit_paths(network.hidden_widths, start):
                only = output_by_paths(network, x, on, lambda s, q, at=(start, path): float((s, q) == at))
                if start:
                    total += rates[start] * (1 - rates[start]) * float(np.sum(only**2))
                    continue
                W, b = network.weights[0], network.biases[0]  # a path from the input begins at one entry of x
                entries = np.append(W[path[0]] * x, 0.0 if b is None else b[path[0]])
                later = only / (entries.sum())
                total += rates[0] * (1 - rates[0]) * float(np.sum(later**2) * np.sum(entries**2))
    assert path_variance(network, rates, second_moment(X)) == pytest.approx(total, rel=1e-9)


def test_certain_units_have_no_variance():
    network = random_network((3, 4, 2), np.random.default_rng(0))
    moment = second_moment(np.eye(3))
    assert unit_variance(network, np.ones(2), moment) == 0.0
    assert path_variance(network, np.ones(2), moment) == 0.0


def test_probabilities_of_a_network_with_a_dead_layer_are_defined():
    assert unit_probabilities(np.array([0.0, 0.0, 1.0])).tolist() == [0.0, 0.0]
