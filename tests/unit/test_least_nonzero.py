"""The least eigenvalue that is not zero at minima of any size, against the dense Hessian and exact values."""

from itertools import pairwise

import numpy as np
import pytest
from critical_points import dense_hessian

from lossurf.data import Data
from lossurf.landscape import curvature
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.least_nonzero import least_eigenvalue
from lossurf.landscape.node_network import node_network
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_form import ProductForm
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
        found = least_eigenvalue(form, hessian.unit)
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
