"""What an array in a checkpoint is, told from its name: a weight matrix, a bias, or something no linear network has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Orientation = Literal["out-in", "in-out"]


@dataclass(frozen=True)
class Role:
    """A name's meaning: `layer` is the same for a weight and its bias; `orientation` is told by some names only."""

    layer: str
    kind: Literal["weight", "bias"]
    orientation: Orientation | None = None


# Each pattern is matched against the whole name; group 1 and group 2 together name the layer.
_PATTERNS: Final[tuple[tuple[str, Literal["weight", "bias"], Orientation | None], ...]] = (
    (r"(.*?)(?:^|[./_])kernel()", "weight", "in-out"),  # Keras, flax
    (r"(.*?)(?:^|/)vars/0()", "weight", "in-out"),  # Keras 3 weights files
    (r"(.*?)(?:^|/)vars/1()", "bias", None),
    (r"(.*?)coefs_?[._/]?(\d+)", "weight", "in-out"),  # scikit-learn's multilayer perceptrons
    (r"(.*?)intercepts_?[._/]?(\d+)", "bias", None),
    (r"(.*?)coef_()", "weight", "out-in"),  # scikit-learn's linear models
    (r"(.*?)intercept_()", "bias", None),
    (r"(.*?)(?:^|[./_])weight()", "weight", "out-in"),  # PyTorch
    (r"(.*?)(?:^|[./_])(?:weights|W|w)()", "weight", None),
    (r"(.*?)(?:^|[./_])(?:bias|biases|b)()", "bias", None),
    (r"(.*?)(?:^|(?<=[./_]))(?:W|w|weights?)_?(\d+)", "weight", None),
    (r"(.*?)(?:^|(?<=[./_]))(?:b|biases|bias)_?(\d+)", "bias", None),
    (r"(.*?)(?:^|(?<=[./]))(?:[Ww]_|weights?_|W(?=enc|dec|in|out))([A-Za-z]\w*)", "weight", None),  # W_enc
    (r"(.*?)(?:^|(?<=[./]))(?:[Bb]_|bias(?:es)?_|b(?=enc|dec|in|out))([A-Za-z]\w*)", "bias", None),
)

_WRAPPERS: Final = ("module.", "_orig_mod.", "model.", "state_dict.", "params/", "params.")


@lru_cache(maxsize=4096)  # the checkpoints of a run have the same names
def role_of(name: str) -> Role | None:
    """Return the role a name tells, or None where it tells nothing."""
    bare = re.sub(r":0$|[./](?:raw_)?value$", "", name)  # Keras 2 and flax.nnx variables
    for pattern, kind, orientation in _PATTERNS:  # re keeps them compiled; most runs need none
        found = re.fullmatch(pattern, bare)
        if found:
            return Role(found[1] + found[2], kind, orientation)
    return None


def unwrapped(name: str) -> str:
    """Take off the prefixes that wrappers (DataParallel, compile, Lightning, flax) put before the names of a model."""
    while True:
        prefix = next((prefix for prefix in _WRAPPERS if name.startswith(prefix)), None)
        if prefix is None:
            return name
        name = name.removeprefix(prefix)
