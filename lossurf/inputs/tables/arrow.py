"""Tables in .parquet, .feather and Arrow's IPC format (extra `arrow`), read a batch of rows at a time."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from shlex import quote
from typing import Any, Final

import numpy as np

from lossurf.errors import LossurfError, MissingExtraError
from lossurf.inputs.arrays import ArraySource, coarser, rechunk, remember, rounding_note, to_float64
from lossurf.inputs.faults import fault, listing, place
from lossurf.inputs.files import ending, file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.tables.ahead import one_ahead
from lossurf.inputs.tables.arrow_sizes import Batch, bytes_unpacked, file_batches, stream_batches
from lossurf.inputs.tables.parquet_pages import bytes_of_pages
from lossurf.inputs.tables.row_names import told_by_types
from lossurf.numerics import Matrix
from lossurf.sizes import size_text

_BUFFER: Final = 1 << 20  # bytes of a column read at once: without one, all of a row group, which may be the file
_WORTH_A_THREAD: Final = 1 << 22  # bytes of a file, which may unpack to many times as much
_FILE, _STREAM, _OLD_FEATHER = "file", "stream", "feather 1"
_DAMAGE: Final = (OSError, EOFError, ValueError, LookupError, TypeError, RecursionError, MemoryError, OverflowError)
_STREAM_END: Final = b"\xff\xff\xff\xff\0\0\0\0"


class ArrowTable:
    """A table of columns that is read again and again, a batch of rows at a time."""

    def __init__(
        self, path: Path, letter: str, names: tuple[str, ...], types: tuple[Any, ...], rows: int, *, limit: int
    ) -> None:
        self.path = path
        self.letter = letter
        self.limit = limit
        self.types = types
        self.rows: int | None = rows
        self.ndim = 2
        self.notes: list[str] = []
        self.columns: tuple[str, ...] | None = names
        self.names = names
        self.row_names = told_by_types(names, tuple(_is_name_type(kind) for kind in types))

    @property
    def name(self) -> str:
        """The file's name as given."""
        return str(self.path)

    @property
    def width(self) -> int:
        """Number of columns read."""
        return len(self.names)

    @property
    def dtype(self) -> str:
        """The coarsest of the columns' number types."""
        return reduce(coarser, (_float_name(kind) for kind in self.types), "float64")

    def blocks(self, rows: int) -> Iterator[Matrix]:
        """Yield finite float64 blocks of exactly `rows` rows, the last one shorter.

        Raises
        ------
        InputError
            At the first column that does not hold numbers, and at the first missing or non-finite value.
        """
        self._require_numbers()
        yield from rechunk(self._batches(rows), rows)

    def _require_numbers(self) -> None:
        from pyarrow import types

        for column, kind in zip(self.names, self.types, strict=True):
            if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
                leave = f"--index {quote(f'y:{column}')}" if self.letter == "Y" else f"--drop {quote(column)}"
                raise fault("column-type", self.name, column=column, dtype=kind, leave=leave)

    def _batches(self, rows: int) -> Iterator[Matrix]:
        start, batches = 0, _batches(self.path, self.names, rows, self.limit)
        for batch in one_ahead(batches) if file_size(self.path) >= _WORTH_A_THREAD else batches:
            arrays = [self._column(batch, index, start) for index in range(len(self.names))]
            if batch.num_rows:
                matrix = np.column_stack(arrays)
                yield to_float64(matrix, self.letter, self.name, first_row=start, columns=self.names)
            start += batch.num_rows

    def _column(self, batch: Any, index: int, start: int) -> Any:
        column, label = batch.column(index), self.names[index]
        if column.null_count:
            row = int(np.flatnonzero(np.asarray(column.is_null().to_numpy(zero_copy_only=False)))[0])
            raise fault("null-cell", place(self.name, row=start + row + 1), column=label)
        array = as_array(column)
        remember(self.notes, rounding_note(array, f"{self.name}, column {label}"))
        return array

    def select(self, indices: tuple[int, ...]) -> ArrowTable:
        """Keep these columns, counted from 0; the others may hold anything."""
        names, types = (tuple(values[i] for i in indices) for values in (self.names, self.types))
        return ArrowTable(self.path, self.letter, names, types, self.rows or 0, limit=self.limit)

    def transposed(self, limit: int) -> ArraySource:
        """Read the whole table and exchange rows and columns."""
        require_memory(self.name, 16 * (self.rows or 0) * self.width, limit)
        array = np.concatenate(list(self.blocks(4096)))
        return ArraySource(array.T, self.letter, self.name)


def as_array(column: Any) -> Any:
    """Return a column without nulls, in its own memory where it can be: pyarrow's `to_numpy` imports pandas first."""
    from pyarrow import types

    return column.to_numpy(zero_copy_only=False) if types.is_boolean(column.type) else np.from_dlpack(column)


