"""The least loss of one hidden layer with weight decay. Trusted: FISTA on the data, with a duality gap of its own."""

from __future__ import annotations

import numpy as np
import pytest
from nuclear_oracle import bound, fista, value

import lossurf
from lossurf.errors import UsageError


def data(rng, recipe):
    """X (dx, m) and Y (dy, m)."""
    dx, dy, m = int(rng.integers(2, 9)), int(rng.integers(1, 6)), int(rng.integers(4, 40))
    X, Y = rng.standard_normal((dx, m)), rng.standard_normal((dy, m))
    if recipe == "ill-conditioned":
        X = 10.0 ** rng.uniform(-2.5, 0.0, (dx, 1)) * X
    if recipe == "rank-deficient":
        X[-1] = X[0] - 2.0 * X[1 % dx]
        Y[-1] = Y[0]
    if recipe == "few samples":
        X, Y = X[:, : max(dx // 2, 1)], Y[:, : max(dx // 2, 1)]
    if recipe == "low rank":
        Y = np.outer(rng.standard_normal(dy), rng.standard_normal(dx)) @ X + 1e-3 * Y
    if recipe == "other units":
        X, Y = 1e5 * X, 1e-4 * Y
    return X, Y


def optimum(X, Y, lam, **options):
    return lossurf.check(X.T, Y.T, weight_decay=lam, reduction="half-sum", **options).regularised


RECIPES = ("plain", "ill-conditioned", "rank-deficient", "few samples", "low rank", "other units")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("count", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_the_least_loss_is_that_of_the_proximal_solver(recipe, count):
    rng = np.random.default_rng([61, RECIPES.index(recipe)])
    for _ in range(count):
        X, Y = data(rng, recipe)
        lam = float(np.linalg.norm(Y @ X.T, 2) * 10.0 ** rng.uniform(-2.0, -0.1))
        solved, found = fista(X, Y, lam), optimum(X, Y, lam)
        at_zero = 0.5 * np.sum(Y**2)
        # each within its own gap of the least value, and so of each other
        assert found.optimal_loss >= solved.bound - 1e-12 * at_zero
        assert solved.value >= found.optimal_loss - found.duality_gap - 1e-12 * at_zero
        assert found.duality_gap <= 1e-8 * at_zero
        assert solved.gap <= 1e-6 * at_zero
        ours = np.array(found.singular_values)
        theirs = np.linalg.svd(solved.product, compute_uv=False)
        assert found.rank == len(ours) == np.count_nonzero(ours)
        # strongly convex in P X alone: the products agree where X sees them, and the values of P as well as it does
        tolerance = np.sqrt(2.0 * max(solved.gap + found.duality_gap, 0.0)) / np.linalg.svd(X, compute_uv=False)[-1]
        if recipe in ("plain", "low rank", "other units") and X.shape[1] >= len(X):
            np.testing.assert_allclose(
                np.pad(ours, (0, len(theirs) - len(ours))), theirs, atol=2.0 * tolerance + 1e-9 * theirs[0]
            )


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_least_decay_that_leaves_zero_best(recipe):
    # trusts ||Y X^T||_2, and the oracle's own bound at zero on both sides of it
    rng = np.random.default_rng([62, RECIPES.index(recipe)])
    X, Y = data(rng, recipe)
    largest = np.linalg.norm(Y @ X.T, 2)
    at_zero = 0.5 * np.sum(Y**2)
    above, below = optimum(X, Y, 1.0001 * largest), optimum(X, Y, 0.99 * largest)
    assert above.lambda_max == below.lambda_max == pytest.approx(largest, rel=1e-12)
    zero = np.zeros((len(Y), len(X)))
    assert bound(zero, X, Y, 1.0001 * largest) == pytest.approx(at_zero, rel=1e-12)
    assert (above.rank, above.optimal_loss) == (0, pytest.approx(at_zero, rel=1e-12))
    assert below.rank >= 1
    assert below.optimal_loss < at_zero
    left, _, right = np.linalg.svd(Y @ X.T)
    step = np.outer(left[:, 0], right[0]) * 1e-3 * largest / np.linalg.norm(X, 2) ** 2
    assert value(step, X, Y, 0.99 * largest) < at_zero


def test_a_free_bias_is_centring():
    rng = np.random.default_rng(63)
    X, Y = rng.standard_normal((4, 30)) + 20.0, rng.standard_normal((3, 30)) - 5.0
    x, y = X - X.mean(axis=1, keepdims=True), Y - Y.mean(axis=1, keepdims=True)
    solved, found = fista(x, y, 3.0), optimum(X, Y, 3.0, bias=True)
    assert found.optimal_loss == pytest.approx(solved.value, rel=1e-8)


def test_no_network_of_two_layers_is_below_it_and_a_constructed_one_is_at_it():
    # trusts the oracle's bound; the layers' penalty is at least the nuclear norm
    rng = np.random.default_rng(64)
    X, Y = rng.standard_normal((5, 30)), rng.standard_normal((4, 30))
    lam = 0.2 * np.linalg.norm(Y @ X.T, 2)
    solved = fista(X, Y, lam)
    best = lossurf.construct(X.T, Y.T, [5, 4, 4], "global-minimum", weight_decay=lam, reduction="half-sum")
    W1, W2 = best.weights
    raw = 0.5 * np.sum((W2 @ W1 @ X - Y) ** 2) + 0.5 * lam * (np.sum(W1**2) + np.sum(W2**2))
    assert best.loss == pytest.approx(raw, rel=1e-12)
    assert solved.bound - 1e-9 * raw <= raw <= solved.value + 1e-9 * raw


def test_a_layer_too_narrow_for_the_best_rank_is_refused():
    rng = np.random.default_rng(64)
    X, Y = rng.standard_normal((5, 30)), rng.standard_normal((4, 30))
    found = optimum(X, Y, 0.5)
    assert found.rank > 1
    with pytest.raises(UsageError, match=f"needs {found.rank} hidden units"):
        optimum(X, Y, 0.5, widths=[5, 1, 4])
