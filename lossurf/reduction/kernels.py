"""The two operations of every reduction, factor a panel and merge two triangles, by LAPACK directly or by numpy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Protocol

import numpy as np

from lossurf.numerics import Matrix
from lossurf.reduction.triangle import factor, merge

_INT: Final = ctypes.POINTER(ctypes.c_int)
_DOUBLE: Final = ctypes.c_void_p
# dgeqrt(m, n, nb, a, lda, t, ldt, work, info); dtpqrt(m, n, l, nb, a, lda, b, ldb, t, ldt, work, info)
_ARGUMENTS: Final = {
    "dgeqrt": (_INT, _INT, _INT, _DOUBLE, _INT, _DOUBLE, _INT, _DOUBLE, _INT),
    "dtpqrt": (_INT, _INT, _INT, _INT, _DOUBLE, _INT, _DOUBLE, _INT, _DOUBLE, _INT, _DOUBLE, _INT),
}


class Kernel(Protocol):
    """Factor a panel, merge triangles. One object per thread: it may own workspace."""

    def factor_panel(self, panel: Matrix) -> Matrix:
        """Return the triangular factor (n, n) of a Fortran-ordered panel (rows >= n, n), whose content is lost."""
        ...

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """Return the triangular factor of two stacked (n, n) triangles; both may be overwritten."""
        ...


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
        self._reflectors = np.empty((n, self._panel_width))
        self._work = np.empty(n * self._panel_width)
        self._upper = np.asfortranarray(np.triu(np.ones((n, n), dtype=bool)))
        self._dgeqrt, self._dtpqrt = _routine("dgeqrt"), _routine("dtpqrt")

    def factor_panel(self, panel: Matrix) -> Matrix:
        """See `Kernel`."""
        rows, n = panel.shape
        info = ctypes.c_int(0)
        self._dgeqrt(
            _integer(rows),
            _integer(n),
            _integer(self._panel_width),
            panel.ctypes.data,
            _integer(panel.strides[1] // panel.itemsize),
            self._reflectors.ctypes.data,
            _integer(self._panel_width),
            self._work.ctypes.data,
            ctypes.byref(info),
        )
        _require_success("dgeqrt", info)
        r = np.zeros((n, n), order="F")
        np.copyto(r, panel[:n], where=self._upper)  # below the diagonal dgeqrt leaves its reflectors
        return r

    def merge_triangles(self, upper: Matrix, lower: Matrix) -> Matrix:
        """See `Kernel`."""
        n = self._n
        upper, lower = np.asfortranarray(upper), np.asfortranarray(lower)
        info = ctypes.c_int(0)
        self._dtpqrt(
            _integer(n),
            _integer(n),
            _integer(n),
            _integer(self._panel_width),
            upper.ctypes.data,
            _integer(n),
            lower.ctypes.data,
            _integer(n),
            self._reflectors.ctypes.data,
            _integer(self._panel_width),
            self._work.ctypes.data,
            ctypes.byref(info),
        )
        _require_success("dtpqrt", info)
        return upper


def make_kernel(n: int, panel_width: int) -> Kernel:
    """Return the fastest kernel this installation has; the numbers agree to a small multiple of n * eps."""
    return LapackKernel(n, panel_width) if lapack_available() else NumpyKernel()


@cache
def lapack_available() -> bool:
    """Whether scipy offers both routines with 32-bit integers and doubles, the only interface used here."""
    try:
        from scipy.linalg import cython_lapack
    except ImportError:
        return False
    capsules = getattr(cython_lapack, "__pyx_capi__", {})
    return all(name in capsules and _has_arguments(capsules[name], _ARGUMENTS[name]) for name in _ARGUMENTS)


def _has_arguments(capsule: object, arguments: tuple[Any, ...]) -> bool:
    """Compare a capsule's C signature, which Cython stores as its name, with the arguments expected."""
    signature = _capsule_name(capsule).decode()
    found = signature[signature.find("(") + 1 : signature.rfind(")")].split(",")
    expected = ["int *" if argument is _INT else "cython_lapack_d *" for argument in arguments]
    return len(found) == len(expected) and all(
        text.strip().endswith(wanted) for text, wanted in zip(found, expected, strict=True)
    )


@cache
def _routine(name: str) -> Callable[..., None]:
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__[name]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = get_pointer(capsule, _capsule_name(capsule))
    return ctypes.CFUNCTYPE(None, *_ARGUMENTS[name])(address)  # a CFUNCTYPE releases the GIL during the call


def _capsule_name(capsule: object) -> bytes:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return bytes(get_name(capsule))


def _integer(value: int) -> Any:
    return ctypes.byref(ctypes.c_int(value))


def _require_success(name: str, info: ctypes.c_int) -> None:
    if info.value != 0:
        raise AssertionError(f"LAPACK {name} rejected argument {-info.value}")
