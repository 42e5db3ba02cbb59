"""Trusted: the same numbers from the whole arrays at once, straight from their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from relu_enumeration import path_probabilities, random_network

from lossurf.nonlinear.relu.survey import survey


@pytest.fixture
def problem():
    generator = np.random.default_rng(9)
    network = random_network((4, 5, 3, 2), generator, bias=True)
    return network, generator.standard_normal((50, 4)), generator.standard_normal((50, 2))


def cut(X, Y, rows):
    return [(X[i : i + rows], Y[i : i + rows]) for i in range(0, len(X), rows)]


@pytest.mark.parametrize("rows", [1, 7, 50])
def test_sums_do_not_depend_on_the_blocks(problem, rows):
    network, X, Y = problem
    found = survey(network, cut(X, Y, rows), 100, np.random.default_rng(0))
    outputs, masks = network.forward(X)
    assert found.samples == 50
    assert found.loss == pytest.approx(0.5 * np.linalg.norm(outputs - Y) ** 2, rel=1e-12)
    for counts, mask in zip(found.active, masks, strict=True):
        assert counts.tolist() == [sum(bool(on) for on in mask[:, unit]) for unit in range(mask.shape[1])]
    shares = path_probabilities(masks)
    assert found.start_rates[0] == pytest.approx(float(sum(shares) / len(shares)), rel=1e-12)
    np.testing.assert_array_equal(found.subsample, X)


def test_the_subsample_is_the_same_for_every_way_of_cutting(problem):
    network, X, Y = problem
    drawn = [survey(network, cut(X, Y, rows), 20, np.random.default_rng(4)).subsample for rows in (1, 9, 50)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    position = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in drawn[0]]
    assert position == sorted(set(position))
    assert len(position) == 20


def test_every_sample_is_drawn_equally_often(problem):
    """400 draws of 10 from 50: each count is binomial(400, 0.2), 80 +- 8; 4.5 deviations for the largest of 50."""
    network, X, Y = problem
    counts = np.zeros(50)
    for seed in range(400):
        drawn = survey(network, cut(X, Y, 13), 10, np.random.default_rng(seed)).subsample
        counts += (X[:, None] == drawn[None]).all(axis=2).any(axis=1)
    assert np.all(np.abs(counts - 80.0) < 36.0)
