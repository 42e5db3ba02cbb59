"""Whether a global minimum lies beside weights that are not at L* to rounding: it is built, and the way measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossurf.certificates.claim import Claim
from lossurf.certificates.nearest import FARTHEST
from lossurf.decompositions import pseudo_inverse, svd
from lossurf.numerics import Matrix

_ROUNDS = 5
"""Each squares what is left, relative to the move: 1e-7 of a layer, the most there is, is rounding after two. Where the
shortest solutions pass through small singular values of the other layers it takes a few more."""


def minimum_beside(claim: Claim, rounding: float) -> bool:
    """Whether moving every layer by no more than a nearest point may be away reaches L* to rounding.

    Parameters
    ----------
    claim : Claim
    rounding : float
        Of L - L*, in units of loss.

    Notes
    -----
    The best product of rank rank_max is the truncated SVD of T. What P misses of it the k-th layer makes up with
    A_k^+ (best - P) B_{k-1}^+, the shortest solution of least squares in W_k. Every layer takes the share that it takes
    with the least relative change; further rounds make up for what the moves do together.
    A singular value of T as small as what a layer may be moved by is beyond the layers' precision; its half square may
    be left.
    """
    layers, total = [W.copy() for W in claim.network.layers], [0.0 * W for W in claim.network.layers]
    best = _truncated(claim.network.T, claim.rank_max)
    for _ in range(_ROUNDS):
        missing = best - _product(layers)
        moves = [_move(layers, k, missing) for k in range(len(layers))]
        costs = np.array([_relative(claim, k, move) for k, move in enumerate(moves)])
        shares = np.divide(1.0, costs, out=np.zeros_like(costs), where=costs > 0.0)
        if not shares.any() or not np.isfinite(shares).all():
            break
        for k, (move, share) in enumerate(zip(moves, shares / np.sum(shares), strict=True)):
            layers[k], total[k] = layers[k] + share * move, total[k] + share * move
    farthest = max(_relative(claim, k, move) for k, move in enumerate(total))
    E = _product(layers) - claim.network.T
    loss = 0.5 * claim.scale**2 * (float(np.sum(E**2)) + claim.mean_norm**2)
    rise = (loss - 0.5 * float(np.sum(claim.s[claim.rank_max :] ** 2))) / claim.unit
    hidden = 0.5 * (FARTHEST * claim.tau * claim.scale) ** 2 / claim.unit
    return farthest <= FARTHEST * claim.tau and rise <= rounding + hidden


def _product(layers: Sequence[Matrix]) -> Matrix:
    product = layers[0]
    for W in layers[1:]:
        product = W @ product
    return np.asarray(product)


def _move(layers: Sequence[Matrix], k: int, missing: Matrix) -> Matrix:
    above = _product([np.eye(len(layers[k])), *layers[k + 1 :]])
    below = _product([np.eye(layers[0].shape[1]), *layers[:k]])
    return np.asarray(pseudo_inverse(above) @ missing @ pseudo_inverse(below))


def _relative(claim: Claim, k: int, move: Matrix) -> float:
    """Size of a move beside its layer, as a verdict measures it: as stored, or as far as its rounding may reach.

    Of the first layer that is in the coordinates it is stored in, without R11, or beside what R11 leaves of it.
    """
    before = claim.network.layers[k]
    size, moved = float(np.linalg.norm(before)), float(np.linalg.norm(move))
    if not size:
        return np.inf
    reached = moved / claim.network.sizes[k]
    if k == 0:
        stretch = float(np.linalg.norm(claim.weights[0] @ claim.R11.T)) / size
        moved = stretch * float(np.linalg.norm(np.linalg.lstsq(claim.R11, move.T, rcond=None)[0]))
        size = float(np.linalg.norm(claim.weights[0]))
    return min(moved / size, reached)


def _truncated(matrix: Matrix, rank: int) -> Matrix:
    left, s, right = svd(matrix, full_matrices=False)
    return np.asarray((left[:, :rank] * s[:rank]) @ right[:rank])
