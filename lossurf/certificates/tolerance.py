"""Whether a certificate is made at a tolerance that its weights justify: the tolerance is part of the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from lossurf.numerics import EPS, Matrix, default_tolerance

_HALF: Final = 1 << 16  # a float32 whose lower 16 bits are zero is a bfloat16


def stored_tolerance(layers: Sequence[Mapping[str, Any]]) -> float:
    """Return the default tolerance of the dtypes that the layers are said to have been stored with."""
    return default_tolerance([str(layer.get("dtype")) for layer in layers])


_REPRESENTED: Final = 4.0 * EPS
"""Of a number times a root and divided by it again: each rounds by half an eps, and so does the root."""


def representable_layers(layers: Sequence[Matrix], dtypes: Sequence[str], weights: Sequence[float] | None) -> bool:
    """Whether every layer is of its dtype; the last one once the weights of the outputs are taken out of it."""
    if weights is None:
        return all(representable(W, dtype) for W, dtype in zip(layers, dtypes, strict=True))
    last = layers[-1] / np.sqrt(np.array(weights))[:, None]
    near = _rounded(last, dtypes[-1])
    return bool(np.all(np.abs(last - near) <= _REPRESENTED * np.abs(last))) and representable_layers(
        layers[:-1], dtypes[:-1], None
    )


def _rounded(W: Matrix, dtype: str) -> Matrix:
    """Return the nearest numbers of a dtype."""
    if dtype in ("float32", "float16"):
        return np.asarray(W.astype(dtype).astype(np.float64))
    if dtype == "bfloat16":
        bits = W.astype(np.float32).view(np.uint32).astype(np.uint64)
        upper = ((bits + _HALF // 2) // _HALF * _HALF).astype(np.uint32)
        return np.asarray(upper.view(np.float32).astype(np.float64))
    return W


def representable(W: Matrix, dtype: str) -> bool:
    """Whether every number of a layer is one of the dtype it is said to have been stored with.

    A coarse dtype allows a coarse tolerance, so it must not be claimed for weights that never had it. Names that allow
    no more than float64 does need no check.
    """
    with np.errstate(over="ignore"):
        if dtype == "float32":
            return bool(np.array_equal(W.astype(np.float32).astype(np.float64), W))
        if dtype == "float16":
            return bool(np.array_equal(W.astype(np.float16).astype(np.float64), W))
        if dtype == "bfloat16":
            single = W.astype(np.float32)
            return bool(np.array_equal(single.astype(np.float64), W) and not np.any(single.view(np.uint32) % _HALF))
    return True