def open_arrow(path: Path, letter: str, limit: int) -> ArrowTable:
    """Open a .parquet, .feather or Arrow IPC table; an index that pandas stored beside the columns is left out.

    Raises
    ------
    InputError
    MissingExtraError
        If pyarrow is not installed.
    """
    file_size(path)
    with _reading(path):
        schema, rows = _parquet_facts(path) if _is_parquet(path) else _feather_facts(path)
        index = _pandas_index(schema.metadata)
        kept = [field for field in schema if field.name not in index]
    names = tuple(field.name for field in kept)
    twice, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise fault("two-columns", str(path), count=count, column=twice)
    if not names or not rows:
        raise fault("no-rows", str(path))
    table = ArrowTable(path, letter, names, tuple(field.type for field in kept), rows, limit=limit)
    left = [name for name in index if name in schema.names]
    remember(table.notes, f"{path}: the index {listing(left)} that pandas stored is not read" if left else None)
    return table


def _is_name_type(kind: Any) -> bool:
    """Tell whether a column's type is one of an index: whole numbers, words, dates."""
    from pyarrow import types

    return not (types.is_floating(kind) or types.is_boolean(kind))


def _is_parquet(path: Path) -> bool:
    return ending(path, (".parquet",)) is not None


def _float_name(kind: Any) -> str:
    return {"halffloat": "float16", "float": "float32"}.get(str(kind), "float64")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("arrow", needed_for=f"reading {str(path)!r}") from None
    try:
        yield
    except LossurfError:
        raise
    except (pyarrow.ArrowException, struct.error, *_DAMAGE) as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise fault("damaged", name=str(path), format=path.suffix, reason=reason) from None


def _parquet_facts(path: Path) -> tuple[Any, int]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        return file.schema_arrow, int(file.metadata.num_rows)


def _feather_facts(path: Path) -> tuple[Any, int]:
    form = _form(path)
    if form == _OLD_FEATHER:
        table = _old_feather(path)
        return table.schema, int(table.num_rows)
    with _opened(path, form) as (reader, batches):
        return reader.schema, sum(batch.rows for batch in batches if not batch.of_dictionary)


def _old_feather(path: Path, columns: list[str] | None = None) -> Any:
    """Map a file of Feather's first version, which compresses nothing."""
    from pyarrow import feather

    return feather.read_table(path, columns=columns, memory_map=True, use_threads=False)


def _form(path: Path) -> str:
    """Tell Arrow's file format, its stream format and what Feather was before: any of the endings is used for each."""
    with open_binary(path) as file:
        start = file.read(6)
    return _FILE if start == b"ARROW1" else _OLD_FEATHER if start.startswith(b"FEA1") else _STREAM


@contextmanager
def _opened(path: Path, form: str, columns: Sequence[int] | None = None) -> Iterator[tuple[Any, list[Batch]]]:
    """Open the reader of a file or stream, of these columns alone, with what its batches take."""
    import pyarrow

    options = pyarrow.ipc.IpcReadOptions(use_threads=False, included_fields=columns)
    with pyarrow.memory_map(str(path)) as file:
        if form == _FILE:
            with pyarrow.ipc.open_file(file, options=options) as reader:
                yield reader, file_batches(file)
            return
        batches = stream_batches(file)
        _require_end(path, file)
        file.seek(0)
        with pyarrow.ipc.open_stream(file, options=options) as reader:
            yield reader, batches


def _require_end(path: Path, file: Any) -> None:
    """Refuse a stream that was cut, or that another follows."""
    read, size = file.tell(), file.size()
    file.seek(max(0, read - len(_STREAM_END)))
    if file.read(len(_STREAM_END)) != _STREAM_END:  # the library takes a file cut between batches for a whole one
        raise fault("damaged", name=str(path), format=path.suffix, reason="it ends before the stream's end mark")
    if read < size:  # and stops at the first of several streams
        raise fault("trailing-bytes", str(path), extra=size_text(size - read))


def _batches(path: Path, names: tuple[str, ...], rows: int, limit: int) -> Generator[Any, None, None]:
    with _reading(path):
        if _is_parquet(path):
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path, buffer_size=_BUFFER) as file:
                require_memory(f"{path} unpacked", bytes_of_pages(path, names), limit)
                for batch in file.iter_batches(batch_size=rows, columns=list(names), use_threads=False):
                    yield batch.select(list(names))
        elif (form := _form(path)) == _OLD_FEATHER:
            table = _old_feather(path, list(names))
            table.validate(full=True)
            yield from table.select(list(names)).to_batches(max_chunksize=rows)
        else:
            yield from _ipc_batches(path, form, names, rows, limit)


def _ipc_batches(path: Path, form: str, names: tuple[str, ...], rows: int, limit: int) -> Iterator[Any]:
    with _opened(path, form) as (reader, batches):
        schema = reader.schema
        wanted = sorted(schema.names.index(name) for name in names)
        require_memory(f"{path} unpacked", bytes_unpacked(batches, schema.types, wanted), limit)
    with _opened(path, form, wanted) as (reader, _):
        each = (reader.get_batch(k) for k in range(reader.num_record_batches)) if form == _FILE else reader
        for batch in each:
            batch.validate(full=True)
            kept = batch.select(list(names))
            yield from (kept.slice(start, rows) for start in range(0, kept.num_rows, rows))


def _pandas_index(metadata: dict[bytes, bytes] | None) -> list[str]:
    """Names of the columns that pandas calls the index."""
    try:
        columns = json.loads((metadata or {})[b"pandas"])["index_columns"]
        return [column for column in columns if isinstance(column, str)]
    except (KeyError, ValueError, TypeError, RecursionError):
        return []
