"""Large plain text tables by the fastest reader installed; whatever is not plain goes the exact way, piece by piece.

A piece is plain when it holds nothing but digits, signs, points, exponents, delimiters and line ends. Polars, Arrow,
pandas and numpy round such numbers correctly, as Python does, so every reader gives the same bits; and a piece that a
reader refuses, or in which it finds less than expected, is read again cell by cell, which gives the same errors.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from lossurf.inputs.files import file_size, open_binary
from lossurf.inputs.tables.lines import unpacked
from lossurf.numerics import Matrix

PIECE: Final = 1 << 21  # bytes read at a time: beyond it no reader gets faster, and each takes several times as much
_FEW: Final = 1 << 15  # bytes of a piece that is read the exact way for the header in it, or with imports
WORTH_IT: Final = 1 << 24  # bytes from which the time saved exceeds that of importing a reader
_LONGEST: Final = 1 << 25  # a line longer than this is told as such by the exact reader

Reader = Callable[[bytes, str, int], Matrix]


@contextmanager
def open_bytes(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a table's bytes, unpacked, and the file below them, which tells how far reading has come."""
    with open_binary(path) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        yield (io.BufferedReader(unpacked(raw)) if packed else raw), raw


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield whole lines: two pieces of a few, for a header and the imports of a reader, then of a few megabytes."""
    rest = b""
    for size in chain(repeat(min(PIECE, _FEW), 2), repeat(PIECE)):
        data = stream.read(size)
        if not data:
            break
        if b"\n" in rest:  # a cell in quotes goes on
            data, rest = rest + data, b""
        end, long = data.rfind(b"\n") + 1, len(rest) + len(data) > _LONGEST
        whole = b"".join((rest, memoryview(data)[:end])) if end else b""
        if whole and (b'"' not in whole or whole.count(b'"') % 2 == 0 or long):
            rest = data[end:]
            del data
            yield whole
        else:
            rest += data
            if long:
                break
    if rest:
        yield rest


def threads_worth() -> int:
    """Return the most threads to convert pieces in: one by numpy, which lets no other run until it has done."""
    return 1 if fastest_reader() is _numpy else 4  # what each is reading is in memory


def read_plain(piece: bytes, delimiter: str, width: int) -> Matrix | None:
    """Convert a piece if it is plain.

    Parameters
    ----------
    piece : bytes
        Whole lines.
    delimiter : str
    width : int
        Cells a line.

    Returns
    -------
    ndarray of float64, shape (lines, width), or None where a closer look is needed.
    """
    if not _is_plain(piece, delimiter.encode()):
        return None
    lines = _count(piece, b"\n") + (not piece.endswith(b"\n"))
    if _count(piece, delimiter.encode()) != lines * (width - 1):
        return None
    try:
        numbers = fastest_reader()(piece, delimiter, width)
    except Exception:  # noqa: BLE001  # each reader has errors of its own; the closer look tells ours
        return None
    whole = numbers.shape == (lines, width) and np.isfinite(numbers).all()
    return np.ascontiguousarray(numbers) if whole else None


def count_lines(piece: bytes) -> int:
    """Count line ends of every kind."""
    lone = piece.count(b"\r") - piece.count(b"\r\n") if b"\r" in piece else 0
    return _count(piece, b"\n") + lone


def worth_pieces(path: Path, encoding: str, delimiter: str | None) -> bool:
    """Tell whether a table is large, and of an encoding whose digits are ASCII bytes."""
    return delimiter is not None and encoding in ("utf-8", "utf-8-sig") and file_size(path) >= WORTH_IT


def _is_plain(piece: bytes, delimiter: bytes) -> bool:
    """Tell whether only characters of numbers are there. Blank lines show as fewer or empty lines in what was read."""
    if piece.translate(None, b"0123456789.+-eE\r\n" + delimiter):
        return False
    return b"\r" not in piece or piece.count(b"\r") == piece.count(b"\r\n")


def _count(piece: bytes, character: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(piece, np.uint8) == character[0]))


@cache
def fastest_reader() -> Reader:
    """Return the fastest reader that is installed, in the measured order."""
    from importlib.util import find_spec

    return next(reader for name, reader in READERS.items() if find_spec(name) is not None)


def _polars(piece: bytes, delimiter: str, width: int) -> Matrix:
    import polars

    table = polars.read_csv(
        piece,
        has_header=False,
        separator=delimiter,
        quote_char=None,
        schema={f"{i}": polars.Float64 for i in range(width)},
    )
    return np.asarray(table.to_numpy())


def _arrow(piece: bytes, delimiter: str, width: int) -> Matrix:
    import pyarrow
    from pyarrow import csv

    names = [f"{i}" for i in range(width)]
    (batch,) = csv.read_csv(
        pyarrow.BufferReader(piece),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(piece) + 1),
        parse_options=csv.ParseOptions(delimiter=delimiter, quote_char=False),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.float64())),
    ).to_batches()
    return np.stack([np.from_dlpack(column) for column in batch.columns], axis=1)  # to_numpy would import pandas


def _pandas(piece: bytes, delimiter: str, width: int) -> Matrix:
    import pandas

    major, minor = map(int, pandas.__version__.split(".")[:2])
    exact = (
        {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}
    )  # before, the default was off by an ulp
    table = pandas.read_csv(
        io.BytesIO(piece),
        header=None,
        names=list(range(width)),
        index_col=False,
        sep=delimiter,
        dtype=np.float64,
        **exact,
    )
    return np.asarray(table.to_numpy())


def _numpy(piece: bytes, delimiter: str, width: int) -> Matrix:  # noqa: ARG001 - the shape is asked of what it gives
    return np.loadtxt(piece.decode().splitlines(), np.float64, delimiter=delimiter, comments=None, ndmin=2)


READERS: Final[dict[str, Reader]] = {"polars": _polars, "pyarrow": _arrow, "pandas": _pandas, "numpy": _numpy}
