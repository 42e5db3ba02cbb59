"""The two operations of every reduction, factor a panel and merge two triangles, by LAPACK directly or by numpy."""

from __future__ import annotations

import ctypes
from typing import Any, Final, Protocol

import numpy as np

from lossurf.numerics import Matrix
from lossurf.reduction.lapack import in_columns, integer, routine
from lossurf.reduction.triangle import factor, merge


class Kernel(Protocol):
    """Factor a panel, merge triangles. One object per thread: it may own workspace."""

    def factor_panel(self, panel: Matrix) -> Matrix:
        """Return the triangular factor (n, n) of a Fortran-ordered panel (rows >= n, n), whose content is lost."""
        ...

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """Return the triangular factor of two stacked (n, n) triangles; both may be overwritten."""
        ...


FEW_COLUMNS: Final = 64
"""Up to here what LAPACK does with a triangle takes less time than letting other threads run meanwhile."""

_WIDE: Final = 256  # columns; of fewer, leaving rows of zeros out of the work saves nothing that is noticed


class NumpyKernel:
    """The two operations by numpy alone: for data too small to pay for importing scipy, and as the fallback."""

    def factor_panel(self, panel: Matrix) -> Matrix:
        """See `Kernel`."""
        n = panel.shape[1]
        if n < _WIDE or panel[n // 2 :].any():
            return factor(panel)
        top = factor(panel[: n // 2][panel[: n // 2].any(axis=1)])
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

    def factor_panel(self, panel: Matrix) -> Matrix:
        """See `Kernel`."""
        rows, n = panel.shape
        self._call("dgeqrt", integer(rows), integer(n), integer(self._panel_width), *in_columns(panel))
        r = np.zeros((n, n), order="F")
        np.copyto(r, panel[:n], where=self._upper)  # below the diagonal dgeqrt leaves its reflectors
        return r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        upper, lower = np.asfortranarray(upper), np.asfortranarray(lower)
        orders = [integer(self._n)] * 3
        self._call("dtpqrt", *orders, integer(self._panel_width), *in_columns(upper), *in_columns(lower))
        return upper

    def _call(self, name: str, *arguments: Any) -> None:
        info = ctypes.c_int(0)
        call = routine(name, alone=self._n <= FEW_COLUMNS and name == "dtpqrt")
        call(*arguments, *in_columns(self._reflectors), self._work.ctypes.data, ctypes.byref(info))
        if info.value != 0:
            raise AssertionError(f"LAPACK {name} rejected argument {-info.value}")
