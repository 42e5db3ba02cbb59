"""A panel's triangular factor by the cheapest way that its own measured condition allows.

By its Gram matrix where its columns are far from dependent; by that of its rows in the coordinates of an earlier
triangle where they only look dependent in their own; by Householder reflections where neither is safe, which always is.
Preconditioned Cholesky QR: Fukaya, Kannan, Nakatsukasa, Yamamoto & Yanagisawa 2020, "Shifted Cholesky QR for computing
the QR factorization of ill-conditioned matrices"; Garrison & Ipsen 2024, "A randomized preconditioned Cholesky-QR
algorithm". Stability of one Cholesky QR: Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015, "Roundoff error analysis
of the CholeskyQR2 algorithm".
"""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np

from lossurf.numerics import EPS, Matrix, column_norms
from lossurf.reduction.kernels import FEW_COLUMNS, Kernel, LapackKernel, NumpyKernel
from lossurf.reduction.lapack import available, double, in_columns, integer, routine

_ROWS_A_SUM: Final = 512
"""Rows whose products are added before the sum is added to the others: sums of sums round less, whatever BLAS does."""

_COLUMNS_AT_ONCE: Final = 48  # that are solved for with a triangle: of 24 to 96 none is slower by a tenth

_SMALLEST_SQUARE: Final = 1e-270
"""Sums of squares below have terms that underflow: their relative error is no longer that of rounding."""


class PanelKernel:
    """Factor panels by their Gram matrices where that is safe, by Householder reflections where it is not.

    Let G = P^T P be the Gram matrix of a panel, computed with error dG, and R its Cholesky factor. With the columns of
    P scaled to norm 1 by D, R is the exact factor of P + dP with, columnwise and to first order,

        |dp_j| <= 1/2 ||(R D^-1)^-1||_2 |(D^-1 dG D^-1) e_j| |p_j|,        dP = 1/2 P G^-1 dG,

    the first power of the condition of the scaled panel: dG is symmetric, so that half of it on each side makes
    (P + dP)^T (P + dP) = G + dG. `room` says how large the norm of the inverse may be.

    Parameters
    ----------
    n : int
        Columns.
    panel_width : int
        Inner block size of LAPACK's dgeqrt.
    start : ndarray, shape (n, n)
        Triangular factor of earlier rows of the same data, in whose coordinates later rows are well conditioned where
        they look like those. Which way a panel takes depends on its numbers and this triangle alone.
    """

    def __init__(self, n: int, panel_width: int, start: Matrix) -> None:
        self._householder = LapackKernel(n, panel_width)
        self._n = n
        self._gram = np.zeros((n, n), order="F")  # below the diagonal nothing is ever written
        self._inverse = np.empty((n, n), order="F")
        self._products = np.empty((0, n, n))
        self._upper = np.triu(np.ones((n, n)))
        self._start = _invertible(start)
        self._kept: Matrix | None = None
        self._directly = self._start is None or _inverse_norm(_scaled(self._start), self._inverse) <= room(n)

    def factor_panel(self, panel: Matrix) -> Matrix:
        """See `Kernel`."""
        r = self._by_gram(panel) if self._directly else self._by_gram_of_coordinates(panel)
        return self._householder.factor_panel(panel) if r is None else r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        return self._householder.merge_triangles(upper, lower)

    def _by_gram(self, panel: Matrix) -> Matrix | None:
        """Return the Cholesky factor of the panel's Gram matrix, or None where it is not safe."""
        gram = self._gram_of(panel)
        squares = np.diag(gram)
        if not np.isfinite(squares).all():
            return None
        small = np.flatnonzero(squares < _SMALLEST_SQUARE)
        if small.size and panel[:, small].any():
            return None
        norms = np.sqrt(squares)
        norms[small] = 1.0  # a column of zeros is one of zeros in the factor
        gram /= norms
        gram /= norms[:, None]
        gram[small, small] = 1.0
        if not _cholesky(gram):
            return None
        if not _inverse_norm(gram, self._inverse) <= room(self._n):
            return None
        norms[small] = 0.0
        return np.asfortranarray(gram * norms)

    def _by_gram_of_coordinates(self, panel: Matrix) -> Matrix | None:
        """Return the factor by way of Q = P R_0^-1, whatever the condition of R_0.

        Solving moves row i of P by at most n eps |q_i| |R_0| (Higham 2002, Theorem 8.5), column j of it by at most
        n eps sum_k |q_k| |r_kj|. Where Q's scaled columns pass, those terms cannot cancel: their norm is at most
        ||(S D^-1)^-1||_2 |p_j|, S the factor of Q, so that the error is of the kind that `room` allows.
        """
        assert self._start is not None
        if self._kept is None or len(self._kept) != len(panel):
            self._kept = np.empty(panel.shape, order="F")
        np.copyto(self._kept, panel)
        _divide(self._kept, self._start)
        r = self._by_gram(self._kept)
        return None if r is None else _multiplied(r, self._start)

    def _gram_of(self, panel: Matrix) -> Matrix:
        """Upper triangle of P^T P."""
        if self._n <= FEW_COLUMNS:
            return self._gram_of_few(panel)
        syrk, n, one, gram = routine("dsyrk"), integer(self._n), double(1.0), in_columns(self._gram)
        start, stride = in_columns(panel)
        for first in range(0, len(panel), _ROWS_A_SUM):
            rows, added = integer(min(_ROWS_A_SUM, len(panel) - first)), double(float(first > 0))
            syrk(b"U", b"T", n, rows, one, start + panel.itemsize * first, stride, added, *gram)
        return self._gram

    def _gram_of_few(self, panel: Matrix) -> Matrix:
        """Upper triangle of P^T P, by one product of a stack of matrices: a call for each costs more than it does."""
        n, sums = self._n, len(panel) // _ROWS_A_SUM
        if len(self._products) < sums + 1:
            self._products = np.empty((sums + 1, n, n))
        stack = panel[: sums * _ROWS_A_SUM].T.reshape(n, sums, _ROWS_A_SUM).transpose(1, 0, 2)
        rest = panel[sums * _ROWS_A_SUM :]
        with np.errstate(over="ignore", invalid="ignore"):  # the diagonal tells
            np.matmul(stack, stack.transpose(0, 2, 1), out=self._products[:sums])
            np.matmul(rest.T, rest, out=self._products[sums])
            np.multiply(np.add.reduce(self._products[: sums + 1], axis=0), self._upper, out=self._gram)
        return self._gram


