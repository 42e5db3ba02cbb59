"""scipy's BLAS and LAPACK by their addresses, so that a call lets other Python threads run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from lossurf.numerics import Matrix

_CHAR: Final = ctypes.c_char_p
_INT: Final = ctypes.POINTER(ctypes.c_int)
_DOUBLE: Final = ctypes.c_void_p
_MATRIX: Final = (_DOUBLE, _INT)  # with its leading dimension

_BLAS: Final[dict[str, tuple[Any, ...]]] = {
    "dgemm": (*[_CHAR] * 2, *[_INT] * 3, _DOUBLE, *_MATRIX, *_MATRIX, _DOUBLE, *_MATRIX),
    "dsyrk": (*[_CHAR] * 2, *[_INT] * 2, _DOUBLE, *_MATRIX, _DOUBLE, *_MATRIX),
    "dtrmm": (*[_CHAR] * 4, *[_INT] * 2, _DOUBLE, *_MATRIX, *_MATRIX),
    "dtrsm": (*[_CHAR] * 4, *[_INT] * 2, _DOUBLE, *_MATRIX, *_MATRIX),
}
_LAPACK: Final[dict[str, tuple[Any, ...]]] = {
    "dgeqp3": (*[_INT] * 2, *_MATRIX, _INT, _DOUBLE, _DOUBLE, _INT, _INT),
    "dgeqrt": (*[_INT] * 3, *_MATRIX, *_MATRIX, _DOUBLE, _INT),
    "dpotrf": (_CHAR, _INT, *_MATRIX, _INT),
    "dtpqrt": (*[_INT] * 4, *_MATRIX, *_MATRIX, *_MATRIX, _DOUBLE, _INT),
    "dtrtri": (*[_CHAR] * 2, _INT, *_MATRIX, _INT),
}
_C_NAMES: Final[dict[Any, str]] = {_CHAR: "char *", _INT: "int *", _DOUBLE: "_d *"}


@cache
def available() -> bool:
    """Whether scipy offers every routine with 32-bit integers and doubles, the only interface used here."""
    try:
        from scipy.linalg import cython_blas, cython_lapack
    except ImportError:
        return False
    return _offers(cython_blas, _BLAS) and _offers(cython_lapack, _LAPACK)


@cache
def routine(name: str) -> Callable[..., None]:
    """Return a routine, during which other threads run; numbers go by reference: see `integer` and `double`."""
    from scipy.linalg import cython_blas, cython_lapack

    module, table = (cython_blas, _BLAS) if name in _BLAS else (cython_lapack, _LAPACK)
    capsule = module.__pyx_capi__[name]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = get_pointer(capsule, _capsule_name(capsule))
    return ctypes.CFUNCTYPE(None, *table[name])(address)


def integer(value: int) -> Any:
    """Return an int argument."""
    return ctypes.byref(ctypes.c_int(value))


def double(value: float) -> Any:
    """Return a double argument."""
    return ctypes.byref(ctypes.c_double(value))


def in_columns(matrix: Matrix) -> tuple[Any, Any]:
    """Return the two arguments of a matrix whose columns lie one after the other."""
    return matrix.ctypes.data, integer(matrix.strides[1] // matrix.itemsize)


def _offers(module: Any, routines: dict[str, tuple[Any, ...]]) -> bool:
    capsules = getattr(module, "__pyx_capi__", {})
    return all(name in capsules and _has_arguments(capsules[name], routines[name]) for name in routines)


def _has_arguments(capsule: object, arguments: tuple[Any, ...]) -> bool:
    """Compare a capsule's C signature, which Cython stores as its name, with the arguments expected."""
    signature = _capsule_name(capsule).decode()
    found = signature[signature.find("(") + 1 : signature.rfind(")")].split(",")
    expected = [_C_NAMES[argument] for argument in arguments]
    return len(found) == len(expected) and all(
        text.strip().endswith(wanted) for text, wanted in zip(found, expected, strict=True)
    )


def _capsule_name(capsule: object) -> bytes:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return bytes(get_name(capsule))
