"""Checkpoints of Keras: .weights.h5, .keras and the older .h5, read with h5py alone (extra `keras`)."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import LossurfError, MissingExtraError
from lossurf.inputs.archives import open_archive
from lossurf.inputs.arrays import require_numeric
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, unreadable
from lossurf.inputs.faults import fault, place
from lossurf.inputs.files import file_size
from lossurf.inputs.memory import require_memory
from lossurf.inputs.npz import reading

_LAYERS_OF_OLDER: Final = "model_weights"  # before Keras 3
_LAYERS_OF_CHAINS: Final = "_layer_checkpoint_dependencies"  # in the first releases of Keras 3
_CHAINS: Final = ("Sequential", "Functional", "Model")  # "Model" was the functional one's name before Keras 2.4
# What lies beside the layers.
_BESIDE: Final = ("optimizer", "optimizer_weights", "metrics", "seed_generator", "top_level_model_weights")
# What is read, what does nothing to samples that are vectors, and what only training does.
_IDENTITIES: Final = (
    *("Dense", "EinsumDense", "Sequential", "Functional", "Model", "Activation"),
    *("InputLayer", "Identity", "Flatten", "Reshape"),
    *("Dropout", "SpatialDropout1D", "GaussianDropout", "AlphaDropout", "GaussianNoise", "ActivityRegularization"),
)
_MERGES: Final = ("Add", "Subtract", "Average", "Concatenate", "Multiply", "Dot", "Maximum", "Minimum")
_NOTHING: Final = re.compile(r"(input|input_layer|identity|flatten|reshape|\w*dropout\w*|\w*noise|activity\w*)(_\d+)?")
_DEEPEST: Final = 16
_MOST: Final = 100_000  # datasets; a link back to a group above would otherwise be followed for ever


def read_keras(path: Path, limit: int) -> TensorFile:
    """Read the weights of a .keras archive, or of an HDF5 weights file.

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
        If the file is damaged or too large, or a link in it leads elsewhere.
    MissingExtraError
        If h5py is not installed.
    """
    _h5py(path)
    file_size(path)
    if not path.name.lower().endswith(".keras"):
        return _hdf5(path, str(path), "", limit)
    with reading(str(path), ".keras"), open_archive(str(path), path) as archive:
        weights = _member(archive, "model.weights.h5", path, limit)
        config = _member(archive, "config.json", path, limit)
    return _hdf5(io.BytesIO(weights), str(path), config, limit)


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("keras", needed_for=f"reading {str(path)!r}") from None
    return h5py


def _member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    if name not in archive.namelist():
        raise fault("damaged", name=str(path), format=".keras", reason=f"it holds no {name}")
    require_memory(f"{name} unpacked", archive.getinfo(name).file_size, limit, str(path))
    return archive.read(name)


def _layer_configs(config: bytes | str) -> tuple[str, list[dict[str, Any]]]:
    """Return the class of the model and the descriptions of its layers, those of models within it among them."""
    try:
        model = json.loads(config)
        found: list[dict[str, Any]] = []
        waiting = list(reversed(model["config"]["layers"]))
        while waiting:
            layer = waiting.pop()
            found.append({**layer["config"], "class": str(layer["class_name"])})
            waiting += reversed(layer["config"].get("layers", []))
        return str(model["class_name"]), found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", []  # a description of another kind tells nothing


def _between(config: bytes | str, name: str) -> tuple[str, ...]:
    """Say what the file's own description has between the layers that is left out."""
    notes = []
    for layer in _layer_configs(config)[1]:
        left = None
        if layer.get("activation") not in (None, "linear"):
            left = f"has the activation {layer['activation']!r}"
        elif layer["class"] not in (*_IDENTITIES, *_MERGES):
            left = f"is of the class {layer['class']}"
        if left is not None:
            notes.append(f"{name}: layer {layer.get('name')!r} {left}, which is left out: the network read is linear")
    return tuple(notes)


def _is_beside(key: str) -> bool:
    first, *others = key.split("/")
    return first in _BESIDE or "seed_generator" in others


def _without_weights(file: Any, older: str | None, name: str) -> tuple[str, ...]:
    """Say which layers without weights are left out, where the file names its layers and does not describe them."""
    group = file.get(older or "layers", file if "layer_names" in file.attrs else {})
    names = group if hasattr(group, "keys") else ()
    empty = [key for key in names if hasattr(group[key], "keys") and not _datasets(group[key], name)]
    left = [key for key in empty if key not in _BESIDE and not _NOTHING.fullmatch(key)]
    return tuple(f"{name}: layer {key!r} has no weights and is left out: the network read is linear" for key in left)


