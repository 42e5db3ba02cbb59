"""The Hessian's blocks as Kawaguchi 2016, Lemma 4.3 writes them, against derivatives of the gradient."""

from __future__ import annotations

from math import prod

import numpy as np

from lossurf.network import WhitenedNetwork
from lossurf.numerics import Matrix, rank_threshold
from lossurf.spectral import spectral_norm


def block_disagreement(network: WhitenedNetwork, seed: int = 0) -> tuple[float, float]:
    """Compare the blocks of Lemma 4.3 with the gradient's derivative along random directions.

    Parameters
    ----------
    network : WhitenedNetwork
    seed : int
        Of the directions, one for each layer.

    Returns
    -------
    residual : float
        Largest difference of a block's image, relative to the norms of the layers multiplied.
    threshold : float
        Rounding of the products involved.

    Notes
    -----
    The derivative is that of the back-propagation itself, step by step: it shares no formula with the blocks.
    """
    rng = np.random.default_rng(seed)
    worst = 0.0
    for k, W in enumerate(network.layers, start=1):
        V = rng.standard_normal(W.shape)
        V /= np.linalg.norm(V) or 1.0
        derivative = _gradient_derivative(network, k, V)
        worst = max(worst, _relative(diagonal_block(network, k, V) - derivative[k - 1], _diagonal_size(network, k)))
        if k > 1:
            worst = max(worst, _relative(first_layer_block(network, k, V) - derivative[0], _mixed_size(network, k)))
    return worst, float(rank_threshold(1.0, sum(W.shape[0] + W.shape[1] for W in network.layers)))


def diagonal_block(network: WhitenedNetwork, k: int, V: Matrix) -> Matrix:
    """(A_k^T A_k kron B_{k-1} B_{k-1}^T) applied to V_k: the change of dL/dW_k, shape of W_k."""
    A, B = network.above(k), network.below(k - 1)
    return A.T @ (A @ V @ B) @ B.T


def first_layer_block(network: WhitenedNetwork, k: int, V: Matrix) -> Matrix:
    """(C^T A_k kron (B_{k-1} X)^T) plus the residual's term, applied to V_k: the change of dL/dW_1, shape of W_1."""
    A, B, C = network.above(k), network.below(k - 1), network.above(1)
    inner = network.partial_product(k, 1)
    return C.T @ (A @ V @ B) + inner.T @ (V.T @ (A.T @ network.residual))


def _gradient_derivative(network: WhitenedNetwork, k: int, V: Matrix) -> list[Matrix]:
    """Differentiate the gradient along V_k: each step of its computation, then the step's derivative."""
    below, below_rate = [np.eye(network.target.shape[1])], [np.zeros((network.target.shape[1],) * 2)]
    for j, W in enumerate(network.layers, start=1):
        below_rate.append(W @ below_rate[-1] + (V @ below[-1] if j == k else 0.0))
        below.append(W @ below[-1])
    back, back_rate = below.pop() - network.target, below_rate.pop()
    rates = []
    for j in range(network.depth, 0, -1):
        W = network.layers[j - 1]
        rates.append(back_rate @ below[j - 1].T + back @ below_rate[j - 1].T)
        back, back_rate = W.T @ back, W.T @ back_rate + (V.T @ back if j == k else 0.0)
    return rates[::-1]


def _relative(difference: Matrix, size: float) -> float:
    largest = spectral_norm(difference)
    if size == 0.0:
        return 0.0 if largest == 0.0 else np.inf
    return largest / size


def _bound(network: WhitenedNetwork, i: int, j: int) -> float:
    """||W_{i-1}|| ... ||W_{j+1}||: rounding in a product is relative to this, not to the norm of the product."""
    return prod(spectral_norm(W) for W in network.layers[j : i - 1])


def _diagonal_size(network: WhitenedNetwork, k: int) -> float:
    return (_bound(network, network.depth + 1, k) * _bound(network, k, 0)) ** 2


def _mixed_size(network: WhitenedNetwork, k: int) -> float:
    top = network.depth + 1
    residual = _bound(network, top, 0) + spectral_norm(network.target)
    return _bound(network, top, k) * (
        _bound(network, top, 1) * _bound(network, k, 0) + _bound(network, k, 1) * residual
    )
