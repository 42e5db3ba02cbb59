"""scipy's BLAS and LAPACK by their addresses, so that a call lets other Python threads run."""

from __future__ import annotations

import _imp
import ctypes
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from lossurf.numerics import Matrix
from lossurf.reduction.blas_threads import look_again

_CHAR: Final = ctypes.c_char_p
_INT: Final = ctypes.POINTER(ctypes.c_int)
_DOUBLE: Final = ctypes.c_void_p
_MATRIX: Final = (_DOUBLE, _INT)  # with its leading dimension

_BLAS: Final[dict[str, tuple[Any, ...]]] = {
    "dgemm": (*[_CHAR] * 2, *[_INT] * 3, _DOUBLE, *_MATRIX, *_MATRIX, _DOUBLE, *_MATRIX),
    "dsyrk": (*[_CHAR] * 2, *[_INT] * 2, _DOUBLE, *_MATRIX, _DOUBLE, *_MATRIX),
    "dtrmm": (*[_CHAR] * 4, *[_INT] * 2, _DOUBLE, *_MATRIX, *_MATRIX),
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
def _addresses(name: str) -> Any:
    """Import scipy.linalg.cython_blas or cython_lapack, without the package around them where nobody has yet.

    The package takes 0.1 s, in which a gigabyte is half reduced, these two 0.01 s. Whoever imports it later is given
    the same modules, which Cython makes once for a process, as if they had not been imported before.
    """
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    import scipy

    full = f"scipy.linalg.{name}"
    found = PathFinder.find_spec(full, [str(Path(place) / "linalg") for place in scipy.__path__])
    if found is not None and found.loader is not None:
        _imp.acquire_lock()  # no other thread begins to import the package before this one is out of `sys.modules`
        try:
            if "scipy.linalg" not in sys.modules:
                module = module_from_spec(found)
                found.loader.exec_module(module)
                sys.modules.pop(full, None)  # Cython has put it there, and the package would not bind it as its own
                look_again()
                return module
        finally:
            _imp.release_lock()
    return import_module(full)


@cache
def available() -> bool:
    """Whether scipy offers every routine with 32-bit integers and doubles, the only interface used here."""
    try:
        return _offers(_addresses("cython_blas"), _BLAS) and _offers(_addresses("cython_lapack"), _LAPACK)
    except ImportError:
        return False


@cache
def routine(name: str) -> Callable[..., None]:
    """Return a routine, during which other threads run; numbers go by reference: see `integer` and `double`."""
    module, table = ("cython_blas", _BLAS) if name in _BLAS else ("cython_lapack", _LAPACK)
    capsule = _addresses(module).__pyx_capi__[name]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = get_pointer(capsule, _capsule_name(capsule))
    return ctypes.CFUNCTYPE(None, *table[name])(address)


def overwritten(name: str, letters: bytes, matrix: Matrix) -> bool:
    """Let a routine overwrite a square matrix in Fortran order; tell whether it could."""
    info = ctypes.c_int(0)
    routine(name)(
        *(bytes([letter]) for letter in letters), integer(len(matrix)), *in_columns(matrix), ctypes.byref(info)
    )
    return info.value == 0


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
