"""How far a ReLU network is from the linear one that Corollary 3.2 puts in its place, and which assumption costs it.

On sample i the network is J_i [x_i; 1]. Averaging the maps (activations independent of inputs, A5u-m) leaves
Jbar [x_i; 1]; giving all paths one probability (A1p-m) leaves R [x_i; 1] with R = rho P, P the product of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.nonlinear.relu.estimates import LEAST_SAMPLES, UNDEFINED, Estimate, percentile_estimate
from lossurf.nonlinear.relu.network import Masks, ReluNetwork, with_constant
from lossurf.numerics import Matrix, rank_threshold

RESAMPLES: Final = 1000
"""Bootstrap resamples: enough for the 2.5 % points of a percentile interval (Efron & Tibshirani 1993, section 13)."""

_CHUNK: Final = 50  # resamples whose averaged maps are in memory together


@dataclass(frozen=True)
class Decomposition:
    """The three distances, each relative to the norm of the outputs ||f||_F.

    Attributes
    ----------
    delta1 : Estimate
        ||(Jbar - R) X|| / ||f||, what unequal path probabilities cost (A1p-m).
    delta5 : Estimate
        (m / (m - 1)) ||f - Jbar X|| / ||f||, what the dependence of activations on inputs and their spread cost
        (A5u-m); the factor takes each sample out of the average it is compared with.
    eta : Estimate
        ||f - R X|| / ||f||, the whole reduction.
    """

    delta1: Estimate
    delta5: Estimate
    eta: Estimate


def decompose(
    network: ReluNetwork, X: Matrix, masks: Masks, activation: Matrix, rng: np.random.Generator
) -> Decomposition:
    """Measure the decomposition with bootstrap intervals over samples.

    Parameters
    ----------
    network : ReluNetwork
    X : ndarray, shape (m, dx)
    masks : tuple of ndarray of bool, shapes (m, d_k)
        The activations on X.
    activation : ndarray, shape (m, H + 1)
        Of `start_layer_activation`.
    rng : numpy.random.Generator

    Returns
    -------
    Decomposition
        Undefined where every output is zero or m < 2; without intervals below `LEAST_SAMPLES`.
    """
    m = X.shape[0]
    outputs = network.masked_forward(X, masks)
    size = float(np.max(np.abs(outputs), initial=0.0))
    if size == 0.0 or m < 2:
        return Decomposition(UNDEFINED, UNDEFINED, UNDEFINED)
    maps = np.broadcast_to(network.masked_maps(masks), (m, outputs.shape[1], X.shape[1] + 1)).reshape(m, -1) / size
    starts = network.start_layer_maps().reshape(activation.shape[1], -1) / size
    sample = _Sample(with_constant(X), outputs / size, maps, activation, starts)
    value = sample.distances(np.ones((1, m)))[0]
    if m < LEAST_SAMPLES:
        return Decomposition(*(Estimate(float(distance), None) for distance in value))
    resampled = np.concatenate([sample.distances(counts) for counts in _bootstrap_counts(m, rng)])
    return Decomposition(*(percentile_estimate(value[k], resampled[:, k]) for k in range(3)))


def _bootstrap_counts(m: int, rng: np.random.Generator) -> list[Matrix]:
    counts = rng.multinomial(m, np.full(m, 1.0 / m), size=RESAMPLES).astype(np.float64)
    return [counts[start : start + _CHUNK] for start in range(0, RESAMPLES, _CHUNK)]


@dataclass(frozen=True)
class _Sample:
    X: Matrix  # (m, dx + 1), the last column ones
    outputs: Matrix  # (m, dy)
    maps: Matrix  # (m, dy (dx + 1))
    activation: Matrix  # (m, H + 1)
    start_layer_maps: Matrix  # (H + 1, dy (dx + 1))

    def distances(self, counts: Matrix) -> Matrix:
        """Return (delta1, delta5, eta) for each row of sample multiplicities, shape (resamples, 3)."""
        m = self.X.shape[0]
        averaged = self._apply(counts @ self.maps / m)
        linear = self._apply(counts @ self.activation @ self.start_layer_maps / m)
        # all copies of a resampled sample leave the average together: m / (m - count) is m / (m - 1) for one copy
        without_itself = m / np.maximum(m - counts, 1.0)
        squares = np.stack(
            [
                _row_squares(averaged - linear) * counts,
                _row_squares(self.outputs - averaged) * counts * without_itself**2,
                _row_squares(self.outputs - linear) * counts,
            ]
        ).sum(axis=2)
        outputs = counts @ _row_squares(self.outputs)
        shares = np.divide(squares, outputs, out=np.full(squares.shape, np.nan), where=outputs > 0.0)
        distances = np.sqrt(shares).T
        distances[distances <= rank_threshold(1.0, m)] = 0.0  # rounding of the sums over samples
        return np.asarray(distances)

    def _apply(self, maps: Matrix) -> Matrix:
        """Return the outputs of flattened affine maps on every sample, shape (maps, m, dy), in one matrix product."""
        m, dy = self.outputs.shape
        stacked = maps.reshape(-1, self.X.shape[1]) @ self.X.T
        return stacked.reshape(-1, dy, m).transpose(0, 2, 1)


def _row_squares(rows: Matrix) -> Matrix:
    """Return the squared norms along the last axis."""
    return np.asarray(np.einsum("...j,...j->...", rows, rows))
