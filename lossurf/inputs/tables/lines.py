"""A text table as lines of cells: unpacked, decoded, without comments, quotes understood."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from lossurf.inputs.faults import fault, place
from lossurf.inputs.files import open_binary
from lossurf.inputs.tables.cells import is_comment

if TYPE_CHECKING:
    from gzip import GzipFile

LONGEST_LINE: Final = 1 << 25  # a million columns of 25 characters: a longer line is not a table of samples
_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_SEPARATOR_LINE: Final = re.compile(r'"?sep=.?"?', re.IGNORECASE)  # a spreadsheet's note to itself
_OPENS: Final = re.compile(r'(?:^|[,;|\s])"')  # a quote inside a cell, such as that of 12", opens nothing
_BLANKS: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.|"")*)"(?=\s|$)|([^\s"]\S*))')  # R escapes quotes with a backslash


@contextmanager
def open_text(path: Path, encoding: str | None = None) -> Iterator[TextIO]:
    """Open a table, unpacking gzip; what is not text is refused by the line it is met in.

    Raises
    ------
    InputError
    """
    with open_binary(path) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            binary = unpacked(raw) if packed else raw
            encoding = encoding or _encoding(binary.read(4))
            binary.seek(0)
            with io.TextIOWrapper(binary, encoding=encoding, errors="strict") as text:
                yield text
        except UnicodeError as error:
            raise fault("not-text", _undecodable(path, encoding), reason=_decoding(error)) from None
        except _damages() as error:
            raise fault("damaged", name=str(path), format="gzip", reason=str(error)) from None
        except OSError as error:
            raise fault("not-readable", name=str(path), reason=error.strerror or str(error)) from None


def unpacked(raw: BinaryIO) -> GzipFile:
    """Return what a gzip file holds."""
    import gzip  # few tables are packed

    return gzip.GzipFile(fileobj=raw)


def _damages() -> tuple[type[Exception], ...]:
    import gzip
    import zlib

    return EOFError, zlib.error, gzip.BadGzipFile


def _undecodable(path: Path, encoding: str | None) -> str:
    """Name the line of the first byte that is not UTF-8; in other encodings a byte tells no line."""
    if encoding not in ("utf-8", "utf-8-sig"):
        return str(path)
    with open_binary(path) as raw, suppress(OSError, *_damages()):  # damaged further on as well
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        binary = unpacked(raw) if packed else raw
        for number, line in enumerate(iter(lambda: binary.readline(LONGEST_LINE), b""), 1):
            if not _is_utf8(line):
                return place(str(path), line=number)
    return str(path)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encoding(start: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), "utf-8")


def _decoding(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02x} is not {error.encoding}"
    return str(error)


def lines_of(text: TextIO, name: str, number: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold cells or nothing, numbered from the `number` before them on, without comment lines.

    A cell in quotes may hold line breaks: such a line goes on to the one where its quotes close.

    Raises
    ------
    InputError
        At a line that is too long, holds a null character, or never closes its quotes.
    """
    while line := text.readline(LONGEST_LINE):
        number += 1
        first = number
        if '"' in line and line.count('"') % 2 and _OPENS.search(line) and not is_comment(line):
            line, number = _until_quotes_close(text, line, number, name)
        if len(line) >= LONGEST_LINE:
            raise fault("long-line", place(name, line=first), limit=LONGEST_LINE)
        if "\0" in line:
            raise fault("not-text", place(name, line=first), reason="it holds null characters")
        if not is_comment(line) and not (first == 1 and _SEPARATOR_LINE.fullmatch(line.rstrip())):
            yield first, line


def _until_quotes_close(text: TextIO, line: str, number: int, name: str) -> tuple[str, int]:
    """Add lines until the quotes are even; at the end of the file, or after too much, they never close."""
    first, parts, size = number, [line], len(line)
    while size < LONGEST_LINE and (more := text.readline(LONGEST_LINE)):
        number += 1
        parts.append(more)
        size += len(more)
        if more.count('"') % 2:
            return "".join(parts), number
    raise fault("bad-quotes", place(name, line=first))


def split(line: str, delimiter: str | None, where: str) -> list[str]:
    """Split one line into cells, quotes taken off, blanks around cells stripped and line breaks in them made blanks.

    Raises
    ------
    InputError
        If quotes do not close.
    """
    line = line.rstrip("\r\n")
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    if delimiter is None:
        return _split_blanks(line, where)
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise fault("bad-quotes", where) from None
    return [" ".join(cell.split()) if "\n" in cell else cell.strip() for cell in cells]


def _split_blanks(line: str, where: str) -> list[str]:
    cells, at, line = [], 0, line.rstrip()
    while at < len(line):
        match = _BLANKS.match(line, at)
        if match is None:
            raise fault("bad-quotes", where)
        quoted, bare = match.groups()
        cells.append(bare if quoted is None else " ".join(quoted.replace('\\"', '"').replace('""', '"').split()))
        at = match.end()
    return cells
