"""What is not a linear network is refused: by the name of an array, its cause, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.foreign import (
    FOLD,
    QUANTISED,
    QUANTISED_REMEDY,
    REMEDY_AFTER,
    coder,
    first_foreign,
    foreign,
)
from lossurf.inputs.checkpoints.kinds import is_matrix, is_weight
from lossurf.inputs.checkpoints.places import is_loose, predecessors
from lossurf.inputs.checkpoints.roles import Role
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile
from lossurf.inputs.faults import fault

Roles = Mapping[str, Role | None]

_QUANTISED_TYPES: Final = ("int8", "uint8", "int4", "uint4", "int2", "uint2")
_NAMES_SHOWN: Final = 40


def require_linear(file: TensorFile, roles: Roles, weights: Sequence[Tensor]) -> None:
    """Refuse a file with an array that no linear network has.

    Parameters
    ----------
    file : TensorFile
    roles : mapping of str to Role or None
        What each name tells.
    weights : sequence of Tensor
        The weight matrices among the arrays, for the remedy.

    Raises
    ------
    InputError
    """
    for tensor in file.tensors:
        if tensor.error is not None and (tensor.dtype == "layer" or foreign(tensor.name) is None):
            told = roles[tensor.name] is not None or tensor.dtype in ("object", "layer")
            raise tensor.error if told else _no_numbers(file, tensor, weights)
    if not weights and file.tensors and is_loose(file.tensors[0], roles[file.tensors[0].name]):
        vector = file.tensors[0]
        kind = f"is a vector (shape {vector.shape}) and there is no matrix"
        raise _not_linear(file, vector.name, kind, _leave_out(file, weights))
    found = first_foreign((tensor.name, is_matrix(tensor)) for tensor in file.tensors)
    if found is not None:
        name, entry = found
        raise _not_linear(file, name, entry.kind, entry.remedy or _leave_out(file, weights))
    for tensor in weights:
        _require_unquantised(file, tensor, roles[tensor.name])
    for tensor in file.tensors:
        refused = _by_shape(file, tensor, roles, weights)
        if refused is not None:
            raise refused


def require_uncoded(file: TensorFile, chosen: Tensor, role: Role | None) -> None:
    """Refuse to take for a layer's matrix what is stored in its place, whoever chooses it.

    Raises
    ------
    InputError
    """
    entry = foreign(chosen.name, matrix=is_matrix(chosen))
    if entry is not None and entry.part == "coded":
        raise _not_linear(file, chosen.name, entry.kind, entry.remedy)
    _require_unquantised(file, chosen, role)
    names = [tensor.name for tensor in file.tensors]
    found = coder(chosen.name, names) or (coder(role.layer, names) if role is not None else None)
    if found is not None:
        name, entry = found
        raise fault("coded-layer", file.name, name=chosen.name, other=name, kind=entry.kind, remedy=entry.remedy)


def _require_unquantised(file: TensorFile, weight: Tensor, role: Role | None) -> None:
    """Refuse bytes where a library keeps a layer's weights: only quantisation puts them there."""
    if role is not None and role.orientation is not None and weight.dtype in _QUANTISED_TYPES:
        raise _not_linear(file, weight.name, f"has the number type {weight.dtype} and {QUANTISED}", QUANTISED_REMEDY)


