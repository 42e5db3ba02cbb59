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
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lossurf.numerics import Matrix, column_norms
from lossurf.reduction.kernels import LapackKernel
from lossurf.reduction.lapack import double, in_columns, integer, overwritten, routine
from lossurf.reduction.panels import Panel, runs

_MOST_COLUMNS: Final = 128  # of more, what a product saves goes into bringing factors back

_COLUMNS_AT_ONCE: Final = 40  # of a block of substitution, at most: with 20 it takes a tenth longer, with 80 as long

_COLUMNS_TO_SOLVE_FOR: Final = 10  # without an inverse, at most: to halve these costs more than it saves

SMALLEST_SQUARE: Final = 1e-270
"""Sums of squares below have terms that underflow: their relative error is no longer that of rounding."""

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
    if len(triangle) <= _MOST_COLUMNS:
        by_product = ByProduct(triangle / units, units, kernel)
        if by_product.is_safe(column_norms(triangle)):
            return by_product
    return BySubstitution(triangle, units)


class ByProduct:
    """Coordinates by one product with the inverse of the triangle of the columns in the order of pivoting.

    That is a row scaling of a triangle of numbers of at most 1: the growth is 1 to 12 up to 128 columns at conditions
    of 1 to 1e12, where in their own order it grows with the condition. The factor is brought back by reflections.

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
        self._room = np.empty((0, n - 1))

    def of(self, panel: Panel) -> Iterator[Parts]:
        """See `Coordinates`."""
        of_ones, of_y = self._inverse[0], 1 + panel.X.shape[1]
        for X, Y in panel.in_parts():
            if len(self._room) < len(X):
                self._room = np.empty((len(X), panel.columns - 1))
            found = self._room[: len(X)]
            for rows, repeated in runs(found, of_ones):
                rows[...] = repeated
            _add_product(found, X, self._inverse[1:of_y])
            _add_product(found, Y, self._inverse[of_y:])
            yield (found,)

    def back(self, factor: Matrix) -> Matrix | None:
        """See `Coordinates`."""
        r = self._kernel.factor(np.asfortranarray((factor @ self._pivoted)[:, self._back] * self._units))
        return r if self.is_safe(column_norms(r)) else None

    def is_safe(self, norms: Matrix) -> bool:
        """Tell whether the growth of rows whose columns have these norms, (n,), is small enough."""
        norms = norms / self._units
        return _growth(norms, self._shares, norms) <= largest_growth(len(norms))


class _Block(NamedTuple):
    """Columns that are solved for together: by a product with the inverse of their part of T, or without one."""

    own: slice
    inverse: Matrix | None
    shares: Matrix


class _Update(NamedTuple):
    """What columns that were solved for take from later ones."""

    solved: slice
    later: slice


class BySubstitution:
    """Coordinates by solving with the triangle T, half of the columns after the other.

    Entry (i, j) of P moves by at most n eps sum_k |q_ik| |t_kj| (Higham 2002, Theorem 8.5, in any order of the sums:
    section 8.1). Where the factor S of Q passes, those terms cannot cancel: their norm is at most
    ||(S D^-1)^-1||_2 |p_j|. What the first half takes from the second is a product of matrices. So is solving with a
    block's own part of T, once it is narrow and the growth with its inverse is small.

    Parameters
    ----------
    triangle : ndarray, shape (n, n)
        In Fortran order.
    units : ndarray, shape (n,)
        Powers of two near the norms of its columns.
    """

    def __init__(self, triangle: Matrix, units: Matrix) -> None:
        self._triangle, self._units = triangle, units
        self._steps = list(self._steps_for(slice(1, len(triangle))))
        self._room = np.empty((2, 0, len(triangle) - 1))

    def _steps_for(self, own: slice) -> Iterator[_Block | _Update]:
        """Yield what solves for these columns."""
        width, middle = own.stop - own.start, (own.start + own.stop) // 2
        if width <= _COLUMNS_AT_ONCE:
            units = self._units[own]
            scaled = self._triangle[own, own] / units
            inverse = _inverse(scaled)
            shares = inverse**2 @ scaled**2
            norms = column_norms(self._triangle[:, own] / units)
            safe = _growth(column_norms(scaled), shares, norms) <= largest_growth(len(self._triangle)) / 2.0
            if safe or width <= _COLUMNS_TO_SOLVE_FOR:
                yield _Block(own, np.asfortranarray(inverse / units[:, None]) if safe else None, shares)
                return
        yield from self._steps_for(slice(own.start, middle))
        yield _Update(slice(own.start, middle), slice(middle, own.stop))
        yield from self._steps_for(slice(middle, own.stop))

    def of(self, panel: Panel) -> Iterator[Parts]:
        """See `Coordinates`."""
        dx, offset = panel.X.shape[1], self._triangle[0, 1:]
        for X, Y in panel.in_parts():
            if self._room.shape[1] < len(X):
                self._room = np.empty((2, len(X), panel.columns - 1))
            left, found = self._room[:, : len(X)]
            np.subtract(X, offset[:dx], out=left[:, :dx])
            np.subtract(Y, offset[dx:], out=left[:, dx:])
            for step in self._steps:
                self._take(step, left, found)
            yield (found,)

    def _take(self, step: _Block | _Update, left: Matrix, found: Matrix) -> None:
        """Take a step from what is left of rows to what is found of their coordinates."""
        if isinstance(step, _Update):
            solved, later = _behind_ones(step.solved), _behind_ones(step.later)
            _add_product(left[:, later], found[:, solved], self._triangle[step.solved, step.later], factor=-1.0)
            return
        here = _behind_ones(step.own)
        if step.inverse is not None:
            _add_product(found[:, here], left[:, here], step.inverse, kept=0.0)
            return
        found[:, here] = left[:, here]
        sizes = (integer(here.stop - here.start), integer(len(left)), double(1.0))
        matrices = (*in_columns(self._triangle[step.own, step.own]), *in_columns(found[:, here].T))
        routine("dtrsm")(b"L", b"U", b"T", b"N", *sizes, *matrices)

    def back(self, factor: Matrix) -> Matrix | None:
        """See `Coordinates`."""
        r = factor.copy(order="F")
        order = integer(len(r))
        sides = (b"R", b"U", b"N", b"N", order, order, double(1.0))
        routine("dtrmm")(*sides, *in_columns(self._triangle), *in_columns(r))
        norms = column_norms(r) / self._units
        for step in self._steps:
            if isinstance(step, _Block) and step.inverse is not None:
                scaled = self._triangle[step.own, step.own] / self._units[step.own]
                inner = column_norms(factor[: step.own.stop, step.own] @ scaled)
                if not _growth(inner, step.shares, norms[step.own]) <= largest_growth(len(r)):
                    return None
        return r


def _behind_ones(columns: slice) -> slice:
    return slice(columns.start - 1, columns.stop - 1)


def largest_growth(n: int) -> float:
    """Return the largest growth with which coordinates of n columns are computed by products with an inverse.

    sqrt(3 n), at most 16. Of one product eps / 2 sqrt(n / 3) times that is n eps / 2; 0.18 to 0.88 of it was measured,
    against extended precision at 5 to 128 columns. It adds to at most 0.70 n eps of the Gram matrix (`gram.room`) as
    errors that know nothing of each other do, by their squares: to less than the n eps that `precision.column_errors`
    states. Of blocks of 40 columns 16 is 29 eps.
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
    np.divide(squares, of_columns, out=ratios, where=of_columns > SMALLEST_SQUARE)
    return float(np.sqrt(ratios.max()))


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
    overwritten("dtrtri", b"UN", inverse)
    return inverse


def _add_product(out: Matrix, left: Matrix, right: Matrix, *, factor: float = 1.0, kept: float = 1.0) -> None:
    """Make `out` `kept` times itself plus `factor` times left times right, right in Fortran order, the rest by rows."""
    sizes = (integer(out.shape[1]), integer(len(out)), integer(left.shape[1]))
    factors = (double(factor), *in_columns(right), *in_columns(left.T))
    routine("dgemm")(b"T", b"N", *sizes, *factors, double(kept), *in_columns(out.T))
