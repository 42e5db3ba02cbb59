"""The least eigenvalue of J J^T = sum_k G_k x K_k, which decides how fast gradient descent converges at a minimum.

G_k = A_k A_k^T and K_k = h_{k-1}^T h_{k-1} (+ o^T o with a bias) are positive semidefinite. For g_k and k_k at most
their least eigenvalues (G_k - g_k I) x (K_k - k_k I) is so too, hence

    sum_k G_k x K_k  >=  I x (sum_k g_k K_k) + (sum_k k_k G_k) x I - (sum_k g_k k_k) I,

whose least eigenvalue is that of a sum of two matrices of the orders of X and Y: certain, and reached at N = 2 always,
and at any depth where every G_k has its least eigenvalue in one direction, as at balanced minima. From above any vector
will do: a product u v^T, each of the two improved in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lossurf.landscape.ends import End
from lossurf.numerics import Matrix, rank_threshold

_SWEEPS: Final = 3  # what a fourth takes off the upper bound was below 1 % of it
_CLOSE: Final = 1e-2  # of the eigenvalue, from where on it needs no better vector


def least_eigenvalue(above: list[Matrix], beside: list[Matrix], rounded: float) -> End:
    """Enclose the least eigenvalue of sum_k G_k x K_k.

    Parameters
    ----------
    above, beside : list of ndarray
        G_k and K_k, positive semidefinite.
    rounded : float
        Bound of what they, and a product with a vector, are rounded by.

    Returns
    -------
    End
        Certain on both sides: `inner` above, `outer` below, which is 0 where no more than that is known.
    """
    g, k = [_least(G) for G in above], [_least(K) for K in beside]
    of_beside, v = _lowest(_weighted(g, beside))
    of_above, u = _lowest(_weighted(k, above))
    lower = of_beside + of_above - float(np.dot(g, k)) - rounded
    upper = _quotient(above, beside, u, v) + 2.0 * rounded
    for _ in range(_SWEEPS):
        if upper - lower <= _CLOSE * upper:
            break
        v = _lowest(_weighted([float(u @ G @ u) for G in above], beside))[1]
        u = _lowest(_weighted([float(v @ K @ v) for K in beside], above))[1]
        upper = min(upper, _quotient(above, beside, u, v) + 2.0 * rounded)
    return End(upper, max(min(lower, upper), 0.0), 0.0)


def _quotient(above: list[Matrix], beside: list[Matrix], u: Matrix, v: Matrix) -> float:
    """Rayleigh quotient of u v^T."""
    whole = sum(float(u @ (G @ u)) * float(v @ (K @ v)) for G, K in zip(above, beside, strict=True))
    return whole / (float(u @ u) * float(v @ v))


def _weighted(weights: Sequence[float], matrices: Sequence[Matrix]) -> Matrix:
    return np.asarray(sum(weight * matrix for weight, matrix in zip(weights, matrices, strict=True)))


def _least(matrix: Matrix) -> float:
    """Bound the least eigenvalue of a positive semidefinite matrix from below."""
    return max(_certain(np.asarray(np.linalg.eigvalsh(matrix))), 0.0)


def _lowest(matrix: Matrix) -> tuple[float, Matrix]:
    """Bound the least eigenvalue from below, and return its eigenvector."""
    values, vectors = np.linalg.eigh(matrix)
    return _certain(values), vectors[:, 0]


def _certain(values: Matrix) -> float:
    """Least of computed eigenvalues, less what LAPACK and a sum of a few matrices round.

    Measured at 0.1 n eps of the largest (Anderson et al. 1999, LAPACK Users' Guide, section 4.7).
    """
    return float(values[0]) - 8.0 * rank_threshold(float(np.max(np.abs(values))), values.size)
