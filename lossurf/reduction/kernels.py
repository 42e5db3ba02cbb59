"""The two operations of every reduction, factor a panel and merge two triangles, by LAPACK directly or by numpy."""

from __future__ import annotations

import ctypes
from typing import Any, Final, Protocol

import numpy as np

from lossurf.numerics import Matrix
from lossurf.reduction.lapack import available, in_columns, integer, routine
from lossurf.reduction.panels import Panel
from lossurf.reduction.triangle import factor, merge


class Kernel(Protocol):
    """Factor a panel, merge triangles. One object per thread: it may own workspace."""

    def factor_panel(self, panel: Panel) -> Matrix:
        """Return the triangular factor (n, n) of [1 X Y]; the samples stay."""
        ...

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """Return the triangular factor of two stacked (n, n) triangles; both may be overwritten."""
        ...


FEW_COLUMNS: Final = 64
"""Up to here numpy's own LAPACK does as well for what is done once a panel, and scipy need not be imported."""

_NUMBERS_IN_COLUMNS: Final = 740_000
"""Of samples that reflections are given at once, 6 MB: long panels of many columns would be in memory twice."""

_WIDE: Final = 256  # columns; of fewer, leaving rows of zeros out of the work saves nothing that is noticed


class NumpyKernel:
    """The two operations by numpy alone: for data too small to pay for importing scipy, and as the fallback."""

    def factor_panel(self, panel: Panel) -> Matrix:
        """See `Kernel`."""
        columns = panel.in_columns()
        n = columns.shape[1]
        if n < _WIDE or columns[n // 2 :].any():
            return factor(columns)
        top = factor(columns[: n // 2][columns[: n // 2].any(axis=1)])
        r = np.zeros((n, n))
        r[: len(top)] = top
        return r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        return merge(upper, lower)


class LapackKernel:
    """The two operations by LAPACK's recursive-panel dgeqrt and the structured dtpqrt, with the GIL released.

    dtpqrt knows that both halves are triangles: a merge costs 2/3 n^3 operations where a dense QR of the stack
    costs 10/3 n^3, which matters once a panel is not much longer than it is wide.
    """

    def __init__(self, n: int, panel_width: int) -> None:
        self._n = n
        self._panel_width = min(panel_width, n)
        self._reflectors = np.empty((n, self._panel_width)).T
        self._work = np.empty(n * self._panel_width)
        self._upper = np.asfortranarray(np.triu(np.ones((n, n), dtype=bool)))

    def factor_panel(self, panel: Panel) -> Matrix:
        """See `Kernel`."""
        at_once = max(2 * self._n, _NUMBERS_IN_COLUMNS // self._n)
        r = self.factor(panel.in_columns(0, at_once))
        for first in range(at_once, panel.rows, at_once):
            r = self.merge_triangles(r, self.factor(panel.in_columns(first, at_once)))
        return r

    def factor(self, columns: Matrix) -> Matrix:
        """Return the triangular factor (n, n) of a matrix (rows >= n, n) in Fortran order, whose content is lost."""
        rows, n = columns.shape
        self._call("dgeqrt", integer(rows), integer(n), integer(self._panel_width), *in_columns(columns))
        r = np.zeros((n, n), order="F")
        np.copyto(r, columns[:n], where=self._upper)  # below the diagonal dgeqrt leaves its reflectors
        return r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        upper, lower = np.asfortranarray(upper), np.asfortranarray(lower)
        orders = [integer(self._n)] * 3
        self._call("dtpqrt", *orders, integer(self._panel_width), *in_columns(upper), *in_columns(lower))
        return upper

    def _call(self, name: str, *arguments: Any) -> None:
        info = ctypes.c_int(0)
        routine(name)(*arguments, *in_columns(self._reflectors), self._work.ctypes.data, ctypes.byref(info))
        if info.value != 0:
            raise AssertionError(f"LAPACK {name} rejected argument {-info.value}")


def make_kernel(n: int, panel_width: int, start: Matrix | None = None) -> Kernel:
    """Return the fastest kernel this installation has; the numbers agree to a small multiple of n * eps.

    Parameters
    ----------
    n, panel_width
        As in `gram.GramKernel`.
    start : ndarray, shape (n, n), optional
        As in `gram.GramKernel`; without it panels are factored by Householder reflections.
    """
    from lossurf.reduction.gram import GramKernel

    if start is not None and n <= FEW_COLUMNS:
        return GramKernel(n, panel_width, start)
    if not available():
        return NumpyKernel()
    return LapackKernel(n, panel_width) if start is None else GramKernel(n, panel_width, start)
