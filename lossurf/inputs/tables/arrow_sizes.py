"""What the batches of Arrow's IPC formats take once unpacked, from their metadata, before any of them is unpacked.

Arrow columnar format 1.5, "Serialization and Interprocess Communication", with its Message.fbs and File.fbs. The first
eight bytes of a compressed buffer say how long it is unpacked, or -1 where it is stored as it is, and the library takes
that many before it looks further. What is not compressed is mapped from the file and takes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MAGIC: Final = b"ARROW1"
_DICTIONARY, _RECORDS = 2, 3  # in the union MessageHeader
_BLOCK: Final = np.dtype([("offset", "<i8"), ("metadata", "<i4"), ("padding", "<i4"), ("body", "<i8")])
_BUFFER: Final = np.dtype([("offset", "<i8"), ("length", "<i8")])
_PREFIX: Final = 8  # bytes before a compressed buffer


@dataclass(frozen=True)
class Batch:
    """Rows of one batch, and the bytes that each of its buffers takes."""

    rows: int
    taken: NDArray[np.int64]
    of_dictionary: bool

    def of(self, buffers: NDArray[np.bool_] | None) -> int:
        """Bytes of some of the buffers; of all where it is not known which they are."""
        taken = self.taken if buffers is None or len(buffers) != len(self.taken) else self.taken[buffers]
        return sum(taken.tolist())  # of Python: what is declared may not fit into 64 bits


def file_batches(file: Any) -> list[Batch]:
    """List the batches of a file in the order of its footer, dictionaries first.

    Parameters
    ----------
    file : pyarrow.NativeFile
        Which `pyarrow.ipc.open_file` took for one: it verifies the footer.
    """
    import pyarrow

    end = file.size() - len(_MAGIC) - 4
    file.seek(end)
    (length,) = struct.unpack("<i", file.read(4))
    file.seek(end - length)
    footer = _root(file.read(length))
    found: list[Batch] = []
    for at in (2, 3):
        for block in footer.vector(at, _BLOCK):
            file.seek(int(block["offset"]))
            found += _of_message(pyarrow.ipc.read_message(file))
    return found


def stream_batches(file: Any) -> list[Batch]:
    """List the batches of a stream, which is left where the library stops reading it."""
    import pyarrow

    return [batch for message in pyarrow.ipc.MessageReader.open_stream(file) for batch in _of_message(message)]


def bytes_unpacked(batches: Sequence[Batch], types: Sequence[Any], wanted: Sequence[int]) -> int:
    """Bytes that reading these columns takes: all dictionaries, and two batches, as one follows the other.

    Parameters
    ----------
    batches : sequence of Batch
    types : sequence of pyarrow.DataType
        Of all columns of the table.
    wanted : sequence of int
        Columns that are read, counted from 0.
    """
    buffers = _buffers_of(types, wanted)
    sizes = [batch.of(buffers) for batch in batches if not batch.of_dictionary]
    dictionaries = sum(batch.of(None) for batch in batches if batch.of_dictionary)
    return dictionaries + max([0, *sizes[:1], *(one + other for one, other in pairwise(sizes))])


def _buffers_of(types: Sequence[Any], wanted: Sequence[int]) -> NDArray[np.bool_] | None:
    """Tell which buffers of a batch are those of some columns; None where nested columns stand among them."""
    counts = [_buffer_count(kind) for kind in types]
    if None in counts:
        return None
    starts = [0, *accumulate(count or 0 for count in counts)]
    found = np.zeros(starts[-1], dtype=bool)
    for column in wanted:
        found[starts[column] : starts[column + 1]] = True
    return found


def _buffer_count(kind: Any) -> int | None:
    """Buffers of a column: which values are there, where they begin, and the values."""
    from pyarrow import types

    if types.is_primitive(kind) or types.is_dictionary(kind) or types.is_decimal(kind):
        return 2
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return 3
    return None


def _of_message(message: Any) -> Iterator[Batch]:
    table = _root(message.metadata.to_pybytes())
    kind, header = table.integer(1, "B"), table.table(2)
    if header is not None and kind == _DICTIONARY:
        header = header.table(1)
    if header is None or kind not in (_DICTIONARY, _RECORDS):
        return
    buffers = header.vector(2, _BUFFER)
    taken = np.zeros(len(buffers), dtype=np.int64)
    if header.table(3) is not None:
        taken = _declared(np.frombuffer(message.body or b"", dtype=np.uint8), buffers)
    yield Batch(header.integer(0, "q"), taken, kind == _DICTIONARY)


def _declared(body: NDArray[np.uint8], buffers: NDArray[Any]) -> NDArray[np.int64]:
    """Read the lengths before the buffers of a body; 0 where a buffer lies outside, which the library refuses."""
    offsets, taken = buffers["offset"], np.zeros(len(buffers), dtype=np.int64)
    there = (buffers["length"] >= _PREFIX) & (offsets >= 0) & (offsets <= len(body) - _PREFIX)
    prefixes = body[offsets[there][:, None] + np.arange(_PREFIX)]
    taken[there] = np.maximum(np.ascontiguousarray(prefixes).view("<i8")[:, 0], 0)
    return taken


def _root(data: bytes) -> _Table:
    return _Table(data, struct.unpack_from("<I", data)[0])


@dataclass(frozen=True)
class _Table:
    """A table of a flatbuffer: fields by their numbers, those that were left out being absent."""

    data: bytes
    at: int

    def _field(self, number: int) -> int | None:
        slots = self.at - self._read("<i", self.at)
        slot = 4 + 2 * number
        if slot >= self._read("<H", slots):
            return None
        offset = self._read("<H", slots + slot)
        return self.at + offset if offset else None

    def _read(self, form: str, at: int) -> int:
        return int(struct.unpack_from(form, self.data, at)[0])

    def integer(self, number: int, form: str) -> int:
        at = self._field(number)
        return 0 if at is None else self._read(f"<{form}", at)

    def table(self, number: int) -> _Table | None:
        at = self._field(number)
        return None if at is None else _Table(self.data, at + self._read("<I", at))

    def vector(self, number: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        at = self._field(number)
        if at is None:
            return np.empty(0, dtype)
        start = at + self._read("<I", at)
        return np.frombuffer(self.data, dtype, self._read("<I", start), start + 4)
