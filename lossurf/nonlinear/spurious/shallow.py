"""A network with one hidden layer: f(x) = W2 h(W1 x + b1) + b2, with squared loss 1/2 ||f - Y||_F^2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossurf.numerics import Matrix


@dataclass(frozen=True)
class ShallowNetwork:
    """Weights and biases of a network with one hidden layer.

    Attributes
    ----------
    W1, b1 : ndarray, shapes (hidden, dx), (hidden,)
    W2, b2 : ndarray, shapes (dy, hidden), (dy,)
    """

    W1: Matrix
    b1: Matrix
    W2: Matrix
    b2: Matrix

    @property
    def hidden_width(self) -> int:
        """Number of hidden units."""
        return int(self.W1.shape[0])

    def pre_activations(self, X: Matrix) -> Matrix:
        """W1 x + b1 for each sample: X is (m, dx), the result (m, hidden)."""
        return np.asarray(X @ self.W1.T + self.b1)

    def predict(self, X: Matrix, activation: Callable[[Matrix], Matrix]) -> Matrix:
        """f(x) for each sample: X is (m, dx), the result (m, dy)."""
        return np.asarray(activation(self.pre_activations(X)) @ self.W2.T + self.b2)

    def loss(self, X: Matrix, Y: Matrix, activation: Callable[[Matrix], Matrix]) -> float:
        """1/2 ||f(X) - Y||_F^2."""
        return 0.5 * float(np.sum((self.predict(X, activation) - Y) ** 2))

    def state_dict(self) -> dict[str, Matrix]:
        """Return the arrays under the names of torch.nn.Sequential(Linear, activation, Linear)."""
        return {"0.weight": self.W1, "0.bias": self.b1, "2.weight": self.W2, "2.bias": self.b2}


Unit = tuple[Matrix, float, Matrix]
"""Incoming weights (dx,), bias and outgoing weights (dy,) of one hidden unit."""


def assemble(units: list[Unit], hidden_width: int, dx: int, spare_bias: float, b2: Matrix) -> ShallowNetwork:
    """Stack units and fill up with units of zero weights, positive bias and no output.

    A spare unit is on for every sample and contributes nothing, and stays so under small changes.
    """
    W1, b1 = np.zeros((hidden_width, dx)), np.full(hidden_width, spare_bias)
    W2 = np.zeros((b2.size, hidden_width))
    for j, (w, b, column) in enumerate(units):
        W1[j], b1[j], W2[:, j] = w, b, column
    return ShallowNetwork(W1, b1, W2, b2)
