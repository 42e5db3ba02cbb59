"""Descent from many starts, for widths that leave no unit for a hinge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.affine import AffineFit
from lossurf.nonlinear.spurious.hinge import Sides, best_hinge
from lossurf.nonlinear.spurious.lbfgs import minimise
from lossurf.nonlinear.spurious.problem import ShallowProblem
from lossurf.nonlinear.spurious.shallow import ShallowNetwork
from lossurf.numerics import Matrix

STARTS: Final = 24
"""Random starts; four more bend a fit of lower rank with one hinge."""

_STEPS: Final = 300  # of L-BFGS; a start that has not passed the least-squares loss by then is given up


@dataclass(frozen=True)
class _Scaled:
    """The data in standardised inputs and outputs of unit mean square, where one size of start suits all data."""

    Z: Matrix
    Y: Matrix
    activation: PiecewiseLinear

    def hidden(self, W1: Matrix, b1: Matrix) -> Matrix:
        return self.activation(self.Z @ W1.T + b1)

    def output_layer(self, W1: Matrix, b1: Matrix) -> Matrix:
        """Best [W2 b2] for these hidden units, (dy, hidden + 1), by least squares."""
        features = np.column_stack([self.hidden(W1, b1), np.ones(self.Z.shape[0])])
        return np.asarray(np.linalg.lstsq(features, self.Y, rcond=None)[0].T)

    def loss_and_gradient(self, vector: Matrix, width: int) -> tuple[float, Matrix]:
        """Mean loss and gradient in the packed parameters [W1 b1 | W2 b2]."""
        first, second = _unpack(vector, width, self.Z.shape[1], self.Y.shape[1])
        z = self.Z @ first[:, :-1].T + first[:, -1]
        hidden = self.activation(z)
        residual = hidden @ second[:, :-1].T + second[:, -1] - self.Y
        slope = np.where(z > 0.0, self.activation.positive, self.activation.negative)
        back = (residual @ second[:, :-1]) * slope
        gradient = [back.T @ self.Z, back.sum(axis=0)[:, None], residual.T @ hidden, residual.sum(axis=0)[:, None]]
        packed = np.concatenate([np.hstack(gradient[:2]).ravel(), np.hstack(gradient[2:]).ravel()])
        samples = self.Z.shape[0]
        return 0.5 * float(np.sum(residual**2)) / samples, packed / samples


def descend(problem: ShallowProblem) -> ShallowNetwork | None:
    """Descend from random and bent starts and return the network of lowest loss, in the user's units.

    Parameters
    ----------
    problem : ShallowProblem

    Returns
    -------
    ShallowNetwork or None
        None where the inputs or the outputs do not vary.
    """
    fit, Y, width = problem.fit, problem.Y, problem.hidden_width
    scale = float(np.sqrt(2.0 * fit.total / Y.shape[0]))
    if scale == 0.0 or fit.basis.shape[1] == 0:
        return None
    data = _Scaled(fit.standardised, (Y - fit.y_mean) / scale, problem.activation)
    best: tuple[float, Matrix] | None = None
    for W1, b1 in _starts(problem):
        start = np.concatenate([np.column_stack([W1, b1]).ravel(), data.output_layer(W1, b1).ravel()])
        value, end = minimise(lambda vector: data.loss_and_gradient(vector, width), start, _STEPS)
        if best is None or value < best[0]:
            best = value, end
    assert best is not None
    first, _ = _unpack(best[1], width, fit.standardised.shape[1], Y.shape[1])
    return _in_user_units(fit, data, first, scale)


def _starts(problem: ShallowProblem) -> list[tuple[Matrix, Matrix]]:
    fit, width = problem.fit, problem.hidden_width
    rng = np.random.default_rng(problem.seed)
    dx = fit.standardised.shape[1]
    starts = [(rng.standard_normal((width, dx)) * np.sqrt(2.0 / dx), rng.standard_normal(width)) for _ in range(STARTS)]
    weights = fit.weights * np.where(np.isfinite(fit.x_scale), fit.x_scale, 0.0)
    for k in range(4):
        hinge = best_hinge(fit, Sides(np.eye(fit.y_mean.size)), problem.activation, problem.seed + k)
        if hinge is None:
            break
        rows = np.roll(fit.left, k, axis=1).T[: width - 1] @ weights
        shifts = 2.0 * np.max(np.abs(fit.standardised @ rows.T), axis=0, initial=0.0)
        starts.append((np.vstack([rows, hinge.direction]), np.append(shifts, -hinge.cut)))
    return starts


def _in_user_units(fit: AffineFit, data: _Scaled, first: Matrix, scale: float) -> ShallowNetwork:
    W1, b1 = first[:, :-1], first[:, -1]
    second = data.output_layer(W1, b1)
    weights = W1 / fit.x_scale
    return ShallowNetwork(
        weights, b1 - weights @ fit.x_mean, scale * second[:, :-1], scale * second[:, -1] + fit.y_mean
    )


def _unpack(vector: Matrix, width: int, dx: int, dy: int) -> tuple[Matrix, Matrix]:
    split = width * (dx + 1)
    return vector[:split].reshape(width, dx + 1), vector[split:].reshape(dy, width + 1)
