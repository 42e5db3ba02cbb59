"""The .npy format (NumPy Enhancement Proposal 1), read without pickle and without believing the header.

The header is checked against the bytes that are really there before memory is taken; rows are then read in blocks.
"""

from __future__ import annotations

import ast
import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import InputError
from lossurf.inputs.arrays import MatrixSource, remember, require_numeric, rounding_note, to_float64
from lossurf.inputs.faults import fault
from lossurf.numerics import Matrix
from lossurf.sizes import size_text

MAGIC: Final = b"\x93NUMPY"
_LARGEST_HEADER: Final = 1 << 16  # a header of plain numbers takes 128 bytes; record types, refused anyway, take more
_MOST_DIMENSIONS: Final = 32  # what every NumPy has
_DTYPE = re.compile(r"[<>|=]?[a-zA-Z?]\d*(\[\w+\])?")


class Readable(Protocol):
    """What is needed of an open file or archive member."""

    def read(self, count: int = -1, /) -> bytes:
        """Return up to `count` bytes."""
        ...

    def seek(self, offset: int, /) -> int:
        """Move to a byte."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


@dataclass(frozen=True)
class NpyHeader:
    """What an .npy header says: the number type, Fortran order, the shape, and where the numbers start."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    offset: int

    @cached_property
    def nbytes(self) -> int:
        """Bytes of numbers the header promises."""
        return math.prod(self.shape) * self.dtype.itemsize

    @cached_property
    def number_type(self) -> str:
        """Name of the number type."""
        return self.dtype.name


def read_header(file: Readable, held: int, where: str) -> NpyHeader:
    """Read and check a header.

    Parameters
    ----------
    file : Readable
        At the start of the array; left at its first number.
    held : int
        Bytes from here to the end of the array's file.
    where : str
        The place for messages.

    Raises
    ------
    InputError
        If it is not an .npy header, or the numbers are not plain real ones, or the size does not agree with `held`.
    """
    header = _header(*_header_text(file, where), where)
    promised = header.offset + header.nbytes
    if promised > held:
        raise fault("lying-header", where, promised=size_text(header.nbytes), held=size_text(held - header.offset))
    if promised < held:
        raise fault("trailing-bytes", where, extra=size_text(held - promised))
    return header


def promised_size(start: bytes, where: str) -> int:
    """Return how many bytes the array takes whose file begins with `start`, header included.

    Raises
    ------
    InputError
        If it is not an .npy header, or the numbers are not plain real ones.
    """
    header = _header(*_header_text(io.BytesIO(start), where), where)
    return header.offset + header.nbytes


def _header_text(file: Readable, where: str) -> tuple[str, int]:
    start = file.read(8)
    if start[:6] != MAGIC or len(start) < 8:
        raise fault("damaged", name=where, format=".npy", reason="it does not begin as one")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if start[6] not in (1, 2, 3) or length > _LARGEST_HEADER:
        raise fault("damaged", name=where, format=".npy", reason="its header has an unknown version or length")
    text = file.read(length)
    if len(text) < length:
        raise fault("damaged", name=where, format=".npy", reason="it ends inside the header")
    try:
        return text.decode("utf-8" if start[6] == 3 else "latin-1"), 8 + width + length
    except UnicodeDecodeError:
        raise fault("damaged", name=where, format=".npy", reason="its header is not text") from None


def _header(text: str, offset: int, where: str) -> NpyHeader:
    return _known(text, offset) or _read(text, offset, where)


@lru_cache(maxsize=256)  # the checkpoints of a run have the same few headers
def _known(text: str, offset: int) -> NpyHeader | None:
    """Return what a header says; None where it is to be refused, which takes the place where it stands."""
    try:
        return _read(text, offset, "")
    except InputError:
        return None


