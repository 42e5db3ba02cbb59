"""Tied autoencoders: verdicts and signs against dense Hessians, and against the answer a problem was made from."""

from __future__ import annotations

import numpy as np
import pytest
from tied_points import RECIPES, hessian, loss, orthonormal, random_point

import lossurf
from lossurf.errors import InputError, UsageError

SQRT2 = float(np.sqrt(2.0))


def judged(W, X, **options):
    return lossurf.classify([W], X, tied=True, **options)


def descended(W, X):
    """Where 3000 short steps down 1/2 ||W^T W X - X||^2 lead."""
    S = X.T @ X
    rate = 0.1 / (float(np.linalg.norm(S, 2)) * max(float(np.linalg.norm(W, 2)), 1.0) ** 2)
    for _ in range(3000):
        E = W.T @ W - np.eye(len(S))
        W = W - rate * W @ (S @ E + E @ S)
    return W


def signs(result):
    return result.inertia.negative, result.inertia.zero, result.inertia.positive


@pytest.fixture
def rng():
    return np.random.default_rng(15)


@pytest.fixture(name="X")
def _X(rng):  # noqa: N802 - the paper's name
    return rng.standard_normal((40, 5)) * [3.0, 2.0, 1.5, 1.0, 0.5]


@pytest.fixture(name="Q")
def _Q(X):  # noqa: N802 - as X
    return np.linalg.svd(X)[2].T


@pytest.fixture
def lacking(X):
    """Data without their first input, and their eigenvectors, the unseen direction last."""
    X = X * [0.0, 1.0, 1.0, 1.0, 1.0]
    return X, np.linalg.svd(X)[2].T


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("count", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_a_verdict_and_its_signs_are_the_dense_hessians(recipe, count):
    # trusts a dense Hessian of the loss in the units it was drawn in; the verdict is asked in other units
    rng = np.random.default_rng([15, RECIPES.index(recipe)])
    for _ in range(count):
        found = random_point(rng, recipe)
        unit = 1.0 if recipe == "zero" else 2.0 ** float(rng.integers(-300, 300))
        result = judged(found.W.astype(found.dtype), found.X * unit)
        assert result.verdict == found.kind(), result.reason
        assert signs(result) == found.signs()
        assert result.nearest.distance <= 1e-4
        size = 0.5 * float(np.sum(found.eigenvalues)) * (1.0 + np.linalg.norm(found.W) ** 4)
        assert result.loss / unit / unit == pytest.approx(loss(found.W, found.X), rel=1e-9, abs=1e-12 * size)
        error = result.tied.optimal_loss_error / unit / unit
        assert abs(result.optimal_loss / unit / unit - found.least) <= error + 1e-15 * size


def test_the_hessian_that_is_trusted_is_autograds(rng):
    torch = pytest.importorskip("torch")
    X, W = torch.tensor(rng.standard_normal((7, 4))), torch.tensor(rng.standard_normal((3, 4)))
    dense = torch.autograd.functional.hessian(lambda V: 0.5 * ((X @ V.T @ V - X) ** 2).sum(), W).reshape(12, 12)
    np.testing.assert_allclose(hessian(W.numpy(), (X.T @ X).numpy()), dense.numpy(), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12])
def test_eigenvalues_are_told_apart_whatever_the_condition_number(rng, condition):
    # trusts the eigenvectors that X is made from: its Gram matrix has no digit of the smallest at a condition of 1e8
    s = np.logspace(0.0, -np.log10(condition), 5)
    Q = orthonormal(rng, 5, 5)
    X = (orthonormal(rng, 30, 5) * s) @ Q.T
    Q = np.linalg.svd(X)[2].T
    best = judged(Q[:, :4].T, X)
    assert (best.verdict, best.eigen_indices) == ("global-minimum", (1, 2, 3, 4))
    assert abs(best.optimal_loss - 0.5 * s[4] ** 2) <= best.tied.optimal_loss_error + 1e-3 * s[4] ** 2
    worse = judged(Q[:, [0, 1, 2, 4]].T, X)
    assert (worse.verdict, worse.inertia.negative) == ("strict-saddle", 1)
    assert worse.certificate.curvature == pytest.approx(s[4] ** 2 - s[3] ** 2, rel=1e-3)


