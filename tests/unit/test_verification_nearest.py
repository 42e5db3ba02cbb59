"""The nearest critical point of a certificate: honest ones pass, every other point is refused.

Trusted channels: points built by their closed form with their types from dense Hessians, and gradients in Fractions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from critical_points import random_point, true_type

from lossurf.certificates import exact_gradient
from lossurf.certificates.exact_gradient import layer_gradients
from lossurf.certificates.nearest import NearestPoint, nearest_checks


def factor(X, Y):
    """R11 (rank, dx) and T (dy, rank) of the data, X (dx, m)."""
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    keep = s > 1e-12 * s[0]
    return (U[:, keep] * s[keep]).T, Y @ Vt[keep].T


def distance_of(weights, layers):
    pairs = [(np.linalg.norm(W), np.linalg.norm(V - W)) for W, V in zip(weights, layers, strict=True)]
    return max(moved / size if size else 0.0 for size, moved in pairs)


def beside(rng, point, dtype):
    """A critical point as a network was trained to and stored it, with the point itself as the nearest."""
    weights = [W * (1.0 + 1e-10 * rng.standard_normal(W.shape)) for W in point.weights]
    if dtype != "float64":
        weights = [W.astype(dtype).astype(float) for W in point.weights]
    return weights, NearestPoint(point.weights, distance_of(weights, point.weights), 0.0)


def failed(claim, weights, nearest, point, *, rank=None, tau=1e-8):
    rank = len(point.eigen_set) if rank is None else rank
    checks = nearest_checks(claim, weights, nearest, *factor(point.X, point.Y), rank=rank, tau=tau)
    assert len(checks) >= 5
    return [check.id for check in checks if not check.ok]


def honest(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        point = random_point(rng, max_dim=6)
        # a layer that the closed form makes zero may come out as rounding; an exactly critical point has the zero
        weights = [W if np.abs(W).max() > 1e-9 else 0.0 * W for W in point.weights]
        point, claim = replace(point, weights=weights), true_type(point)
        if claim in {"global-minimum", "strict-saddle", "bad-saddle"} and any(W.any() for W in weights):
            yield seed, rng, point, claim


@pytest.mark.parametrize(("dtype", "tau"), [("float64", 1e-8), ("float32", 1e-6), ("float16", 1e-2)])
def test_points_of_known_type_are_their_own_evidence_and_of_no_other_type(dtype, tau):
    kinds = set()
    for seed, rng, point, claim in honest([17, k] for k in range(200)):
        if dtype == "float16" and max(np.abs(W).max() for W in point.weights) > 1e3:
            continue  # layers scaled by 1e4 overflow or vanish in half precision
        if dtype == "float16" and min(np.abs(W).max() for W in point.weights) < 1e-2:
            continue
        weights, nearest = beside(rng, point, dtype)
        assert failed(claim, weights, nearest, point, tau=tau) == [], (seed, claim)
        for other in {"global-minimum", "strict-saddle", "bad-saddle"} - {claim}:
            assert failed(other, weights, nearest, point, tau=tau), (seed, other)
        kinds.add(claim)
    assert kinds == {"global-minimum", "strict-saddle", "bad-saddle"}


def test_a_point_that_is_changed_anywhere_is_refused():
    for seed, rng, point, claim in honest([18, k] for k in range(40)):
        weights, nearest = beside(rng, point, "float64")
        k = int(rng.integers(len(weights)))
        if not weights[k].any():
            continue
        moved = [W.copy() for W in point.weights]
        moved[k] = moved[k] + 1e-5 * np.linalg.norm(moved[k]) * rng.standard_normal(moved[k].shape)
        changed = replace(nearest, layers=moved)
        assert "nearest-distance-claimed" in failed(claim, weights, changed, point), seed
        assert "nearest-distance" in failed(claim, weights, replace(changed, distance=1e-5), point), seed


def test_a_critical_point_is_not_taken_for_one_that_is_merely_near():
    # the stored weights themselves, at distance 0, have a gradient of 1e-10: a tolerance calls it zero, rounding not
    found = 0
    for _, rng, point, claim in honest([19, k] for k in range(60)):
        weights, _ = beside(rng, point, "float64")
        found += "nearest-critical" in failed(claim, weights, NearestPoint(weights, 0.0, 0.0), point)
    assert found > 20


@pytest.mark.parametrize("change", [{"distance": 1e-3}, {"distance": 0.0}, {"gradient": -1e-20}, {"gradient": 1e-9}])
def test_numbers_that_are_not_its_own_are_refused(change):
    for _, rng, point, claim in honest([20, k] for k in range(10)):
        weights, nearest = beside(rng, point, "float64")
        assert failed(claim, weights, replace(nearest, **change), point)


def test_another_rank_is_refused():
    for _, rng, point, claim in honest([21, k] for k in range(20)):
        weights, nearest = beside(rng, point, "float64")
        for rank in (len(point.eigen_set) - 1, len(point.eigen_set) + 1):
            if rank >= 0:
                assert failed(claim, weights, nearest, point, rank=rank)


def test_a_zero_layer_stays_zero():
    weights = [np.zeros((2, 3)), np.eye(2), np.zeros((2, 2))]
    R11, T = np.eye(3), np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    said = {"rank": 0, "tau": 1e-8}
    good = NearestPoint(weights, 0.0, 0.0)
    assert all(check.ok for check in nearest_checks("strict-saddle", weights, good, R11, T, **said))
    moved = NearestPoint([np.full((2, 3), 1e-300), np.eye(2), np.zeros((2, 2))], 0.0, 0.0)
    assert "nearest-distance" in [
        c.id for c in nearest_checks("strict-saddle", weights, moved, R11, T, **said) if not c.ok
    ]


def test_infinite_products_pass_nothing():
    weights = [np.full((2, 2), 1e200), np.full((2, 2), 1e200)]
    point = NearestPoint(weights, 0.0, 0.0)
    for claim in ("global-minimum", "strict-saddle", "bad-saddle"):
        checks = nearest_checks(claim, weights, point, np.eye(2), np.eye(2), rank=1, tau=1e-8)
        assert not all(check.ok for check in checks)


def edge(claim, layers, roots, *, rank, moved=0.0, tau=1e-8, gradient=0.0):
    """Failed checks of diagonal layers on R11 = I, T = diag(roots), beside stored weights off by a share `moved`."""
    layers = [np.diag(np.array(layer, dtype=float)) for layer in layers]
    weights = [W / (1.0 + moved) for W in layers]
    distance = max(np.linalg.norm(V - W) / np.linalg.norm(W) for V, W in zip(layers, weights, strict=True))
    nearest = NearestPoint(layers, distance, gradient)
    checks = nearest_checks(claim, weights, nearest, np.eye(len(roots)), np.diag(roots), rank=rank, tau=tau)
    return {check.id for check in checks if not check.ok}


def test_the_point_is_within_ten_tolerances():
    for moved, fails in ((9e-8, set()), (1.1e-7, {"nearest-distance"})):
        assert edge("global-minimum", [(2, 1), (1, 1)], (2, 1), rank=2, moved=moved) == fails


def test_a_rank_that_the_product_does_not_have_is_refused():
    assert edge("strict-saddle", [(2, 0), (1, 0)], (2, 1), rank=1) == set()
    assert edge("strict-saddle", [(2, 0), (1, 0)], (2, 1), rank=2) == {"nearest-rank-reached"}


# One unit of rounding is 1000 * 8 * 2^-52 = 1.8e-12 of every layer (8 = 2 + 2 for R11, 2 + 2 for the layers); layers of
# norm 2 and 1 move their product of norm 2 by four units, and with T of norm 2 their difference by six.


def test_a_singular_value_within_ten_roundings_is_of_no_rank():
    for value, fails in ((3e-11, {"nearest-rank-reached"}), (1e-10, set())):
        assert edge("global-minimum", [(2, value), (1, 1)], (2, value), rank=2) == fails


def test_a_loss_within_ten_roundings_of_the_optimum_is_not_above_it():
    # 1/2 v^2 against the rounding of two sums of squares of ||T||^2 = 4, six units of 2e-16 each
    for value, fails in ((1e-7, True), (1e-5, False)):
        assert ("nearest-above-the-optimum" in edge("strict-saddle", [(2, 0), (1, 0)], (2, value), rank=1)) is fails
    assert edge("global-minimum", [(2, 0), (1, 0)], (2, 1e-8), rank=1) == set()
    assert edge("global-minimum", [(2, 0), (1, 0)], (2, 1e-5), rank=1) == {"nearest-at-the-optimum"}


def test_a_pair_of_layers_within_ten_roundings_is_not_open():
    # E_21 = v against six units
    assert "nearest-pairs-open" in edge("strict-saddle", [(2, 0), (1, 0)], (2, 5e-11), rank=1)


def test_a_gradient_is_claimed_between_zero_and_rounding():
    for gradient, fails in (
        (1e-12, set()),
        (-1e-300, {"nearest-gradient-claimed"}),
        (2e-12, {"nearest-gradient-claimed"}),
    ):
        assert edge("global-minimum", [(2, 1), (1, 1)], (2, 1), rank=2, gradient=gradient) == fails


def fraction_gradients(weights, R11, T):
    def product(A, B):
        columns = transposed(B)
        return [
            [sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in A
        ]

    def exact(A):
        return [[Fraction(value) for value in row] for row in A.tolist()]

    def transposed(A):
        return [list(row) for row in zip(*A, strict=True)]

    layers = [product(exact(weights[0]), transposed(exact(R11))), *map(exact, weights[1:])]
    P = layers[0]
    for W in layers[1:]:
        P = product(W, P)
    E = [[p - t for p, t in zip(*rows, strict=True)] for rows in zip(P, exact(T), strict=True)]
    gradients = []
    for k in range(len(layers)):
        back = E
        for W in layers[:k:-1]:
            back = product(transposed(W), back)
        if k:
            below = layers[0]
            for W in layers[1:k]:
                below = product(W, below)
            back = product(back, transposed(below))
        gradients.append(np.array([[float(value) for value in row] for row in back]))
    return gradients


@pytest.mark.parametrize("scale", [1.0, 1e-80, 1e80])
def test_small_gradients_are_exact_and_large_ones_in_long_double(scale, monkeypatch):
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 9, shape) for shape in ((2, 3), (3, 2), (2, 3))]
    R11, T = scale * rng.standard_normal((2, 3)), scale * rng.standard_normal((2, 2))
    wanted = fraction_gradients(weights, R11, T)
    for got, true in zip(layer_gradients(weights, R11, T), wanted, strict=True):
        assert np.all(np.abs(got - true) <= 4e-16 * np.abs(true).max())
        assert np.allclose(got, true, rtol=4e-16, atol=1e-17 * np.abs(true).max())
    monkeypatch.setattr(exact_gradient, "_MULTIPLICATIONS", 0)
    for got, true in zip(layer_gradients(weights, R11, T), wanted, strict=True):
        assert np.allclose(got, true, rtol=1e-14, atol=1e-14 * np.abs(true).max())


@pytest.mark.parametrize("unit", [1.0, 1e100, 10.0**154.5])
def test_a_gradient_beyond_the_range_of_float64_is_not_zero(unit):
    # W_2 lacks the second singular value of T, and W_1 and W_3 lead there: beyond 1e154 W_3^T E W_1^T overflows
    weights = [unit * np.eye(2), np.diag([1e4, 0.0]) / unit / unit, unit * np.eye(2)]
    T = np.diag([1e4, 5e3])
    for claim in ("strict-saddle", "bad-saddle"):
        checks = nearest_checks(claim, weights, NearestPoint(weights, 0.0, 0.0), np.eye(2), T, rank=1, tau=1e-8)
        assert "nearest-critical" in {check.id for check in checks if not check.ok}


@pytest.mark.parametrize("power", [520, 900])
def test_powers_of_two_in_the_layers_whose_product_is_1_change_no_check(power):
    asked = 0
    for seed, _, point, claim in honest([19, k] for k in range(16)):
        depth = len(point.weights)
        if depth >= 4:
            powers = [power, power, -power, -power, *[0] * (depth - 4)]
            for turned in (powers, powers[::-1], powers[1:] + powers[:1]):
                layers = [np.ldexp(W, each) for W, each in zip(point.weights, turned, strict=True)]
                assert failed(claim, layers, NearestPoint(layers, 0.0, 0.0), point) == [], (seed, claim, turned)
                asked += 1
    assert asked >= 12
