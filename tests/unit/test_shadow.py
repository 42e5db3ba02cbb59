"""The exactly critical point beside trained weights, against what it is said to be.

Independent channels: 50-digit gradients of the stored numbers, dense Hessians of the point, distances by numpy, and
`verify`, which shares no code with the analysis.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from attack import KINDS
from critical_points import chain, dense_hessian, loss, random_point
from mpmath import mp

import lossurf
from lossurf.landscape.classify import _Judgement, _with_shadow
from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.reading import read_point
from lossurf.landscape.shadow import FARTHEST_SHADOW, _gradients, find_shadow
from lossurf.numerics import EPS
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import Verdict

FOUND = ("rescaled", "float32", "blind", "large-means", "intercept", "float32-data")
POINTS = 40


def cases(kind, count=POINTS):
    for seed in range(count):
        case = KINDS[kind](np.random.default_rng([*kind.encode(), seed]))
        tolerance = 1e-6 if case.float32 else 1e-8
        yield case, lossurf.classify(case.weights, case.X.T, case.Y.T, biases=case.biases, tolerance=tolerance)


def centred(case):
    X, Y = case.X.astype(float), case.Y.astype(float)
    if case.biases is None:
        return X, Y
    return X - X.mean(axis=1, keepdims=True), Y - Y.mean(axis=1, keepdims=True)


def gradient_sizes(weights, X, Y):
    """Norms of the gradients at 50 digits, and of the terms that they are the difference of."""
    with mp.workdps(50):
        layers = [mp.matrix(W.tolist()) for W in weights]
        XX, YX = mp.matrix(X.tolist()) * mp.matrix(X.T.tolist()), mp.matrix(Y.tolist()) * mp.matrix(X.T.tolist())
        found = []
        for k in range(len(layers)):
            above, below = mp.eye(layers[k].rows), mp.eye(layers[k].cols)
            for W in layers[k + 1 :]:
                above = W * above
            for W in reversed(layers[:k]):
                below = below * W
            P = above * layers[k] * below
            size = mp.mnorm(above, "f") * mp.mnorm(below, "f") * (mp.mnorm(P * XX, "f") + mp.mnorm(YX, "f"))
            found.append((float(mp.mnorm(above.T * (P * XX - YX) * below.T, "f")), float(size)))
    return found


@pytest.mark.parametrize("kind", FOUND)
def test_it_is_near_and_critical(kind):
    for case, result in cases(kind, 12):
        if result.nearest is None:
            continue
        point = result.nearest.layers
        ratios = [
            np.linalg.norm(a - b) / np.linalg.norm(b) if np.any(b) else np.linalg.norm(a)
            for a, b in zip(point, case.weights, strict=True)
        ]
        assert max(ratios) == pytest.approx(result.nearest.distance, rel=1e-6, abs=1e-300)
        assert max(ratios) <= FARTHEST_SHADOW * result.tolerance
        X, Y = centred(case)
        for gradient, size in gradient_sizes(point, X, Y):
            assert gradient <= 1e-11 * size or size == 0.0


@pytest.mark.parametrize("kind", FOUND)
def test_nearly_every_verdict_has_one_of_its_kind(kind):
    found, wanted = 0, 0
    for case, result in cases(kind):
        if result.verdict == "undetermined":
            continue
        wanted, found = wanted + 1, found + (result.nearest is not None)
        if result.nearest is None or kind == "intercept":  # whose X is too ill conditioned for a dense Hessian
            continue
        X, Y = centred(case)
        eigenvalues = np.linalg.eigvalsh(dense_hessian(result.nearest.layers, X, Y))
        small = 1e-12 * (eigenvalues[-1] + np.linalg.norm(Y @ X.T))
        total = 0.5 * np.sum(Y**2)
        if result.verdict == "bad-saddle":
            assert eigenvalues[0] >= -small
        if result.verdict == "global-minimum" and not case.biases:
            assert loss(result.nearest.layers, X, Y) <= result.optimal_loss + 1e-12 * total
    assert found >= 0.95 * wanted


@pytest.mark.parametrize("name", ["bad-saddle", "strict-saddle", "strict-saddle-tails", "global-minimum"])
def test_the_certificate_stores_it_and_verify_checks_it(inside, tmp_path, name):
    wine, target = Path(__file__).resolve().parents[2] / "sample_data" / "wine", tmp_path / "c.npz"
    point = str(wine / "checkpoints" / f"{name}.npz")
    assert inside("classify", point, "--data", str(wine), "--certificate", str(target)).returncode == 0
    claim = json.loads(target.with_suffix(".json").read_text())
    assert set(claim["nearest"]) == {"distance", "gradient"}
    checked = json.loads(inside("verify", str(target), "--format", "json").stdout)
    ids = {check["id"] for check in checked["checks"]}
    assert checked["valid"]
    assert {"nearest-distance", "nearest-critical", "nearest-rank"} <= ids


def test_a_layer_that_is_rounding_of_a_zero_has_no_point_near_it_in_its_own_units():
    weights = [1e-16 * np.ones((2, 3)), np.eye(2), np.zeros((3, 2))]
    result = lossurf.classify(weights, np.eye(3), np.diag([3.0, 2.0, 1.0]))
    assert result.verdict in ("strict-saddle", "bad-saddle")
    assert result.nearest is None


def one_weight(times, tau):
    """A weight on Y = X whose relative distance from the least-squares slope 1 is `times` tau, and its type test."""
    X = np.array([[3.0], [4.0]])
    problem = reduced_problem(reduce_blocks([(X, X)], 1, 1))
    weights = [np.array([[1.0 / (1.0 - times * tau)]])]
    return read_point(weights, problem).balanced, weights, problem


@pytest.mark.parametrize("tau", [1e-3, 1e-8])
def test_it_is_within_ten_tolerances_or_none(tau):
    # channel: the distance by hand
    for times, found in ((9.9, True), (10.1, False)):
        test, weights, problem = one_weight(times, tau)
        shadow, moved = find_shadow(test, weights, problem, tau)
        assert (shadow is not None) is found
        assert moved == pytest.approx(times * tau, rel=1e-6, abs=0.0)
        if shadow is not None:
            assert shadow.distance == pytest.approx(times * tau, rel=1e-6, abs=0.0)
            assert shadow.layers[0] == pytest.approx(1.0, rel=1e-15)


def test_a_verdict_whose_point_is_farther_than_ten_tolerances_is_withheld():
    said = _Judgement(Verdict.GLOBAL_MINIMUM, "said")
    for times, verdict in ((9.9, "global-minimum"), (10.1, "undetermined")):
        judged, shadow = _with_shadow(said, *one_weight(times, 1e-3), 1e-3)
        assert judged.verdict == verdict
        assert (shadow is None) is (verdict == "undetermined")


def test_what_x_does_not_see_of_the_first_layer_stays_in_it():
    # two inputs that are the same: W_1 takes their difference, which is zero
    X, Y = np.array([[3.0, 3.0], [4.0, 4.0], [0.0, 0.0]]), np.array([[3.0], [4.0], [1.0]])
    weights = [np.array([[2.0, -2.0]]), np.array([[0.0]])]
    result = lossurf.classify(weights, X, Y)
    assert result.verdict == "strict-saddle"
    assert result.nearest.distance == pytest.approx(0.0, abs=1e-15)
    assert result.nearest.layers[0] == pytest.approx(weights[0])


def test_what_is_not_critical_has_none():
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((2, 3)), rng.standard_normal((3, 2))]
    assert lossurf.classify(weights, np.eye(3), np.diag([3.0, 2.0, 1.0])).nearest is None


def test_what_is_built_is_a_point_up_to_its_own_rounding_and_no_further(monkeypatch):
    # channel: the bound is a hundred times order * eps; moved to either side of the gradient that was found
    case, result = next(found for found in cases("float32") if found[1].nearest and found[1].nearest.gradient > 0.0)
    order = sum(W.shape[1] for W in case.weights[1:]) + np.linalg.matrix_rank(case.X)
    factor = result.nearest.gradient / (order * 2.0**-52)
    assert factor < 100.0
    for share, is_found in ((0.99, False), (1.01, True)):
        monkeypatch.setattr("lossurf.landscape.shadow._ROUNDING", share * factor)
        again = lossurf.classify(case.weights, case.X.T, case.Y.T, tolerance=result.tolerance)
        assert (again.nearest is not None) is is_found


@pytest.mark.parametrize("apart", [1e-14, 1e-8, 1e-3])
def test_bounds_of_a_gradient_beside_a_wide_network_are_above_it_and_come_closer(apart, monkeypatch):
    # channel: the gradients multiplied out by numpy, and their singular values
    monkeypatch.setattr("lossurf.spectral._DIRECT", 2)
    for seed in range(40):
        rng = np.random.default_rng([8, seed])
        point = random_point(rng, max_dim=9)
        problem = reduced_problem(reduce_blocks([(point.X.T, point.Y.T)], len(point.X), len(point.Y)))
        sensitivity = read_point(point.weights, problem).balanced.sensitivity
        if is_narrow(sensitivity.network):
            continue
        before = sensitivity.network.layers
        layers = tuple(W + apart * rng.standard_normal(W.shape) for W in before)
        distances = np.array([np.linalg.norm(W - V) for W, V in zip(layers, before, strict=True)])
        network = replace(sensitivity.network, layers=layers, _products={}, _residuals={}, _inner=[])
        E, true = chain(layers, len(before[0].T)) - network.target, 0.0
        for k, W in enumerate(layers):
            gradient = chain(layers[k + 1 :], len(W)).T @ E @ chain(layers[:k], len(before[0].T)).T
            change = sensitivity.block_change(k + 1, k + 1)
            true = max(true, np.linalg.norm(gradient, 2) / change if change else np.inf)
        found = list(_gradients(network, sensitivity, distances))
        assert len(found) == 3
        assert found[0] >= found[1] * (1.0 - 1e-10)
        assert found[1] >= found[2] * (1.0 - 1e-10) - 1e-15
        assert true * (1.0 - 1e-10) - 1e-15 <= found[2] <= 3.0 * true + 1e-15


def test_a_bound_stands_for_a_gradient_only_where_it_is_rounding(monkeypatch):
    # channel: the bounds are made up
    test, weights, problem = one_weight(0.0, 1e-8)
    unit = EPS  # one layer of one input
    for bounds, taken in (([0.9 * unit, 0.0], 0.9 * unit), ([1.1 * unit, 0.0], 0.0), ([1.0, 50.0 * unit], 50.0 * unit)):
        monkeypatch.setattr("lossurf.landscape.shadow._gradients", lambda *_, bounds=bounds: iter(bounds))
        assert find_shadow(test, weights, problem, 1e-8)[0].gradient == taken
    monkeypatch.setattr("lossurf.landscape.shadow._gradients", lambda *_: iter([1.0, 101.0 * unit]))
    assert find_shadow(test, weights, problem, 1e-8)[0] is None
