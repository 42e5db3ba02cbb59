"""Trusted channels: scikit-learn and scipy's L-BFGS for the least loss, random linear maps for the bound."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from lossurf.losses.attainment import attainment
from lossurf.losses.convex import GAP, ConvexProblem, dual_bound, minimise_convex, span
from lossurf.losses.functions import make_loss
from lossurf.losses.labels import expand_labels
from lossurf.words import CONVEX_LOSSES, Attained


def data(name, seed=0, m=80, dx=4):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, dx)) * [1.0, 100.0, 0.01, 1.0]
    scores = X @ (rng.standard_normal((dx, 3)) / np.array([[1.0], [100.0], [0.01], [1.0]]))
    if name in {"huber", "logcosh"}:
        return X, scores + rng.standard_cauchy((m, 3))
    noisy = scores + 2.0 * rng.standard_normal((m, 3))
    return X, (noisy > 0.0).astype(float) if name == "logistic" else np.argmax(noisy, axis=1)[:, None].astype(float)


def problem(name, *, bias=False, **options):
    X, Y = data(name, **options)
    loss = make_loss(name)
    return X, ConvexProblem(loss, span(X, bias=bias), expand_labels(loss, Y).Y)


@pytest.mark.parametrize("name", CONVEX_LOSSES)
@pytest.mark.parametrize("bias", [False, True])
def test_the_gap_closes_and_scipy_finds_nothing_lower(name, bias):
    _, task = problem(name, bias=bias)
    found = minimise_convex(task)
    assert found.relative_gap < 1e-10 < GAP
    other = minimize(task.value_and_gradient, np.zeros(3 * task.Z.shape[1]), jac=True, method="L-BFGS-B")
    assert found.bound <= other.fun * (1 + 1e-14)
    assert found.loss <= other.fun * (1 + 1e-10)
    assert found.loss == pytest.approx(other.fun, rel=1e-6)
    assert attainment(task, found.outputs).attained is Attained.YES


def test_softmax_agrees_with_scikit_learn():
    X, task = problem("softmax", bias=True)
    labels = np.argmax(task.Y, axis=1)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(X / X.std(axis=0), labels)
    p = model.predict_proba(X / X.std(axis=0))[np.arange(len(X)), labels]
    assert minimise_convex(task).loss == pytest.approx(-np.sum(np.log(p)), rel=1e-8)


@pytest.mark.parametrize("name", CONVEX_LOSSES)
def test_no_linear_map_is_below_the_bound(name):
    X, task = problem(name)
    rng = np.random.default_rng(3)
    least = min(task.loss.value(X @ (rng.standard_normal((4, 3)) / X.std(axis=0)[:, None]), task.Y) for _ in range(200))
    for scale in (0.0, 0.1, 1.0, 10.0):
        bound = dual_bound(task, X @ (scale * rng.standard_normal((4, 3)) / X.std(axis=0)[:, None]))
        assert bound <= least


def test_large_problems_take_the_iterative_way(monkeypatch):
    from lossurf.losses import convex

    _, task = problem("softmax")
    direct = minimise_convex(task)
    monkeypatch.setattr(convex, "_DENSE", 0)
    assert minimise_convex(task).loss == pytest.approx(direct.loss, rel=1e-9)
    assert minimise_convex(task).relative_gap < GAP


def test_span_ignores_dependent_and_zero_columns():
    X = np.random.default_rng(0).standard_normal((20, 3))
    Z = span(np.column_stack([X, X[:, 0] * 1e6 + X[:, 1], np.zeros(20)]), bias=False)
    assert Z.shape == (20, 3)
    assert np.allclose(Z.T @ Z, np.eye(3), atol=1e-14)


def test_errors_far_beyond_delta_still_close_the_gap():
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((17, 3)), 1e5 * rng.standard_normal((17, 2))
    for name in ("huber", "logcosh"):
        task = ConvexProblem(make_loss(name), span(X, bias=False), Y)
        assert minimise_convex(task).relative_gap < GAP


@pytest.mark.parametrize("name", CONVEX_LOSSES)
@pytest.mark.parametrize("kind", ["one sample", "zero", "more inputs than samples", "units", "offset", "fitted"])
def test_the_gap_closes_on_data_of_every_shape(name, kind):
    rng = np.random.default_rng(6)
    X = rng.standard_normal({"one sample": (1, 3), "more inputs than samples": (4, 6)}.get(kind, (30, 3)))
    if kind == "zero":
        X = 0.0 * X
    elif kind == "units":
        X = X * [1e-8, 1.0, 1e8]
    elif kind == "offset":
        X = X + 1e4
    noise = 0.0 if kind == "fitted" else 2.0
    Y = X[:, :2] * [1.0, 2.0] / (1e-300 + np.abs(X[:, :2]).max()) + noise * rng.standard_normal((len(X), 2))
    if name == "logistic":
        Y = (Y > 0.0).astype(float)
    elif name == "softmax":
        Y = np.eye(2)[(Y[:, 0] > Y[:, 1]).astype(int)]
    task = ConvexProblem(make_loss(name), span(X, bias=False), Y)
    found = minimise_convex(task)
    verdict = attainment(task, found.outputs)
    assert verdict.attained is not Attained.UNDECIDED
    assert found.bound <= found.loss <= found.zero_loss * (1.0 + 1e-14)
    if verdict.attained is Attained.YES:
        assert found.relative_gap < GAP
