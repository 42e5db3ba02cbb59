"""The type test and its certificates, against dense Hessians and losses evaluated on the data themselves."""

from __future__ import annotations

import numpy as np
import pytest
from critical_points import (
    Point,
    balanced,
    build,
    dense_hessian,
    eigen_system,
    loss,
    random_data,
    random_point,
    true_type,
)

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def problem_of(X, Y):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]))


def classified(point, tolerance=1e-8, weights=None):
    return classify_network(Checkpoint.of(weights or point.weights), problem_of(point.X, point.Y), tolerance=tolerance)


def rounded(weights):
    return [W.astype(np.float32).astype(np.float64) for W in weights]


def agree(seeds, *, float32):
    """Return the verdicts that differ from the dense Hessian's, and how many are undetermined."""
    wrong, undetermined = [], 0
    for seed in seeds:
        point = random_point(np.random.default_rng(seed))
        weights = rounded(point.weights) if float32 else point.weights
        verdict = classified(point, 1e-6 if float32 else 1e-8, weights).verdict
        undetermined += verdict == "undetermined"
        if verdict not in ("undetermined", true_type(point)):
            wrong.append((seed, verdict, true_type(point)))
    return wrong, undetermined


def test_dense_hessian_is_the_second_difference_of_the_loss():
    # channel: central differences of the loss
    rng = np.random.default_rng(0)
    shapes = [(3, 2), (2, 3), (4, 2)]
    X, Y = rng.standard_normal((2, 6)), rng.standard_normal((4, 6))
    weights = [rng.standard_normal(s) for s in shapes]
    directions = [[rng.standard_normal(s) for s in shapes] for _ in range(3)]
    H = dense_hessian(weights, X, Y)
    h = 1e-4
    for V in directions:
        plus, minus = ([W + s * h * v for W, v in zip(weights, V, strict=True)] for s in (1, -1))
        second = (loss(plus, X, Y) - 2 * loss(weights, X, Y) + loss(minus, X, Y)) / h**2
        v = np.concatenate([part.ravel() for part in V])
        assert v @ H @ v == pytest.approx(second, rel=1e-5)


@pytest.mark.parametrize("float32", [False, True])
def test_type_agrees_with_the_dense_hessian(float32):
    # channel: eigenvalues of the dense Hessian
    wrong, undetermined = agree([[7, k] for k in range(120)], float32=float32)
    assert not wrong
    assert undetermined <= 2


@pytest.mark.slow
@pytest.mark.parametrize("float32", [False, True])
def test_type_agrees_with_the_dense_hessian_on_thousands(float32):
    # channel: eigenvalues of the dense Hessian
    wrong, undetermined = agree([[8, k] for k in range(6000)], float32=float32)
    assert not wrong
    assert undetermined <= 60


def strict_points(count, seed):
    found, k = 0, 0
    while found < count:
        point = random_point(np.random.default_rng([seed, k]))
        k += 1
        # a layer that is only rounding is zero: balancing would turn it into signal
        weights = balanced([W if np.linalg.norm(W) > 1e-6 else 0.0 * W for W in point.weights])
        point = Point(weights, point.X, point.Y, point.eigen_set, point.recipe)
        if true_type(point) == "strict-saddle":
            found += 1
            yield point


def curvature_ratios(points):
    """Curvature of every certificate over the least eigenvalue, after checking form and decrease on the data."""
    ratios = []
    for point in points:
        result = classified(point)
        certificate = result.certificate
        assert result.verdict == "strict-saddle"
        v = np.concatenate([V.ravel() for V in certificate.direction])
        H = dense_hessian(point.weights, point.X, point.Y)
        assert v @ v == pytest.approx(1.0)
        assert certificate.curvature < 0.0
        assert v @ H @ v == pytest.approx(certificate.curvature, rel=1e-6)
        moved = [W + certificate.step * V for W, V in zip(point.weights, certificate.direction, strict=True)]
        here = loss(point.weights, point.X, point.Y)
        assert here - loss(moved, point.X, point.Y) == pytest.approx(
            certificate.loss_decrease, rel=1e-5, abs=1e-9 * here
        )
        ratios.append(certificate.curvature / np.linalg.eigvalsh(H)[0])
    return ratios


