"""Trusted channel: Gram matrices of integers, exact in int64, and Householder reflections of the same panel."""

import ctypes

import numpy as np
import pytest

from lossurf.reduction import gram as gram_room
from lossurf.reduction.coordinates import coordinates_of
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.gram import GramKernel
from lossurf.reduction.kernels import LapackKernel, make_kernels
from lossurf.reduction.panels import BATCHED_COLUMNS, ROWS_A_BATCH, Panel
from lossurf.reduction.tuning import panel_shape, rows_to_start

EPS = float(np.finfo(float).eps)


def filled(values):
    """A panel of samples; the first column of the values is the ones."""
    n, dy = values.shape[1], max(1, values.shape[1] // 8)
    assert (values[:, 0] == 1).all()
    panel = Panel(max(len(values), n), n - 1 - dy, dy)
    panel.hold(len(values))
    panel.X[...], panel.Y[...] = values[:, 1 : n - dy], values[:, n - dy :]
    return panel


def reflected(values):
    """The factor by Householder reflections."""
    n = values.shape[1]
    return LapackKernel(n, 8).factor_panel(filled(values)).triangle


def by_kernel_for(first, *panels):
    """The factor of panels by the kernel for data that begin as `first` does, and which of them it took by Gram."""
    [kernel] = make_kernels(first.shape[1], 8, filled(first), 1)
    return by(kernel, *panels)


def by(kernel, *panels):
    parts = [kernel.factor_panel(filled(values)) for values in panels]
    taken = [part.gram is not None for part in parts]
    while len(parts) > 1:
        parts = [kernel.merge(*parts[:2]), *parts[2:]]
    R = kernel.triangle_of(parts[0])
    assert np.array_equal(R, np.triu(R))
    return R, taken


def exact_gram(values):
    """P^T P in int64, from halves of the numbers: sums of their products are exact in float64, and much faster."""
    largest = float(np.abs(values).max())
    assert len(values) * largest**2 <= 2.0**62
    assert largest <= 2.0**24
    high, low = (part.astype(float) for part in np.divmod(values, 2**12))
    squares, across, rest = ((a.T @ b).astype(np.int64) for a, b in ((high, high), (high, low), (low, low)))
    return (squares << 24) + ((across + across.T) << 12) + rest


def test_the_channel_is_exact():
    values = np.random.default_rng(0).integers(-(2**24), 2**24 + 1, (300, 7))
    assert np.array_equal(exact_gram(values), values.T @ values)


def backward_error(R, values):
    """Largest |dp_j| / |p_j| over the columns, for the dP = 1/2 P G^-1 dG of which R makes P + dP."""
    gram = exact_gram(values)
    norms = np.sqrt(np.diag(gram).astype(float))
    norms[norms == 0.0] = 1.0
    wide = R.astype(np.longdouble)
    moved = ((wide.T @ wide - gram) / np.outer(norms, norms)).astype(float)
    scaled = R / norms + np.diag((np.diag(R) == 0.0).astype(float))
    return 0.5 * float(np.linalg.norm(np.linalg.solve(scaled.T, moved), axis=0).max())


def is_as_stated(R, values):
    """1/2 P G^-1 dG is not the least error of its kind for reflections, so that both are held against each other."""
    stated = values.shape[1] * EPS
    found = backward_error(R, values)
    return found <= stated or found <= 10.0 * backward_error(reflected(values), values)


def integers(kind, rows, n, seed=0):
    rng = np.random.default_rng([n, seed])
    table = rng.standard_normal((rows, n))
    if kind == "of one sign":
        table = np.abs(table)
    elif kind.startswith("alike"):
        table = table / float(kind.split()[1]) + rng.standard_normal((rows, 1))
    elif kind == "graded":
        table *= np.logspace(0, -4, n)
    elif kind == "with an outlier":
        table[0] *= 1e4
    table = np.rint(table * (2.0**22 / np.abs(table).max())).astype(np.int64)
    table[:, 0] = 1
    if kind == "with a column of zeros":
        table[:, 2] = 0
    return table


KINDS = [
    "plain",
    "of one sign",
    "alike 2",
    "alike 30",
    "alike 1e4",
    "graded",
    "with an outlier",
    "with a column of zeros",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [5, 21, 81, 289])
def test_panels_are_moved_by_no_more_than_is_stated(kind, n):
    rows = panel_shape(n).rows
    panels = [integers(kind, rows, n, seed) for seed in (1, 2, 3)]
    R, _ = by_kernel_for(*panels[:1], *panels)
    assert is_as_stated(R, np.vstack(panels))


def test_each_way_is_taken_where_it_is_safe():
    n, rows = 21, 8192
    plain, alike = integers("plain", rows, n), integers("alike 1e4", rows, n)
    one, two = (make_kernels(n, 8, filled(values), 1)[0] for values in (plain, alike))
    assert one._coordinates is None
    assert two._coordinates is not None
    other = integers("alike 1e4", rows, n, 7)
    assert by(one, integers("plain", rows, n, 7), alike)[1] == [True, False]
    assert by(two, other)[1] == [True]
    other[:, 5] = other[:, 6]  # what depended on nothing before
    assert by(two, other)[1] == [False]
    R, taken = by(two, alike, other, alike)
    assert taken == [True, False, True]
    assert is_as_stated(R, np.vstack([alike, other, alike]))


def test_data_of_which_no_coordinates_are_safe_are_tried_directly(monkeypatch):
    values = integers("alike 1e4", 4096, 21)
    monkeypatch.setattr(gram_room, "coordinates_of", lambda _triangle: None)
    [kernel] = make_kernels(21, 8, filled(values), 1)
    assert kernel._coordinates is None
    assert by(kernel, values, integers("plain", 4096, 21))[1] == [False, True]


def test_the_edge_of_what_is_safe(monkeypatch):
    values = integers("alike 2", 8192, 21)
    scaled = reflected(values) / np.linalg.norm(reflected(values), axis=0)
    least = 1.0 / np.linalg.svd(scaled, compute_uv=False)[-1]
    for limit, safe in ((least * (1.0 + 1e-9), True), (least * (1.0 - 1e-9), False)):
        monkeypatch.setattr(gram_room, "room", lambda _n, limit=limit: limit)
        assert (GramKernel(21, 8).gram_of(filled(values).values) is not None) == safe


@pytest.mark.parametrize("n", [5, 21, 60])
def test_what_holds_for_panels_holds_for_their_sum(n):
    """The least eigenvalue of a sum of Gram matrices, scaled to unit diagonal, is not below the least of theirs."""
    rng, kernel = np.random.default_rng(n), GramKernel(n, 8)
    sizes = np.logspace(0, 5, n)
    panels = [
        np.rint(1e3 * (rng.standard_normal((400, n)) + 0.1 * rng.standard_normal((400, 1))) * rng.permutation(sizes))
        for _ in range(6)
    ]
    for values in panels:
        values[:, 0] = 1.0
    panels[0][:, 2] = 0.0
    grams = [gram for values in panels if (gram := kernel.gram_of(values)) is not None]
    assert len(grams) >= 2
    whole = sum(np.triu(gram) + np.triu(gram, 1).T for gram in grams)
    norms = np.sqrt(np.diag(whole))
    least = np.linalg.eigvalsh(whole / np.outer(norms, norms))[0]
    assert least >= 1.0 / gram_room.room(n) ** 2 - 1e-13


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200, 1e140, 1e-160])
@pytest.mark.parametrize("kind", ["plain", "alike 1e4"])
def test_numbers_whose_squares_are_none_go_by_reflections(value, kind):
    values = integers(kind, 8192, 21).astype(float)
    [kernel] = make_kernels(21, 8, filled(values), 1)
    values[:, 3] *= value
    part = kernel.factor_panel(filled(values))
    assert part.gram is None
    assert np.array_equal(part.triangle, reflected(values), equal_nan=True)


