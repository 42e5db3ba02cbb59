"""A trained network from a file or from arrays: which arrays are its layers, in which order, in which orientation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from lossurf.inputs.arrays import Matrix
from lossurf.inputs.chain import orient
from lossurf.inputs.faults import fault, listing
from lossurf.inputs.layers import Layer, all_layers, choose_layers, stored_shape
from lossurf.inputs.lora import AdapterChoice, adapter_path, is_adapter, read_adapter
from lossurf.inputs.memory import memory_limit
from lossurf.inputs.nested import state_dict
from lossurf.inputs.readers import STANDARD_INPUT, read_tensors
from lossurf.inputs.roles import Orientation
from lossurf.inputs.tensors import Tensor, TensorFile, as_tensor, load_matrix

_ARRAYS: Final = "weights"
_FROM_FILE: Final = AdapterChoice()


@dataclass(frozen=True)
class Checkpoint:
    """A linear network as stored, layers first to last.

    Attributes
    ----------
    name : str
        Where it came from.
    layer_names : tuple of str
    weights : tuple of ndarray of float64, each of shape (outputs, inputs)
    biases : tuple of ndarray of float64, shape (outputs,), or None, one for each layer
    dtypes : tuple of str
        Stored number type of each weight.
    notes : tuple of str
        What the report should say about the reading.
    bias_names : tuple of str or None, one for each layer
    orientation : {"out-in", "in-out"}
        Axes of the weights in the file, for those who write it again.
    """

    name: str
    layer_names: tuple[str, ...]
    weights: tuple[Matrix, ...]
    biases: tuple[Matrix | None, ...]
    dtypes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    bias_names: tuple[str | None, ...] = ()
    orientation: Orientation = "out-in"

    @property
    def has_bias(self) -> bool:
        """Whether the output layer has a bias, so that the problem is the centred one."""
        return self.biases[-1] is not None


@dataclass(frozen=True)
class _Wanted:
    dx: int
    dy: int
    limit: int  # bytes of memory
    orientation: Orientation | None = None


def read_checkpoint(
    path: Path,
    dx: int,
    dy: int,
    *,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    adapter: AdapterChoice | None = _FROM_FILE,
    max_memory: int | str | None = None,
) -> Checkpoint:
    """Read a trained network.

    Parameters
    ----------
    path : Path
        A file of any known format; "-" is an .npz on standard input.
    dx, dy : int
        Inputs and outputs the layers must chain between.
    layers : sequence of str, optional
        The weight matrices to use, first layer first; everything else in the file is left out.
    orientation : {"out-in", "in-out"}, optional
        Axes of the stored weights; told from shapes and names by default.
    adapter : AdapterChoice or None
        Module and scale of a LoRA adapter; None where an adapter is no answer.
    max_memory : int or str, optional
        Bytes that may be taken, or a size such as "4G".

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
        If the file is not readable, or what it holds is not a linear network from dx to dy.
    """
    limit = memory_limit(max_memory)
    wanted = _Wanted(dx, dy, limit, orientation)
    path = adapter_path(path)
    file = read_tensors(path, limit)
    place = None if path == STANDARD_INPUT else path
    if is_adapter(file, place):
        chosen, note = read_adapter(file, place, (dx, dy), layers, adapter)
        return _assembled(replace(file, notes=(*file.notes, note)), chosen, wanted, file.name)
    for option, given in (adapter or _FROM_FILE)._asdict().items():
        if given is not None:
            raise fault("no-adapter", file.name, option=option)
    chosen = choose_layers(file, layers) if layers else all_layers(file)
    return _assembled(file, chosen, wanted, file.name)


def as_checkpoint(
    weights: Sequence[ArrayLike] | Mapping[str, ArrayLike],
    dx: int,
    dy: int,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
) -> Checkpoint:
    """Validate the weights of a network given as arrays.

    Parameters
    ----------
    weights : sequence of array_like, or mapping of str to array_like
        Weight matrices of shape (outputs, inputs), first layer first; or a state dict, which is understood as one in
        a file is, biases included.
    dx, dy : int
        Inputs and outputs they must chain between.
    biases : sequence of array_like or None, optional
        One for each layer of a sequence of weights.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
    """
    limit = memory_limit(None)
    if isinstance(weights, Mapping):
        if biases is not None:
            raise fault("biases-twice")
        named, notes = state_dict(weights, _ARRAYS)
        file = TensorFile(_ARRAYS, tuple(as_tensor(name, array) for name, array in named), notes)
        if is_adapter(file):
            raise fault("adapter-in-python")
        return _assembled(file, all_layers(file), _Wanted(dx, dy, limit), file.name)
    given = [None] * len(weights) if biases is None else list(biases)
    if len(given) != len(weights):
        raise fault("bias-count", biases=len(given), weights=len(weights))
    chosen = [
        Layer(as_tensor(f"W{i}", weight), None if bias is None else as_tensor(f"b{i}", bias), None)
        for i, (weight, bias) in enumerate(zip(weights, given, strict=True), 1)
    ]
    if not chosen:
        raise fault("no-weights")
    return _assembled(TensorFile(_ARRAYS, ()), chosen, _Wanted(dx, dy, limit, "out-in"), None)


def _assembled(file: TensorFile, chosen: Sequence[Layer], wanted: _Wanted, where: str | None) -> Checkpoint:
    """Order, orient and read the chosen layers; `where` is None for a sequence, whose axes are agreed."""
    names = tuple(layer.weight.name for layer in chosen)
    shapes = [stored_shape(layer, wanted.dy, where) for layer in chosen]
    told = {layer.role.orientation for layer in chosen if layer.role}
    one = told.pop() if len(told) == 1 else None
    chain = orient(names, shapes, wanted.dx, wanted.dy, told=one, asked=wanted.orientation, where=where)
    notes = [*file.notes, *([f"{where}: {chain.note}"] if chain.note and where else [])]
    weights = [load_matrix(layer.weight, file.name, wanted.limit, notes) for layer in chosen]
    weights = [weight.reshape(shape) for weight, shape in zip(weights, shapes, strict=True)]
    if chain.orientation == "in-out":
        weights = [np.ascontiguousarray(weight.T) for weight in weights]
    pairs = zip(chosen, weights, strict=True)
    biases = tuple(_bias(layer.bias, weight.shape[0], file.name, wanted.limit, notes) for layer, weight in pairs)
    return Checkpoint(
        name=file.name,
        layer_names=names,
        weights=tuple(weights),
        biases=biases,
        dtypes=tuple(layer.weight.dtype for layer in chosen),
        notes=tuple(notes),
        bias_names=tuple(layer.bias.name if layer.bias else None for layer in chosen),
        orientation=chain.orientation,
    )


def require_output_bias(checkpoint: Checkpoint) -> None:
    """Refuse inner biases without one on the output layer: that loss has no exact reduction to a bias-free one.

    Raises
    ------
    InputError
        Naming the layers that have a bias.
    """
    if checkpoint.has_bias:
        return
    inner = [name for name, bias in zip(checkpoint.layer_names, checkpoint.biases, strict=True) if bias is not None]
    if inner:
        verb = "has" if len(inner) == 1 else "have"
        last = checkpoint.layer_names[-1]
        raise fault("inner-bias", checkpoint.name, names=listing(inner), verb=verb, last=last)


def _bias(bias: Tensor | None, width: int, file: str, limit: int, notes: list[str]) -> Matrix | None:
    if bias is None:
        return None
    if bias.error is not None:
        raise bias.error
    vector = len([size for size in bias.shape if size != 1]) <= 1  # (width,), (1, width), (width, 1)
    if not vector or math.prod(bias.shape) != width:
        raise fault("bias-shape", file, name=bias.name, shape=bias.shape, width=width)
    return load_matrix(bias, file, limit, notes).reshape(width)
