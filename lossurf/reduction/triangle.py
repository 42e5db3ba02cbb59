"""The triangular factor of [1 X^T Y^T]: what a dataset of any length is reduced to, and how two of them merge.

Never the Gram matrix: forming X X^T squares the condition number. And never the columns as they are: rounding is a
share of what is factored, so a reference value is subtracted from every column first, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lossurf.numerics import EPS, Matrix, column_norms


@dataclass(frozen=True, eq=False)
class Triangle:
    """The R of a QR factorisation of [1 X^T Y^T] - 1 shift, with what is needed to interpret it.

    Attributes
    ----------
    r : ndarray of float64, shape (n, n), n = 1 + dx + dy
        Upper triangular; rows beyond the number of samples are zero. Signs of rows are arbitrary.
    samples : int
        Number of samples m.
    dx, dy : int
        Columns of X and of Y.
    shift : ndarray, shape (n,)
        What was subtracted from every sample, units of the columns; 0 for the ones. The rows and columns of `r` after
        the first are those of centred data whatever it is.
    norms : ndarray, shape (n,)
        Norms of the columns that were factored: every rounding error of column j of `r` is a small multiple of
        n * eps times norms[j]. Larger than the norm of the column of `r` where parts were factored with another shift.
        Exactly 0 where every sample had the same value in that column.
    dtype : str
        Name of the coarser of the two dtypes the numbers were stored in.
    data_eps : float
        Relative precision of the stored numbers.
    rows : int or None
        Rows that were factored, where they are not the samples: without those of weight 0, with those of a ridge.
    stored_norms : ndarray, shape (n,), or None
        Norms of the columns as they were stored, before something was subtracted; None where they are those of `r`.
    """

    r: Matrix
    samples: int
    dx: int
    dy: int
    shift: Matrix
    norms: Matrix
    dtype: str = "float64"
    data_eps: float = EPS
    rows: int | None = None
    stored_norms: Matrix | None = None

    @property
    def factored_rows(self) -> int:
        """Number of rows that can differ from zero."""
        return self.samples if self.rows is None else self.rows

    @property
    def stored(self) -> Matrix:
        """Norms of the columns as they were stored, means included, (n,)."""
        return column_norms(self.unshifted) if self.stored_norms is None else self.stored_norms

    @property
    def means(self) -> Matrix:
        """First row of `unshifted`: sqrt(m), and sqrt(m) times the mean of every column, up to one sign; (n,)."""
        return np.asarray(self.r[0] + self.r[0, 0] * self.shift)

    @property
    def unshifted(self) -> Matrix:
        """The factor of [1 X^T Y^T] itself, (n, n): [1 X - 1 c^T] = [1 X] times a shear, which moves row 0 alone."""
        return np.vstack([self.means, self.r[1:]])

    @property
    def unshifted_norms(self) -> Matrix:
        """Norms that rounding errors of `unshifted` are shares of: of the shifted columns and of what is put back."""
        return np.asarray(np.hypot(self.norms, np.abs(self.r[0, 0] * self.shift)))

    def reshifted(self, shift: Matrix) -> Triangle:
        """Return the factor of the same data with another shift.

        Only row 0 changes, by r_00 (c - c'). Its rounding is a share of the shifted columns before and after.
        """
        r = self.r.copy()
        r[0, 1:] += r[0, 0] * (self.shift - shift)[1:]
        return replace(self, r=r, shift=shift, norms=np.maximum(self.norms, column_norms(r)))


def common_shift(first: Triangle, second: Triangle) -> Matrix:
    """Return for every column the one of two shifts with which both triangles together are smaller."""
    sizes = [
        np.hypot(column_norms(first.reshifted(shift).r), column_norms(second.reshifted(shift).r))
        for shift in (first.shift, second.shift)
    ]
    return np.where(sizes[1] < sizes[0], second.shift, first.shift)


_ROWS_A_FACTOR: Final = 32
"""Of up to 8 columns, and 4 a column of more: reflections sum over less than twice as many in turn (`precision`)."""


def factor(block: Matrix) -> Matrix:
    """Return the triangular factor of a block of rows, shape (min(rows, n), n).

    That of many rows is merged from those of a few each, in pairs, all of which numpy factors in one call: of 30,000
    rows in 0.7 to 1.2 of the time that the whole takes at 2 to 20 columns.
    """
    m, n = block.shape
    rows = max(_ROWS_A_FACTOR, 4 * n)
    if m < 2 * rows:
        return _factors(block)
    whole = m // rows * rows
    triangles = _factors(block[:whole].reshape(-1, rows, n))
    while len(triangles) > 1:
        alone = len(triangles) % 2
        merged = _factors(triangles[alone:].reshape(-1, 2 * n, n))
        triangles = np.concatenate([triangles[:alone], merged])
    return triangles[0] if whole == m else merge(triangles[0], _factors(block[whole:]))


def merge(upper: Matrix, lower: Matrix) -> Matrix:
    """Return the triangular factor of two stacked triangular factors: exact up to rounding, in any order."""
    return _factors(np.vstack([upper, lower]))


def square(rows: Matrix) -> Matrix:
    """Return a triangular factor of at most n rows, (rows, n), as (n, n): with rows of zeros below."""
    count, n = rows.shape
    return rows if count == n else np.vstack([rows, np.zeros((n - count, n))])


def factor_with_zeros(rows: Matrix) -> Matrix:
    """Return the triangular factor of some rows, (n, n), of which those of zeros, which may be all, take no work."""
    kept = rows[rows.any(axis=1)]
    return square(factor(kept) if len(kept) else kept)


def _factors(blocks: Matrix) -> Matrix:
    return np.asarray(np.linalg.qr(blocks, mode="r"), dtype=np.float64)
