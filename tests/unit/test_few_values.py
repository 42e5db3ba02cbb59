"""Trusted channel: Gram matrices of whole numbers, exact, times the unit of every column; T of them in 50 digits.

Columns of two or three values: terms of a sum are rounded alike, so that rounding errors do not average.
"""

import numpy as np
import pytest
from mpmath import mp

from lossurf.numerics import EPS
from lossurf.reduction import engine
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.kernels import LapackKernel, NumpyKernel
from lossurf.reduction.precision import column_errors
from lossurf.reduction.problem import reduced_problem
from lossurf.reduction.triangle import factor


def signs(rng, m, n):
    return rng.choice([-1, 1], (m, n))


def ones_and_zeros(rng, m, n):
    return (rng.random((m, n)) < rng.uniform(0.05, 0.95, n)).astype(int)


def alike(rng, m, n):
    """Columns that differ in a few samples each."""
    one = rng.integers(0, 2, (m, 1))
    return np.where(rng.random((m, n)) < rng.uniform(0.02, 0.3), 1 - one, one)


def nested(rng, m, n):
    """Columns whose ones are among those of the next."""
    return (rng.random((m, 1)) < np.sort(rng.random(n))).astype(int)


def hidden(rng, m, n):
    """One number in every other column so large that the others vanish beside its square, mostly the first."""
    whole = signs(rng, m, n)
    for column in range(0, n, 2):
        whole[0 if rng.random() < 0.7 else rng.integers(m), column] = int(10 ** rng.uniform(7, 8.3))
    return whole


def singular_values(whole, sizes, dx):
    """Of T, without an output bias, of columns of whole numbers times float64."""
    counts = whole.T @ whole
    with mp.workdps(50):
        scales = [mp.mpf(float(size)) for size in sizes]
        n = len(scales)
        gram = mp.matrix(n, n)
        for i in range(n):
            for j in range(n):
                gram[i, j] = scales[i] * scales[j] * int(counts[i, j])
        across = gram[:dx, dx:]
        squares = mp.eigsy(across.T * (gram[:dx, :dx] ** -1 * across), eigvals_only=True)
        return sorted((mp.sqrt(max(value, mp.mpf(0))) for value in squares), reverse=True)


def share_of_bound(whole, sizes, dx):
    """The largest error of T's singular values, in what is stated."""
    values = whole * sizes
    problem = reduced_problem(reduce_blocks([(values[:, :dx], values[:, dx:])], dx, len(sizes) - dx), bias=False)
    assert problem.rank_x == dx
    found = problem.scale * problem.target_svd[1]
    exact = singular_values(whole, sizes, dx)[: len(found)]  # the others are zero: X has fewer columns than Y
    largest = max(abs(mp.mpf(float(a)) - b) for a, b in zip(found, exact, strict=True))
    return float(largest / (problem.target_error() * problem.scale))


KERNELS = {
    "those for the data": engine.make_kernels,
    "LAPACK": lambda n, width, _first, count: [LapackKernel(n, width) for _ in range(count)],
    "numpy": lambda _n, _width, _first, count: [NumpyKernel() for _ in range(count)],
}


def check(kind, kernels, seeds, most, monkeypatch):
    monkeypatch.setattr(engine, "make_kernels", KERNELS[kernels])
    monkeypatch.setattr(engine, "without_scipy", lambda _shape, _rows: False)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        dx, dy = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        m = int(np.exp(rng.uniform(np.log(100), np.log(most))))
        whole, sizes = kind(rng, m, dx + dy), rng.uniform(0.5, 2.0, dx + dy) * 10.0 ** rng.integers(-2, 3, dx + dy)
        if np.linalg.matrix_rank(np.sign(whole)) == dx + dy:
            assert share_of_bound(whole, sizes, dx) <= 0.9


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("kind", [signs, ones_and_zeros, alike, nested, hidden])
def test_bounds_hold_where_rounding_is_not_random(kind, kernels, monkeypatch):
    check(kind, kernels, range(12), 80_000, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("kind", [signs, ones_and_zeros, alike, nested, hidden])
def test_bounds_hold_of_many_tables(kind, kernels, monkeypatch):
    check(kind, kernels, range(100, 1500), 80_000, monkeypatch)


@pytest.mark.parametrize("m", [255, 256, 257, 1000, 22_271, 100_000])
@pytest.mark.parametrize("dx", [1, 2])
def test_reflections_lose_as_little_of_many_rows_as_of_few(m, dx):
    """One ulp of a column at a time, always the same way, is what they lost over 100,000 rows."""
    whole = nested(np.random.default_rng(m), m, dx + 1)
    whole[0] = 1  # none is all zeros
    sizes = np.array([15.0274697, 1.55522582, 1.1])[: dx + 1]
    r = factor(np.column_stack([np.ones(m), whole * sizes])).astype(np.longdouble)
    counts = np.column_stack([np.ones(m, int), whole])
    exact = (counts.T @ counts) * np.outer(*[np.append(1.0, sizes).astype(np.longdouble)] * 2)
    norms = np.sqrt(np.diag(exact))
    stated, _ = column_errors(1.0, 1.0, len(r), EPS)
    assert np.abs((r.T @ r - exact) / np.outer(norms, norms)).max() <= 2.0 * stated  # of the columns' products


def test_factors_of_any_number_of_rows_are_those_of_the_whole():
    for m in (1, 2, 3, 31, 32, 63, 64, 65, 95, 96, 97, 128, 255, 256, 900, 1279):
        block = np.random.default_rng(m).standard_normal((m, 3))
        found, expected = factor(block), np.linalg.qr(block, mode="r")
        assert found.shape == expected.shape
        assert np.allclose(np.abs(found), np.abs(expected), rtol=0.0, atol=1e-12)
