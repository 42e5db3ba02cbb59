"""Damage to files, as the tests of several readers do it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset


def refusals_of_damaged(path: Path, times: int = 400) -> int:
    """Change one to three bytes of a table anywhere, again and again: how many were refused, the others being read."""
    rng = np.random.default_rng(3)
    whole, refused = path.read_bytes(), 0
    for _ in range(times):
        changed = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 4)):
            changed[at] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            list(open_dataset(path, targets=["y"], max_memory="100M").blocks())
        except InputError:
            refused += 1
    return refused
