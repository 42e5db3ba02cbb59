"""Trusted channels: second differences of the loss, the exact type test for squared loss where Huber is quadratic,
and points whose kind is known by construction.
"""

from itertools import pairwise

import numpy as np
import pytest

from lossurf.api.classify import classify, classify_loss
from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.losses.classify import classify_under_loss
from lossurf.losses.data import loss_facts, under_loss
from lossurf.losses.downhill import LossHere
from lossurf.losses.functions import make_loss
from lossurf.losses.majoriser import majorise
from lossurf.losses.saddle_evidence import escape, least_eigenvalue
from lossurf.losses.study import study_loss
from lossurf.network import WhitenedNetwork
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import CONVEX_LOSSES


def data(name, seed=0, m=50, dx=4, dy=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, dx)) * [1.0, 10.0, 0.1, 1.0]
    if name in {"huber", "logcosh"}:
        return X, X @ (rng.standard_normal((dx, dy)) / X.std(axis=0)[:, None]) + rng.standard_normal((m, dy))
    if name == "logistic":
        return X, rng.integers(0, 2, (m, dy)).astype(float)
    return X, np.eye(dy)[rng.integers(0, dy, m)]


def reduced(X, Y, *, bias=False):
    return reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1]), bias=bias)


def random_layers(rng, *widths):
    return [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]


def zeros(*widths):
    return [np.zeros((b, a)) for a, b in pairwise(widths)]


def product(layers):
    total = layers[0]
    for W in layers[1:]:
        total = W @ total
    return total


@pytest.mark.parametrize("name", CONVEX_LOSSES)
@pytest.mark.parametrize("bias", [False, True])
def test_the_squared_loss_touches_and_lies_above(name, bias):
    (X, Y), loss, rng = data(name), make_loss(name), np.random.default_rng(1)
    weights = random_layers(rng, 4, 5, 3)
    biases = [rng.standard_normal(5), rng.standard_normal(3)] if bias else None
    point = majorise(loss, weights, biases, (X, Y), reduced(X, Y, bias=bias))
    unit = point.curvature * point.problem.scale**2
    R = X @ product(weights).T + (weights[1] @ biases[0] + biases[1] if bias else 0.0)
    assert np.allclose(point.outputs, R)
    before = loss.value(R, Y)
    for size in (1e-4, 1e-2, 1.0, 30.0):
        direction = [size * rng.standard_normal(W.shape) for W in point.network.layers]
        moved = point.network.moved(direction, 1.0)
        rise = unit * (moved.excess - point.network.excess)
        assert point.loss_of(moved) - before <= rise + 1e-12 * (before + abs(rise))
    step = 1e-5
    for direction in ([rng.standard_normal(W.shape) for W in point.network.layers] for _ in range(3)):
        slope = sum(np.sum(point.network.residual_block(k, k) * V) for k, V in enumerate(direction, 1)) * unit
        ends = [point.loss_of(point.network.moved(direction, t)) for t in (step, -step)]
        assert (ends[0] - ends[1]) / (2.0 * step) == pytest.approx(slope, rel=1e-5, abs=1e-6 * unit)


@pytest.mark.parametrize("name", ["logcosh", "logistic", "softmax"])
def test_curvature_is_the_second_difference_of_the_loss(name):
    (X, Y), loss, rng = data(name), make_loss(name), np.random.default_rng(2)
    weights, biases = random_layers(rng, 4, 5, 4, 3), [rng.standard_normal(5), None, rng.standard_normal(3)]
    direction = [rng.standard_normal(W.shape) for W in weights]

    def along(t):
        hidden = X
        for W, V, b in zip(weights, direction, biases, strict=True):
            hidden = hidden @ (W + t * V).T + (0.0 if b is None else b)
        return loss.value(hidden, Y)

    step = 1e-4
    measured = (along(step) - 2.0 * along(0.0) + along(-step)) / step**2
    found, rounding = LossHere(loss, weights, biases, X, Y).curvature(direction, np.zeros(3))
    assert found == pytest.approx(measured, rel=1e-4)
    assert 0.0 < rounding < 1e-10 * abs(measured)


