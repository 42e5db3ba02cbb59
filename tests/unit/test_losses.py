"""Trusted channels: mpmath at 30 digits for values, its derivatives for slopes and curvatures, Fenchel's equality."""

import mpmath
import numpy as np
import pytest

from lossurf.errors import UsageError
from lossurf.losses.functions import Huber, make_loss
from lossurf.words import CONVEX_LOSSES


@pytest.fixture(autouse=True)
def thirty_digits():
    with mpmath.workdps(30):  # mpmath's own setting is shared by every test of a process
        yield


def truth(name, r, y):
    e = [a - b for a, b in zip(r, y, strict=True)]
    if name == "huber":
        return sum(a * a / 2 if abs(a) <= 1 else abs(a) - mpmath.mpf(1) / 2 for a in e)
    if name == "logcosh":
        return sum(mpmath.log(mpmath.cosh(a)) for a in e)
    if name == "logistic":
        return sum(mpmath.log(1 + mpmath.exp(a)) - b * a for a, b in zip(r, y, strict=True))
    return sum(y) * mpmath.log(sum(mpmath.exp(a) for a in r)) - sum(a * b for a, b in zip(r, y, strict=True))


def case(name, seed=0, m=6, k=3):
    rng = np.random.default_rng(seed)
    R = rng.standard_normal((m, k)) * np.array([[0.1], [1.0], [3.0], [10.0], [30.0], [1.0]])
    if name in {"huber", "logcosh"}:
        return R, rng.standard_normal((m, k))
    if name == "logistic":
        return R, np.vstack([rng.integers(0, 2, (m - 1, k)), rng.random((1, k))]).astype(float)
    return R, np.vstack([np.eye(k)[rng.integers(0, k, m - 1)], rng.random((1, k))])


@pytest.mark.parametrize("name", CONVEX_LOSSES)
def test_value_slope_and_curvature(name):
    loss, (R, Y) = make_loss(name), case(name)
    V = np.random.default_rng(1).standard_normal(R.shape)
    value, D, HV = loss.value(R, Y), loss.slope(R, Y), loss.times_curvature(R, Y, V)
    assert value == pytest.approx(
        float(sum(truth(name, r.tolist(), y.tolist()) for r, y in zip(R, Y, strict=True))), rel=1e-14
    )
    for i, (r, y) in enumerate(zip(R.tolist(), Y.tolist(), strict=True)):
        for k in range(len(r)):

            def along(t, r=r, y=y, k=k):
                return truth(name, [a + (t if j == k else 0) for j, a in enumerate(r)], y)

            exact = mpmath.diff(along, 0)
            assert D[i, k] == pytest.approx(float(exact), rel=1e-12, abs=1e-15)

        v = V[i].tolist()

        def both(t, r=r, y=y, v=v):
            return truth(name, [a + t * b for a, b in zip(r, v, strict=True)], y)

        assert V[i] @ HV[i] == pytest.approx(float(mpmath.diff(both, 0, 2)), rel=1e-8, abs=1e-12)
        assert V[i] @ HV[i] <= loss.curvature_bound(Y) * (V[i] @ V[i]) * (1 + 1e-12)


@pytest.mark.parametrize("name", CONVEX_LOSSES)
def test_conjugate_meets_the_loss_at_the_slope_and_stays_below_elsewhere(name):
    loss, (R, Y) = make_loss(name), case(name)
    D = loss.slope(R, Y)
    assert loss.feasible_share(D, Y) == pytest.approx(1.0, abs=1e-12)
    # Fenchel: l(R) + l*(D) = <D, R> at D = l'(R), and >= at any other point
    assert loss.value(R, Y) - loss.dual(D, Y) == pytest.approx(float(np.sum(D * R)), rel=1e-9, abs=1e-9)
    other = case(name, seed=5)[0]
    assert loss.value(other, Y) - loss.dual(D, Y) >= np.sum(D * other) - 1e-9


def test_multipliers_are_scaled_into_the_domain():
    Y = np.array([[1.0, 0.0, 0.0]])
    assert make_loss("softmax").feasible_share(np.array([[-4.0, 2.0, 2.0]]), Y) == 0.25
    assert make_loss("softmax").feasible_share(np.array([[0.5, -0.5, 0.0]]), Y) == 0.0
    assert make_loss("huber", 2.0).feasible_share(np.array([[8.0]]), np.zeros((1, 1))) == 0.25


def test_no_digits_are_lost_far_from_the_boundary():
    loss, R, Y = make_loss("softmax"), np.array([[50.0, 0.0]]), np.array([[1.0, 0.0]])
    assert loss.value(R, Y) == pytest.approx(np.exp(-50.0), rel=1e-12)
    assert loss.slope(R, Y) == pytest.approx(np.exp(-50.0) * np.array([[-1.0, 1.0]]), rel=1e-12)
    logistic = make_loss("logistic")
    assert logistic.slope(np.array([[50.0]]), np.ones((1, 1)))[0, 0] == pytest.approx(-np.exp(-50.0), rel=1e-12)


def test_splits_says_when_every_sample_s_loss_can_vanish():
    softmax, logistic = make_loss("softmax"), make_loss("logistic")
    Y = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert softmax.splits(np.array([[2.0, 1.0], [0.0, 0.1]]), Y)
    assert not softmax.splits(np.array([[2.0, 1.0], [0.1, 0.1]]), Y)
    assert not softmax.splits(np.array([[2.0, 1.0]]), np.array([[0.5, 0.5]]))
    assert logistic.splits(np.array([[1.0, -1.0], [-1.0, 1.0]]), Y)
    assert not logistic.splits(np.array([[1.0, 1.0], [-1.0, 1.0]]), Y)
    assert not make_loss("huber").splits(Y, Y)


def test_bad_names_and_deltas_are_refused():
    with pytest.raises(UsageError, match="no loss is called"):
        make_loss("hinge")
    with pytest.raises(UsageError, match="has no delta"):
        make_loss("softmax", 1.0)
    for delta in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(UsageError, match="delta"):
            Huber(delta)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["huber", "logistic", "softmax"])
def test_torch_has_the_same_value_and_gradient(name):
    torch = pytest.importorskip("torch")
    loss, (R, Y) = make_loss(name), case(name)
    if name == "softmax":  # torch takes shares that sum to 1
        Y = Y / Y.sum(axis=1, keepdims=True)
    outputs, targets = torch.tensor(R, requires_grad=True), torch.tensor(Y)
    functional = torch.nn.functional
    value = {
        "huber": lambda: functional.huber_loss(outputs, targets, reduction="sum", delta=1.0),
        "logistic": lambda: functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum"),
        "softmax": lambda: functional.cross_entropy(outputs, targets, reduction="sum"),
    }[name]()
    value.backward()
    assert loss.value(R, Y) == pytest.approx(value.item(), rel=1e-12)
    assert loss.slope(R, Y) == pytest.approx(outputs.grad.numpy(), rel=1e-9, abs=1e-12)
