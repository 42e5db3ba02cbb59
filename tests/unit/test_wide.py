"""What is done of wide networks in another way, on networks small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest
from critical_points import RECIPES, build, chain, random_data, random_point, true_type

import lossurf
from lossurf.landscape.classify import classify_network
from lossurf.landscape.inertia import RankTable
from lossurf.landscape.reading import read_point
from lossurf.landscape.signal import _solved
from lossurf.network import WhitenedNetwork
from lossurf.numerics import EPS
from lossurf.spectral import RELATIVE_ERROR


def result_of(point):
    data = lossurf.Data(point.X.T, point.Y.T).problem(bias=False)
    return classify_network(lossurf.Checkpoint.of(point.weights), data)


def test_a_network_taken_for_a_wide_one_has_the_type_of_its_dense_hessian(monkeypatch):
    # channel: the eigenvalues of the dense Hessian; for the count and the steepness, the same point by LAPACK alone
    undetermined = flatter = 0
    for seed in range(60):
        point = random_point(np.random.default_rng(seed))
        exact = result_of(point)
        with monkeypatch.context() as patch:
            patch.setattr("lossurf.spectral._DIRECT", 2)
            result = result_of(point)
        if result.verdict == "undetermined":
            undetermined += 1
            continue
        assert result.verdict == true_type(point), seed
        assert (result.inertia is None) == (exact.inertia is None), seed
        assert result.inertia is None or result.inertia.negative == exact.inertia.negative, seed
        if result.verdict == "strict-saddle":
            assert result.certificate.curvature < 0.0, seed
            flatter += not result.certificate.curvature < 0.3 * exact.certificate.curvature
    assert undetermined <= 2
    assert flatter <= 1  # of one the steepest are rounding of W_1, and which of them is found is chance


@pytest.mark.parametrize("recipe", RECIPES)
def test_wide_layers_have_the_verdict_and_the_range_that_singular_values_give(recipe, monkeypatch):
    # channel: the same point with every norm and rank by LAPACK
    rng = np.random.default_rng(3)
    widths = [100, 104, 97, 99]
    X, Y = random_data(rng, widths[0], widths[-1], 120)
    weights = build(rng, widths, X, Y, eigen_set=np.arange(3) + (recipe == "zero"), recipe=recipe)
    problem, checkpoint = lossurf.Data(X.T, Y.T).problem(bias=False), lossurf.Checkpoint.of(weights)
    wide = classify_network(checkpoint, problem)
    monkeypatch.setattr("lossurf.spectral._DIRECT", 1000)
    exact = classify_network(checkpoint, problem)
    assert (wide.verdict, wide.rank, wide.eigen_indices) == (exact.verdict, exact.rank, exact.eigen_indices)
    assert wide.neighbours == exact.neighbours
    assert wide.stable_to == pytest.approx(exact.stable_to, rel=0.05)
    assert max(wide.stable_from, exact.stable_from) < 1e-12 or wide.stable_from == pytest.approx(
        exact.stable_from, rel=0.05
    )
    assert (wide.nearest is None) == (exact.nearest is None)
    assert wide.inertia is None or wide.inertia.negative == exact.inertia.negative
    if wide.verdict == "strict-saddle":
        assert wide.certificate.curvature <= 0.9 * exact.certificate.curvature


def test_what_stands_for_a_singular_value_is_above_it_and_rounding():
    # channel: LAPACK's singular values
    rng = np.random.default_rng(4)
    X, Y = random_data(rng, 110, 100, 130)
    for recipe, exact in (("zero", False), ("inner", True)):
        weights = build(rng, [110, 98, 102, 100], X, Y, eigen_set=np.arange(5), recipe=recipe)
        problem = lossurf.Data(X.T, Y.T).problem(bias=False)
        test = read_point(weights, problem).balanced
        for i, j in ((3, 1), (2, 0), (4, 1), (3, 0)):
            value = np.linalg.svd(test.network.partial_product(i, j), compute_uv=False)[5]
            found = test.singular_value_beyond(i, j, 5)
            assert value * (1.0 - 1e-10) - 1e-15 <= found
            assert found == pytest.approx(value, rel=1e-9) or found <= test.sensitivity.rounding * 10.0
            assert not exact or (i, j) != (3, 1) or found > 1e-3
        table = RankTable(test, problem, 1e-8)
        of_layers = [int(np.sum(table._link(k, k - 1) > 1e-8)) for k in (1, 2, 3)]
        assert of_layers == [np.linalg.matrix_rank(W, tol=1e-8) for W in test.network.layers]


@pytest.mark.parametrize("tau", [1e-8, 1e-13])
@pytest.mark.parametrize("noise", [0.0, 1e-14, 1e-13, 1e-10, 1e-5])
@pytest.mark.parametrize("recipe", ["inner", "low-rank"])
def test_what_stands_for_the_norm_of_a_block_is_above_it_and_far_below_the_tolerance(recipe, noise, tau):
    # channel: LAPACK's norms of the blocks, multiplied out one by one
    rng = np.random.default_rng(6)
    widths = [100, 98, 102, 97, 100]
    X, Y = random_data(rng, widths[0], widths[-1], 130)
    for eigen_set in (np.arange(97), np.arange(5), np.arange(1, 60)):
        weights = build(rng, widths, X, Y, eigen_set=eigen_set, recipe=recipe)
        weights = [W * (1.0 + noise * rng.standard_normal(W.shape)) for W in weights]
        sensitivity = read_point(weights, lossurf.Data(X.T, Y.T).problem(bias=False), tau=tau).balanced.sensitivity
        E, layers = sensitivity.network.residual, sensitivity.network.layers
        for j in range(1, 5):
            for i in range(j, 5):
                above, below = chain(layers[i:], widths[i]), chain(layers[: j - 1], widths[0])
                value = np.linalg.norm(above.T @ E @ below.T, 2)
                found, change = sensitivity.block_norm(i, j), sensitivity.block_change(i, j)
                assert value * (1.0 - RELATIVE_ERROR) <= found + 4.0 * EPS * change
                assert (
                    found == pytest.approx(value, rel=RELATIVE_ERROR, abs=0.0)
                    or found <= min(sensitivity.rounding * change, 10.1 * value)  # a Frobenius norm
                    or found <= min(sensitivity.rounding, tau / 100.0) * change
                )


@pytest.mark.parametrize("size", [0.0, 1e-15, 1e-10, 0.99 * EPS**0.5, 1.01 * EPS**0.5, 1e-3, 0.3])
def test_blocks_near_a_diagonal_are_solved_to_rounding(size):
    """Both sides of the edge at which a product stands for a solve; channel: the solution it is built from."""
    rng = np.random.default_rng(5)
    D = rng.standard_normal((30, 30))
    blocks = (np.eye(30) + size * D / np.linalg.norm(D)) * np.geomspace(1.0, 1e-3, 30)
    wanted = rng.standard_normal((30, 7))
    found = _solved(blocks, blocks @ wanted)
    assert np.linalg.norm(blocks @ (found - wanted)) < 200.0 * EPS * np.linalg.norm(blocks @ wanted)


def test_blocks_with_a_zero_on_the_diagonal_are_solved():
    assert _solved(np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(np.linalg.LinAlgError):
        _solved(np.zeros((2, 2)), np.eye(2))


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_product_follows_from_what_is_known_at_either_end(depth):
    # channel: the product written out
    rng = np.random.default_rng(7)
    layers = tuple(rng.standard_normal((3 + k, 4 if k == 0 else 2 + k)) for k in range(depth))
    for first in ("product", "below", "above"):
        network = WhitenedNetwork(layers, np.zeros((2 + depth, 4)), (0.0,) * depth, 1.0)
        _ = network.product if first == "product" else getattr(network, first)(depth - 1 if first == "below" else 1)
        np.testing.assert_allclose(network.product, chain(layers, 4), rtol=1e-13, atol=1e-13)
        assert first != "below" or depth < 3 or (depth + 1, 1) not in network._products
