"""The least eigenvalue that is not zero at minima of any size, against the dense Hessian and exact values."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from critical_points import build, chain, dense_hessian
from test_split_ends import INPUTS, drawn_parts, other_form, split_data

from lossurf.data import Data
from lossurf.landscape import curvature, hessian_ends
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.least_nonzero import least_eigenvalue
from lossurf.landscape.node_network import node_network
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_form import ProductForm
from lossurf.landscape.split_least import split_least
from lossurf.landscape.verdict import Inertia
from lossurf.words import Verdict


def layers_of(rng, depth, kind, order=4):
    """Layers without a bottleneck: of random entries, balanced, or balanced and off by 5 %."""
    if kind == "random":
        widths = [order, *rng.integers(order, order + 3, depth - 1), int(rng.integers(1, order + 1))]
        return [rng.standard_normal((above, below)) for below, above in pairwise(widths)]
    U, s, Vt = np.linalg.svd(rng.standard_normal((order, order)))
    root = np.diag(s ** (1.0 / depth))
    turns = [Vt.T, *(np.linalg.qr(rng.standard_normal((order, order)))[0] for _ in range(depth - 1)), U]
    layers = [turns[k + 1] @ root @ turns[k].T for k in range(depth)]
    return [W + 0.05 * rng.standard_normal(W.shape) for W in layers] if kind == "near" else layers


def fitted(weights, X, biases=None):
    out = X
    for W, b in zip(weights, biases or [None] * len(weights), strict=True):
        out = W @ out if b is None else W @ out + b[:, None]
    return out


@pytest.mark.parametrize("kind", ["random", "balanced", "near"])
@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_bounds_enclose_the_least_eigenvalue(kind, depth):
    # channel: eigenvalues of the matrix itself, from Kronecker products
    for seed in range(12):
        rng = np.random.default_rng([1, depth, seed])
        X = rng.standard_normal((4, 9)) * 10.0 ** rng.uniform(-1.0, 1.0, (4, 1))
        weights = layers_of(rng, depth, kind)
        problem = Data(X.T, fitted(weights, X).T).problem(bias=False)
        hessian = ParameterHessian(node_network(weights, [None] * depth, problem))
        form = ProductForm(hessian)
        exact = np.linalg.eigvalsh(form.dense())
        found = least_eigenvalue(*form.terms, hessian.unit * form.rounding())
        assert found.failure == 0.0
        assert 0.0 <= found.outer <= exact[0] + 1e-13 * exact[-1]
        assert exact[0] <= found.inner + 1e-13 * exact[-1]
        if depth <= 2 or kind == "balanced":
            assert found.inner - found.outer <= 2e-11 * exact[-1] + 0.011 * found.inner
        elif kind == "near":
            assert found.outer >= 0.5 * exact[0]


@pytest.mark.parametrize("biased", [False, True])
def test_a_large_minimum_has_the_least_eigenvalue_of_its_hessian(monkeypatch, biased):
    # channel: the dense Hessian of the samples, its eigenvalues that are not zero as many as the entries of J J^T
    for seed in range(8):
        rng = np.random.default_rng([2, seed])
        weights = layers_of(rng, 3, ["random", "balanced"][seed % 2])
        biases = [rng.standard_normal(len(W)) for W in weights] if biased else None
        X = rng.standard_normal((4, 8)) + 1.0
        problem = Data(X.T, fitted(weights, X, biases).T).problem(bias=biased)
        count = len(weights[-1]) * (4 + biased)
        inertia = Inertia(0, sum(W.size for W in weights) - count, count, 0.0, None)
        options = {"verdict": Verdict.GLOBAL_MINIMUM, "inertia": inertia}
        exact = find_curvature(weights, biases, problem, **options)
        with monkeypatch.context() as patch:
            patch.setattr(curvature, "_DENSE_ORDER", 0)
            patch.setattr(curvature, "_PRODUCT_ORDER", 0)
            found = find_curvature(weights, biases, problem, **options)
        assert (exact.method, found.method) == ("dense", "lanczos")
        if not biased:
            values = np.linalg.eigvalsh(dense_hessian(weights, X, fitted(weights, X)))
            assert abs(values[-count] - exact.minimum.least_nonzero) <= 1e-12 * values[-1]
        least = found.minimum
        assert abs(least.least_nonzero - exact.minimum.least_nonzero) <= least.least_nonzero_error
        assert least.condition == pytest.approx(found.largest / least.least_nonzero)
        assert least.rate == pytest.approx((least.condition - 1.0) / (least.condition + 1.0))


def test_nothing_is_said_where_the_layers_leave_directions_out(monkeypatch):
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((2, 4)), rng.standard_normal((4, 2))]
    X = rng.standard_normal((4, 8))
    problem = Data(X.T, fitted(weights, X).T).problem(bias=False)
    monkeypatch.setattr(curvature, "_DENSE_ORDER", 0)
    monkeypatch.setattr(curvature, "_PRODUCT_ORDER", 0)
    for count in (12, 16):  # 12 in truth; a wrong count must not make an eigenvalue of rounding
        inertia = Inertia(0, 16 - count, count, 0.0, None)
        found = find_curvature(weights, None, problem, verdict=Verdict.GLOBAL_MINIMUM, inertia=inertia)
        assert found.minimum is None


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_bottleneck_has_the_least_eigenvalue_that_is_not_zero_where_x_keeps_samples_apart(monkeypatch, inputs):
    # channel: the dense Hessian; r (dx + dy - r) of its eigenvalues are not zero, the dimension of the maps of rank r
    monkeypatch.setattr(curvature, "_DENSE_ORDER", 0)
    monkeypatch.setattr(curvature, "_PRODUCT_ORDER", 0)
    monkeypatch.setattr(hessian_ends, "_SMALLEST", 0)
    monkeypatch.setattr(hessian_ends, "_LARGE", 0)
    tight, others = 0, 0
    for seed in range(30):
        rng = np.random.default_rng([4, seed])
        depth, dx, r = int(rng.integers(2, 5)), int(rng.integers(3, 6)), int(rng.integers(1, 3))
        dy = dx if inputs == "autoencoder" else int(rng.integers(3, 6))
        X, Y = split_data(rng, inputs, dx, dy)
        widths = [dx, *(r + rng.integers(0, 3, depth - 1)).tolist(), dy]
        widths[int(rng.integers(1, depth))] = r
        weights = build(rng, widths, X, Y, eigen_set=tuple(range(r)), recipe="zero")
        if seed % 3 == 0:
            weights = [W.astype(np.float32).astype(np.float64) for W in weights]
        count = r * (dx + dy - r)
        options = {"verdict": Verdict.GLOBAL_MINIMUM, "inertia": Inertia(0, 99, count, 0.0, None)}
        found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False), **options).minimum
        values = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
        if found is not None:
            assert abs(found.least_nonzero - values[-count]) <= found.least_nonzero_error + 1e-13 * values[-1]
            tight += found.least_nonzero_error <= 0.01 * found.least_nonzero
        options["inertia"] = Inertia(0, 99, count + 1, 0.0, None)  # not as many as there are: nothing is said
        others += find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False), **options).minimum is not None
    assert tight >= 20
    assert others == 0


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("white", [False, True])
def test_the_least_of_all_parts_is_enclosed_whatever_their_factors(depth, white):
    # channel: both forms as dense matrices
    for seed in range(40):
        parts = drawn_parts(np.random.default_rng([5, seed, depth]), depth, white=white)
        if seed % 2:  # a minimum's: no direction leads down
            parts = replace(parts, residual=1e-3 * parts.residual)
        r = len(parts.nodes[0])
        above = [chain(parts.layers[k:], r) for k in range(depth)]
        first = sum(np.kron(A @ A.T, h.T @ h) for A, h in zip(above, parts.nodes, strict=True))
        values = np.linalg.eigvalsh(first), np.linalg.eigvalsh(other_form(parts))
        found = split_least(parts, 0.0)
        assert (found is None) == (depth == 2 and parts.has_idle)
        if found is not None:
            end, count = found
            least, slack = min(v[0] for v in values), 1e-12 * max(v[-1] for v in values)
            assert end.outer - slack <= least <= end.inner + slack
            assert count == sum(v.size for v in values)
            if white:
                assert end.inner - end.outer <= slack
