"""The loss of a ReLU-like network without any rounding: the stored floats are rational numbers, and so is the loss."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.numerics import Matrix

Integers = NDArray[Any]  # of Python ints, dtype object: numpy has no type for them

_ROWS_AT_ONCE = 4096  # integers of some hundred bytes each: a few MB of them


@dataclass(frozen=True)
class _Dyadic:
    """An array of numbers integers * 2^exponent: floats are dyadic, and sums and products of dyadics are dyadic.

    Python integers with one shared exponent need no greatest common divisors, which makes this some hundred times
    faster than arrays of Fraction.
    """

    integers: Integers
    exponent: int

    @classmethod
    def of(cls, values: Matrix) -> _Dyadic:
        mantissas, exponents = np.frexp(values)
        whole = np.ldexp(mantissas, 53).astype(np.int64)
        exponents = exponents - 53
        lowest = int(exponents[whole != 0].min(initial=0))
        shifts = np.where(whole != 0, exponents - lowest, 0)
        return cls(whole.astype(object) * 2 ** shifts.astype(object), lowest)

    def __add__(self, other: _Dyadic) -> _Dyadic:
        exponent = min(self.exponent, other.exponent)
        return _Dyadic(self._at(exponent) + other._at(exponent), exponent)

    def __neg__(self) -> _Dyadic:
        return _Dyadic(-self.integers, self.exponent)

    def __matmul__(self, other: _Dyadic) -> _Dyadic:
        return _Dyadic(self.integers @ other.integers, self.exponent + other.exponent)

    def rows(self, start: int, stop: int) -> _Dyadic:
        return _Dyadic(self.integers[start:stop], self.exponent)

    def transpose(self) -> _Dyadic:
        return _Dyadic(self.integers.T, self.exponent)

    def activated(self, activation: PiecewiseLinear) -> _Dyadic:
        slopes = _Dyadic.of(np.array(activation.slopes))
        slope = np.where(self.integers > 0, slopes.integers[:1], slopes.integers[1:])
        return _Dyadic(self.integers * slope, self.exponent + slopes.exponent)

    def squared_norm(self) -> Fraction:
        return Fraction(int(np.sum(self.integers**2))) * Fraction(2) ** (2 * self.exponent)

    def _at(self, exponent: int) -> Integers:
        return np.asarray(self.integers * 2 ** (self.exponent - exponent))


def exact_loss(network: ShallowNetwork, X: Matrix, Y: Matrix, activation: PiecewiseLinear) -> Fraction:
    """1/2 ||W2 h(W1 X + b1) + b2 - Y||_F^2 of the numbers as stored, exactly.

    Parameters
    ----------
    network : ShallowNetwork
    X, Y : ndarray, shapes (m, dx), (m, dy)
    activation : PiecewiseLinear

    Returns
    -------
    Fraction
    """
    inputs, targets = _Dyadic.of(X), _Dyadic.of(Y)
    W1, b1 = _Dyadic.of(network.W1).transpose(), _Dyadic.of(network.b1)
    W2, b2 = _Dyadic.of(network.W2).transpose(), _Dyadic.of(network.b2)
    total = Fraction(0)
    for start in range(0, X.shape[0], _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE
        hidden = (inputs.rows(start, stop) @ W1 + b1).activated(activation)
        residual = hidden @ W2 + b2 + -targets.rows(start, stop)
        total += residual.squared_norm()
    return total / 2
