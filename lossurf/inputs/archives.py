"""Zip archives whose directory is short: the standard library reads all of it before it says how long it is.

Two million entries take a 110 MB file, a gigabyte of memory and half a minute. Entries are counted first, in the place
where zipfile looks for them (PKWARE's APPNOTE 6.3, sections 4.3.12 to 4.3.16), and no further than to the limit.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

from lossurf.inputs.faults import fault
from lossurf.inputs.files import open_binary

MOST_ENTRIES: Final = 20_000
"""Twice the layers that a network may have, for their biases; a second to list."""

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s24x3H12x")  # signature, lengths of name, extra and comment
_LONGEST_COMMENT: Final = 1 << 16
_LARGEST_DIRECTORY: Final = MOST_ENTRIES * 1024  # bytes: names and extras of a kilobyte on average


def open_archive(name: str, file: Path | BinaryIO) -> zipfile.ZipFile:
    """Open an archive of a bounded number of entries.

    Parameters
    ----------
    name : str
        For messages.
    file : path or seekable binary file

    Raises
    ------
    InputError
        If it lists more than MOST_ENTRIES, or its directory takes more than a kilobyte for each.
    zipfile.BadZipFile, OSError
        If it is no archive or cannot be read.
    """
    if isinstance(file, Path):
        with open_binary(file) as opened:
            _require_short(name, opened)
    else:
        _require_short(name, file)
    return zipfile.ZipFile(file)


def _require_short(name: str, file: BinaryIO) -> None:
    size, end = _directory(file)
    if size > _LARGEST_DIRECTORY:
        raise fault("too-many-entries", name, most=MOST_ENTRIES)
    file.seek(max(end - size, 0))
    directory, at, count = file.read(size), 0, 0
    while at + _ENTRY.size <= len(directory):
        signature, *lengths = _ENTRY.unpack_from(directory, at)
        if signature != b"PK\1\2":
            break  # damage, which zipfile names
        at, count = at + _ENTRY.size + sum(lengths), count + 1
        if count > MOST_ENTRIES:
            raise fault("too-many-entries", name, most=MOST_ENTRIES)


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Return the size of the archive's directory and where it ends; zeros where there is none."""
    length = file.seek(0, io.SEEK_END)
    start = max(length - _END.size - _LONGEST_COMMENT, 0)
    file.seek(start)
    tail = file.read()
    # without a comment it is the last record, otherwise the last that looks like one
    whole = tail[-_END.size :]
    found = len(tail) - _END.size if whole[:4] == b"PK\5\6" and whole[-2:] == b"\0\0" else tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) < found + _END.size:
        return 0, 0
    size, end = _END.unpack_from(tail, found)[5], start + found
    return _directory_64(file, end) or (size, end)


def _directory_64(file: BinaryIO, end: int) -> tuple[int, int] | None:
    """Do the same for large archives, whose directory is described by a record before its end."""
    before = end - _LOCATOR_64.size - _END_64.size
    if before < 0:
        return None
    file.seek(before)
    record = file.read(_END_64.size + _LOCATOR_64.size)
    if record[:4] != b"PK\6\6" or record[_END_64.size : _END_64.size + 4] != b"PK\6\7":
        return None
    return _END_64.unpack_from(record)[8], before
