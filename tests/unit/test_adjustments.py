"""Weighted samples and outputs, a base, a residual connection, ridge: against dense sums of the loss as it is written.

The loss is summed sample by sample in exact fractions or plain numpy, and its Hessian is taken by second differences
of a polynomial; nothing of the reduction is used.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import lossurf
from lossurf.errors import InputError, UsageError

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(12, 3)) + 5.0, RNG.normal(size=(12, 3))
W0 = RNG.normal(size=(3, 3))
w, v = RNG.uniform(0.2, 3.0, 12), np.array([0.5, 2.0, 3.0])
w[4] = 0.0


def plain_loss(layers: list[np.ndarray], bias: np.ndarray | float = 0.0, **given: np.ndarray | float | bool) -> float:
    """Half of sum_i w_i sum_j v_j (y - base - P x - b)_j^2, and of ridge ||P||^2."""
    P = np.linalg.multi_dot(layers[::-1]) if len(layers) > 1 else layers[0]
    total = 0.0
    for i in range(len(X)):
        rest = Y[i] - P @ X[i] - bias
        base = given.get("base")
        if base is not None:
            rest = rest - (base @ X[i] if np.shape(base) == (3, 3) else base[i])
        rest = rest - X[i] if given.get("residual") else rest
        weights = given.get("output_weights", np.ones(3))
        total += given.get("sample_weights", np.ones(12))[i] * float(np.sum(weights * rest**2))
    return 0.5 * total + 0.5 * float(given.get("ridge") or 0.0) * float(np.sum(P**2))


CASES: dict[str, dict] = {
    "samples": {"sample_weights": w},
    "outputs": {"output_weights": v},
    "base": {"base": W0},
    "predictions": {"base": RNG.normal(size=(12, 3))},
    "residual": {"residual": True},
    "ridge": {"ridge": 0.7},
    "weights and base": {"sample_weights": w, "output_weights": v, "base": W0},
    "weights and ridge": {"sample_weights": w, "base": W0, "ridge": 2.5},
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_that_of_the_sum_as_it_is_written(name: str, bias: bool) -> None:
    layers, b = [RNG.normal(size=(2, 3)), RNG.normal(size=(3, 2))], RNG.normal(size=3)
    given = CASES[name]
    data = lossurf.Data(X, Y, **given)
    found = lossurf.classify(layers, data, biases=[None, b] if bias else None)
    assert found.loss == pytest.approx(plain_loss(layers, b if bias else 0.0, **given), rel=1e-12)


def hessian(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Second differences of a polynomial of degree 4 along lines, exact for it up to rounding."""
    n, h = at.size, 0.5
    unit = np.eye(n)

    def along(d: np.ndarray) -> float:
        values = [loss(at + k * h * d) for k in (-2, -1, 0, 1, 2)]
        return float(np.dot([-1, 16, -30, 16, -1], values)) / (12 * h * h)

    single = [along(e) for e in unit]
    H = np.diag(single)
    for i in range(n):
        for j in range(i):
            H[i, j] = H[j, i] = 0.5 * (along(unit[i] + unit[j]) - single[i] - single[j])
    return H


@pytest.mark.parametrize("kept", [(0,), (1,), ()])
@pytest.mark.parametrize("name", CASES)
def test_the_signs_of_the_hessian_are_those_of_the_written_loss(name: str, kept: tuple[int, ...]) -> None:
    given = CASES[name]
    # least squares of the written loss: rows times sqrt(w), columns times sqrt(v), rows of ridge
    root_w, root_v = np.sqrt(given.get("sample_weights", np.ones(12))), np.sqrt(given.get("output_weights", np.ones(3)))
    base = given.get("base", np.eye(3) if given.get("residual") else np.zeros((3, 3)))
    rest = Y - (X @ base.T if base.shape == (3, 3) else base)
    A = np.vstack([root_w[:, None] * X, np.sqrt(given.get("ridge") or 0.0) * np.eye(3)])
    B = np.vstack([root_w[:, None] * rest * root_v, np.zeros((3, 3))])
    best = np.linalg.lstsq(A, B, rcond=None)[0].T
    u, _, _ = np.linalg.svd(B.T @ A @ np.linalg.pinv(A.T @ A) @ A.T @ B)
    chosen = u[:, list(kept)]
    layers = [np.zeros((2, 3)), np.zeros((3, 2))]
    layers[0][: len(kept)], layers[1][:, : len(kept)] = chosen.T @ best, chosen / root_v[:, None]
    found = lossurf.classify(layers, lossurf.Data(X, Y, **given))

    def loss(point: np.ndarray) -> float:
        return plain_loss([point[:6].reshape(2, 3), point[6:].reshape(3, 2)], **given)

    values = np.linalg.eigvalsh(hessian(loss, np.concatenate([layer.ravel() for layer in layers])))
    assert found.verdict == "strict-saddle"
    assert found.inertia is not None
    assert found.inertia.negative == int(np.sum(values < -1e-7 * np.abs(values).max()))
    assert found.inertia.positive == int(np.sum(values > 1e-7 * np.abs(values).max()))


