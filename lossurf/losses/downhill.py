"""A direction of negative curvature of the loss itself, believed only beyond what rounding explains.

The outputs along W + t v are R_0 + R_1 t + R_2 t^2 + ..., so the loss has the second derivative
<curvature . R_1, R_1> + 2 <slope, R_2> there. Each R is a sum of products of float64 numbers, and off by at most
(the widths and two a layer) eps times what the same sums make of absolute values (Higham 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.losses.functions import Loss
from lossurf.numerics import EPS, Matrix

_SUM: Final = 100.0 * EPS
"""Relative error of a sum over samples: a pairwise one of up to 2^50 terms, each good to a few dozen eps."""

_LADDER: Final = range(-6, 7)  # powers of two times the step that is asked for


@dataclass(frozen=True)
class Descent:
    """A verified way down.

    Attributes
    ----------
    curvature : float
        v^T H v / v^T v, v the direction of the layers, and of the output bias at its best where there is one.
    decrease : float
        How much lower the loss is at `step`.
    step : float
        Along v, whose layers together have norm 1.
    """

    curvature: float
    decrease: float
    step: float


@dataclass(frozen=True)
class LossHere:
    """The loss of stored layers and biases on samples.

    Attributes
    ----------
    loss : Loss
    weights : sequence of ndarray
    biases : sequence of ndarray or None
    X, Y : ndarray, shapes (m, dx), (m, dy)
    """

    loss: Loss
    weights: Sequence[Matrix]
    biases: Sequence[Matrix | None] | None
    X: Matrix
    Y: Matrix

    def down(self, direction: Sequence[Matrix], step: float) -> Descent | None:
        """Verify a direction of the layers, of norm 1; None unless the curvature and a step both show the way down."""
        turn = self._best_turn(direction)
        curvature, rounding = self.curvature(direction, turn)
        if not curvature < -rounding:
            return None
        lengths = [sign * step * 2.0**power for power in _LADDER for sign in (1.0, -1.0)]
        before = self._value(direction, turn, 0.0)
        decrease, length = max((before - self._value(direction, turn, t), t) for t in lengths)
        if not decrease > self._value_rounding(direction, turn, 0.0) + self._value_rounding(direction, turn, length):
            return None
        return Descent(curvature / (1.0 + float(turn @ turn)), decrease, abs(length))

    def _path(self, direction: Sequence[Matrix], *, absolute: bool) -> tuple[Matrix, Matrix, Matrix]:
        """R_0, R_1, R_2; or the same sums of absolute values."""
        size = np.abs if absolute else np.asarray
        zero = size(self.X)
        first, second = np.zeros_like(zero), np.zeros_like(zero)
        for k, (W, V) in enumerate(zip(map(size, self.weights), map(size, direction), strict=True)):
            bias = None if self.biases is None else self.biases[k]
            second = second @ W.T + first @ V.T
            first = first @ W.T + zero @ V.T
            zero = zero @ W.T if bias is None else zero @ W.T + size(bias)
        return zero, first, second

    def _best_turn(self, direction: Sequence[Matrix]) -> Matrix:
        """Velocity of the output bias at which the curvature is least; zero where there is no bias."""
        zero, first, _ = self._path(direction, absolute=False)
        dy = zero.shape[1]
        if self.biases is None or self.biases[-1] is None:
            return np.zeros(dy)
        units = (np.broadcast_to(unit, zero.shape) for unit in np.eye(dy))
        block = np.array([self.loss.times_curvature(zero, self.Y, unit).sum(axis=0) for unit in units])
        wanted = self.loss.times_curvature(zero, self.Y, first).sum(axis=0)
        return np.asarray(-np.linalg.pinv(block, hermitian=True) @ wanted)

    def curvature(self, direction: Sequence[Matrix], turn: Matrix) -> tuple[float, float]:
        """Second derivative along a direction of the layers and one of the output bias, and a bound of its rounding.

        From above where outputs lie within rounding of a kink.
        """
        zero, first, second = self._path(direction, absolute=False)
        first = first + turn
        sizes = self._path(direction, absolute=True)
        off_zero, off_first, off_second = (self._unit * size for size in sizes)
        off_first = off_first + EPS * np.abs(turn)
        reach = np.linalg.norm(off_zero, axis=1, keepdims=True)
        bent = self.loss.curvature_near(zero, self.Y, first, reach) * first
        slope, c = self.loss.slope(zero, self.Y), self.loss.curvature_bound(self.Y)
        tilted = slope * second
        off_bent = 2.0 * _norm(first) * _norm(off_first) + _norm(off_first) ** 2
        off_tilted = float(np.sum(np.abs(slope) * off_second)) + c * _norm(off_zero) * _norm(second)
        sums = _SUM * float(np.sum(np.abs(bent)) + 2.0 * np.sum(np.abs(tilted)))
        return float(np.sum(bent) + 2.0 * np.sum(tilted)), c * off_bent + 2.0 * off_tilted + sums

    @property
    def _unit(self) -> float:
        """Rounding of an output, relative to the sum of absolute values."""
        return EPS * float(self.X.shape[1] + sum(W.shape[0] + 2 for W in self.weights))

    def _moved(self, direction: Sequence[Matrix], t: float) -> LossHere:
        weights = [W + t * V for W, V in zip(self.weights, direction, strict=True)]
        return LossHere(self.loss, weights, self.biases, self.X, self.Y)

    def _value(self, direction: Sequence[Matrix], turn: Matrix, t: float) -> float:
        return self.loss.value(self._moved(direction, t).outputs() + t * turn, self.Y)

    def outputs(self) -> Matrix:
        """R, (m, dy)."""
        hidden = self.X
        for k, W in enumerate(self.weights):
            bias = None if self.biases is None else self.biases[k]
            hidden = hidden @ W.T if bias is None else hidden @ W.T + bias
        return hidden

    def sizes(self) -> Matrix:
        """Return what the sums that make R come to in absolute values, (m, dy)."""
        biases = None if self.biases is None else [None if b is None else np.abs(b) for b in self.biases]
        return LossHere(self.loss, [np.abs(W) for W in self.weights], biases, np.abs(self.X), self.Y).outputs()

    def _value_rounding(self, direction: Sequence[Matrix], turn: Matrix, t: float) -> float:
        moved = self._moved(direction, t)
        R = moved.outputs() + t * turn
        off = self._unit * moved.sizes() + EPS * np.abs(t * turn)
        through = float(np.sum(np.abs(self.loss.slope(R, self.Y)) * off))
        c = self.loss.curvature_bound(self.Y)
        return through + 0.5 * c * _norm(off) ** 2 + _SUM * self.loss.value(R, self.Y)


def _norm(array: Matrix) -> float:
    return float(np.linalg.norm(array))
