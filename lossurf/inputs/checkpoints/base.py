"""The frozen part of a network that is trained beside it: a weight matrix and its bias, or predictions of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import ArrayLike

from lossurf.inputs.arrays import as_numbers, require_dimensions, to_float64
from lossurf.inputs.checkpoints.readers import read_tensors
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, load_matrix
from lossurf.inputs.faults import fault, hint, listing
from lossurf.inputs.memory import memory_limit
from lossurf.numerics import Matrix

_LETTER = "the base"


@dataclass(frozen=True)
class BaseArrays:
    """What a base is made of.

    Attributes
    ----------
    name : str
        The file and the layer.
    matrix : ndarray, two dimensions
        A weight (dy, dx), or predictions (m, dy).
    bias : ndarray, shape (dy,), or None
    notes : tuple of str
    """

    name: str
    matrix: Matrix
    bias: Matrix | None = None
    notes: tuple[str, ...] = ()


def base_array(given: ArrayLike) -> BaseArrays:
    """Validate a base that is in memory.

    Raises
    ------
    InputError
    """
    numbers = as_numbers(given, _LETTER)
    require_dimensions(numbers.shape, _LETTER, None)
    return BaseArrays(_LETTER, to_float64(numbers.reshape(len(numbers), -1), _LETTER, _LETTER))


def read_base(path: Path, layer: str | None, *, max_memory: int | str | None = None) -> BaseArrays:
    """Read a base from a file of arrays.

    Parameters
    ----------
    path : Path
        An .npy, .npz, .safetensors or any other checkpoint that is read.
    layer : str, optional
        Name of the weight, with or without ".weight" and what stands before it, where the file holds several.
    max_memory : int or str, optional

    Raises
    ------
    InputError
        If there is no such file or layer, or its numbers are not finite.
    """
    limit = memory_limit(max_memory)
    file = read_tensors(path, limit)
    chosen = _chosen(file, layer)
    notes: list[str] = []
    matrix = load_matrix(chosen, file.name, limit, notes)
    bias = next((tensor for tensor in file.tensors if file.named and tensor.name == _bias_name(chosen.name)), None)
    vector = None if bias is None else load_matrix(bias, file.name, limit, notes).ravel()
    if bias is not None:
        notes.append(f"{file.name}: the base has a bias, {bias.name}, which is subtracted too")
    name = f"{file.name}, layer {chosen.name}" if file.named else file.name
    return BaseArrays(name, matrix.reshape(len(matrix), -1), vector, tuple(notes))


def _bias_name(name: str) -> str | None:
    for word in ("weight", "kernel"):
        if name.endswith(word):
            return name.removesuffix(word) + "bias"
    return None


def _chosen(file: TensorFile, layer: str | None) -> Tensor:
    matrices = [tensor for tensor in file.tensors if len(tensor.shape) == 2 or tensor.error is not None]
    if layer is None:
        if not matrices:
            raise fault("no-weights", file.name)
        if len(matrices) > 1:
            raise fault("base-layers", file.name, count=len(matrices), found=_names(matrices))
        return matrices[0]
    for fits in (_is, _ends_in):
        found_ones = [tensor for tensor in matrices if fits(tensor.name, layer)]
        if len(found_ones) == 1:
            return found_ones[0]
        if found_ones:
            raise fault("base-layers", file.name, count=len(found_ones), found=_names(found_ones))
    near = hint(layer, [tensor.name for tensor in matrices])
    raise fault("no-base-layer", file.name, name=layer, hint=near, found=_names(matrices))


def _names(tensors: Sequence[Tensor]) -> str:
    return listing(tensor.name for tensor in tensors)


def _is(name: str, layer: str) -> bool:
    return name in (layer, f"{layer}.weight", f"{layer}.kernel")


def _ends_in(name: str, layer: str) -> bool:
    return any(name.endswith(f".{layer}{word}") for word in ("", ".weight", ".kernel"))
