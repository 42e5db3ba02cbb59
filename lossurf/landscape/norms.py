"""Bounds of spectral norms, singular values of many matrices at once, and leading singular vectors."""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.numerics import EPS, Matrix
from lossurf.spectral import is_direct, start_vector, unit_range

_SMALL: Final = 48  # below this order LAPACK's SVD costs no more than a handful of products
_MODERATE: Final = 1e20  # a Frobenius norm whose powers of eight are far inside the range of float64
_RELATIVE_ERROR: Final = 3e-2  # of the largest singular value, by the residual: the vectors carry it to some 2 %
_STEPS: Final = 60  # four times what a flat spectrum, the slowest case, takes to reach that
_CHECKED_EVERY: Final = 5
_TRIED: Final = (1.001, 1.003, 1.01, 1.03, 1.1, 1.3)  # times what powers give, as bounds of an eigenvalue
_DOUBLINGS: Final = 4  # of the power: then a value of a flat spectrum is half a per cent below the largest
_POWERS: Final = 8
_LARGE: Final = 256  # order from which products with a vector cost nothing beside those of matrices:
_MORE: Final = 32  # then so many powers leave a third of that


def singular_values_of_each(matrices: Matrix) -> Matrix:
    """Singular values of matrices (n, a, b) of one shape, shape (n, min(a, b)), descending, by one call of LAPACK."""
    count, *shape = matrices.shape
    if not matrices.size:
        return np.zeros((count, min(shape)))
    try:
        return np.asarray(np.linalg.svd(matrices, compute_uv=False))
    except np.linalg.LinAlgError:  # of one of them
        return np.array([singular_values(matrix) for matrix in matrices])


def norm_bound(matrix: Matrix) -> float:
    """Return a number surely not below the largest singular value, and at most n^{1/8} times it.

    ||A||_2^8 = ||(A^T A)^2||_2^2 <= ||(A^T A)^2||_F^2: two products, where an iteration gives no upper bound at all.
    What they round is (n eps)^{1/4} at most, of a value of rounding size. Of small matrices the singular value itself.
    """
    if not matrix.size:
        return 0.0
    if min(matrix.shape) < _SMALL:
        return float(singular_values(matrix)[0]) * (1.0 + sum(matrix.shape) * EPS)
    square = float(np.vdot(matrix, matrix))
    if _MODERATE**-2 < square < _MODERATE**2:
        return _squared_twice(matrix, square)
    scaled, exponent = unit_range(matrix)
    return float(np.ldexp(_squared_twice(scaled, float(np.vdot(scaled, scaled))), exponent))


def tight_norm_bound(matrix: Matrix) -> float:
    """Return a number surely not below the largest singular value, and where it can at most 1 % above it."""
    if not matrix.size or min(matrix.shape) < _SMALL:
        return norm_bound(matrix)
    scaled, exponent = unit_range(matrix)
    scaled = scaled if scaled.shape[0] < scaled.shape[1] else scaled.T
    square = scaled @ scaled.T
    rounded = (sum(matrix.shape) + 8) * EPS * float(np.sum(scaled * scaled))
    found = eigenvalue_bound(square, top_of(square)[0]) + rounded
    return float(np.ldexp(np.sqrt(found), exponent)) if found < inf else norm_bound(matrix)


def eigenvalue_bound(matrix: Matrix, guess: float) -> float:
    """Return a number surely not below the largest eigenvalue of a semidefinite matrix; inf where none is found.

    A Cholesky factor of t I - A exists only where t is above it, but for (n + 1) eps n t (Higham 2002, Theorem 10.3).

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    guess : float
        A value that is hardly below it (`top_of`).
    """
    if not guess > 0.0:
        return 0.0 if not np.any(matrix) else inf
    for above in _TRIED:
        tried = above * guess
        below = -matrix
        below.flat[:: len(below) + 1] += tried
        try:
            np.linalg.cholesky(below)
        except np.linalg.LinAlgError:
            continue
        return tried * (1.0 + (len(matrix) + 2) * len(matrix) * EPS)
    return inf


def top_of(matrix: Matrix) -> tuple[float, Matrix]:
    """Return a vector near the top eigenvector of a positive semidefinite matrix, and its Rayleigh quotient."""
    trace = float(np.trace(matrix))
    if not trace > 0.0:
        return 0.0, np.eye(len(matrix))[0]
    power = matrix / trace  # whose norm is at least 1 / n: what sixteen powers leave of that is in range
    for _ in range(_DOUBLINGS):
        power = power @ power
    power /= np.linalg.norm(power)
    x = power[:, np.argmax(power.diagonal())]
    for _ in range(_POWERS if len(power) < _LARGE else _MORE):
        x = power @ x
    x /= np.linalg.norm(x)
    return float(x @ (matrix @ x)), x


def _squared_twice(A: Matrix, square: float) -> float:
    """Bound ||A||_2 by sqrt(||S||_2), S = A A^T, ||S||_2 by sqrt(||S S^T||_F), and what either product rounds.

    At most n eps times the square of the factor's Frobenius norm (Higham 2002, section 3.5).
    """
    A = A if A.shape[0] < A.shape[1] else A.T
    S = A @ A.T
    of_square = float(np.vdot(S, S))
    R = S @ S.T
    sums = 1.0 + A.size * EPS
    bound = sqrt(float(np.vdot(R, R))) + (len(S) + 4) * EPS * of_square
    return sums * sqrt(sqrt(bound) + (A.shape[1] + 4) * EPS * square)


def top_singular_pairs(matrix: Matrix, count: int) -> tuple[Matrix, Matrix]:
    """Left and right singular vectors, as rows, of the largest singular values: shapes (<= count, m) and (<= count, n).

    Of large matrices by Lanczos on A^T A with full reorthogonalisation (Golub & Van Loan 2013, section 10.1), the best
    approximations from the Krylov space in which the largest is found; left vectors are in the range of the matrix to
    rounding.
    """
    if is_direct(*matrix.shape):
        left, _, right = svd(matrix, full_matrices=False)
        return left[:, :count].T, right[:count]
    scaled, _ = unit_range(matrix)
    basis = _krylov(scaled)
    left, _, right = svd(scaled @ basis.T, full_matrices=False)
    return left[:, :count].T, right[:count] @ basis


def _krylov(A: Matrix) -> Matrix:
    """Orthonormal Krylov basis (rows) in which the norm of A is found."""
    basis = np.empty((_STEPS + 1, A.shape[1]))
    basis[0] = start_vector(A.shape[1])
    T = np.zeros((_STEPS + 1, _STEPS + 1))
    for k in range(_STEPS):
        known = basis[: k + 1]
        w = A.T.dot(A.dot(basis[k]))
        overlaps = known.dot(w)
        T[k, k] = overlaps[k]
        w -= overlaps.dot(known)
        w -= known.dot(w).dot(known)  # once more: a single pass leaves overlaps of the size of the digits lost
        T[k, k + 1] = T[k + 1, k] = off = sqrt(w.dot(w))
        last = k + 1 == _STEPS or off <= _RELATIVE_ERROR * T[0, 0]
        if last or k % _CHECKED_EVERY == _CHECKED_EVERY - 1:
            values, vectors = np.linalg.eigh(T[: k + 1, : k + 1])
            # an error of 2e in the square is one of e in the norm
            if last or off * abs(vectors[-1, -1]) <= 2.0 * _RELATIVE_ERROR * values[-1]:
                break
        basis[k + 1] = w / off
    return known
