"""A slice of the campaign, and single points that were wrong once."""

import numpy as np
import pytest
from attack import KINDS, attack
from critical_points import dense_hessian

import lossurf

POINTS = 60


@pytest.mark.parametrize("kind", KINDS)
def test_no_verdict_is_wrong_and_few_are_left_open(kind):
    # channel: the dense Hessian of the point before it was hidden, or its gap in exact fractions
    outcome = attack(kind, range(POINTS))
    assert not outcome.wrong
    assert outcome.counts["undetermined"] <= 0.05 * POINTS
    assert not outcome.curvatures or np.quantile(outcome.curvatures, 0.05) >= 0.05
    assert min(outcome.curvatures, default=1.0) >= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_campaign(kind):
    # channel: as above, on other seeds than the slice
    outcome = attack(kind, range(1000, 4000))
    assert not outcome.wrong
    assert outcome.counts["undetermined"] <= 0.02 * 3000
    assert not outcome.curvatures or np.quantile(outcome.curvatures, 0.05) >= 0.05
    assert min(outcome.curvatures, default=1.0) >= 1e-6


def test_an_exchange_by_the_layers_that_are_small_is_found():
    # channel: the dense Hessian; through the large last layer the same exchange has 1e-10 of the curvature
    case = KINDS["rounding-for-zero"](np.random.default_rng([*b"rounding-for-zero", 301]))
    eigenvalues = np.linalg.eigvalsh(dense_hessian(case.weights, case.X, case.Y))
    result = lossurf.classify(case.weights, case.X.T, case.Y.T)
    assert result.certificate.curvature == pytest.approx(eigenvalues[0], rel=1e-3)


def hilbert(n):
    return 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1.0)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_descent_far_from_done_on_a_hilbert_matrix_is_no_minimum(depth):
    # channel: the loss after least squares by QR, far below the descent's
    X = hilbert(11)
    Y = X @ np.ones((11, 1)) + np.linspace(-1.0, 1.0, 11)[:, None] ** 3
    w = np.zeros((11, 1))
    for _ in range(50):
        w -= 0.1 * X.T @ (X @ w - Y)
    reached = 0.5 * np.sum((X @ w - Y) ** 2)
    q, r = np.linalg.qr(X)
    assert 0.5 * np.sum((X @ np.linalg.lstsq(r, q.T @ Y, rcond=None)[0] - Y) ** 2) < 1e-2 * reached
    weights = [w.T] if depth == 1 else [w.T, np.ones((1, 1))]
    for tolerance in (None, 1e-2, 0.6):
        assert lossurf.classify(weights, X, Y, tolerance=tolerance).verdict in ("not-critical", "undetermined")


@pytest.mark.parametrize("size", [1e-10, 1e-13, 1e-14, 1e-16])
def test_tiny_outer_layers_around_a_unit_layer_are_at_a_strict_saddle(size):
    # channel: the dense Hessian, from -3 to 3
    rng = np.random.default_rng(0)
    weights = [size * rng.standard_normal((2, 3)), np.eye(2), size * rng.standard_normal((3, 2))]
    X, Y = np.eye(3), np.diag([3.0, 2.0, 1.0])
    eigenvalues = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    result = lossurf.classify(weights, X, Y.T)
    assert result.verdict == "strict-saddle"
    assert result.certificate.curvature == pytest.approx(eigenvalues[0], rel=1e-6)


@pytest.mark.parametrize("c", [1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
def test_a_gradient_beside_a_zero_layer_is_never_taken_for_zero(c):
    # channel: dL/dW_2 = -T W_1^T is not zero whatever the size of W_1
    W_1 = np.random.default_rng(0).standard_normal((2, 3))
    result = lossurf.classify([c * W_1, np.zeros((3, 2))], np.eye(3), np.diag([3.0, 2.0, 1.0]))
    assert result.verdict in ("not-critical", "undetermined")


def test_a_tolerance_names_no_kind_of_point_above_one_hundredth():
    # channel: the point is a global minimum by least squares
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    weights = [np.linalg.lstsq(X, Y, rcond=None)[0].T]
    assert lossurf.classify(weights, X, Y, tolerance=1e-2).verdict == "global-minimum"
    assert lossurf.classify(weights, X, Y, tolerance=1.1e-2).verdict == "undetermined"


def test_a_missing_singular_value_that_the_loss_cannot_see_is_left_open():
    # channel: the rank of the product, one less than that of the best network
    X, Y = np.eye(3), np.diag([1.0, 0.5, 1e-5])
    weights = [np.diag([1.0, 0.5, 0.0]), np.diag([1.0, 1.0, 0.0])]
    result = lossurf.classify(weights, X, Y)
    assert 0.0 < result.relative_gap < 1e-8
    assert result.verdict in ("undetermined", "strict-saddle")


def test_a_vanishing_gradient_is_named():
    # channel: norms of the layers; no relative change below a few percent makes any of them zero
    rng = np.random.default_rng(2)
    weights = [0.04 * rng.standard_normal((4, 4)) for _ in range(12)]
    result = lossurf.classify(weights, rng.standard_normal((30, 4)), rng.standard_normal((30, 4)))
    assert result.verdict == "not-critical"
    assert result.reason.startswith("vanishing gradient")
