"""What a stored array can be, by its name and its dimensions: a weight matrix, or a bias."""

from __future__ import annotations

import re
from typing import Final

from lossurf.inputs.checkpoints.foreign import foreign
from lossurf.inputs.checkpoints.roles import Role, role_of, unwrapped
from lossurf.inputs.checkpoints.tensors import Tensor

_LETTER: Final = re.compile(r"(?:.*[./_])?b\d*")


def tensor_role(tensor: Tensor) -> Role | None:
    """Return what a name tells; a matrix called b, beside one called a, is no bias."""
    return None if is_matrix(tensor) and _LETTER.fullmatch(tensor.name) else role_of(tensor.name)


def is_matrix(tensor: Tensor) -> bool:
    """Tell whether an array has more than one axis that is not of length 1."""
    return len([size for size in tensor.shape if size != 1]) > 1


def is_weight(tensor: Tensor, role: Role | None) -> bool:
    """Tell whether an array can be the weight matrix of a layer."""
    if foreign(tensor.name, matrix=is_matrix(tensor)):
        return False
    if role is not None:
        vector = len(tensor.shape) == 1 and unwrapped(tensor.name).endswith("coef_")  # one output, scikit-learn
        return role.kind == "weight" and (len(tensor.shape) == 2 or vector)
    return len(tensor.shape) == 2
