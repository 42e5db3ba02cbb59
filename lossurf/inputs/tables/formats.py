"""One opener per format of data file, in a table: a new format is one more entry.

A reader is imported when a file asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lossurf.inputs.arrays import MatrixSource, require_dimensions
from lossurf.inputs.faults import fault, hint, listing
from lossurf.inputs.files import ending, file_size, is_directory, open_binary

if TYPE_CHECKING:
    from lossurf.inputs.npz import NpzMember

Opener = Callable[[Path, str, int], MatrixSource]


def _open_npy(path: Path, letter: str, limit: int) -> MatrixSource:  # noqa: ARG001 - read in blocks, so never too big
    from lossurf.inputs.npy import NpySource, read_header

    held = file_size(path)
    with open_binary(path) as file:
        header = read_header(file, held, str(path))
    require_dimensions(header.shape, letter, str(path))
    return NpySource(lambda: open_binary(path), header, letter, str(path), path=path)


def _open_npz(path: Path, letter: str, limit: int) -> MatrixSource:
    from lossurf.inputs.npz import npz_file

    members = npz_file(path)
    if len(members) == 1:
        return next(iter(members.values())).source(letter, limit)
    return named_array(members, letter, str(path)).source(letter, limit)


def named_array(members: dict[str, NpzMember], letter: str, where: str) -> NpzMember:
    """Return the array called `letter`, in capitals or not.

    Raises
    ------
    InputError
        If there is none, or both spellings are there.
    """
    found = [name for name in members if name.lower() == letter.lower()]
    if len(found) > 1:
        raise fault("two-candidates", name=where, letter=letter, found=listing(found))
    if not found:
        alone = ", or give --autoencoder where Y is X itself" if letter == "Y" else ""
        near = hint(letter, members)
        raise fault("no-array", name=where, letter=letter, found=listing(members), hint=near, alone=alone)
    return members[found[0]]


def _open_text(path: Path, letter: str, limit: int) -> MatrixSource:  # noqa: ARG001 - read in blocks
    from lossurf.inputs.tables.text import open_table

    return open_table(path, letter)


def _open_arrow(path: Path, letter: str, limit: int) -> MatrixSource:
    from lossurf.inputs.tables.arrow import open_arrow

    return open_arrow(path, letter, limit)


OPENERS: Final[dict[str, Opener]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".csv": _open_text,
    ".csv.gz": _open_text,
    ".tsv": _open_text,
    ".tsv.gz": _open_text,
    ".txt": _open_text,
    ".txt.gz": _open_text,
    ".dat": _open_text,
    ".tab": _open_text,
    ".parquet": _open_arrow,
    ".feather": _open_arrow,
    ".arrow": _open_arrow,
    ".arrows": _open_arrow,
    ".ipc": _open_arrow,
}
TABLES: Final = tuple(end for end, opener in OPENERS.items() if opener in {_open_text, _open_arrow})
"""Formats of one table from which --target takes Y."""


def data_ending(path: Path) -> str:
    """Return the ending of a data file.

    Raises
    ------
    InputError
        If no format has it.
    """
    found = ending(path, tuple(OPENERS))
    if found is None:
        file_size(path)  # a missing file is the better message
        _refuse(path)
        raise fault(
            "unknown-format", name=str(path), hint=hint(path.suffix or path.name, OPENERS), known=listing(OPENERS, 20)
        )
    return found


def open_source(path: Path, letter: str, limit: int) -> MatrixSource:
    """Open one data file by its ending.

    Parameters
    ----------
    path : Path
    letter : str
        "X" or "Y".
    limit : int
        Bytes of memory that may be taken.

    Raises
    ------
    InputError
    """
    return OPENERS[data_ending(path)](path, letter, limit)


def find_pair(directory: Path) -> tuple[Path, Path]:
    """Find the one X.* and the one Y.* of a directory, in capitals or not.

    Raises
    ------
    InputError
        If either is missing or there are two candidates.
    """
    x, y = (find_one(directory, letter) for letter in ("X", "Y"))
    return x, y


def find_one(directory: Path, letter: str) -> Path:
    """Find the one X.* or Y.* of a directory, in capitals or not.

    Raises
    ------
    InputError
    """
    try:
        paths = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise fault("not-readable", name=str(directory), reason=error.strerror or str(error)) from None
    found = [path for path in paths if _stem(path) == letter.lower()]
    if not found:
        for path in paths:
            if path.name.lower().startswith(f"{letter.lower()}.") and not is_directory(path):
                _refuse(path)  # of a format that is known and not read
    if len(found) > 1:
        names = listing(path.name for path in found)
        raise fault("two-candidates", name=str(directory), letter=letter, found=names)
    if not found:
        names = listing(path.name for path in paths)
        alone = ", or give --autoencoder where Y is X itself" if letter == "Y" else ""
        raise fault("no-pair", name=str(directory), letter=letter, found=names, alone=alone)
    return found[0]


def _stem(path: Path) -> str | None:
    end = ending(path, tuple(OPENERS))
    return None if end is None else path.name.lower().removesuffix(end)


def _refuse(path: Path) -> None:
    from lossurf.inputs.recipes import refuse_data  # only what is refused needs recipes

    refuse_data(path)
