"""A network as the bytes of a file, in the formats that a program loads again."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from lossurf.errors import MissingExtraError, UsageError
from lossurf.output.npz import npz_bytes

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint


def checkpoint_bytes(path: Path, checkpoint: Checkpoint) -> bytes:
    """Return a network as a file of the format that a path's ending names.

    Raises
    ------
    UsageError
        If it names none that is written.
    MissingExtraError
        Without the library of the format.
    """
    return _WRITERS[writable(path)](checkpoint)


def writable(path: Path) -> str:
    """Return the ending of a path to write, or refuse it.

    Raises
    ------
    UsageError
        If it names no format that is written.
    """
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise UsageError(
            f"'{path.name}' does not end in {', '.join(_WRITERS)}, the formats that are written",
            where=str(path),
            remedy="end its name in .npz",
        )
    return ending


def tensors_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return arrays as PyTorch tensors.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    torch = _library("torch", "torch", "tensors")
    return {name: torch.tensor(array) for name, array in arrays.items()}


def _library(module: str, extra: str, what: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(extra, needed_for=f"writing {what}", otherwise="write an .npz") from None


def _npz(checkpoint: Checkpoint) -> bytes:
    return npz_bytes(checkpoint.arrays())


def _torch(checkpoint: Checkpoint) -> bytes:
    torch = _library("torch", "torch", "a .pt file")
    buffer = io.BytesIO()
    torch.save(tensors_of(checkpoint.arrays()), buffer)
    return buffer.getvalue()


def _safetensors(checkpoint: Checkpoint) -> bytes:
    numpy_format = _library("safetensors.numpy", "safetensors", "a .safetensors file")
    found: bytes = numpy_format.save(checkpoint.arrays())
    return found


def _keras(checkpoint: Checkpoint) -> bytes:
    """Return a Sequential of Dense layers without activations."""
    keras = _library("keras", "keras", "a .keras file")
    described = list(zip(checkpoint.weights, checkpoint.biases, checkpoint.dtypes, strict=True))
    model = keras.Sequential([keras.layers.Input((checkpoint.weights[0].shape[1],), dtype=checkpoint.dtypes[0])])
    for weight, bias, dtype in described:
        model.add(keras.layers.Dense(weight.shape[0], use_bias=bias is not None, dtype=dtype))
        kernel = weight.T.astype(dtype)
        model.layers[-1].set_weights([kernel] if bias is None else [kernel, bias.astype(dtype)])
    with tempfile.TemporaryDirectory(prefix="lossurf-") as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        return path.read_bytes()


_WRITERS: Final[dict[str, Callable[[Checkpoint], bytes]]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".keras": _keras,
}
