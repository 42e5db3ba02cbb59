"""Critical points of every kind, and their dense Hessians: the independent channel of the type test.

Built from the data by the formulas of theory section 7; the Hessian is assembled from Kronecker products of the
layers and the data themselves. Nothing here uses lossurf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Point:
    """A critical point with the data it belongs to: X (dx, m), Y (dy, m) as in the paper."""

    weights: list
    X: np.ndarray
    Y: np.ndarray
    eigen_set: tuple
    recipe: str


def chain(matrices, size):
    """Product of matrices[-1] ... matrices[0]; the identity of `size` where there is none."""
    product = np.eye(size)
    for matrix in matrices:
        product = matrix @ product
    return product


def loss(weights, X, Y):
    return 0.5 * np.sum((chain(weights, X.shape[0]) @ X - Y) ** 2)


def dense_hessian(weights, X, Y):
    """Second derivative of the loss in the row-major entries of W_1, ..., W_N."""
    N = len(weights)
    R = chain(weights, X.shape[0]) @ X - Y
    above = [chain(weights[k + 1 :], weights[k].shape[0]) for k in range(N)]
    below = [chain(weights[:k], X.shape[0]) for k in range(N)]
    # d(P X)[o, s] / dW_k[a, b] = above[o, a] (below X)[b, s]
    jacobian = np.hstack(
        [np.einsum("oa,bs->osab", above[k], below[k] @ X).reshape(R.size, weights[k].size) for k in range(N)]
    )
    H = jacobian.T @ jacobian
    offsets = np.concatenate([[0], np.cumsum([W.size for W in weights])])
    for i in range(1, N):
        for j in range(i):
            # <R, A_i V_i M V_j B_j X> = trace(V_i M V_j S), S = B_j X R^T A_i
            M = chain(weights[j + 1 : i], weights[j].shape[0])
            S = below[j] @ X @ R.T @ above[i]
            block = np.einsum("bc,da->abcd", M, S).reshape(weights[i].size, weights[j].size)
            H[offsets[i] : offsets[i + 1], offsets[j] : offsets[j + 1]] += block
            H[offsets[j] : offsets[j + 1], offsets[i] : offsets[i + 1]] += block.T
    return H


def random_data(rng, dx, dy, m, *, tie=False, zero=False):
    """Data whose Sigma has the asked-for ties and zero eigenvalues: X (dx, m), Y (dy, m)."""
    X = rng.standard_normal((dx, m))
    basis = np.linalg.svd(X, full_matrices=False)[2]
    q = min(dy, basis.shape[0])
    values = np.sort(rng.uniform(0.5, 3.0, q))[::-1]
    if tie and q > 1:
        at = int(rng.integers(q - 1))
        values[at + 1] = values[at]
    if zero and q > 1:
        values[q - 1 :] = 0.0
    left = np.linalg.qr(rng.standard_normal((dy, dy)))[0][:, :q]
    right = np.linalg.qr(rng.standard_normal((basis.shape[0], basis.shape[0])))[0][:, :q]
    noise = rng.standard_normal((dy, m))
    noise -= noise @ basis.T @ basis
    return X, (left * values) @ right.T @ basis + noise


def eigen_system(X, Y):
    """Eigenvectors u_i of Sigma, singular values of T, P_ols and Y X^T on the row space of X."""
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    keep = s > 1e-12 * s[0]
    T = Y @ Vt[keep].T
    P_ols = (T / s[keep]) @ U[:, keep].T
    u, values, _ = np.linalg.svd(T)
    return u, values, P_ols, (T * s[keep]) @ U[:, keep].T


def well_conditioned(rng, n):
    """Random invertible matrix with singular values in [1/2, 2]."""
    return np.linalg.qr(rng.standard_normal((n, n)))[0] * rng.uniform(0.5, 2.0, n)


def random_tails(rng, widths, r, G, recipe):
    """Z_1..Z_N that keep the point critical: (Z_N..Z_{k+1})^T G (Z_{k-1}..Z_1)^T = 0 for all k and Z_N..Z_1 = 0."""
    N = len(widths) - 1
    rows = [w - r for w in widths[1:-1]] + [G.shape[0]]
    columns = [widths[0]] + [w - r for w in widths[1:-1]]
    tails = [rng.standard_normal((a, b)) for a, b in zip(rows, columns, strict=True)]
    dead = set(range(N)) if recipe == "zero" else set(rng.choice(N, 2, replace=False).tolist())
    if recipe == "inner":
        dead = {0, N - 1}
    elif recipe == "blind-first":
        tails[0] = tails[0] @ (np.eye(widths[0]) - np.linalg.pinv(G, rcond=1e-10) @ G)
        dead = {N - 1}
    elif recipe == "blind-last":
        tails[-1] = (np.eye(G.shape[0]) - G @ np.linalg.pinv(G, rcond=1e-10)) @ tails[-1]
        dead = {0}
    elif recipe == "low-rank":
        tails = [Z if min(Z.shape) < 2 else np.outer(Z[:, 0], Z[0]) for Z in tails]
    return [np.zeros_like(Z) if k in dead else Z for k, Z in enumerate(tails)]


def build(rng, widths, X, Y, *, eigen_set, recipe, scale=1.0):
    """W_1 = D_1 [U_S^T P_ols; Z_1], W_k = D_k diag(I, Z_k) D_{k-1}^-1, W_N = [U_S, U_Q Z_N] D_{N-1}^-1."""
    u, _, P_ols, C = eigen_system(X, Y)
    S = np.array(eigen_set, dtype=int)
    Q = np.setdiff1d(np.arange(u.shape[0]), S)
    r, N = len(S), len(widths) - 1
    Z = random_tails(rng, widths, r, u[:, Q].T @ C, recipe)
    D = [well_conditioned(rng, w) for w in widths[1:-1]]
    weights = [D[0] @ np.vstack([u[:, S].T @ P_ols, Z[0]])]
    for k in range(1, N - 1):
        inner = np.block([[np.eye(r), np.zeros((r, Z[k].shape[1]))], [np.zeros((Z[k].shape[0], r)), Z[k]]])
        weights.append(D[k] @ inner @ np.linalg.inv(D[k - 1]))
    weights.append(np.hstack([u[:, S], u[:, Q] @ Z[-1]]) @ np.linalg.inv(D[-1]))
    weights[0], weights[-1] = weights[0] * scale, weights[-1] / scale
    return weights


RECIPES = ("zero", "inner", "blind-first", "blind-last", "two-dead", "low-rank")


def random_point(rng, *, max_depth=6, max_dim=7):
    """Return a critical point of random depth, widths, data, eigen-set and tails."""
    N = int(rng.integers(2, max_depth + 1))
    widths = rng.integers(1, max_dim + 1, N + 1).tolist()
    m = int(rng.integers(2, 20))
    X, Y = random_data(rng, widths[0], widths[-1], m, tie=rng.random() < 0.2, zero=rng.random() < 0.2)
    return point_on(rng, widths, X, Y)


def point_on(rng, widths, X, Y):
    """Return a critical point of random eigen-set and tails on given data."""
    values = eigen_system(X, Y)[1]
    positive = [i for i, v in enumerate(values) if v > 1e-9]
    r = int(rng.integers(0, min(*widths, len(positive)) + 1))
    leading = rng.random() < 0.7
    eigen_set = tuple(positive[:r]) if leading else tuple(sorted(rng.choice(positive, r, replace=False).tolist()))
    recipe = str(rng.choice(RECIPES))
    scale = float(rng.choice([1.0, 1.0, 1e4, 1e-4]))
    return Point(build(rng, widths, X, Y, eigen_set=eigen_set, recipe=recipe, scale=scale), X, Y, eigen_set, recipe)


def true_type(point, *, relative=1e-9):
    """Return the type from the dense Hessian and the optimal loss, weights balanced so that eigenvalues compare."""
    weights = balanced(point.weights)
    values = eigen_system(point.X, point.Y)[1]
    rank_max = min([W.shape[0] for W in weights] + [point.X.shape[0]])
    left_out = 0.5 * (np.sum(values**2) - np.sum(values[list(point.eigen_set)] ** 2))
    if left_out - 0.5 * np.sum(values[rank_max:] ** 2) <= 1e-10 * np.sum(values**2):
        return "global-minimum"
    eigenvalues = np.linalg.eigvalsh(dense_hessian(weights, point.X, point.Y))
    return "strict-saddle" if eigenvalues[0] < -relative * eigenvalues[-1] else "bad-saddle"


def balanced(weights):
    """Rescale layers, product unchanged: equal spectral norms; norm 1 where the product is zero by a zero layer."""
    norms = [np.linalg.norm(W, 2) for W in weights]
    mean = 1.0 if min(norms) == 0.0 else np.exp(np.mean(np.log(norms)))
    return [W if n == 0.0 else W * (mean / n) for W, n in zip(weights, norms, strict=True)]
