"""How many processors there are to work on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_bounds: list[int] = []  # of all that are working; the least holds for each


def cores_at_hand() -> int:
    """Return the number of cores that this process may use, or the number of threads it was told to keep to."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([cores, *_bounds])


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Keep to so many threads meanwhile, whichever thread asks."""
    if threads is None:
        yield
        return
    _bounds.append(threads)
    try:
        yield
    finally:
        _bounds.remove(threads)
