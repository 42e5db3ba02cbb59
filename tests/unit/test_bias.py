"""Networks with biases: the verdict on centred data against the dense Hessian over weights and biases together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from critical_points import RECIPES, build, dense_hessian, eigen_system, loss, random_data
from schemas import check_document

import lossurf
from lossurf.landscape.bias import mean_residual
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def with_biases(weights, biases):
    """The same network without biases on [x; 1]: layers [[W_k, b_k], [0, 1]], the last one [W_N, b_N]."""
    layers = [
        np.block([[W, b[:, None]], [np.zeros((1, W.shape[1])), np.ones((1, 1))]])
        for W, b in zip(weights, biases, strict=True)
    ]
    layers[-1] = layers[-1][:-1]
    return layers


def free_entries(layers):
    """Which entries of the row-major layers are parameters: not the constant last row of all but the last layer."""
    masks = [np.ones(W.shape, dtype=bool) for W in layers]
    for mask in masks[:-1]:
        mask[-1] = False
    return np.concatenate([mask.ravel() for mask in masks])


def random_biased_point(rng):
    """A critical point in weights and biases: critical on centred data, output bias cancelling the mean residual."""
    hidden = int(rng.integers(0, 4))
    widths = rng.integers(1, 6, hidden + 2).tolist()
    X, Y = random_data(rng, widths[0], widths[-1], int(rng.integers(3, 15)), tie=rng.random() < 0.2)
    X, Y = X + rng.uniform(-3, 3, (widths[0], 1)), Y + rng.uniform(-3, 3, (widths[-1], 1))
    Xc, Yc = X - X.mean(axis=1, keepdims=True), Y - Y.mean(axis=1, keepdims=True)
    values = eigen_system(Xc, Yc)[1]
    positive = [i for i, v in enumerate(values) if v > 1e-9]
    r = int(rng.integers(0, min(*widths, len(positive)) + 1))
    eigen_set = (
        tuple(positive[:r]) if rng.random() < 0.6 else tuple(sorted(rng.choice(positive, r, replace=False).tolist()))
    )
    if hidden == 0:
        weights, eigen_set = [eigen_system(Xc, Yc)[2]], tuple(positive)
    else:
        weights = build(rng, widths, Xc, Yc, eigen_set=eigen_set, recipe=str(rng.choice(RECIPES)))
    biases = [rng.standard_normal(W.shape[0]) for W in weights[:-1]]
    mean = X.mean(axis=1)
    for W, b in zip(weights[:-1], biases, strict=True):
        mean = W @ mean + b
    biases.append(Y.mean(axis=1) - weights[-1] @ mean)
    return weights, biases, X, Y, (values, eigen_set, min(widths))


def true_type(weights, biases, X, Y, optimum):
    values, eigen_set, rank_max = optimum
    left_out = np.sum(values**2) - np.sum(values[list(eigen_set)] ** 2)
    if left_out - np.sum(values[rank_max:] ** 2) <= 1e-10 * np.sum(values**2):
        return "global-minimum"
    layers = with_biases(weights, biases)
    H = dense_hessian(layers, np.vstack([X, np.ones((1, X.shape[1]))]), Y)
    free = free_entries(layers)
    eigenvalues = np.linalg.eigvalsh(H[np.ix_(free, free)])
    return "strict-saddle" if eigenvalues[0] < -1e-9 * eigenvalues[-1] else "bad-saddle"


@pytest.mark.parametrize("seeds", [range(100), pytest.param(range(100, 200), marks=pytest.mark.slow)])
def test_type_with_biases_agrees_with_the_dense_hessian_over_weights_and_biases(seeds):
    # channel: eigenvalues of the dense Hessian of the network on [x; 1], restricted to its parameters
    seen = set()
    for seed in seeds:
        weights, biases, X, Y, optimum = random_biased_point(np.random.default_rng([91, seed]))
        expected = true_type(weights, biases, X, Y, optimum)
        result = lossurf.classify(weights, X.T, Y.T, biases=biases)
        assert result.verdict == expected, (seed, result.reason)
        layers = with_biases(weights, biases)
        assert result.loss == pytest.approx(loss(layers, np.vstack([X, np.ones((1, X.shape[1]))]), Y), abs=1e-9)
        seen.add((expected, len(weights)))
    assert {("bad-saddle", 3), ("strict-saddle", 2), ("global-minimum", 1), ("strict-saddle", 4)} <= seen


def test_a_mean_residual_is_a_gradient():
    # channel: central differences of the loss in the output bias
    weights, biases, X, Y, _ = random_biased_point(np.random.default_rng([91, 3]))
    biases[-1] = biases[-1] + 0.01
    result = lossurf.classify(weights, X.T, Y.T, biases=biases)
    assert result.verdict == "not-critical"

    def at(shift):
        layers = with_biases(weights, [*biases[:-1], biases[-1] + shift])
        return loss(layers, np.vstack([X, np.ones((1, X.shape[1]))]), Y)

    assert abs(at(1e-6) - at(-1e-6)) > 1e-9
    assert result.gap > 0.0


def test_missing_inner_biases_are_zero():
    weights, biases, X, Y, optimum = random_biased_point(np.random.default_rng([91, 3]))
    assert len(weights) > 1
    moved = Y.mean(axis=1) - np.linalg.multi_dot([*weights[::-1], X.mean(axis=1)])
    result = lossurf.classify(weights, X.T, Y.T, biases=[None] * (len(weights) - 1) + [moved])
    assert result.verdict == true_type(weights, biases, X, Y, optimum)


def test_a_mean_residual_that_no_bias_explains_is_a_gradient_however_small_it_is():
    # channel: dL/db = m (mean residual), which no relative change of a zero bias and zero means of X removes
    X = np.array([[1.0, -1.0, 2.0, -2.0]]).T
    Y = X + 1e-9
    exact = lossurf.classify([np.ones((1, 1))], X, Y, biases=[np.array([1e-9])])
    missing = lossurf.classify([np.ones((1, 1))], X, Y, biases=[np.zeros(1)])
    assert exact.verdict == "global-minimum"
    assert missing.verdict == "not-critical"


@pytest.mark.parametrize("mean", [1e3, 1e9, 1e12])
def test_a_certificate_of_data_far_from_the_origin_is_valid(inside, tmp_path, mean):
    # channel: least squares of the centred integers, the output bias in fractions
    rng = np.random.default_rng(0)
    X = rng.integers(-9, 10, (20, 3)).astype(float)
    Y = X @ rng.integers(-3, 4, (3, 2)) + rng.integers(-3, 4, (20, 2))
    P = np.linalg.lstsq(X - X.mean(axis=0), Y - Y.mean(axis=0), rcond=None)[0].T
    means = [[sum(map(Fraction, column)) / 20 for column in matrix.T.tolist()] for matrix in (X + mean, Y + 2.0 * mean)]
    b = [
        float(y - sum(Fraction(p) * x for p, x in zip(row, means[0], strict=True)))
        for row, y in zip(P.tolist(), means[1], strict=True)
    ]
    np.savez(tmp_path / "data.npz", X=X + mean, Y=Y + 2.0 * mean)
    np.savez(tmp_path / "w.npz", **{"fc.weight": P, "fc.bias": np.array(b)})
    done = inside("classify", "w.npz", "--data", "data.npz", "--certificate", "c.npz", "--expect", "global-minimum")
    assert done.returncode == 0
    assert inside("verify", "c.npz", "--data", "data.npz").returncode == 0


def test_a_mean_residual_within_the_error_of_the_means_is_none():
    # channel: the output is b for every sample, off by sqrt(4) b from the mean of Y, 0; the means are known to `known`
    X = np.array([[1.0, -1.0, 2.0, -2.0]]).T
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1), bias=True)
    known = float(np.linalg.norm(problem.precision.target_errors))
    for share, is_none in ((0.8, True), (1.2, False)):  # the triangle's own rounding is a tenth of it here
        found = mean_residual([np.ones((1, 1))], [np.array([share * known / 2.0])], problem)
        assert (found.measure == 0.0) is is_none
        assert found.norm == pytest.approx(share * known / problem.scale, rel=0.15, abs=0.0)


def test_a_network_of_zeros_beside_a_mean_has_a_measure_that_documents_hold(tmp_path):
    """No relative change of a zero is one: the measure was infinite, which JSON has no word for."""
    rng = np.random.default_rng(2)
    data = lossurf.Data(rng.standard_normal((20, 3)), rng.standard_normal((20, 2)) + 1.0)
    zeros = {"0.weight": np.zeros((2, 3)), "0.bias": np.zeros(2), "1.weight": np.zeros((2, 2)), "1.bias": np.zeros(2)}
    found = lossurf.classify(zeros, data)
    assert found.verdict == "not-critical"
    check_document(found.to_dict())
    lossurf.certify(zeros, data).save(tmp_path / "proof.npz")
    assert lossurf.verify(tmp_path / "proof.npz", data).valid
    np.savez(tmp_path / "zeros.npz", **zeros)
    assert lossurf.watch(tmp_path / "zeros.npz", data).report("html")
