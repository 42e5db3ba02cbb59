"""Pairs of layers from which all others of a set follow: the corners of a staircase (theory, section 5).

If E_ij = 0 then E_i'j' = 0 for i' <= i and j' >= j; if rank(M_ij) = r then rank(M_i'j') = r for i' >= i, j' <= j. Of
the N (N - 1) / 2 pairs at most N are corners.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]
Pairs = NDArray[np.intp]  # one a row


def outermost(pairs: NDArray[np.bool_]) -> list[Pair]:
    """Pairs (i, j) of a set, True at [i, j], for which no other of it has i' >= i and j' <= j, ascending."""
    rows = np.flatnonzero(pairs.any(axis=1))
    columns = pairs[rows].argmax(axis=1)  # of a row the least j implies the others
    return [(int(i), int(j)) for i, j in _falling(rows[::-1], columns[::-1])][::-1]


def innermost(pairs: NDArray[np.bool_]) -> list[Pair]:
    """Pairs (i, j) of a set, True at [i, j], for which no other of it has i' <= i and j' >= j, ascending."""
    rows = np.flatnonzero(pairs.any(axis=1))
    columns = pairs.shape[1] - 1 - pairs[rows, ::-1].argmax(axis=1)
    return [(int(i), -int(j)) for i, j in _falling(rows, -columns)]


def _falling(rows: Pairs, columns: Pairs) -> Pairs:
    """Of pairs, one a row of them, those whose column is below all before it."""
    before = np.minimum.accumulate(np.concatenate([[np.iinfo(int).max], columns]))[:-1].astype(int)
    return np.column_stack([rows, columns])[columns < before]