def test_strict_certificates_are_downhill_and_steep():
    # channel: dense Hessian and losses on the data
    ratios = curvature_ratios(strict_points(80, 21))
    assert min(ratios) > 0.05
    assert np.median(ratios) > 0.9


@pytest.mark.slow
def test_strict_certificates_on_thousands():
    # channel: dense Hessian and losses on the data
    ratios = curvature_ratios(strict_points(2000, 22))
    assert min(ratios) > 0.05
    assert np.median(ratios) > 0.9


def bad_saddle(seed=0, widths=(5, 4, 4, 3), r=1):
    rng = np.random.default_rng(seed)
    X, Y = random_data(rng, widths[0], widths[-1], 12)
    point = Point(
        build(rng, list(widths), X, Y, eigen_set=tuple(range(r)), recipe="zero"), X, Y, tuple(range(r)), "zero"
    )
    assert true_type(point) == "bad-saddle"
    return point


def test_staircase_names_every_pair_and_its_vanishing_factor():
    point = bad_saddle()
    certificate = classified(point).certificate
    assert certificate.kind == "staircase"
    for stair in certificate.staircase:
        assert stair.value <= stair.threshold
    # zero tails: E_21 = A_2^T E and E_32 = E B_1^T vanish, and M_31 = W_2 has rank 1 (theory, section 5)
    assert {(s.layers, s.factor) for s in certificate.staircase} == {
        ((2, 1), "residual"),
        ((3, 2), "residual"),
        ((3, 1), "product"),
    }


def test_the_stability_range_is_where_the_verdict_changes():
    # channel: the verdict asked for again just inside and just outside the reported ends
    for seed in range(40):
        point = random_point(np.random.default_rng([31, seed]))
        result = classified(point)
        rounding = any(0.0 < np.linalg.norm(W) < 1e-6 for W in point.weights)  # read in two ways, each with its range
        if result.verdict == "undetermined" or rounding:
            continue
        ends = [(result.stable_from, result.neighbours[0], 1), (result.stable_to, result.neighbours[1], -1)]
        for end, neighbour, inside in ends:
            if not end or end < 1e-12 or end > 0.9:
                continue
            within = classified(point, end * (1 + inside * 1e-6))
            beyond = classified(point, end * (1 - inside * 1e-6))
            assert str(result.verdict) in (within.verdict, *beyond.neighbours)
            assert neighbour in (beyond.verdict, *within.neighbours)


@pytest.mark.parametrize("kind", ["strict-saddle", "bad-saddle", "global-minimum"])
def test_verdict_does_not_depend_on_units_scale_or_order(kind):
    # channel: the same point in other units; the type is invariant under linear changes of variables
    rng = np.random.default_rng(5)
    points = (random_point(np.random.default_rng([41, k])) for k in range(1000))
    point = next(p for p in points if true_type(p) == kind and len(p.weights) >= 3 and len(p.eigen_set) >= 1)
    W, X, Y = point.weights, point.X, point.Y
    first, last = list(W), list(W)
    order = rng.permutation(X.shape[1])
    turn = np.linalg.qr(rng.standard_normal((X.shape[0],) * 2))[0]
    units = 10.0 ** rng.uniform(-6, 6, X.shape[0])
    scaled = [W[0] * 1e8, *W[1:-1], W[-1] / 1e8]
    variants = {
        "X times 1e100": ([W[0] * 1e-100, *W[1:]], X * 1e100, Y),
        "Y times 1e-120": ([*W[:-1], W[-1] * 1e-120], X, Y * 1e-120),
        "both times 1e150": (W, X * 1e150, Y * 1e150),
        "layers apart": (scaled, X, Y),
        "permuted": (W, X[:, order], Y[:, order]),
        "doubled": (W, np.hstack([X, X]), np.hstack([Y, Y])),
        "rotated": ([W[0] @ turn.T, *W[1:]], turn @ X, Y),
        "units": ([W[0] / units, *W[1:]], X * units[:, None], Y),
        "zero column": (
            [np.hstack([W[0], rng.standard_normal((W[0].shape[0], 1))]), *W[1:]],
            np.vstack([X, 0 * X[:1]]),
            Y,
        ),
        "copied column": ([np.hstack([W[0], 0 * W[0][:, :1]]), *W[1:]], np.vstack([X, X[:1]]), Y),
    }
    assert first == last
    for name, (weights, X_, Y_) in variants.items():
        result = classify_network(Checkpoint.of(weights), problem_of(X_, Y_), tolerance=1e-8)
        assert result.verdict == kind, name


