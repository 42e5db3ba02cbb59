"""Independent channels: closed forms of the losses (only the best rank-one fit and its mirror image occur), and dense
Hessians of the critical points."""

import numpy as np
import pytest
from critical_points import dense_hessian, random_data, random_point, true_type

from lossurf.landscape.points.witness import convexity_witness, rises_nearby
from lossurf.network import whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def reduced(X, Y):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]))


@pytest.mark.parametrize("widths", [(4, 2, 3), (4, 1, 3), (4, 5, 2, 3), (4, 3, 1, 3, 3), (4, 2, 6, 2, 2, 3)])
def test_the_point_bends_both_ways_and_is_a_midpoint_of_lower_and_of_higher_points(widths):
    X, Y = random_data(np.random.default_rng(sum(widths)), 4, 3, 20)
    largest = np.linalg.svd(Y @ np.linalg.pinv(X) @ X, compute_uv=False)[0] ** 2
    found = convexity_witness(reduced(X, Y), widths)
    assert found.valid
    assert (found.curvature_down, found.curvature_up) == pytest.approx((-1.0, 1.0), rel=1e-12)
    at_zero = 0.5 * np.sum(Y**2)
    assert found.loss == pytest.approx(at_zero, rel=1e-12)
    assert found.loss_below == pytest.approx(at_zero - 0.5 * largest, rel=1e-12)
    assert found.loss_above == pytest.approx(at_zero + 1.5 * largest, rel=1e-12)


def test_the_hessian_there_is_indefinite():
    X, Y = random_data(np.random.default_rng(1), 3, 2, 12)
    weights = [np.zeros((2, 3)), np.eye(2), np.zeros((2, 2))]
    eigenvalues = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    assert eigenvalues[0] < 0 < eigenvalues[-1]


def test_without_anything_to_fit_there_is_no_witness():
    X = np.eye(2, 6)
    Y = np.eye(6)[4:5]
    assert convexity_witness(reduced(X, Y), (2, 2, 1)) is None


def test_no_saddle_is_a_maximum():
    rng = np.random.default_rng(17)
    saddles = 0
    while saddles < 80:
        point = random_point(rng, max_depth=5)
        if true_type(point) == "global-minimum":
            continue
        saddles += 1
        network = whiten([np.asarray(W) for W in point.weights], reduced(point.X, point.Y))
        assert rises_nearby(network) > 0.0


def test_the_rise_at_zero_weights_is_the_closed_form_of_a_product_grown_away_from_the_target():
    # P = -t^3 sigma-direction at H = 2, t = 1/8: the excess rises by t^3 + t^6 / 2 where ||T|| = 1.
    X, Y = random_data(np.random.default_rng(5), 3, 2, 12)
    zero = [np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 2))]
    assert rises_nearby(whiten(zero, reduced(X, Y))) == pytest.approx(0.125**3 + 0.5 * 0.125**6, rel=1e-10)
