"""What the pages of a Parquet file take once unpacked, from their headers, before any of them is unpacked.

A page is unpacked whole, and nothing keeps a writer from making a column one page: 50 kB that take half a gigabyte. The
file's own summary gives columns by row groups only. Parquet format 2, PageHeader in parquet.thrift, in Thrift's compact
protocol.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from lossurf.inputs.files import open_binary

_DICTIONARY: Final = 2  # in the enum PageType
_KIND, _UNPACKED, _STORED = 1, 2, 3  # fields of PageHeader
_AT_ONCE: Final = (256, 1 << 16, 1 << 24)  # bytes of a header: its statistics may hold any value
_NO_CONTENT, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12


def bytes_of_pages(path: Path, metadata: Any, names: Collection[str]) -> int:
    """Bytes that reading some columns takes: of each its dictionary and its largest page, in the worst row group.

    Parameters
    ----------
    path : Path
    metadata : pyarrow.parquet.FileMetaData
    names : collection of str
        Columns that are not nested.

    Raises
    ------
    OSError
    """
    schema, wanted, worst = metadata.schema, set(names), 0
    columns = [k for k in range(metadata.num_columns) if schema.column(k).path in wanted]
    with open_binary(path) as file:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            worst = max(worst, sum(_bytes_of_chunk(file, group.column(k)) for k in columns))
    return worst


def _bytes_of_chunk(file: BinaryIO, chunk: Any) -> int:
    first = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < (chunk.dictionary_page_offset or 0) < first:
        first = chunk.dictionary_page_offset
    dictionary, largest = 0, 0
    for kind, size in pages(file, first, first + chunk.total_compressed_size):
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
        for field, kind in self._fields():
            if kind in _INTEGERS:
                found[field] = self._integer()
            else:
                self._pass(kind)
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
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

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _pass(self, kind: int) -> None:
        if kind in _INTEGERS:
            self._varint()
        elif kind == _STRUCT:
            for _, inner in self._fields():
                self._pass(inner)
        elif kind in _LISTS:
            head = self._byte()
            inner, count = head & 15, head >> 4 if head >> 4 < 15 else self._varint()
            for _ in range(count):
                self._pass(_BYTE if inner in _NO_CONTENT else inner)
        elif kind in (_BYTE, _DOUBLE, _BINARY):
            length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._varint()
            self.at += length
        elif kind not in _NO_CONTENT:
            raise ValueError
        if self.at > len(self.data):
            raise IndexError
