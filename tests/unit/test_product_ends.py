"""Both ends where the residual is small, from products with J J^T, against the dense Hessian of the samples."""

from itertools import pairwise

import numpy as np
import pytest
from critical_points import dense_hessian, random_point

from lossurf.data import Data
from lossurf.landscape import curvature, product_ends
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.extreme_eigenvalues import FAILURE, extreme_eigenvalues
from lossurf.landscape.hessian_bounds import hessian_bounds
from lossurf.landscape.node_network import node_network
from lossurf.landscape.norms import norm_bound, tight_norm_bound
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.product_form import ProductForm
from lossurf.landscape.top_direction import top_direction


def fitted(rng, off, widths=(5, 6, 4, 3)):
    """A network whose residual is of that size beside its outputs."""
    X = rng.standard_normal((widths[0], 12)) * 10.0 ** rng.uniform(-0.5, 0.5, (widths[0], 1))
    weights = [rng.standard_normal((above, below)) / np.sqrt(below) for below, above in pairwise(widths)]
    out = weights[0]
    for W in weights[1:]:
        out = W @ out
    out = out @ X
    noise = rng.standard_normal(out.shape)
    return weights, X, out + off * np.linalg.norm(out) / np.linalg.norm(noise) * noise


def hessian_of(weights, X, Y):
    return ParameterHessian(node_network(weights, [None] * len(weights), Data(X.T, Y.T).problem(bias=False)))


def balanced(rng, depth, order=5):
    """Layers of one set of singular values, turned into each other."""
    U, s, Vt = np.linalg.svd(rng.standard_normal((order, order)))
    turns = [Vt.T, *(np.linalg.qr(rng.standard_normal((order, order)))[0] for _ in range(depth - 1)), U]
    return [turns[k + 1] * s ** (1.0 / depth) @ turns[k].T for k in range(depth)]


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_one_direction_bounds_the_largest_eigenvalue_with_certainty(depth):
    # channel: eigenvalues of the matrix itself, from Kronecker products
    for seed in range(20):
        rng = np.random.default_rng([7, depth, seed])
        weights, X, _ = fitted(rng, 0.1, (5, *rng.integers(1, 7, depth)))
        if seed % 2:
            weights = balanced(rng, depth)
        hessian = hessian_of(weights, X, rng.standard_normal((len(weights[-1]), 12)))
        form = ProductForm(hessian)
        exact = np.linalg.eigvalsh(form.dense())[-1]
        found = top_direction(*form.terms).end(*form.terms, hessian.unit * form.rounding())
        assert found.failure == 0.0
        assert found.inner <= exact * (1.0 + 1e-14)
        assert exact <= found.outer * (1.0 + 1e-14)
        if seed % 2 or depth == 1:  # balanced, on inputs that are not white
            assert found.outer - found.inner <= 0.015 * exact


def test_balanced_minima_need_no_products_and_no_luck(kinds):
    rng = np.random.default_rng(8)
    weights, X = balanced(rng, 3), rng.standard_normal((5, 12)) + 1.0
    found = find_curvature(weights, None, Data(X.T, (weights[2] @ weights[1] @ weights[0] @ X).T).problem(bias=False))
    assert (found.method, found.products, found.failure) == ("lanczos", 0, 0.0)
    assert kinds == ["added_on_both_sides"]
    assert found.largest_error <= 0.02 * found.largest


@pytest.fixture
def kinds(monkeypatch):
    """Count which way the ends are found, without dense matrices."""
    monkeypatch.setattr(curvature, "_DENSE_ORDER", 0)
    monkeypatch.setattr(curvature, "_PRODUCT_ORDER", 0)
    found = []
    for name in ("between", "added_on_both_sides"):
        way = getattr(product_ends._Way, name)
        monkeypatch.setattr(product_ends._Way, name, lambda *args, n=name, way=way: found.append(n) or way(*args))
    return found


def test_one_product_with_the_hessian_takes_what_a_residual_adds(kinds):
    for seed in range(60):
        rng = np.random.default_rng([1, seed])
        weights, X, Y = fitted(rng, 10.0 ** rng.uniform(-2.0, -1.0))
        exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
        hessian = hessian_of(weights, X, Y)
        added = hessian_bounds(hessian).tightened(hessian).mixed * 2.0**hessian.exponent / exact[-1]
        share = added / rng.uniform(0.3, 1.5)
        found = find_curvature(weights, None, Data(X.T, Y.T).problem(bias=False), share=share)
        assert found.failure <= 2.0 * FAILURE
        for value, error, end in ((found.largest, found.largest_error, -1), (found.smallest, found.smallest_error, 0)):
            assert abs(value - exact[end]) <= error + 1e-12 * exact[-1]
            assert error <= 1.06 * share * exact[-1]
    assert min(kinds.count("between"), kinds.count("added_on_both_sides")) >= 10


