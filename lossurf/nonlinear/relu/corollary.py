"""Corollary 3.2's random activations on a checkpoint's weights: their mean network and their variance.

The corollary's loss has the expectation over activations inside, 1/2 ||E[Yhat] - Y||^2, and is the linear network's.
The expected loss E 1/2 ||Yhat - Y||^2 is larger by half the total variance of Yhat. The network constant q of the paper
is 1 here: the checkpoint's outputs are compared as they are, so the mean network is rho P.
"""

from __future__ import annotations

import numpy as np

from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.numerics import Matrix


def unit_probabilities(start_rates: Matrix) -> Matrix:
    """Probabilities p_1..p_H of independent units that give paths from every start layer their measured rates.

    `start_rates` are rho_0 >= ..., of `start_layer_activation`, the last 1: p_k = rho_{k-1} / rho_k, at most 1
    because a path from an earlier layer needs one more unit.
    """
    p = np.divide(start_rates[:-1], start_rates[1:], out=np.zeros(start_rates.size - 1), where=start_rates[1:] > 0.0)
    return np.minimum(p, 1.0)  # a rounded quotient of equal rates may exceed it


def reduced_map(network: ReluNetwork, start_rates: Matrix) -> Matrix:
    """Return R, shape (dy, dx + 1): the linear network with every path weighted by its start layer's rate."""
    return np.asarray(np.tensordot(start_rates, network.start_layer_maps(), axes=1))


def path_variance(network: ReluNetwork, start_rates: Matrix, second_moment: Matrix) -> float:
    """Total variance of the outputs with independent paths, each active with its start layer's rate.

    Parameters
    ----------
    network : ReluNetwork
    start_rates : ndarray, shape (H + 1,)
    second_moment : ndarray, shape (dx + 1, dx + 1)
        Sum over samples of [x; 1] [x; 1]^T.

    Returns
    -------
    float
        Sum over start layers of rho (1 - rho) 1^T (W_N^2 ... W_s^2) (squared inputs or biases), squares entrywise.
    """
    square_sums = np.diag(second_moment)
    variances = start_rates * (1.0 - start_rates)
    total = 0.0
    carried = np.ones(network.weights[-1].shape[0])  # 1^T W_N^2 ... W_{k+1}^2
    for k in range(network.hidden_layers, -1, -1):
        bias = network.biases[k]
        if bias is not None:
            total += float(variances[k] * square_sums[-1] * (carried @ bias**2))
        carried = carried @ network.weights[k] ** 2
    return total + float(variances[0] * (carried @ square_sums[:-1]))


def unit_variance(network: ReluNetwork, start_rates: Matrix, second_moment: Matrix) -> float:
    """Total variance of the outputs with independent units of the probabilities of `unit_probabilities`.

    Parameters
    ----------
    network : ReluNetwork
    start_rates : ndarray, shape (H + 1,)
    second_moment : ndarray, shape (dx + 1, dx + 1)
        Sum over samples of [x; 1] [x; 1]^T.

    Returns
    -------
    float

    Notes
    -----
    S = E h h^T goes through a layer as p^2 W S W^T plus p (1 - p) diag(W S W^T), linear in S; so sums over samples go
    through together, and the mean network's second moment is taken off at the end. With a constant unit, always
    active, a bias is a column of its layer.
    """
    p = unit_probabilities(start_rates)
    random, mean = second_moment, second_moment
    W_out = _with_bias_column(network, network.hidden_layers)
    for k in range(network.hidden_layers):
        W = _homogeneous(network, k)
        keep = np.append(np.full(W.shape[0] - 1, p[k]), 1.0)
        before, mean_before = W @ random @ W.T, W @ mean @ W.T
        random = keep[:, None] * before * keep + np.diag(keep * (1.0 - keep) * np.diag(before))
        mean = keep[:, None] * mean_before * keep
    return max(float(np.sum((W_out @ (random - mean)) * W_out)), 0.0)


def _with_bias_column(network: ReluNetwork, k: int) -> Matrix:
    W, bias = network.weights[k], network.biases[k]
    return np.hstack([W, (np.zeros(W.shape[0]) if bias is None else bias)[:, None]])


def _homogeneous(network: ReluNetwork, k: int) -> Matrix:
    W = _with_bias_column(network, k)
    return np.vstack([W, np.eye(1, W.shape[1], W.shape[1] - 1)])
