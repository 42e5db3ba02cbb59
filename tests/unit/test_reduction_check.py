"""Trusted: the theorem itself: independent units average to the linear network, so the simulation must agree."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import random_network

from lossurf.nonlinear.relu import reduction_check
from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.nonlinear.relu.path_statistics import start_layer_activation
from lossurf.nonlinear.relu.reduction_check import SLOPE_ERROR, simulate_reduction
from lossurf.words import Status


def rates_of(network, X):
    return start_layer_activation(network.forward(X)[1], X.shape[0]).mean(axis=0)


@pytest.mark.parametrize(("widths", "bias"), [((5, 8, 2), False), ((5, 8, 6, 3), True), ((4, 6, 6, 6, 2), True)])
def test_random_units_average_to_the_linear_network(widths, bias):
    generator = np.random.default_rng(1)
    network, X = random_network(widths, generator, bias=bias), generator.standard_normal((20, widths[0]))
    found = simulate_reduction(network, X, rates_of(network, X), generator)
    assert found.status is Status.HOLDS
    assert found.slope_error <= SLOPE_ERROR
    assert abs(found.slope - 1.0) <= 4.5 * found.slope_error
    assert found.largest_z <= found.z_limit


def test_a_wrong_linear_network_is_noticed(monkeypatch):
    generator = np.random.default_rng(1)
    network, X = random_network((5, 8, 2), generator), generator.standard_normal((20, 5))
    right = reduction_check.reduced_map
    monkeypatch.setattr(reduction_check, "reduced_map", lambda *args: 1.1 * right(*args))
    assert simulate_reduction(network, X, rates_of(network, X), generator).status is Status.FAILS


def test_certain_units_agree_exactly():
    network = ReluNetwork((np.full((3, 2), 0.7), np.full((2, 3), 1.3)), (None, None))
    X = np.random.default_rng(0).random((5, 2))
    found = simulate_reduction(network, X, np.ones(2), np.random.default_rng(0))
    assert found.status is Status.HOLDS
    assert found.slope == pytest.approx(1.0, abs=1e-14)


def test_rare_paths_are_left_undecided():
    network = random_network((3, 4, 2), np.random.default_rng(0))
    found = simulate_reduction(network, np.eye(3), np.array([1e-9, 1.0]), np.random.default_rng(0))
    assert found.status is Status.UNDECIDED
    assert "too rarely" in found.reason


def test_a_network_that_reduces_to_zero_is_left_undecided():
    network = random_network((3, 4, 2), np.random.default_rng(0))
    found = simulate_reduction(network, np.eye(3), np.array([0.0, 1.0]), np.random.default_rng(0))
    assert (found.status, found.slope) == (Status.UNDECIDED, None)
