"""Products with the Hessian in bases in which most factors are zeros, against the dense Hessian of the samples."""

from itertools import pairwise

import numpy as np
import pytest
from critical_points import build, dense_hessian, random_data

from lossurf.data import Data
from lossurf.landscape import curvature, hessian_ends, product_ends
from lossurf.landscape.boxed import Boxed
from lossurf.landscape.compressed_hessian import CompressedHessian
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.hessian_bounds import hessian_bounds
from lossurf.landscape.node_network import node_network
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.triangular_bases import rank_and_samples


def boxes():
    """Matrices with the box that is not zero in them, and what is special about it."""
    rng = np.random.default_rng(1)
    inner = rng.standard_normal((3, 4))
    yield np.pad(inner, ((2, 1), (0, 3))), (2, 5), (0, 4), "box"
    yield np.pad(np.diag([1.0, -2.0, 3.0]), ((0, 2), (1, 0))), (0, 3), (1, 4), "diagonal"
    yield np.pad(np.triu(rng.standard_normal((260, 260))), ((0, 9), (0, 4))), (0, 260), (0, 260), "upper"
    yield np.triu(rng.standard_normal((5, 5))), (0, 5), (0, 5), "box"
    yield np.zeros((4, 6)), (0, 0), (0, 0), "box"


@pytest.mark.parametrize("case", range(5))
@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_products_with_a_box_are_those_with_the_matrix(case, noise):
    X, rows, columns, kind = list(boxes())[case]
    rng = np.random.default_rng(2)
    noisy = X + noise * rng.standard_normal(X.shape) * (X.any())
    box = Boxed.of(noisy, 1e-6)
    assert (box.rows.start, box.rows.stop) == rows
    assert (box.columns.start, box.columns.stop) == columns
    assert (box.diagonal is not None, box.upper) == (kind == "diagonal", kind == "upper")
    dense = np.zeros(X.shape)
    dense[box.rows, box.columns] = box.block if box.diagonal is None else np.diag(box.diagonal)
    size = np.linalg.norm(noisy)
    assert np.linalg.norm(noisy - dense) == pytest.approx(box.share * size, rel=1e-9, abs=0.0)
    assert (box.share > 0.0) == (noise > 0.0 and (kind != "box" or dense.size != box.block.size) and size > 0.0)
    left, right = rng.standard_normal((7, len(X))), rng.standard_normal((X.shape[1], 6))
    for of in (np.ascontiguousarray, np.asfortranarray):
        V, r, s = of(left), of(right), of(left.T)
        assert box.after(V) == pytest.approx(V @ dense, abs=1e-11)
        out = np.full((6, len(X)), np.nan)
        box.put_after_transposed(of(right.T), out)
        assert out == pytest.approx(right.T @ dense.T, abs=1e-11)
        assert box.transposed_before(s) == pytest.approx(dense.T @ s, abs=1e-11)
        assert box.before(r) == pytest.approx(dense @ right, abs=1e-11)
        out = np.ones((len(X), 6))
        box.add_times_transposed(of(right.T), out)
        assert out == pytest.approx(1.0 + dense @ right, abs=1e-11)
        out = np.ones((7, X.shape[1]))
        box.add_after(V, out)
        assert out == pytest.approx(1.0 + V @ dense, abs=1e-11)
        out = np.ones((7, X.shape[1]))
        box.add_transposed_times(of(left.T), out)
        assert out == pytest.approx(1.0 + left @ dense, abs=1e-11)


@pytest.mark.parametrize("most", [1e-3, 0.3])
def test_no_more_is_left_out_than_may_be(most):
    rng = np.random.default_rng(3)
    for _ in range(50):
        shape = rng.integers(1, 9, 2)
        X = rng.standard_normal(shape) * 10.0 ** rng.uniform(-6, 0, shape)
        assert Boxed.of(X, most).share <= most


def point(rng, biased):
    """A network of low rank at or near a critical point, or not, with X of columns far apart."""
    N = int(rng.integers(2, 5))
    widths = rng.integers(2, 5, N + 1).tolist()
    X, Y = random_data(rng, widths[0], widths[-1], 12)
    kept = tuple(range(int(rng.integers(0, min(widths) + 1))))
    if biased:
        weights = [
            rng.standard_normal((above, 1)) @ rng.standard_normal((1, below)) for below, above in pairwise(widths)
        ]
        if rng.random() < 0.5:  # what comes in goes on
            weights[1:] = [np.outer(rng.standard_normal(len(W)), V[:, 0]) for V, W in pairwise(weights)]
        return weights, [rng.standard_normal(width) for width in widths[1:]], X, Y
    recipe = str(rng.choice(["zero", "random", "noise"]))
    weights = build(rng, widths, X, Y, eigen_set=kept, recipe="zero")
    if recipe == "noise":
        weights = [W + 10.0 ** rng.uniform(-9, -2) * rng.standard_normal(W.shape) for W in weights]
    return weights, None, X * 10.0 ** rng.uniform(-1, 1, (widths[0], 1)) if recipe == "random" else X, Y


