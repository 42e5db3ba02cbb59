"""Checkpoints of PyTorch (extra `torch`), loaded with weights_only=True and in no other way."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossurf.errors import MissingExtraError
from lossurf.inputs.archives import open_archive
from lossurf.inputs.checkpoints.nested import Named, flat, state_dict
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.checkpoints.torch_refusal import script_refusal, unpickling_refusal
from lossurf.inputs.faults import fault, listing, place
from lossurf.inputs.files import file_size, open_binary
from lossurf.inputs.memory import require_memory
from lossurf.inputs.npz import reading


def read_torch(path: Path, limit: int) -> TensorFile:
    """Read a state dict, on its own or inside what a training framework saved.

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
        If the file is damaged, too large, or needs more than tensors to be unpickled.
    MissingExtraError
        If PyTorch is not installed.
    """
    with open_binary(path) as file:
        if not file.read(2).startswith((b"PK", b"\x80")):  # a zip archive, or the older bare pickle
            raise fault("damaged", name=str(path), format="PyTorch", reason="it does not begin as one")
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", needed_for=f"reading {str(path)!r}") from None
    require_memory(str(path), _declared_size(path), limit)
    loaded = _load(torch, path)
    state, notes = _state_dict(torch, loaded, str(path))
    tensors = tuple(_tensor(torch, str(path), name, value) for name, value in state)
    return TensorFile(str(path), tensors, notes, named=not isinstance(loaded, torch.Tensor))


def _declared_size(path: Path) -> int:
    """Return the bytes the file unpacks to: a torch archive is a zip that stores, but a crafted one may compress."""
    size = file_size(path)
    with reading(str(path), "PyTorch"):
        if not zipfile.is_zipfile(path):
            return size
        with open_archive(str(path), path) as archive:
            return max(size, sum(entry.file_size for entry in archive.infolist()))


def _load(torch: Any, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old formats warn about PyTorch's own plans
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise unpickling_refusal(path, str(error)) from None
        except Exception as error:  # noqa: BLE001  # damaged bytes lead the unpickler into any kind of error
            if "TorchScript" in str(error):
                raise script_refusal(path) from None
            reason = (str(error) or type(error).__name__).strip().partition("\n")[0][:200]
            raise fault("damaged", name=str(path), format="PyTorch", reason=reason) from None


def _state_dict(torch: Any, loaded: Any, name: str) -> tuple[Named, tuple[str, ...]]:
    """Find the named tensors, and say what beside them was not read."""
    if isinstance(loaded, torch.Tensor):
        return [("W1", loaded)], ()
    if isinstance(loaded, list | tuple) and loaded and all(isinstance(item, torch.Tensor) for item in loaded):
        return [(f"arr_{i}", item) for i, item in enumerate(loaded)], ()
    if not isinstance(loaded, Mapping | list | tuple):
        raise fault("no-tensors", name, found=f"a {type(loaded).__name__}")
    found, notes = state_dict(loaded, name) if isinstance(loaded, Mapping) else (list(flat(loaded)), ())
    if not any(isinstance(value, torch.Tensor) for _, value in found):
        kind = f"the keys {listing(loaded)}" if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"
        raise fault("no-tensors", name, found=kind if loaded else "nothing")
    return found, notes


def _tensor(torch: Any, file: str, name: str, value: Any) -> Tensor:
    if not isinstance(value, torch.Tensor):
        return Tensor(name, (), type(value).__name__, lambda: np.array(None))
    dtype = str(value.dtype).removeprefix("torch.")
    return Tensor(name, tuple(value.shape), dtype, lambda: _array(torch, value, place(file, layer=name)))


def _array(torch: Any, value: Any, where: str) -> NDArray[Any]:
    layout = str(value.layout).removeprefix("torch.")
    if layout != "strided" or value.is_quantized or value.device.type != "cpu":
        kind = "quantized" if value.is_quantized else layout if layout != "strided" else f"on device {value.device}"
        raise fault("tensor-kind", where, kind=kind)
    value = value.detach().resolve_conj().resolve_neg()
    if value.dtype == torch.bfloat16:
        value = value.float()
    try:
        return np.asarray(value.numpy())
    except (TypeError, RuntimeError):
        raise fault("tensor-kind", where, kind=f"stored as {value.dtype}") from None
