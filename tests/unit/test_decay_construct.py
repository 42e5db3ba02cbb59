"""Constructed critical points of losses with weight decay, and the levels they lie on.

Trusted: the gradient and the dense Hessian of the raw loss, polynomial roots on whitened data, and descents from random
starts; nothing of these uses lossurf.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from critical_points import chain
from decay_points import Decayed, gradient, loss, lowest, random_data

import lossurf
from lossurf.errors import UsageError
from lossurf.regularised.bounds import scalar_roots

KINDS = {"global-minimum": 0, "local-minimum": 0, "strict-saddle": 1}


def made(X, Y, decay, widths, kind, **options):
    """A point of samples as columns, as the raw loss takes it."""
    found = lossurf.construct(X.T, Y.T, widths, kind, weight_decay=decay, reduction="half-sum", **options)
    return found, Decayed([W.astype(float) for W in found.weights], X, Y, decay)


@pytest.mark.parametrize("widths", [(4, 3, 3), (4, 1, 3), (3, 4, 2, 3), (2, 3, 3, 2, 2)])
@pytest.mark.parametrize("recipe", ["plain", "ill-conditioned", "rank-deficient"])
def test_a_constructed_point_is_critical_and_of_its_kind(widths, recipe):
    # trusts the gradient and the dense Hessian of the raw loss
    rng = np.random.default_rng([41, len(widths), widths[1], len(recipe)])
    X, Y = random_data(rng, widths, recipe)
    decay = 0.02 * float(np.linalg.norm(Y @ X.T, 2))
    kinds = set()
    for kind, negative in KINDS.items():
        try:
            found, point = made(X, Y, decay, widths, kind)
        except UsageError:
            continue
        kinds.add(kind)
        slope = gradient(point.weights, X, Y, decay)
        size = np.linalg.norm(X) * np.linalg.norm(Y) + decay
        assert np.linalg.norm(slope) <= 1e-10 * size * max(np.linalg.norm(W) for W in [*point.weights, np.eye(1)])
        values = point.eigenvalues
        assert (values[0] < -1e-9 * values[-1]) == bool(negative), (kind, values)
        assert found.loss == pytest.approx(loss(point.weights, X, Y, decay), rel=1e-9)
        assert found.inertia.negative == int(np.sum(values < -1e-9 * values[-1]))
        ranks = {np.linalg.matrix_rank(W, tol=1e-6 * max(np.linalg.norm(W), 1.0)) for W in point.weights}
        assert ranks == {found.rank}
    assert "strict-saddle" in kinds
    assert kinds - {"strict-saddle"}


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_levels_of_whitened_data_are_all_and_as_the_polynomial_says(depth):
    # trusts numpy's roots of sigma^{2N-2} - t sigma^{N-2} + lam, and the dense Hessian of diagonal layers
    t, decay = np.array([3.0, 2.0, 1.2]), 0.4
    picture = lossurf.plot.levels(
        np.eye(3), np.diag(t), widths=[3] * (depth + 1), weight_decay=decay, reduction="half-sum"
    )
    expected = []
    for sigma in product(*([0.0, *positive_roots(value, decay, depth)] for value in t)):
        point = Decayed([np.diag(sigma)] * depth, np.eye(3), np.diag(t), decay)
        values = point.eigenvalues
        index = int(np.sum(values < -1e-9 * values[-1]))
        expected.append((loss(point.weights, point.X, point.Y, decay), np.count_nonzero(sigma), index))
    found = [(value.loss, value.rank, value.index_least) for value in picture.critical_values]
    assert picture.complete
    assert len(found) == len(expected)
    for (a, *rest), (b, *counts) in zip(sorted(found), sorted(expected), strict=True):
        assert a == pytest.approx(b, rel=1e-10)
        assert rest == counts
    kinds = [str(value.kinds[0]) for value in picture.critical_values]
    assert kinds[-1] == "global-minimum"
    assert [kind == "strict-saddle" for kind in kinds] == [value.index_least > 0 for value in picture.critical_values]


def positive_roots(t, decay, depth):
    powers = [1.0, 0.0, decay - t] if depth == 2 else [1.0, *[0.0] * (depth - 1), -t, *[0.0] * (depth - 3), decay]
    return sorted(float(root.real) for root in np.roots(powers) if abs(root.imag) < 1e-9 and root.real > 1e-9)


def test_roots_of_the_scalar_equation():
    # trusts the derivative itself at both sides of every root, and at twice the weight that leaves one double root
    rng = np.random.default_rng(3)
    for _ in range(200):
        N, square, slope = int(rng.integers(3, 8)), 10.0 ** rng.uniform(-4, 1), 10.0 ** rng.uniform(-4, 2)
        weight = 10.0 ** rng.uniform(-6, 2)

        def rise(q, square=square, slope=slope, weight=weight, N=N):
            return square * q - slope + (2.0 / N) * weight * q ** (2.0 / N - 1.0)

        roots = scalar_roots(square, slope, weight, N)
        grid = np.geomspace(1e-30, 2.0 * slope / square, 20001)
        crossings = np.count_nonzero(np.diff(np.sign(rise(grid))))
        assert len(roots) in (0, 2)
        if roots and roots[0] > 1e-29:
            assert crossings in (0, 2)  # none where both lie between two points of the grid
            assert rise(0.999999 * roots[0]) > 0 > rise(1.000001 * roots[0])
            assert rise(0.999999 * roots[1]) < 0 < rise(1.000001 * roots[1])
        else:
            assert crossings < 2


def test_an_eigen_set_is_followed_from_the_closed_form_to_the_data():
    # trusts the polynomial on whitened data, and the Hessian where the inputs are not white
    t, decay = np.array([3.0, 2.0, 1.2]), 0.4
    minimum, _ = made(np.eye(3), np.diag(t), decay, (3, 3, 3, 3), "local-minimum", eigen_set=(1,))
    saddle, _ = made(np.eye(3), np.diag(t), decay, (3, 3, 3, 3), "strict-saddle", eigen_set=(1,))
    low, high = positive_roots(3.0, decay, 3)
    assert np.linalg.norm(minimum.weights[0]) == pytest.approx(high, rel=1e-12)
    assert np.linalg.norm(saddle.weights[0]) == pytest.approx(low, rel=1e-9)
    assert saddle.inertia.negative == 1
    rng = np.random.default_rng(6)
    X, Y = rng.standard_normal((4, 30)), rng.standard_normal((3, 30))
    decay = 0.05 * np.linalg.norm(Y @ X.T, 2)
    found, point = made(X, Y, decay, (4, 3, 3), "strict-saddle", eigen_set=(1, 3))
    assert found.eigen_indices == (1, 3)
    values = point.eigenvalues
    assert found.inertia.negative == int(np.sum(values < -1e-9 * values[-1])) > 0


def test_without_a_hidden_layer_it_is_ridge_regression_with_a_free_bias():
    # trusts the normal equations of the centred data
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((3, 20)) + 5.0, rng.standard_normal((2, 20)) - 7.0
    found, _ = made(X, Y, 3.0, (3, 2), "global-minimum", bias=True)
    x, y = X - X.mean(axis=1, keepdims=True), Y - Y.mean(axis=1, keepdims=True)
    ridge = y @ x.T @ np.linalg.inv(x @ x.T + 3.0 * np.eye(3))
    np.testing.assert_allclose(found.weights[0], ridge, rtol=1e-10)
    np.testing.assert_allclose(found.biases[0], Y.mean(axis=1) - ridge @ X.mean(axis=1), rtol=1e-10)


def test_the_seed_turns_hidden_units_alone():
    rng = np.random.default_rng(8)
    X, Y = rng.standard_normal((3, 20)), rng.standard_normal((2, 20))
    first, second = (made(X, Y, 0.5, (3, 4, 2), "global-minimum", seed=seed, dtype="float32")[0] for seed in (0, 1))
    assert not np.allclose(first.weights[0], second.weights[0])
    np.testing.assert_allclose(chain(first.weights, 3), chain(second.weights, 3), atol=1e-6)
    assert first.weights[0].dtype == np.float32


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"kind": "bad-saddle"}, "KIND"),
        ({"kind": "strict-saddle", "by": "tails"}, "--by"),
        ({"kind": "strict-saddle", "rank": 9}, "--rank"),
        ({"kind": "strict-saddle", "eigen_set": (7,)}, "--eigen-set"),
        ({"kind": "strict-saddle", "eigen_set": (1,), "rank": 2}, "--eigen-set"),
        ({"kind": "local-minimum"}, "KIND"),  # one hidden layer that is wide enough has none that is not global
        ({"kind": "strict-saddle", "weight_decay": 1e6}, "KIND"),
        ({"kind": "global-minimum", "weight_decay": -1.0}, "--weight-decay"),
        ({"kind": "global-minimum", "widths": (3, 2), "rank": 1}, "--rank"),
        ({"kind": "global-minimum", "widths": (4, 2)}, None),
    ],
)
def test_what_cannot_be_is_refused(options, where):
    rng = np.random.default_rng(8)
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    given = {"widths": (3, 4, 2), "weight_decay": 0.5, "reduction": "half-sum", **options}
    with pytest.raises(UsageError) as refused:
        lossurf.construct(X, Y, **given)
    assert refused.value.where == where


def test_no_descent_goes_below_the_lowest_level_of_one_hidden_layer(tmp_path):
    # trusts descents of the raw loss from random starts; and every level is the loss of a run that rests there
    rng = np.random.default_rng(9)
    X, Y = rng.standard_normal((4, 25)), rng.standard_normal((3, 25))
    decay = 0.1 * np.linalg.norm(Y @ X.T, 2)
    names = []
    for rank in range(4):
        kind = "global-minimum" if rank == 3 else "strict-saddle"
        point, raw = made(X, Y, decay, (4, 3, 3), kind, rank=rank)
        names.append(tmp_path / f"step-{rank}.npz")
        point.save(names[-1])
    run = lossurf.watch(names, lossurf.Data(X.T, Y.T), weight_decay=decay, reduction="half-sum")
    assert [step.on_level for step in run.results] == [level.rank for level in run.levels] == [0, 1, 2, 3]
    assert [str(step.classification.verdict) for step in run.results] == [*["strict-saddle"] * 3, "global-minimum"]
    least = lowest(raw, rng, 6)
    assert run.levels[-1].loss == pytest.approx(least, rel=1e-8)
    assert run.results[-1].classification.loss == pytest.approx(loss(raw.weights, X, Y, decay), rel=1e-12)
    assert run.weight_decay.lambda_ == decay