def apart(some, every, has_idle):
    """How far the eigenvalues are from those without idle units: all of those, one by one, or as sets beside 0."""
    if not has_idle:
        return np.abs(some - every).max()
    both = np.append(some, 0.0)
    assert len(some) < len(every)
    distances = np.abs(both[:, None] - every[None])
    return max(distances.min(axis=0).max(), distances.min(axis=1)[:-1].max(), abs(both.min() - every.min()))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("most", [1e-12, 1e-6, 1e-2])
def test_eigenvalues_move_by_no_more_than_is_said(most, biased):
    # channel: eigenvalues of the Hessian that is not in other bases
    spent, dropped = 0.0, 0
    for seed in range(40):
        weights, biases, X, Y = point(np.random.default_rng([seed, biased]), biased)
        network = node_network(weights, biases or [None] * len(weights), Data(X.T, Y.T).problem(bias=biased))
        hessian = ParameterHessian(network)
        bounds = hessian_bounds(hessian)
        compressed = CompressedHessian(hessian, *rank_and_samples(network, most), most)
        assert compressed.cost() <= 1.0
        H = np.column_stack([compressed.apply(unit) for unit in np.eye(compressed.order)])
        assert np.abs(H - H.T).max() <= 1e-14 * np.abs(H).max()
        dropped += compressed.has_idle
        off = apart(np.linalg.eigvalsh(H), np.linalg.eigvalsh(hessian.dense()), compressed.has_idle)
        allowed = bounds.changed(compressed.share, hessian.unit) + bounds.rounding
        assert off <= allowed
        spent = max(spent, off / allowed if off else 0.0)
    assert most < 1e-2 or spent > 1e-4  # the bound is of norms of norms
    assert dropped >= 5


@pytest.fixture
def always_compressed(monkeypatch):
    """Use the other bases for any network, at whatever cost."""
    monkeypatch.setattr(curvature, "_DENSE_ORDER", 0)
    monkeypatch.setattr(curvature, "_PRODUCT_ORDER", 0)
    monkeypatch.setattr(product_ends, "_BETWEEN", -1.0)
    monkeypatch.setattr(hessian_ends, "_SMALLEST", 0)
    monkeypatch.setattr(hessian_ends, "_LARGE", 0)
    monkeypatch.setattr(hessian_ends, "_WORTH", 10.0)
    calls = []
    apply = CompressedHessian.apply
    monkeypatch.setattr(CompressedHessian, "apply", lambda *args, **options: calls.append(1) or apply(*args, **options))
    return calls


@pytest.mark.usefixtures("always_compressed")
def test_both_ends_are_those_of_the_dense_hessian(always_compressed):
    for seed in range(40):
        weights, _, X, Y = point(np.random.default_rng([7, seed]), biased=False)
        found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False))
        exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
        for value, error, end in ((found.largest, found.largest_error, -1), (found.smallest, found.smallest_error, 0)):
            assert abs(value - exact[end]) <= error + 1e-12 * exact[-1]
            assert error <= 0.021 * np.abs(exact).max()
    assert len(always_compressed) >= 40


def test_float32_saddles_of_low_rank_are_compressed_and_full_ranks_are_not(monkeypatch):
    monkeypatch.setattr(hessian_ends, "_SMALLEST", 48)
    rng = np.random.default_rng(8)
    X, Y = random_data(rng, 48, 48, 100)
    for kept, low in ((20, True), (48, False)):
        weights = build(rng, [48] * 4, X, Y, eigen_set=tuple(range(kept)), recipe="zero")
        weights = [W.astype(np.float32).astype(np.float64) for W in weights]
        hessian = ParameterHessian(node_network(weights, [None] * 3, Data(X.T, Y.T).problem(bias=False)))
        found = hessian_ends.compress(hessian, hessian_bounds(hessian), 1e-3, frozenset())
        assert (found is not None) is low
        if found is not None:
            assert found.cost() < 0.5
            assert found.share < 1e-5
