"""A panel: some thousands of samples as files have them, X beside Y, and the room to bring them into columns.

Rows stay as they lie, so that a file is read straight into a panel and nothing is transposed: a Gram matrix is summed
over rows as quickly. Only Householder reflections need the columns [1 X Y].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from lossurf.numerics import Matrix

_PADDING_ROWS: Final = 8  # one cache line: columns of a power-of-two length would all fall into the same cache sets

_COPY_ROWS: Final = 512  # rows transposed at a time: their cache lines stay in L2 from the first column to the last

ROWS_A_SUM: Final = 512
"""Rows whose products are added before the sum is added to the others: sums of sums round less, whatever BLAS does."""

_BYTES_AT_ONCE: Final = 3 << 20  # between steps that each pass over them; with less the interpreter takes what is saved

_NUMBERS_AT_ONCE: Final = 2048  # of a row repeated: numpy's loops over a few columns cost more than the numbers in them


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
    X, Y : ndarray, shapes (rows, dx) and (rows, dy)
        The samples, in C order.
    columns : int
        1 + dx + dy, n.

    Raises
    ------
    MemoryError, ValueError
        Where there is no such memory.
    """

    def __init__(self, capacity: int, dx: int, dy: int) -> None:
        self._all = np.empty((capacity, dx)), np.empty((capacity, dy))
        self._in_columns = np.empty((0, 0))
        self.capacity, self.columns = capacity, 1 + dx + dy
        self.hold(capacity)

    def hold(self, rows: int) -> None:
        """Say how many samples are filled, or about to be."""
        self.rows = rows
        self.X, self.Y = (part[:rows] for part in self._all)

    def subtract(self, row: Matrix) -> None:
        """Take a row, (dx + dy,), from every sample."""
        if row.any():
            dx = self.X.shape[1]
            for part, of_part in ((self.X, row[:dx]), (self.Y, row[dx:])):
                for rows, repeated in runs(part, of_part):
                    np.subtract(rows, repeated, out=rows)

    def in_parts(self) -> Iterator[tuple[Matrix, Matrix]]:
        """Yield X and Y some rows at a time: some megabytes, and a multiple of `ROWS_A_SUM`."""
        at_once = max(1, _BYTES_AT_ONCE // (8 * ROWS_A_SUM * self.columns)) * ROWS_A_SUM
        for first in range(0, self.rows, at_once):
            yield self.X[first : first + at_once], self.Y[first : first + at_once]

    def in_columns(self, first: int = 0, rows: int | None = None) -> Matrix:
        """Return [1 X Y] of some samples in Fortran order, (max(rows, n), n), zero from the last one on.

        Its memory is the panel's, and used again by the next call.
        """
        X, Y = (part[first : None if rows is None else first + rows] for part in (self.X, self.Y))
        (count, dx), n = X.shape, self.columns
        length = max(count, n)
        if len(self._in_columns) < length:
            self._in_columns = np.empty((n, length + _PADDING_ROWS)).T
        columns = self._in_columns[:length]
        columns[:count, 0] = 1.0
        for start in range(0, count, _COPY_ROWS):
            some = slice(start, min(start + _COPY_ROWS, count))
            columns[some, 1 : 1 + dx] = X[some]
            columns[some, 1 + dx :] = Y[some]
        columns[count:] = 0.0
        return columns


def runs(rows: Matrix, row: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
    """Yield views of rows, (m, n) in C order, each with a row, (n,), repeated as often as the view is wide."""
    m, n = rows.shape
    repeats = max(1, _NUMBERS_AT_ONCE // n)
    whole = m // repeats * repeats
    yield rows[:whole].reshape(-1, repeats * n), np.tile(row, repeats)
    yield rows[whole:], row