def test_weighted_least_squares_in_fractions() -> None:
    inputs, targets, weights = [1, 2, 4], [3, 1, 5], [2, 0, 3]
    xx, xy, yy = (
        sum(Fraction(c) * a * b for a, b, c in zip(p, q, weights, strict=True))
        for p, q in ((inputs, inputs), (inputs, targets), (targets, targets))
    )
    data = lossurf.Data(np.array([inputs], float).T, np.array(targets, float), sample_weights=weights)
    assert lossurf.check(data).optimal_loss == pytest.approx(float((yy - xy * xy / xx) / 2), rel=1e-14)
    total = sum(weights)
    centred = [
        sum(Fraction(c) * a * b for a, b, c in zip(p, q, weights, strict=True))
        - Fraction(sum(a * c for a, c in zip(p, weights, strict=True)))
        * sum(b * c for b, c in zip(q, weights, strict=True))
        / total
        for p, q in ((inputs, inputs), (inputs, targets), (targets, targets))
    ]
    least = float((centred[2] - centred[1] ** 2 / centred[0]) / 2)
    assert lossurf.check(data, bias=True).optimal_loss == pytest.approx(least, abs=1e-14)


def test_a_large_mean_costs_weighted_samples_no_digits() -> None:
    far = X + 1e8
    shifted = far - 1e8  # what the stored numbers are
    one, other = (
        lossurf.check(lossurf.Data(each, Y, sample_weights=w), bias=True).optimal_loss for each in (far, shifted)
    )
    assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 16.0, 1e9])
def test_a_factor_of_all_weights_changes_no_verdict(factor: float) -> None:
    layers = [np.zeros((2, 3)), np.zeros((3, 2))]
    first, second = (
        lossurf.classify(layers, lossurf.Data(X, Y, sample_weights=c * w, output_weights=v)) for c in (1.0, factor)
    )
    assert (first.verdict, first.inertia.negative) == (second.verdict, second.inertia.negative)
    assert second.loss == pytest.approx(factor * first.loss, rel=1e-12)


def test_whole_weights_are_repeated_samples() -> None:
    times = np.arange(12) % 4
    repeated = lossurf.check(np.repeat(X, times, axis=0), np.repeat(Y, times, axis=0), bias=True)
    found = lossurf.check(lossurf.Data(X, Y, sample_weights=times), bias=True)
    np.testing.assert_allclose(found.loss_by_rank, repeated.loss_by_rank, rtol=1e-12)


