"""The triangular factor of rows by the cheapest way that the condition of every panel of them allows.

By the sum of their Gram matrices where the columns of each are far from dependent; of their rows in the coordinates of
an earlier triangle where they only look dependent in their own; by Householder reflections of the panels for which
neither is safe, which always is.
Preconditioned Cholesky QR: Fukaya, Kannan, Nakatsukasa, Yamamoto & Yanagisawa 2020, "Shifted Cholesky QR for computing
the QR factorization of ill-conditioned matrices"; Garrison & Ipsen 2024, "A randomized preconditioned Cholesky-QR
algorithm". Stability of one Cholesky QR: Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015, "Roundoff error analysis
of the CholeskyQR2 algorithm".
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.heap import keep_heap
from lossurf.numerics import Matrix
from lossurf.reduction.coordinates import SMALLEST_SQUARE, Coordinates, coordinates_of, zero_columns
from lossurf.reduction.kernels import Kernel, LapackKernel, Part
from lossurf.reduction.lapack import double, in_columns, integer, overwritten, routine
from lossurf.reduction.panels import BATCHED_COLUMNS, ROWS_A_SUM, Panel, batches
from lossurf.reduction.sums import GramSum
from lossurf.reduction.tuning import rows_to_start

_LARGEST_SQUARE: Final = 1e270
"""Of a column of a panel: the sum over 1e38 panels is still a number."""

_MOST_COLUMNS: Final = 1536
"""With coordinates: of more it takes longer to find them, 5 s at 3000 columns and 40 s at 5000, than they save in less
than gigabytes of rows."""

_BYTES_AT_ONCE: Final = 2 << 20  # of coordinates; with less the interpreter takes what is saved


class GramKernel(Kernel):
    """Keep the Gram matrices of panels where that is safe, and factor the others by Householder reflections.

    Let G_i = P_i^T P_i be the Gram matrices of panels P_i = [1 X Y], G their sum as computed, of error dG, and R its
    Cholesky factor. With the columns of all panels P scaled to norm 1 by D, R is the exact factor of P + dP with,
    columnwise and to first order,

        |dp_j| <= 1/2 ||(R D^-1)^-1||_2 |(D^-1 dG D^-1) e_j| |p_j|,        dP = 1/2 P G^-1 dG,

    the first power of the condition of the scaled panels: dG is symmetric, so that half of it on each side makes
    (P + dP)^T (P + dP) = G + dG. `room` says how large the norm of the inverse may be.

    Every panel is judged by itself, while its rows are at hand: where with its own scaling D_i the least eigenvalue of
    D_i^-1 G_i D_i^-1 is at least theta, G_i - theta D_i^2 is semidefinite. So then is the sum over panels,
    G - theta D^2, and what holds for each holds for all. The factor is computed once, at the end.

    Parameters
    ----------
    n : int
        Columns.
    panel_width : int
        Inner block size of LAPACK's dgeqrt.
    coordinates : Coordinates, optional
        Those of earlier rows of the same data, in which later ones are well conditioned where they look like those:
        the Gram matrices are then those of the ones and the coordinates. What computing these rounds moves P by a share
        of every column of it (`coordinates`): where their Gram matrix passes, those terms cannot cancel, so that the
        error is of the kind that `room` allows. Which way a panel takes depends on its numbers and these alone.
    """

    def __init__(self, n: int, panel_width: int, coordinates: Coordinates | None = None) -> None:
        keep_heap()
        self._n = n
        self._panel_width = panel_width
        self._coordinates = coordinates
        self._room: Matrix | None = None
        self._lessened: Matrix | None = None

    def factor_panel(self, panel: Panel) -> Part:
        """See `Kernel`."""
        gram = self.gram_of(panel.values)
        return self._householder.factor_panel(panel) if gram is None else Part(None, GramSum(gram))

    def gram_of(self, values: Matrix) -> Matrix | None:
        """Return the Gram matrix of rows [1 x y], or of their coordinates: its upper triangle, None where it is unsafe.

        Parameters
        ----------
        values : ndarray, shape (rows, n)
            In C order.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # the diagonal tells
            if self._coordinates is not None:
                return self._gram_of_coordinates(values, self._coordinates)
            gram = np.zeros((self._n, self._n), order="F")
            _add_gram(gram, values)
            return gram if self._is_safe(gram, zero_columns(np.diag(gram), values)) else None

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        return self._householder.merge_triangles(upper, lower)

    def triangle_of(self, part: Part) -> Matrix:
        """See `Kernel`."""
        if part.gram is None:
            return super().triangle_of(part)
        r = _factor_of_sum(part.gram.rounded())
        if self._coordinates is not None:
            r = self._coordinates.back(r, self._householder)
        return r if part.triangle is None else self.merge_triangles(part.triangle, r)

    @cached_property
    def _householder(self) -> LapackKernel:
        return LapackKernel(self._n, self._panel_width)

    def _gram_of_coordinates(self, values: Matrix, coordinates: Coordinates) -> Matrix | None:
        gram, zero = np.zeros((self._n, self._n), order="F"), np.ones(self._n, dtype=bool)
        at_once = max(ROWS_A_SUM, _BYTES_AT_ONCE // (8 * self._n))
        if self._room is None:
            self._room = np.empty((at_once, self._n))
        for first in range(0, len(values), at_once):
            some = values[first : first + at_once]
            found = coordinates.of(some, self._room[: len(some)])
            _add_gram(gram, found)
            zero &= zero_columns(np.diag(gram), found)
        return gram if self._is_safe(gram, zero) and coordinates.is_safe(coordinates.norms(gram, values)) else None

    def _is_safe(self, gram: Matrix, zero: NDArray[np.bool_]) -> bool:
        """Tell whether a Gram matrix (n, n) may stand for its rows, whose columns of zeros are known.

        With a share theta of the diagonal taken off, it is definite where with columns scaled to norm 1 its least
        eigenvalue is above theta: a Cholesky factorisation tells to a small multiple of n eps, and however the columns
        are scaled (Higham 2002, Theorem 10.7).
        """
        squares = np.diag(gram)
        if not (squares <= _LARGEST_SQUARE).all() or not zero[squares < SMALLEST_SQUARE].all():
            return False
        if self._lessened is None:
            self._lessened = np.empty_like(gram)
        np.copyto(self._lessened, gram)
        np.fill_diagonal(self._lessened, np.where(zero, 1.0, squares * (1.0 - 1.0 / room(self._n) ** 2)))
        return overwritten("dpotrf", b"U", self._lessened)


def kernels_for(n: int, panel_width: int, first: Panel, count: int) -> list[Kernel]:
    """Return kernels for data that begin with these rows; see `kernels.make_kernels`.

    A panel that is not full holds all rows: there is nothing to bring into coordinates of the first ones. Rows that are
    not twice as many as the columns are no sum of Gram matrices, nor a start for coordinates.
    """
    make = _maker(n, panel_width, first)
    return [make() for _ in range(count)]


def _maker(n: int, panel_width: int, first: Panel) -> Callable[[], Kernel]:
    by_gram, by_reflections = partial(GramKernel, n, panel_width), partial(LapackKernel, n, panel_width)
    if first.rows < first.capacity:
        return by_gram
    if first.capacity < 2 * n:
        return by_reflections
    rows = rows_to_start(n)
    if by_gram().gram_of(first.values[:rows]) is not None:
        return by_gram
    if n > _MOST_COLUMNS:
        return by_reflections
    return partial(by_gram, coordinates_of(by_reflections().factor(first.in_columns(0, rows))))


def room(n: int) -> float:
    """Return the largest ||(R D^-1)^-1||_2 with which a panel of n columns is kept as its Gram matrix.

    Sums of products round by c eps of the norms of their columns, with c of 1 or 2 for sums of a few hundred added to
    each other, where their roundings are random (Higham & Mary 2019, "A new approach to probabilistic rounding error
    analysis"; where they are not, see `precision.column_errors`). A column of D^-1 dG D^-1 then has norm sqrt(n) c eps
    at most, which columns that are nearly alike reach, and the formula above gives 0.35 c n eps with 0.7 sqrt(n).
    Against exact Gram matrices of integers of 5 to 289 columns that are alike, of one sign, in pairs or near a
    Chebyshev basis, |dp_j| was at most 0.70 n eps |p_j| for panels up to this edge. The least is 1.5: of few columns
    those of samples drawn at random are not orthogonal enough for less.
    """
    return float(max(1.5, 0.7 * np.sqrt(n)))


def _factor_of_sum(gram: Matrix) -> Matrix:
    """Return the Cholesky factor of the upper triangle of a sum of Gram matrices that are safe, which is lost."""
    zero = np.diag(gram) == 0.0
    gram[zero, zero] = 1.0
    if not overwritten("dpotrf", b"U", gram):
        raise AssertionError("a sum of positive definite matrices is positive definite")
    gram[zero, zero] = 0.0  # a column of zeros is one of zeros in the factor
    return gram


def _add_gram(gram: Matrix, rows: Matrix) -> None:
    """Add to a matrix (n, n) in Fortran order the upper triangle of the Gram matrix of rows [1 v], a sum of sums."""
    m, n = rows.shape
    if n <= BATCHED_COLUMNS:
        gram += _gram_by_batches(rows)
        return
    at_once = rows_a_call()
    for first in range(0, m, at_once):
        some = rows[first : first + at_once]
        sizes = (integer(n), integer(len(some)), double(1.0))
        routine("dsyrk")(b"U", b"N", *sizes, some.ctypes.data, integer(n), double(1.0), *in_columns(gram))


def _gram_by_batches(rows: Matrix) -> Matrix:
    """Return the upper triangle of the Gram matrix of rows [1 v] by V^T [1 V], the ones being counted.

    numpy has a product of two matrices done by other means than that of a matrix with itself, for which BLAS has no
    kernels of small ones.
    """
    m, n = rows.shape
    gram = np.zeros((n, n))
    for batch in batches(rows):
        gram[1:] += _sum_in_pairs(np.matmul(batch[:, :, 1:].transpose(0, 2, 1), batch))
    gram[0, 0], gram[0, 1:] = m, gram[1:, 0]
    return np.triu(gram)


def _sum_in_pairs(terms: NDArray[np.float64]) -> Matrix:
    """Return the sum of matrices, (count, rows, columns), whose memory is used for it (Higham 2002, section 4.2)."""
    count = len(terms)
    while count > 1:
        half = count // 2
        terms[:half] += terms[count - half : count]
        count -= half
    return np.asarray(terms[0])


@cache
def rows_a_call() -> int:
    """Return how many rows BLAS may be given at once: as many as there are if it sums products by sums of few.

    OpenBLAS, MKL and BLIS add to the result after 128 to 512 rows, the reference BLAS after every one. The sum of 1 and
    of numbers that vanish beside it says how many were added to the 1 itself.
    """
    rows, n = 8 * ROWS_A_SUM, 8
    values, found = np.full((rows, n), 2.0**-27), np.zeros((n, n), order="F")
    values[0] = 1.0
    sizes = (integer(n), integer(rows), double(1.0))
    routine("dsyrk")(b"U", b"N", *sizes, values.ctypes.data, integer(n), double(0.0), *in_columns(found))
    apart = (found[np.triu_indices(n)].min() - 1.0) * 2.0**54
    return sys.maxsize if apart >= rows - ROWS_A_SUM else ROWS_A_SUM
