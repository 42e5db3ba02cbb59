"""Arrays chosen as layers to a network: their order, their orientation, their biases, and what was assumed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from lossurf.inputs.checkpoints.chain import Links, arrange
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.kinds import is_matrix
from lossurf.inputs.checkpoints.layers import Layer, stored_shape
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.checkpoints.sequence import gaps
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile, load_matrix
from lossurf.inputs.faults import fault
from lossurf.inputs.memory import require_memory
from lossurf.numerics import Matrix

_MOST_LAYERS: Final = 2000  # what is asked of them grows with the square of their number: twice as many take minutes
_BYTES_A_PAIR: Final = 128  # of layers: sizes and reaches of their products, in tables


@dataclass(frozen=True)
class Wanted:
    """What is known of the network before its arrays are read."""

    dx: int
    dy: int
    limit: int  # bytes of memory
    orientation: Orientation | None = None
    fixed: bool = False  # the layers are given first to last
    linear: bool = True  # what is between the layers is the identity
    tied: bool = False  # one matrix alone is an encoder, whose transpose decodes


class Arrangement(NamedTuple):
    """How layers make a network: their order, the shapes they are stored in, their axes, and what was assumed."""

    order: tuple[int, ...]
    shapes: tuple[tuple[int, int], ...]  # in that order
    orientation: Orientation
    notes: tuple[str, ...]


def assembled(file: TensorFile, chosen: Sequence[Layer], wanted: Wanted, where: str | None) -> Checkpoint:
    """Order, orient and read the chosen layers; `where` is None for a sequence, whose axes are agreed."""
    require_few(len(chosen), wanted.limit, where)
    found = arrangement(file, chosen, wanted, where)
    notes = [] if where is None else [f"{where}: {note}" for note in found.notes]
    layers = [(chosen[i].weight, chosen[i].bias) for i in found.order]
    return loaded(replace(file, notes=(*file.notes, *notes)), layers, found, wanted)


def require_few(layers: int, limit: int, where: str | None) -> None:
    """Refuse more layers than can be analysed.

    Raises
    ------
    InputError
    """
    if layers > _MOST_LAYERS:
        raise fault("too-deep", where, count=layers, most=_MOST_LAYERS)
    require_memory(f"the analysis of {layers} layers", _BYTES_A_PAIR * layers**2, limit, where)


def arrangement(file: TensorFile, chosen: Sequence[Layer], wanted: Wanted, where: str | None) -> Arrangement:
    """Order and orient layers by their names and shapes; no array is read."""
    shapes = [stored_shape(layer, wanted.dy, where) for layer in chosen]
    if wanted.tied and len(chosen) == 1:
        wanted = _of_encoder(chosen[0].weight.name, shapes[0], wanted, file.name)
    links = Links(
        names=[layer.weight.name for layer in chosen],
        shapes=shapes,
        dx=wanted.dx,
        dy=wanted.dy,
        biases=[_length(layer.bias) for layer in chosen],
        tells={layer.role.orientation for layer in chosen if layer.role and layer.role.orientation},
        asked=wanted.orientation,
        fixed=wanted.fixed,
        where=where,
        options=file.options,
        named=file.named,
        titles=[layer.weight.title or layer.weight.name for layer in chosen],
        counted=file.counted,
    )
    chain = arrange(links)
    assumed = _assumed(file, [chosen[i] for i in chain.order], wanted)
    ordered = tuple(shapes[i] for i in chain.order)
    return Arrangement(chain.order, ordered, chain.orientation, (*chain.notes, *assumed))


def loaded(
    file: TensorFile, layers: Sequence[tuple[Tensor, Tensor | None]], found: Arrangement, wanted: Wanted
) -> Checkpoint:
    """Read weights and biases, first layer first, as they were arranged."""
    notes = [*file.notes]
    pairs = zip(layers, found.shapes, strict=True)
    weights = [load_matrix(weight, file.name, wanted.limit, notes).reshape(shape) for (weight, _), shape in pairs]
    if found.orientation == "in-out":
        weights = [np.ascontiguousarray(weight.T) for weight in weights]
    if not wanted.tied:
        notes += [f"{file.name}: {note}" for note in _tied([weight.name for weight, _ in layers], weights)]
    read = zip(layers, weights, strict=True)
    biases = tuple(_bias(bias, weight.shape[0], file.name, wanted.limit, notes) for (_, bias), weight in read)
    return Checkpoint(
        name=file.name,
        layer_names=tuple(weight.name for weight, _ in layers),
        weights=tuple(weights),
        biases=biases,
        dtypes=tuple(weight.dtype for weight, _ in layers),
        notes=tuple(notes),
        bias_names=tuple(bias.name if bias else None for _, bias in layers),
        orientation=found.orientation,
    )


def _of_encoder(name: str, shape: tuple[int, int], wanted: Wanted, where: str) -> Wanted:
    """Let one matrix alone lead from the inputs to as many hidden units as its other axis has."""
    if wanted.dx not in shape:
        raise fault("tied-shape", where, name=name, shape="x".join(map(str, shape)), dx=wanted.dx)
    return replace(wanted, dy=shape[0] if shape[1] == wanted.dx else shape[1], fixed=True)


def _assumed(file: TensorFile, layers: Sequence[Layer], wanted: Wanted) -> Iterator[str]:
    """Say what was assumed of the layers beside their order and orientation."""
    placed = [(layer.bias.name, layer.weight.name) for layer in layers if layer.placed and layer.bias]
    if placed:
        biases, weights = (", ".join(names) for names in zip(*placed, strict=True))
        yield f"{biases} taken as bias of {weights}: each vector follows a matrix of as many outputs"
    between = gaps([layer.weight.name for layer in layers], [tensor.name for tensor in file.tensors])
    if between and wanted.linear:
        pairs = ", ".join(" and ".join(pair) for pair in between)
        yield (
            f"between {pairs} lies a module without weights, taken as the identity; a network with a ReLU there is for"
            " 'lossurf relu'"
        )


def _tied(names: Sequence[str], weights: Sequence[Matrix]) -> Iterator[str]:
    """Say which layers are each other's transpose: theorems and verdicts are about weights that are free."""
    for i in range(len(weights) // 2):
        first, last = weights[i], weights[-1 - i]
        if first.shape == last.shape[::-1] and np.array_equal(first, last.T) and not np.array_equal(first, last):
            yield f"{names[-1 - i]} is the transpose of {names[i]}; tied or not, both are judged as free"


def _length(bias: Tensor | None) -> int | None:
    return None if bias is None or bias.error is not None or is_matrix(bias) else math.prod(bias.shape)


def _bias(bias: Tensor | None, width: int, file: str, limit: int, notes: list[str]) -> Matrix | None:
    if bias is None:
        return None
    if bias.error is not None:
        raise bias.error
    vector = len([size for size in bias.shape if size != 1]) <= 1  # (width,), (1, width), (width, 1)
    if not vector or math.prod(bias.shape) != width:
        raise fault("bias-shape", file, name=bias.name, shape=bias.shape, width=width)
    return load_matrix(bias, file, limit, notes).reshape(width)
