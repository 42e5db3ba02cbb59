"""Rows of data in the coordinates of a triangle of earlier ones, in which they are well conditioned if they look alike.

Rows P = [1 X Y] are Q T with the triangle T of earlier rows, its first row divided by its first number so that Q begins
with the ones. Q comes out rounded, but in a way that moves P by a share of each of its columns, whatever T's condition.

To multiply by the inverse W of a triangle is quicker than to substitute, but cancels: coordinate l of row i is a sum of
p_ik w_kl, which rounding moves by a share of the largest partial sum. With independent roundings (Higham & Mary 2019,
"A new approach to probabilistic rounding error analysis") that is about eps / 2 sqrt(n / 3) times the root of the sum
of their squares, and column j of P moves by as much of sqrt(sum_k |p_k|^2 sum_l w_kl^2 t_lj^2). How that compares with
|p_j| is called the growth here. It is known of any rows, and small where |W| |T| is, which no scaling of T's rows
changes (Higham 2002, section 8.2): of columns in the order of pivoting, whose triangle is a row scaling of one of
numbers of at most 1. There it was 1.8 to 20 from 20 to 1088 columns at conditions of 1e2 to 1e17, where in their own
order it grows with the condition.

The squares in the growth add up over rows: where it is small of every panel it is small of all of them together.
"""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.numerics import EPS, Matrix, column_norms
from lossurf.reduction.kernels import LapackKernel
from lossurf.reduction.lapack import double, in_columns, integer, overwritten, routine
from lossurf.reduction.panels import BATCHED_COLUMNS, batches

_BLOCK: Final = 32  # columns that LAPACK's dgeqp3 pivots before it turns to the others: with less memory it takes fewer

FEW_COLUMNS: Final = 128
"""Up to here what takes n^3 operations on a factor or a Gram matrix, in extended precision too, is not noticed."""

_COLUMNS_AT_ONCE: Final = 128  # of a product of triangles: large enough that BLAS multiplies as fast as it can

SMALLEST_SQUARE: Final = 1e-270
"""Sums of squares below have terms that underflow: their relative error is no longer that of rounding."""


class Coordinates:
    """How to compute the coordinates of rows, and what their triangular factor says of the rows. Threads may share it.

    Of few columns by a product with the whole inverse: one with a triangle takes half the operations, but the columns
    have to be brought into the order of pivoting first.

    Parameters
    ----------
    triangle : ndarray, shape (n, n)
        That of earlier rows, in Fortran order: invertible and of finite numbers.
    """

    def __init__(self, triangle: Matrix) -> None:
        n = len(triangle)
        triangle = triangle.copy(order="F")
        triangle[0] /= triangle[0, 0]
        self._units = np.ldexp(1.0, np.frexp(column_norms(triangle))[1])  # dividing by powers of two rounds nothing
        self._units[0] = 1.0
        scaled = triangle / self._units
        pivoted, order = _pivoted_factor(scaled[1:, 1:])
        self._order = np.concatenate([[0], 1 + order])
        self._back = np.argsort(self._order)
        self._pivoted = np.zeros((n, n))
        self._pivoted[0], self._pivoted[1:, 1:] = scaled[0, self._order], pivoted
        inverse = _inverse(self._pivoted)
        self._shares = _product_of_triangles(inverse**2, self._pivoted**2)[np.ix_(self._back, self._back)]
        if n <= BATCHED_COLUMNS:
            self._inverse = np.ascontiguousarray(inverse[self._back] / self._units[:, None])
        else:
            self._inverse = np.asfortranarray(inverse / self._units[self._order, None])
        self.start_norms = column_norms(triangle)

    def of(self, values: Matrix, room: Matrix) -> Matrix:
        """Return the ones and the coordinates of some rows [1 x y], (rows, n) in C order, in `room` of that shape."""
        if len(self._order) <= BATCHED_COLUMNS:
            for some, found in zip(batches(values), batches(room), strict=True):
                np.matmul(some, self._inverse, out=found)
            return room
        np.take(values, self._order, axis=1, out=room, mode="clip")  # the other modes copy once more
        sizes = (integer(values.shape[1]), integer(len(values)), double(1.0))
        routine("dtrmm")(b"L", b"U", b"T", b"N", *sizes, *in_columns(self._inverse), *in_columns(room.T))
        return room

    def back(self, factor: Matrix, kernel: LapackKernel) -> Matrix:
        """Return the triangular factor (n, n) of rows from that of the ones and their coordinates.

        In extended precision where that costs little: what is rounded here, once, averages with nothing, as errors of
        panels do with each other, and was ten times what they left of data of 10 panels.
        """
        if len(factor) > FEW_COLUMNS:
            product = _product_of_triangles(factor, self._pivoted)
            return kernel.factor(np.asfortranarray(product[:, self._back] * self._units))
        rows = factor.astype(np.longdouble) @ self._pivoted.astype(np.longdouble)
        return _factor_in_extended_precision(rows[:, self._back] * self._units)

    def norms(self, gram: Matrix, values: Matrix) -> Matrix:
        """Return the norms of the columns of rows [1 x y], (n,); NaN of those whose squares underflow.

        Parameters
        ----------
        gram : ndarray, shape (n, n)
            The upper triangle of the Gram matrix of the ones and the coordinates: of few columns the norms are found
            from it. It must be safe, so that the sums below lose few digits.
        values : ndarray, shape (rows, n)
        """
        if len(gram) > FEW_COLUMNS:
            squares = np.einsum("ij,ij->j", values, values)
            squares[(squares < SMALLEST_SQUARE) & ~zero_columns(squares, values)] = np.nan
            return np.asarray(np.sqrt(squares))
        whole = np.triu(gram) + np.triu(gram, 1).T
        squares = np.einsum("ij,ij->j", self._pivoted, whole @ self._pivoted)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0))[self._back] * self._units)

    def is_safe(self, norms: Matrix) -> bool:
        """Tell whether the growth of rows whose columns have these norms, (n,), is small enough."""
        norms = norms / self._units
        return _growth(norms, self._shares) <= largest_growth(len(norms))


