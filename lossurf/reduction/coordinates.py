"""Rows of data in the coordinates of a triangle of earlier ones, in which they are well conditioned if they look alike.

Rows P = [1 X Y] are Q T with the triangle T of earlier rows, its first row divided by its first number so that Q begins
with the ones. Q comes out rounded, but in a way that moves P by a share of each of its columns, whatever T's condition.

To multiply by the inverse W of a triangle is quicker than to substitute, but cancels: coordinate l of row i is a sum of
p_ik w_kl, which rounding moves by a share of the largest partial sum. With independent roundings (Higham & Mary 2019,
"A new approach to probabilistic rounding error analysis") that is about eps / 2 sqrt(n / 3) times the root of the sum
of their squares, and column j of P moves by as much of sqrt(sum_k |p_k|^2 sum_l w_kl^2 t_lj^2). How that compares with
|p_j| is called the growth here. It is known of every panel, and small where |W| |T| is, which no scaling of T's rows
changes (Higham 2002, section 8.2): of columns in the order of pivoting, and of a few at a time in any order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from lossurf.numerics import Matrix, column_norms
from lossurf.reduction.kernels import FEW_COLUMNS, LapackKernel
from lossurf.reduction.lapack import double, in_columns, integer, routine
from lossurf.reduction.panels import Panel

_COLUMNS_AT_ONCE: Final = 32  # of a block of substitution: with 16 and 48 it takes as long

_BYTES_AT_ONCE: Final = 1 << 20  # of coordinates by substitution: about what a second-level cache holds

_ROWS_AT_ONCE: Final = 512  # a multiple of which they are, as their products are summed

Parts = tuple[Matrix, ...]
"""Columns of the same rows, side by side, each (rows, .) in C order; the ones before them are left out."""


class Coordinates(Protocol):
    """How to compute coordinates, and what their factor says of the rows."""

    def of(self, panel: Panel) -> Iterator[Parts]:
        """Yield the coordinates of a panel's rows, some rows after the other, in memory that is used again."""
        ...

    def back(self, factor: Matrix) -> Matrix | None:
        """Return the triangular factor (n, n) of rows from that of the ones and their coordinates; None if unsafe."""
        ...


def coordinates_of(triangle: Matrix, kernel: LapackKernel) -> Coordinates:
    """Return the quickest way that is safe with a triangle (n, n), invertible and of finite numbers.

    Parameters
    ----------
    triangle : ndarray, shape (n, n)
        In Fortran order.
    kernel : LapackKernel
        Of n columns.
    """
    triangle = triangle.copy(order="F")
    triangle[0] /= triangle[0, 0]
    units = np.ldexp(1.0, np.frexp(column_norms(triangle))[1])  # powers of two: dividing by them rounds nothing
    units[0] = 1.0
    if len(triangle) <= FEW_COLUMNS:
        by_product = ByProduct(triangle / units, units, kernel)
        if by_product.is_safe(column_norms(triangle)):
            return by_product
    return BySubstitution(triangle, units)


