"""Memory that malloc keeps for the next arrays, which otherwise comes and goes with every few of them.

glibc gives the end of its heap back to the system as soon as more is free there than twice the largest block that was
ever freed, 256 KiB in a young process: two matrices of order 128. Taking it again costs a fault for every page, and the
page filled with zeros: at that order 300 to 500 faults a verdict, a tenth of its time and more. No other malloc is
known to do that, and none is harmed by a block that is never touched.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

_BLOCK: Final = 2**24  # bytes: twice that is kept, more than the verdict on three layers of order 512 has at a time


@cache
def keep_heap() -> None:
    """Let malloc keep from now on what the arrays of a verdict need; the block it learns that from is never touched."""
    np.empty(_BLOCK, dtype=np.uint8)
