"""Trusted channel: exact Gram matrices of the stored float64 in whole numbers, ranks and fits in rationals, 60 digits.

One table of everything that is hard on a reduction. Of each the error is held against what the problem states, and
against Householder reflections alone on the same panels.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from exact_data import independent_columns, solved
from mpmath import mp

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset
from lossurf.inputs.tables.parts import openers
from lossurf.reduction import engine
from lossurf.reduction.cluster import connect, reduce_on_cluster, reduce_part, split_into_parts
from lossurf.reduction.data import merge_triangles, reduce_data
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.gram import GramKernel
from lossurf.reduction.kernels import LapackKernel
from lossurf.reduction.problem import reduced_problem
from lossurf.reduction.tuning import PanelShape

EPS = float(np.finfo(float).eps)
SINGLE = float(np.finfo(np.float32).eps)
DX, DY, ROWS, PANELS = 6, 3, 64, 10


def mixed(condition, rng):
    """A matrix (dx, dx) of that condition."""
    left, right = (np.linalg.qr(rng.standard_normal((DX, DX)))[0] for _ in range(2))
    return left * np.logspace(0, -np.log10(condition), DX) @ right


def answers(X, rng):
    return X @ rng.standard_normal((DX, DY)) + np.linalg.norm(X, 2) / 30.0 * rng.standard_normal((len(X), DY))


def of_condition(rng, condition):
    X = rng.standard_normal((ROWS * PANELS + 11, DX)) @ mixed(condition, rng)
    return X, answers(X, rng)


def graded(rng, least):
    X = rng.standard_normal((ROWS * PANELS, DX))
    return X * np.logspace(0, np.log10(least), DX), answers(X, rng)


def with_means(rng, mean):
    X = rng.standard_normal((ROWS * PANELS, DX))
    return X + mean * rng.standard_normal(DX), answers(X, rng) + mean


def dependent(rng, first):
    """Whole numbers; from row `first` on two columns are a combination of others."""
    X = rng.integers(-50, 51, (ROWS * PANELS, DX)).astype(float)
    X[first:, 4:] = X[first:, :4] @ rng.integers(-3, 4, (4, 2))
    return X, answers(X, rng)


def drifting(rng, size):
    """From the middle on other directions, another unit and another mean."""
    half = ROWS * PANELS // 2
    X = rng.standard_normal((2 * half, DX)) @ mixed(1e4, rng)
    X[half:] = size * (rng.standard_normal((half, DX)) @ mixed(1e4, rng) + rng.standard_normal(DX))
    return X, answers(X, rng)


def short(rng, samples):
    X = rng.standard_normal((samples, DX)) @ mixed(1e3, rng)
    return X, answers(X, rng)


TABLE = {f"condition 1e{power}": partial(of_condition, condition=10.0**power) for power in range(0, 15, 2)}
TABLE |= {f"graded to 1e-{power}": partial(graded, least=10.0**-power) for power in (4, 12)}
TABLE |= {f"means of 1e{power}": partial(with_means, mean=10.0**power) for power in range(0, 13, 3)}
TABLE |= {"rank-deficient": partial(dependent, first=0), "rank-deficient panels": partial(dependent, first=ROWS * 3)}
TABLE |= {f"drift to {size:g}": partial(drifting, size=size) for size in (1e-6, 1.0, 1e6)}
TABLE |= {f"{samples} samples": partial(short, samples=samples) for samples in (2, 5, 8)}


@dataclass(frozen=True)
class Truth:
    """Of the stored numbers: rank of X, singular values of T (dy,), and what least squares leaves of Y."""

    rank: int
    values: list
    residual: object


def whole(column):
    """Whole numbers k and one power of two D with column = k / D."""
    ratios = [float(value).as_integer_ratio() for value in column]
    D = max(d for _, d in ratios)
    return [n * (D // d) for n, d in ratios], D


def exact_gram(table, centred):
    columns = [whole(column) for column in table.T]
    m = len(table)

    def product(k, j):
        found = sum(a * b for a, b in zip(k, j, strict=True))
        return Fraction(found * m - sum(k) * sum(j), m) if centred else Fraction(found)

    return [[product(k, j) / (D * E) for j, E in columns] for k, D in columns]


def truth(X, Y, centred):
    gram, dx, dy = exact_gram(np.hstack([X, Y]), centred), X.shape[1], Y.shape[1]
    kept = independent_columns([row[:dx] for row in gram[:dx]])
    of_x, across = ([[gram[i][j] for j in range(dx)] for i in kept], [gram[i][dx:] for i in kept])
    fit = solved([[row[j] for j in kept] for row in of_x], across)
    sigma = [[sum(f[i] * a[j] for f, a in zip(fit, across, strict=True)) for j in range(dy)] for i in range(dy)]
    left = sum(gram[dx + i][dx + i] - sigma[i][i] for i in range(dy))
    with mp.workdps(60):
        values = mp.eigsy(
            mp.matrix([[mp.mpf(v.numerator) / v.denominator for v in r] for r in sigma]), eigvals_only=True
        )
        roots = sorted((mp.sqrt(max(value, mp.mpf(0))) for value in values), reverse=True)
        return Truth(len(kept), roots, mp.sqrt(max(mp.mpf(left.numerator) / left.denominator, mp.mpf(0))))


@pytest.fixture
def small_panels(monkeypatch):
    monkeypatch.setattr(engine, "panel_shape", lambda n: PanelShape(n, ROWS, 4))
    monkeypatch.setattr(engine, "without_scipy", lambda _shape, _rows: False)


def reduced(X, Y, *, threads=1, cut=50, **facts):
    blocks = [(X[first : first + cut], Y[first : first + cut]) for first in range(0, len(X), cut)]
    return reduce_blocks(blocks, X.shape[1], Y.shape[1], threads=threads, **facts)


def errors(problem, exact):
    """Largest error of T's singular values, and that of the residual."""
    found = np.zeros(len(exact.values))
    values = problem.scale * problem.target_svd[1]
    found[: len(values)] = values
    of_t = max(float(abs(mp.mpf(float(a)) - b)) for a, b in zip(found, exact.values, strict=True))
    return of_t, float(abs(mp.mpf(float(problem.residual_norm)) - exact.residual))


