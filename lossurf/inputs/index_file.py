"""Checkpoints in several files: an index such as model.safetensors.index.json, which says where each array is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final

import numpy as np

from lossurf.inputs.faults import fault, listing, size_text
from lossurf.inputs.files import file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.order import natural_key
from lossurf.inputs.tensors import Tensor, TensorFile

INDEX: Final = ".index.json"
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
    weight_map = _weight_map(index, path)
    shards = sorted(set(weight_map.values()), key=natural_key)
    sizes = [file_size(path.parent / shard) for shard in shards]
    require_memory(f"{path}, {len(shards)} shards", 2 * sum(sizes), limit)
    files = {shard: read(path.parent / shard, limit) for shard in shards}
    found = [tensor for shard in shards for tensor in _held(path, files[shard], shard, weight_map)]
    notes = [note for file in files.values() for note in file.notes]
    total = index.get("metadata")
    notes += _size_notes(path, found, total.get("total_size") if isinstance(total, Mapping) else None)
    return TensorFile(str(path), tuple(found), tuple(notes))


def require_whole(path: Path) -> None:
    """Refuse one shard of several: what the others hold is a part of the same network.

    Raises
    ------
    InputError
    """
    shard = _SHARD.fullmatch(path.name)
    if shard is None or int(shard["count"]) < 2:
        return
    file_size(path)
    name = f"{shard['stem']}{shard['ending']}{INDEX}"
    index = path.with_name(name)
    beside = "beside it" if index.exists() else "that was saved with the shards, once all lie in one directory"
    raise fault(
        "one-shard", str(path), number=int(shard["number"]), count=int(shard["count"]), index=name, beside=beside
    )


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


def _weight_map(index: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return the shard of each array, a file below the directory of the index."""
    for shard in index["weight_map"].values():
        if not isinstance(shard, str) or not shard or "\0" in shard:
            raise fault("damaged", name=str(path), format="index", reason="'weight_map' names no file")
        parts = {*PurePosixPath(shard).parts, *PureWindowsPath(shard).parts}
        if ".." in parts or PurePosixPath(shard).is_absolute() or PureWindowsPath(shard).anchor:
            raise fault("shard-outside", str(path), shard=shard)
        if shard.lower().endswith(INDEX):
            raise fault("damaged", name=str(path), format="index", reason=f"{shard!r} is an index itself")
    return dict(index["weight_map"])


def _held(path: Path, file: TensorFile, shard: str, weight_map: Mapping[str, str]) -> list[Tensor]:
    """Return the arrays of a shard, which are those the index says are there."""
    held = {tensor.name: tensor for tensor in file.tensors}
    wanted = {name for name, where in weight_map.items() if where == shard}
    for names, fact in ((wanted - set(held), "is not in"), (set(held) - wanted, "is also in")):
        if names:
            found = listing(sorted(names, key=lambda name: natural_key(str(name))))
            raise fault("index-disagrees", str(path), names=found, fact=fact, shard=shard)
    return list(file.tensors)


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
