"""A panel: some thousands of samples as rows [1 x y], and the room to bring them into columns.

Rows stay rows, so that nothing is transposed: a Gram matrix is summed over them as quickly. Only Householder
reflections need columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from lossurf.numerics import Matrix

_PADDING_ROWS: Final = 8  # one cache line: columns of a power-of-two length would all fall into the same cache sets

_COPY_ROWS: Final = 512  # rows transposed at a time: their cache lines stay in L2 from the first column to the last

_NUMBERS_AT_ONCE: Final = 2048  # of a row repeated: numpy's loops over a few columns cost more than the numbers in them


ROWS_A_BATCH: Final = 64
"""Of few columns: sums over a batch are added in pairs, so that none has more terms in turn than that (`precision`)."""

ROWS_A_SUM: Final = 512
"""Of more columns than `BATCHED_COLUMNS`: the most whose products are added before their sum is added to the others."""

BATCHED_COLUMNS: Final = 48
"""Up to here products are computed in batches of rows, by one call of numpy for all of them: OpenBLAS multiplies small
matrices as they lie, where it brings larger ones into another order first, which takes as long as the product of so few
columns. Half the time of one call of BLAS at 20 columns where it has such kernels (AVX-512); elsewhere as much, and a
third more at 48. Sums over few rows are what the bounds of few columns are made for, on every processor."""


class Panel:
    """Memory for samples, of which the first `rows` are filled.

    Parameters
    ----------
    capacity : int
        How many samples there is room for, at least 1 + dx + dy.
    dx, dy : int
        Columns of X and Y.

    Attributes
    ----------
    values : ndarray, shape (rows, n), n = 1 + dx + dy
        [1 X Y], in C order.
    X, Y : ndarray, shapes (rows, dx) and (rows, dy)
        Views of its columns.
    columns : int
        n.

    Raises
    ------
    MemoryError, ValueError
        Where there is no such memory.
    """

    def __init__(self, capacity: int, dx: int, dy: int) -> None:
        self.columns = 1 + dx + dy
        self.capacity = capacity
        self._all = np.empty((capacity, self.columns))
        self._ones = 0  # rows that begin with one: memory that no sample needs is not touched
        self._in_columns = np.empty((0, 0))
        self._dx = dx
        self.hold(0)

    def hold(self, rows: int) -> None:
        """Say how many samples are filled, or about to be."""
        self._all[self._ones : rows, 0] = 1.0
        self._ones = max(self._ones, rows)
        self.rows = rows
        self.values = self._all[:rows]
        self.X, self.Y = self.values[:, 1 : 1 + self._dx], self.values[:, 1 + self._dx :]

    def subtract(self, row: Matrix) -> None:
        """Take a row, (n,), of which the first number is 0, from every sample."""
        if row.any():
            for rows, repeated in runs(self.values, row):
                np.subtract(rows, repeated, out=rows)

    def in_columns(self, first: int = 0, rows: int | None = None) -> Matrix:
        """Return some samples in Fortran order, (max(rows, n), n), zero from the last one on.

        Its memory is the panel's, and used again by the next call.
        """
        values = self.values[first : None if rows is None else first + rows]
        count, n = values.shape
        length = max(count, n)
        if len(self._in_columns) < length:
            self._in_columns = np.empty((n, length + _PADDING_ROWS)).T
        columns = self._in_columns[:length]
        for start in range(0, count, _COPY_ROWS):
            some = slice(start, min(start + _COPY_ROWS, count))
            columns[some] = values[some]
        columns[count:] = 0.0
        return columns


def runs(rows: Matrix, row: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
    """Yield views of rows, (m, n) in C order, each with a row, (n,), repeated as often as the view is wide."""
    m, n = rows.shape
    repeats = max(1, _NUMBERS_AT_ONCE // n)
    whole = m // repeats * repeats
    yield rows[:whole].reshape(-1, repeats * n), np.tile(row, repeats)
    yield rows[whole:], row


def batches(rows: Matrix) -> Iterator[Matrix]:
    """Yield views, (batches, rows of each, n), that cover rows (m, n) in C order: of whole batches, and of the rest."""
    m, n = rows.shape
    whole = m // ROWS_A_BATCH * ROWS_A_BATCH
    if whole:
        yield rows[:whole].reshape(-1, ROWS_A_BATCH, n)
    if whole < m:
        yield rows[np.newaxis, whole:]
