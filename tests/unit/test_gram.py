"""Trusted channel: Gram matrices of integers, exact in int64, and Householder reflections of the same panel."""

import numpy as np
import pytest

from lossurf.reduction import gram as gram_room
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.gram import GramKernel
from lossurf.reduction.kernels import LapackKernel, make_kernel
from lossurf.reduction.panels import Panel
from lossurf.reduction.tuning import panel_shape

EPS = float(np.finfo(float).eps)


def filled(values):
    """A panel of samples; the first column of the values is the ones."""
    n, dy = values.shape[1], max(1, values.shape[1] // 8)
    assert (values[:, 0] == 1).all()
    panel = Panel(max(len(values), n), n - 1 - dy, dy)
    panel.hold(len(values))
    panel.X[...], panel.Y[...] = values[:, 1 : n - dy], values[:, n - dy :]
    return panel


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
def test_a_panel_is_moved_by_no_more_than_is_stated(kind, n):
    rows = panel_shape(n).rows
    first, second = integers(kind, rows, n, 1), integers(kind, rows, n, 2)
    start = LapackKernel(n, 8).factor_panel(filled(first))
    R = make_kernel(n, 8, start).factor_panel(filled(second))
    assert np.array_equal(R, np.triu(R))
    # 1/2 P G^-1 dG is not the least error of its kind for reflections, so that both are held against each other
    by_reflections = backward_error(LapackKernel(n, 8).factor_panel(filled(second)), second)
    assert backward_error(R, second) <= max(n * EPS, 10.0 * by_reflections)


def directly(kernel, values):
    """The factor by the Gram matrix of the values themselves, or None."""
    panel = filled(values)
    return kernel._by_gram([(panel.X, panel.Y)])


def ways(monkeypatch, start, values):
    """Return the factor, and which ways were tried for it."""
    taken = []
    for name in ("_by_gram", "_by_gram_of_coordinates"):
        real = getattr(GramKernel, name)

        def told(self, rows, real=real, name=name):
            r = real(self, rows)
            taken.append(name if r is not None else f"not {name}")
            return r

        monkeypatch.setattr(GramKernel, name, told)
    return make_kernel(values.shape[1], 8, start).factor_panel(filled(values)), taken


def test_each_way_is_taken_where_it_is_safe(monkeypatch):
    n, rows = 21, 8192
    plain, alike = integers("plain", rows, n), integers("alike 1e4", rows, n)
    by_plain, by_alike = (LapackKernel(n, 8).factor_panel(filled(values)) for values in (plain, alike))
    assert ways(monkeypatch, by_plain, plain)[1] == ["_by_gram"]
    monkeypatch.undo()
    assert ways(monkeypatch, by_plain, alike)[1] == ["not _by_gram"]
    monkeypatch.undo()
    assert ways(monkeypatch, by_alike, integers("alike 1e4", rows, n, 7))[1] == ["_by_gram", "_by_gram_of_coordinates"]
    monkeypatch.undo()
    other = integers("alike 1e4", rows, n, 7)
    other[:, 5] = other[:, 6]  # what depended on nothing before
    assert ways(monkeypatch, by_alike, other)[1] == ["not _by_gram", "not _by_gram_of_coordinates"]


def test_the_edge_of_what_is_safe(monkeypatch):
    values = integers("alike 2", 8192, 21)
    kernel, R = GramKernel(21, 8, np.eye(21)), LapackKernel(21, 8).factor_panel(filled(values))
    scaled = R / np.linalg.norm(R, axis=0)
    bound = gram_room._inverse_norm(np.asfortranarray(scaled))
    least = 1.0 / np.linalg.svd(scaled, compute_uv=False)[-1]
    assert least <= bound <= 4.0 * least
    for limit, safe in ((bound * 1.001, True), (bound * 0.999, False)):
        monkeypatch.setattr(gram_room, "room", lambda _n, limit=limit: limit)
        assert (directly(kernel, values) is not None) == safe


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200, 1e-160])
def test_numbers_whose_squares_are_none_go_by_reflections(value):
    values = np.random.default_rng(0).standard_normal((8192, 21))
    values[:, 0] = 1.0
    start = LapackKernel(21, 8).factor_panel(filled(values))
    values[:, 3] *= value
    found, expected = (
        kernel.factor_panel(filled(values)) for kernel in (GramKernel(21, 8, start), LapackKernel(21, 8))
    )
    assert np.array_equal(found, expected, equal_nan=True)


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
    kernel, passed, refused = GramKernel(n, 8, np.eye(n)), 0, 0
    for closeness in np.geomspace(0.3, 60.0, 12):
        values = near_the_edge(kind, closeness, panel_shape(n).rows, n, 0)
        R = directly(kernel, values)
        passed, refused = passed + (R is not None), refused + (R is None)
        assert R is None or backward_error(R, values) <= n * EPS
    assert passed
    assert refused or kind == "Chebyshev"


def test_memory_that_holds_anything_raises_no_warning_and_changes_no_bit(monkeypatch):
    values = integers("alike 1e4", 8192, 21)
    start = LapackKernel(21, 8).factor_panel(filled(values))
    expected = [GramKernel(21, 8, of).factor_panel(filled(values)) for of in (start, np.eye(21))]
    empty = np.empty

    def poisoned(*args, **kwargs):
        array = empty(*args, **kwargs)
        array[...] = np.inf
        return array

    monkeypatch.setattr(np, "empty", poisoned)
    found = [GramKernel(21, 8, of).factor_panel(filled(values)) for of in (start, np.eye(21))]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("unit", [1e-140, 1e-40, 1e40, 1e140])
def test_the_way_does_not_depend_on_units(unit, monkeypatch):
    values = integers("alike 1e4", 8192, 21)
    scale = 2.0 ** np.round(np.log2(unit))
    start = LapackKernel(21, 8).factor_panel(filled(values))
    R, taken = ways(monkeypatch, start, values)
    monkeypatch.undo()
    units = np.concatenate([[1.0], np.full(20, scale)])  # of X and Y, not of the ones
    scaled, same = ways(monkeypatch, start * units, values * units)
    assert same == taken == ["_by_gram", "_by_gram_of_coordinates"]
    assert np.array_equal(scaled, R * units)
