"""Critical points of any size and of each kind, in closed form on data whose solution is known; for timing.

Y = C X with X of orthonormal rows and C = U diag(l) V^T, so T = C: a point that keeps the singular values S is
W_1 = V_S^T, W_k = I (padded with zeros), W_N = U_S diag(l_S), turned in every hidden layer by a random rotation.
"""

from __future__ import annotations

import numpy as np

from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle

SVD = tuple[np.ndarray, np.ndarray, np.ndarray]
KINDS = ("global-minimum", "bad-saddle", "strict-saddle", "not-critical")


def rotation(generator, d):
    return np.linalg.qr(generator.standard_normal((d, d)))[0]


def problem_and_map(d: int, seed: int = 0) -> tuple[ReducedProblem, SVD]:
    """Return a problem with dx = dy = d and the SVD of its least-squares map."""
    generator = np.random.default_rng(seed)
    U, V = rotation(generator, d), rotation(generator, d)
    values = np.linspace(2.0, 1.0, d)
    r = np.zeros((1 + 2 * d, 1 + 2 * d))
    r[0, 0] = np.sqrt(10.0 * d)
    r[1 : 1 + d, 1 : 1 + d] = np.eye(d)
    r[1 : 1 + d, 1 + d :] = (U * values @ V.T).T
    r[1 + d :, 1 + d :] = 0.1 * np.eye(d)
    return reduced_problem(Triangle(r, 10 * d, d, d, np.zeros(len(r)), np.linalg.norm(r, axis=0))), (U, values, V)


def point(kind: str, d: int, depth: int, svd: SVD, seed: int = 1) -> list[np.ndarray]:
    """Return the layers of a network of that depth, all widths d, at a point of that kind (for depth >= 3)."""
    generator = np.random.default_rng(seed)
    U, values, V = svd
    kept = {
        "global-minimum": np.arange(d),
        "not-critical": np.arange(d),
        "bad-saddle": np.arange(d // 2),  # a best fit of its rank, and no tails
        "strict-saddle": np.arange(d // 2) + 1,  # leaves the largest out
    }[kind]
    carried = np.zeros(d)
    carried[kept] = values[kept]
    root = carried ** (1.0 / depth)
    turns = [V, *(rotation(generator, d) for _ in range(depth - 1)), U]
    layers = [turns[k + 1] * root @ turns[k].T for k in range(depth)]
    if kind == "not-critical":
        layers = [W + 1e-3 * generator.standard_normal(W.shape) for W in layers]
    return layers


def gradient(layers, T):
    """All of dL/dW_k by one forward and one backward pass: the unit of cost."""
    below = [layers[0]]
    for W in layers[1:]:
        below.append(W @ below[-1])
    error = below[-1] - T
    gradients = []
    for k in range(len(layers) - 1, 0, -1):
        gradients.append(error @ below[k - 1].T)
        error = layers[k].T @ error
    gradients.append(error)
    return gradients
