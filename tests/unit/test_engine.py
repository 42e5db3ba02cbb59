"""Trusted channel: the Gram matrix of small-integer data, which is exact; R^T R must equal it to rounding."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.reduction import engine, kernels, lapack
from lossurf.reduction.blocks import RandomAccessSource
from lossurf.reduction.engine import reduce_blocks, reduce_source
from lossurf.reduction.tuning import PanelShape, panel_shape

EPS = float(np.finfo(float).eps)
DX, DY = 5, 3
N = 1 + DX + DY


def integers(samples, dx=DX, dy=DY, seed=0):
    table = np.random.default_rng(seed).integers(-9, 10, (samples, dx + dy))
    return table[:, :dx], table[:, dx:]


def cut(X, Y, rows):
    for first in range(0, len(X), rows):
        yield X[first : first + rows].astype(float), Y[first : first + rows].astype(float)


def gram_error(r, X, Y):
    rows = np.hstack([np.ones((len(X), 1)), X, Y])
    gram = rows.T @ rows  # exact: whole numbers below 2^53, which float64 adds hundreds of times faster than int64
    scale = np.sqrt(np.diag(gram))
    return np.max(np.abs(r.T @ r - gram) / np.maximum(np.outer(scale, scale), 1.0))


@pytest.fixture
def small_panels(monkeypatch):
    """Panels of 2 n rows, none of them by numpy: a few hundred samples pass through every part of the engine."""
    monkeypatch.setattr(engine, "panel_shape", lambda n: PanelShape(n, 2 * n, 4))
    monkeypatch.setattr(engine, "without_scipy", lambda _shape, _rows: False)


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("samples", [1, 3, N - 1, N, 2 * N, 2 * N + 1, 16 * N, 400, 1003])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_triangle_of_any_number_of_samples(samples, threads):
    X, Y = integers(samples)
    triangle = reduce_blocks(cut(X, Y, 7), DX, DY, threads=threads)
    assert triangle.samples == samples
    assert np.array_equal(triangle.r, np.triu(triangle.r))
    assert gram_error(triangle.unshifted, X, Y) < 20 * N * EPS


@pytest.mark.usefixtures("small_panels")
def test_threads_and_block_sizes_change_no_bit():
    X, Y = integers(2000)
    expected = reduce_blocks(cut(X, Y, 2000), DX, DY, threads=1).r
    for threads in (1, 2, 3, 8, 64):
        for rows in (1, 17, 500, 2000):
            assert np.array_equal(reduce_blocks(cut(X, Y, rows), DX, DY, threads=threads).r, expected)


@pytest.mark.parametrize("n", [21, 81, 289])
def test_real_panel_sizes_and_both_kernels(n, monkeypatch):
    monkeypatch.setattr(engine, "without_scipy", lambda _shape, _rows: False)
    X, Y = integers(3 * panel_shape(n).rows + 100, n // 2, n - 1 - n // 2)
    by_lapack = reduce_blocks(cut(X, Y, 4000), X.shape[1], Y.shape[1], threads=2).unshifted
    assert lapack.available()
    monkeypatch.setattr(engine, "make_kernels", lambda *_: [kernels.NumpyKernel()] * 2)
    by_numpy = reduce_blocks(cut(X, Y, 4000), X.shape[1], Y.shape[1], threads=2).unshifted
    for r in (by_lapack, by_numpy):
        assert gram_error(r, X, Y) < 20 * EPS * n
    signs = np.sign(np.diag(by_lapack)) * np.sign(np.diag(by_numpy))
    assert np.max(np.abs(by_lapack - signs[:, None] * by_numpy)) < 100 * n * EPS * np.max(np.abs(by_numpy))


@pytest.mark.usefixtures("small_panels")
def test_random_access_reads_every_sample_once():
    X, Y = integers(1003)
    taken = np.zeros(1003, dtype=int)

    def read(start, X_panel, Y_panel, **_):
        taken[start : start + len(X_panel)] += 1
        X_panel[...], Y_panel[...] = X[start : start + len(X_panel)], Y[start : start + len(Y_panel)]

    triangle = reduce_source(RandomAccessSource(1003, read), DX, DY, threads=3)
    assert (taken == 1).all()
    assert np.array_equal(triangle.r, reduce_blocks(cut(X, Y, 40), DX, DY, threads=1).r)


@pytest.mark.usefixtures("small_panels")
def test_a_zero_column_stays_exactly_zero():
    X, Y = integers(500)
    X[:, 2] = 0
    assert not reduce_blocks(cut(X, Y, 100), DX, DY).r[:, 3].any()


@pytest.mark.usefixtures("small_panels")
def test_reused_buffers_are_copied_before_the_next_block():
    X, Y = integers(300)

    def blocks():
        x, y = np.empty((10, DX)), np.empty((10, DY))
        for first in range(0, 300, 10):
            x[...], y[...] = X[first : first + 10], Y[first : first + 10]
            yield x, y

    assert gram_error(reduce_blocks(blocks(), DX, DY, threads=2).unshifted, X, Y) < 20 * N * EPS


@pytest.mark.usefixtures("small_panels")
def test_progress_counts_every_sample_in_order():
    seen = []
    X, Y = integers(777)
    reduce_blocks(cut(X, Y, 50), DX, DY, threads=4, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 777


def test_no_sample_is_an_error():
    with pytest.raises(InputError, match="no sample"):
        reduce_blocks([], DX, DY)


@pytest.mark.usefixtures("small_panels")
def test_a_read_error_names_the_block():
    X, Y = integers(400)

    def blocks():
        for number, block in enumerate(cut(X, Y, 40)):
            if number == 6:
                raise OSError(5, "Input/output error", "X.npy")
            yield block

    with pytest.raises(InputError, match=r"Input/output error \(X.npy, block 7, from sample 241 on\)"):
        reduce_blocks(blocks(), DX, DY, threads=2)


@pytest.mark.usefixtures("small_panels")
def test_an_error_of_the_reader_arrives_unchanged():
    X, Y = integers(400)

    def blocks():
        yield from cut(X, Y, 200)
        raise InputError("a cell is empty", where="X.csv, line 401", remedy="fill it")

    with pytest.raises(InputError, match="a cell is empty"):
        reduce_blocks(blocks(), DX, DY, threads=2)


def test_overflowing_norms_are_refused_not_returned():
    X, Y = np.full((50, 2), 1e308), np.ones((50, 1))
    with pytest.raises(InputError, match="leaves the range of float64"):
        reduce_blocks([(X, Y)], 2, 1)


def test_a_triangle_too_large_for_memory_is_refused(monkeypatch):
    def refuse(_shape):
        raise MemoryError

    monkeypatch.setattr("lossurf.reduction.panels.np.empty", refuse)
    with pytest.raises(InputError, match="9 columns needs about"):
        panel_shape(9).allocate(5)


@pytest.mark.usefixtures("small_panels")
def test_workers_end_when_the_caller_is_interrupted():
    before = threading.active_count()

    def endless():
        block = np.ones((10, DX)), np.ones((10, DY))
        while True:
            yield block

    class InterruptedHereError(Exception):
        pass

    def progress(samples):
        if samples > 5000:
            raise InterruptedHereError

    with pytest.raises(InterruptedHereError):
        reduce_blocks(endless(), DX, DY, threads=2, progress=progress)
    assert threading.active_count() == before


_ENDLESS = """
import signal
import numpy as np
from lossurf.reduction.engine import reduce_blocks
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background starts us with it ignored
def endless():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((4096, 200)), rng.standard_normal((4096, 100))
    for number in range(10**9):
        if number == 12:
            print("running", flush=True)
        yield X, Y
