"""Opening files: only regular ones, only for reading, with a message that says which and why not."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from lossurf.inputs.faults import fault, hint

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)

# What stands in a checkout for a large file whose content was not fetched: how it begins, its name, what fetches it.
_POINTERS: Final = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "git lfs pull"),
    (b"version https://hawser.github.com/spec/", "a Git LFS pointer", "git lfs pull"),  # its name before 2015
    (b"/annex/objects/", "a git-annex pointer", "git annex get"),
)
_LARGEST_POINTER: Final = 1024  # bytes; Git LFS's specification says less, git-annex's are a path


def file_size(path: Path) -> int:
    """Return the size of a regular, non-empty file in bytes; symbolic links are followed.

    Raises
    ------
    InputError
        If there is no such file, or it is a directory, pipe, device or socket, or it is empty, or a pointer of Git LFS
        or git-annex lies in its place.
    """
    name = str(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        if path.is_symlink() and "/annex/objects/" in path.readlink().as_posix():
            raise fault("pointer", name=name, kind="a git-annex pointer", command="git annex get") from None
        raise fault("no-file", name=name, hint=_neighbour(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise fault("not-readable", name=name, reason=_reason(error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise fault("is-directory", name=name)
    for test, kind in _KINDS:
        if test(status.st_mode):
            raise fault("not-regular", name=name, kind=kind)
    if status.st_size == 0:
        raise fault("empty-file", name=name)
    if status.st_size <= _LARGEST_POINTER:
        _require_content(path)
    return status.st_size


def _require_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(_LARGEST_POINTER)
    except OSError:
        return  # whoever reads it says why it cannot be
    require_no_pointer(start, str(path))


def require_no_pointer(start: bytes, name: str) -> None:
    """Refuse the content of a file that stands for one which was not fetched.

    Raises
    ------
    InputError
    """
    for beginning, kind, command in _POINTERS:
        if start.startswith(beginning):
            raise fault("pointer", name=name, kind=kind, command=command)


def is_directory(path: Path) -> bool:
    """Tell whether there is a directory of this name; a name that no file can have is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises where there can be none


def exists(path: Path) -> bool:
    """Tell whether there is anything of this name that may be looked at; a name that no file can have is nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def open_binary(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises
    ------
    InputError
        As `file_size`, and if it may not be read.
    """
    file_size(path)
    try:
        return io.BufferedReader(_Checked(path))
    except OSError as error:
        raise fault("not-readable", name=str(path), reason=_reason(error)) from None


class _Checked(io.FileIO):
    """A file whose failures in the middle of reading, of the disk or the network below it, are refusals by name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path = path

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise fault("not-readable", name=str(self._path), reason=_reason(error)) from None

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        with self._telling():
            return super().readinto(buffer)  # type: ignore[no-any-return, unused-ignore]

    def readall(self) -> bytes:
        """Read to the end."""
        with self._telling():
            return super().readall()

    def seekable(self) -> bool:
        """Say what holds for a regular file; asking would take a failing disk for a pipe."""
        return True

    def tell(self) -> int:
        """Return the position."""
        with self._telling():
            return super().tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a byte."""
        with self._telling():
            return super().seek(offset, whence)

    def close(self) -> None:
        """Close the file, where even that can report an error of the reading."""
        with self._telling():
            super().close()


def ending(path: Path, known: tuple[str, ...]) -> str | None:
    """Return the longest of the known endings (lower case, such as ".csv.gz") that the file name has."""
    name = path.name.lower()
    return max((end for end in known if name.endswith(end) and len(name) > len(end)), key=len, default=None)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _neighbour(path: Path) -> str:
    """Suggest the nearest name in the nearest directory that exists."""
    parent = path.parent
    if not is_directory(parent):
        return ""
    try:
        names = [entry.name for entry in islice(parent.iterdir(), 1000)]
    except OSError:
        return ""
    return hint(path.name, names)
