"""Trusted channel: what is left of rows less their coordinates times the triangle, in extended precision."""

import numpy as np
import pytest

from lossurf.reduction import coordinates
from lossurf.reduction.coordinates import Coordinates, coordinates_of, largest_growth
from lossurf.reduction.gram import room
from lossurf.reduction.kernels import LapackKernel
from lossurf.reduction.panels import BATCHED_COLUMNS

DENSE, FEW = BATCHED_COLUMNS, coordinates.FEW_COLUMNS
EPS = float(np.finfo(float).eps)


def rows_of(kind, rows, n, seed):
    """Samples of n - 1 columns; those of the same kind and n look alike."""
    generator, of_kind = np.random.default_rng([n, seed]), np.random.default_rng([n, 77])
    k = n - 1
    if kind == "Chebyshev":
        return np.cos(np.arange(1, n) * np.arccos(generator.uniform(-1, 1, (rows, 1))))
    if kind == "powers":
        return generator.uniform(-1, 1, (rows, 1)) ** np.arange(1, n)
    table = generator.standard_normal((rows, k))
    if kind == "alike":
        return 1e-6 * table + generator.standard_normal((rows, 1)) + 0.3
    if kind == "graded":
        return table * np.logspace(100, -100, k)
    left, right = (np.linalg.qr(of_kind.standard_normal((k, k)))[0] for _ in range(2))
    return table @ (left * np.logspace(0, -float(kind), k) @ right) + 0.1 * of_kind.standard_normal(k)


def with_ones(values):
    return np.hstack([np.ones((len(values), 1)), values])


def start_of(values):
    return np.asfortranarray(np.linalg.qr(with_ones(values), mode="r"))


def triangle_of(found):
    """That of the coordinates, in the order of the columns."""
    return found._pivoted[:, found._back] * found._units


def computed(found, values):
    """The ones and the coordinates."""
    rows = with_ones(values)
    return found.of(rows, np.full_like(rows, np.nan))


def moved(found, values):
    """How far rows are from their coordinates times the triangle, in shares of each column's norm: the largest."""
    left = values - (computed(found, values).astype(np.longdouble) @ triangle_of(found).astype(np.longdouble))[:, 1:]
    largest = np.abs(values).max(axis=0)
    return float((norms_of(left.astype(float))[1:] / largest / (norms_of(values)[1:] / largest)).max())


def norms_of(values):
    """Of the ones and the values, whose squares may leave the range of float64."""
    largest = np.where(values.any(axis=0), np.abs(values).max(axis=0), 1.0)
    return np.concatenate([[np.sqrt(len(values))], largest * np.linalg.norm(values / largest, axis=0)])


def factor_of(found, values):
    """What `back` makes of the factor of the ones and the coordinates, from reflections; None as a kernel says it."""
    factor = np.asfortranarray(np.linalg.qr(computed(found, values), mode="r"))
    norms = np.linalg.norm(factor, axis=0)
    scaled = factor / np.where(norms > 0, norms, 1.0) + np.diag(norms == 0)
    if np.linalg.norm(np.linalg.inv(scaled), 2) > room(len(factor)):
        return None
    of_columns = norms_of(values)
    if of_columns[of_columns > 0.0].min() > 1e-130:  # whose squares are numbers
        assert np.allclose(found.norms(factor.T @ factor, with_ones(values)), of_columns, rtol=1e-9, atol=0.0)
    return found.back(factor, LapackKernel(len(factor), 4)) if found.is_safe(of_columns) else None


KINDS = ["0", "2", "6", "12", "alike", "graded", "Chebyshev", "powers"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 5, 21, DENSE, DENSE + 1, FEW, FEW + 1, 200])
def test_rows_move_by_no_more_than_is_stated(kind, n):
    rows = 1100 + 2 * n
    values = rows_of(kind, rows, n, 1)
    found = coordinates_of(start_of(rows_of(kind, rows, n, 0)))
    assert found is not None
    q = computed(found, values)
    assert (q[:, 0] == 1.0).all()
    r = factor_of(found, values)
    if r is not None:
        assert moved(found, values) <= 0.5 * n * EPS
        whole = np.linalg.qr(with_ones(values), mode="r")
        norms = np.linalg.norm(whole, axis=0)
        # R^T R tells columns from each other, whatever the condition
        assert np.max(np.abs((r.T @ r - whole.T @ whole) / np.outer(norms, norms))) <= 20 * n * EPS


