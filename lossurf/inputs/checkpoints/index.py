"""Checkpoints in several files: an index such as model.safetensors.index.json, which says where each array is.

Keras's model.weights.json says where each group of arrays is, as a path that begins with a slash.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import numpy as np

from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.faults import fault, listing
from lossurf.inputs.files import exists, file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.order import natural_key
from lossurf.sizes import size_text

INDEX: Final = ".index.json"
KERAS_INDEX: Final = ".weights.json"
_KERAS_SHARD: Final = re.compile(r"(?P<stem>.+)_(?P<number>\d{5})\.weights\.h5", re.ASCII | re.IGNORECASE)
_NOT_READ: Final = re.compile(r"/(optimizer|metrics|seed_generator)[/_]")  # beside Keras's layers
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,9})-of-(?P<count>\d{1,9})(?P<ending>\.[A-Za-z]\w*)", re.ASCII)
_LARGEST: Final = 1 << 26  # bytes of an index; a hundred for each array of the largest models make a few million

Reader = Callable[[Path, int], TensorFile]


def read_index(path: Path, limit: int, read: Reader) -> TensorFile:
    """Read every shard that an index names, as one file.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes of memory that may be taken.
    read : callable
        Reads one shard.

    Returns
    -------
    TensorFile

    Raises
    ------
    InputError
        If the index is damaged, names files outside its directory, or is not that of its shards.
    """
    index = _index(path, limit)
    stated = _weight_map(index, path)
    weight_map = {name: found for name, found in stated.items() if not _NOT_READ.match(f"{name}/")}
    shards = sorted({shard for found in weight_map.values() for shard in found}, key=natural_key)
    sizes = [file_size(path.parent / shard) for shard in shards]
    require_memory(f"{path}, {len(shards)} shards", 2 * sum(sizes), limit)
    files = {shard: read(path.parent / shard, limit) for shard in shards}
    found = [tensor for shard in shards for tensor in _held(path, files[shard], shard, weight_map)]
    notes = [note for file in files.values() for note in file.notes]
    metadata = index.get("metadata")
    if isinstance(metadata, Mapping) and len(weight_map) == len(stated):
        notes += _size_notes(path, found, metadata.get("total_size"))
    return TensorFile(str(path), tuple(found), tuple(notes))


def require_whole(path: Path) -> None:
    """Refuse one shard of several: what the others hold is a part of the same network.

    Raises
    ------
    InputError
    """
    keras, shard = _KERAS_SHARD.fullmatch(path.name), _SHARD.fullmatch(path.name)
    if keras is not None:
        index = path.with_name(f"{keras['stem']}{KERAS_INDEX}")
        number, of = int(keras["number"]) + 1, ""
        if not exists(index):  # it may be the whole network after an epoch of this number
            return
    elif shard is not None and int(shard["count"]) > 1:
        index = path.with_name(f"{shard['stem']}{shard['ending']}{INDEX}")
        number, of = int(shard["number"]), f" of {int(shard['count'])}"
    else:
        return
    file_size(path)
    beside = "beside it" if exists(index) else "that was saved with the shards, once all lie in one directory"
    raise fault("one-shard", str(path), number=number, of=of, index=index.name, beside=beside)


def _index(path: Path, limit: int) -> Mapping[str, Any]:
    require_memory(str(path), 10 * file_size(path), min(limit, 10 * _LARGEST))
    try:
        with open_binary(path) as file:
            index = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise fault("damaged", name=str(path), format="JSON", reason=str(error)[:200]) from None
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict) or not index["weight_map"]:
        raise fault("damaged", name=str(path), format="index", reason="it holds no table 'weight_map'")
    return index


def _weight_map(index: Mapping[str, Any], path: Path) -> dict[str, list[str]]:
    """Return the shards of each array, or group of arrays: files below the directory of the index."""
    weight_map = {name: found if isinstance(found, list) else [found] for name, found in index["weight_map"].items()}
    for shard in (shard for found in weight_map.values() for shard in found):
        if not isinstance(shard, str) or not shard or "\0" in shard:
            raise fault("damaged", name=str(path), format="index", reason="'weight_map' names no file")
        parts = {*PurePosixPath(shard).parts, *PureWindowsPath(shard).parts}
        if ".." in parts or PurePosixPath(shard).is_absolute() or PureWindowsPath(shard).anchor:
            raise fault("shard-outside", str(path), shard=shard)
        if shard.lower().endswith((INDEX, KERAS_INDEX)):
            raise fault("damaged", name=str(path), format="index", reason=f"{shard!r} is an index itself")
    return weight_map


def _held(path: Path, file: TensorFile, shard: str, weight_map: Mapping[str, list[str]]) -> list[Tensor]:
    """Return the arrays of a shard, which are those the index says are there."""
    wanted = {name for name, found in weight_map.items() if shard in found}
    tensors = [tensor for tensor in file.tensors if not _NOT_READ.match(f"/{tensor.name}/")]
    keys = {tensor.name: _key(tensor.name, wanted) for tensor in tensors}
    missing = wanted - {key for key in keys.values() if key is not None}
    more = {name for name, key in keys.items() if key is None}
    facts: tuple[tuple[set[str], str], ...] = ((missing, "is not in"), (more, "is also in"))
    for names, fact in facts:
        if names:
            ordered = sorted(names, key=natural_key)
            raise fault("index-disagrees", str(path), names=listing(ordered), fact=fact, shard=shard)
    return tensors


def _key(name: str, wanted: set[str]) -> str | None:
    """Return the key of the index that stands for an array: its name, or that of a group it is in."""
    if name in wanted:
        return name
    parts = f"/{name}".split("/")
    groups = ("/".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((group for group in groups if group in wanted), None)


def _size_notes(path: Path, tensors: list[Tensor], stated: object) -> list[str]:
    """Hold the bytes of all arrays against those the index states, which count arrays that share memory once."""
    real = isinstance(stated, int | float) and not isinstance(stated, bool) and math.isfinite(stated)
    try:
        held = sum(math.prod(tensor.shape) * _itemsize(tensor.dtype) for tensor in tensors)
    except TypeError:
        return []  # a number type that numpy does not know
    if not real or stated == held:
        return []
    texts = size_text(float(stated)), size_text(held)  # type: ignore[arg-type]  # a number, as `real` says
    if float(stated) > held:  # type: ignore[arg-type]
        raise fault("index-size", str(path), stated=texts[0], held=texts[1])
    return [f"{path}: the index states {texts[0]} and its shards hold {texts[1]}"]


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