def room(n: int) -> float:
    """Return the largest ||(R D^-1)^-1||_2 with which a panel of n columns is factored by its Gram matrix.

    n / 4, so that the error stays below the n * eps of a column that `precision.column_errors` states. What a sum of
    products rounds is random (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis"): a few eps
    of the norms of its terms for sums of 512, and what Cholesky adds is of that size. The formula above, with the
    largest column of D^-1 dG D^-1 that was met (3.5, 4.9 and 9 eps at 5, 21 and 81 columns), would give 1.1 n eps at
    81 columns, but its factors are not largest for the same column. So n / 4 rests on measurement: against exact Gram
    matrices of integers, columns alike, in pairs, of one sign and near a Chebyshev basis, |dp_j| was at most
    0.70 n eps |p_j| for panels that pass, from 5 to 289 columns. The least is 1.5: of few columns those of samples
    drawn at random are not orthogonal enough for less.
    """
    return max(1.5, n / 4.0)


def make_kernel(n: int, panel_width: int, start: Matrix | None = None) -> Kernel:
    """Return the fastest kernel this installation has; the numbers agree to a small multiple of n * eps.

    Parameters
    ----------
    n, panel_width : int
        As in `PanelKernel`.
    start : ndarray, shape (n, n), optional
        As in `PanelKernel`; without it panels are factored by Householder reflections.
    """
    if not available():
        return NumpyKernel()
    return LapackKernel(n, panel_width) if start is None else PanelKernel(n, panel_width, start)


def _invertible(start: Matrix) -> Matrix | None:
    """Return a triangle to divide by, with 1 where a column is all zeros; None where that is not possible."""
    if not np.isfinite(start).all():
        return None
    start = np.array(start, order="F")
    zero = ~start.any(axis=0)
    start[zero, zero] = 1.0
    independent = np.abs(np.diag(start)) > EPS * EPS * column_norms(start)
    return start if independent.all() else None


def _scaled(r: Matrix) -> Matrix:
    return np.asfortranarray(r / column_norms(r))


def _cholesky(gram: Matrix) -> bool:
    """Overwrite the upper triangle by its Cholesky factor; False where it is not positive definite."""
    info = ctypes.c_int(0)
    routine("dpotrf", alone=len(gram) <= FEW_COLUMNS)(b"U", integer(len(gram)), *in_columns(gram), ctypes.byref(info))
    return info.value == 0


def _inverse_norm(r: Matrix, inverse: Matrix) -> float:
    """Bound the spectral norm of the inverse of a triangle, by its norms of rows and columns; inf where it has none."""
    np.copyto(inverse, r)
    info = ctypes.c_int(0)
    invert = routine("dtrtri", alone=len(r) <= FEW_COLUMNS)
    invert(b"U", b"N", integer(len(r)), *in_columns(inverse), ctypes.byref(info))
    if info.value != 0:
        return np.inf
    sizes = np.abs(inverse)
    with np.errstate(over="ignore"):  # infinity says enough
        return float(np.sqrt(sizes.sum(axis=0).max()) * np.sqrt(sizes.sum(axis=1).max()))


def _divide(matrix: Matrix, triangle: Matrix) -> None:
    """Multiply a matrix from the right by the inverse of a triangle, by substitution.

    Some columns at a time: what others take from them is a product of matrices, for which BLAS takes half the time. The
    bound of substitution holds in any order (Higham 2002, section 8.1).
    """
    (rows, n), (start, stride), (above, order) = matrix.shape, in_columns(matrix), in_columns(triangle)
    count, down, across = integer(rows), matrix.strides[1], triangle.strides[1]
    for first in range(0, n, _COLUMNS_AT_ONCE):
        width, columns = integer(min(_COLUMNS_AT_ONCE, n - first)), start + first * down
        block = above + first * across
        if first:
            sizes, taken = (count, width, integer(first)), double(-1.0)
            routine("dgemm")(b"N", b"N", *sizes, taken, start, stride, block, order, double(1.0), columns, stride)
        diagonal = block + first * triangle.itemsize
        routine("dtrsm")(b"R", b"U", b"N", b"N", count, width, double(1.0), diagonal, order, columns, stride)


def _multiplied(r: Matrix, triangle: Matrix) -> Matrix:
    """Return a triangle times another one, in the memory of the first."""
    order = integer(len(r))
    routine("dtrmm")(b"R", b"U", b"N", b"N", order, order, double(1.0), *in_columns(triangle), *in_columns(r))
    return r
