"""How far the layers of a network are from those of its signal alone, and what that leaves of their products."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.signal import Signal
from lossurf.network import Layers
from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class Beyond:
    """A signal's layers, and bounds of what is beyond their rank in the products of the network's own layers.

    Attributes
    ----------
    signal : Signal
    layers : tuple of ndarray
        W'_1..W'_N of the signal.
    bounds : ndarray, shape (N + 2, N + 1)
        Of the singular value of M_ij after as many as the signal has, at [i, j]; infinite of the identity.
    """

    signal: Signal
    layers: Layers
    bounds: Matrix


def beyond_signal(sensitivity: Sensitivity, signal: Signal) -> Beyond:
    """Hold a network against its signal.

    Notes
    -----
    A product of layers of rank r has no singular value after the r-th, so that those of M_ij are at most
    ||M_ij - M'_ij|| (Weyl). As computed, r columns times r rows are off a matrix of rank r by errors of
    sqrt(r) eps ||columns||_F ||rows||_F in the Frobenius norm (Higham & Mary 2019), of which independent ones have
    2 / sqrt(n) in the spectral norm, r <= n. A product of no layer is the identity, of which nothing is said.
    """
    factors = signal.own_factors
    layers = tuple(np.asarray(left @ right) for left, right in factors)
    own = sensitivity.network.layers
    distances = np.array([np.linalg.norm(W - part) for W, part in zip(own, layers, strict=True)])
    sizes = np.array([np.linalg.norm(left) * np.linalg.norm(right) for left, right in factors])
    bounds = sensitivity.departures(distances + 2.0 * EPS * sizes)
    at = np.arange(len(own) + 1)
    bounds[at + 1, at] = inf
    return Beyond(signal, layers, bounds)
