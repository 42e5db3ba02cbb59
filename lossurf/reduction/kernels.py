"""What every reduction is made of, factoring panels and merging what they give, by LAPACK directly or by numpy."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from lossurf.numerics import Matrix
from lossurf.reduction.lapack import available, in_columns, integer, routine
from lossurf.reduction.panels import BATCHED_COLUMNS, Panel
from lossurf.reduction.triangle import factor, merge, square

if TYPE_CHECKING:
    from lossurf.reduction.sums import GramSum


_T = TypeVar("_T")


class Part(NamedTuple):
    """What is kept of some rows: the triangular factor of some of them, and of the others a sum of Gram matrices.

    The Gram matrices are those of the rows themselves or of their coordinates, as the kernel has it that made them.
    """

    triangle: Matrix | None
    gram: GramSum | None = None


class Kernel(ABC):
    """Factor panels, merge what they give. One object per thread: it may own workspace."""

    @abstractmethod
    def factor_panel(self, panel: Panel) -> Part:
        """Return what is to be kept of [1 X Y]; the samples stay."""

    @abstractmethod
    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """Return the triangular factor of two stacked (n, n) triangles; both may be overwritten."""

    def merge(self, first: Part, second: Part) -> Part:
        """Return what is kept of the rows of both; both may be overwritten."""
        triangle = _joined(first.triangle, second.triangle, self.merge_triangles)
        return Part(triangle, _joined(first.gram, second.gram, lambda gram, other: gram.add(other)))

    def triangle_of(self, part: Part) -> Matrix:
        """Return the triangular factor (n, n) of all rows of a part, which may be overwritten."""
        if part.triangle is None:
            raise AssertionError("a part without a triangle is of a kernel that knows what to do with it")
        return part.triangle


def _joined(first: _T | None, second: _T | None, join: Callable[[_T, _T], _T]) -> _T | None:
    """Return what there is of two, joined where there are both."""
    if first is None or second is None:
        return second if first is None else first
    return join(first, second)


_ROWS_IN_COLUMNS: Final = 2048
"""Of samples that reflections are given at once: they sum over them in turn (`precision`), and bring them into memory a
second time."""


class NumpyKernel(Kernel):
    """Triangles by numpy alone: for data too small to pay for importing scipy, and as the fallback."""

    def factor_panel(self, panel: Panel) -> Part:
        """See `Kernel`."""
        return Part(square(factor(panel.values)))

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        return merge(upper, lower)


class LapackKernel(Kernel):
    """Triangles by LAPACK's recursive-panel dgeqrt and the structured dtpqrt, with the GIL released.

    dtpqrt knows that both halves are triangles: a merge costs 2/3 n^3 operations where a dense QR of the stack
    costs 10/3 n^3, which matters once a panel is not much longer than it is wide. Panels of few columns are numpy's,
    which factors short pieces of them in one call.
    """

    def __init__(self, n: int, panel_width: int) -> None:
        self._n = n
        self._panel_width = min(panel_width, n)
        self._reflectors = np.empty((n, self._panel_width)).T
        self._work = np.empty(n * self._panel_width)
        self._upper = np.asfortranarray(np.triu(np.ones((n, n), dtype=bool)))

    def factor_panel(self, panel: Panel) -> Part:
        """See `Kernel`."""
        if self._n <= BATCHED_COLUMNS:
            return NumpyKernel().factor_panel(panel)
        at_once = max(2 * self._n, _ROWS_IN_COLUMNS)
        r = self.factor(panel.in_columns(0, at_once))
        for first in range(at_once, panel.rows, at_once):
            r = self.merge_triangles(r, self.factor(panel.in_columns(first, at_once)))
        return Part(r)

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


def make_kernels(n: int, panel_width: int, first: Panel, count: int) -> list[Kernel]:
    """Return the fastest kernels that this installation has; the numbers agree to a small multiple of n * eps.

    Parameters
    ----------
    n : int
        Columns.
    panel_width : int
        Inner block size of LAPACK's dgeqrt.
    first : Panel
        The first samples of the data: later ones are expected to look like them.
    count : int
        How many, one for each thread. What one of them keeps any other can merge.
    """
    if not available():
        return [NumpyKernel() for _ in range(count)]
    from lossurf.reduction.gram import kernels_for

    return kernels_for(n, panel_width, first, count)