def _merges(config: bytes | str, name: str) -> Iterator[Tensor]:
    """Stand in for the layers that join several others, so that nothing is read as a chain that is none."""
    for layer in _layer_configs(config)[1]:
        if layer["class"] in _MERGES:
            kind = f"joins the outputs of several layers ({layer['class']})"
            remedy = "save the matrix of the whole block, from its input to its output, as one layer"
            called = str(layer.get("name"))
            error = fault("not-linear", name, name=called, kind=kind, remedy=remedy)
            yield replace(unreadable(called, error), dtype="layer")


def _sequence(file: Any, root: str) -> tuple[str, ...]:
    """Return the arrays in the order that the older format lists their layers in."""
    return tuple(
        "/".join((root, layer, array))
        for layer in map(_text, file[root].attrs.get("layer_names", ()))
        if layer in file[root]
        for array in map(_text, file[root][layer].attrs.get("weight_names", ()))
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _is_chain(file: Any, config: bytes | str) -> bool:
    """Tell whether the model is of a class that lists its layers in their order; a class of the user's may not."""
    if model := _layer_configs(config)[0]:
        return model in _CHAINS
    if _LAYERS_OF_OLDER in file:
        return False
    called = _text(file["vars"].attrs.get("name", "")) if "vars" in file else ""
    return _LAYERS_OF_CHAINS in file or re.fullmatch(r"(sequential|functional)(_\d+)?", called) is not None


def _title(file: Any, key: str) -> str:
    """Return an array's name with the names that the user gave to the layers above it, which the format keeps apart."""
    groups = key.split("/")
    for i in range(len(groups) - 2):
        beside = "/".join((*groups[: i + 1], "vars"))
        if beside in file and (called := _text(file[beside].attrs.get("name", ""))):
            groups[i] = called
    return "/".join(groups)


def _hdf5(source: Path | BinaryIO, name: str, config: bytes | str, limit: int) -> TensorFile:
    with _opened(source, name) as file:
        config = config or file.attrs.get("model_config", "")  # older files hold their description in them
        older = _LAYERS_OF_OLDER if _LAYERS_OF_OLDER in file else None
        tensors = _datasets(file if older is None else file[older], name, older or "")
        beside = [key for key in file if key in _BESIDE and len(file[key])]
        tensors = [(key, *facts) for key, *facts in tensors if not _is_beside(key)]
        chain = _is_chain(file, config)
        found = tuple(
            replace(_tensor(source, name, key, (shape, dtype), limit), title=None if chain else _title(file, key))
            for key, shape, dtype in tensors
        )
        sequence = _sequence(file, older) if chain and older else None
        between = _between(config, name) if config else _without_weights(file, older, name)
    said = (f"{name}: {', '.join(beside)} beside the layers is not read",) if beside else ()
    tensors_read = (*found, *_merges(config, name))
    return TensorFile(name, tensors_read, (*between, *said), sequence=sequence, counted=chain, ordered=False)


@contextmanager
def _opened(source: Path | BinaryIO, name: str) -> Iterator[Any]:
    h5py = _h5py(Path(name))
    try:
        with h5py.File(source, "r") as file:
            yield file
    except LossurfError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise fault("damaged", name=name, format="HDF5", reason=str(error).strip("\"'")[:200]) from None


def _datasets(group: Any, name: str, prefix: str = "") -> list[tuple[str, tuple[int, ...], Any]]:
    """List every dataset below a group; nothing outside the file is followed."""
    h5py = _h5py(Path(name))
    found: list[tuple[str, tuple[int, ...], Any]] = []
    waiting = [(group, prefix, 0)]
    while waiting:
        here, path, depth = waiting.pop()
        for key in here:
            full = f"{path}/{key}" if path else key
            if not isinstance(here.get(key, getlink=True), h5py.HardLink):
                raise fault("outside-file", name, name=full)
            item = here[key]
            if isinstance(item, h5py.Group) and depth < _DEEPEST:
                waiting.append((item, full, depth + 1))
            elif isinstance(item, h5py.Dataset):
                elsewhere = item.external or item.is_virtual
                found.append((full, item.shape or (), item.dtype))
                item = None  # HDF5 2.0 crashes as the process ends while the error's traceback holds a virtual one
                if elsewhere:
                    raise fault("outside-file", name, name=full)
        if len(found) + len(waiting) > _MOST:
            raise fault("damaged", name=name, format="HDF5", reason="its groups have no end")
    return found


def _tensor(source: Path | BinaryIO, name: str, key: str, facts: tuple[tuple[int, ...], Any], limit: int) -> Tensor:
    shape, dtype = facts
    where = place(name, layer=key)

    def load() -> NDArray[Any]:
        require_numeric(dtype, where)
        with _opened(source, where) as file:
            dataset = file[key]
            chunk = math.prod(dataset.chunks or (0,)) * dtype.itemsize  # unpacked whole, however little of it is used
            require_memory(f"a chunk of layer {key!r}", chunk, limit, name)
            return np.asarray(dataset[()])

    return Tensor(key, shape, np.dtype(dtype).name, load)