def coordinates_of(triangle: Matrix) -> Coordinates | None:
    """Return the coordinates of a triangle, (n, n); None where it has none, or those of its own rows are not safe."""
    invertible = _invertible(triangle)
    if invertible is None:
        return None
    found = Coordinates(invertible)
    return found if found.is_safe(found.start_norms) else None


def largest_growth(n: int) -> float:
    """Return the largest growth with which coordinates of n columns are computed by products with an inverse.

    sqrt(3 n): eps / 2 sqrt(n / 3) times that is n eps / 2; 0.18 to 0.88 of it was measured, against extended precision
    at 5 to 128 columns. It adds to at most 0.70 n eps of the Gram matrix (`gram.room`) as errors that know nothing of
    each other do, by their squares: to less than the (n + 16) eps of `precision.column_errors`.
    """
    return float(np.sqrt(3.0 * n))


def _growth(norms: Matrix, shares: Matrix) -> float:
    """Return the largest over columns j of sqrt(sum_k norms_k^2 shares_kj) / norms_j; of a zero column it is none.

    Infinite where squares underflow or are not known, so that what is not known is not small.
    """
    largest = float(norms.max(initial=0.0))
    if largest == 0.0:
        return 0.0
    of_columns = (norms / largest) ** 2
    ratios = np.full(len(norms), np.inf)
    ratios[norms == 0.0] = 0.0
    np.divide(of_columns @ shares, of_columns, out=ratios, where=of_columns > SMALLEST_SQUARE)
    return float(np.sqrt(ratios.max()))


def zero_columns(squares: Matrix, rows: Matrix) -> NDArray[np.bool_]:
    """Tell which columns of rows are all zeros, (n,): looked for where their sums of squares may have underflown."""
    zero = squares < SMALLEST_SQUARE
    if zero.any():
        zero &= ~rows.any(axis=0)
    return np.asarray(zero)


def _invertible(triangle: Matrix) -> Matrix | None:
    """Return a triangle to divide by, with 1 where a column is all zeros; None where that is not possible."""
    if not np.isfinite(triangle).all():
        return None
    triangle = np.array(triangle, order="F")
    zero = ~triangle.any(axis=0)
    triangle[zero, zero] = 1.0
    independent = np.abs(np.diag(triangle)) > EPS * EPS * column_norms(triangle)
    return triangle if independent.all() else None


def _pivoted_factor(matrix: Matrix) -> tuple[Matrix, NDArray[np.intp]]:
    """Return the triangular factor of a square matrix's columns in the order of pivoting, and that order."""
    n = len(matrix)
    factor, order = matrix.copy(order="F"), np.zeros(n, np.intc)
    scales, work = np.empty(n), np.empty(2 * n + _BLOCK * (n + 1))
    places = order.ctypes.data_as(ctypes.POINTER(ctypes.c_int))
    room = (scales.ctypes.data, work.ctypes.data, integer(len(work)), ctypes.byref(ctypes.c_int(0)))
    routine("dgeqp3")(integer(n), integer(n), *in_columns(factor), places, *room)
    return np.triu(factor), order.astype(np.intp) - 1


def _product_of_triangles(left: Matrix, right: Matrix) -> Matrix:
    """Return the product of two upper triangles, (n, n): of many columns a third of the operations are enough."""
    n = len(left)
    product = np.zeros((n, n))
    for first in range(0, n, _COLUMNS_AT_ONCE):
        last = min(first + _COLUMNS_AT_ONCE, n)
        product[:last, first:last] = left[:last, :last] @ right[:last, first:last]
    return product


def _inverse(triangle: Matrix) -> Matrix:
    """Return the inverse of an upper triangle without zeros on its diagonal, in Fortran order."""
    inverse = triangle.copy(order="F")
    overwritten("dtrtri", b"UN", inverse)
    return inverse


def _factor_in_extended_precision(matrix: NDArray[np.longdouble]) -> Matrix:
    """Return the triangular factor of a square matrix, which is lost, by reflections (Higham 2002, Lemma 19.1)."""
    for k in range(len(matrix) - 1):
        largest = np.abs(matrix[k:, k]).max()
        if largest > 0.0:
            normal = matrix[k:, k] / largest
            normal[0] += np.copysign(np.sqrt(normal @ normal), normal[0])
            matrix[k:, k:] -= np.outer(normal, (2.0 / (normal @ normal)) * (normal @ matrix[k:, k:]))
    return np.asfortranarray(np.triu(matrix).astype(np.float64))
