"""Trusted channel: what is left of rows less their coordinates times the triangle, in extended precision."""

import numpy as np
import pytest

from lossurf.reduction import coordinates
from lossurf.reduction.coordinates import ByProduct, BySubstitution, coordinates_of, largest_growth
from lossurf.reduction.gram import room
from lossurf.reduction.kernels import LapackKernel
from lossurf.reduction.panels import Panel

MOST = coordinates._MOST_COLUMNS
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


def panel_of(values):
    dy = max(1, values.shape[1] // 6)
    panel = Panel(max(len(values), 1 + values.shape[1]), values.shape[1] - dy, dy)
    panel.hold(len(values))
    panel.X[...], panel.Y[...] = values[:, :-dy], values[:, -dy:]
    return panel


def start_of(values):
    return np.asfortranarray(np.linalg.qr(np.hstack([np.ones((len(values), 1)), values]), mode="r"))


def computed(found, values):
    return np.vstack([np.hstack([part.copy() for part in parts]) for parts in found.of(panel_of(values))])


def moved(found, values):
    """How far rows are from their coordinates times the triangle, in shares of each column's norm: the largest."""
    parts = [
        np.hstack(parts) for parts in (tuple(part.copy() for part in parts) for parts in found.of(panel_of(values)))
    ]
    q = np.vstack(parts).astype(np.longdouble)
    triangle = found._triangle if isinstance(found, BySubstitution) else found._pivoted[:, found._back] * found._units
    left = values - q @ triangle[1:, 1:].astype(np.longdouble) - triangle[0, 1:].astype(np.longdouble)
    largest = np.abs(values).max(axis=0)  # whose squares may leave the range of float64
    return float(
        (np.linalg.norm((left / largest).astype(float), axis=0) / np.linalg.norm(values / largest, axis=0)).max()
    )


def factor_of(found, values):
    """What `back` makes of the factor of the ones and the coordinates, from reflections; None as a kernel says it."""
    q = computed(found, values)
    factor = np.asfortranarray(np.linalg.qr(np.hstack([np.ones((len(q), 1)), q]), mode="r"))
    norms = np.linalg.norm(factor, axis=0)
    alike = np.linalg.norm(np.linalg.inv(factor / np.where(norms > 0, norms, 1.0) + np.diag(norms == 0)), 2) <= room(
        len(factor)
    )
    return found.back(factor) if alike else None


KINDS = ["0", "2", "6", "12", "alike", "graded", "Chebyshev", "powers"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 5, 21, 64, MOST, MOST + 1, 200])
def test_rows_move_by_no_more_than_is_stated(kind, n):
    rows = 1100 + 2 * n
    values = rows_of(kind, rows, n, 1)
    start = start_of(rows_of(kind, rows, n, 0))
    found = coordinates_of(start, LapackKernel(n, 8))
    assert isinstance(found, BySubstitution) or n <= MOST
    if factor_of(found, values) is not None:
        assert moved(found, values) <= 0.5 * n * EPS


def test_each_way_is_met():
    kinds = {kind: coordinates_of(start_of(rows_of(kind, 1200, 21, 0)), LapackKernel(21, 8)) for kind in KINDS}
    assert isinstance(kinds["12"], ByProduct)
    assert isinstance(kinds["alike"], ByProduct)
    rng = np.random.default_rng(0)
    hard, easier = blocks_of(rng.standard_normal((150, 150))), blocks_of(rng.uniform(0.5, 1.0, (150, 150)))
    assert {block.inverse is None for block in hard} == {True, False}
    assert {block.own.stop - block.own.start for block in easier} >= {18, 37}
    for blocks in (hard, easier):
        assert [j for block in blocks for j in range(150)[block.own]] == list(range(1, 150))


def blocks_of(matrix):
    found = coordinates_of(np.asfortranarray(np.triu(matrix)), LapackKernel(150, 8))
    return [step for step in found._steps if isinstance(step, coordinates._Block)]


