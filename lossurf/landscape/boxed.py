"""Matrices that are zero outside a box, or beside or below the diagonal of it: products that leave the zeros out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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
        squares = matrix * matrix
        whole = float(squares.sum())
        rows, columns = (_ends(squares.sum(axis=axis), 0.0625 * most * most * whole) for axis in (1, 0))
        left_out, rest = _outside(squares, rows, columns), 0.75 * most * most * whole
        block, kept = matrix[rows, columns].copy(), squares[rows, columns]
        diagonal, upper = None, False
        if block.size and block.shape[0] == block.shape[1]:
            np.fill_diagonal(kept, 0.0)
            beside = float(kept.sum())
            if beside <= rest:
                diagonal, left_out = np.diag(block).copy(), left_out + beside
            elif len(block) >= _TRIANGULAR:
                below = float(np.tril(kept).sum())
                if below <= rest:
                    block, upper, left_out = np.triu(block), True, left_out + below
        share = float(np.sqrt(left_out / whole)) if whole > 0.0 else 0.0
        return cls(matrix.shape, rows, columns, block, diagonal, upper, share)

    @property
    def products(self) -> float:
        """Multiplications that a product with a vector takes, or as many as take the time."""
        if self.diagonal is not None:
            return 0.0
        return (_OF_A_SQUARE if self.upper else 1.0) * self.block.size

    def after(self, V: Matrix) -> Matrix:
        """V X."""
        out = _room((V.shape[0], self.shape[1]), whole=self.block.shape[1] == self.shape[1])
        self._multiply(V[:, self.rows].T, out[:, self.columns].T, transposed=True)
        return out

    def put_after_transposed(self, s: Matrix, out: Matrix) -> None:
        """Put s X^T into `out`."""
        if self.block.shape[0] < self.shape[0]:
            out[...] = 0.0
        self._multiply(s[:, self.columns].T, out[:, self.rows].T, transposed=False)

    def add_before(self, r: Matrix, out: Matrix) -> None:
        """Add X r to `out`."""
        part = np.empty((self.block.shape[0], r.shape[1]))
        self._multiply(r[self.columns], part, transposed=False)
        out[self.rows] += part

    def transposed_before(self, s: Matrix) -> Matrix:
        """X^T s."""
        out = _room((self.shape[1], s.shape[1]), whole=self.block.shape[1] == self.shape[1])
        self._multiply(s[self.rows], out[self.columns], transposed=True)
        return out

    def add_times_transposed(self, r: Matrix, out: Matrix) -> None:
        """Add X r^T to `out`."""
        part = np.empty((self.block.shape[0], r.shape[0]))
        self._multiply(r[:, self.columns].T, part, transposed=False)
        out[self.rows] += part

    def add_transposed_times(self, V: Matrix, out: Matrix) -> None:
        """Add V^T X to `out`."""
        part = np.empty((V.shape[1], self.block.shape[1]))
        self._multiply(V[self.rows], part.T, transposed=True)
        out[:, self.columns] += part

    def _multiply(self, other: Matrix, out: Matrix, *, transposed: bool) -> None:
        """Put the block, or its transpose, times another matrix into `out`."""
        if self.diagonal is not None:
            np.multiply(self.diagonal[:, None], other, out=out)
        elif self.upper and other.size:
            out[...] = _triangle_product(self.block, other, transposed=transposed)
        else:
            np.matmul(self.block.T if transposed else self.block, other, out=out)


def _room(shape: tuple[int, int], *, whole: bool) -> Matrix:
    return np.empty(shape) if whole else np.zeros(shape)


def _ends(squares: Matrix, limit: float) -> slice:
    """Leave out as many at either end as sum to at most the limit."""
    first = int(np.searchsorted(np.cumsum(squares), limit, side="right"))
    last = len(squares) - int(np.searchsorted(np.cumsum(squares[::-1]), limit, side="right"))
    return slice(first, last) if first < last else slice(0, 0)


def _outside(squares: Matrix, rows: slice, columns: slice) -> float:
    """Sum what is not in the box, part by part: a difference of sums would round."""
    inside = squares[rows]
    parts = (squares[: rows.start], squares[rows.stop :], inside[:, : columns.start], inside[:, columns.stop :])
    return float(sum(part.sum() for part in parts))


@cache
def _trmm() -> Callable[..., Any]:
    from scipy.linalg.blas import dtrmm

    return dtrmm  # type: ignore[no-any-return]


def _triangle_product(upper: Matrix, other: Matrix, *, transposed: bool) -> Matrix:
    """U B or U^T B, U in rows; B in either order of memory, as whose transpose BLAS takes it."""
    if other.flags.f_contiguous:
        return np.asarray(_trmm()(1.0, upper.T, other, side=0, lower=1, trans_a=not transposed))
    return np.asarray(_trmm()(1.0, upper.T, other.T, side=1, lower=1, trans_a=transposed)).T
