"""Trusted: networks whose answer is known (all units on; no hidden layer; dead), loops over samples for the losses, and
the picture published measurements give of trained networks: deep ones fail everything, shallow ones only A5u-m."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from relu_enumeration import random_network
from train_relu import digits, train

import lossurf
from lossurf.errors import UsageError
from lossurf.nonlinear.relu.assumptions import LEVEL, NEGLIGIBLE, combined_p_value, decide
from lossurf.nonlinear.relu.decomposition import Decomposition
from lossurf.nonlinear.relu.estimates import UNDEFINED, Estimate
from lossurf.nonlinear.relu.independence import MaskShuffle, UnitDependence
from lossurf.nonlinear.relu.losses import affine_loss
from lossurf.reduction.engine import reduce_blocks
from lossurf.words import Status

HOLDS, FAILS, UNDECIDED = Status.HOLDS, Status.FAILS, Status.UNDECIDED
SMALL, LARGE, WIDE = Estimate(0.05, (0.01, 0.1)), Estimate(0.3, (0.11, 0.4)), Estimate(0.2, (0.05, 0.4))


def statuses(result):
    return [assumption.status for assumption in result.measurements.assumptions]


def measured(widths, *, bias, samples=400, **options):
    X, Y = digits()
    weights, biases = train(widths, X, Y, bias=bias, **options)
    return lossurf.relu(weights, X[:samples], Y[:samples], biases=biases if bias else None)


def test_a_trained_deep_network_fails_everything():
    result = measured((64, 64, 32, 10), bias=True)
    assert statuses(result) == [FAILS, FAILS, FAILS]
    assert result.measurements.status is FAILS
    assert not result.measurements.literal
    assert result.measurements.simulation.status is HOLDS
    assert result.loss.actual < result.loss.optimal_linear < result.loss.reduced  # better than any linear network


def test_a_trained_shallow_network_has_equal_paths_that_depend_on_the_input():
    assert statuses(measured((64, 64, 10), bias=False, samples=1797, rate=0.05)) == [HOLDS, FAILS, FAILS]


def all_on(generator, dx=4):
    network = random_network((dx, 5, 3, 2), generator, bias=True)
    return network.weights, [np.full(5, 100.0), np.full(3, 1e5), np.zeros(2)]


def test_a_network_with_all_units_on_holds_everything():
    generator = np.random.default_rng(0)
    weights, biases = all_on(generator)
    weights = (np.abs(weights[0]), np.abs(weights[1]), weights[2])
    result = lossurf.relu(
        weights, generator.standard_normal((60, 4)), generator.standard_normal((60, 2)), biases=biases
    )
    found = result.measurements
    assert statuses(result) == [HOLDS, HOLDS, HOLDS]
    assert (found.literal, found.status) == (True, HOLDS)
    assert (found.rho.value, found.path_cv.value, found.eta.value) == (1.0, 0.0, 0.0)
    assert (found.mask_shuffle.p_value, found.unit_dependence.p_value) == (None, None)
    assert [(layer.dead, layer.always_on) for layer in found.units] == [(0, 5), (0, 3)]
    assert result.loss.actual == pytest.approx(result.loss.reduced, rel=1e-12)
    assert result.loss.expected_units == pytest.approx(result.loss.reduced, rel=1e-12)


def test_no_hidden_layer_is_a_linear_network():
    generator = np.random.default_rng(0)
    X, W = generator.standard_normal((50, 3)), generator.standard_normal((2, 3))
    result = lossurf.relu([W], X, X @ W.T)
    assert statuses(result) == [HOLDS, HOLDS, HOLDS]
    assert result.measurements.units == ()
    assert result.reduced_network.verdict == "global-minimum"


def test_a_dead_network_is_literally_independent_and_otherwise_undecided():
    generator = np.random.default_rng(0)
    X, Y = generator.random((40, 3)), generator.standard_normal((40, 2))
    result = lossurf.relu([-np.ones((4, 3)), np.ones((2, 4))], X, Y)
    assert result.measurements.rho.value == 0.0
    assert statuses(result) == [UNDECIDED, HOLDS, UNDECIDED]
    assert result.measurements.literal
    assert [(layer.dead, layer.always_on) for layer in result.measurements.units] == [(4, 0)]


def test_losses_are_sums_over_samples():
    generator = np.random.default_rng(3)
    network = random_network((3, 6, 4, 2), generator, bias=True)
    X, Y = generator.standard_normal((70, 3)), generator.standard_normal((70, 2))
    result = lossurf.relu(network.weights, X, Y, biases=network.biases)
    hidden, rho = X, [1.0]
    for W, b in zip(network.weights[:-1], network.biases[:-1], strict=True):
        hidden = np.maximum(hidden @ W.T + b, 0.0)
    f = hidden @ network.weights[-1].T + network.biases[-1]
    assert result.loss.actual == pytest.approx(0.5 * np.sum((f - Y) ** 2), rel=1e-12)
    rho = [found.value for found in result.measurements.rho_by_start_layer]
    W1, W2, W3 = network.weights
    b1, b2, b3 = network.biases
    mean = rho[0] * (X @ (W3 @ W2 @ W1).T + W3 @ W2 @ b1) + rho[1] * W3 @ b2 + b3
    assert result.loss.reduced == pytest.approx(0.5 * np.sum((mean - Y) ** 2), rel=1e-10)
    centred = X - X.mean(axis=0)
    best = np.linalg.lstsq(centred, Y - Y.mean(axis=0), rcond=None)[1].sum() / 2
    assert result.loss.optimal_linear == pytest.approx(best, rel=1e-10)
    assert result.loss.gap == pytest.approx(result.loss.reduced - best, rel=1e-10)


def test_affine_loss_from_the_triangle_is_that_of_the_samples():
    generator = np.random.default_rng(1)
    X, Y, R = generator.standard_normal((30, 3)), generator.standard_normal((30, 2)), generator.standard_normal((2, 4))
    direct = 0.5 * np.sum((X @ R[:, :3].T + R[:, 3] - Y) ** 2)
    assert affine_loss(R, reduce_blocks([(X, Y)], 3, 2)) == pytest.approx(direct, rel=1e-12)


def test_the_same_seed_gives_the_same_result_and_another_seed_the_same_exact_values():
    generator = np.random.default_rng(5)
    network = random_network((3, 6, 2), generator)
    X, Y = generator.standard_normal((80, 3)), generator.standard_normal((80, 2))
    first, again, other = (lossurf.relu(network.weights, X, Y, seed=seed).measurements for seed in (1, 1, 2))
    assert first == again
    assert (first.rho, first.path_cv, first.delta5.value) == (other.rho, other.path_cv, other.delta5.value)
    assert first.delta5.interval != other.delta5.interval
    assert first.mask_shuffle != other.mask_shuffle or first.simulation != other.simulation


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="negative"):
        lossurf.relu([np.eye(2)], np.eye(2), np.eye(2), seed=-1)


def test_large_data_are_sampled_and_it_says_how_many(monkeypatch):
    monkeypatch.setattr("lossurf.nonlinear.relu.measure.SAMPLE_LIMIT", 300)
    monkeypatch.setattr("lossurf.nonlinear.relu.measurements._DEPENDENCE_LIMIT", 250)
    generator = np.random.default_rng(5)
    network = random_network((3, 6, 2), generator)
    X, Y = generator.standard_normal((500, 3)), generator.standard_normal((500, 2))
    found = lossurf.relu(network.weights, X, Y).measurements
    used = found.sampling
    assert (used.samples, used.paths, used.maps, used.shuffles, used.dependence) == (500, 300, 300, 300, 250)
    active = X @ network.weights[0].T > 0.0  # rho and the units' rates still use all samples
    assert found.rho.value == pytest.approx(active.mean(), rel=1e-12)
    assert found.units[0].rate_max == active.mean(axis=0).max()


@pytest.mark.parametrize("factor", [1e-150, 1e140])
def test_units_of_x_do_not_matter(factor):
    generator = np.random.default_rng(5)
    network = random_network((3, 6, 2), generator)
    X, Y = generator.standard_normal((80, 3)), generator.standard_normal((80, 2))
    plain = lossurf.relu(network.weights, X, Y)
    scaled = lossurf.relu((network.weights[0] / factor, network.weights[1]), X * factor, Y)
    assert statuses(scaled) == statuses(plain)
    assert scaled.measurements.eta.value == pytest.approx(plain.measurements.eta.value, rel=1e-10)
    assert scaled.measurements.unit_dependence == plain.measurements.unit_dependence
    assert scaled.loss.reduced == pytest.approx(plain.loss.reduced, rel=1e-10)


def test_inner_biases_without_an_output_bias_are_measured_and_noted():
    generator = np.random.default_rng(5)
    network = random_network((3, 6, 2), generator)
    X, Y = generator.standard_normal((80, 3)), generator.standard_normal((80, 2))
    result = lossurf.relu(network.weights, X, Y, biases=[np.ones(6), None])
    assert "lower bound" in result.notes[0]
    assert result.biases == (True, False)


@pytest.mark.parametrize("samples", [1, 2, 3, 9])
def test_a_handful_of_samples_decides_nothing(samples):
    generator = np.random.default_rng(2)
    network = random_network((3, 20, 2), generator)
    X, Y = generator.standard_normal((samples, 3)), generator.standard_normal((samples, 2))
    result = lossurf.relu(network.weights, X, Y)
    assert [found.interval for found in (result.measurements.path_cv, result.measurements.eta)] == [None, None]
    assert set(statuses(result)) <= {UNDECIDED, HOLDS if result.measurements.literal else UNDECIDED}


def decided(path_cv, delta5, eta, p_values, *, literal=False):
    shuffle = MaskShuffle(p_values[0], None, None)
    dependence = UnitDependence(p_values[1], 1, 0, (), None)
    parts = Decomposition(SMALL, delta5, eta)
    return [found.status for found in decide(path_cv, parts, shuffle, dependence, literal=literal)]


@pytest.mark.parametrize(
    ("path_cv", "delta5", "eta", "p_values", "expected"),
    [
        (SMALL, SMALL, SMALL, (0.5, 0.5), [HOLDS, HOLDS, HOLDS]),
        (LARGE, LARGE, LARGE, (0.5, 0.01), [FAILS, FAILS, FAILS]),
        (LARGE, LARGE, LARGE, (0.5, 0.03), [FAILS, UNDECIDED, FAILS]),  # two tests: 0.03 is 0.06 together
        (WIDE, WIDE, WIDE, (0.5, 0.01), [UNDECIDED, UNDECIDED, UNDECIDED]),
        (SMALL, LARGE, LARGE, (None, None), [HOLDS, UNDECIDED, FAILS]),  # no test, so no rejection
        (SMALL, LARGE, LARGE, (None, 0.04), [HOLDS, FAILS, FAILS]),  # one test keeps the whole level
        (UNDEFINED, UNDEFINED, UNDEFINED, (0.01, 0.01), [UNDECIDED, UNDECIDED, UNDECIDED]),
    ],
)
def test_the_rule(path_cv, delta5, eta, p_values, expected):
    assert decided(path_cv, delta5, eta, p_values) == expected


def test_to_the_letter_overrides_what_cannot_be_measured():
    assert decided(UNDEFINED, UNDEFINED, UNDEFINED, (None, None), literal=True) == [UNDECIDED, HOLDS, UNDECIDED]


def test_limits_belong_to_the_side_that_is_documented():
    assert replace(SMALL, interval=(0.0, NEGLIGIBLE)).within(NEGLIGIBLE) is HOLDS
    assert replace(SMALL, interval=(NEGLIGIBLE, 1.0)).within(NEGLIGIBLE) is UNDECIDED
    assert combined_p_value(MaskShuffle(LEVEL / 2, None, None), UnitDependence(1.0, 1, 0, (), None)) == LEVEL