@pytest.mark.parametrize("n", [5, 21, MOST])
def test_the_edge_of_what_is_safe_by_a_product(n, monkeypatch):
    start = start_of(rows_of("6", 1200, n, 0))
    found = coordinates_of(start, LapackKernel(n, 8))
    assert isinstance(found, ByProduct)
    inverse = np.linalg.inv(found._pivoted)
    norms = np.linalg.norm(found._pivoted, axis=0)
    growth = np.sqrt(np.max(norms**2 @ (inverse**2 @ found._pivoted**2) / norms**2))
    assert 1.0 <= growth <= largest_growth(n)
    for limit, kind in ((growth * 1.001, ByProduct), (growth * 0.999, BySubstitution)):
        monkeypatch.setattr(coordinates, "largest_growth", lambda _n, limit=limit: limit)
        assert type(coordinates_of(start, LapackKernel(n, 8))) is kind


def chained(sizes, rows, way):
    """Rows of coordinates of these sizes, of which the third column has none of the first one's, and their triangle."""
    T = np.eye(6)
    T[1:4, 1:4] = [[1.0, 0.9, 0.0], [0.0, 0.7, 0.6], [0.0, 0.0, 0.8]]
    q = np.random.default_rng(5).standard_normal((rows, 5)) * sizes
    values = q @ T[1:, 1:]
    units = np.ones(6)
    found = (
        BySubstitution(np.asfortranarray(T), units)
        if way is BySubstitution
        else ByProduct(T, units, LapackKernel(6, 4))
    )
    return found, values


@pytest.mark.parametrize("way", [ByProduct, BySubstitution])
def test_rows_that_are_large_where_they_were_not_are_told_from_those_that_are_not(way):
    for size in np.geomspace(1.0, 1e10, 21):
        found, values = chained([size, 1.0, 1.0, 1.0, 1.0], 2000, way)
        assert factor_of(found, values) is None or moved(found, values) <= 6 * EPS
    assert moved(found, values) > 1e6 * EPS
    assert factor_of(found, values) is None


@pytest.mark.parametrize("way", [ByProduct, BySubstitution])
def test_a_column_of_zeros_is_safe_and_one_that_vanishes_is_not_taken_for_one(way):
    found, values = chained([1.0, 1.0, 1.0, 1.0, 0.0], 2000, way)
    assert factor_of(found, values) is not None
    found, values = chained([1.0, 1.0, 1.0, 1.0, 1e-200], 2000, way)
    assert factor_of(found, values) is None


def growth_of(triangle, norms, of_columns):
    """By the formula in the room's docstring, with an inverse of numpy's own."""
    inverse = np.linalg.inv(triangle)
    return float(np.sqrt(np.max(norms**2 @ (inverse**2 @ triangle**2) / of_columns**2)))


def limited(monkeypatch, limit):
    monkeypatch.setattr(coordinates, "largest_growth", lambda _n: limit)


def test_the_edge_of_a_block_that_is_multiplied_for(monkeypatch):
    start = start_of(rows_of("6", 1500, 150, 0))
    found = coordinates_of(start, LapackKernel(150, 8))
    first = found._steps[0]
    T, norms = found._triangle[first.own, first.own], np.linalg.norm(found._triangle[:, first.own], axis=0)
    growth = growth_of(T, np.linalg.norm(T, axis=0), norms)
    assert first.inverse is not None
    for limit, safe in (
        (2.002 * growth, True),
        (1.998 * growth, False),
    ):  # half of the limit, so that panels may differ
        limited(monkeypatch, limit)
        block = coordinates_of(start, LapackKernel(150, 8))._steps[0]
        assert (block.own == first.own and block.inverse is not None) == safe


def test_the_edge_of_what_a_panel_may_let_grow(monkeypatch):
    by_product, values = chained([1000.0, 1.0, 1.0, 1.0, 1.0], 2000, ByProduct)
    by_blocks, _ = chained([1000.0, 1.0, 1.0, 1.0, 1.0], 2000, BySubstitution)
    norms = np.linalg.norm(np.hstack([np.ones((2000, 1)), values]), axis=0)
    pivoted = norms[np.argsort(by_product._back)]
    of_product = growth_of(by_product._pivoted, pivoted, pivoted)
    of_blocks = growth_of(by_blocks._triangle[1:, 1:], norms[1:], norms[1:])
    assert min(of_product, of_blocks) > 100.0
    for factor, safe in ((1.001, True), (0.999, False)):
        limited(monkeypatch, factor * of_product)
        assert by_product.is_safe(norms) == safe
        limited(monkeypatch, factor * of_blocks)
        assert (factor_of(by_blocks, values) is not None) == safe
