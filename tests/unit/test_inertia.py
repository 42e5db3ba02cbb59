"""How many directions lead down, are flat and lead up, against the eigenvalues of dense Hessians."""

from math import inf

import numpy as np
import pytest
from critical_points import balanced, build, dense_hessian, random_data, random_point

import lossurf
from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.inertia import _vanishing


def counted(point):
    """Signs of the dense Hessian's eigenvalues, the layers balanced: scaling them changes no sign."""
    eigenvalues = np.linalg.eigvalsh(dense_hessian(balanced(point.weights), point.X, point.Y))
    small = 1e-9 * max(np.max(np.abs(eigenvalues)), 1e-3 * np.linalg.norm(point.Y @ point.X.T))
    negative, positive = int(np.sum(eigenvalues < -small)), int(np.sum(eigenvalues > small))
    return negative, eigenvalues.size - negative - positive, positive


def drawn(seed, **options):
    rng = np.random.default_rng([9, seed])
    point = random_point(rng, **options)
    while any(0.0 < np.linalg.norm(W, 2) < 1e-6 for W in point.weights):  # rounding of a projector that should vanish
        point = random_point(rng, **options)
    return point


def agree(seeds):
    answered = 0
    for seed in seeds:
        point = drawn(seed, max_depth=5, max_dim=5)
        result = lossurf.classify(point.weights, point.X.T, point.Y.T)
        found = result.inertia
        if found is None:
            continue
        answered += 1
        assert (found.negative, found.zero, found.positive) == counted(point), seed
        assert (found.negative > 0) == (result.verdict == "strict-saddle")
        assert found.stable_from < result.tolerance / 3.0
        assert found.stable_to is None or found.stable_to > 3.0 * result.tolerance
    return answered


def test_the_counts_are_those_of_dense_hessians():
    assert agree(range(120)) >= 114


@pytest.mark.slow
def test_five_thousand_more():
    assert agree(range(1000, 6000)) >= 4900


def test_what_x_does_not_see_is_flat():
    # channel: two equal columns of X, so that half of W_1's directions change nothing
    x = np.random.default_rng(0).standard_normal(20)
    X, Y = np.c_[x, x], np.c_[2.0 * x, x]
    found = lossurf.classify([np.zeros((2, 2)), np.zeros((2, 2))], X, Y).inertia
    # W = 0, T of rank 1: each of the two hidden units can grow along one direction, and shrink it
    assert (found.negative, found.zero, found.positive) == (2, 4, 2)


def test_an_output_bias_is_convex_and_an_inner_one_flat():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    zero = [np.zeros((4, 3)), np.zeros((2, 4))]
    mean = Y.mean(axis=0)
    centred = lossurf.classify(zero, X - X.mean(axis=0), Y - mean).inertia
    with_biases = lossurf.classify(zero, X, Y, biases=[np.zeros(4), mean]).inertia
    assert with_biases.negative == centred.negative == 8
    assert with_biases.positive == centred.positive + 2
    assert with_biases.zero == centred.zero + 4


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_scale_of_a_layer_changes_nothing(scale):
    point = drawn(3, max_depth=4, max_dim=4)
    weights = [scale * point.weights[0], point.weights[1] / scale, *point.weights[2:]]
    first, second = (lossurf.classify(W, point.X.T, point.Y.T).inertia for W in (point.weights, weights))
    assert (first.negative, first.zero, first.positive) == (second.negative, second.zero, second.positive)


def test_no_counts_where_nothing_is_critical():
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal((2, 3)), rng.standard_normal((3, 2))]
    assert lossurf.classify(weights, np.eye(3), np.diag([3.0, 2.0, 1.0])).inertia is None


def test_the_ways_down_of_a_large_network_are_counted_where_that_is_asked_for():
    # channel: the formula of two layers, #inversions + (idle units) rank(G) at zero tails, widths 3, 300, 2
    rng = np.random.default_rng(22)
    X, Y = random_data(rng, 3, 2, 12)
    checkpoint = Checkpoint.of(build(rng, [3, 300, 2], X, Y, eigen_set=(1,), recipe="zero"))
    problem = Data(X.T, Y.T).problem(bias=False)
    silent = classify_network(checkpoint, problem)
    assert silent.inertia is None
    assert "ask for the curvature" in silent.notes[-1]
    for asked in ({"count": True}, {"index": True}):
        found = classify_network(checkpoint, problem, **asked)
        assert found.inertia.negative == 1 + 299
        assert found.notes == checkpoint.notes


def test_a_value_that_nothing_changes_never_vanishes_and_a_zero_always_has():
    # channel: the limits of value / change by hand
    values = np.array([0.0, 1e-300, 2.0])
    assert _vanishing(values, 0.0).tolist() == [0.0, inf, inf]
    assert _vanishing(values, 4.0).tolist() == [0.0, 2.5e-301, 0.5]
    assert _vanishing(values, 1e-320).tolist()[::2] == [0.0, inf]
