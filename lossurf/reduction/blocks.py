"""How rows reach a worker's panel: claimed in order under one lock, loaded there or, from random access, outside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from lossurf.errors import InputError
from lossurf.numerics import Matrix
from lossurf.reduction.panels import Panel


class Claim(NamedTuple):
    """A panel's worth of rows that one worker has taken: samples `start` to `start + rows`.

    `load` puts them into the panel; it may run beside other loads. Where a factor shows that not all of them were
    finite, `inspect` loads them again and refuses the first that is not, with its place.
    """

    start: int
    rows: int
    load: Callable[[Panel], None]
    inspect: Callable[[Panel], None]


class ReadRows(Protocol):
    """Fill X (rows, dx) and Y (rows, dy) with samples `start` on, in any thread, to `check` refusing any not finite."""

    def __call__(self, start: int, X: Matrix, Y: Matrix, *, check: bool = True) -> None: ...  # noqa: D102


class RowSource(Protocol):
    """Rows [x y] handed out in order; `claim` is called by one thread at a time."""

    def claim(self, panel: Panel) -> Claim | None:
        """Take up to panel.capacity rows, or None at the end; a source without random access fills the panel now."""
        ...


class StreamSource:
    """Blocks of any size from an iterator, cut anew so that results do not depend on how a reader cuts them.

    A block is copied before the next one is asked for: a reader may reuse its buffers.
    """

    def __init__(self, blocks: Iterable[tuple[Matrix, Matrix]]) -> None:
        self._blocks: Iterator[tuple[Matrix, Matrix]] = iter(blocks)
        self._X = self._Y = np.empty((0, 0))
        self._used = 0
        self._claimed = 0  # samples
        self._read = 0  # samples
        self._block = 0

    def claim(self, panel: Panel) -> Claim | None:
        """See `RowSource`."""
        filled = 0
        while filled < panel.capacity and self._refill():
            rows = min(panel.capacity - filled, len(self._X) - self._used)
            taken, place = slice(self._used, self._used + rows), slice(filled, filled + rows)
            panel.hold(filled + rows)
            panel.X[place], panel.Y[place] = self._X[taken], self._Y[taken]
            filled += rows
            self._used += rows
        if filled == 0:
            return None
        start = self._claimed
        self._claimed += filled
        return Claim(start, filled, _already_loaded, _already_loaded)

    def _refill(self) -> bool:
        """Make sure that a row is at hand; False at the end."""
        while self._used == len(self._X):
            self._X = self._Y = np.empty((0, 0))  # let go of the old block before the next is read
            try:
                self._X, self._Y = next(self._blocks)
            except StopIteration:
                self._used = 0
                return False
            except OSError as error:
                raise unreadable_block(error, self._block, self._read) from error
            self._used = 0
            self._read += len(self._X)
            self._block += 1
        return True


class RandomAccessSource:
    """Rows that any worker can read for itself, into views of its panel."""

    def __init__(self, samples: int, read: ReadRows) -> None:
        self._samples = samples
        self._read = read
        self._next = 0
        self._block = 0

    def claim(self, panel: Panel) -> Claim | None:
        """See `RowSource`."""
        start, rows, block = self._next, min(panel.capacity, self._samples - self._next), self._block
        if rows == 0:
            return None
        panel.hold(rows)
        self._next += rows
        self._block += 1

        def load(panel: Panel, *, check: bool = False) -> None:
            try:
                self._read(start, panel.X, panel.Y, check=check)
            except OSError as error:
                raise unreadable_block(error, block, start) from error

        return Claim(start, rows, load, partial(load, check=True))


def unreadable_block(error: OSError, block: int, start: int) -> InputError:
    """Say at which block reading failed."""
    place = f"{error.filename}, " if error.filename else ""
    return InputError(
        f"the data could not be read to the end: {error.strerror or error}",
        where=f"{place}block {block + 1}, from sample {start + 1} on",
        remedy="check that the file is complete and its disk or mount is reachable, then run again",
    )


def _already_loaded(panel: Panel) -> None:
    """Do nothing: blocks of a stream were finite before they were handed over."""
