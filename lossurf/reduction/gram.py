"""A panel's triangular factor by the cheapest way that its own measured condition allows.

By its Gram matrix where its columns are far from dependent; by that of its rows in the coordinates of an earlier
triangle where they only look dependent in their own; by Householder reflections where neither is safe, which always is.
Preconditioned Cholesky QR: Fukaya, Kannan, Nakatsukasa, Yamamoto & Yanagisawa 2020, "Shifted Cholesky QR for computing
the QR factorization of ill-conditioned matrices"; Garrison & Ipsen 2024, "A randomized preconditioned Cholesky-QR
algorithm". Stability of one Cholesky QR: Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015, "Roundoff error analysis
of the CholeskyQR2 algorithm".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lossurf.heap import keep_heap
from lossurf.numerics import EPS, Matrix, column_norms
from lossurf.reduction.coordinates import SMALLEST_SQUARE, Coordinates, Parts, coordinates_of
from lossurf.reduction.kernels import FEW_COLUMNS, Kernel, LapackKernel, make_kernel
from lossurf.reduction.lapack import double, in_columns, integer, overwritten, routine
from lossurf.reduction.panels import ROWS_A_SUM, Panel
from lossurf.reduction.triangle import merge


class GramKernel:
    """Factor panels by their Gram matrices where that is safe, by Householder reflections where it is not.

    Let G = P^T P be the Gram matrix of a panel P = [1 X Y], computed with error dG, and R its Cholesky factor. With the
    columns of P scaled to norm 1 by D, R is the exact factor of P + dP with, columnwise and to first order,

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
        keep_heap()
        self._n = n
        self._panel_width = panel_width
        self._gram = np.zeros((n, n), order="F")  # below the diagonal nothing is ever written
        triangle = _invertible(start)
        self._directly = triangle is None or _inverse_norm(_scaled(triangle)) <= room(n)
        self._start = None if self._directly else triangle

    def factor_panel(self, panel: Panel) -> Matrix:
        """See `Kernel`."""
        r = self._by_gram([(panel.X, panel.Y)]) if self._directly else self._by_gram_of_coordinates(panel)
        return self._householder.factor_panel(panel) if r is None else r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        return merge(upper, lower) if self._n <= FEW_COLUMNS else self._householder.merge_triangles(upper, lower)

    @cached_property
    def _householder(self) -> Kernel:
        return make_kernel(self._n, self._panel_width)

    @cached_property
    def _coordinates(self) -> Coordinates | None:
        if self._start is None or not isinstance(self._householder, LapackKernel):
            return None
        return coordinates_of(self._start, self._householder)

    def _by_gram(self, blocks: Iterable[Parts]) -> Matrix | None:
        """Return the Cholesky factor of the Gram matrix of rows that come in blocks, None where it is not safe."""
        gram, zero = self._gram_of(blocks)
        squares = np.diag(gram)
        if not np.isfinite(squares).all():
            return None
        small = np.flatnonzero(squares < SMALLEST_SQUARE)
        if not zero[small].all():
            return None
        norms = np.sqrt(squares)
        norms[small] = 1.0  # a column of zeros is one of zeros in the factor
        gram /= norms
        gram /= norms[:, None]
        gram[small, small] = 1.0
        r = _cholesky(gram)
        if r is None or not _inverse_norm(r) <= room(self._n):
            return None
        norms[small] = 0.0
        return np.asfortranarray(r * norms)

    def _by_gram_of_coordinates(self, panel: Panel) -> Matrix | None:
        """Return the factor by way of coordinates, whatever the condition of the triangle that they are those of.

        What computing them rounds moves P by a share of every column of it (`coordinates`): where the factor S of the
        coordinates passes, those terms cannot cancel, so that the error is of the kind that `room` allows.
        """
        if self._coordinates is None:
            return None
        r = self._by_gram(self._coordinates.of(panel))
        return None if r is None else self._coordinates.back(r)

    def _gram_of(self, blocks: Iterable[Parts]) -> tuple[Matrix, NDArray[np.bool_]]:
        """Return the upper triangle of the Gram matrix of the ones and the parts, and which columns are all zero, (n,).

        Of the columns whose squares may all have underflown, that is; the others are not looked at.
        """
        gram, few = self._gram, self._n <= FEW_COLUMNS
        zero = np.ones(self._n, dtype=bool)
        gram[...] = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # the diagonal tells
            for parts in blocks:
                gram[0, 0] += len(parts[0])
                ends = list(accumulate((part.shape[1] for part in parts), initial=1))
                for i, left in enumerate(parts):
                    own = slice(ends[i], ends[i + 1])
                    gram[0, own] += _sum(left)
                    for j, right in enumerate(parts[i:], i):
                        block = gram[own, ends[j] : ends[j + 1]]
                        if few:  # one product of a stack of matrices: a call for each costs more than it does
                            block += _product(left, right)
                        else:
                            _add_sums(block, left, right)
                    small = np.flatnonzero(np.diag(gram)[own] < SMALLEST_SQUARE)
                    zero[own][small] &= ~left[:, small].any(axis=0)
        return gram, zero


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