def test_one_layer_is_convex():
    # channel: least squares
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((3, 10)), rng.standard_normal((2, 10))
    best = np.linalg.lstsq(X.T, Y.T, rcond=None)[0].T
    result = classify_network(Checkpoint.of([best]), problem_of(X, Y))
    assert result.verdict == "global-minimum"
    assert result.loss == pytest.approx(loss([best], X, Y))
    assert classify_network(Checkpoint.of([best + 0.1]), problem_of(X, Y)).verdict == "not-critical"


def test_zero_network_with_one_hidden_layer_is_strict_and_with_two_is_bad():
    # channel: Kawaguchi 2016, Corollary 2.4 and Theorem 2.3 (iv)
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((3, 10)), rng.standard_normal((2, 10))
    problem = problem_of(X, Y)
    assert classify_network(Checkpoint.of([np.zeros((2, 3)), np.zeros((2, 2))]), problem).verdict == "strict-saddle"
    deeper = Checkpoint.of([np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 2))])
    assert classify_network(deeper, problem).verdict == "bad-saddle"


def test_targets_that_x_does_not_explain_make_the_zero_network_a_minimum():
    X = np.array([[1.0, -1.0, 1.0, -1.0]])
    Y = np.array([[1.0, 1.0, -1.0, -1.0]])  # orthogonal to X
    result = classify_network(Checkpoint.of([np.zeros((1, 1)), np.zeros((1, 1))]), problem_of(X, Y))
    assert result.verdict == "global-minimum"
    assert result.loss == pytest.approx(2.0)


def test_eigen_indices_name_the_eigenvectors_that_the_product_carries():
    # channel: the eigen-set the point was built from
    named = 0
    for seed in range(60):
        point = random_point(np.random.default_rng([51, seed]))
        values = eigen_system(point.X, point.Y)[1]
        result = classified(point)
        if result.eigen_indices is None or np.min(-np.diff(np.append(values, -1))) < 1e-6:
            continue
        named += 1
        assert result.eigen_indices == tuple(i + 1 for i in point.eigen_set)
    assert named > 30


@pytest.mark.parametrize("condition", [1e6, 1e8])
def test_rounded_minima_on_ill_conditioned_data_are_never_called_saddles(condition):
    # channel: the minimum is built from the least-squares solution
    for seed in range(20):
        rng = np.random.default_rng([61, seed])
        left, right = np.linalg.qr(rng.standard_normal((6, 6)))[0], np.linalg.qr(rng.standard_normal((40, 6)))[0]
        X = left * np.geomspace(1.0, 1.0 / condition, 6) @ right.T
        Y = rng.standard_normal((3, 40))
        weights = build(rng, [6, 5, 4, 3], X, Y, eigen_set=(0, 1, 2), recipe="zero")
        result = classify_network(Checkpoint.of(rounded(weights)), problem_of(X, Y), tolerance=1e-6)
        assert result.verdict in ("global-minimum", "undetermined", "not-critical")
        assert result.verdict != "not-critical", result.gradient
