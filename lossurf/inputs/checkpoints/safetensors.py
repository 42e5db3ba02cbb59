"""Checkpoints in .safetensors (extra `safetensors`), bfloat16 included, which NumPy has no type for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import MissingExtraError
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, widened_bfloat16
from lossurf.inputs.faults import fault, place
from lossurf.inputs.files import file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.order import natural_key

# The format's number types (little-endian) and NumPy's; bfloat16 is read as its bits.
_DTYPES: Final = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def read_safetensors(path: Path, limit: int) -> TensorFile:
    """Read a .safetensors file; the library checks the header against the bytes that are there.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes of memory that may be taken.

    Returns
    -------
    TensorFile

    Raises
    ------
    InputError
        If the file is damaged or too large.
    MissingExtraError
        If the library is not installed.
    """
    try:
        import safetensors
    except ImportError:
        raise MissingExtraError("safetensors", needed_for=f"reading {str(path)!r}") from None
    require_memory(str(path), 2 * file_size(path), limit)  # the file's bytes, and the library's copy of them
    with open_binary(path) as file:
        data = file.read()
    try:
        deserialize: Any = safetensors.deserialize
        entries = deserialize(data)
    except (safetensors.SafetensorError, ValueError, OverflowError, UnicodeError) as error:
        raise fault("damaged", name=str(path), format=".safetensors", reason=str(error)) from None
    entries = sorted(entries, key=lambda entry: natural_key(entry[0]))  # the library gives them in any order
    return TensorFile(str(path), tuple(_tensor(path, name, entry) for name, entry in entries), ordered=False)


def _tensor(path: Path, name: str, entry: dict[str, Any]) -> Tensor:
    shape = tuple(int(size) for size in entry["shape"])
    stored = str(entry["dtype"])
    dtype = "bfloat16" if stored == "BF16" else np.dtype(_DTYPES[stored]).name if stored in _DTYPES else stored

    def load() -> NDArray[Any]:
        if stored not in _DTYPES:
            raise fault("tensor-kind", place(str(path), layer=name), kind=f"stored as {stored}")
        array = np.frombuffer(entry["data"], _DTYPES[stored]).reshape(shape)
        return widened_bfloat16(array) if stored == "BF16" else array

    return Tensor(name, shape, dtype, load)
