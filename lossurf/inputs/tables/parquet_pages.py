"""What the pages of a Parquet file take once unpacked, from their headers, before any of them is unpacked.

A page is unpacked whole, and nothing keeps a writer from making a column one page: 50 kB that take half a gigabyte. The
file's own summary gives columns by row groups only. Parquet format 2, PageHeader in parquet.thrift, in Thrift's compact
protocol.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from lossurf.inputs.files import open_binary

_DICTIONARY: Final = 2  # in the enum PageType
_KIND, _UNPACKED, _STORED = 1, 2, 3  # fields of PageHeader
_ROW_GROUPS, _COLUMNS, _META_DATA = 4, 1, 3  # of FileMetaData, RowGroup and ColumnChunk
_PATH, _LENGTH, _FIRST_PAGE, _FIRST_DICTIONARY = 3, 7, 9, 11  # of ColumnMetaData
_END: Final = struct.Struct("<I4s")
_AT_ONCE: Final = (256, 1 << 16, 1 << 24)  # bytes of a header: its statistics may hold any value
_NO_CONTENT, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12

Chunk = tuple[tuple[bytes, ...], dict[int, int]]


def bytes_of_pages(path: Path, names: Collection[str]) -> int:
    """Bytes that reading some columns takes: of each its dictionary and its largest page, in the worst row group.

    The file's summary is read here and not asked of the library, whose accessors end the process on a damaged one.

    Parameters
    ----------
    path : Path
    names : collection of str
        Columns that are not nested.

    Raises
    ------
    OSError, ValueError, IndexError
        If the summary is not one.
    """
    wanted, worst = {(name.encode(),) for name in names}, 0
    with open_binary(path) as file:
        for group in _row_groups(_Compact(_summary(file))):
            worst = max(worst, sum(_bytes_of_chunk(file, numbers) for column, numbers in group if column in wanted))
    return worst


def _summary(file: BinaryIO) -> bytes:
    end = file.seek(-_END.size, io.SEEK_END)
    length, magic = _END.unpack(file.read(_END.size))
    if magic != b"PAR1" or length > end:
        raise ValueError("it has no summary")
    file.seek(end - length)
    return file.read(length)


def _row_groups(summary: _Compact) -> Iterator[list[Chunk]]:
    for field, kind in summary.fields():
        if field == _ROW_GROUPS and kind in _LISTS:
            for _ in range(summary.items()[1]):
                yield list(_chunks(summary))
        else:
            summary.skip(kind)


def _chunks(summary: _Compact) -> Iterator[Chunk]:
    """Columns of a row group: their paths, and the numbers of ColumnMetaData by field."""
    for field, kind in summary.fields():
        if field == _COLUMNS and kind in _LISTS:
            for _ in range(summary.items()[1]):
                for inner, of_kind in summary.fields():
                    if inner == _META_DATA and of_kind == _STRUCT:
                        yield _chunk(summary)
                    else:
                        summary.skip(of_kind)
        else:
            summary.skip(kind)


def _chunk(summary: _Compact) -> Chunk:
    path: tuple[bytes, ...] = ()
    numbers: dict[int, int] = {}
    for field, kind in summary.fields():
        if field == _PATH and kind in _LISTS:
            path = tuple(summary.binary() for _ in range(summary.items()[1]))
        elif kind in _INTEGERS:
            numbers[field] = summary.integer()
        else:
            summary.skip(kind)
    return path, numbers


def _bytes_of_chunk(file: BinaryIO, numbers: dict[int, int]) -> int:
    first = numbers.get(_FIRST_PAGE, 0)
    if 0 < numbers.get(_FIRST_DICTIONARY, 0) < first:
        first = numbers[_FIRST_DICTIONARY]
    dictionary, largest = 0, 0
    for kind, size in pages(file, first, first + numbers.get(_LENGTH, 0)):
        if kind == _DICTIONARY:
            dictionary = max(dictionary, size)
        else:
            largest = max(largest, size)
    return dictionary + largest


def pages(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield kind and unpacked size of the pages between two places of a file, as far as they can be read.

    What ends them early is damage, which the library meets in the same place.
    """
    while 0 <= start < stop:
        found = _header(file, start)
        if found is None:
            return
        length, fields = found
        yield fields.get(_KIND, 0), max(fields.get(_UNPACKED, 0), 0)
        start += length + max(fields.get(_STORED, 0), 0)


def _header(file: BinaryIO, start: int) -> tuple[int, dict[int, int]] | None:
    for count in _AT_ONCE:
        file.seek(start)
        header = _Compact(file.read(count))
        try:
            fields = header.numbers()
        except IndexError:
            continue
        except (ValueError, RecursionError):
            return None
        return header.at, fields
    return None


class _Compact:
    """A struct in Thrift's compact protocol, of which the numbers are wanted."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def numbers(self) -> dict[int, int]:
        """Return its integers by field; the last of each counts, as for Thrift."""
        found = {}
        for field, kind in self.fields():
            if kind in _INTEGERS:
                found[field] = self.integer()
            else:
                self.skip(kind)
        return found

    def items(self) -> tuple[int, int]:
        """Begin a list: the kind of its items and how many there are."""
        head = self._byte()
        return head & 15, head >> 4 if head >> 4 < 15 else self._varint()

    def binary(self) -> bytes:
        """Return a string."""
        length = self._varint()
        self.at += length
        return self.data[self.at - length : self.at]

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield the fields of a struct with their kinds; each is to be read or skipped."""
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self.integer()
            yield field, head & 15

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError

    def integer(self) -> int:
        """Return a whole number."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int) -> None:
        """Pass over a value of some kind."""
        if kind in _INTEGERS:
            self._varint()
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner)
        elif kind in _LISTS:
            inner, count = self.items()
            for _ in range(count):
                self.skip(_BYTE if inner in _NO_CONTENT else inner)
        elif kind in (_BYTE, _DOUBLE, _BINARY):
            length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._varint()
            self.at += length
        elif kind not in _NO_CONTENT:
            raise ValueError
        if self.at > len(self.data):
            raise IndexError