def require_biases_placed(file: TensorFile, roles: Roles, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Refuse by name the vectors that are the bias of no layer.

    Parameters
    ----------
    file : TensorFile
    roles : mapping of str to Role or None
    weights, biases : sequences of Tensor
        Those of the layers.

    Raises
    ------
    InputError
    """
    taken = {bias.name for bias in biases}
    left = [tensor for tensor in file.tensors if _is_vector(tensor, roles[tensor.name]) and tensor.name not in taken]
    if not left:
        return
    _require_both_ways(file, roles, weights, [*biases, *left])
    vector = left[0]
    role = roles[vector.name]
    if role is not None and role.kind == "bias" and role.layer:
        raise fault("bias-alone", file.name, name=vector.name)
    before = predecessors(file).get(vector.name)
    if before is not None and before.name in taken:
        kind = f"is a second vector behind a matrix (shape {vector.shape}), as BatchNorm or LayerNorm have"
        raise _not_linear(file, vector.name, kind, f"{FOLD}, if it is a BatchNorm")
    if before is not None and is_weight(before, roles[before.name]) and not is_loose(before, roles[before.name]):
        rows, columns = before.shape
        kind = f"is no bias of {before.name!r} ({rows}x{columns}) with its shape {vector.shape}"
        raise _not_linear(file, vector.name, f"{kind} and has a name that tells nothing", _unknown(file, weights))
    raise _untold(file, vector, weights)


def _require_both_ways(file: TensorFile, roles: Roles, weights: Sequence[Tensor], vectors: Sequence[Tensor]) -> None:
    """Refuse one matrix with a bias on either side: it is used twice, the second time transposed."""
    if len(weights) != 1 or len(weights[0].shape) != 2 or weights[0].shape[0] == weights[0].shape[1]:
        return
    told = roles[weights[0].name]
    if told is not None and told.orientation is not None:  # then its biases are told by their names too
        vectors = [vector for vector in vectors if (role := roles[vector.name]) is not None and role.kind == "bias"]
    if {vector.shape[0] for vector in vectors if len(vector.shape) == 1} >= set(weights[0].shape):
        names = ", ".join(vector.name for vector in vectors)
        raise fault("tied", file.name, name=weights[0].name, biases=names)


def _is_vector(tensor: Tensor, role: Role | None) -> bool:
    if is_weight(tensor, role):
        return False
    return is_loose(tensor, role) or (role is not None and role.kind == "bias")


def _by_shape(file: TensorFile, tensor: Tensor, roles: Roles, weights: Sequence[Tensor]) -> InputError | None:
    role = roles[tensor.name]
    if is_weight(tensor, role) or is_loose(tensor, role):
        return None
    dimensions = len(tensor.shape)
    if role is not None and role.kind == "bias":
        if not is_matrix(tensor) or not tensor.name.endswith("vars/1"):
            return None
        kind = f"is a second matrix of one layer (shape {tensor.shape}), as recurrent layers have"
    elif dimensions == 1:
        shifted = role is not None and Role(role.layer, "bias") in roles.values()
        known = "as LayerNorm, GroupNorm and BatchNorm have" if shifted else "as RMSNorm and PReLU have"
        kind = f"is a vector (shape {tensor.shape}) where a layer has its matrix, {known}"
    elif dimensions >= 3:
        kind = f"has {dimensions} dimensions (shape {tensor.shape}), as a convolution or an attention layer has"
    else:
        return _untold(file, tensor, weights)
    return _not_linear(file, tensor.name, kind, REMEDY_AFTER)


def _no_numbers(file: TensorFile, tensor: Tensor, weights: Sequence[Tensor]) -> InputError:
    return _not_linear(file, tensor.name, "is not an array of numbers", _leave_out(file, weights))


def _untold(file: TensorFile, tensor: Tensor, weights: Sequence[Tensor]) -> InputError:
    kind = f"has shape {tensor.shape} and a name that tells nothing"
    return _not_linear(file, tensor.name, kind, _unknown(file, weights))


def _not_linear(file: TensorFile, name: str, kind: str, remedy: str) -> InputError:
    return fault("not-linear", file.name, name=name, kind=kind, remedy=remedy)


def _leave_out(file: TensorFile, weights: Sequence[Tensor]) -> str:
    """Advise how to do without an array that the network's function does not need."""
    if not weights:
        return "save the weight matrices of a linear network"
    if not file.options:
        return "leave it out"
    if len(weights) > _NAMES_SHOWN:
        return (
            f"choose the {len(weights)} layers by name, first to last: --layers {weights[0].name},{weights[1].name},..."
        )
    return f"choose the layers by name: --layers {','.join(weight.name for weight in weights)}"


def _unknown(file: TensorFile, weights: Sequence[Tensor]) -> str:
    named = "save weights and biases alone, named W1, b1, W2, b2, ..."
    if not weights:
        return named
    return f"{named}; if the network does not use it, {_leave_out(file, weights)}"
