"""A named array of a checkpoint that is not read yet, and its conversion to float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossurf.errors import InputError
from lossurf.inputs.arrays import LAYER, as_numbers, remember, require_numeric, rounding_note, to_float64
from lossurf.inputs.faults import place
from lossurf.inputs.memory import require_memory
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class Tensor:
    """An array by name, with its stored shape and number type, read by `load`.

    `error` says why it cannot be; `title` is what the user called its layer, where it is stored under another name.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], NDArray[Any]]
    error: InputError | None = None
    title: str | None = None


@dataclass(frozen=True)
class TensorFile:
    """What a checkpoint file holds.

    Attributes
    ----------
    name : str
    tensors : tuple of Tensor
    notes : tuple of str
    named : bool
        Whether the names are in the file and not the reader's own.
    sequence : tuple of str or None
        Names in the order of the network, where the format itself tells it.
    counted : bool
        Whether layers that a library numbered, such as dense_1, stand in the network in the order of their numbers.
    ordered : bool
        Whether the arrays stand in the order in which they were given to be stored.
    options : bool
        Whether it was named on a command line, where options choose among its layers.
    """

    name: str
    tensors: tuple[Tensor, ...]
    notes: tuple[str, ...] = ()
    named: bool = True
    sequence: tuple[str, ...] | None = None
    counted: bool = True
    ordered: bool = True
    options: bool = True

    def form(self) -> Hashable | None:
        """Return all that tells which of the arrays are layers of what: names, shapes and number types, but no numbers.

        None where an array cannot be read, which is told anew of every file.
        """
        if any(tensor.error is not None for tensor in self.tensors):
            return None
        arrays = tuple((tensor.name, tensor.shape, tensor.dtype, tensor.title) for tensor in self.tensors)
        return arrays, self.named, self.sequence, self.counted, self.ordered, self.options


def load_matrix(tensor: Tensor, file: str, limit: int, notes: list[str]) -> Matrix:
    """Read one tensor of one or two dimensions as float64, finite.

    Raises
    ------
    InputError
    """
    where = place(file, layer=tensor.name)
    require_memory(f"layer {tensor.name!r}", 16 * math.prod(tensor.shape), limit, file)  # as stored and as float64
    array = tensor.load()
    require_numeric(array.dtype, where)
    remember(notes, rounding_note(array, tensor.name))
    matrix = to_float64(array.reshape(array.shape[0] if array.ndim else 1, -1), LAYER, where)
    return matrix.reshape(tensor.shape)


def array_tensor(name: str, array: NDArray[Any]) -> Tensor:
    """Wrap an array that is in memory."""
    return Tensor(name, array.shape, array.dtype.name, lambda: array)


def as_tensor(name: str, array: ArrayLike) -> Tensor:
    """Wrap an array-like, a PyTorch tensor among them.

    Raises
    ------
    InputError
        If it is not an array of real numbers.
    """
    numbers = as_numbers(array, name)
    half = str(getattr(array, "dtype", "")) == "torch.bfloat16"
    return Tensor(name, numbers.shape, "bfloat16" if half else numbers.dtype.name, lambda: numbers)


def unreadable(name: str, error: InputError) -> Tensor:
    """Stand in for an array that matters only if the user asks for it."""

    def load() -> NDArray[Any]:
        raise error

    return Tensor(name, (), "unknown", load, error)


def widened_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the numbers whose bfloat16 bits are given, exactly: they are the upper half of a float32's."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
