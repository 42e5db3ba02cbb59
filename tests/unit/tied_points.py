"""Critical points of tied autoencoders made from their answer, and dense Hessians of the loss by finite formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RECIPES = ("plain", "ties", "lacking", "ill", "float32", "large-mean", "zero", "few-samples")
ZERO = 1e-9  # of the largest eigenvalue; the smallest that is not zero in these recipes is 1e-7 of it


@dataclass(frozen=True)
class Tied:
    """W (k, dx) at an exact critical point for X (m, dx), rounded; S = X^T X of known eigenvectors."""

    W: np.ndarray
    X: np.ndarray
    S: np.ndarray
    exact: np.ndarray  # W before rounding
    eigenvalues: np.ndarray
    carried: tuple[int, ...]
    dtype: str = "float64"

    @property
    def least(self):
        """Half the sum of the eigenvalues that k units leave out."""
        return 0.5 * float(np.sum(np.sort(self.eigenvalues)[::-1][min(len(self.W), self.eigenvalues.size) :]))

    @property
    def is_best(self):
        left = np.delete(self.eigenvalues, self.carried)
        return abs(0.5 * float(np.sum(left)) - self.least) <= 1e-12 * float(np.sum(self.eigenvalues))

    def signs(self):
        """n-, n0, n+ of the dense Hessian."""
        values = np.linalg.eigvalsh(hessian(self.exact, self.S))
        zero = ZERO * max(float(np.max(np.abs(values))), 1e-300)
        return int(np.sum(values < -zero)), int(np.sum(np.abs(values) <= zero)), int(np.sum(values > zero))

    def kind(self):
        """The verdict that the dense Hessian and the loss give; there are no points with an idle weight of sqrt 2."""
        if self.signs()[0]:
            return "strict-saddle"
        return "global-minimum" if self.is_best else "local-minimum"


def loss(W, X):
    """1/2 ||W^T W X - X||^2 of samples in rows."""
    return 0.5 * float(np.sum((X @ W.T @ W - X) ** 2))


def hessian(W, S):
    """Change of the gradient W (S E + E S), E = W^T W - I, along every entry of W."""
    k, d = W.shape
    E = W.T @ W - np.eye(d)
    columns = []
    for V in np.eye(k * d).reshape(-1, k, d):
        dE = V.T @ W + W.T @ V
        columns.append((V @ (S @ E + E @ S) + W @ (S @ dE + dE @ S)).ravel())
    H = np.array(columns)
    return (H + H.T) / 2.0


def orthonormal(rng, rows, columns):
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]


def random_point(rng, recipe, *, unit=1.0):
    """Draw a critical point; the recipe names the assumption that it violates."""
    d, k = int(rng.integers(2, 6)), int(rng.integers(1, 6))
    X, dtype = _data(rng, recipe, d), "float32" if recipe == "float32" else "float64"
    X = (unit * X).astype(dtype).astype(float)
    _, s, vt = np.linalg.svd(X)
    rank = int(np.sum(s > 1e-13 * s[0])) if s[0] else 0
    rank = min(rank, _rank(recipe, d, X))
    basis, eigenvalues = vt.T, s[:rank] ** 2
    full = min(k, rank)
    r = full if rng.random() < 0.4 else int(rng.integers(0, full + 1))
    carried = tuple(range(r)) if rng.random() < 0.5 else tuple(sorted(rng.permutation(rank)[:r].tolist()))
    units = orthonormal(rng, k, k)
    Z = rng.standard_normal((k - r, d - rank)) * rng.choice([0.0, 0.5, 3.0, 30.0])
    exact = units[:, :r] @ basis[:, carried].T + units[:, r:] @ Z @ basis[:, rank:].T
    S = (basis[:, :rank] * eigenvalues) @ basis[:, :rank].T
    return Tied(exact.astype(dtype).astype(float), X, S, exact, eigenvalues, carried, dtype)


def _rank(recipe, d, X):
    return {"zero": 0, "lacking": int(np.sum(np.any(X, axis=0)))}.get(recipe, d)


def _data(rng, recipe, d):
    m = int(rng.integers(1, d)) if recipe == "few-samples" else 30
    if recipe == "zero":
        return np.zeros((m, d))
    if recipe == "ties":
        s = np.sort(rng.choice([0.5, 1.0, 2.0], d))[::-1]
        return (orthonormal(rng, m, d) * s) @ orthonormal(rng, d, d).T
    if recipe == "ill":  # eigenvalues down to 1e-7 of the largest, which a dense Hessian in float64 still tells
        s = np.logspace(0.0, -rng.uniform(1.0, 3.5), d)
        return (orthonormal(rng, m, d) * s) @ orthonormal(rng, d, d).T
    X = rng.standard_normal((m, d)) * np.exp(rng.uniform(-1.0, 1.0, d))
    if recipe == "lacking":
        X[:, rng.permutation(d)[: int(rng.integers(1, d))]] = 0.0
    return X + 100.0 if recipe == "large-mean" else X
