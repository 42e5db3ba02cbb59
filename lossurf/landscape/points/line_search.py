"""The least loss along a line of networks, exactly: the loss is a polynomial in the step."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from lossurf.network import WhitenedNetwork
from lossurf.numerics import Matrix


def best_step(
    network: WhitenedNetwork, direction: Sequence[Matrix], more: Sequence[float] = (), longest: float = inf
) -> float:
    """Return the s at which L(W + s v) is least over all real s.

    Parameters
    ----------
    network : WhitenedNetwork
    direction : sequence of ndarray
        v, shapes of the layers.
    more : sequence of float
        Coefficients of a polynomial in s that the loss has beside, such as a penalty.
    longest : float
        No step beyond has a lower loss than 0 has: roots there are those of rounded coefficients.
    """
    P = _product_coefficients(network, direction)
    P[0] = P[0] - network.target
    # 1/2 ||sum_n s^n P_n||^2 has the coefficients 1/2 sum_{m+n=k} <P_m, P_n>
    loss = np.zeros(2 * len(P) - 1)
    for m, left in enumerate(P):
        for n, right in enumerate(P):
            loss[m + n] += 0.5 * float(np.sum(left * right))
    whole = np.polynomial.Polynomial(loss) + np.polynomial.Polynomial(more or [0.0])
    slope = whole.deriv()
    stationary = slope.roots()
    real = stationary.real[np.abs(stationary.imag) <= _NEARLY_REAL * np.abs(stationary)]
    real = real[np.abs(real) <= longest]
    values = whole(real)
    return float(real[int(np.argmin(values))]) if real.size else 0.0


_NEARLY_REAL = 1e-6  # a root's real part is tried as a step; the loss there is evaluated before it is believed


def _product_coefficients(network: WhitenedNetwork, direction: Sequence[Matrix]) -> list[Matrix]:
    """Coefficients of (W_N + s V_N) ... (W_1 + s V_1) by powers of s."""
    coefficients = [np.eye(network.target.shape[1])]
    for W, V in zip(network.layers, direction, strict=True):
        lower = [W @ C for C in coefficients]
        if not V.any():
            coefficients = lower
            continue
        upper = [V @ C for C in coefficients]
        coefficients = [lower[0], *(a + b for a, b in zip(lower[1:], upper[:-1], strict=True)), upper[-1]]
    return coefficients
