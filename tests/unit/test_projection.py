"""Singular values that are known without an SVD, and bounds that stand for one, against numpy's SVD of the products."""

from __future__ import annotations

import numpy as np
import pytest
from critical_points import build, random_data

from lossurf.data import Data
from lossurf.landscape.beyond import beyond_signal
from lossurf.landscape.projection import projection_of
from lossurf.landscape.reading import read_point
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.network import WhitenedNetwork

WIDTHS = (100, 104, 99, 97)  # above the order below which every norm is an SVD's


def _problem_and_layers(seed, *, eigen_set, recipe="zero", widths=WIDTHS, noise=0.0):
    rng = np.random.default_rng(seed)
    X, Y = random_data(rng, widths[0], widths[-1], 300)
    layers = build(rng, widths, X, Y, eigen_set=eigen_set, recipe=recipe)
    return Data(X.T, Y.T).problem(bias=False), [W * (1.0 + noise * rng.standard_normal(W.shape)) for W in layers]


@pytest.mark.parametrize("widths", [(100, 104, 99, 97), (97, 104, 99, 97), (97, 99, 110)])
@pytest.mark.parametrize("eigen_set", [(), (0, 1, 2, 5, 9), tuple(range(97))])
def test_a_projection_of_t_has_the_singular_values_that_an_svd_finds(widths, eigen_set):
    problem, rng = _problem_and_layers(3, eigen_set=(0,), widths=widths)[0], np.random.default_rng(1)
    u, s, vt = problem.target_svd
    keep = list(eigen_set)
    product = (u[:, keep] * s[keep]) @ vt[keep]
    product += 5e-16 * np.max(np.abs(product)) * rng.standard_normal(product.shape)
    found, residual = projection_of(product, problem, 1e-8), product - problem.target
    assert found is not None
    assert projection_of(product, problem, 1e-14) is None or not eigen_set  # not far above the rounding
    rounding = 10.0 * sum(product.shape) * np.finfo(float).eps
    for values, matrix in ((found.product, product), (found.residual, residual)):
        true = np.linalg.svd(matrix, compute_uv=False)
        assert np.all(np.abs(values - true) <= rounding)
        assert np.all(values >= true - 0.1 * rounding)  # where they are rounding they are bounds


@pytest.mark.parametrize("noise", [1e-3, 1e-8, 1e-11])
def test_a_product_that_is_more_than_rounding_off_is_left_to_the_svd(noise):
    problem, layers = _problem_and_layers(4, eigen_set=tuple(range(20)), noise=noise)
    test = read_point(layers, problem).balanced
    assert test.sensitivity.projection is None
    true = np.linalg.svd(test.network.product, compute_uv=False)
    assert np.array_equal(test.product_singular_values, true[: len(test.product_singular_values)])


def test_a_product_of_mixed_singular_vectors_is_no_projection():
    problem, _ = _problem_and_layers(5, eigen_set=(0, 1))
    u, s, vt = problem.target_svd
    mixed = (u[:, :2] @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * s[:2]) @ vt[:2]
    assert projection_of(mixed, problem, 1e-8) is None
    assert projection_of((u[:, 5:9] * s[5:9]) @ vt[5:9], problem, 1e-8) is not None
    assert projection_of(1.001 * (u[:, 5:9] * s[5:9]) @ vt[5:9], problem, 1e-8) is None


@pytest.mark.parametrize("recipe", ["zero", "low-rank"])
@pytest.mark.parametrize("noise", [0.0, 1e-10, 1e-4])
def test_what_is_beyond_the_signal_bounds_the_singular_values_of_every_product(recipe, noise):
    problem, layers = _problem_and_layers(6, eigen_set=tuple(range(30)), recipe=recipe, noise=noise)
    test = read_point(layers, problem).balanced
    rank = 30
    exact = _problem_and_layers(6, eigen_set=tuple(range(30)))[1]
    signal = read_point(exact, problem).balanced.signal(rank)  # of another point: the bound holds whatever it is
    found = beyond_signal(test.sensitivity, signal)
    for i in range(1, 5):
        for j in range(i):
            values = np.linalg.svd(test.network.partial_product(i, j), compute_uv=False)
            assert values[rank] <= found.bounds[i, j]
    assert np.all(np.isinf(found.bounds[np.arange(4) + 1, np.arange(4)]))  # the identity has no small singular value


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0])
def test_departures_bound_how_far_products_move_and_are_reached_by_layers_of_rank_one(size):
    rng = np.random.default_rng(7)
    u = np.eye(100)[0]
    for layers in ([rng.standard_normal((100, 100)) / 10.0 for _ in range(4)], [np.outer(u, u)] * 4):
        network = WhitenedNetwork(tuple(layers), np.eye(100), (0.0,) * 4, 1.0)
        others = [W + size * np.outer(u, u) for W in layers]
        other = WhitenedNetwork(tuple(others), np.eye(100), (0.0,) * 4, 1.0)
        found = Sensitivity(network).departures(np.full(4, size))
        for i in range(2, 6):
            for j in range(i - 1):
                moved = np.linalg.norm(network.partial_product(i, j) - other.partial_product(i, j), 2)
                assert moved <= found[i, j] * (1.0 + 1e-9) + 1e-15
                if layers[0] is layers[1]:  # all of one direction: nothing of the bound but its margin is given away
                    assert found[i, j] <= moved * 1.01**6 + 1e-15


def test_gradients_of_a_residual_that_is_rounding_are_bounded_by_norms():
    problem, layers = _problem_and_layers(8, eigen_set=tuple(range(97)))
    test = read_point(layers, problem).balanced
    network, sensitivity = test.network, test.sensitivity
    assert np.linalg.norm(network.residual) <= sensitivity.rounding * sensitivity.product_change
    for i in range(1, 4):
        for j in range(1, i + 1):
            true = np.linalg.norm(network.residual_block(i, j), 2)
            assert true <= sensitivity.block_norm(i, j) * (1.0 + 1e-12)
            assert sensitivity.block_norm(i, j) <= 1.05 * sensitivity.rounding * sensitivity.block_change(i, j)


@pytest.mark.parametrize("tau", [1e-13, 1e-12, 1e-10])
def test_a_tolerance_near_rounding_is_asked_of_values_and_not_of_bounds(tau):
    problem, layers = _problem_and_layers(9, eigen_set=tuple(range(14)), recipe="two-dead")
    test = read_point(layers, problem, tau=tau).balanced
    true = np.linalg.svd(test.network.product, compute_uv=False)
    assert np.count_nonzero(true > tau) == 14  # rounding leaves the others at 1e-16
    assert test.ranks(tau)[0] == 14