@pytest.mark.parametrize("name", ["logcosh", "logistic", "softmax"])
def test_the_hessian_is_that_of_second_differences(name):
    (X, Y), loss, rng = data(name, m=20), make_loss(name), np.random.default_rng(3)
    point = majorise(loss, random_layers(rng, 4, 2, 3), None, (X, Y), reduced(X, Y))
    sizes = [W.size for W in point.network.layers]
    unit, n, h = point.curvature * point.problem.scale**2, sum(sizes), 1e-4

    def value(v):
        parts = np.split(v, np.cumsum(sizes)[:-1])
        return point.loss_of(
            point.network.moved([p.reshape(W.shape) for p, W in zip(parts, point.network.layers, strict=True)], 1.0)
        )

    eye = h * np.eye(n)
    hessian = np.array([[value(a + b) - value(a - b) - value(b - a) + value(-a - b) for b in eye] for a in eye]) / (
        4.0 * h * h * unit
    )
    values = np.linalg.eigvalsh(hessian)
    least, largest, direction = least_eigenvalue(point)
    assert (least, largest) == (pytest.approx(values[0], abs=1e-5), pytest.approx(values[-1], rel=1e-5))
    v = np.concatenate([V.ravel() for V in direction])
    assert v @ hessian @ v == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("name", CONVEX_LOSSES)
@pytest.mark.parametrize(
    ("widths", "verdict"), [((4, 5, 3), "strict-saddle"), ((4, 5, 5, 3), "bad-saddle"), ((4, 5, 4, 6, 3), "bad-saddle")]
)
@pytest.mark.parametrize("bias", [False, True])
def test_zero_weights_are_a_saddle(name, widths, verdict, bias):
    X, Y = data(name)
    biases = [np.zeros(k) for k in widths[1:]] if bias else None
    if bias:  # the output bias that is best for a constant map, so that the point is critical
        constant = study_loss(make_loss(name), np.zeros((50, 1)), Y, bias=True).minimum.outputs[0]
        biases[-1] = constant
    found = classify_loss(zeros(*widths), X, Y, name, biases=biases, tolerance=1e-4 if bias else None)
    assert found.verdict == verdict
    assert found.certificate.loss_decrease > 0.0
    assert (found.certificate.curvature or 0.0) <= 0.0
    if verdict == "strict-saddle":
        assert found.certificate.curvature < 0.0
        moved = [found.certificate.step * V for V in found.certificate.direction]
        back = [-W for W in moved]
        shift = biases[-1] if bias else 0.0
        least = min(make_loss(name).value(X @ product(layers).T + shift, Y) for layers in (moved, [back[0], moved[1]]))
        assert found.loss - least == pytest.approx(found.certificate.loss_decrease, rel=1e-9)


def factored_optimum(name, X, Y, *, hidden=5, dtype=float):
    outputs = study_loss(make_loss(name), X, Y, bias=False).minimum.outputs
    u, s, vt = np.linalg.svd(np.linalg.lstsq(X, outputs, rcond=None)[0].T, full_matrices=False)
    tail = np.random.default_rng(4).standard_normal((hidden - s.size, X.shape[1]))
    W1, W2 = (
        np.vstack([np.sqrt(s)[:, None] * vt, tail]),
        np.hstack([u * np.sqrt(s), np.zeros((len(u), hidden - s.size))]),
    )
    return [W.astype(dtype).astype(float) for W in (W1, W2)]


