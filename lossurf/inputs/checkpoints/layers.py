"""Which arrays of a checkpoint are the layers of a linear network: all of them, or those the user lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from lossurf.inputs.checkpoints.kinds import is_weight, tensor_role
from lossurf.inputs.checkpoints.places import placed_biases
from lossurf.inputs.checkpoints.refusals import require_biases_placed, require_linear, require_uncoded
from lossurf.inputs.checkpoints.roles import Role, unwrapped
from lossurf.inputs.checkpoints.sequence import in_sequence
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.faults import fault, hint, listing
from lossurf.inputs.order import natural_key


@dataclass(frozen=True)
class Layer:
    """A weight matrix, not yet read, with its bias and what its name tells; `placed` if only its place tells a bias."""

    weight: Tensor
    bias: Tensor | None
    role: Role | None
    placed: bool = False


def all_layers(file: TensorFile) -> list[Layer]:
    """Take every array of the file as part of the network, in the order that is told; refuse by name what is not."""
    roles = _roles(file)
    weights = _in_order(file, [tensor for tensor in file.tensors if is_weight(tensor, roles[tensor.name])])
    require_linear(file, roles, weights)
    if not weights:
        raise fault("no-weights", file.name)
    layers = _with_biases(file, roles, weights)
    require_biases_placed(file, roles, weights, [layer.bias for layer in layers if layer.bias is not None])
    return layers


def _roles(file: TensorFile) -> dict[str, Role | None]:
    return {tensor.name: tensor_role(tensor) for tensor in file.tensors}


def _in_order(file: TensorFile, weights: Sequence[Tensor]) -> list[Tensor]:
    if file.sequence is not None:
        place = {name: i for i, name in enumerate(file.sequence)}
        return sorted(weights, key=lambda tensor: place.get(tensor.name, len(place)))
    alphabetical = sorted(weights, key=lambda tensor: natural_key(unwrapped(tensor.name)))
    return [alphabetical[i] for i in in_sequence([tensor.title or tensor.name for tensor in alphabetical])]


def _with_biases(file: TensorFile, roles: Mapping[str, Role | None], weights: Sequence[Tensor]) -> list[Layer]:
    """Give each weight its bias: of the same layer by name, else by place."""
    named = {role.layer: tensor for tensor in file.tensors if (role := roles[tensor.name]) and role.kind == "bias"}
    told: dict[str, Tensor] = {}
    for weight in weights:
        role = roles[weight.name]
        bias = named.get(role.layer) if role is not None else None
        bias = bias or named.get(weight.name)  # enc, and enc_b beside it
        if bias is not None:
            told[weight.name] = bias
    placed = placed_biases(file, roles, [weight.name for weight in weights], told)
    return [
        Layer(weight, (told | placed).get(weight.name), roles[weight.name], weight.name in placed) for weight in weights
    ]


def choose_layers(file: TensorFile, wanted: Sequence[str]) -> list[Layer]:
    """Take the weight matrices the user listed, by name or pattern, with their biases; the rest is left out."""
    roles = _roles(file)
    chosen: list[Tensor] = []
    for word in wanted:
        for tensor in _matching(file, word.strip()):
            if any(other.name == tensor.name for other in chosen):
                raise fault("layer-twice", file.name, layer=tensor.name)
            require_uncoded(file, tensor, roles[tensor.name])
            chosen.append(tensor)
    return _with_biases(file, roles, chosen)


def unused(file: TensorFile, layers: Sequence[Layer]) -> list[str]:
    """Return the names of the arrays that are in the file and in no layer."""
    used = {tensor.name for layer in layers for tensor in (layer.weight, layer.bias) if tensor is not None}
    return [tensor.name for tensor in file.tensors if tensor.name not in used]


def _matching(file: TensorFile, word: str) -> list[Tensor]:
    """Return the weight of a name, or those of a pattern in natural order; what else it matches is refused by name."""
    literal = any(word in _names(tensor) for tensor in file.tensors)  # of a tensor called W[0], too
    if literal or not any(character in word for character in "*?["):
        return [_find(file, word)]
    found = [tensor for tensor in file.tensors if any(fnmatchcase(name, word) for name in _names(tensor))]
    if not any(is_weight(tensor, tensor_role(tensor)) for tensor in found):
        raise fault("no-match", file.name, pattern=word, known=listing(_weight_names(file)))
    roles = {tensor.name: tensor_role(tensor) for tensor in found}
    matched = [tensor for tensor in found if (role := roles[tensor.name]) is None or role.kind != "bias"]
    return [layer.weight for layer in all_layers(replace(file, tensors=tuple(matched)))]  # biases come with them


def _names(tensor: Tensor) -> tuple[str, ...]:
    """Return the names that a layer's weight goes by."""
    return (tensor.name, unwrapped(tensor.name), *_layer_names(tensor))


def _weight_names(file: TensorFile) -> list[str]:
    return [tensor.name for tensor in file.tensors if is_weight(tensor, tensor_role(tensor))]


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
    role = tensor_role(tensor)
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
