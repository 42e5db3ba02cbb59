"""Bounds of spectral norms, singular values of many matrices at once, and leading singular vectors."""

from __future__ import annotations

from typing import Final

import numpy as np

from lossurf.numerics import EPS, Matrix
from lossurf.spectral import is_direct, singular_values, unit_range

_SMALL: Final = 48  # below this order LAPACK's SVD costs no more than a handful of products
_SQUARINGS: Final = 2
_RELATIVE_ERROR: Final = 1e-2  # of the largest singular value, by the residual: the vectors carry all but its square
_STEPS: Final = 60  # four times what a flat spectrum, the slowest case, takes to reach that
_CHECKED_EVERY: Final = 5
_ABOVE: Final = 1.015  # by which the square of a norm is tried above what powers give
_TRIES: Final = 10
_POWERS: Final = 8  # a flat spectrum is a per cent below its largest value


def singular_values_of_each(matrices: Matrix) -> Matrix:
    """Singular values of matrices (n, a, b) of one shape, shape (n, min(a, b)), descending, by one call of LAPACK."""
    count, *shape = matrices.shape
    return np.asarray(np.linalg.svd(matrices, compute_uv=False)) if matrices.size else np.zeros((count, min(shape)))


def norm_bound(matrix: Matrix) -> float:
    """Return a number surely not below the largest singular value, and at most n^{1/8} times it.

    ||A||_2^8 = ||(A^T A)^2||_2^2 <= ||(A^T A)^2||_F^2: two products, where an iteration gives no upper bound at all.
    What they round is (n eps)^{1/4} at most, of a value of rounding size. Of small matrices the singular value itself.
    """
    if not matrix.size:
        return 0.0
    if min(matrix.shape) < _SMALL:
        return float(singular_values(matrix)[0]) * (1.0 + sum(matrix.shape) * EPS)
    scaled, exponent = unit_range(matrix)
    scaled = scaled if scaled.shape[0] < scaled.shape[1] else scaled.T
    return float(np.ldexp(_squared(scaled, _SQUARINGS), exponent))


def tight_norm_bound(matrix: Matrix) -> float:
    """Return a number surely not below the largest singular value, and where it can at most 2 % above it.

    A Cholesky factor of t I - A A^T exists only where t is above the square, but for (n + 1) eps n t (Higham 2002,
    Theorem 10.3); the value that is tried comes from powers of A A^T.
    """
    if not matrix.size or min(matrix.shape) < _SMALL:
        return norm_bound(matrix)
    scaled, exponent = unit_range(matrix)
    scaled = scaled if scaled.shape[0] < scaled.shape[1] else scaled.T
    whole = float(np.sum(scaled * scaled))
    if not whole:
        return 0.0
    square = scaled @ scaled.T / whole  # trace 1
    tried = _ABOVE * _by_powers(square)
    for _ in range(_TRIES):
        below = -square
        below.flat[:: len(below) + 1] += tried
        try:
            np.linalg.cholesky(below)
        except np.linalg.LinAlgError:
            tried *= _ABOVE
            continue
        rounded = ((len(square) + 1) * len(square) * tried + sum(matrix.shape) + 8) * EPS
        return float(np.ldexp(np.sqrt(whole * (tried + rounded)), exponent))
    return norm_bound(matrix)


def _by_powers(square: Matrix) -> float:
    """Rayleigh quotient, hardly below the largest eigenvalue of a matrix of trace 1, at a column of its powers."""
    fourth = square @ square
    fourth /= np.linalg.norm(fourth)
    x = fourth[:, np.argmax(fourth.diagonal())]
    for _ in range(_POWERS):
        x = fourth @ x
        x /= np.linalg.norm(x)
    return float(x @ (square @ x))


def _squared(factor: Matrix, times: int) -> float:
    """Bound ||B||_2 by ||B B^T||_2 and what the product rounds, at most n eps ||B||_F^2 (Higham 2002, section 3.5)."""
    size = float(np.linalg.norm(factor)) * (1.0 + factor.size * EPS)
    if not (times and size):
        return size
    shrunk = factor / size  # rounds as one more term of the sums
    return size * float(np.sqrt(_squared(shrunk @ shrunk.T, times - 1) + (shrunk.shape[1] + 4) * EPS))


def top_singular_pairs(matrix: Matrix, count: int) -> tuple[Matrix, Matrix]:
    """Left and right singular vectors, as rows, of the largest singular values: shapes (<= count, m) and (<= count, n).

    Of large matrices by Lanczos on A^T A with full reorthogonalisation (Golub & Van Loan 2013, section 10.1), the best
    approximations from the Krylov space in which the largest is found; left vectors are in the range of the matrix to
    rounding.
    """
    if is_direct(*matrix.shape):
        left, _, right = np.linalg.svd(matrix, full_matrices=False)
        return left[:, :count].T, right[:count]
    scaled, _ = unit_range(matrix)
    basis = _krylov(scaled)
    left, _, right = np.linalg.svd(scaled @ basis.T, full_matrices=False)
    return left[:, :count].T, right[:count] @ basis


def _krylov(A: Matrix) -> Matrix:
    """Orthonormal Krylov basis (rows) in which the norm of A is found."""
    basis = np.empty((_STEPS + 1, A.shape[1]))
    start = np.random.default_rng(0).standard_normal(A.shape[1])
    basis[0] = start / np.linalg.norm(start)
    T = np.zeros((_STEPS + 1, _STEPS + 1))
    for k in range(_STEPS):
        known = basis[: k + 1]
        w = A.T @ (A @ basis[k])
        overlaps = known @ w
        T[k, k] = overlaps[k]
        w -= overlaps @ known
        w -= (known @ w) @ known  # once more: a single pass leaves overlaps of the size of the digits lost
        T[k, k + 1] = T[k + 1, k] = off = float(np.linalg.norm(w))
        last = k + 1 == _STEPS or off <= _RELATIVE_ERROR * T[0, 0]
        if last or k % _CHECKED_EVERY == _CHECKED_EVERY - 1:
            values, vectors = np.linalg.eigh(T[: k + 1, : k + 1])
            # an error of 2e in the square is one of e in the norm
            if last or off * abs(vectors[-1, -1]) <= 2.0 * _RELATIVE_ERROR * values[-1]:
                break
        basis[k + 1] = w / off
    return known
