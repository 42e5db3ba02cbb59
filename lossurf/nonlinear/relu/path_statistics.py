"""Exact statistics over all paths of a ReLU network from the activations of its units; no path is enumerated.

A path takes one unit of every hidden layer and is active on a sample when all of them are. Kawaguchi 2016, assumption
A1p-m: every path is active with the same probability rho.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lossurf.nonlinear.relu.estimates import LEAST_SAMPLES, NORMAL_QUANTILE, UNDEFINED, Estimate
from lossurf.nonlinear.relu.network import Masks
from lossurf.numerics import Matrix


def start_layer_activation(masks: Masks, samples: int) -> Matrix:
    """Return the share of active paths on each sample, by the layer where they start, shape (samples, H + 1).

    Column s is prod_{k > s} mean_u A_k[u, i]: column 0 for paths from the input (and from b_1), column s for those
    from b_{s+1}; the last column, for b_N, is 1.
    """
    shares = np.ones((samples, len(masks) + 1))
    for s in range(len(masks) - 1, -1, -1):
        shares[:, s] = shares[:, s + 1] * masks[s].mean(axis=1)
    return shares


def mean_estimate(total: float, total_of_squares: float, samples: int) -> Estimate:
    """Return a mean with its standard-error interval from running sums, for a share in [0, 1]."""
    mean = total / samples
    if samples < 2:
        return Estimate(mean, None)
    variance = max(total_of_squares / samples - mean**2, 0.0) * samples / (samples - 1)
    half = NORMAL_QUANTILE * float(np.sqrt(variance / samples))
    return Estimate(mean, (max(mean - half, 0.0), min(mean + half, 1.0)))


def path_dispersion(masks: Masks, activation: Matrix) -> Estimate:
    """Coefficient of variation, over paths, of the probability that a path is active.

    Parameters
    ----------
    masks : tuple of ndarray of bool, shapes (m, d_k)
    activation : ndarray, shape (m,)
        Share of active paths on each sample.

    Returns
    -------
    Estimate
        sd / mean over all paths: 0 where every path is equally likely. Undefined where no path is ever active on two
        samples or m < 3; without interval below `LEAST_SAMPLES`.

    Notes
    -----
    With C_ii' = prod_k (A_k A_k^T)_ii' / d_k, the share of paths active on both samples, the mean over paths of the
    squared probability is estimated without bias by the mean of C over i != i', so
    CV^2 = sum_{i != i'} C_ii' / sum_{i != i'} a_i a_i' - 1. The interval is the jackknife's over samples, on CV^2.
    """
    m = activation.size
    both = jointly_active_share(masks, m)
    np.fill_diagonal(both, 0.0)
    rows_both = both.sum(axis=1)
    rows_mean = activation * (activation.sum() - activation)
    if m < 3 or rows_mean.sum() <= 0.0:
        return UNDEFINED
    theta = _excess(rows_both.sum(), rows_mean.sum())
    left_both = rows_both.sum() - 2.0 * rows_both  # without sample i, both as row and as column
    left_mean = rows_mean.sum() - 2.0 * rows_mean
    if m < LEAST_SAMPLES or np.any(left_mean <= 0.0):
        return Estimate(_root(theta), None)
    replicates = left_both / left_mean - 1.0
    error = float(np.sqrt((m - 1) / m * np.sum((replicates - replicates.mean()) ** 2)))
    half = NORMAL_QUANTILE * error
    return Estimate(_root(theta), (_root(theta - half), _root(theta + half)))


def jointly_active_share(masks: Masks, samples: int) -> Matrix:
    """Return C, shape (m, m): the share of all paths that are active on both samples."""
    both = np.ones((samples, samples))
    for mask in masks:
        active = mask.astype(np.float64)
        both *= (active @ active.T) / mask.shape[1]
    return both


def unit_rates(active_counts: NDArray[np.int64], samples: int) -> Matrix:
    """Return the share of samples on which each unit is active."""
    return np.asarray(active_counts / samples, dtype=np.float64)


def _excess(numerator: float, denominator: float) -> float:
    return float(numerator / denominator - 1.0)


def _root(theta: float) -> float:
    return float(np.sqrt(max(theta, 0.0)))
