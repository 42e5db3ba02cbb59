"""Critical points of networks some of whose layers are frozen, and the dense Hessian over the others.

The Hessian is that of all layers (`critical_points.dense_hessian`) cut to the trained ones: it knows nothing of what
frozen layers make of the data. Nothing here uses lossurf.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from critical_points import balanced, chain, dense_hessian, point_on, random_data


@dataclass(frozen=True)
class FrozenPoint:
    """Layers as stored, which of them are frozen, and the data: X (dx, m), Y (dy, m)."""

    weights: list
    held: list
    X: np.ndarray
    Y: np.ndarray

    @property
    def names(self):
        return tuple(f"W{k}" for k, held in enumerate(self.held, 1) if held)


def trained_hessian(point):
    """Second derivative of the loss in the entries of the trained layers, which are balanced first: signs stay."""
    layers = iter(balanced([W for W, held in zip(point.weights, point.held, strict=True) if not held]))
    weights = [W if held else next(layers) for W, held in zip(point.weights, point.held, strict=True)]
    trained = np.concatenate([np.full(W.size, not held) for W, held in zip(point.weights, point.held, strict=True)])
    return dense_hessian(weights, point.X, point.Y)[np.ix_(trained, trained)]


def frozen_matrix(rng, rows, columns, *, rank=None, condition=2.0):
    """Random matrix of a rank, with singular values from 1 down to 1 / condition."""
    rank = min(rows, columns) if rank is None else min(rank, rows, columns)
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0][:, :rank] for n in (rows, columns))
    return (left * np.geomspace(1.0, 1.0 / condition, rank)) @ right.T


def frozen_run(rng, widths, deficient, condition):
    """Frozen layers in a row whose product has norm 1, and a condition that a dense Hessian can bear."""
    while True:
        pairs = list(pairwise(widths))
        ranks = [max(1, min(pair) - deficient) for pair in pairs]
        layers = [
            frozen_matrix(rng, b, a, rank=rank, condition=condition) for (a, b), rank in zip(pairs, ranks, strict=True)
        ]
        s = np.linalg.svd(chain(layers, widths[0]), compute_uv=False)
        if s[0] > 1e-6 and s[s > 1e-12 * s[0]][-1] > s[0] / (10.0 * condition ** len(layers)):
            return [layers[0] / s[0], *layers[1:]]


def thin(A):
    u, s, vt = np.linalg.svd(A, full_matrices=False)
    rank = int(np.sum(s > 1e-12 * s[0]))
    return u[:, :rank], s[:rank], vt[:rank]


def blocks(held):
    """First and last place of every run of frozen layers."""
    starts = [k for k, frozen in enumerate(held) if frozen and (k == 0 or not held[k - 1])]
    return [(a, next((k for k in range(a, len(held)) if not held[k]), len(held))) for a in starts]


def frozen_point(rng, held, widths, *, deficient=False, condition=2.0, noise=1.0, centred=False, mean=None):
    """Return a critical point: one of the network that is left, lifted through the frozen layers by pseudo-inverses."""
    N = len(held)
    weights = [None] * N
    for a, b in blocks(held):
        weights[a:b] = frozen_run(rng, widths[a : b + 1], deficient, condition)
    X, Y = random_data(rng, widths[0], widths[-1], int(rng.integers(widths[0] + 2, 20)))
    if centred:
        X, Y = (array - array.mean(axis=1, keepdims=True) for array in (X, Y))
    X = X if mean is None else X + mean
    seen_X, seen_Y = X, Y
    above, below = [None] * N, [None] * N  # what a trained layer is multiplied by
    for a, b in blocks(held):
        product = chain(weights[a:b], widths[a])
        u, s, vt = thin(product)
        if a == 0:
            seen_X = product @ X
            continue
        above[a - 1] = s[:, None] * vt if b == N else vt
        if b == N:
            seen_Y = u.T @ Y
        else:
            below[b] = u * s
    trained = [k for k in range(N) if not held[k]]
    seen = [seen_X.shape[0]]
    seen += [widths[k + 1] if above[k] is None else len(above[k]) for k in trained]
    # a frozen block joins what is above and below it, so the width between is its rank
    found = point_on(rng, seen, seen_X, seen_Y).weights if len(trained) > 1 else [least_squares(seen_X, seen_Y)]
    # balanced, so that eigenvalues compare; a layer that is rounding of a zero would be blown up by it
    lifted = balanced([W if np.linalg.norm(W) > 1e-10 else np.zeros_like(W) for W in found])
    for k, W in zip(trained, lifted, strict=True):
        free = rng.standard_normal((widths[k + 1], widths[k])) * (noise if np.any(W) else 0.0)  # a zero stays exact
        inner = W
        if above[k] is not None:
            inner = np.linalg.pinv(above[k]) @ inner
        if below[k] is not None:
            inner = inner @ np.linalg.pinv(below[k])
        free -= projected(free, above[k], below[k])
        weights[k] = inner + free
    return FrozenPoint(weights, list(held), X, Y)


def projected(W, above, below):
    """The part of W that is seen."""
    if above is not None:
        W = np.linalg.pinv(above) @ (above @ W)
    if below is not None:
        W = (W @ below) @ np.linalg.pinv(below)
    return W


def least_squares(X, Y):
    return np.linalg.lstsq(X.T, Y.T, rcond=None)[0].T


def least_loss(point):
    """The least loss over the trained layers, by the formula for max rank k of A P B X near Y.

    Friedland & Torokhti 2007: min ||Y - A Q B||, rank Q <= k, is at A^+ (P_A Y P_B)_k B^+. Here A and B are the frozen
    last and first layers, and k the least width or rank between.
    """
    trained = [k for k, held in enumerate(point.held) if not held]
    first, last = trained[0], trained[-1] + 1
    B = chain(point.weights[:first], point.X.shape[0]) @ point.X
    A = chain(point.weights[last:], point.weights[last - 1].shape[0])
    rank = min(W.shape[0] for W in point.weights[first : last - 1]) if last - first > 1 else min(A.shape[1], B.shape[0])
    for a, b in blocks(point.held):
        if first < a and b < last:
            rank = min(rank, np.linalg.matrix_rank(chain(point.weights[a:b], point.weights[a].shape[1]), tol=1e-12))
    u, s, vt = np.linalg.svd((thin(A)[0] @ thin(A)[0].T) @ point.Y @ np.linalg.pinv(B, rcond=1e-12) @ B)
    kept = (u[:, : len(s)] * np.where(np.arange(len(s)) < rank, s, 0.0)) @ vt[: len(s)]
    return 0.5 * np.sum((point.Y - kept) ** 2)
