"""How many processors there are to work on."""

from __future__ import annotations

import os


def cores_at_hand() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
