"""Memory that malloc keeps for the next arrays, which otherwise comes and goes with every few of them.

glibc takes a block from the system by itself where it is larger than any that was freed before, and gives the end of
its heap back as soon as more is free there than twice that: 256 KiB in a young process, two matrices of order 128
(mallopt(3), on M_MMAP_THRESHOLD). Taking it again costs a fault for every page, and the page filled with zeros: 300 to
500 faults a verdict at that order, a tenth of its time and more, and a third of the time in which a reader converts a
block of a table. No other malloc is known to do that, and none is harmed by a block that is never touched.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Final

import numpy as np

_BLOCK: Final = 2**24  # bytes: twice that is kept, more than the verdict on three layers of order 512 has at a time


@cache
def keep_heap() -> None:
    """Let malloc keep from now on what arrays need; the block it learns that from is freed and never touched."""
    with suppress(MemoryError):
        np.empty(_BLOCK, dtype=np.uint8)