def assert_stated(problem, exact):
    """Hold every error against the bound that the problem states, where it resolves the rank that is true."""
    of_t, _ = errors(problem, exact)
    assert problem.rank_x <= exact.rank <= problem.rank_bounds[0] or problem.rank_x == exact.rank
    if problem.rank_x != exact.rank:  # then only rounding can tell, and the condition shows it
        assert problem.rank_x < problem.rank_bounds[0]
        return
    assert of_t <= problem.target_error() * problem.scale
    squares = [value**2 for value in exact.values]
    levels = [(exact.residual**2 + sum(squares[k:])) / 2 for k in range(len(problem.loss_by_rank))]
    for value, error, true in zip(problem.loss_by_rank, problem.loss_by_rank_error, levels, strict=True):
        assert abs(mp.mpf(float(value)) - true) <= float(error) + EPS * abs(true)


def compare(name, bias, seeds, monkeypatch):
    """Check the bounds of every data set, and errors against those of reflections: the worst of all seeds each."""
    ours, reflected, size = np.zeros(2), np.zeros(2), 0.0
    for seed in seeds:
        X, Y = TABLE[name](np.random.default_rng([seed, len(name)]))
        exact = truth(X, Y, bias)
        triangle = reduced(X, Y)
        problem = reduced_problem(triangle, bias=bias)
        assert_stated(problem, exact)
        for threads, cut in ((3, 1), (8, 333)):
            assert np.array_equal(reduced(X, Y, threads=threads, cut=cut).r, triangle.r)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "make_kernels", lambda n, width, _, count: [LapackKernel(n, width)] * count)
            other = reduced_problem(reduced(X, Y), bias=bias)
        if problem.rank_x == other.rank_x == exact.rank:
            ours, reflected = np.maximum(ours, errors(problem, exact)), np.maximum(reflected, errors(other, exact))
            size = max(size, float(np.linalg.norm(problem.precision.target_errors)))
    assert np.all(ours <= np.maximum(10.0 * reflected, size)), (ours, reflected, size)


