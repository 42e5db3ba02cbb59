"""Trusted channels: mpmath at 40 digits for losses, random points inside the certified radius for the minimum."""

import mpmath
import numpy as np
import pytest
from test_activations import TRUTH

from lossurf.errors import UsageError
from lossurf.nonlinear.spurious.activations import COUNTEREXAMPLES
from lossurf.nonlinear.spurious.counterexample import counterexample
from lossurf.words import SpuriousVerdict


@pytest.fixture(autouse=True)
def forty_digits():
    with mpmath.workdps(40):  # mpmath's own setting is shared by every test of a process
        yield


def exact(name, network, X, Y):
    h, total = TRUTH[name], mpmath.mpf(0)
    for x, y in zip(X, Y, strict=True):
        units = [
            h(mpmath.fdot(w.tolist(), x.tolist()) + mpmath.mpf(b))
            for w, b in zip(network.W1, network.b1.tolist(), strict=True)
        ]
        f = mpmath.fdot(network.W2[0].tolist(), units) + mpmath.mpf(float(network.b2[0]))
        total += (f - mpmath.mpf(float(y[0]))) ** 2
    return total / 2


@pytest.mark.parametrize("name", sorted(COUNTEREXAMPLES))
@pytest.mark.parametrize("width", [2, 3, 5])
def test_losses_are_a_third_and_nothing(name, width):
    found = counterexample(name, width)
    assert found.verdict is SpuriousVerdict.SPURIOUS
    assert abs(exact(name, found.minimum, found.X, found.Y) - mpmath.mpf(1) / 3) < found.loss_error
    assert exact(name, found.better, found.X, found.Y) < 1e-28
    assert found.drop == pytest.approx(1.0 / 3.0, rel=1e-14)


@pytest.mark.parametrize("name", sorted(COUNTEREXAMPLES))
@pytest.mark.parametrize("width", [1, 2, 3])
def test_nothing_inside_the_radius_is_lower_than_a_third(name, width):
    found = counterexample(name, width)
    rng = np.random.default_rng(width)
    point = found.minimum
    low, high = found.convex_interval
    for trial in range(300):
        size = found.radius * (1.0 if trial % 2 else 10.0 ** rng.uniform(-8, 0))
        units = rng.standard_normal((width, 3))
        units *= size / np.linalg.norm(units, axis=1, keepdims=True)
        W1, b1 = point.W1 + units[:, :2], point.b1 + units[:, 2]
        W2 = point.W2 + rng.uniform(-size, size, point.W2.shape)
        z = found.X @ W1.T + b1
        assert z.min() >= low
        assert z.max() <= high
        f = found.activation(z) @ W2[0]
        best_bias = np.mean(found.Y[:, 0] - f)  # the worst case for the claim
        assert 0.5 * np.sum((f + best_bias - found.Y[:, 0]) ** 2) >= 1.0 / 3.0 - 1e-14


def test_one_unit_claims_nothing():
    found = counterexample("tanh", 1)
    assert found.verdict is SpuriousVerdict.UNDECIDED
    assert found.better is None
    assert found.better_loss is None
    assert found.radius > 0.0


def test_unknown_activation_and_width_are_refused():
    with pytest.raises(UsageError, match="sin"):
        counterexample("sin")
    with pytest.raises(UsageError, match="width"):
        counterexample("tanh", 0)
