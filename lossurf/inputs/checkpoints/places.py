"""Biases told by their place alone: a vector behind a matrix, as long as that matrix has outputs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Final

from lossurf.inputs.checkpoints.roles import Role
from lossurf.inputs.checkpoints.sequence import Number, as_number
from lossurf.inputs.checkpoints.tensors import Tensor, TensorFile

_NUMBERED: Final = re.compile(r"(.*?)(?<!\d)(\d+)")


def placed_biases(
    file: TensorFile, roles: Mapping[str, Role | None], weights: Collection[str], biased: Collection[str]
) -> dict[str, Tensor]:
    """Find the biases of weights whose names say nothing of one: arr_0, arr_1, ... of get_weights, or A, a, B, b.

    Parameters
    ----------
    file : TensorFile
    roles : mapping of str to Role or None
        What each name tells.
    weights : collection of str
        Names of the weight matrices.
    biased : collection of str
        Those of them whose bias is told by its name.

    Returns
    -------
    dict of str to Tensor
        By the name of the weight. Whether a bias is as long as its layer's outputs or inputs is left to be seen where
        the layers' orientation is decided.
    """
    before = predecessors(file)
    found: dict[str, Tensor] = {}
    for vector in file.tensors:
        matrix = before.get(vector.name) if is_loose(vector, roles[vector.name]) else None
        if matrix is None or matrix.name not in weights or matrix.name in biased:
            continue
        role = roles[matrix.name]
        if (role is None or role.orientation is None) and vector.shape[0] in matrix.shape:
            found[matrix.name] = vector
    return found


def is_loose(tensor: Tensor, role: Role | None) -> bool:
    """Tell whether a vector's name leaves open that it is a bias; W2 does, as W1, W2, ... may number all arrays."""
    if len(tensor.shape) != 1:
        return False
    if role is None:
        return True
    if role.kind == "weight":
        return role.orientation is None and _NUMBERED.fullmatch(tensor.name) is not None
    return not role.layer


def predecessors(file: TensorFile) -> dict[str, Tensor]:
    """Return what comes before each array, by its name: by number where names are numbered, else as they are stored."""
    before = {after.name: tensor for tensor, after in pairwise(file.tensors)} if file.ordered else {}
    series: dict[str, list[tuple[Number, Tensor]]] = {}
    for tensor in file.tensors:
        if found := _NUMBERED.fullmatch(tensor.name):
            series.setdefault(found[1], []).append((as_number(found[2]), tensor))
    for alike in series.values():
        alike.sort(key=lambda numbered: numbered[0])
        before.pop(alike[0][1].name, None)
        before |= {after.name: tensor for (_, tensor), (_, after) in pairwise(alike)}
    return before
