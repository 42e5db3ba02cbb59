"""Extreme eigenvalues in the stored parameters, against second derivatives in fractions and eigenvalues of mpmath."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from critical_points import build, chain, dense_hessian, eigen_system, random_data
from hessian_oracle import eigenvalues, exact_hessian

from lossurf.data import Data
from lossurf.landscape import curvature as module
from lossurf.landscape import product_ends
from lossurf.landscape.curvature import find_curvature
from lossurf.landscape.extreme_eigenvalues import FAILURE, extreme_eigenvalues
from lossurf.landscape.hessian_bounds import hessian_bounds
from lossurf.landscape.hessian_ends import negligible
from lossurf.landscape.node_network import node_network
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.verdict import Inertia
from lossurf.words import Status, Verdict


def problem_of(X, Y, bias=False):
    return Data(X.T, Y.T).problem(bias=bias)


def drawn(seed, *, biased):
    """A network at no particular point, its inputs in units far apart."""
    rng = np.random.default_rng([10, seed])
    N = int(rng.integers(1, 6))
    widths = rng.integers(1, 4 if N < 5 else 3, N + 1).tolist()
    m = int(rng.integers(2, 6))
    X = rng.standard_normal((widths[0], m)) * 10.0 ** rng.integers(-3, 3, (widths[0], 1))
    Y = rng.standard_normal((widths[-1], m))
    weights = [rng.standard_normal((above, below)) for below, above in pairwise(widths)]
    biases = None
    if biased:
        last = N - 1
        biases = [rng.standard_normal(w) if rng.random() < 0.6 or k == last else None for k, w in enumerate(widths[1:])]
    return weights, biases, X, Y


def enclosed(found, exact):
    """Whether both ends are where they are said to be: the value and what its bound spends, in units of the radius."""
    for value, error, end in ((found.largest, found.largest_error, -1), (found.smallest, found.smallest_error, 0)):
        assert abs(mpmath.mpf(value) - exact[end]) <= error
    radius = max(abs(exact[0]), abs(exact[-1]))
    return float(max(found.largest_error, found.smallest_error) / radius) if radius else 0.0


@pytest.mark.parametrize("order", [10**9, 0])
@pytest.mark.parametrize("biased", [False, True])
def test_both_ends_are_those_of_the_exact_hessian(monkeypatch, order, biased):
    monkeypatch.setattr(module, "_DENSE_ORDER", order)
    monkeypatch.setattr(module, "_PRODUCT_ORDER", 0)
    for seed in range(7):
        weights, biases, X, Y = drawn(seed, biased=biased)
        exact = eigenvalues(exact_hessian(weights, biases, X, Y), 40)
        found = find_curvature(weights, biases, problem_of(X, Y, biased))
        assert enclosed(found, exact) <= (2e-11 if order else 0.02)
        assert found.failure == 0.0 if order else found.failure <= 2.0 * FAILURE


@pytest.mark.slow
@pytest.mark.parametrize("biased", [False, True])
def test_a_thousand_more_by_products_with_vectors(monkeypatch, biased):
    # each is allowed to fail once in 500; 1,000 have fewer than 10 failures with a probability of 0.99995
    monkeypatch.setattr(module, "_DENSE_ORDER", 0)
    failed = 0
    for seed in range(100, 600):
        weights, biases, X, Y = drawn(seed, biased=biased)
        found = find_curvature(weights, biases, problem_of(X, Y, biased))
        monkeypatch.setattr(module, "_DENSE_ORDER", 10**9)
        exact = find_curvature(weights, biases, problem_of(X, Y, biased))
        monkeypatch.setattr(module, "_DENSE_ORDER", 0)
        failed += abs(found.largest - exact.largest) > found.largest_error + exact.largest_error
        failed += abs(found.smallest - exact.smallest) > found.smallest_error + exact.smallest_error
    assert failed < 10


@pytest.mark.parametrize("exponents", [(-100, 100), (100, -100), (-100, 0, 100), (60, -120, 60), (-50, -50, -50)])
def test_layers_of_any_size(exponents):
    rng = np.random.default_rng(3)
    widths = [2, *(2 for _ in exponents)]
    X, Y = rng.standard_normal((2, 4)), rng.standard_normal((2, 4))
    weights = [10.0**e * rng.standard_normal((w, 2)) for e, w in zip(exponents, widths[1:], strict=True)]
    exact = eigenvalues(exact_hessian(weights, None, X, Y), 700)
    for order in (10**9, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_DENSE_ORDER", order)
            found = find_curvature(weights, None, problem_of(X, Y))
        if found is None:  # no float64 holds the answer, or what it is computed from
            assert exact[-1] > mpmath.mpf("1e200") or max(exponents) - min(exponents) >= 180
        else:
            assert enclosed(found, exact) <= 0.02


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_data_of_any_size(scale):
    weights, _, X, Y = drawn(4, biased=False)
    weights = [weights[0] / scale, *weights[1:]]
    exact = eigenvalues(exact_hessian(weights, None, scale * X, Y), 400)
    assert enclosed(find_curvature(weights, None, problem_of(scale * X, Y)), exact) <= 1e-10


def test_layers_a_millionfold_apart_and_a_width_of_one():
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((3, 6)), rng.standard_normal((2, 6))
    weights = [1e6 * rng.standard_normal((1, 3)), rng.standard_normal((1, 1)), 1e-6 * rng.standard_normal((2, 1))]
    found = find_curvature(weights, None, problem_of(X, Y))
    assert enclosed(found, eigenvalues(exact_hessian(weights, None, X, Y))) <= 1e-10


def test_all_zero_layers():
    rng = np.random.default_rng(6)
    X, Y = rng.standard_normal((3, 6)), rng.standard_normal((2, 6))
    # channel: two layers of zeros give [[0, K], [K^T, 0]], K of the singular values of Y X^T; three give nothing at all
    found = find_curvature([np.zeros((4, 3)), np.zeros((2, 4))], None, problem_of(X, Y))
    top = np.linalg.norm(Y @ X.T, 2)
    assert abs(found.largest - top) <= found.largest_error <= 1e-11 * top
    assert abs(found.smallest + top) <= found.smallest_error
    flat = find_curvature([np.zeros((4, 3)), np.zeros((4, 4)), np.zeros((2, 4))], None, problem_of(X, Y))
    assert (flat.largest, flat.smallest) == (0.0, 0.0)
    assert flat.step == {"half-sum": None, "sum": None, "mean": None}


@pytest.mark.parametrize("eigen_set", [(), (0,), (1,), (0, 1)])
def test_float32_points_of_every_kind(eigen_set):
    rng = np.random.default_rng(7)
    X, Y = random_data(rng, 3, 2, 8)
    weights = build(rng, [3, 2, 3, 2], X, Y, eigen_set=eigen_set, recipe="zero")
    weights = [W.astype(np.float32).astype(np.float64) for W in weights]
    exact = eigenvalues(exact_hessian(weights, None, X, Y), 40)
    assert enclosed(find_curvature(weights, None, problem_of(X, Y)), exact) <= 1e-11


def test_columns_that_x_does_not_see_are_flat():
    rng = np.random.default_rng(8)
    X = np.vstack([np.eye(2), np.eye(2)]) @ rng.standard_normal((2, 5))
    Y = rng.standard_normal((1, 5))
    weights = [rng.standard_normal((1, 4))]
    found = find_curvature(weights, None, problem_of(X, Y))
    exact = eigenvalues(exact_hessian(weights, None, X, Y))
    assert exact[0] < 1e-14 < exact[-1]
    assert enclosed(found, exact) <= 1e-11
    assert found.smallest == 0.0


def test_the_four_ways_agree_at_a_minimum(monkeypatch):
    rng = np.random.default_rng(9)
    X, Y = random_data(rng, 5, 4, 30)
    weights = build(rng, [5, 6, 6, 4], X, Y, eigen_set=(0, 1, 2, 3), recipe="zero")
    problem, found = problem_of(X, Y), {}
    ways = {"dense": (10**9, 0, 1.0), "product-form": (0, 10**9, 1.0), "jacobian": (0, 0, 1.0), "lanczos": (0, 0, -1.0)}
    for name, limits in ways.items():
        monkeypatch.setattr(module, "_DENSE_ORDER", limits[0])
        monkeypatch.setattr(module, "_PRODUCT_ORDER", limits[1])
        monkeypatch.setattr(product_ends, "_BETWEEN", limits[2])
        found[name] = find_curvature(weights, None, problem)
        assert found[name].method == ("lanczos" if name == "jacobian" else name)
    for other in ("product-form", "jacobian", "lanczos"):
        for end in ("largest", "smallest"):
            error = getattr(found[other], f"{end}_error") + getattr(found["dense"], f"{end}_error")
            assert abs(getattr(found[other], end) - getattr(found["dense"], end)) <= error
    for other in ("jacobian", "lanczos"):
        assert found[other].largest_error <= 0.02 * found["dense"].largest


def nearly_fitted(rng, off):
    """A network with biases whose residual is of that size, on columns of X a thousandfold apart."""
    widths = [5, 4, 6, 3]
    X = rng.standard_normal((5, 9)) * 10.0 ** rng.uniform(-2.0, 1.0, (5, 1))
    weights = [rng.standard_normal((above, below)) for below, above in pairwise(widths)]
    biases = [rng.standard_normal(4), None, rng.standard_normal(3)]
    W1, W2, W3 = weights
    Y = W3 @ (W2 @ (W1 @ X + biases[0][:, None])) + biases[2][:, None]
    return weights, biases, X, Y + off * rng.standard_normal(Y.shape)


@pytest.mark.parametrize("off", [0.0, 1e-6, 1e-2])
def test_what_a_small_residual_adds_is_within_the_error(monkeypatch, off):
    # channel: the dense Hessian of the samples, the biases as columns beside ones
    monkeypatch.setattr(module, "_DENSE_ORDER", 0)
    monkeypatch.setattr(module, "_PRODUCT_ORDER", 0)
    for seed in range(5):
        weights, biases, X, Y = nearly_fitted(np.random.default_rng([19, seed]), off)
        found = find_curvature(weights, biases, problem_of(X, Y, bias=True))
        exact = np.linalg.eigvalsh(with_biases(weights, biases, X, Y))
        assert found.method == "lanczos"
        assert found.failure <= FAILURE  # products with J J^T leave only one end to the start
        for value, error, end in ((found.largest, found.largest_error, -1), (found.smallest, found.smallest_error, 0)):
            assert abs(value - exact[end]) <= error + 1e-12 * exact[-1]
            assert error <= 0.021 * exact[-1]


def with_biases(weights, biases, X, Y):
    """The dense Hessian of layers [W b; 0 1] on [X; 1], at the entries that are parameters."""
    layers, chosen = [], []
    for k, (W, b) in enumerate(zip(weights, biases, strict=True), start=1):
        layer = np.zeros((len(W) + (k < len(weights)), W.shape[1] + 1))
        of = np.zeros(layer.shape, dtype=bool)
        layer[: len(W), :-1], of[: len(W), :-1] = W, True
        if b is not None:
            layer[: len(W), -1], of[: len(W), -1] = b, True
        layer[len(W) :, -1] = 1.0
        layers.append(layer)
        chosen.append(of.ravel())
    at = np.concatenate(chosen)
    return dense_hessian(layers, np.vstack([X, np.ones(X.shape[1])]), Y)[np.ix_(at, at)]


def test_blocks_that_vanish_are_left_out_and_no_others(monkeypatch):
    # channel: at a bad saddle without tails A_2^T E = 0, and E is not; the dense Hessian
    rng = np.random.default_rng(20)
    X, Y = random_data(rng, 6, 6, 20)
    weights = build(rng, [6, 6, 6, 6], X, Y, eigen_set=(0, 1), recipe="zero")
    weights = [W.astype(np.float32).astype(np.float64) for W in weights]
    hessian = ParameterHessian(node_network(weights, [None] * 3, problem_of(X, Y)))
    bounds = hessian_bounds(hessian)
    assert negligible(bounds, 1e-4, 3) == {2}
    assert not negligible(bounds, 1e-9, 3)
    vector = rng.standard_normal(hessian.order)
    apart = hessian.apply(vector) - hessian.apply(vector, without={2})
    assert 0.0 < np.linalg.norm(apart) <= bounds.of_layers({2}) * np.linalg.norm(vector)
    monkeypatch.setattr(module, "_DENSE_ORDER", 0)
    found = find_curvature(weights, None, problem_of(X, Y), share=0.01)
    exact = np.linalg.eigvalsh(dense_hessian(weights, X, Y))
    assert found.method == "lanczos"
    assert abs(found.largest - exact[-1]) <= found.largest_error <= 0.011 * exact[-1]
    assert abs(found.smallest - exact[0]) <= found.smallest_error


def test_few_products_are_taken_and_few_looks_at_them():
    # half the width of 2 % of 0..1 is reached by Chebyshev polynomials of degree 33 from a start of 40,000 coordinates
    values = np.linspace(0.0, 1.0, 40_000)
    found = extreme_eigenvalues(lambda x: values * x, values.size, rounding=1e-15, share=0.02)
    assert found.products <= 34
    assert 0.0 <= found.largest.outer - 1.0 <= 0.04


@pytest.mark.parametrize("share", [0.2, 0.02, 0.002])
def test_the_error_is_as_small_as_was_asked_for(share):
    rng = np.random.default_rng(11)
    weights = [rng.standard_normal((16, 16)) / 4.0 for _ in range(4)]
    X, Y = np.eye(16), rng.standard_normal((16, 16))
    found = find_curvature(weights, None, problem_of(X, Y), share=share)
    radius = max(abs(found.largest) - found.largest_error, abs(found.smallest) - found.smallest_error)
    assert max(found.largest_error, found.smallest_error) <= 1.05 * share * radius
    assert found.method == "lanczos"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DENSE_ORDER", 10**9)
        exact = find_curvature(weights, None, problem_of(X, Y))
    assert abs(found.largest - exact.largest) <= found.largest_error
    assert abs(found.smallest - exact.smallest) <= found.smallest_error


def test_rounding_of_a_product_is_within_its_bound():
    # channel: the same product in fractions
    from hessian_oracle import exact

    rng = np.random.default_rng(12)
    for _ in range(2):
        weights, X, Y = [rng.standard_normal((2, 2)) for _ in range(3)], np.eye(2), rng.standard_normal((2, 2))
        problem = problem_of(X, Y)
        hessian = ParameterHessian(node_network(weights, [None] * 3, problem))
        vector = rng.standard_normal(12)
        vector /= np.linalg.norm(vector)
        true = exact_hessian(weights, None, X, Y) @ exact(vector)
        got = np.ldexp(hessian.apply(vector), hessian.exponent)
        off = float(np.linalg.norm((exact(got) - true).astype(float)))
        bounds = hessian_bounds(hessian)
        assert 0.0 < off <= np.ldexp(bounds.rounding + bounds.data, hessian.exponent)


def test_every_run_of_lanczos_stays_within_its_probability():
    # channel: eigenvalues that are given; a start that misses the top one is as rare as is said
    values = np.concatenate([np.linspace(0.0, 1.0, 200), [1.05]])
    missed = 0
    for seed in range(200):
        found = extreme_eigenvalues(lambda x: values * x, 201, rounding=1e-15, share=0.01, seed=seed)
        assert found.largest.inner <= 1.05
        assert found.smallest.inner >= 0.0
        missed += found.largest.outer < 1.05
        missed += found.smallest.outer > 0.0
    assert missed <= 3  # 0.4 are expected


def test_a_start_without_the_top_direction_is_within_the_probability_only(monkeypatch):
    # the failure that the probability stands for: no part of the start in the top direction
    values = np.concatenate([np.linspace(0.0, 1.0, 200), [1.5]])

    class Blind:
        def standard_normal(self, order):
            return np.append(np.ones(order - 1), 0.0)

    monkeypatch.setattr(np.random, "default_rng", lambda _: Blind())
    found = extreme_eigenvalues(lambda x: values * x, 201, rounding=1e-15, share=0.01)
    assert found.largest.outer < 1.5
    assert found.largest.failure == FAILURE


def test_a_deterministic_bound_takes_the_probability_away():
    values = np.linspace(0.0, 1.0, 50)
    found = extreme_eigenvalues(lambda x: values * x, 50, rounding=1e-15, share=0.02, bounds=(0.0, 1.0))
    assert (found.smallest.failure, found.largest.failure) == (0.0, 0.0)
    assert (found.smallest.outer, found.largest.outer) == (0.0, 1.0)


def test_steps_are_stable_just_below_and_not_above():
    # channel: gradient descent itself, for each scaling of the loss, near a minimum of it
    rng = np.random.default_rng(13)
    X, Y = random_data(rng, 3, 2, 20)
    weights = build(rng, [3, 3, 2], X, Y, eigen_set=(0, 1), recipe="zero")
    step = find_curvature(weights, None, problem_of(X, Y)).step
    for name, scale in {"half-sum": 1.0, "sum": 2.0, "mean": 2.0 / Y.size}.items():
        for factor, stable in ((0.97, True), (1.03, False)):
            assert descends(weights, X, Y, factor * step[name] * scale) is stable


def descends(weights, X, Y, step):
    rng = np.random.default_rng(0)
    W1, W2 = (W + 1e-7 * rng.standard_normal(W.shape) for W in weights)
    start = None
    for _ in range(400):
        R = W2 @ W1 @ X - Y
        G1, G2 = W2.T @ R @ X.T, R @ (W1 @ X).T
        size = np.hypot(np.linalg.norm(G1), np.linalg.norm(G2))
        start = size if start is None else start
        W1, W2 = W1 - step * G1, W2 - step * G2
    return bool(size < start)


def test_the_time_to_leave_is_that_of_gradient_descent():
    # channel: steps until the distance has grown from eps to 1 along the steepest way, in the quadratic model
    X, Y = random_data(np.random.default_rng(14), 3, 2, 20)
    weights = [np.zeros((3, 3)), np.zeros((2, 3))]
    found = find_curvature(weights, None, problem_of(X, Y), verdict=Verdict.STRICT_SADDLE, dtypes=["float32"] * 2)
    assert found.leaving.eps == np.finfo(np.float32).eps
    rate = found.step["half-sum"] * -found.smallest  # gradient flow: the distance grows by exp(rate) a step
    assert np.exp(rate * found.leaving.steps) == pytest.approx(1.0 / found.leaving.eps, rel=1e-9)


def test_the_least_eigenvalue_that_is_not_zero_decides_the_rate():
    # channel: eigenvalues of the exact Hessian at a minimum, as many as the rank of its Jacobian
    rng = np.random.default_rng(15)
    X, Y = random_data(rng, 3, 2, 6)
    weights = build(rng, [3, 2, 2], X, Y, eigen_set=(0, 1), recipe="zero")
    exact = eigenvalues(exact_hessian(weights, None, X, Y), 40)
    problem = problem_of(X, Y)
    inertia = Inertia(0, len(exact) - 6, 6, 0.0, None)
    found = find_curvature(weights, None, problem, verdict=Verdict.GLOBAL_MINIMUM, inertia=inertia).minimum
    assert abs(found.least_nonzero - float(exact[-6])) <= found.least_nonzero_error
    assert abs(exact[-7]) < 1e-12
    assert found.condition == pytest.approx(float(exact[-1] / exact[-6]), rel=1e-9)


def test_the_flattest_minimum_of_white_inputs_is_reached_by_balanced_layers():
    # channel: the closed form of Mulayoff & Michaeli 2020, and layers that have it
    rng = np.random.default_rng(16)
    X = np.linalg.qr(rng.standard_normal((8, 3)))[0].T * 2.0
    Y = np.diag([3.0, 1.0]) @ np.linalg.qr(rng.standard_normal((3, 3)))[0][:2] @ X
    u, s, vt = np.linalg.svd(Y @ X.T / 4.0, full_matrices=False)
    roots = s ** (1.0 / 3.0)
    weights = [roots[:, None] * vt, np.diag(roots), u * roots]
    problem = problem_of(X, Y)
    found = find_curvature(weights, None, problem, verdict=Verdict.GLOBAL_MINIMUM).flattest
    assert found.sharpness == pytest.approx(4.0 * 3.0 * s[0] ** (4.0 / 3.0), rel=1e-12)
    assert found.ratio == pytest.approx(1.0, rel=1e-9)
    assert found.fits is Status.HOLDS
    assert found.white is Status.UNDECIDED
    uneven = [W * factor for W, factor in zip(weights, (4.0, 0.5, 0.5), strict=True)]
    other = find_curvature(uneven, None, problem, verdict=Verdict.GLOBAL_MINIMUM).flattest
    assert (other.sharpness, other.white) == (found.sharpness, found.white)
    assert other.ratio > 1.5


def test_no_minimum_is_flatter_than_the_flattest():
    # channel: minima of random scales and bases on inputs that are not white
    rng = np.random.default_rng(17)
    for _ in range(40):
        X, Y = random_data(rng, 3, 3, 10)
        X *= 10.0 ** rng.uniform(-1, 1, (3, 1))
        Y = chain([eigen_system(X, Y)[2]], 3) @ X
        weights = build(
            rng, [3, 4, 4, 3], X, Y, eigen_set=(0, 1, 2), recipe="zero", scale=10.0 ** rng.uniform(-0.5, 0.5)
        )
        found = find_curvature(weights, None, problem_of(X, Y), verdict=Verdict.GLOBAL_MINIMUM).flattest
        assert found.ratio >= 1.0
        assert found.white is Status.FAILS


def test_a_bottleneck_leaves_the_flattest_open():
    rng = np.random.default_rng(18)
    X, Y = random_data(rng, 3, 3, 10)
    weights = build(rng, [3, 1, 3], X, Y, eigen_set=(0,), recipe="zero")
    assert find_curvature(weights, None, problem_of(X, Y), verdict=Verdict.GLOBAL_MINIMUM).flattest is None
