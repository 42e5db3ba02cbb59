"""Which arrays of a checkpoint are the layers of a linear network: all of them, or those the user lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from lossurf.inputs.faults import fault, hint, listing
from lossurf.inputs.order import natural_key
from lossurf.inputs.roles import Role, foreign, role_of, unwrapped
from lossurf.inputs.tensors import Tensor, TensorFile

_LETTER: Final = re.compile(r"b\d*")


@dataclass(frozen=True)
class Layer:
    """A weight matrix, not yet read, with its bias and what its name tells."""

    weight: Tensor
    bias: Tensor | None
    role: Role | None


def all_layers(file: TensorFile) -> list[Layer]:
    """Take every array of the file as part of the network, in natural order; refuse by name what is not."""
    roles = {tensor.name: _role(tensor) for tensor in file.tensors}
    weights = [tensor for tensor in file.tensors if _is_weight(tensor, roles[tensor.name])]
    names = [tensor.name for tensor in sorted(weights, key=lambda tensor: natural_key(unwrapped(tensor.name)))]
    for tensor in file.tensors:
        _require_linear(tensor, roles[tensor.name], file.name, names)
    if not weights:
        raise fault("no-weights", file.name)
    biases = _biases(file)
    layers = []
    for tensor in sorted(weights, key=lambda tensor: natural_key(unwrapped(tensor.name))):
        role = roles[tensor.name]
        layers.append(Layer(tensor, biases.pop(role.layer, None) if role else None, role))
    for bias in biases.values():
        raise fault("bias-alone", file.name, name=bias.name, remedy=_pick(names))
    return layers


def _role(tensor: Tensor) -> Role | None:
    """Return what a name tells; a matrix called b, beside one called a, is no bias."""
    matrix = len([size for size in tensor.shape if size != 1]) > 1
    return None if matrix and _LETTER.fullmatch(tensor.name) else role_of(tensor.name)


def _biases(file: TensorFile) -> dict[str, Tensor]:
    found = {}
    for tensor in file.tensors:
        role = _role(tensor)
        if role is not None and role.kind == "bias":
            found[role.layer] = tensor
    return found


def _is_weight(tensor: Tensor, role: Role | None) -> bool:
    if foreign(tensor.name):
        return False
    if role is not None:
        vector = len(tensor.shape) == 1 and unwrapped(tensor.name).endswith("coef_")  # one output, scikit-learn
        return role.kind == "weight" and (len(tensor.shape) == 2 or vector)
    return len(tensor.shape) == 2


def _require_linear(tensor: Tensor, role: Role | None, file: str, names: list[str]) -> None:
    """Refuse by name an array that no linear network has."""
    if tensor.error is not None:
        if role is not None or tensor.dtype == "object":
            raise tensor.error
        raise fault("not-linear", file, name=tensor.name, kind="is not an array of numbers", remedy=_pick(names))
    kind = foreign(tensor.name)
    dimensions = len(tensor.shape)
    is_bias = role is not None and role.kind == "bias"
    if kind is None and not is_bias and not _is_weight(tensor, role):
        if dimensions == 1 and role is not None:
            kind = f"is a vector (shape {tensor.shape}), as a normalisation or an activation has"
        elif dimensions >= 3:
            kind = f"has {dimensions} dimensions (shape {tensor.shape}), as a convolution has"
        else:
            kind = f"has shape {tensor.shape} and a name that tells nothing"
    if kind is not None:
        raise fault("not-linear", file, name=tensor.name, kind=kind, remedy=_pick(names))


def _pick(names: list[str]) -> str:
    if not names:
        return "save the weight matrices of a linear network"
    return f"choose the layers by name, for example --layers {','.join(names[:12])}"


def choose_layers(file: TensorFile, wanted: Sequence[str]) -> list[Layer]:
    """Take the weight matrices the user listed, by name or pattern, with their biases; the rest is left out."""
    biases = _biases(file)
    chosen: list[Layer] = []
    for word in wanted:
        for tensor in _matching(file, word.strip()):
            if any(layer.weight.name == tensor.name for layer in chosen):
                raise fault("layer-twice", file.name, layer=tensor.name)
            role = _role(tensor)
            chosen.append(Layer(tensor, biases.get(role.layer) if role else None, role))
    return chosen


def _matching(file: TensorFile, word: str) -> list[Tensor]:
    """Return the weight of a name, or those of a pattern in natural order; what else it matches is refused by name."""
    literal = any(word in _names(tensor) for tensor in file.tensors)  # of a tensor called W[0], too
    if literal or not any(character in word for character in "*?["):
        return [_find(file, word)]
    found = [tensor for tensor in file.tensors if any(fnmatchcase(name, word) for name in _names(tensor))]
    if not any(_is_weight(tensor, _role(tensor)) for tensor in found):
        raise fault("no-match", file.name, pattern=word, known=listing(_weight_names(file)))
    roles = {tensor.name: _role(tensor) for tensor in found}
    matched = [tensor for tensor in found if (role := roles[tensor.name]) is None or role.kind != "bias"]
    return [layer.weight for layer in all_layers(replace(file, tensors=tuple(matched)))]  # biases come with them


def _names(tensor: Tensor) -> tuple[str, ...]:
    """Return the names that a layer's weight goes by."""
    return (tensor.name, unwrapped(tensor.name), *_layer_names(tensor))


def _weight_names(file: TensorFile) -> list[str]:
    return [tensor.name for tensor in file.tensors if _is_weight(tensor, _role(tensor))]


def _find(file: TensorFile, word: str) -> Tensor:
    """Find a weight by its full name, its name without wrappers, or its layer's name."""
    tests: tuple[Callable[[Tensor], bool], ...] = (
        lambda tensor: tensor.name == word,
        lambda tensor: unwrapped(tensor.name) == word,
        lambda tensor: word in _layer_names(tensor),
    )
    for test in tests:
        found = [tensor for tensor in file.tensors if test(tensor)]
        if len(found) == 1:
            return found[0]
        if found:
            raise fault("two-layers", file.name, layer=word, found=listing(tensor.name for tensor in found))
    known = _weight_names(file)
    raise fault("no-layer", file.name, layer=word, hint=hint(word, known), known=listing(known))


def _layer_names(tensor: Tensor) -> tuple[str, ...]:
    role = _role(tensor)
    return (role.layer, unwrapped(role.layer)) if role is not None and role.kind == "weight" else ()


def stored_shape(layer: Layer, dy: int, file: str | None = None) -> tuple[int, int]:
    """Return a weight's shape; the vector that scikit-learn stores for one output is a row."""
    tensor = layer.weight
    if tensor.error is not None:
        raise tensor.error
    if len(tensor.shape) == 2 and 0 not in tensor.shape:
        return (tensor.shape[0], tensor.shape[1])
    if (
        len(tensor.shape) == 1
        and tensor.shape[0]
        and dy == 1
        and layer.role
        and unwrapped(tensor.name).endswith("coef_")
    ):
        return (1, tensor.shape[0])
    kind = f"has shape {tensor.shape}"
    remedy = "give two-dimensional weight matrices, each with rows and columns"
    raise fault("not-linear", file, name=tensor.name, kind=kind, remedy=remedy)