def test_the_least_eigenvalue_is_never_positive_where_a_hidden_layer_has_two_units():
    rng = np.random.default_rng(2)
    for case in range(150):
        if case % 2:
            point = random_point(rng, max_depth=4, max_dim=4)
            weights, X, Y = point.weights, point.X, point.Y
        else:
            widths = rng.integers(1, 5, int(rng.integers(3, 5)))
            weights, X, Y = fitted(rng, 10.0 ** rng.uniform(-3, 1), widths)
        values = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
        if max(len(W) for W in weights[:-1]) > 1 and len(weights) > 1:
            assert values[0] <= 1e-12 * values[-1]
            hessian = hessian_of(weights, X, Y)
            assert product_ends.least_end(hessian, hessian_bounds(hessian)).inner == 0.0


def test_one_hidden_unit_can_have_a_least_eigenvalue_above_zero():
    # w_2 w_1 = 0.9 for a target of 1: [[1, 0.8], [0.8, 0.81]]
    weights, X, Y = [0.9 * np.ones((1, 1)), np.ones((1, 1))], np.ones((1, 1)), np.ones((1, 1))
    values = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    assert values[0] > 0.0
    hessian = hessian_of(weights, X, Y)
    assert product_ends.least_end(hessian, hessian_bounds(hessian)).inner > values[0] * 2.0**-hessian.exponent


def test_the_blocks_of_the_residual_are_bounded_to_two_percent():
    rng = np.random.default_rng(3)
    weights, X, Y = fitted(rng, 0.1, (60, 60, 60, 60))
    weights = [np.linalg.qr(W)[0] for W in weights]
    hessian = hessian_of(weights, X, Y)
    bounds = hessian_bounds(hessian)
    tight = bounds.tightened(hessian)
    assert tight.mixed < 0.85 * bounds.mixed
    network = hessian.network
    for i, q, size in hessian.tight_mixed_norms():
        part = hessian.parts[q]
        link = np.eye(len(network.layers[part.layer - 1]))
        for W in network.layers[part.layer : i - 1]:
            link = W @ link
        exact = np.linalg.norm(network.deltas[i] @ part.right.T, 2) * np.linalg.norm(link, 2)
        assert exact <= size <= 1.04 * exact


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("shape", [(60, 60), (50, 90), (90, 50), (3, 4), (0, 5)])
def test_a_tight_bound_is_above_the_norm_and_hardly(scale, shape):
    rng = np.random.default_rng(4)
    for kind in range(4):
        A = rng.standard_normal(shape) * scale
        if kind == 1 and min(shape):
            A = np.linalg.qr(A)[0] * scale if shape[0] >= shape[1] else np.linalg.qr(A.T)[0].T * scale
        if kind == 2:
            A = A * 10.0 ** rng.uniform(-9.0, 0.0, (shape[0], 1))
        if kind == 3:
            A = np.zeros(shape)
        exact = np.linalg.norm(A / scale, 2) if A.size else 0.0
        assert exact <= tight_norm_bound(A) / scale * (1.0 + 1e-15) <= 1.01 * exact + 1e-15


def test_a_start_that_misses_the_largest_value_still_bounds_it(monkeypatch):
    # as where the direction of the norm is orthogonal to the column of a power: Cholesky says no, and more is tried
    A = np.diag(np.append(np.full(59, 1.0), 1.1))
    for guess in (0.25, 0.2):  # of 0.3025, A being halved: near enough for a bound by trying, and not
        monkeypatch.setattr("lossurf.landscape.norms.top_of", lambda square, guess=guess: (guess, square[0]))
        assert 1.1 <= tight_norm_bound(A) <= norm_bound(A)


def test_the_vector_of_the_largest_eigenvalue_is_kept_in_half_the_digits():
    values = np.linspace(0.0, 1.0, 500)
    found = extreme_eigenvalues(lambda x: values * x, 500, rounding=1e-15, share=0.02, vector=True)
    x = found.vector / np.linalg.norm(found.vector)
    assert np.linalg.norm(found.vector) == pytest.approx(1.0, abs=1e-5)
    assert x @ (values * x) == pytest.approx(found.largest.inner, abs=1e-6)
    assert extreme_eigenvalues(lambda x: values * x, 500, rounding=1e-15, share=0.02).vector is None


def test_the_transposed_jacobian_is_that_of_the_product_form():
    # channel: J J^T w as the product form has it is J times J^T w, of the norm of J^T w squared along w
    weights, X, Y = fitted(np.random.default_rng(5), 0.3)
    hessian = hessian_of(weights, X, Y)
    form = ProductForm(hessian)
    w = np.random.default_rng(6).standard_normal(form.order)
    x = hessian.transposed_jacobian(w)
    assert x @ x == pytest.approx(w @ form.apply(w), rel=1e-12)