def test_a_strict_saddles_direction_leads_down_by_as_much_as_it_says(rng):
    # trusts the loss of all samples, evaluated along the direction from the exact point
    for recipe in ("plain", "ties", "lacking", "few-samples"):
        for _ in range(20):
            found = random_point(rng, recipe)
            result = judged(found.W, found.X)
            if result.verdict != "strict-saddle":
                continue
            (exact,), (V,) = result.nearest.layers, result.certificate.direction
            assert np.linalg.norm(V) == pytest.approx(1.0)
            assert np.sum(V.ravel() * (hessian(exact, found.S) @ V.ravel())) == pytest.approx(
                result.certificate.curvature, rel=1e-7
            )
            fall = loss(exact, found.X) - loss(exact + result.certificate.step * V, found.X)
            assert fall == pytest.approx(result.certificate.loss_decrease, rel=1e-6)


def test_an_idle_unit_is_held_by_its_weight_on_an_input_that_never_varies(lacking, rng):
    # trusts gradient descent of the raw loss from beside the point: it leaves exactly where a way leads down
    X, Q = lacking
    for z, verdict in ((0.0, "strict-saddle"), (1.3, "strict-saddle"), (1.5, "local-minimum"), (40.0, "local-minimum")):
        W = np.vstack([Q[:, 0], z * Q[:, 4]])
        result = judged(W, X)
        assert result.verdict == verdict
        assert result.tied.idle_weights == pytest.approx((z,), abs=1e-14)
        falls = [loss(W, X) - loss(descended(W + 1e-3 * rng.standard_normal(W.shape), X), X) for _ in range(3)]
        assert min(falls) > 1.0 if verdict == "strict-saddle" else max(falls) < 1e-6
        assert result.gap == pytest.approx(0.5 * np.linalg.svd(X)[1][1] ** 2)


@pytest.mark.parametrize(
    ("beyond", "verdict"),
    [(0.0, None), (2e-8, None), (-2e-8, None), (1e-6, "local-minimum"), (-1e-6, "strict-saddle")],
)
def test_at_the_weight_where_signs_change_nothing_is_said(lacking, beyond, verdict):
    X, Q = lacking
    result = judged(np.vstack([Q[:, 0], (SQRT2 + beyond) * Q[:, 4]]), X)
    assert result.verdict == (verdict or "undetermined")
    if verdict:
        assert result.stable_to == pytest.approx(abs(beyond) / SQRT2, rel=1e-3)


@pytest.mark.parametrize("noise", [1e-3, 1e-6])
def test_a_point_beside_a_critical_one_is_named_by_the_tolerance_alone(X, Q, rng, noise):
    W = Q[:, :2].T + noise * rng.standard_normal((2, 5))
    assert judged(W, X).verdict == "not-critical"
    near = judged(W, X, tolerance=min(10.0 * noise, 1e-2))
    assert near.verdict == "global-minimum"
    assert near.stable_from <= 3.0 * noise
    assert near.nearest.distance == pytest.approx(noise * np.sqrt(10.0 / 2.0), rel=0.6)


@pytest.mark.parametrize(
    ("gap", "verdict"), [(1e-3, "strict-saddle"), (1e-12, "strict-saddle"), (0.0, "global-minimum")]
)
def test_a_near_tie_is_told_from_a_tie(rng, gap, verdict):
    s = np.array([2.0, 1.0 + gap, 1.0, 0.5])
    X = (orthonormal(rng, 30, 4) * s) @ orthonormal(rng, 4, 4).T
    Q = np.linalg.svd(X)[2].T
    assert judged(Q[:, [0, 2]].T, X).verdict == verdict
    turned = np.vstack([Q[:, 0], (Q[:, 1] + Q[:, 2]) / SQRT2])
    assert judged(turned, X).verdict == {1e-3: "not-critical", 1e-12: "undetermined", 0.0: "global-minimum"}[gap]


def test_eigenvalues_in_the_rounding_of_the_largest_are_not_guessed(X):
    X = X * 10.0 ** np.arange(0.0, -20.0, -4.0)
    Q = np.linalg.svd(X)[2].T
    assert judged(Q[:, :2].T, X).verdict == "global-minimum"
    assert judged(np.vstack([Q[:, 0], 3.0 * Q[:, 4]]), X).verdict == "undetermined"
    idle = judged(np.vstack([Q[:, 0], np.zeros(5)]), X)
    assert (idle.verdict, idle.inertia) == ("strict-saddle", None)


