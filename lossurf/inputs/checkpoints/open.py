"""A trained network from a file, or from arrays in whatever form a program holds them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lossurf.inputs.checkpoints.assemble import Arrangement, Wanted, arrangement, assembled, loaded, require_few
from lossurf.inputs.checkpoints.checkpoint import UNNAMED, Checkpoint
from lossurf.inputs.checkpoints.layers import Layer, all_layers, choose_layers, unused
from lossurf.inputs.checkpoints.lora import AdapterChoice, adapter_path, is_adapter, read_adapter
from lossurf.inputs.checkpoints.models import model_of
from lossurf.inputs.checkpoints.nested import state_dict
from lossurf.inputs.checkpoints.readers import STANDARD_INPUT, read_tensors
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.checkpoints.tensors import TensorFile, as_tensor
from lossurf.inputs.faults import fault
from lossurf.inputs.memory import memory_limit

_FROM_FILE: Final = AdapterChoice()

Network = Sequence[ArrayLike] | Mapping[str, Any] | str | PathLike[str] | Checkpoint | Any
"""What questions take as a network: arrays, a state dict, a path, a model, or a checkpoint."""


def read_checkpoint(
    path: Path,
    dx: int,
    dy: int,
    *,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    adapter: AdapterChoice | None = _FROM_FILE,
    max_memory: int | str | None = None,
    linear: bool = True,
    tied: bool = False,
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
    linear : bool
        Whether nothing lies between the layers; else what lies there is not noted as taken for the identity.
    tied : bool
        Whether one matrix alone is the encoder of a tied autoencoder, which leads from dx to any width.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
        If the file is not readable, or what it holds is not a linear network from dx to dy.
    """
    limit = memory_limit(max_memory)
    wanted = Wanted(dx, dy, limit, orientation, linear=linear, tied=tied)
    path = adapter_path(path)
    file = read_tensors(path, limit)
    place = None if path == STANDARD_INPUT else path
    if is_adapter(file, place):
        chosen, note = read_adapter(file, place, (dx, dy), layers, adapter)
        return assembled(replace(file, notes=(*file.notes, note)), chosen, replace(wanted, fixed=True), file.name)
    for option, given in (adapter or _FROM_FILE)._asdict().items():
        if given is not None:
            raise fault("no-adapter", file.name, option=option)
    return _of_file(file, None if layers is None else tuple(layers), wanted)


class _Form(NamedTuple):
    """The layers of a file: where its weights and biases stand in it, first layer first."""

    layers: tuple[tuple[int, int | None], ...]
    arrangement: Arrangement


_FORMS: Final[dict[Hashable, _Form]] = {}
_MOST_FORMS: Final = 8  # at a time: the checkpoints of a run have one


def _of_file(file: TensorFile, layers: tuple[str, ...] | None, wanted: Wanted) -> Checkpoint:
    """Read the network that a file holds; what tells its layers is asked once of files that are alike."""
    named = file.form()
    key = (named, layers, replace(wanted, limit=0))
    form = None if named is None else _FORMS.get(key)
    if form is None:
        form = _form(file, layers, wanted)
        if len(_FORMS) >= _MOST_FORMS:
            _FORMS.clear()
        if named is not None:
            _FORMS[key] = form
    require_few(len(form.layers), wanted.limit, file.name)
    notes = tuple(f"{file.name}: {note}" for note in form.arrangement.notes)
    tensors = [(file.tensors[i], None if j is None else file.tensors[j]) for i, j in form.layers]
    return loaded(replace(file, notes=(*file.notes, *notes)), tensors, form.arrangement, wanted)


def _form(file: TensorFile, layers: tuple[str, ...] | None, wanted: Wanted) -> _Form:
    chosen = choose_layers(file, layers) if layers else all_layers(file)
    require_few(len(chosen), wanted.limit, file.name)
    patterns = any(character in word for word in layers or () for character in "*?[")
    fixed = file.sequence is not None or (bool(layers) and not patterns)
    found = arrangement(file, chosen, replace(wanted, fixed=fixed), file.name)
    if left := unused(file, chosen):
        note = f"not used, as --layers leaves it out: {', '.join(left)}"
        found = found._replace(notes=(note, *found.notes))
    places = {id(tensor): i for i, tensor in enumerate(file.tensors)}
    pairs = [(chosen[i].weight, chosen[i].bias) for i in found.order]
    return _Form(tuple((places[id(W)], None if b is None else places[id(b)]) for W, b in pairs), found)


