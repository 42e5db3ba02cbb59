"""Trusted channel: Fraction arithmetic, term by term."""

from fractions import Fraction

import numpy as np
import pytest

from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.exact import exact_loss
from lossurf.nonlinear.spurious.shallow import ShallowNetwork


def loss_by_fractions(network, X, Y, slopes):
    def rational(values):
        return [Fraction(float(v)) for v in values]

    total = Fraction(0)
    for x, y in zip(X, Y, strict=True):
        hidden = []
        for w, b in zip(network.W1, network.b1, strict=True):
            z = sum((p * q for p, q in zip(rational(w), rational(x), strict=True)), Fraction(float(b)))
            hidden.append(z * Fraction(slopes[0] if z > 0 else slopes[1]))
        for w, b, wanted in zip(network.W2, network.b2, y, strict=True):
            f = sum((p * q for p, q in zip(rational(w), hidden, strict=True)), Fraction(float(b)))
            total += (f - Fraction(float(wanted))) ** 2
    return total / 2


@pytest.mark.parametrize("slopes", [(1.0, 0.0), (1.0, 0.01), (0.3, 2.0)])
@pytest.mark.parametrize("spread", [0, 12, 120])
def test_equals_term_by_term_fractions(slopes, spread):
    rng = np.random.default_rng(spread)

    def numbers(*shape):
        return rng.standard_normal(shape) * 2.0 ** rng.integers(-spread, spread + 1, shape)

    network = ShallowNetwork(numbers(3, 2), numbers(3), numbers(2, 3), numbers(2))
    X, Y = numbers(7, 2), numbers(7, 2)
    X[0, 0], network.W1[0, 0], network.b2[0] = 0.0, 0.0, -0.0
    assert exact_loss(network, X, Y, PiecewiseLinear("h", *slopes)) == loss_by_fractions(network, X, Y, slopes)


def test_sees_a_difference_far_below_rounding():
    X, Y = np.array([[1.0], [2.0]]), np.array([[1e9], [0.0]])
    one = ShallowNetwork(np.array([[1.0]]), np.array([0.0]), np.array([[1.0]]), np.array([0.0]))
    other = ShallowNetwork(np.array([[1.0]]), np.array([0.0]), np.array([[1.0]]), np.array([2.0**-60]))
    relu = PiecewiseLinear("relu", 1.0, 0.0)
    assert one.loss(X, Y, relu) == other.loss(X, Y, relu)
    assert exact_loss(other, X, Y, relu) < exact_loss(one, X, Y, relu)


def test_many_rows_are_summed_over_their_blocks():
    X, Y = np.ones((10_000, 1)), np.zeros((10_000, 1))
    network = ShallowNetwork(np.array([[1.0]]), np.array([0.0]), np.array([[2.0]]), np.array([1.0]))
    assert exact_loss(network, X, Y, PiecewiseLinear("relu", 1.0, 0.0)) == 45_000  # 10,000 * 3^2 / 2