class ByProduct:
    """Coordinates by one product with the inverse of the triangle of the columns in the order of pivoting.

    That is a row scaling of a triangle of numbers of at most 1: the growth is 1 to 7 up to 64 columns at conditions of
    1 to 1e12, where in their own order it grows with the condition. The factor is brought back by reflections.

    Parameters
    ----------
    scaled : ndarray, shape (n, n)
        The triangle with its columns divided by `units`.
    units : ndarray, shape (n,)
    kernel : LapackKernel
    """

    def __init__(self, scaled: Matrix, units: Matrix, kernel: LapackKernel) -> None:
        n = len(scaled)
        pivoted, order = _pivoted_factor(scaled[1:, 1:])
        order = np.concatenate([[0], 1 + order])
        back = np.argsort(order)
        self._kernel, self._units, self._back = kernel, units, back
        self._pivoted = np.zeros((n, n))
        self._pivoted[0], self._pivoted[1:, 1:] = scaled[0, order], pivoted
        inverse = _inverse(self._pivoted)
        self._shares = (inverse**2 @ self._pivoted**2)[np.ix_(back, back)]
        self._inverse = np.asfortranarray((inverse[back] / units[:, None])[:, 1:])
        self._coordinates = np.empty((0, n - 1))

    def of(self, panel: Panel) -> Iterator[Parts]:
        """See `Coordinates`; of all rows at once."""
        if len(self._coordinates) < panel.rows:
            self._coordinates = np.empty((panel.rows, panel.columns - 1))
        coordinates, row = self._coordinates[: panel.rows], 0
        for part in (np.ones((panel.rows, 1)), panel.X, panel.Y):
            _add_product(coordinates, part, self._inverse[row : row + part.shape[1]], kept=float(row > 0))
            row += part.shape[1]
        yield (coordinates,)

    def back(self, factor: Matrix) -> Matrix | None:
        """See `Coordinates`."""
        r = self._kernel.factor(np.asfortranarray((factor @ self._pivoted)[:, self._back] * self._units))
        return r if self.is_safe(column_norms(r)) else None

    def is_safe(self, norms: Matrix) -> bool:
        """Tell whether the growth of rows whose columns have these norms, (n,), is small enough."""
        norms = norms / self._units
        return _growth(norms, self._shares, norms) <= largest_growth(len(norms))