@pytest.mark.parametrize("method", ["SGD", "Adam"])
def test_what_pytorch_trained_in_float32_comes_out_right(method):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X = torch.randn(60, 4) * torch.tensor([2.0, 1.5, 1.0, 0.5])
    W = torch.nn.Parameter(0.3 * torch.randn(2, 4))
    optimizer = getattr(torch.optim, method)([W], lr=5e-2 if method == "SGD" else 1e-2)
    for step in range(1200):
        for group in optimizer.param_groups:
            group["lr"] *= 1.0 if method == "SGD" or step < 600 else 0.985
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(X @ W.T @ W, X).backward()
        optimizer.step()
    result = lossurf.classify({"encoder.weight": W.detach()}, X.numpy(), tied=True)
    assert (result.verdict, result.eigen_indices) == ("global-minimum", (1, 2)), result.reason


def test_one_matrix_and_a_pair_are_the_same_question(X, Q):
    W = Q[:, :2].T
    alone, pair = judged(W, X), lossurf.classify([W, W.T], X, X, tied=True)
    assert (alone.loss, alone.inertia) == (pair.loss, pair.inertia)
    stored = lossurf.classify({"kernel": W.T}, X, tied=True)
    assert stored.loss == pytest.approx(alone.loss, rel=1e-14)
    assert "tied or not" not in " ".join(pair.notes)


def test_weighted_samples_are_their_rows_scaled(X):
    weights = np.arange(40.0)
    scaled = X * np.sqrt(weights)[:, None]
    W = np.linalg.svd(scaled)[2][:2]
    result = lossurf.classify([W], lossurf.Data(X, X, sample_weights=weights), tied=True)
    assert (result.verdict, result.loss) == ("global-minimum", pytest.approx(loss(W, scaled)))


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([np.ones((2, 4))], {}, "no encoder"),
        ([np.eye(5)[:2], np.eye(5)[:, 1:3]], {}, "not the transpose"),
        ([np.eye(5)] * 3, {}, "3 layers"),
        ([np.eye(5)[:2]], {"biases": [np.ones(2)]}, "bias at"),
        ([1e100 * np.eye(5)], {}, "too large"),
        ([np.eye(5)], {"weight_decay": 0.1}, "squared loss alone"),
        ([np.eye(5)], {"lemmas": True}, "squared loss alone"),
        ([np.eye(5)], {"curvature": True}, "squared loss alone"),
        ([np.eye(5)], {"loss": "huber"}, "squared loss alone"),
        ([np.eye(5)], {"expect": ["bad-saddle"]}, "no verdict of a tied"),
    ],
)
def test_what_is_no_tied_autoencoder_is_refused(X, weights, options, message):
    with pytest.raises((InputError, UsageError), match=message):
        lossurf.classify(weights, X, tied=True, **options)


@pytest.mark.parametrize(("size", "unit"), [(49, 0), (51, 0), (59, 0), (30, 80), (30, 100), (49, -140)])
def test_a_large_matrix_is_not_critical_or_too_large_and_never_overflows(X, size, unit):
    # warnings are errors here; the loss is of the size of 1e(4 size + 2 unit)
    W = 10.0**size * np.eye(5)[:2]
    if size < 50 and 4 * size + 2 * unit < 300:
        assert judged(W, 10.0**unit * X).verdict == "not-critical"
        return
    with pytest.raises(InputError, match="too large"):
        judged(W, 10.0**unit * X)


@pytest.mark.parametrize("scale", [1.0, 1e9])
def test_data_whose_y_is_not_x_are_refused(X, Q, scale):
    # an error in the eighth digit of one entry is none of rounding; the same numbers twice are X
    X = X + scale
    other = X.copy()
    other[3, 2] *= 1.0 + 1e-8
    assert lossurf.classify([Q[:, :2].T], X, X.copy(), tied=True).loss > 0.0
    with pytest.raises(UsageError, match="column 3 of Y is not that of X"):
        lossurf.classify([Q[:, :2].T], X, other, tied=True)
    with pytest.raises(UsageError, match="5 inputs and 3 outputs"):
        lossurf.classify([Q[:, :2].T], X, X[:, :3], tied=True)
    with pytest.raises(UsageError, match="without weights of outputs, base or ridge"):
        lossurf.classify([Q[:, :2].T], lossurf.Data(X, X, ridge=1.0), tied=True)
