"""The .npz format: a zip archive of .npy arrays, listed and bounded before anything is unpacked, never written out."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from numpy.typing import NDArray

from lossurf.errors import LossurfError
from lossurf.inputs.archives import open_archive
from lossurf.inputs.arrays import ArraySource, MatrixSource, require_dimensions
from lossurf.inputs.faults import fault, place
from lossurf.inputs.files import open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.npy import NpyHeader, NpySource, Readable, read_array, read_header

# what zipfile raises on damaged archives, and what it lets through from the modules below it
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
)
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # what stands before an entry: signature, lengths of name and extra
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_UTF8_NAME = 1 << 11
_SMALL: Final = 1 << 20  # bytes of a file that is read whole when it is opened


@contextmanager
def reading(name: str, format_name: str) -> Iterator[None]:
    """Turn every way an archive can be damaged into the one message."""
    try:
        yield
    except LossurfError:  # it has its message already
        raise
    except _lzma_damage() as error:
        reason = str(error) or type(error).__name__
        raise fault("damaged", name=name, format=format_name, reason=reason) from None


def _lzma_damage() -> tuple[type[Exception], ...]:
    try:
        from lzma import LZMAError
    except ImportError:  # Python was built without it, and zipfile says so itself
        return _DAMAGE
    return (*_DAMAGE, LZMAError)


class _Member:
    """An open archive member whose damage is reported by name."""

    def __init__(self, file: zipfile.ZipExtFile, name: str) -> None:
        self.file = file
        self.name = name

    def read(self, count: int = -1, /) -> bytes:
        """Return up to `count` bytes."""
        with reading(self.name, ".npz"):
            return self.file.read(count)

    def seek(self, offset: int, /) -> int:
        """Move to a byte."""
        with reading(self.name, ".npz"):
            return self.file.seek(offset)

    def __enter__(self) -> _Member:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.file.close()


def _opened(archive: Path | bytes, entry: zipfile.ZipInfo) -> zipfile.ZipExtFile:
    """Open an entry where the archive's directory, read once, says that it lies.

    `ZipFile.open` would read the whole directory again for every entry: a network of 2,000 layers is read 4,000 times.
    """
    file = open_binary(archive) if isinstance(archive, Path) else io.BytesIO(archive)
    try:
        file.seek(entry.header_offset)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if signature != _LOCAL_SIGNATURE:
            raise zipfile.BadZipFile(f"no entry begins where {entry.filename!r} should")
        name = file.read(name_length).decode("utf-8" if entry.flag_bits & _UTF8_NAME else "cp437")
        if name != entry.orig_filename:
            raise zipfile.BadZipFile(f"the entry {name!r} lies where {entry.filename!r} should")
        file.seek(extra_length, io.SEEK_CUR)
        return zipfile.ZipExtFile(file, "r", entry, None, True)
    except BaseException:
        file.close()
        raise


def _content(archive: bytes, entry: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of an entry that is stored as it is, whole and undamaged; else None.

    What `_opened` does and ZipExtFile after it, for a tenth of the time: most of reading a small checkpoint was theirs.
    """
    at, size = entry.header_offset, entry.file_size
    name = at + _LOCAL_HEADER.size
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != size or at < 0 or name > len(archive):
        return None
    signature, name_length, extra_length = _LOCAL_HEADER.unpack_from(archive, at)
    told = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8_NAME else "cp437", "replace")
    start = name + name_length + extra_length
    content = archive[start : start + size]
    if signature != _LOCAL_SIGNATURE or archive[name : name + name_length] != told:
        return None
    return content if len(content) == size and zlib.crc32(content) == entry.CRC else None


@dataclass(frozen=True)
class NpzMember:
    """One entry of an archive, not yet unpacked; `file` is the archive itself, or what it holds; `where` is told."""

    archive: str
    name: str
    entry: zipfile.ZipInfo
    file: Path | bytes
    where: str

    def open(self) -> Readable:
        """Open the member's bytes."""
        if isinstance(self.file, bytes) and (content := _content(self.file, self.entry)) is not None:
            return io.BytesIO(content)
        with reading(self.archive, ".npz"):  # what is packed, or damaged, which zipfile tells
            return _Member(_opened(self.file, self.entry), self.where)

    def header(self, limit: int) -> NpyHeader:
        """Read the array's header, after holding the declared size against the memory limit.

        Raises
        ------
        InputError
        """
        if not self.entry.filename.endswith(".npy"):
            raise fault("not-npy-entry", self.archive, array=self.name)
        if self.entry.compress_type != zipfile.ZIP_STORED:
            require_memory(f"array {self.name!r} unpacked", self.entry.file_size, limit, self.archive)
        return self._header

    @cached_property
    def _header(self) -> NpyHeader:
        with self.open() as file:
            return read_header(file, self.entry.file_size, self.where)

    def array(self, limit: int) -> NDArray[Any]:
        """Unpack the whole array.

        Raises
        ------
        InputError
        """
        require_memory(f"array {self.name!r}", self.entry.file_size, limit, self.archive)
        header = self._header
        with self.open() as file:
            file.seek(header.offset)
            return read_array(file, header, self.where)

    def source(self, letter: str, limit: int) -> MatrixSource:
        """Give a vector or matrix in row blocks; what cannot be read in order of its rows is unpacked whole.

        Raises
        ------
        InputError
        """
        header = self.header(limit)
        require_dimensions(header.shape, letter, self.where)
        stored = self.entry.compress_type == zipfile.ZIP_STORED
        if stored and (not header.fortran or self.entry.file_size > limit):  # too large: read slowly, but read
            return _StoredSource(self.open, header, letter, self.where, member=self)
        array = self.array(limit)
        return ArraySource(array.reshape(array.shape[0], -1), letter, self.where, ndim=array.ndim)


class _StoredSource(NpySource):
    """An uncompressed member, whose bytes are found again only by reading those before them."""

    def __init__(self, *args: Any, member: NpzMember, **options: Any) -> None:
        super().__init__(*args, **options)
        self.member = member

    def transposed(self, limit: int) -> MatrixSource:
        """Exchange rows and columns: in memory, if there is room."""
        if self.by_column or self.member.entry.file_size > limit:
            return super().transposed(limit)
        array = self.member.array(limit)
        return ArraySource(array.reshape(array.shape[0], -1).T, self.letter, self.name, ndim=array.ndim)


def npz_members(name: str, file: Path | bytes) -> dict[str, NpzMember]:
    """List the arrays of an archive by name, in the order they were stored.

    Parameters
    ----------
    name : str
        For messages.
    file : path, or the bytes of an archive that is in memory

    Raises
    ------
    InputError
        If it is not a zip archive, or holds a name twice or an encrypted entry.
    """
    opened = io.BytesIO(file) if isinstance(file, bytes) else file
    with reading(name, ".npz"), open_archive(name, opened) as archive:
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    members: dict[str, NpzMember] = {}
    for entry in entries:
        array = entry.filename.removesuffix(".npy")
        if array in members:
            raise fault("twice-in-archive", name, array=array)
        if entry.flag_bits & 0x1:
            raise fault("encrypted", name, array=array)
        members[array] = NpzMember(name, array, entry, file, place(name, array=array))
    return members


def npz_file(path: Path) -> dict[str, NpzMember]:
    """List the arrays of an .npz file.

    Raises
    ------
    InputError
    """
    with open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size) if size <= _SMALL else path  # once, and not twice for every array
    return npz_members(str(path), content)
