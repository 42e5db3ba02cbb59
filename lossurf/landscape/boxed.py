"""Matrices that are zero outside a box, or beside or below the diagonal of it: products that leave the zeros out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import sqrt
from typing import Any, Final

import numpy as np

from lossurf.numerics import Matrix

_TRIANGULAR: Final = 256  # order from which a product with a triangle saves more than importing scipy takes
_OF_A_SQUARE: Final = 0.6


@dataclass(frozen=True)
class Boxed:
    """X, zero but at [rows, columns].

    Attributes
    ----------
    shape : (int, int)
    rows, columns : slice
        With both ends.
    block : ndarray
        What stands there.
    diagonal : ndarray or None
        Of the block, where nothing else is in it.
    upper : bool
        Whether the block is square and zero below its diagonal, and large enough for that to be used.
    share : float
        Frobenius norm of what was taken for zero, relative to that of X.
    """

    shape: tuple[int, int]
    rows: slice
    columns: slice
    block: Matrix
    diagonal: Matrix | None
    upper: bool
    share: float

    @classmethod
    def of(cls, matrix: Matrix, most: float) -> Boxed:
        """Leave out what has a Frobenius norm of at most that in all, relative to that of the matrix.

        Half of it at the first and last rows and columns together, what is left of it in the box.
        """
        of_rows = np.einsum("ij,ij->i", matrix, matrix)
        whole = float(of_rows.sum())
        limit, rest = 0.0625 * most * most * whole, 0.75 * most * most * whole
        rows, columns = _ends(of_rows, limit), _ends(np.einsum("ij,ij->j", matrix, matrix), limit)
        left_out = _outside(matrix, rows, columns)
        block, diagonal, upper = matrix[rows, columns].copy(), None, False
        if block.size and block.shape[0] == block.shape[1]:
            kept = block.copy()
            np.einsum("ii->i", kept)[...] = 0.0
            beside = float(np.vdot(kept, kept))
            if beside <= rest:
                diagonal, left_out = block.diagonal().copy(), left_out + beside
            elif len(block) >= _TRIANGULAR:
                kept = np.tril(kept)
                below = float(np.vdot(kept, kept))
                if below <= rest:
                    block, upper, left_out = np.triu(block), True, left_out + below
        share = sqrt(left_out / whole) if whole > 0.0 else 0.0
        return cls(matrix.shape, rows, columns, block, diagonal, upper, share)

    def narrowed(self, rows: int, columns: int) -> Boxed:
        """Leave out zeros: keep that many of the first rows and columns."""
        return replace(self, shape=(rows, columns))

    def dense(self) -> Matrix:
        """X without what was taken for zero."""
        out = np.zeros(self.shape)
        out[self.rows, self.columns] = self.block if self.diagonal is None else np.diag(self.diagonal)
        return out

    @property
    def products(self) -> float:
        """Multiplications that a product with a vector takes, or as many as take the time."""
        if self.diagonal is not None:
            return 0.0
        return (_OF_A_SQUARE if self.upper else 1.0) * self.block.size

    @cached_property
    def _all_rows(self) -> bool:
        return bool(self.block.shape[0] == self.shape[0])

    @cached_property
    def _all_columns(self) -> bool:
        return bool(self.block.shape[1] == self.shape[1])

    def after(self, V: Matrix) -> Matrix:
        """V X."""
        product = self._times(V if self._all_rows else V[:, self.rows], transposed=False)
        return product if self._all_columns else _padded(product, len(V), self.shape[1], columns=self.columns)

    def add_after(self, V: Matrix, out: Matrix) -> None:
        """Add V X to `out`."""
        product = self._times(V if self._all_rows else V[:, self.rows], transposed=False)
        out = out if self._all_columns else out[:, self.columns]
        out += product

    def put_after_transposed(self, s: Matrix, out: Matrix) -> None:
        """Put s X^T into `out`."""
        s = s if self._all_columns else s[:, self.columns]
        if not self._all_rows:
            out[...] = 0.0
            out = out[:, self.rows]
        if self.diagonal is not None:
            np.multiply(s, self.diagonal, out=out)
        elif self.upper or not s.size:
            out[...] = self._times(s, transposed=True)
        else:
            np.matmul(s, self.block.T, out=out)

    def before(self, r: Matrix) -> Matrix:
        """X r."""
        product = self._on(r if self._all_columns else r[self.columns], transposed=False)
        return product if self._all_rows else _padded(product, self.shape[0], r.shape[1], rows=self.rows)

    def transposed_before(self, s: Matrix) -> Matrix:
        """X^T s."""
        product = self._on(s if self._all_rows else s[self.rows], transposed=True)
        return product if self._all_columns else _padded(product, self.shape[1], s.shape[1], rows=self.columns)

    def add_times_transposed(self, r: Matrix, out: Matrix) -> None:
        """Add X r^T to `out`."""
        product = self._on((r if self._all_columns else r[:, self.columns]).T, transposed=False)
        out = out if self._all_rows else out[self.rows]
        out += product

    def add_transposed_times(self, V: Matrix, out: Matrix) -> None:
        """Add V^T X to `out`."""
        product = self._times((V if self._all_rows else V[self.rows]).T, transposed=False)
        out = out if self._all_columns else out[:, self.columns]
        out += product

    def _on(self, other: Matrix, *, transposed: bool) -> Matrix:
        """Return the block, or its transpose, times another matrix."""
        if self.diagonal is not None:
            return self.diagonal[:, None] * other
        if self.upper and other.size:
            return _triangle_product(self.block, other, transposed=transposed)
        return (self.block.T if transposed else self.block) @ other

    def _times(self, other: Matrix, *, transposed: bool) -> Matrix:
        """Return another matrix times the block, or its transpose."""
        if self.diagonal is not None:
            return other * self.diagonal
        if self.upper and other.size:
            return _triangle_product(self.block, other.T, transposed=not transposed).T
        return other @ (self.block.T if transposed else self.block)


def _padded(
    product: Matrix, height: int, width: int, rows: slice = slice(None), columns: slice = slice(None)
) -> Matrix:
    """Put a product among zeros."""
    out = np.zeros((height, width))
    out[rows, columns] = product
    return out


def _ends(squares: Matrix, limit: float) -> slice:
    """Leave out as many at either end as sum to at most the limit."""
    first, last = _sum_to(squares, limit), len(squares) - _sum_to(squares[::-1], limit)
    return slice(first, last) if first < last else slice(0, 0)


def _sum_to(squares: Matrix, limit: float) -> int:
    """Count how many from the first on sum to at most the limit."""
    if squares.size and squares[0] > limit:
        return 0
    return int(np.searchsorted(np.cumsum(squares), limit, side="right"))


def _outside(matrix: Matrix, rows: slice, columns: slice) -> float:
    """Sum the squares of what is not in the box, part by part: a difference of sums would round."""
    inside = matrix[rows]
    parts = (matrix[: rows.start], matrix[rows.stop :], inside[:, : columns.start], inside[:, columns.stop :])
    return float(sum(np.vdot(part, part) for part in parts if part.size))


@cache
def _trmm() -> Callable[..., Any]:
    from scipy.linalg.blas import dtrmm

    return dtrmm  # type: ignore[no-any-return]


def _triangle_product(upper: Matrix, other: Matrix, *, transposed: bool) -> Matrix:
    """U B or U^T B, U in rows; B in either order of memory, as whose transpose BLAS takes it."""
    if other.flags.f_contiguous:
        return np.asarray(_trmm()(1.0, upper.T, other, side=0, lower=1, trans_a=not transposed))
    return np.asarray(_trmm()(1.0, upper.T, other.T, side=1, lower=1, trans_a=transposed)).T
