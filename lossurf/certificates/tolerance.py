"""Whether a certificate is made at a tolerance that its weights justify: the tolerance is part of the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from lossurf.numerics import Matrix, default_tolerance

_HALF: Final = 1 << 16  # a float32 whose lower 16 bits are zero is a bfloat16


def stored_tolerance(layers: Sequence[Mapping[str, Any]]) -> float:
    """Return the default tolerance of the dtypes that the layers are said to have been stored with."""
    return default_tolerance([str(layer.get("dtype")) for layer in layers])


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
