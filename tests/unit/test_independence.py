"""Trusted: distance covariance from its definition in loops, and the binomial law of false alarms under the null."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import random_network

from lossurf.nonlinear.relu.independence import (
    centred_distances,
    mask_shuffle_test,
    testable_units,
    unit_dependence_test,
)
from lossurf.nonlinear.relu.network import ReluNetwork

LEVEL = 0.05
testable_units.__test__ = False  # its name is its meaning, not pytest's


def distance_covariance(a, X):
    """Szekely, Rizzo & Bakirov 2007, definition 4, term by term; X with unit variances."""
    n = len(a)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    A = np.array([[abs(float(a[i]) - float(a[j])) for j in range(n)] for i in range(n)])
    B = np.array([[np.sqrt(sum((Z[i] - Z[j]) ** 2)) for j in range(n)] for i in range(n)])
    centre = lambda D: D - D.mean(axis=0) - D.mean(axis=1, keepdims=True) + D.mean()  # noqa: E731  # as in the paper
    return float(np.mean(centre(A) * centre(B)))


def test_the_quadratic_form_is_the_distance_covariance():
    generator = np.random.default_rng(3)
    X, a = generator.standard_normal((15, 3)) * [1.0, 50.0, 1e-3], generator.random(15) < 0.5
    form = -2.0 / 15**2 * float(a @ centred_distances(X) @ a)
    assert form == pytest.approx(distance_covariance(a, X), rel=1e-10)


def test_only_units_with_enough_samples_in_both_states_are_tested():
    mask = np.zeros((100, 4), dtype=bool)
    mask[:5, 1] = mask[:6, 2] = mask[:, 3] = True  # p(1-p)n: 0, 4.75, 5.64, 0
    rows, names = testable_units((mask, mask[:, :2]))
    assert names == [(1, 3)]
    assert rows.shape == (1, 100)


def null_problem(generator, n=60):
    network = random_network((4, 6, 5, 2), generator)
    X = generator.standard_normal((n, 4))
    rates = generator.random(6) * 0.8 + 0.1
    first = generator.random((n, 6)) < rates
    second = np.column_stack([generator.random((n, 4)) < 0.5, first[:, 0]])  # units may depend on each other
    return network, X, (first, second)


def false_alarms(runs, seed):
    generator = np.random.default_rng(seed)
    shuffle = dependence = 0
    for _ in range(runs):
        network, X, masks = null_problem(generator)
        shuffle += mask_shuffle_test(network, X, masks, generator, permutations=99).p_value <= LEVEL
        found = unit_dependence_test(X, masks, generator, level=LEVEL, permutations=99)
        dependence += found.p_value <= LEVEL
        assert (found.dependent > 0) == (found.p_value <= LEVEL)
    return shuffle, dependence


def test_false_alarms_are_no_more_than_the_level_allows():
    """60 null runs; more than 9 alarms at level 0.05 has probability 0.0007."""
    assert max(false_alarms(60, seed=1)) <= 9


@pytest.mark.slow
def test_null_calibration_over_200_runs():
    """Alarms within the 99 % interval of binomial(200, 0.05): 3 to 19."""
    shuffle, dependence = false_alarms(200, seed=20)
    assert 3 <= shuffle <= 19
    assert 3 <= dependence <= 19


def test_units_that_read_the_input_are_found_and_the_others_are_not():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((120, 3))
    mask = np.column_stack([X[:, 0] > 0.0, generator.random((120, 5)) < 0.5])
    found = unit_dependence_test(X, (mask,), generator, level=LEVEL, permutations=199)
    assert found.p_value == 1 / 200
    assert found.tested == 6
    adjusted = {(unit.layer, unit.unit): unit.p_value for unit in found.units}
    assert adjusted[1, 1] == 1 / 200
    assert min(p for unit, p in adjusted.items() if unit != (1, 1)) > LEVEL


def test_the_masks_of_a_relu_network_betray_their_input():
    generator = np.random.default_rng(0)
    network, X = random_network((3, 8, 1), generator), generator.standard_normal((200, 3))
    found = mask_shuffle_test(network, X, network.forward(X)[1], generator, permutations=199)
    assert found.p_value == 2 / 200
    assert found.ratio != pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("X", "mask", "reason"),
    [
        (np.random.default_rng(0).random((30, 2)), np.ones((30, 3), dtype=bool), "active often enough"),
        (np.ones((30, 2)), np.arange(30)[:, None] % 2 == [0, 1], "all inputs are equal"),
        (np.eye(30), np.arange(30)[:, None] % 2 == [0, 1], "no shuffle changes"),  # all distances equal
    ],
    ids=["constant units", "constant input", "one-hot input"],
)
def test_where_nothing_can_be_tested_it_says_so(X, mask, reason):
    found = unit_dependence_test(X, (mask,), np.random.default_rng(0), level=LEVEL, permutations=50)
    assert (found.p_value, found.tested, found.dependent) == (None, 0, 0)
    assert reason in found.reason


def test_constant_units_cannot_be_shuffled():
    network = random_network((2, 3, 1), np.random.default_rng(0))
    mask = np.tile([True, False, True], (10, 1))
    found = mask_shuffle_test(network, np.ones((10, 2)), (mask,), np.random.default_rng(0))
    assert (found.p_value, found.reason) == (None, "every unit is constant on the data")


def test_a_unit_without_outgoing_weight_gives_no_evidence():
    network = ReluNetwork((np.eye(2), np.array([[1.0, 0.0]])), (None, None))
    mask = np.column_stack([np.ones(20, dtype=bool), np.arange(20) % 2 == 0])
    found = mask_shuffle_test(network, np.random.default_rng(0).random((20, 2)), (mask,), np.random.default_rng(0))
    assert found.p_value is None
    assert "no shuffle" in found.reason
