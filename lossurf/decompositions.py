"""Singular value decompositions that end.

numpy's go by divide and conquer (dgesdd), which on some matrices of ordinary numbers ends without a result where the QR
iteration (dgesvd), a few times slower, has one (Demmel 1997, section 5.4.2: two algorithms with other failures).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lossurf.numerics import Matrix


class Svd(NamedTuple):
    """A = U diag(s) Vt: U (m, m) or (m, q), s (q,) descending, Vt (n, n) or (q, n), q = min(m, n)."""

    U: Matrix
    s: Matrix
    Vt: Matrix


def svd(matrix: Matrix, *, full_matrices: bool = True) -> Svd:
    """Decompose a matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        If an entry is not finite.
    """
    try:
        return Svd(*np.linalg.svd(matrix, full_matrices=full_matrices))
    except np.linalg.LinAlgError:
        return Svd(*_by_qr_iteration(matrix, full_matrices=full_matrices))


def singular_values(matrix: Matrix) -> Matrix:
    """Singular values, descending; empty for an empty matrix. Errors are those of `svd`."""
    if not matrix.size:
        return np.zeros(0)
    try:
        return np.asarray(np.linalg.svd(matrix, compute_uv=False))
    except np.linalg.LinAlgError:
        return np.asarray(_by_qr_iteration(matrix, full_matrices=False)[1])


def largest_singular_value(matrix: Matrix) -> float:
    """||A||_2; 0 for an empty matrix. Errors are those of `svd`."""
    return float(np.max(singular_values(matrix), initial=0.0))


def pseudo_inverse(matrix: Matrix, *, rcond: float = 1e-15) -> Matrix:
    """Moore-Penrose inverse (n, m), singular values up to rcond times the largest being zeros."""
    U, s, Vt = svd(matrix, full_matrices=False)
    inverses = np.divide(1.0, s, out=np.zeros_like(s), where=s > rcond * np.max(s, initial=0.0))
    return np.asarray((Vt.T * inverses) @ U.T)


def _by_qr_iteration(matrix: Matrix, *, full_matrices: bool) -> tuple[Matrix, Matrix, Matrix]:
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("a matrix with an entry that is not finite has no singular values")
    from scipy.linalg import svd as by_driver

    U, s, Vt = by_driver(matrix, full_matrices=full_matrices, lapack_driver="gesvd")
    return U, s, Vt
