"""One reader per format of checkpoint, in a table: a new format is one more entry."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO, Final

from numpy.typing import NDArray

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.flax import orbax_item, read_msgpack, read_orbax
from lossurf.inputs.checkpoints.index import INDEX, KERAS_INDEX, read_index, require_whole
from lossurf.inputs.checkpoints.keras import read_keras
from lossurf.inputs.checkpoints.safetensors import read_safetensors
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, array_tensor, unreadable
from lossurf.inputs.checkpoints.torch import read_torch
from lossurf.inputs.faults import FAULTS, fault, hint, listing
from lossurf.inputs.files import ending, exists, file_size, is_directory, open_binary, require_no_pointer
from lossurf.inputs.memory import require_memory
from lossurf.inputs.npy import MAGIC, promised_size, read_array, read_header
from lossurf.inputs.npz import NpzMember, npz_file, npz_members
from lossurf.inputs.order import natural_key
from lossurf.inputs.recipes import flattening_line, refuse_checkpoint

STANDARD_INPUT: Final = Path("-")
_STANDARD_INPUT_NAME: Final = "standard input"
_PIECE: Final = 1 << 20
_ZIP: Final = b"PK"
_MOST_ARRAYS: Final = 10_000  # each header is read; no network that is analysed has so many layers, biases included


def read_tensors(path: Path, limit: int) -> TensorFile:
    """List the arrays of a checkpoint file by the reader of its format.

    Raises
    ------
    InputError
    """
    if path == STANDARD_INPUT:
        return _standard_input(limit)
    if is_directory(path):
        return _read_directory(path, limit)
    require_whole(path)
    return _read_file(path, limit)


def _read_directory(path: Path, limit: int) -> TensorFile:
    item = orbax_item(path)
    if item is not None:
        return read_orbax(item, limit)
    if exists(path / ".metadata") and _holds(path, "*.distcp"):
        command = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch"
        raise fault("dcp", name=str(path), line=f"{command} {quote(str(path))} {quote(f'{path}.pt')}")
    raise fault("checkpoint-directory", name=str(path), example=_example(path))


def checkpoints_in(path: Path) -> list[Path] | None:
    """Return the checkpoint files in a directory, in natural order; None for a file, or a checkpoint of many files."""
    if not is_directory(path) or _is_checkpoint(path):
        return None
    try:
        found = [each for each in path.iterdir() if ending(each, tuple(READERS)) or _is_checkpoint(each)]
    except OSError as error:
        raise fault("not-readable", name=str(path), reason=error.strerror or str(error)) from None
    return sorted(found, key=lambda each: natural_key(each.name))


def _is_checkpoint(directory: Path) -> bool:
    """Tell whether a directory is one checkpoint: one that holds several is a run of them."""
    try:
        return orbax_item(directory) is not None or _holds(directory, "*.distcp")
    except InputError:
        return False


def _holds(directory: Path, pattern: str) -> bool:
    try:
        return any(directory.glob(pattern))
    except OSError:
        return False


def _example(directory: Path) -> str:
    """Suggest the file that is most likely meant: an index before what it lists."""
    try:
        names = sorted((path.name for path in directory.iterdir()), key=natural_key)
    except OSError:
        return ""
    known = [name for name in names if ending(Path(name), tuple(READERS))]
    found = [name for name in known if name.endswith((INDEX, KERAS_INDEX))] or known
    return f", such as {str(directory / found[0])!r}" if found else ""


def _read_file(path: Path, limit: int) -> TensorFile:
    end = ending(path, tuple(READERS))
    if end is None:
        file_size(path)
        refuse_checkpoint(path)
        suggestion = hint(path.suffix or path.name, READERS)
        raise fault("unknown-format", name=str(path), hint=suggestion, known=listing(READERS, 20))
    file_size(path)
    return READERS[end](path, limit)


def _npz_tensors(name: str, members: dict[str, NpzMember], limit: int) -> TensorFile:
    if len(members) > _MOST_ARRAYS:
        raise fault("too-many-arrays", name, count=len(members), most=_MOST_ARRAYS)
    return TensorFile(name, tuple(_npz_tensor(member, limit) for member in members.values()))


def _npz_tensor(member: NpzMember, limit: int) -> Tensor:
    try:
        header = member.header(limit)
    except InputError as error:  # the user may not have asked for this one
        if error.what != FAULTS["object-array"][0]:
            return unreadable(member.name, error)
        error = _objects(member.archive, member.where)  # a state dict saved as one array is one
        return replace(unreadable(member.name, error), dtype="object")
    return Tensor(member.name, header.shape, header.number_type, lambda: member.array(limit))


def _objects(name: str, where: str) -> InputError:
    known = name != _STANDARD_INPUT_NAME
    return fault("nested-objects", where, line=flattening_line(name)) if known else fault("object-array", where)


def _read_npz(path: Path, limit: int) -> TensorFile:
    return _npz_tensors(str(path), npz_file(path), limit)


def _read_npy(path: Path, limit: int) -> TensorFile:
    held = file_size(path)
    with open_binary(path) as file:
        try:
            header = read_header(file, held, str(path))
        except InputError as error:
            raise _objects(str(path), str(path)) if error.what == FAULTS["object-array"][0] else error from None
    require_memory(str(path), header.nbytes, limit)
    return TensorFile(
        str(path), (Tensor("W1", header.shape, header.number_type, lambda: _npy_array(path)),), named=False
    )


def _npy_array(path: Path) -> NDArray[Any]:
    with open_binary(path) as file:
        return read_array(file, read_header(file, file_size(path), str(path)), str(path))


def _standard_input(limit: int) -> TensorFile:
    name = _STANDARD_INPUT_NAME
    if sys.stdin is None or sys.stdin.isatty():
        raise fault("terminal")
    try:
        data = _drained(sys.stdin.buffer, name, limit)
    except OSError as error:  # a directory, for one
        raise fault("not-readable", name=name, reason=error.strerror or str(error)) from None
    if data.startswith(MAGIC):
        file = io.BytesIO(data)
        return TensorFile(
            name, (array_tensor("W1", read_array(file, read_header(file, len(data), name), name)),), named=False
        )
    return _npz_tensors(name, npz_members(name, data), limit)


def _drained(stream: BinaryIO, name: str, limit: int) -> bytes:
    """Read a stream to its end, or as far as its first bytes say that it goes, piece by piece.

    Asking for `limit` bytes at once would take them at once, and a stream that is no checkpoint may never end.
    """
    start = stream.read(_PIECE)
    if not start:
        raise fault("empty-file", name=name)
    require_no_pointer(start, name)
    if not start.startswith((MAGIC, _ZIP)):
        raise fault("damaged", name=name, format=".npz", reason="it does not begin as one")
    most = promised_size(start, name) if start.startswith(MAGIC) else None
    require_memory(name, 2 * (most or len(start)), limit)
    pieces, size = [start], len(start)
    while (most is None or size <= most) and (piece := stream.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
        require_memory(name, 2 * size, limit)  # the pieces, and what they are joined to
    return b"".join(pieces)


READERS: Final[dict[str, Callable[[Path, int], TensorFile]]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".safetensors": read_safetensors,
    ".pt": read_torch,
    ".pth": read_torch,
    ".pth.tar": read_torch,
    ".pt.tar": read_torch,
    ".ckpt": read_torch,
    ".bin": read_torch,
    ".weights.h5": read_keras,
    ".keras": read_keras,
    ".h5": read_keras,
    ".hdf5": read_keras,
    ".msgpack": read_msgpack,
    INDEX: lambda path, limit: read_index(path, limit, _read_file),
    KERAS_INDEX: lambda path, limit: read_index(path, limit, _read_file),
}
"""One reader per ending: a new format is one more entry."""
