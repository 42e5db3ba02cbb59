"""One pass over the data of a ReLU network: what needs every sample, and a seeded subsample for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossurf.nonlinear.relu.estimates import Estimate
from lossurf.nonlinear.relu.network import ReluNetwork
from lossurf.nonlinear.relu.path_statistics import mean_estimate, start_layer_activation
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class Survey:
    """Sums over all samples.

    Attributes
    ----------
    samples : int
        m.
    loss : float
        1/2 ||f - Y||_F^2.
    active : tuple of ndarray of int64, shapes (d_k,)
        On how many samples each hidden unit is active.
    rates : tuple of Estimate
        Share of active paths by start layer: of those from the input and b_1 first, the last (b_N's) exactly 1.
    subsample : ndarray, shape (n, dx)
        Inputs drawn without replacement, in the order of the data.
    """

    samples: int
    loss: float
    active: tuple[NDArray[np.int64], ...]
    rates: tuple[Estimate, ...]
    subsample: Matrix

    @property
    def start_rates(self) -> Matrix:
        """rho_0..rho_H as an array, shape (H + 1,)."""
        return np.array([rate.value for rate in self.rates])


def survey(
    network: ReluNetwork, blocks: Iterable[tuple[Matrix, Matrix]], limit: int, rng: np.random.Generator
) -> Survey:
    """Pass over blocks of samples once.

    Parameters
    ----------
    network : ReluNetwork
    blocks : iterable of (X, Y)
        Shapes (rows, dx) and (rows, dy); at least one sample together.
    limit : int
        Most rows of the subsample: all of them are kept if there are no more.
    rng : numpy.random.Generator
        The subsample depends on it and on the order of the samples, not on how they are cut into blocks.

    Returns
    -------
    Survey
    """
    starts = network.hidden_layers + 1
    active = [np.zeros(width, dtype=np.int64) for width in network.hidden_widths]
    sums, squares = np.zeros(starts), np.zeros(starts)
    loss, samples = 0.0, 0
    drawn = _Draw(limit, rng)
    for X, Y in blocks:
        outputs, masks = network.forward(X)
        active = [count + mask.sum(axis=0) for count, mask in zip(active, masks, strict=True)]
        activation = start_layer_activation(masks, X.shape[0])
        sums += activation.sum(axis=0)
        squares += (activation**2).sum(axis=0)
        loss += 0.5 * float(np.sum((outputs - Y) ** 2))
        samples += X.shape[0]
        drawn.add(X)
    rates = [mean_estimate(float(a), float(b), samples) for a, b in zip(sums, squares, strict=True)]
    return Survey(samples, loss, tuple(active), tuple(rates), drawn.rows())


class _Draw:
    """A uniform sample without replacement: the rows with the smallest random keys."""

    def __init__(self, limit: int, rng: np.random.Generator) -> None:
        self._limit, self._rng = limit, rng
        self._keys = np.zeros(0)
        self._kept: Matrix | None = None

    def add(self, X: Matrix) -> None:
        keys = np.concatenate([self._keys, self._rng.random(X.shape[0])])
        kept = X if self._kept is None else np.concatenate([self._kept, X])
        if keys.size > self._limit:
            chosen = np.sort(np.argpartition(keys, self._limit)[: self._limit])
            keys, kept = keys[chosen], kept[chosen]
        self._keys, self._kept = keys, kept.copy()  # the reader may reuse its block

    def rows(self) -> Matrix:
        assert self._kept is not None
        return self._kept
