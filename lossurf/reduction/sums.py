"""Gram matrices of parts of some rows, added with what rounding takes from every addition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from lossurf.numerics import Matrix

_NUMBERS_AT_ONCE: Final = 16_384  # of each matrix: with what is computed in between they stay in the cache


class GramSum:
    """A sum of Gram matrices whose rounding errors are those of one addition, however many are added.

    Every addition is an error-free transformation (Knuth 1998, "The Art of Computer Programming" 2, section 4.2.2,
    Theorem B), and what it leaves is summed beside.

    Parameters
    ----------
    gram : ndarray, shape (n, n)
        In Fortran order, of which the upper triangle counts; kept, and overwritten by what is added. Numbers so far
        from the end of float64's range that no sum leaves it.
    """

    def __init__(self, gram: Matrix) -> None:
        self._sum = gram
        self._left: Matrix | None = None

    def add(self, other: GramSum) -> GramSum:
        """Add another sum of matrices of this order to this one, and return it."""
        if self._left is None:
            self._left = np.zeros_like(self._sum)
        for block in self._blocks():
            present, added = self._sum[block], other._sum[block]
            total = present + added
            of_added = total - present
            self._left[block] += (present - (total - of_added)) + (added - of_added)
            if other._left is not None:
                self._left[block] += other._left[block]
            present[...] = total
        return self

    def rounded(self) -> Matrix:
        """Return the sum, (n, n)."""
        return self._sum if self._left is None else self._sum + self._left

    def _blocks(self) -> Iterator[tuple[slice, slice]]:
        """Yield rows and columns of blocks that cover the upper triangle, and little more where it is large."""
        n = len(self._sum)
        at_once = max(1, _NUMBERS_AT_ONCE // n)
        for first in range(0, n, at_once):
            last = min(first + at_once, n)
            yield slice(0, last), slice(first, last)
