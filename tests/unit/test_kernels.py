"""Trusted channel: the Gram matrix of small-integer data, exact in float64."""

import builtins
import ctypes

import numpy as np
import pytest
from process import python

from lossurf.reduction import lapack
from lossurf.reduction.kernels import LapackKernel, NumpyKernel, make_kernels
from lossurf.reduction.panels import Panel

EPS = float(np.finfo(float).eps)


def panel(rows, n, seed=0):
    values = np.random.default_rng(seed).integers(-9, 10, (rows, n)).astype(float)
    values[:, 0] = 1
    filled = Panel(rows, n - 2, 1)
    filled.hold(rows)
    filled.X[...], filled.Y[...] = values[:, 1:-1], values[:, -1:]
    return values, filled


@pytest.mark.parametrize("kernel_of", [lambda n: LapackKernel(n, 8), lambda _n: NumpyKernel()])
@pytest.mark.parametrize(("rows", "n"), [(1, 3), (2, 3), (7, 7), (100, 7), (64, 33), (500, 50), (20_000, 90)])
def test_factor_then_merge(kernel_of, rows, n):
    first, first_panel = panel(rows, n, 1)
    second, second_panel = panel(rows, n, 2)
    kernel = kernel_of(n)
    parts = kernel.factor_panel(first_panel), kernel.factor_panel(second_panel)
    upper, lower = (kernel.triangle_of(part) for part in parts)
    for r, values in ((upper, first), (lower, second)):
        assert np.array_equal(r, np.triu(r))
        assert np.max(np.abs(r.T @ r - values.T @ values)) <= 20 * n * EPS * np.max(values.T @ values)
    gram = first.T @ first + second.T @ second
    merged = np.triu(kernel.triangle_of(kernel.merge(*parts)))
    assert np.max(np.abs(merged.T @ merged - gram)) <= 20 * n * EPS * np.max(gram)


def test_without_scipys_interface_numpy_takes_over(monkeypatch):
    real_import = builtins.__import__

    def refuse_scipy(name, *args, **kwargs):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse_scipy)
    lapack.available.cache_clear()
    lapack._addresses.cache_clear()
    try:
        kernels = make_kernels(5, 4, panel(10, 5)[1], 2)
        assert [type(kernel) for kernel in kernels] == [NumpyKernel, NumpyKernel]
    finally:
        lapack.available.cache_clear()


LATER = """
import sys, scipy
from lossurf.reduction import lapack
from lossurf.reduction.blas_threads import ONE_THREAD, _loaded_blas_libraries
with ONE_THREAD:  # which looks for libraries
    pass
before = set(_loaded_blas_libraries())
assert lapack.available() and "scipy.linalg" not in sys.modules
came = [path for path in _loaded_blas_libraries() if path not in before]
import scipy.linalg.cython_blas, scipy.linalg.cython_lapack
assert scipy.linalg.cython_blas is lapack._addresses("cython_blas")
assert scipy.linalg.cython_lapack is lapack._addresses("cython_lapack")
assert len(scipy.linalg.cython_lapack.__pyx_capi__) > 1000
print(scipy.linalg.cholesky([[4.0]])[0, 0], sys.platform != "linux" or len(came) == 1)
"""

BESIDE = """
import sys, threading, time, scipy
from lossurf.reduction import lapack
sys.setswitchinterval(1e-5)
both = threading.Barrier(2)
def other():
    both.wait()
    import scipy.linalg
thread = threading.Thread(target=other)
thread.start()
both.wait()
assert lapack.available()
thread.join()
import scipy.linalg.cython_lapack
linalg = sys.modules["scipy.linalg"]
print(linalg.cholesky([[4.0]])[0, 0], linalg.cython_lapack is lapack._addresses("cython_lapack"))
"""


@pytest.mark.parametrize("program", [LATER, BESIDE])
def test_who_imports_scipys_package_later_or_meanwhile_finds_it_whole(program):
    done = python("-c", program)
    assert (done.returncode, done.stdout) == (0, "2.0 True\n"), done.stderr


def test_an_interface_with_other_integers_is_not_called(monkeypatch):
    from scipy.linalg import cython_lapack

    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    matrix = "cython_lapack_d *, long *"
    name = f"void (long *, long *, long *, {matrix}, {matrix}, {matrix})".encode()
    capsules = {**cython_lapack.__pyx_capi__, "dgeqrt": new_capsule(1, name, None)}
    monkeypatch.setattr(cython_lapack, "__pyx_capi__", capsules)
    lapack.available.cache_clear()
    try:
        assert not lapack.available()
    finally:
        lapack.available.cache_clear()