try:
    reduce_blocks(endless(), 200, 100, threads=2)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent the POSIX way")
def test_ctrl_c_stops_within_a_second():
    with subprocess.Popen([sys.executable, "-c", _ENDLESS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "running\n"
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert rest == "interrupted\n"
    assert process.returncode == 0
    assert time.monotonic() - before < 2.0  # promised: 1 s; doubled because a loaded machine may not run us at once


def test_small_data_do_not_import_scipy():
    code = (
        "import sys, numpy as np\n"
        "from lossurf.reduction.engine import reduce_blocks\n"
        "rng = np.random.default_rng(0)\n"
        "reduce_blocks([(rng.standard_normal((5000, 20)), rng.standard_normal((5000, 3)))], 20, 3)\n"
        "print(any(name.split('.')[0] == 'scipy' for name in sys.modules))\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "False\n"


@pytest.mark.parametrize("n", [3, 21, 289, 1089, 2000, 5000, 20000])
def test_the_memory_for_many_columns_stays_a_few_triangles(n):
    shape = panel_shape(n)
    assert shape.rows >= n  # or a panel would not hold a triangle
    assert shape.lanes & (shape.lanes - 1) == 0  # the pairwise merge is then one balanced tree
    numbers = n * (shape.lanes * n + shape.rows + max(2 * n, kernels._ROWS_IN_COLUMNS))
    assert numbers <= max(6.5 * n**2, 20_000_000)  # of 8 bytes


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_of_several_errors_the_first_in_the_data_is_told(threads):
    def read(start, X_panel, Y_panel, **_):
        if start >= 300:
            time.sleep(0.05 if start < 320 else 0.0)  # the later ones fail sooner
            raise InputError(f"sample {start}", remedy="none")
        X_panel[...], Y_panel[...] = 1.0, 1.0

    with pytest.raises(InputError) as caught:
        reduce_source(RandomAccessSource(2000, read), DX, DY, threads=threads)
    assert caught.value.what == "sample 306"  # panels have 18 rows


def test_the_reference_row_is_zero_where_columns_lie_around_it_and_no_outlier_decides():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 6)) + np.array([0.0, 0.1, 0.5, -3.0, 1000.0, 0.0])
    X[17, 4] = 1e12
    X[:, 5] = 7.0
    shift = reduce_blocks([(X, X[:, :1])], 6, 1).shift[1:7]
    assert (shift[:2] == 0.0).all()
    assert np.abs(shift[2:5] - [0.5, -3.0, 1000.0]).max() < 1.0
    assert (shift[2:5] != 0.0).all()
    assert shift[5] == 7.0
