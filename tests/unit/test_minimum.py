"""Trusted channels: numpy's lstsq, and perturbed networks evaluated with an a-priori bound of their rounding."""

import numpy as np
import pytest

from lossurf.nonlinear.spurious.activations import piecewise_linear
from lossurf.nonlinear.spurious.minimum import certified_radius, least_squares_point, stationarity_defect
from lossurf.nonlinear.spurious.problem import ShallowProblem
from lossurf.nonlinear.spurious.shallow import ShallowNetwork

RELU = piecewise_linear()


def problem(seed=0, m=30, dx=4, dy=3, *, rank=2, width=None, slopes=None):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, dx)) * 10.0 ** rng.integers(-2, 3, dx) + rng.standard_normal(dx)
    mixing = rng.standard_normal((dy, rank)) @ rng.standard_normal((rank, dx))
    Y = X @ mixing.T + 5.0
    Q, _ = np.linalg.qr(np.column_stack([X, np.ones(m)]))
    noise = rng.standard_normal((m, dy))
    Y = Y + noise - Q @ (Q.T @ noise)  # residuals outside the affine functions: the fit keeps its rank
    return ShallowProblem(X, Y, piecewise_linear(slopes=slopes), width)


@pytest.mark.parametrize("slopes", [(1.0, 0.0), (0.5, 2.0)])
@pytest.mark.parametrize("width", [None, 2, 6])
def test_predicts_least_squares_with_every_unit_on(slopes, width):
    task = problem(slopes=slopes, width=width)
    point = least_squares_point(task)
    design = np.column_stack([task.X, np.ones(30)])
    wanted = design @ np.linalg.lstsq(design, task.Y, rcond=None)[0]
    assert task.fit.rank == 2
    assert point.hidden_width == (width or 3)
    assert np.all(point.pre_activations(task.X) > 0.0)
    assert np.allclose(point.predict(task.X, task.activation), wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


def test_fewer_units_than_the_rank_give_the_reduced_rank_fit():
    task = problem(width=1)
    point = least_squares_point(task)
    loss = point.loss(task.X, task.Y, task.activation)
    assert loss == pytest.approx(task.fit.reduced_rank_loss(1), rel=1e-12)
    assert loss > 2.0 * task.fit.loss


def test_data_without_linear_information_give_the_constant():
    X, Y = np.array([[-1.0], [0.0], [1.0]]), np.array([[1.0], [-2.0], [1.0]])
    task = ShallowProblem(X, Y, RELU)
    point = least_squares_point(task)
    assert (task.fit.rank, point.hidden_width) == (0, 1)
    assert np.array_equal(point.predict(X, RELU), np.zeros((3, 1)))
    assert certified_radius(point, X).value == pytest.approx(1.0 / np.sqrt(2.0))


def test_radius_is_sharp():
    task = problem(seed=1)
    point = least_squares_point(task)
    rho = certified_radius(point, task.X).value
    extended = np.column_stack([task.X, np.ones(30)])
    sizes = np.linalg.norm(extended, axis=1)
    i, j = np.unravel_index(np.argmin(point.pre_activations(task.X) / sizes[:, None]), (30, 3))
    for factor, on in ((1.0 - 1e-9, True), (1.0 + 1e-9, False)):
        step = factor * rho * extended[i] / sizes[i]
        moved = ShallowNetwork(point.W1.copy(), point.b1.copy(), point.W2, point.b2)
        moved.W1[j] -= step[:-1]
        moved.b1[j] -= step[-1]
        assert np.all(moved.pre_activations(task.X) > 0.0) == on


def test_radius_is_not_positive_where_rounding_may_switch_a_unit_off():
    X = 1e16 + np.array([[0.0], [2.0], [4.0]])
    point = ShallowNetwork(np.array([[1.0]]), np.array([-1e16 + 4.0]), np.array([[1.0]]), np.array([0.0]))
    assert np.all(point.pre_activations(X) > 0.0)
    assert certified_radius(point, X).value < 0.0


def test_defect_covers_a_point_that_is_moved():
    task = problem(seed=2)
    point = least_squares_point(task)
    assert stationarity_defect(point, task) <= 1e-20 * task.fit.total
    moved = ShallowNetwork(point.W1, point.b1, point.W2, point.b2 + 1e-3)
    lost = moved.loss(task.X, task.Y, RELU) - task.fit.loss
    assert stationarity_defect(moved, task) == pytest.approx(lost, rel=1e-6)


def test_defect_of_a_reduced_rank_point_covers_the_way_down():
    task = problem(seed=3, width=1)
    point = least_squares_point(task)
    moved = ShallowNetwork(point.W1, point.b1, point.W2 * (1.0 + 1e-4), point.b2)
    lost = moved.loss(task.X, task.Y, RELU) - task.fit.reduced_rank_loss(1)
    assert stationarity_defect(moved, task) >= lost * (1.0 - 1e-6)