FAST = ["condition 1e0", "condition 1e8", "condition 1e14", "means of 1e9", "rank-deficient panels", "drift to 1e+06"]


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", FAST)
def test_against_sixty_digits_and_reflections(name, bias, monkeypatch):
    compare(name, bias, range(3), monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", TABLE)
def test_the_whole_table(name, bias, monkeypatch):
    compare(name, bias, range(1, 13), monkeypatch)


def any_table(rng):
    """Few columns of any kind: heavy tails, one sign, whole numbers; mixed, shifted, changing, sorted, in part zero."""
    dx, dy, m = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(100, 700))
    X = [
        rng.standard_normal((m, dx)),
        rng.standard_t(1.5, (m, dx)),
        np.abs(rng.standard_normal((m, dx))),
        rng.integers(-3, 4, (m, dx)).astype(float),
    ][rng.integers(4)]
    if rng.random() < 0.5:
        left, right = (np.linalg.qr(rng.standard_normal((dx, dx)))[0] for _ in range(2))
        X = X @ (left * np.logspace(0, -rng.uniform(0, 15), dx)) @ right
    if rng.random() < 0.4:
        X = X + 10.0 ** rng.uniform(-3, 6) * rng.standard_normal(dx)
    if rng.random() < 0.3:
        half = int(rng.integers(1, m))
        X[half:] = X[half:] * 10.0 ** rng.uniform(-8, 8) + rng.standard_normal(dx)
    if rng.random() < 0.2:
        X = X[np.argsort(X[:, 0])]
    if rng.random() < 0.2:
        first, last = sorted(rng.integers(0, m, 2))
        X[first:last, rng.integers(dx)] = 0.0
    noise = 10.0 ** rng.uniform(-12, 0) * rng.standard_normal((m, dy))
    return X, X @ rng.standard_normal((dx, dy)) / np.abs(X).max() + noise


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("seeds", [range(640, 720), pytest.param(range(5000), marks=pytest.mark.slow)], ids=len)
def test_the_errors_of_few_columns_are_as_stated(seeds):
    """What is done with a triangle of 3 columns rounds more than the 3 eps of their norms that were stated once."""
    for seed in seeds:
        X, Y = any_table(np.random.default_rng(seed))
        bias = seed % 2 == 1
        assert_stated(reduced_problem(reduced(X, Y), bias=bias), truth(X, Y, bias))


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("name", ["condition 1e2", "means of 1e3", "drift to 1", "rank-deficient"])
@pytest.mark.parametrize("bias", [False, True])
def test_numbers_that_were_float32(name, bias):
    """What is true of the numbers before they were rounded has to be within the error too."""
    X, Y = TABLE[name](np.random.default_rng(5))
    stored = [part.astype(np.float32).astype(float) for part in (X, Y)]
    problem = reduced_problem(reduced(*stored, dtype="float32", data_eps=SINGLE), bias=bias)
    for table in ((X, Y), stored):
        exact = truth(*table, bias)
        if exact.rank == problem.rank_x:
            assert errors(problem, exact)[0] <= problem.target_error() * problem.scale


@pytest.mark.usefixtures("small_panels")
def test_every_way_of_a_panel_is_in_the_table(monkeypatch):
    taken = set()
    real = GramKernel.gram_of

    def told(self, values):
        gram = real(self, values)
        taken.add((self._coordinates is not None, gram is not None))
        return gram

    monkeypatch.setattr(GramKernel, "gram_of", told)
    for name in FAST:
        reduced(*TABLE[name](np.random.default_rng(0)))
    assert taken == {(False, False), (False, True), (True, False), (True, True)}


def saved(folder, X, Y):
    folder.mkdir(exist_ok=True)
    np.save(folder / "X.npy", X)
    np.save(folder / "Y.npy", Y)
    return folder


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "place",
    [("X", ROWS * PANELS - 1, 2), ("Y", ROWS * PANELS - ROWS, 0), ("X", 3, 0)],
    ids=["end", "last panel", "start"],
)
def test_a_number_that_is_none_is_named_wherever_it_lies(tmp_path, value, threads, place):
    letter, row, column = place
    tables = dict(
        zip("XY", TABLE["condition 1e8" if threads == 4 else "condition 1e0"](np.random.default_rng(0)), strict=True)
    )
    tables[letter][row, column] = value
    tables[letter][row + 1 :, column + 1] = value  # a later one is not the first
    data = open_dataset(saved(tmp_path / "data", *(tables[name][: ROWS * PANELS] for name in "XY")))
    with pytest.raises(InputError, match=f"{letter}.npy, row {row + 1}, column {column + 1}"):
        reduce_data(data, threads=threads)


@pytest.mark.usefixtures("small_panels")
@pytest.mark.parametrize("name", FAST)
def test_files_and_arrays_give_the_same_bits(tmp_path, name):
    X, Y = TABLE[name](np.random.default_rng(1))
    data = open_dataset(saved(tmp_path / "data", X, Y))
    expected = reduced(X, Y).r
    for threads in (1, 2, 8):
        assert np.array_equal(reduce_data(data, threads=threads).r, expected)


def in_a_tree(triangles):
    while len(triangles) > 1:
        odd = triangles[len(triangles) // 2 * 2 :]
        triangles = [merge_triangles(*pair) for pair in zip(triangles[::2], triangles[1::2], strict=False)] + odd
    return triangles[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")  # distributed's own
@pytest.mark.parametrize("workers", [1, 3])
def test_a_cluster_gives_the_bits_of_its_parts_here_and_holds_the_bound(tmp_path, workers):
    pytest.importorskip("distributed")
    with connect(None, workers=workers) as client:
        for number, name in enumerate(TABLE):
            X, Y = TABLE[name](np.random.default_rng(2))
            folder = saved(tmp_path / f"{number}", X, Y)
            parts = split_into_parts(openers(folder), part_bytes=8 * (DX + DY) * 100)
            spread = reduce_on_cluster(parts, client)
            assert np.array_equal(spread.r, in_a_tree([reduce_part(part) for part in parts]).r)
            for bias in (False, True):
                assert_stated(reduced_problem(spread, bias=bias), truth(X, Y, bias))
