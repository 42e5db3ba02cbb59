"""One thing that was computed again, and the two comparisons it can be held to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lossurf.fields import Unbounded


@dataclass(frozen=True)
class Check:
    """One thing that was computed again: `value` was held against `bound`.

    Attributes
    ----------
    id : str
        What was checked.
    ok : bool
        Whether it holds.
    value : float or None
        What came out; None where it is no number.
    bound : float or None
        What it was held against.
    """

    id: str
    ok: bool
    value: Unbounded | None = None
    bound: Unbounded | None = None


def largest(values: Iterable[float]) -> float:
    """Return the largest of some values, 0 of none; what is no number, such as inf / inf, makes it none."""
    return float(np.max([0.0, *values]))


def at_most(name: str, value: float, bound: float, *, over: float = -np.inf) -> Check:
    """Check over < value <= bound; what is not a number passes nothing."""
    return Check(name, bool(over < value <= bound), float(value), float(bound))


def above(name: str, value: float, bound: float) -> Check:
    """Check that a finite value is above the bound."""
    return Check(name, bool(bound < value < np.inf), float(value), float(bound))
