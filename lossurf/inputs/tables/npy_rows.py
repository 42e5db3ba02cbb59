"""Rows of an .npy file read by position, from any thread at once, into memory that is used again.

Plain reads, not a memory map: pages of a mapped file count as this process's memory.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from lossurf.inputs.arrays import MatrixSource, to_float64
from lossurf.inputs.faults import fault
from lossurf.inputs.files import open_binary
from lossurf.inputs.npy import NpySource
from lossurf.inputs.tables.dataset import ReadRows
from lossurf.numerics import Matrix

_STAGING_BYTES: Final = 1 << 21  # in the cache between the read and the copy; with less, threads wait for each other

_STAGED_COLUMNS_BYTES: Final = 1 << 20  # of all columns together: a read of fewer rows costs more than what it brings


class NpyRows:
    """An open .npy file of a matrix whose rows can be asked for in any order."""

    def __init__(self, descriptor: int, source: NpySource) -> None:
        self._descriptor = descriptor
        self._source = source
        self._own = threading.local()

    def read(self, start: int, out: Matrix, *, check: bool = True) -> None:
        """Fill `out`, shape (rows, columns wanted) and any layout, with rows `start` on, as float64.

        Raises
        ------
        InputError
            To `check`, at a number that is not finite; where the file ends too soon or cannot be read.
        """
        if self._source.by_column:
            self._read_columns(start, out, check)
        else:
            self._read_rows(start, out, check)

    def _read_rows(self, start: int, out: Matrix, check: bool) -> None:
        width, itemsize = self._source.shape[1], self._source.header.dtype.itemsize
        as_stored = self._source.picked is None and self._source.header.dtype == out.dtype
        if as_stored and out.flags.c_contiguous and not check:
            self._fill(out.reshape(-1), start * width)
            return
        most = max(1, _STAGING_BYTES // (width * itemsize))
        staging = self._staging(most * width)
        for first in range(0, len(out), most):
            rows = min(most, len(out) - first)
            part = staging[: rows * width]
            self._fill(part, (start + first) * width)
            block = part.reshape(rows, width)
            if self._source.picked is not None:
                block = block[:, list(self._source.picked)]
            place = out[first : first + rows]
            if as_stored and not check and place.strides[1] == itemsize:
                whole = np.dtype((np.void, width * itemsize))  # a row as one item, which is copied in one step
                place.view(whole)[...] = block.view(whole)
            else:
                place[...] = self._finite(block, start + first) if check else block

    def _read_columns(self, start: int, out: Matrix, check: bool) -> None:
        """Read part of every column, and bring them into rows while they are in the cache."""
        columns = range(self._source.shape[1]) if self._source.picked is None else self._source.picked
        most = max(1, _STAGED_COLUMNS_BYTES // (len(columns) * self._source.header.dtype.itemsize))
        staging = self._staging(most * len(columns))
        for first in range(0, len(out), most):
            rows = min(most, len(out) - first)
            block = staging[: rows * len(columns)].reshape(len(columns), rows)
            for place, column in enumerate(columns):
                self._fill(block[place], column * self._source.shape[0] + start + first)
            out[first : first + rows] = self._finite(block.T, start + first) if check else block.T

    def _staging(self, count: int) -> NDArray[Any]:
        """Return this thread's own buffer."""
        held: NDArray[Any] | None = getattr(self._own, "staging", None)
        if held is None or len(held) < count:
            held = self._own.staging = np.empty(count, self._source.header.dtype)
        return held

    def _fill(self, part: NDArray[Any], first: int) -> None:
        """Read numbers from the file's `first` number on."""
        wanted = part.view(np.uint8).data
        offset = self._source.header.offset + first * part.itemsize
        while wanted:
            try:
                count = os.preadv(self._descriptor, [wanted], offset)
            except OSError as error:
                reason = error.strerror or str(error)
                raise fault("not-readable", name=self._source.name, reason=reason) from None
            if count == 0:
                raise fault("shrunk", self._source.name)
            wanted, offset = wanted[count:], offset + count

    def _finite(self, block: NDArray[Any], first_row: int) -> NDArray[Any]:
        """Return the block as float64 that are all finite."""
        return to_float64(block, self._source.letter, self._source.name, first_row=first_row)


def rows_of_pair(x: MatrixSource, y: MatrixSource) -> Callable[[], AbstractContextManager[ReadRows]] | None:
    """Return how to open X and Y together for reading by position, or None where either does not allow it."""
    if not (_readable(x) and _readable(y)):
        return None

    @contextmanager
    def opened() -> Iterator[ReadRows]:
        with _open_rows(cast(NpySource, x)) as x_rows, _open_rows(cast(NpySource, y)) as y_rows:

            def read(start: int, X: Matrix, Y: Matrix, *, check: bool = True) -> None:
                x_rows.read(start, X, check=check)
                y_rows.read(start, Y, check=check)

            yield read

    return opened


def _readable(source: MatrixSource) -> bool:
    """Tell whether the system has positioned reads and the numbers are such that reading them leaves no note."""
    if not isinstance(source, NpySource) or source.path is None or not hasattr(os, "preadv"):
        return False
    return source.header.dtype.kind == "f" and source.header.dtype.itemsize <= 8


@contextmanager
def _open_rows(source: NpySource) -> Iterator[NpyRows]:
    with open_binary(cast(Path, source.path)) as file:
        yield NpyRows(file.fileno(), source)