BAD = [
    ({"sample_weights": -w}, "negative"),
    ({"sample_weights": 0 * w}, "weight 0"),
    ({"sample_weights": w[:5]}, "5 weights and 12 samples"),
    ({"sample_weights": np.where(w > 1, np.nan, w)}, "NaN"),
    ({"output_weights": [1, 0, 2]}, "not above 0"),
    ({"output_weights": [1, 2]}, "2 weights of outputs"),
    ({"output_weights": "1,x,2"}, "no list of finite numbers"),
    ({"base": np.ones((3, 2))}, "shape"),
    ({"base": np.ones((7, 3))}, "7 samples"),
    ({"ridge": -1.0}, "not a positive number"),
    ({"ridge": float("nan")}, "not a positive number"),
    ({"base": W0, "residual": True}, "two bases"),
    ({"base_layer": "q"}, "goes with"),
    ({"output_weights": v, "ridge": 1.0}, "ridge"),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_what_makes_no_loss_is_refused(given: dict, said: str) -> None:
    with pytest.raises((InputError, UsageError), match=said):
        lossurf.Data(X, Y, **given).reduce()


def test_questions_about_other_networks_refuse_weights() -> None:
    data = lossurf.Data(X, Y, sample_weights=w)
    for ask in (lambda: lossurf.spurious(data), lambda: lossurf.check(data, loss="huber")):
        with pytest.raises(UsageError, match="weights"):
            ask()
    for given in ({"curvature": True}, {"weight_decay": 0.1}):
        with pytest.raises(UsageError, match="weights of outputs"):
            lossurf.classify([W0], lossurf.Data(X, Y, output_weights=v), **given)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_certificate_holds_against_the_adjusted_data_alone(name: str, bias: bool, tmp_path) -> None:
    data, path = lossurf.Data(X, Y, **CASES[name]), tmp_path / "c.npz"
    layers = {"0.weight": np.float32(RNG.normal(size=(2, 3))), "1.weight": np.float32(RNG.normal(size=(3, 2)))}
    if bias:
        layers["1.bias"] = np.float32(RNG.normal(size=3))
    lossurf.certify(layers, data).save(path)
    found = lossurf.verify(path, data)
    assert found.valid, [check for check in found.checks if not check.ok]
    with pytest.raises(UsageError, match="was made with"):
        lossurf.verify(path, lossurf.Data(X, Y))
    other = lossurf.Data(X, Y + 1e-3 * RNG.normal(size=Y.shape), **CASES[name])
    assert not lossurf.verify(path, other).valid


@pytest.mark.parametrize("share", [1e-3, 1e-6, 1e-9, 1e-11])
@pytest.mark.parametrize("how", ["base", "predictions", "residual"])
def test_a_certificate_holds_where_a_base_leaves_little_of_y(how: str, share: float, tmp_path) -> None:
    rng, path = np.random.default_rng(29), tmp_path / "c.npz"
    inputs = rng.normal(size=(40, 3)) * [1e-3, 1.0, 1e3] + 1e4
    weight = np.eye(3) if how == "residual" else W0
    fitted = inputs @ weight.T
    left = rng.normal(size=(40, 3)) * share * np.linalg.norm(fitted) / 10.0
    given = {"residual": True} if how == "residual" else {"base": fitted if how == "predictions" else weight}
    given["sample_weights"] = 10.0 ** rng.uniform(-6, 6, size=40)
    data = lossurf.Data(inputs, fitted + left, **given)
    lossurf.certify([np.zeros((2, 3)), np.zeros((3, 2))], data).save(path)
    found = lossurf.verify(path, data)
    assert found.valid, [check for check in found.checks if not check.ok]
    # a fifth of what is left is more than what subtracting rounds to
    other = lossurf.Data(inputs, fitted + 1.2 * left, **given)
    assert not lossurf.verify(path, other).valid


def test_the_network_with_missing_entries_that_explain_shows_is_at_a_spurious_minimum():
    # output i is seen in three samples of input e_i with target 1, and in one of e_j with target 11/25
    weight, target = np.array([[3.0, 1.0], [1.0, 3.0]]), np.array([[1.0, 0.44], [0.44, 1.0]])

    def loss(point):
        return 0.5 * float(np.sum(weight * (np.outer(point[2:], point[:2]) - target) ** 2))

    point = np.array([0.8, -0.8, 0.8, -0.8])
    W1, W2 = point[:2], point[2:]
    G = weight * (np.outer(W2, W1) - target)
    assert np.abs(np.concatenate([G.T @ W2, G @ W1])).max() < 1e-15
    H = np.zeros((4, 4))  # derivatives of the two gradients: d(G^T W2) and d(G W1)
    H[:2, :2], H[2:, 2:] = np.diag(weight.T @ W2**2), np.diag(weight @ W1**2)
    H[:2, 2:] = G.T + weight.T * np.outer(W1, W2)
    H[2:, :2] = H[:2, 2:].T
    values = np.linalg.eigvalsh(H)
    assert abs(values[0]) < 1e-15
    assert values[1] > 0.1
    assert loss(point) == pytest.approx(1.5552, rel=1e-12)
    assert loss(np.full(4, 0.9)) < 0.3
