"""Critical points of losses with weight decay, found by a Newton method of their own: the independent channel.

Loss, gradient and Hessian are those of the data themselves, 1/2 ||W_N ... W_1 X - Y||^2 + 1/2 lam sum ||W_k||^2, with
samples as columns. Nothing here uses lossurf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from critical_points import chain, dense_hessian
from scipy.optimize import minimize


@dataclass(frozen=True)
class Decayed:
    """A critical point: the weights, the data (X (dx, m), Y (dy, m)) and lam."""

    weights: list
    X: np.ndarray
    Y: np.ndarray
    decay: float

    @property
    def widths(self):
        return [self.X.shape[0], *(W.shape[0] for W in self.weights)]

    @property
    def eigenvalues(self):
        """Of the dense Hessian, ascending."""
        size = sum(W.size for W in self.weights)
        return np.linalg.eigvalsh(dense_hessian(self.weights, self.X, self.Y) + self.decay * np.eye(size))

    def signs(self, share=1e-7):
        """Negative and zero eigenvalues; None where one is neither clearly zero nor clearly not."""
        values = self.eigenvalues
        size = np.abs(values) / max(abs(values[0]), values[-1])
        if np.any((size > 1e-10) & (size < 1e-5)):
            return None
        zero = size <= share
        return int(np.sum((values < 0) & ~zero)), int(np.sum(zero))


def unpacked(vector, widths):
    ends = np.cumsum([a * b for a, b in zip(widths[1:], widths[:-1], strict=True)])[:-1]
    shapes = zip(widths[1:], widths[:-1], strict=True)
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends), shapes, strict=True)]


def loss(weights, X, Y, decay):
    return 0.5 * np.sum((chain(weights, X.shape[0]) @ X - Y) ** 2) + 0.5 * decay * sum(np.sum(W**2) for W in weights)


def gradient(weights, X, Y, decay):
    E = chain(weights, X.shape[0]) @ X - Y
    parts = []
    for k, W in enumerate(weights):
        above, below = chain(weights[k + 1 :], W.shape[0]), chain(weights[:k], X.shape[0]) @ X
        parts.append((above.T @ E @ below.T + decay * W).ravel())
    return np.concatenate(parts)


def newton(vector, widths, X, Y, decay):
    """Newton's method to whatever critical point is near: saddles as well as minima. None where it does not arrive."""
    for _ in range(200):
        weights = unpacked(vector, widths)
        slope = gradient(weights, X, Y, decay)
        H = dense_hessian(weights, X, Y) + decay * np.eye(vector.size)
        if np.linalg.norm(slope) <= 1e-14 * np.linalg.norm(H) * (1.0 + np.linalg.norm(vector)):
            return vector
        step = np.linalg.lstsq(H, -slope, rcond=1e-10)[0]
        length, longest = np.linalg.norm(step), 1.0 + np.linalg.norm(vector)
        vector = vector + step * min(1.0, longest / max(length, 1e-300))
    arrived = np.linalg.norm(slope) <= 1e-12 * np.linalg.norm(H) * (1.0 + np.linalg.norm(vector))
    return vector if arrived else None


def descended(vector, widths, data, decay, steps):
    """BFGS on the raw loss."""
    X, Y = data

    def value(u):
        return loss(unpacked(u, widths), X, Y, decay)

    def slope(u):
        return gradient(unpacked(u, widths), X, Y, decay)

    return minimize(value, vector, jac=slope, method="BFGS", options={"maxiter": steps}).x


def lowest(point, rng, starts):
    """Least loss of descents from random points and from zero."""
    size = sum(W.size for W in point.weights)
    X, Y, decay = point.X, point.Y, point.decay
    ends = [
        descended(rng.standard_normal(size) * rng.choice([0.5, 1.0, 2.0]), point.widths, (X, Y), decay, 60)
        for _ in range(starts)
    ]
    return min(loss(unpacked(end, point.widths), X, Y, decay) for end in [np.zeros(size), *ends])


def random_data(rng, widths, recipe):
    """X (dx, m) and Y (dy, m) of one recipe."""
    dx, dy, m = widths[0], widths[-1], int(rng.integers(1, 9))
    X, Y = rng.standard_normal((dx, m)), rng.standard_normal((dy, m))
    if recipe == "ill-conditioned":
        X = 10.0 ** rng.uniform(-3, 0, (dx, 1)) * X
    if recipe == "rank-deficient" and dx > 1:
        X[-1] = X[0]
    if recipe in ("white", "ties"):
        X = np.linalg.qr(rng.standard_normal((max(m, dx, dy), dx)))[0].T
        Y = rng.standard_normal((dy, X.shape[1]))
    if recipe == "ties":  # all singular values of Y X^T equal
        k = min(dx, dy)
        left, right = (np.linalg.qr(rng.standard_normal((d, d)))[0] for d in (dy, dx))
        Y = left[:, :k] @ right[:k] @ X
    return X, Y


RECIPES = ("plain", "ill-conditioned", "rank-deficient", "white", "ties")


def random_point(rng, depth, recipe):
    """A critical point of random widths 1..4, reached from a random start, or from part of a descent."""
    while True:
        widths = [int(d) for d in rng.integers(1, 5, depth + 1)]
        X, Y = random_data(rng, widths, recipe)
        decay = float(np.linalg.norm(Y @ X.T, 2) * 10.0 ** rng.uniform(-3.0, 0.1))
        size = sum(a * b for a, b in zip(widths[1:], widths[:-1], strict=True))
        start = rng.standard_normal(size) * rng.choice([0.3, 1.0, 1.5])
        if rng.random() < 0.4:
            start = descended(start, widths, (X, Y), decay, int(rng.integers(1, 60)))
        found = newton(start, widths, X, Y, decay)
        if found is not None:
            return Decayed(unpacked(found, widths), X, Y, decay)
