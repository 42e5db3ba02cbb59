"""One thing that was computed again, and the two comparisons it can be held to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Check:
    """One thing that was computed again: `value` was held against `bound`."""

    id: str
    ok: bool
    value: float | None = None
    bound: float | None = None


def at_most(name: str, value: float, bound: float, *, over: float = -np.inf) -> Check:
    """Check over < value <= bound; what is not a number passes nothing."""
    return Check(name, bool(over < value <= bound), float(value), float(bound))


def above(name: str, value: float, bound: float) -> Check:
    """Check that a finite value is above the bound."""
    return Check(name, bool(bound < value < np.inf), float(value), float(bound))