@pytest.mark.parametrize("n", [5, 21, DENSE, DENSE + 1])
def test_the_edge_of_what_is_safe(n, monkeypatch):
    start = start_of(rows_of("6", 1200, n, 0))
    found = coordinates_of(start)
    growth = growth_of(found._pivoted, np.linalg.norm(found._pivoted, axis=0))
    assert 1.0 <= growth <= largest_growth(n)
    for limit, safe in ((growth * 1.001, True), (growth * 0.999, False)):
        monkeypatch.setattr(coordinates, "largest_growth", lambda _n, limit=limit: limit)
        assert (coordinates_of(start) is not None) == safe


def growth_of(triangle, norms):
    """By the formula in the room's docstring, with an inverse of numpy's own."""
    inverse = np.linalg.inv(triangle)
    return float(np.sqrt(np.max(norms**2 @ (inverse**2 @ triangle**2) / norms**2)))


def chained(sizes, rows):
    """Rows of coordinates of these sizes, of which the third column has none of the first one's, and their triangle."""
    T = np.eye(6)
    T[1:4, 1:4] = [[1.0, 0.9, 0.0], [0.0, 0.7, 0.6], [0.0, 0.0, 0.8]]
    q = np.random.default_rng(5).standard_normal((rows, 5)) * sizes
    return Coordinates(np.asfortranarray(T)), q @ T[1:, 1:]


def test_rows_that_are_large_where_they_were_not_are_told_from_those_that_are_not():
    for size in np.geomspace(1.0, 1e10, 21):
        found, values = chained([size, 1.0, 1.0, 1.0, 1.0], 2000)
        assert factor_of(found, values) is None or moved(found, values) <= 6 * EPS
    assert moved(found, values) > 1e6 * EPS
    assert factor_of(found, values) is None


def test_a_column_of_zeros_is_safe_and_one_that_vanishes_is_not_taken_for_one():
    found, values = chained([1.0, 1.0, 1.0, 1.0, 0.0], 2000)
    assert factor_of(found, values) is not None
    found, values = chained([1.0, 1.0, 1.0, 1.0, 1e-200], 2000)
    assert factor_of(found, values) is None


def test_norms_of_columns_whose_squares_underflow_are_not_taken_for_zero():
    found = coordinates_of(start_of(rows_of("0", 600, FEW + 1, 0)))
    rows = with_ones(rows_of("0", 600, FEW + 1, 1))
    rows[:, 5], rows[:, 7] = 0.0, rows[:, 7] * 1e-160
    norms = found.norms(np.eye(FEW + 1), rows)
    assert norms[5] == 0.0
    assert np.isnan(norms).nonzero()[0].tolist() == [7]
    assert not found.is_safe(norms)
    norms[7] = 1.0
    assert found.is_safe(norms)


def test_the_edge_of_what_rows_may_let_grow(monkeypatch):
    found, values = chained([1000.0, 1.0, 1.0, 1.0, 1.0], 2000)
    norms = norms_of(values)
    growth = growth_of(found._pivoted, norms[found._order])
    assert growth > 100.0
    for factor, safe in ((1.001, True), (0.999, False)):
        monkeypatch.setattr(coordinates, "largest_growth", lambda _n, limit=factor * growth: limit)
        assert found.is_safe(norms) == safe


def test_the_growth_of_all_rows_is_at_most_that_of_some():
    """So that panels may be judged by themselves."""
    found, _ = chained([1.0] * 5, 10)
    rng = np.random.default_rng(3)
    of_panels = rng.lognormal(0.0, 3.0, (50, 6))
    growths = [growth_of(found._pivoted, norms[found._order]) for norms in of_panels]
    assert growth_of(found._pivoted, np.linalg.norm(of_panels, axis=0)[found._order]) <= max(growths)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == EPS, reason="no precision beyond float64 here")
@pytest.mark.parametrize("n", [2, 9, 40])
def test_a_factor_in_extended_precision_rounds_to_its_last_digit(n):
    rng = np.random.default_rng(n)
    matrix = rng.integers(-1000, 1001, (n, n)) + 10**7 * rng.integers(-3, 4, (n, 1))  # nearly alike
    r = coordinates._factor_in_extended_precision(matrix.astype(np.longdouble))
    gram, norms = matrix.T @ matrix, np.linalg.norm(matrix.astype(float), axis=0)
    wide = r.astype(np.longdouble)
    assert np.array_equal(r, np.triu(r))
    assert np.max(np.abs((wide.T @ wide - gram) / np.outer(norms, norms))) <= 1.5 * EPS
