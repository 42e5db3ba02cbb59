"""min over P of 1/2 ||P X - Y||_F^2 + lam ||P||_* by FISTA on the data themselves, with a duality gap of its own.

Trusted: the singular value soft threshold is the proximal map of the nuclear norm (Cai, Candes & Shen 2010), and
Fenchel's inequality: for any D with ||D X^T||_2 <= lam the least value is at least <D, Y> - 1/2 ||D||^2. Nothing here
uses lossurf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Solved:
    """P (dy, dx), the value there, and a lower bound of every value."""

    product: np.ndarray
    value: float
    bound: float

    @property
    def gap(self):
        return self.value - self.bound


def value(P, X, Y, lam):
    return 0.5 * np.sum((P @ X - Y) ** 2) + lam * np.sum(np.linalg.svd(P, compute_uv=False))


def bound(P, X, Y, lam):
    """The best dual value among multiples of the residual."""
    D = Y - P @ X
    largest = np.linalg.norm(D @ X.T, 2)
    best = np.sum(D * Y) / max(np.sum(D * D), 1e-300)
    D = D * min(best, lam / largest if largest > 0 else np.inf)
    return np.sum(D * Y) - 0.5 * np.sum(D * D)


def shrunk(P, amount):
    left, s, right = np.linalg.svd(P, full_matrices=False)
    return (left * np.maximum(s - amount, 0.0)) @ right


def fista(X, Y, lam, wanted=1e-9, steps=200_000):
    """X (dx, m), Y (dy, m): steps until the gap is a share `wanted` of the value at zero, or all of them."""
    L = np.linalg.norm(X, 2) ** 2
    P = ahead = np.zeros((len(Y), len(X)))
    t, least = 1.0, -np.inf
    XX, YX = X @ X.T, Y @ X.T
    for step in range(1, steps + 1):
        following = shrunk(ahead - (ahead @ XX - YX) / L, lam / L)
        if np.sum((ahead - following) * (following - P)) > 0.0:
            t = 1.0
        faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * t * t))
        ahead, P, t = following + (t - 1.0) / faster * (following - P), following, faster
        if step % 50 == 0:
            least = max(least, bound(P, X, Y, lam))
            if value(P, X, Y, lam) - least <= wanted * 0.5 * np.sum(Y**2):
                break
    return Solved(P, float(value(P, X, Y, lam)), float(least))
