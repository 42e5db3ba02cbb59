"""X and Y as the analysis takes them: described, and read in row blocks as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from lossurf.inputs.faults import fault
from lossurf.numerics import Matrix

if TYPE_CHECKING:
    from lossurf.inputs.tables.summary import Summary

Pairs = Iterator[tuple[Matrix, Matrix]]


class ReadRows(Protocol):
    """Fill X (rows, dx) and Y (rows, dy) with samples `start` on, in any thread, to `check` refusing any not finite."""

    def __call__(self, start: int, X: Matrix, Y: Matrix, *, check: bool = True) -> None: ...  # noqa: D102


# 4 MiB of float64: larger blocks leave the cache, smaller ones repeat the QR's overhead
_BLOCK_NUMBERS: Final = 1 << 19
_MOST_ROWS: Final = 8192


@dataclass(frozen=True, eq=False)
class Dataset:
    """Validated data, read when `blocks` is called.

    Attributes
    ----------
    x, y : str
        Where X and Y come from, for reports.
    dx, dy : int
        Columns of X and Y.
    dtype : str
        The coarser of the two stored number types.
    data_eps : float
        Relative precision of the stored numbers.
    x_names, y_names : tuple of str, or None
        Column names, where the files have them.
    samples : int or None
        Number of samples, where it is known before reading.
    summary : Summary or None
        For data that were reduced before: there are no samples to read.
    size : int or None
        Bytes of the files.
    """

    x: str
    y: str
    dx: int
    dy: int
    dtype: str
    data_eps: float
    x_names: tuple[str, ...] | None
    y_names: tuple[str, ...] | None
    _pairs: Callable[[int], Pairs] = field(repr=False, compare=False)
    _notes: tuple[list[str], ...] = field(repr=False, compare=False, default=())
    samples: int | None = None
    summary: Summary | None = field(repr=False, compare=False, default=None)
    size: int | None = None
    _position: Callable[[], int] | None = field(repr=False, compare=False, default=None)
    _open_rows: Callable[[], AbstractContextManager[ReadRows]] | None = field(repr=False, compare=False, default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report should say about the reading; complete once the blocks were read."""
        return tuple(dict.fromkeys(note for notes in self._notes for note in notes))

    def blocks(self, rows: int | None = None) -> Pairs:
        """Yield finite float64 blocks of X, shape (rows, dx), and Y, shape (rows, dy); callable again.

        Parameters
        ----------
        rows : int, optional
            Rows of every block but the last.

        Raises
        ------
        InputError
            At the first value that is not a finite number, or where X and Y differ in length; for a summary.
        """
        if self.summary is not None:
            raise fault("samples-needed", self.x)
        return self._pairs(rows or max(1, min(_MOST_ROWS, _BLOCK_NUMBERS // (self.dx + self.dy))))

    def with_inputs(self, change: Callable[[Matrix], Matrix], **facts: Any) -> Dataset:
        """Return the dataset with every block of X changed, and the given fields with it.

        Raises
        ------
        InputError
            For a summary, which holds no samples to change.
        """
        if self.summary is not None:
            raise fault("samples-needed", self.x)

        def pairs(rows: int) -> Pairs:
            for X, Y in self.blocks(rows):
                yield change(X), Y

        return replace(self, _pairs=pairs, _open_rows=None, **facts)

    def mirrored(self) -> Dataset:
        """Return the dataset with Y the same as X, as an autoencoder has it, after X was changed."""

        def pairs(rows: int) -> Pairs:
            for X, _ in self.blocks(rows):
                yield X, X

        return replace(self, y=self.x, dy=self.dx, y_names=self.x_names, _pairs=pairs, _open_rows=None)

    def with_note(self, note: str) -> Dataset:
        """Return the dataset with one more note."""
        return replace(self, _notes=(*self._notes, [note]))

    def by_position(self) -> AbstractContextManager[ReadRows] | None:
        """Open the data for reading rows in any order, from any thread; None where their files do not allow it.

        The function it gives, read(start, X, Y, check=True), fills X (rows, dx) and Y (rows, dy) with finite samples
        from the 0-based `start` on and raises InputError or OSError; without `check` the reader looks for itself.
        """
        return None if self._open_rows is None else self._open_rows()

    def bytes_read(self, samples: int) -> int | None:
        """Return how many bytes of the files have been read once so many samples were; None where it is not known."""
        if self._position is not None:
            return self._position()
        if self.size is None or not self.samples:
            return None
        return self.size * samples // self.samples
