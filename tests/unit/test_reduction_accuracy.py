"""Trusted channels: 60-digit mpmath (QR and SVD of the stored float64 numbers) and NIST's certified values."""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp

from lossurf.reduction import engine
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.reduction.tuning import PanelShape

EPS = float(np.finfo(float).eps)
NIST = Path(__file__).parents[1] / "data" / "nist"


def exact_summary(X, Y):
    """Singular values of Y's projection on the columns of X (independent), and the norm of what is left of Y."""
    with mp.workdps(60):
        dx = X.shape[1]
        _, R = mp.qr(mp.matrix(np.hstack([X, Y]).tolist()))
        T = R[:dx, dx:]
        values = mp.svd_r(T, compute_uv=False)
        residual = mp.mnorm(R[dx : dx + Y.shape[1], dx:], "f")
        return np.array([float(value) for value in values]), float(residual)


def equilibrated_condition(X):
    s = np.linalg.svd(X / np.linalg.norm(X, axis=0), compute_uv=False)
    return s[0] / s[-1]


def matrix_of_condition(condition, rows, columns, generator):
    left = np.linalg.qr(generator.standard_normal((rows, columns)))[0]
    right = np.linalg.qr(generator.standard_normal((columns, columns)))[0]
    return left * np.logspace(0, -np.log10(condition), columns) @ right.T


def paths(X, Y, monkeypatch):
    """Yield the reduced problem by every path of the engine."""
    blocks = [(X[first : first + 7], Y[first : first + 7]) for first in range(0, len(X), 7)]
    yield reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1]))
    monkeypatch.setattr(engine, "panel_shape", lambda n: PanelShape(n, n, 4))
    monkeypatch.setattr(engine, "without_scipy", lambda _shape, _rows: False)
    yield reduced_problem(reduce_blocks(blocks, X.shape[1], Y.shape[1], threads=2))
    monkeypatch.setattr(engine, "make_kernels", lambda *_: [engine.NumpyKernel()] * 2)
    yield reduced_problem(reduce_blocks(blocks, X.shape[1], Y.shape[1], threads=2))


def assert_accurate(problem, singular_values, residual, condition, size):
    bound = 100 * EPS * condition * size
    found = np.zeros(singular_values.size)
    values = problem.scale * problem.target_svd[1]
    found[: values.size] = values
    assert np.max(np.abs(found - singular_values)) <= bound
    assert abs(problem.residual_norm - residual) <= bound


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e10])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_any_condition_number(condition, noise, monkeypatch):
    generator = np.random.default_rng(int(condition) % 97)
    X = matrix_of_condition(condition, 60, 5, generator)
    Y = X @ generator.standard_normal((5, 3)) + noise * generator.standard_normal((60, 3))
    truth = exact_summary(X, Y)
    for problem in paths(X, Y, monkeypatch):
        assert_accurate(problem, *truth, condition, np.linalg.norm(Y))


def test_columns_of_very_different_units(monkeypatch):
    generator = np.random.default_rng(5)
    X = generator.standard_normal((60, 5)) * np.array([1e-120, 1e-8, 1.0, 1e9, 1e100])
    Y = generator.standard_normal((60, 3))
    truth = exact_summary(X, Y)
    for problem in paths(X, Y, monkeypatch):
        assert problem.rank_x == 5
        assert_accurate(problem, *truth, equilibrated_condition(X), np.linalg.norm(Y))


def test_rank_deficient_inputs(monkeypatch):
    generator = np.random.default_rng(6)
    independent = generator.integers(-50, 51, (60, 4)).astype(float)
    dependent = independent @ np.array([[1.0, 2.0], [-3.0, 0.0], [0.0, 5.0], [7.0, 1.0]])  # exact in float64
    X = np.hstack([independent[:, :2], dependent, np.zeros((60, 1)), independent[:, 2:]])
    Y = generator.standard_normal((60, 3)) + independent[:, :3]
    truth = exact_summary(independent, Y)
    for problem in paths(X, Y, monkeypatch):
        assert problem.rank_x == 4
        assert_accurate(problem, *truth, problem.condition, np.linalg.norm(Y))


def test_fewer_samples_than_inputs(monkeypatch):
    generator = np.random.default_rng(7)
    X, Y = generator.standard_normal((4, 6)), generator.standard_normal((4, 2))
    singular_values = np.linalg.svd(Y, compute_uv=False)  # X has full row rank: every Y is fitted
    for problem in paths(X, Y, monkeypatch):
        assert problem.rank_x == 4
        assert_accurate(problem, singular_values, 0.0, problem.condition, np.linalg.norm(Y))


@cache
def certified():
    return json.loads((NIST / "certified.json").read_text())


def nist(name):
    with (NIST / f"{name}.csv").open() as stream:
        header, *rows = csv.reader(stream)
    table = np.array(rows, dtype=float)
    Y, predictors = table[:, :1], table[:, 1:]
    assert header[0] == "y"
    if name == "longley":
        return np.hstack([np.ones((len(Y), 1)), predictors]), Y
    if name == "noint1":
        return predictors, Y
    return predictors ** np.arange({"filip": 11, "wampler3": 6}[name]), Y


@pytest.mark.parametrize("name", ["longley", "wampler3", "filip", "noint1"])
def test_nist_against_sixty_digits(name, monkeypatch):
    X, Y = nist(name)
    truth = exact_summary(X, Y)
    for problem in paths(X, Y, monkeypatch):
        assert problem.rank_x == X.shape[1]
        assert_accurate(problem, *truth, equilibrated_condition(X), np.linalg.norm(Y))


@pytest.mark.parametrize(("name", "digits"), [("longley", 10), ("wampler3", 10), ("noint1", 13), ("filip", 7)])
def test_nist_certified_losses(name, digits, monkeypatch):
    """Filip's powers rounded to float64 move the value in the eighth digit: no algorithm can be better than that."""
    for problem in paths(*nist(name), monkeypatch):
        assert problem.loss_by_rank[-1] == pytest.approx(certified()[name]["loss_at_full_rank"], rel=10.0**-digits)