class BySubstitution:
    """Coordinates by solving with the triangle T, some columns at a time.

    Entry (i, j) of P moves by at most n eps sum_k |q_ik| |t_kj| (Higham 2002, Theorem 8.5, in any order of the sums:
    section 8.1). Where the factor S of Q passes, those terms cannot cancel: their norm is at most
    ||(S D^-1)^-1||_2 |p_j|. What the other columns take from a block is a product of matrices. So is what its own part
    of T, on the diagonal, does, where the growth with its inverse is small.

    Parameters
    ----------
    triangle : ndarray, shape (n, n)
        In Fortran order.
    units : ndarray, shape (n,)
        Powers of two near the norms of its columns.
    """

    def __init__(self, triangle: Matrix, units: Matrix) -> None:
        n = len(triangle)
        self._triangle, self._units = triangle, units
        self._blocks = [slice(*ends) for ends in pairwise([*range(1, n, _COLUMNS_AT_ONCE), n])]
        self._shares: list[Matrix | None] = []
        self._inverses: list[Matrix | None] = []
        for block in self._blocks:
            scaled = triangle[block, block] / units[block]
            inverse = _inverse(scaled)
            shares = inverse**2 @ scaled**2
            norms = column_norms(triangle[:, block] / units[block])
            safe = _growth(column_norms(scaled), shares, norms) <= largest_growth(n) / 2.0
            self._shares.append(shares if safe else None)
            self._inverses.append(np.asfortranarray(inverse / units[block][:, None]) if safe else None)

    def of(self, panel: Panel) -> Iterator[Parts]:
        """See `Coordinates`."""
        at_once = max(1, _BYTES_AT_ONCE // (8 * _ROWS_AT_ONCE * panel.columns)) * _ROWS_AT_ONCE
        dx, offset = panel.X.shape[1], self._triangle[0, 1:]
        left, found = (np.empty((min(at_once, panel.rows), panel.columns - 1)) for _ in range(2))
        for first in range(0, panel.rows, at_once):
            X, Y = (part[first : first + at_once] for part in (panel.X, panel.Y))
            left, found = left[: len(X)], found[: len(X)]
            np.subtract(X, offset[:dx], out=left[:, :dx])
            np.subtract(Y, offset[dx:], out=left[:, dx:])
            self._solve(left, found)
            yield (found,)

    def _solve(self, left: Matrix, found: Matrix) -> None:
        """Divide rows, which are lost, by the triangle without its first row and column."""
        for block, inverse in zip(self._blocks, self._inverses, strict=True):
            before, own = slice(1, block.start), slice(block.start - 1, block.stop - 1)
            if block.start > 1:
                solved = found[:, : own.start]
                _add_product(left[:, own], solved, self._triangle[before, block], factor=-1.0)
            if inverse is not None:
                _add_product(found[:, own], left[:, own], inverse, kept=0.0)
                continue
            found[:, own] = left[:, own]
            sizes = (integer(own.stop - own.start), integer(len(left)), double(1.0))
            matrices = (*in_columns(self._triangle[block, block]), *in_columns(found[:, own].T))
            routine("dtrsm")(b"L", b"U", b"T", b"N", *sizes, *matrices)

    def back(self, factor: Matrix) -> Matrix | None:
        """See `Coordinates`."""
        r = factor.copy(order="F")
        order = integer(len(r))
        sides = (b"R", b"U", b"N", b"N", order, order, double(1.0))
        routine("dtrmm")(*sides, *in_columns(self._triangle), *in_columns(r))
        norms = column_norms(r) / self._units
        for block, shares in zip(self._blocks, self._shares, strict=True):
            if shares is not None:
                own = column_norms(factor[:, block] @ (self._triangle[block, block] / self._units[block]))
                if not _growth(own, shares, norms[block]) <= largest_growth(len(r)):
                    return None
        return r


def largest_growth(n: int) -> float:
    """Return the largest growth with which coordinates of n columns are computed by products with an inverse.

    sqrt(3 n), at most 16. Of one product eps / 2 sqrt(n / 3) times that is n eps / 2; 0.18 to 0.88 of it was measured,
    against extended precision at 5 to 128 columns. It adds to at most 0.70 n eps of the Gram matrix (`gram.room`) as
    errors that know nothing of each other do, by their squares: to less than the n eps that `precision.column_errors`
    states. Of blocks of 32 columns 16 is 26 eps.
    """
    return float(min(np.sqrt(3.0 * n), 16.0))


def _growth(inner: Matrix, shares: Matrix, norms: Matrix) -> float:
    """Return the largest over columns j of sqrt(sum_k inner_k^2 shares_kj) / norms_j; of a zero column it is none.

    Infinite where squares underflow, so that what is not known is not small.
    """
    largest = float(max(inner.max(initial=0.0), norms.max(initial=0.0)))
    if largest == 0.0:
        return 0.0
    squares, of_columns = (inner / largest) ** 2 @ shares, (norms / largest) ** 2
    ratios = np.full(len(norms), np.inf)
    ratios[norms == 0.0] = 0.0
    np.divide(squares, of_columns, out=ratios, where=of_columns > _SMALLEST_SQUARE)
    return float(np.sqrt(ratios.max()))


_SMALLEST_SQUARE: Final = 1e-270  # of a column against the largest: with less the others' squares may have underflowed


def _pivoted_factor(matrix: Matrix) -> tuple[Matrix, NDArray[np.intp]]:
    """Return the triangular factor of a square matrix's columns in the order of pivoting, and that order."""
    n = len(matrix)
    factor, order, scales, work = matrix.copy(order="F"), np.zeros(n, np.intc), np.empty(n), np.empty(4 * n + 1)
    places = order.ctypes.data_as(ctypes.POINTER(ctypes.c_int))
    room = (scales.ctypes.data, work.ctypes.data, integer(len(work)), ctypes.byref(ctypes.c_int(0)))
    routine("dgeqp3")(integer(n), integer(n), *in_columns(factor), places, *room)
    return np.triu(factor), order.astype(np.intp) - 1


def _inverse(triangle: Matrix) -> Matrix:
    """Return the inverse of an upper triangle without zeros on its diagonal, in Fortran order."""
    inverse = triangle.copy(order="F")
    info = ctypes.c_int(0)
    routine("dtrtri")(b"U", b"N", integer(len(inverse)), *in_columns(inverse), ctypes.byref(info))
    return inverse


def _add_product(out: Matrix, left: Matrix, right: Matrix, *, factor: float = 1.0, kept: float = 1.0) -> None:
    """Make `out` `kept` times itself plus `factor` times left times right, right in Fortran order, the rest by rows."""
    sizes = (integer(out.shape[1]), integer(len(out)), integer(left.shape[1]))
    factors = (double(factor), *in_columns(right), *in_columns(left.T))
    routine("dgemm")(b"T", b"N", *sizes, *factors, double(kept), *in_columns(out.T))
