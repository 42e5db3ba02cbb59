"""The spectral norm of a dense matrix to a per cent, of a large one by a few steps of an iteration."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.numerics import Matrix, rank_threshold

RELATIVE_ERROR: Final = 1e-2
"""Of `spectral_norm`, by the residual, whose square decides where the spectrum has gaps: a tenth of it is usual. Norms
only set thresholds, of which up to three are multiplied: far below any decision's factor of 3."""

_MODERATE: Final = 1e100  # a Frobenius norm whose square is far inside the range of float64
_DIRECT: Final = 96  # below this order LAPACK's SVD is as quick as the iteration
_STEPS: Final = 60  # four times what a flat spectrum, the slowest case, takes to reach that
_FIRST_CHECK: Final = 6
_CHECKED_EVERY: Final = 4


def spectral_norm(matrix: Matrix) -> float:
    """Largest singular value, to `RELATIVE_ERROR` and never above it; 0 for an empty matrix.

    Large matrices by Golub-Kahan bidiagonalisation from a fixed random start (Golub & Van Loan 2013, section 10.4),
    which squares nothing. The vectors are not orthogonalised again: what they lose they lose to directions that have
    converged, long after the norm has (Paige 1976). The residual of the triple is the error bound.
    """
    if not matrix.size:
        return 0.0
    if is_direct(*matrix.shape):
        return float(singular_values(matrix)[0])
    if _MODERATE**-2 < float(np.vdot(matrix, matrix)) < _MODERATE**2:
        return _bidiagonal_norm(matrix)
    scaled, exponent = unit_range(matrix)
    return float(np.ldexp(_bidiagonal_norm(scaled), exponent))


def is_direct(*orders: int) -> bool:
    """Whether LAPACK's SVD of a matrix of these orders is as quick as the iteration."""
    return min(orders) < _DIRECT


def unit_range(matrix: Matrix) -> tuple[Matrix, int]:
    """Scale by a power of two to entries of at most 1, so that squares stay in range."""
    exponent = int(np.frexp(np.max(np.abs(matrix)))[1])
    return np.ldexp(matrix, -exponent), exponent


def _bidiagonal_norm(A: Matrix) -> float:
    """Largest singular value of the upper bidiagonal B of A V = U B, of a norm whose square is in range.

    On matrices of this size numpy's own calls take most of the time: fewer of them, and the quicker ones.
    """
    v = start_vector(A.shape[1])
    u, alpha = _direction(A.dot(v))
    B = np.zeros((_STEPS + 1, _STEPS + 1))
    B[0, 0] = alpha
    for k in range(1, _STEPS + 1):
        w = A.T.dot(u)
        w -= alpha * v
        w, beta = _direction(w)
        exhausted = beta <= rank_threshold(alpha, max(A.shape))
        if exhausted or k == _STEPS or (k >= _FIRST_CHECK and (k - _FIRST_CHECK) % _CHECKED_EVERY == 0):
            # of B B^T, which is as good for the largest one and quicker than an SVD
            squares, left = np.linalg.eigh(B[:k, :k] @ B[:k, :k].T)
            largest = sqrt(float(squares[-1]))
            if exhausted or beta * abs(float(left[-1, -1])) <= RELATIVE_ERROR * largest:
                break
        v, z = w, A.dot(w)
        z -= beta * u
        u, alpha = _direction(z)
        B[k - 1, k], B[k, k] = beta, alpha
        if alpha <= rank_threshold(beta, max(A.shape)):  # the range is exhausted; the last column counts
            largest = float(singular_values(B[: k + 1, : k + 1])[0])
            break
    return largest


@lru_cache(maxsize=32)
def start_vector(n: int) -> Matrix:
    """Return a random unit vector, the same one for every iteration."""
    start = np.random.default_rng(0).standard_normal(n)
    return np.asarray(start / np.linalg.norm(start))


def _direction(vector: Matrix) -> tuple[Matrix, float]:
    """Make it a unit vector, unless it is zero, and return its length; entries are far from the ends of float64."""
    length = sqrt(vector.dot(vector))
    if length:
        vector /= length
    return vector, length
