"""Trusted: enumeration of every path in exact rationals, and the binomial law of interval coverage."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from relu_enumeration import path_probabilities, unit_paths

from lossurf.nonlinear.relu.path_statistics import (
    jointly_active_share,
    mean_estimate,
    path_dispersion,
    start_layer_activation,
)

WIDTHS = [(3,), (2, 3), (3, 2, 4)]


def random_masks(widths, m, generator, rates=None):
    rates = rates or [generator.random(width) * 0.8 + 0.1 for width in widths]
    return tuple(generator.random((m, width)) < rate for width, rate in zip(widths, rates, strict=True))


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_rho_is_the_mean_over_all_paths(widths):
    masks = random_masks(widths, 9, np.random.default_rng(3))
    activation = start_layer_activation(masks, 9)
    for start in range(len(widths)):
        shares = path_probabilities(masks[start:])
        assert activation[:, start].mean() == pytest.approx(float(sum(shares) / len(shares)), rel=1e-14)
    assert np.all(activation[:, -1] == 1.0)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_dispersion_is_the_pair_estimate_of_the_squared_cv_over_all_paths(widths):
    m = 7
    masks = random_masks(widths, m, np.random.default_rng(11))
    paths = list(unit_paths(widths))
    active = [[all(mask[i, u] for mask, u in zip(masks, path, strict=True)) for path in paths] for i in range(m)]
    share = [Fraction(sum(row), len(paths)) for row in active]
    pairs = list(permutations(range(m), 2))
    both = sum(Fraction(sum(a and b for a, b in zip(active[i], active[j], strict=True)), len(paths)) for i, j in pairs)
    theta = float(both / sum(share[i] * share[j] for i, j in pairs) - 1)
    found = path_dispersion(masks, start_layer_activation(masks, m)[:, 0])
    assert found.value == pytest.approx(np.sqrt(max(theta, 0.0)), rel=1e-12, abs=1e-12)


def test_with_the_diagonal_the_pairs_give_the_exact_variance_between_paths():
    masks = random_masks((3, 4), 10, np.random.default_rng(0))
    probabilities = path_probabilities(masks)
    mean_square = float(sum(p * p for p in probabilities) / len(probabilities))
    assert jointly_active_share(masks, 10).mean() == pytest.approx(mean_square, rel=1e-13)


def test_interval_of_the_dispersion_covers_the_truth():
    """200 draws of independent units with known rates: coverage of the 95 % interval, binomial 99.9 % limits."""
    generator = np.random.default_rng(2)
    rates = [generator.random(width) * 0.6 + 0.3 for width in (8, 6)]
    truth = np.sqrt(np.prod([np.mean(rate**2) / np.mean(rate) ** 2 for rate in rates]) - 1.0)
    covered = 0
    for _ in range(200):
        masks = random_masks((8, 6), 80, generator, rates)
        low, high = path_dispersion(masks, start_layer_activation(masks, 80)[:, 0]).interval
        covered += low <= truth <= high
    assert 177 <= covered <= 199  # binom(200, 0.95) quantiles at 0.0005 and 0.9995: 179 and 198; jackknife is 1st order


def test_equal_paths_have_no_dispersion():
    everything = (np.ones((50, 4), dtype=bool), np.ones((50, 3), dtype=bool))
    found = path_dispersion(everything, start_layer_activation(everything, 50)[:, 0])
    assert found.value == 0.0
    assert found.interval == (0.0, 0.0)


@pytest.mark.parametrize("share", [0.0, 0.04], ids=["never", "once"])
def test_paths_that_are_never_active_twice_leave_it_undefined(share):
    mask = np.arange(25)[:, None] < 25 * share * np.ones((1, 3))
    found = path_dispersion((mask,), start_layer_activation((mask,), 25)[:, 0])
    assert found.value is None
    assert found.interval is None


def test_mean_estimate_is_the_textbook_standard_error():
    values = np.random.default_rng(4).random(30)
    found = mean_estimate(values.sum(), (values**2).sum(), 30)
    half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(30)
    np.testing.assert_allclose(found.interval, (values.mean() - half, values.mean() + half), rtol=1e-12)
    assert mean_estimate(1.0, 1.0, 1).interval is None
