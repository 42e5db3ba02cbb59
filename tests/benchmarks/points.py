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
    U, _, V = svd
    root = singular_values(kind, depth, svd)
    turns = [V, *(rotation(generator, d) for _ in range(depth - 1)), U]
    layers = [turns[k + 1] * root @ turns[k].T for k in range(depth)]
    if kind == "not-critical":
        layers = [W + 1e-3 * generator.standard_normal(W.shape) for W in layers]
    return layers


def singular_values(kind: str, depth: int, svd: SVD) -> np.ndarray:
    """Singular values of every layer, in the order of those of the map."""
    _, values, _ = svd
    d = len(values)
    kept = {
        "global-minimum": np.arange(d),
        "not-critical": np.arange(d),
        "bad-saddle": np.arange(d // 2),  # a best fit of its rank, and no tails
        "strict-saddle": np.arange(d // 2) + 1,  # leaves the largest out
        "zero": np.arange(0),
    }[kind]
    carried = np.zeros(d)
    carried[kept] = values[kept]
    return carried ** (1.0 / depth)


def extremes(kind: str, depth: int, svd: SVD) -> tuple[float, float]:
    """Least and largest eigenvalue of the Hessian at a critical point of that kind.

    In the bases of its layers all of them are diagonal, so that the Hessian couples the entries ij and ji of the layers
    and no others: its eigenvalues are those of all pairs of singular values, each a network of two units a layer.
    """
    root, values = singular_values(kind, depth, svd), svd[1]
    i, j = np.triu_indices(len(values), 1)
    least, largest = np.inf, -np.inf
    for start in range(0, len(i), 10_000):
        pairs = np.stack([i[start : start + 10_000], j[start : start + 10_000]], axis=1)
        found = np.linalg.eigvalsh(_hessians(root[pairs], values[pairs], depth))
        least, largest = min(least, found.min()), max(largest, found.max())
    return float(least), float(largest)


def _hessians(root, target, depth) -> np.ndarray:
    """Hessians, (pairs, 4 depth, 4 depth), at equal layers diag(root), root and target (pairs, 2)."""
    residual = root**depth - target
    H = np.zeros((len(root), depth, 2, 2, depth, 2, 2))
    for k in range(depth):
        for m in range(depth):
            for a in range(2):
                for b in range(2):
                    # the entry ab of P moves by root_a^(N - 1 - k) root_b^k times that of layer k
                    H[:, k, a, b, m, a, b] += root[:, a] ** (2 * depth - 2 - k - m) * root[:, b] ** (k + m)
                    if m < k:  # and the entry aa by the entries ab of layer k and ba of layer m together
                        both = residual[:, a] * root[:, a] ** (depth - 1 - k + m) * root[:, b] ** (k - 1 - m)
                        H[:, k, a, b, m, b, a] += both
                        H[:, m, b, a, k, a, b] += both
    return H.reshape(len(root), 4 * depth, 4 * depth)


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
