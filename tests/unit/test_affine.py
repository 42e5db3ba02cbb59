"""Trusted channels: NIST's certified sums of squares, scikit-learn's LinearRegression, numpy's lstsq on [X 1]."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from lossurf.nonlinear.spurious.affine import between_group_loss, fit_affine

NIST = Path(__file__).parents[1] / "data" / "nist"


def random_data(seed, m=40, dx=5, dy=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, dx)) @ rng.standard_normal((dx, dx)) + 3.0, rng.standard_normal((m, dy)) - 2.0


def test_equals_linear_regression():
    X, Y = random_data(0)
    fit, other = fit_affine(X, Y), LinearRegression().fit(X, Y)
    assert np.allclose(fit.weights, other.coef_, rtol=1e-10, atol=1e-12)
    assert np.allclose(fit.intercept, other.intercept_, rtol=1e-10, atol=1e-12)
    assert fit.loss == pytest.approx(0.5 * np.sum((other.predict(X) - Y) ** 2), rel=1e-12)


@pytest.mark.parametrize(("name", "digits"), [("longley", 1e-10), ("wampler3", 1e-10)])
def test_reproduces_nist_certified_losses(name, digits):
    values = np.loadtxt(NIST / f"{name}.csv", delimiter=",", skiprows=1)
    certified = json.loads((NIST / "certified.json").read_text())[name]
    X = values[:, 1:] if name == "longley" else values[:, 1:2] ** np.arange(1, 6)
    assert X.shape[0] == certified["samples"]
    assert fit_affine(X, values[:, :1]).loss == pytest.approx(certified["loss_at_full_rank"], rel=digits)


def test_units_and_collinear_and_constant_columns_do_no_harm():
    X, Y = random_data(1)
    wanted = fit_affine(X, Y).loss
    odd = np.column_stack([X * 10.0 ** np.array([-9, 9, 0, 5, -5]), X[:, 0] + X[:, 1], np.full(X.shape[0], 7.3)])
    fit = fit_affine(odd, Y)
    assert fit.loss == pytest.approx(wanted, rel=1e-10)
    assert fit.basis.shape[1] == 5
    assert np.all(fit.weights[:, -1] == 0.0)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_reduced_rank_loss_is_that_of_the_predictions_cut_off_after_so_many_singular_values(rank):
    X, Y = random_data(2)
    fit = fit_affine(X, Y)
    design, mean = np.column_stack([X, np.ones(len(X))]), Y.mean(axis=0)
    u, s, vt = np.linalg.svd(design @ np.linalg.lstsq(design, Y)[0] - mean, full_matrices=False)
    kept = u[:, :rank] * s[:rank] @ vt[:rank]
    assert fit.reduced_rank_loss(rank) == pytest.approx(0.5 * np.sum((kept + mean - Y) ** 2), rel=1e-12)
    assert np.allclose(fit.predictions(0, rank), kept, atol=1e-12)


def test_project_leaves_what_no_affine_function_explains():
    X, Y = random_data(3)
    t = np.abs(X[:, 0])
    design = np.column_stack([X, np.ones(X.shape[0])])
    wanted = t - design @ np.linalg.lstsq(design, t, rcond=None)[0]
    assert np.allclose(fit_affine(X, Y).project(t), wanted, atol=1e-12)


def test_between_group_loss_counts_signed_zero_as_one_input():
    X = np.array([[0.0], [-0.0], [1.0], [1.0], [2.0]])
    R = np.array([[1.0], [2.0], [3.0], [-3.0], [4.0]])
    assert between_group_loss(X, R) == (0.5 * (9.0 / 2.0 + 0.0 + 16.0), 3)
