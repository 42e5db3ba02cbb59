"""The largest eigenvalue of J J^T = sum_k G_k x K_k where one direction has it in every layer, without iterations.

With G_k = A_k A_k^T <= g_k I, J J^T is at most I x sum_k g_k K_k, a matrix of the order of the samples, and at least
what any product u v^T makes of it. Both are the same where every G_k has its largest eigenvalue in one direction u, as
at balanced layers, where G_k = (W_N W_N^T)^{N - k}, whatever X is: training from small layers comes near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossurf.landscape.ends import End
from lossurf.landscape.norms import eigenvalue_bound, top_of
from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class TopDirection:
    """A change of the output u v^T, and what is between its Rayleigh quotient and an upper bound.

    Attributes
    ----------
    change : ndarray
        u v^T, flat, of norm 1.
    quotient : float
        Of J J^T / 2^exponent, to rounding.
    expected : float
        What an upper bound would be, nearly.
    tops : list of float
        Nearly the largest eigenvalues of G_k.
    """

    change: Matrix
    quotient: float
    expected: float
    tops: list[float]

    def end(self, above: list[Matrix], beside: list[Matrix], rounded: float) -> End:
        """Enclose the largest eigenvalue, with certainty, where the terms are rounded by that much in all."""
        bounds = [eigenvalue_bound(G, top) for G, top in zip(above[:-1], self.tops, strict=False)]
        total = _sum([*bounds, 1.0], beside)
        outer = eigenvalue_bound(total, self.expected) * (1.0 + (len(beside) + 2) * EPS) + rounded
        return End(self.quotient - 2.0 * rounded, outer, 0.0)


def top_direction(above: list[Matrix], beside: list[Matrix]) -> TopDirection:
    """Look for the product that sum_k G_k x K_k makes most of: v of sum_k g_k K_k, and u of what that leaves.

    Parameters
    ----------
    above, beside : list of ndarray
        G_k, the last one the identity, and K_k.
    """
    tops = [*(top_of(G)[0] for G in above[:-1]), 1.0]
    expected, v = top_of(_sum(tops, beside))
    weights = [float(v @ (K @ v)) for K in beside]
    u = top_of(_sum(weights, above))[1]
    quotient = sum(weight * float(u @ (G @ u)) for weight, G in zip(weights, above, strict=True))
    return TopDirection(np.outer(u, v).ravel(), quotient, expected, tops)


def _sum(weights: list[float], matrices: list[Matrix]) -> Matrix:
    return np.asarray(sum(weight * matrix for weight, matrix in zip(weights, matrices, strict=True)))