def _read(text: str, offset: int, where: str) -> NpyHeader:
    try:
        descr, fortran, shape = _fields(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        reason = "its header is not a description of an array"
        raise fault("damaged", name=where, format=".npy", reason=reason) from None
    dtype = _number_type(descr, where)
    require_numeric(dtype, where)
    return NpyHeader(dtype, fortran, shape, offset)


def _fields(text: str) -> tuple[object, bool, tuple[int, ...]]:
    """Return number type, order and shape of a header; raise what reading a literal raises where it is none."""
    fields = ast.literal_eval(re.sub(r"(\d)L\b", r"\1", text.strip()))  # Python 2 wrote shapes as (3L, 4L)
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise ValueError
    descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(fortran, bool) or not isinstance(shape, tuple):
        raise ValueError
    if len(shape) > _MOST_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError
    return descr, fortran, shape


def _number_type(descr: object, where: str) -> np.dtype[Any]:
    if isinstance(descr, list):
        raise fault("structured-array", where, dtype="a record")
    if not isinstance(descr, str) or not _DTYPE.fullmatch(descr):
        raise fault("damaged", name=where, format=".npy", reason="its header names no number type")
    if descr.lstrip("<>|=")[0] in "aSU":  # never built: the length in the name could be anything
        raise fault("text-array", where, dtype=descr)
    try:
        return np.dtype(descr)
    except (TypeError, ValueError, OverflowError):
        raise fault("unknown-dtype", where, dtype=descr) from None


def read_exactly(file: Readable, count: int, where: str) -> bytes:
    """Read `count` bytes.

    Raises
    ------
    InputError
        If the file ends before.
    """
    data = file.read(count)
    if len(data) < count:
        raise fault("shrunk", where)
    return data


class NpySource:
    """A vector or matrix in .npy form, read in row blocks from a file that can be opened again."""

    def __init__(
        self,
        opener: Callable[[], Readable],
        header: NpyHeader,
        letter: str,
        name: str,
        *,
        transpose: bool = False,
        picked: tuple[int, ...] | None = None,
        path: Path | None = None,
    ) -> None:
        self.opener = opener
        self.path = path  # where the array is a file of its own
        self.header = header
        self.letter = letter
        self.name = name
        self.transpose = transpose
        self.picked = picked
        shape = header.shape if len(header.shape) == 2 else (*header.shape, 1)
        self.shape = shape[::-1] if transpose else shape  # samples, variables
        self.rows: int | None = self.shape[0]
        self.width = self.shape[1] if picked is None else len(picked)
        self.ndim = len(header.shape)
        self.dtype = header.number_type
        self.columns: tuple[str, ...] | None = None
        self.notes: list[str] = []

    @property
    def by_column(self) -> bool:
        """Whether the numbers of a variable, rather than of a sample, lie side by side."""
        return self.header.fortran != self.transpose and self.shape[1] > 1

    def blocks(self, rows: int) -> Iterator[Matrix]:
        """Yield finite float64 blocks of exactly `rows` rows, the last one shorter."""
        total = self.shape[0]
        with self.opener() as file:
            for start in range(0, total, rows):
                count = min(rows, total - start)
                block = self._columns(file, start, count) if self.by_column else self._rows(file, start, count)
                block = block if self.picked is None else block[:, list(self.picked)]
                remember(self.notes, rounding_note(block, self.name))
                yield to_float64(block, self.letter, self.name, first_row=start)

    def _rows(self, file: Readable, start: int, count: int) -> NDArray[Any]:
        width = self.shape[1]
        row_bytes = width * self.header.dtype.itemsize
        file.seek(self.header.offset + start * row_bytes)
        data = read_exactly(file, count * row_bytes, self.name)
        return np.frombuffer(data, self.header.dtype).reshape(count, width)

    def _columns(self, file: Readable, start: int, count: int) -> NDArray[Any]:
        itemsize = self.header.dtype.itemsize
        block = np.empty((self.shape[1], count), self.header.dtype)
        for column in range(self.shape[1]):
            file.seek(self.header.offset + (column * self.shape[0] + start) * itemsize)
            block[column] = np.frombuffer(read_exactly(file, count * itemsize, self.name), self.header.dtype)
        return block.T

    def select(self, indices: tuple[int, ...]) -> NpySource:
        """Keep these columns, counted from 0."""
        return NpySource(
            self.opener,
            self.header,
            self.letter,
            self.name,
            transpose=self.transpose,
            picked=tuple(indices),
            path=self.path,
        )

    def transposed(self, limit: int) -> MatrixSource:  # noqa: ARG002 - another order of reading takes no memory
        """Exchange rows and columns."""
        return NpySource(self.opener, self.header, self.letter, self.name, transpose=not self.transpose, path=self.path)


def read_array(file: Readable, header: NpyHeader, where: str) -> NDArray[Any]:
    """Read a whole checked array from where `read_header` left the file."""
    data = read_exactly(file, header.nbytes, where)
    numbers = np.frombuffer(data, header.dtype)
    return numbers.reshape(header.shape[::-1]).T if header.fortran else numbers.reshape(header.shape)
