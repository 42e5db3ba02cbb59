"""Trusted channel: numpy's lstsq on [X 1 g] for the refitted gain, on [g - mean] for the minimal one, cut by cut."""

import numpy as np
import pytest

from lossurf.nonlinear.spurious.activations import piecewise_linear
from lossurf.nonlinear.spurious.affine import fit_affine
from lossurf.nonlinear.spurious.better import hinge_network
from lossurf.nonlinear.spurious.hinge import Sides, best_hinge, directions
from lossurf.nonlinear.spurious.problem import ShallowProblem


def data(seed, m=25, dx=3, dy=2):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, dx)) * [1.0, 100.0, 0.01] + [0.0, 5.0, 1.0]
    return X, rng.standard_normal((m, dy)) + X @ rng.standard_normal((dx, dy))


def gain_by_lstsq(fit, design, Y):
    residuals = Y - design @ np.linalg.lstsq(design, Y, rcond=None)[0]
    return fit.loss - 0.5 * float(np.sum(residuals**2))


def every_cut(t):
    steps = np.unique(t)
    return 0.5 * (steps[1:] + steps[:-1])


@pytest.mark.parametrize("slopes", [(1.0, 0.0), (1.0, 0.3), (0.5, 2.0)])
def test_best_hinge_is_the_best_of_all_cuts_refitted(slopes):
    X, Y = data(0)
    fit, h = fit_affine(X, Y), piecewise_linear(slopes=slopes)
    ones = np.ones((X.shape[0], 1))
    gains = [
        gain_by_lstsq(fit, np.hstack([fit.standardised, ones, h(t - cut)[:, None]]), Y)
        for t in (fit.standardised @ a for a in directions(fit, 0))
        for cut in every_cut(t)
    ]
    found = best_hinge(fit, Sides(np.eye(2)), h, 0)
    assert found.gain == pytest.approx(max(gains), rel=1e-9)


@pytest.mark.parametrize("slopes", [(1.0, 0.0), (1.0, 0.3), (0.5, 2.0)])
def test_best_hinge_is_the_best_of_all_cuts_with_the_affine_part_kept(slopes):
    X, Y = data(1)
    fit, h = fit_affine(X, Y), piecewise_linear(slopes=slopes)
    gains = []
    for a in directions(fit, 0):
        for t in (fit.standardised @ a, -(fit.standardised @ a)):
            for cut in every_cut(t):
                g = h(t - cut)
                centred = (g - g.mean())[:, None]
                rest = -fit.residuals - centred @ np.linalg.lstsq(centred, -fit.residuals, rcond=None)[0]
                gains.append(fit.loss - 0.5 * float(np.sum(rest**2)))
    found = best_hinge(fit, Sides(np.zeros((2, 0))), h, 0)
    assert found.gain == pytest.approx(max(gains), rel=1e-9)


def test_directions_are_unit_seeded_and_skip_constant_columns():
    X, Y = data(2)
    fit = fit_affine(np.column_stack([X, np.full(25, 4.0)]), Y)
    rows = directions(fit, 7)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0)
    assert np.all(rows[:, -1] == 0.0)
    assert np.array_equal(rows, directions(fit, 7))
    assert not np.array_equal(rows, directions(fit, 8))


def test_one_input_leaves_no_cut():
    X, Y = np.ones((4, 2)), np.arange(4.0)[:, None]
    assert best_hinge(fit_affine(X, Y), Sides(np.eye(1)), piecewise_linear(), 0) is None


@pytest.mark.parametrize("slopes", [(1.0, 0.0), (1.0, 0.3), (0.5, 2.0)])
@pytest.mark.parametrize("width", [3, 4, 6])
@pytest.mark.parametrize("refit", [True, False])
def test_network_gains_what_the_hinge_promised(slopes, width, refit):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 5)) + 2.0
    noise = rng.standard_normal((40, 4))
    Q, _ = np.linalg.qr(np.column_stack([X, np.ones(40)]))
    Y = X @ rng.standard_normal((5, 2)) @ rng.standard_normal((2, 4)) + noise - Q @ (Q.T @ noise)
    task = ShallowProblem(X, Y, piecewise_linear(slopes=slopes), width)
    assert task.fit.rank == 2
    network = hinge_network(task, refit=refit)
    spans = np.zeros((4, 0)) if not refit else task.fit.left[:, :2] if width == 3 else np.eye(4)
    promised = best_hinge(task.fit, Sides(spans), task.activation, 0).gain
    assert network.hidden_width == width
    assert task.fit.loss - network.loss(X, Y, task.activation) == pytest.approx(promised, rel=1e-9)