def _cholesky(gram: Matrix) -> Matrix | None:
    """Return the Cholesky factor of a Gram matrix's upper triangle, which is lost; None where that is not positive."""
    if len(gram) <= FEW_COLUMNS:
        try:
            return np.asarray(np.linalg.cholesky(gram.T).T)
        except np.linalg.LinAlgError:
            return None
    return gram if overwritten("dpotrf", b"U", gram) else None


def _inverse_norm(r: Matrix) -> float:
    """Bound the spectral norm of the inverse of a triangle, by its norms of rows and columns; inf where it has none."""
    if len(r) <= FEW_COLUMNS:
        try:
            inverse = np.linalg.inv(r)
        except np.linalg.LinAlgError:
            return np.inf
    else:
        inverse = r.copy(order="F")
        if not overwritten("dtrtri", b"UN", inverse):
            return np.inf
    sizes = np.abs(inverse)
    with np.errstate(over="ignore"):  # infinity says enough
        return float(np.sqrt(sizes.sum(axis=0).max()) * np.sqrt(sizes.sum(axis=1).max()))


def _add_sums(block: Matrix, left: Matrix, right: Matrix) -> None:
    """Add left^T right of rows in C order to a block, as sums; of one with itself the upper triangle."""
    height, width, one = integer(left.shape[1]), integer(right.shape[1]), double(1.0)
    start, order = in_columns(block)
    of_left, of_right = left.ctypes.data, right.ctypes.data
    for first in range(0, len(left), ROWS_A_SUM):
        rows = integer(min(ROWS_A_SUM, len(left) - first))
        here = of_left + first * left.strides[0]
        if left is right:
            routine("dsyrk")(b"U", b"N", height, rows, one, here, height, one, start, order)
        else:
            there = of_right + first * right.strides[0]
            routine("dgemm")(b"N", b"T", height, width, rows, one, here, height, there, width, one, start, order)


def _stacked(rows: Matrix) -> tuple[Matrix, Matrix]:
    """Return rows in C order as a stack of as many as are summed at once, (., sum, n), and the rest."""
    whole = len(rows) // ROWS_A_SUM * ROWS_A_SUM
    return rows[:whole].reshape(-1, ROWS_A_SUM, rows.shape[1]), rows[whole:]


def _product(left: Matrix, right: Matrix) -> Matrix:
    """Return left^T right of rows in C order, as a sum of sums."""
    (stack, rest), (other, other_rest) = _stacked(left), _stacked(right)
    total = np.add.reduce(np.matmul(stack.transpose(0, 2, 1), other), axis=0)
    return np.asarray(total + rest.T @ other_rest)


def _sum(rows: Matrix) -> Matrix:
    """Return the sum of rows in C order, as a sum of sums."""
    stack, rest = _stacked(rows)
    total = np.add.reduce(np.matmul(np.ones(ROWS_A_SUM), stack), axis=0)
    return np.asarray(total + rest.sum(axis=0))