@pytest.mark.parametrize("mean", [0.0, 1e6, 1e12])
@pytest.mark.parametrize("drift", [False, True])
def test_large_means_and_data_that_change_in_the_middle(mean, drift):
    rng = np.random.default_rng(3)
    table = rng.integers(-1000, 1001, (30_000, 120))
    if drift:
        table[15_000:, :40] = table[15_000:, 40:80] + rng.integers(-1, 2, (15_000, 40))
    blocks = [(part[:, :110] + mean, part[:, 110:] + mean) for part in np.array_split(table.astype(float), 7)]
    one = reduce_blocks(iter(blocks), 110, 10, threads=1)
    assert np.array_equal(one.r, reduce_blocks(iter(blocks), 110, 10, threads=4).r)
    shifted = table - (one.shift[1:] - mean).astype(np.int64)
    rows = np.hstack([np.ones((len(table), 1), dtype=np.int64), shifted])
    assert backward_error(one.r, rows) <= 121 * EPS * (50.0 if drift else 1.0)


def near_the_edge(kind, closeness, rows, n, seed):
    rng = np.random.default_rng([n, seed, int(100 * closeness)])
    table = rng.standard_normal((rows, n))
    if kind == "alike":
        table = table / closeness + rng.standard_normal((rows, 1))
    elif kind == "in pairs":
        table[:, 1::2] = table[:, 0 : 2 * (n // 2) : 2] + table[:, 1::2] / closeness
    else:  # near a Chebyshev basis
        table = np.cos(np.arange(n) * np.arccos(rng.uniform(-1, 1, (rows, 1)))) + table / closeness
    table = np.rint(table * (2.0**23 / np.abs(table).max())).astype(np.int64)
    table[:, 0] = 1
    return table


@pytest.mark.parametrize("kind", ["alike", "in pairs", "Chebyshev"])
@pytest.mark.parametrize("n", [5, 21, 81])
def test_up_to_the_edge_the_error_is_what_is_stated(kind, n):
    kernel, passed, refused = GramKernel(n, 8), 0, 0
    for closeness in np.geomspace(0.3, 60.0, 12):
        values = near_the_edge(kind, closeness, panel_shape(n).rows, n, 0)
        part = kernel.factor_panel(filled(values))
        passed, refused = passed + (part.gram is not None), refused + (part.gram is None)
        assert part.gram is None or backward_error(kernel.triangle_of(part), values) <= n * EPS
    assert passed
    assert refused or kind == "Chebyshev"


@pytest.mark.parametrize("kind", ["plain", "alike 1e4"])
def test_memory_that_holds_anything_raises_no_warning_and_changes_no_bit(kind, monkeypatch):
    values = integers(kind, 8192, 21)
    expected = by_kernel_for(values, values, values)
    empty = np.empty

    def poisoned(*args, **kwargs):
        array = empty(*args, **kwargs)
        array[...] = np.inf
        return array

    monkeypatch.setattr(np, "empty", poisoned)
    monkeypatch.setattr(np, "empty_like", lambda like: poisoned(like.shape, order="F"))
    found = by_kernel_for(values, values, values)
    assert np.array_equal(found[0], expected[0])
    assert found[1] == expected[1] == [True, True]


@pytest.mark.parametrize("unit", [1e-140, 1e-40, 1e40, 1e140])
def test_the_way_does_not_depend_on_units(unit):
    values = integers("alike 1e4", 8192, 21)
    R, taken = by_kernel_for(values, values)
    units = np.concatenate([[1.0], np.full(20, 2.0 ** np.round(np.log2(unit)))])  # of X and Y, not of the ones
    scaled, same = by_kernel_for(values * units, values * units)
    assert same == taken == [True]
    assert np.array_equal(scaled, R * units)


@pytest.mark.parametrize("kind", ["plain", "alike 1e4"])
def test_many_panels_err_no_more_than_one(kind):
    """Sums of Gram matrices lose nothing of what is added, where to merge triangles rounds each time."""
    n, panels = 21, [integers(kind, 512, 21, seed) for seed in range(64)]
    R, taken = by_kernel_for(np.vstack(panels[:4]), *panels)
    assert all(taken)
    whole = np.vstack(panels)
    assert backward_error(R, whole) <= max(0.5 * n * EPS, 3.0 * backward_error(reflected(whole), whole))


def test_a_blas_that_adds_row_by_row_is_given_few_at_a_time(monkeypatch):
    """The reference BLAS, as it would round: one product after the other."""
    assert gram_room.rows_a_call() > 2**40
    asked = []

    def adding_one_by_one(_uplo, _trans, _n, k, _alpha, _a, _lda, _beta, c, _ldc):
        asked.append(k._obj.value)
        column = np.full(k._obj.value, 2.0**-54)
        column[0] = 1.0
        np.ctypeslib.as_array((ctypes.c_double * 64).from_address(c))[:] = np.add.accumulate(column)[-1]

    monkeypatch.setattr(gram_room, "routine", lambda _name: adding_one_by_one)
    gram_room.rows_a_call.cache_clear()
    try:
        assert gram_room.rows_a_call() == gram_room.ROWS_A_SUM
        columns = BATCHED_COLUMNS + 1
        gram_room._add_gram(np.zeros((columns, columns), order="F"), np.ones((1200, columns)))
        assert asked[1:] == [512, 512, 176]
    finally:
        gram_room.rows_a_call.cache_clear()


@pytest.mark.parametrize("n", [3, BATCHED_COLUMNS, BATCHED_COLUMNS + 1])
@pytest.mark.parametrize("m", [1, ROWS_A_BATCH - 1, ROWS_A_BATCH, ROWS_A_BATCH + 1, 2 * ROWS_A_BATCH + 77])
def test_sums_over_batches_have_every_row_once(n, m):
    values = np.column_stack([np.ones(m), np.random.default_rng(m).integers(-9, 10, (m, n - 1))])
    gram = np.asfortranarray(np.triu(np.full((n, n), 5.0)))
    gram_room._add_gram(gram, values)
    assert np.array_equal(np.triu(gram - 5.0), np.triu(values.T @ values))


@pytest.mark.parametrize("n", [5, 21, 81])
def test_few_first_rows_say_whether_coordinates_are_needed(n):
    first = integers("plain", 4096, n)
    [kernel] = make_kernels(n, 8, filled(first), 1)
    assert kernel._coordinates is None
    first[: rows_to_start(n)] = integers("alike 1e4", rows_to_start(n), n)
    kernels = make_kernels(n, 8, filled(first), 3)
    start = np.linalg.qr(first[: rows_to_start(n)].astype(float), mode="r")
    expected = np.abs(coordinates_of(np.asfortranarray(start))._pivoted)
    assert np.allclose(np.abs(kernels[0]._coordinates._pivoted), expected)
    assert all(kernel._coordinates is kernels[0]._coordinates for kernel in kernels)


def test_rows_that_gram_matrices_cannot_serve_go_by_reflections(monkeypatch):
    alike, n = integers("alike 1e4", 4096, 21), 21
    panel = filled(alike)
    panel.hold(4000)  # all of the rows that there are
    [kernel] = make_kernels(n, 8, panel, 1)
    assert isinstance(kernel, GramKernel)
    assert kernel._coordinates is None
    assert isinstance(make_kernels(n, 8, filled(alike[:41]), 1)[0], LapackKernel)
    monkeypatch.setattr(gram_room, "_MOST_COLUMNS", 20)
    assert isinstance(make_kernels(n, 8, filled(alike), 1)[0], LapackKernel)
    assert isinstance(make_kernels(n, 8, filled(integers("plain", 4096, n)), 1)[0], GramKernel)