@pytest.mark.parametrize("name", CONVEX_LOSSES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_optimum_is_a_global_minimum_by_its_dual_gap(name, dtype):
    X, Y = data(name)
    found = classify_loss(factored_optimum(name, X, Y, dtype=dtype), X, Y, name)
    assert found.verdict == "global-minimum"
    assert found.certificate.kind == "dual-gap"
    assert found.gap <= 1e-8 * make_loss(name).value(np.zeros_like(Y), Y)
    moved = factored_optimum(name, X, Y)
    assert classify_loss([1.05 * moved[0], moved[1]], X, Y, name).verdict == "not-critical"


def test_the_huber_bottleneck_is_a_spurious_local_minimum():
    found = classify_loss([np.array([[0.0, 1.0]]), np.array([[0.0], [2.0]])], np.eye(2), np.diag([5.0, 2.0]), "huber")
    assert (found.verdict, found.loss) == ("local-minimum", 4.5)
    assert found.certificate.margin > 1.0
    better = classify_loss([np.array([[1.0, 0.0]]), np.array([[5.0], [0.0]])], np.eye(2), np.diag([5.0, 2.0]), "huber")
    assert (better.verdict, better.loss) == ("local-minimum", 1.5)


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_split_classes_have_no_global_minimum(name):
    X = np.array([[-2.0], [-1.0], [1.0], [3.0]])
    Y = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    weights = [30.0 * np.array([[-1.0], [1.0]]), np.eye(2)]
    found = classify_loss(weights, X, Y, name, tolerance=1e-2)
    assert found.verdict in {"undetermined", "not-critical"}
    assert found.loss < 1e-8
    facts = loss_facts(under_loss(Data(X, Y), name))
    assert (facts.attained, facts.status, facts.optimal_loss) == ("no", "fails", 0.0)


def critical_points(rng, X, Y):
    """Points of known kind for squared loss (theory, section 7), H = 1 and 2, in the user's coordinates."""
    P = np.linalg.lstsq(X, Y, rcond=None)[0].T
    T = np.linalg.svd(X @ P.T, full_matrices=False)
    U = T[2].T
    for chosen, hidden in (((0,), 1), ((1,), 1), ((0,), 2), ((0, 2), 2), ((0, 1, 2), 2), ((0, 1), 1)):
        rank = len(chosen)
        first = np.vstack([U[:, list(chosen)].T @ P, np.zeros((4 - rank, 4))])
        last = np.hstack([U[:, list(chosen)], np.zeros((3, 4 - rank))])
        middle = [np.diag([1.0] * rank + [0.0] * (4 - rank))] * (hidden - 1)
        D = [rng.standard_normal((4, 4)) + 3.0 * np.eye(4) for _ in range(hidden)]
        layers = [D[0] @ first, *(D[k + 1] @ M @ np.linalg.inv(D[k]) for k, M in enumerate(middle))]
        yield [*layers, last @ np.linalg.inv(D[-1])]


def test_huber_with_a_wide_delta_is_the_squared_loss():
    X, Y = data("huber", seed=6)
    study, problem = study_loss(make_loss("huber", 1e6), X, Y, bias=False), reduced(X, Y)
    kinds = set()
    for weights in critical_points(np.random.default_rng(7), X, Y):
        checkpoint = Checkpoint.of(weights)
        squared, other = classify_network(checkpoint, problem), classify_under_loss(study, checkpoint, problem)
        assert other.nearest is None  # it belongs to the squared loss that touches
        assert (other.verdict, other.rank) == (squared.verdict, squared.rank)
        assert other.loss == pytest.approx(squared.loss, rel=1e-12)
        assert other.optimal_loss == pytest.approx(squared.optimal_loss, rel=1e-9)
        if squared.verdict == "strict-saddle" and other.certificate.kind == squared.certificate.kind:
            assert other.certificate.curvature == pytest.approx(squared.certificate.curvature, rel=1e-3)
        kinds.add(str(squared.verdict))
    assert kinds == {"global-minimum", "strict-saddle", "bad-saddle"}


def test_escape_needs_a_kernel():
    X, Y = data("logcosh")
    weights = random_layers(np.random.default_rng(8), 4, 3, 3)
    point = majorise(make_loss("logcosh"), weights, None, (X, Y), reduced(X, Y))
    assert isinstance(point.network, WhitenedNetwork)
    assert escape(point, 1e-8) is None  # square invertible layers have none


def test_lemmas_are_about_the_squared_loss():
    with pytest.raises(UsageError, match="lemmas"):
        classify(zeros(4, 5, 3), *data("huber"), lemmas=True, loss="huber")