def as_checkpoint(
    weights: Network,
    dx: int,
    dy: int,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    linear: bool = True,
    tied: bool = False,
) -> Checkpoint:
    """Validate the weights of a network, in whatever form a program holds them.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        Weight matrices of shape (outputs, inputs), first layer first; or a state dict, which is understood as one in
        a file is, biases included. A vector behind a matrix in the sequence is its bias, and then tells its outputs.
        A path is that of a file; a model one that `model_of` knows. A checkpoint is taken as it is.
    dx, dy : int
        Inputs and outputs they must chain between.
    biases : sequence of array_like or None, optional
        One for each layer of a sequence of weights.
    layers : sequence of str, optional
        Of a state dict or a file: the weights to use, first layer first.
    orientation : {"out-in", "in-out"}, optional
        Axes of the weights; told from shapes and names by default, and (out, in) in a sequence.
    linear : bool
        Whether nothing lies between the layers; else what lies there is not noted as taken for the identity.
    tied : bool
        Whether one matrix alone is the encoder of a tied autoencoder, which leads from dx to any width.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
    """
    if isinstance(weights, Checkpoint):
        if biases is not None:
            raise fault("biases-twice")
        dy = len(weights.weights[0]) if tied and len(weights.weights) == 1 else dy
        if (weights.weights[0].shape[1], weights.weights[-1].shape[0]) != (dx, dy):
            shapes = ", ".join(f"{layer.name} {layer.shape}" for layer in weights.layers)
            remedy = "give the data that this network was trained on"
            raise fault("no-chain", weights.name, dx=dx, dy=dy, shapes=shapes, remedy=remedy)
        return weights
    if isinstance(weights, str | PathLike):
        path = Path(weights)
        return read_checkpoint(path, dx, dy, layers=layers, orientation=orientation, linear=linear, tied=tied)
    model = model_of(weights, linear=linear)
    if model is not None and model.arrays is None:
        weights, biases = model.weights, model.biases
    elif model is not None:
        weights = model.arrays or {}
    wanted = Wanted(dx, dy, memory_limit(None), orientation, linear=linear, tied=tied)
    if isinstance(weights, Mapping):
        if biases is not None:
            raise fault("biases-twice")
        return _of_state_dict(weights, layers, wanted)
    return _of_sequence(_listed(weights), biases, replace(wanted, fixed=True))


def _listed(weights: Any) -> Sequence[ArrayLike]:
    """Return weights in a row, which a generator such as PyTorch's `parameters()` gives once."""
    if isinstance(weights, bytes) or not hasattr(weights, "__iter__"):
        raise fault("no-network", kind=type(weights).__name__)
    return weights if isinstance(weights, Sequence) or hasattr(weights, "__getitem__") else list(weights)


def _of_state_dict(values: Mapping[str, Any], layers: Sequence[str] | None, wanted: Wanted) -> Checkpoint:
    named, notes = state_dict(values, UNNAMED)
    file = TensorFile(UNNAMED, tuple(as_tensor(name, array) for name, array in named), notes, options=False)
    if is_adapter(file):
        raise fault("adapter-in-python")
    chosen = choose_layers(file, layers) if layers else all_layers(file)
    found = assembled(file, chosen, replace(wanted, fixed=bool(layers)), file.name)
    return replace(found, tensors=any(type(value).__module__.split(".")[0] == "torch" for _, value in named))


def _of_sequence(weights: Sequence[ArrayLike], biases: Sequence[ArrayLike | None] | None, wanted: Wanted) -> Checkpoint:
    if biases is None and any(_is_vector(array) for array in weights[1:]):
        return _interleaved(weights, wanted)
    given = [None] * len(weights) if biases is None else list(biases)
    if len(given) != len(weights):
        raise fault("bias-count", biases=len(given), weights=len(weights))
    chosen = [
        Layer(as_tensor(f"W{i}", weight), None if bias is None else as_tensor(f"b{i}", bias), None)
        for i, (weight, bias) in enumerate(zip(weights, given, strict=True), 1)
    ]
    if not chosen:
        raise fault("no-weights")
    file = TensorFile(UNNAMED, (), options=False)
    return assembled(file, chosen, replace(wanted, orientation=wanted.orientation or "out-in"), None)


def _is_vector(array: ArrayLike) -> bool:
    if isinstance(array, list | tuple):
        return bool(array) and not isinstance(array[0], list | tuple | np.ndarray)
    return len(getattr(array, "shape", ())) == 1


def _interleaved(arrays: Sequence[ArrayLike], wanted: Wanted) -> Checkpoint:
    """Take matrices with their biases between them, as Keras's get_weights and PyTorch's parameters give them."""
    layers: list[Layer] = []
    for array in arrays:
        tensor = as_tensor(f"W{len(layers) + 1}", array)
        if len(tensor.shape) != 1:
            layers.append(Layer(tensor, None, None))
        elif layers and layers[-1].bias is None and tensor.shape[0] in layers[-1].weight.shape:
            layers[-1] = replace(layers[-1], bias=replace(tensor, name=f"b{len(layers)}"), placed=True)
        else:
            kind = f"has shape {tensor.shape} and is no bias of the matrix before it"
            remedy = "give the weight matrices as a list and their vectors as biases=[...]"
            raise fault("not-linear", name=tensor.name, kind=kind, remedy=remedy)
    return assembled(TensorFile(UNNAMED, (), named=False, options=False), layers, wanted, UNNAMED)
