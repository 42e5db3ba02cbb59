"""Trusted channels: closed-form minima, and scipy's BFGS."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from lossurf.nonlinear.spurious.lbfgs import minimise


def test_quadratic_reaches_its_solution():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((8, 8))
    A, b = root @ root.T + np.eye(8), rng.standard_normal(8)
    value, x = minimise(lambda v: (0.5 * v @ A @ v - b @ v, A @ v - b), np.zeros(8), 200)
    assert np.allclose(x, np.linalg.solve(A, b), atol=1e-6)
    assert value == pytest.approx(-0.5 * b @ np.linalg.solve(A, b), rel=1e-12)


def test_rosenbrock_as_scipy():
    start = np.array([-1.2, 1.0, -0.5, 2.0])
    value, x = minimise(lambda v: (rosen(v), rosen_der(v)), start, 500)
    assert value <= minimize(rosen, start, jac=rosen_der, method="BFGS").fun + 1e-10
    assert rosen_der(x) == pytest.approx(0.0, abs=1e-4)


def test_never_goes_up_and_stops_at_a_stationary_point():
    value, x = minimise(lambda v: (float(np.abs(v).sum()), np.sign(v)), np.array([3.0, -0.5]), 50)
    assert value <= 3.5
    assert np.abs(x).sum() == pytest.approx(value)
    assert minimise(lambda v: (float(v @ v), 2.0 * v), np.zeros(3), 10) == (0.0, pytest.approx(np.zeros(3)))
