"""Points of bottlenecks under other losses.

Trusted channels: the dense Hessian of `points_of_losses` (which uses nothing of lossurf), trust-region descents, second
derivatives written out there, and points whose kind is known by hand.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from points_of_losses import Problem, Surface, balanced, draw, least_loss, minimum, truth, verdict_on

import lossurf
from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import mean_residual
from lossurf.losses import judge
from lossurf.losses.downhill import LossHere
from lossurf.losses.fixed_rank import Ball, FixedRank
from lossurf.losses.functions import make_loss
from lossurf.losses.majoriser import majorise
from lossurf.words import CONVEX_LOSSES, LOSS_VERDICTS


def oracle(name, Y, delta=1.0):
    return Problem(name, np.zeros((len(Y), 1)), Y, delta, False)


def targets(name, rng, m, dy):
    if name == "softmax":
        return np.eye(dy)[rng.integers(0, dy, m)]
    return rng.random((m, dy)) if name == "logistic" else rng.standard_normal((m, dy))


@pytest.mark.parametrize("name", CONVEX_LOSSES)
def test_curvatures_nearby_lie_between_the_bounds(name):
    rng, loss = np.random.default_rng(0), make_loss(name)
    for size in (1e-6, 0.1, 2.0):
        m, dy = 200, 3
        Y, R = targets(name, rng, m, dy), rng.standard_normal((m, dy)) * rng.choice([0.1, 1.0, 5.0])
        move = rng.standard_normal((m, dy)) * (rng.random((m, dy)) < 0.7)
        norms = np.linalg.norm(move, axis=1, keepdims=True)
        reach = size * rng.random((m, 1))
        there = oracle(name, Y).bend(R + move * reach / np.where(norms > 0.0, norms, 1.0))
        units = [np.broadcast_to(unit, (m, dy)) for unit in np.eye(dy)]
        above, below = (
            np.stack([loss.curvature_near(R, Y, unit, sign * reach) for unit in units], axis=2) for sign in (1.0, -1.0)
        )
        assert np.linalg.eigvalsh(above - there).min() >= -1e-12
        assert np.linalg.eigvalsh(there - below).min() >= -1e-12


def test_the_bounds_are_met_where_the_third_derivative_is_largest():
    """Far out log-cosh's curvature is 4 exp(-2 e), logistic's exp(-R): a move by t changes it by e^(2t), e^t."""
    far, t = np.array([[12.0]]), np.array([[0.3]])
    for name in ("logcosh", "logistic"):
        loss, Y = make_loss(name), np.zeros((1, 1))
        exact = oracle(name, Y).bend(far - t)[0, 0, 0]
        assert loss.curvature_near(far, Y, np.ones((1, 1)), t)[0, 0] == pytest.approx(exact, rel=1e-4, abs=0.0)
    R, Y = np.array([[-12.0, 12.0]]), np.array([[0.0, 1.0]])
    loss, along = make_loss("softmax"), np.array([[1.0, -1.0]]) / np.sqrt(2.0)
    exact = along[0] @ oracle("softmax", Y).bend(R + t * along)[0] @ along[0]
    assert np.sum(loss.curvature_near(R, Y, along, t) * along) == pytest.approx(exact, rel=1e-4, abs=0.0)


def test_a_kink_within_reach_counts_both_ways():
    R, Y, V = np.array([[1.0 - 1e-9, 3.0]]), np.zeros((1, 2)), np.ones((1, 2))
    loss = make_loss("huber", 1.0)
    assert loss.curvature_near(R, Y, V, np.array([[1e-10]])).tolist() == [[1.0, 0.0]]
    assert loss.curvature_near(R, Y, V, np.array([[-1e-10]])).tolist() == [[1.0, 0.0]]
    assert loss.curvature_near(R, Y, V, np.array([[-1e-8]])).tolist() == [[0.0, 0.0]]
    assert loss.curvature_near(2.0 - R, Y, V, np.array([[1e-8]])).tolist() == [[1.0, 1.0]]


def form_at(name, X, Y, weights, biases=None):
    data, checkpoint = Data(X, Y), Checkpoint.of(weights, biases)
    problem = data.problem(bias=biases is not None)
    loss = make_loss("huber", 1e6) if name == "wide huber" else make_loss(name)
    point = majorise(loss, checkpoint.weights, checkpoint.biases, (X, Y), problem)
    reach = mean_residual(checkpoint.weights, checkpoint.biases, point.problem).reach if biases is not None else 0.0
    return FixedRank(point, min(W.shape[0] for W in weights), reach)


@pytest.mark.parametrize("name", [*CONVEX_LOSSES, "wide huber"])  # quadratic: nothing but P and its gradient changes
@pytest.mark.parametrize("bias", [False, True])
def test_the_form_changes_by_no_more_than_its_bound(name, bias):
    """The least eigenvalue at weights moved by a relative tau, against that here and what is said to be explained."""
    rng, felt = np.random.default_rng(1), 0.0
    for _ in range(6):
        X = rng.standard_normal((30, 4)) + 2.0 * bias
        Y = targets(name, rng, 30, 4)
        weights = [rng.standard_normal((b, a)) for a, b in pairwise((4, 2, 3, 4))]
        biases = [None, None, rng.standard_normal(4)] if bias else None
        here = form_at(name, X, Y, weights, biases)
        tau = 0.04 * here.singular_values[-1] / here._ball(1.0).moved
        moved = [W + tau * np.linalg.norm(W, 2) * unit(rng, W.shape) for W in weights]
        shifted = [None, None, biases[2] + tau * np.linalg.norm(biases[2]) * unit(rng, 4)] if bias else None
        there, ball, none = form_at(name, X, Y, moved, shifted), here._ball(tau), Ball(0.0, 0.0, 0.0)
        lower, upper = here._least(ball, -1.0)[0], here._least(ball, 1.0)[0]
        found, change = there._least(none, 1.0)[0], here._change(ball)
        assert lower - change <= found <= upper + change
        felt = max(felt, abs(found - here._least(none, 1.0)[0]) / change)
    assert felt > 1e-3


def unit(rng, shape):
    move = rng.standard_normal(shape)
    return move / (np.linalg.norm(move, 2) if move.ndim == 2 else np.linalg.norm(move))


def check_point(seed):
    """The verdict on one drawn point against the truth; its direction against the dense Hessian."""
    rng = np.random.default_rng(seed)
    drawn = draw(rng)
    if drawn is None:
        return None
    surface, v, _ = drawn
    found, true = verdict_on(surface, v), truth(rng, surface, v, least_loss(surface.problem))
    assert found.verdict in LOSS_VERDICTS
    if found.verdict == "undetermined" or true == "flat":
        return None
    assert found.verdict == true, seed
    if found.verdict == "strict-saddle":
        follow(surface, v, found.certificate)
    return str(found.verdict)


def follow(surface, v, certificate):
    """v^T H v along the certificate's direction by the dense Hessian, the output bias at its best, and the loss."""
    layers = np.concatenate([V.ravel() for V in certificate.direction])
    assert np.linalg.norm(layers) == pytest.approx(1.0)
    H, n = surface.hessian(v), layers.size
    turn = -np.linalg.pinv(H[n:, n:], rcond=1e-10, hermitian=True) @ H[n:, :n] @ layers
    whole = np.concatenate([layers, turn])
    curvature = whole @ H @ whole / (whole @ whole)
    assert certificate.curvature < 0.0
    assert curvature == pytest.approx(certificate.curvature, rel=1e-5, abs=1e-12 * np.abs(H).max())
    least = min(surface.value(v + sign * certificate.step * whole) for sign in (1.0, -1.0))
    assert surface.value(v) - least == pytest.approx(certificate.loss_decrease, rel=1e-6, abs=1e-12 * surface.value(v))


def test_verdicts_are_those_of_dense_hessians_and_descents():
    kinds = [check_point(seed) for seed in range(24)]
    assert {"local-minimum", "strict-saddle", "bad-saddle", "global-minimum"} <= set(kinds)
    assert sum(kind is not None for kind in kinds) >= 15


@pytest.mark.slow
def test_verdicts_on_many_points():
    kinds = [check_point(seed) for seed in range(1000, 1250)]
    assert sum(kind is not None for kind in kinds) >= 150


@cache
def a_local_minimum(name="logcosh", seed=0, widths=(4, 1, 3), bias=False):
    """The first point that is one by the truth above, of given widths, with its surface."""
    for start in range(seed, seed + 50):
        rng = np.random.default_rng(start)
        X = rng.standard_normal((40, widths[0]))
        Y = X @ rng.standard_normal((widths[0], widths[-1])) + rng.standard_normal((40, widths[-1]))
        if name == "softmax":
            Y = np.eye(widths[-1])[np.argmax(Y + rng.gumbel(size=Y.shape), axis=1)]
        surface = Surface(Problem(name, X, Y, 1.0, bias), widths)
        v = minimum(surface, rng.standard_normal(sum(surface.sizes)))
        if v is not None and truth(rng, surface, v, least_loss(surface.problem)) == "local-minimum":
            return surface, balanced(surface, v)
    raise AssertionError("no point was found")


@pytest.mark.parametrize("name", ["huber", "logcosh", "softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_coarse_weights_are_called_what_they_are_or_nothing(name, dtype):
    surface, v = a_local_minimum(name)
    layers, _ = surface.unpack(v)
    found = lossurf.classify([W.astype(dtype) for W in layers], surface.problem.X, surface.problem.Y, loss=name)
    assert found.verdict in {"local-minimum", "undetermined"}
    if dtype is np.float32:
        assert found.verdict == "local-minimum"


@pytest.mark.parametrize("name", ["huber", "logcosh", "softmax"])
def test_the_verdict_stays_on_its_whole_range_of_tolerances(name):
    surface, v = a_local_minimum(name, widths=(4, 2, 3) if name != "softmax" else (4, 2, 3, 4))
    found = verdict_on(surface, v)
    assert (found.verdict, found.neighbours[1]) == ("local-minimum", "undetermined")
    assert found.certificate.margin > 1.0
    layers, _ = surface.unpack(v)
    for tau in (3.1 * found.stable_from, 0.99 * found.stable_to / 3.0):
        again = lossurf.classify(layers, surface.problem.X, surface.problem.Y, loss=name, tolerance=tau)
        assert again.verdict == "local-minimum"


def test_inputs_with_large_means():
    """A shift of X that the output bias takes back: the same network, digits of its outputs lost."""
    surface, v = a_local_minimum("logcosh", bias=True)
    layers, b = surface.unpack(v)
    problem, verdicts = surface.problem, []
    for shift in (0.0, 1e3, 1e6, 1e9):
        moved = b - (layers[1] @ layers[0]) @ np.full(4, shift)
        found = lossurf.classify(layers, problem.X + shift, problem.Y, loss="logcosh", biases=[None, moved])
        verdicts.append(str(found.verdict))
    assert verdicts[:2] == ["local-minimum"] * 2
    assert set(verdicts[2:]) <= {"local-minimum", "undetermined", "not-critical"}


def test_a_tie_is_no_proof():
    """Y = 2 I and residuals below delta: the best products of rank one turn at no cost, so the form has a zero."""
    weights = [np.array([[1.0, 0.0]]), np.array([[2.0], [0.0]])]
    ties = [(2.0 + gap, "undetermined") for gap in (0.0, 1e-8, -1e-8)]  # within what the tolerance 1e-8 leaves open
    for other, verdict in (*ties, (1.9, "local-minimum"), (2.1, "strict-saddle")):
        found = lossurf.classify(weights, np.eye(2), np.diag([2.0, other]), loss="huber", delta=100.0)
        assert found.verdict == verdict


def test_samples_on_a_kink_are_no_proof():
    """Two samples at distance delta on either side: each side's curvature is 0 or 1, and the sum may be zero."""
    X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    weights = [np.array([[0.0, 1.0]]), np.array([[0.0], [4.0]])]
    for apart, verdict in ((1.0, "undetermined"), (0.5, "local-minimum")):
        Y = np.array([[5.0, 0.0], [0.0, 4.0 + apart], [0.0, 4.0 - apart]])
        assert lossurf.classify(weights, X, Y, loss="huber").verdict == verdict


def test_classes_that_a_hyperplane_splits_have_no_minimum_to_find():
    """Gradients fall to rounding on the way to infinity; nothing there is a minimum."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((30, 3))
    Y = np.eye(3)[np.argmax(X, axis=1)]
    V = np.eye(3) - 1.0 / 3.0
    u, s, vt = np.linalg.svd(V)
    for size in (1.0, 30.0, 1e3, 1e6):
        weights = [size * s[:2, None] * vt[:2], u[:, :2]]
        for tolerance in (None, 1e-3):
            found = lossurf.classify(weights, X, Y, loss="softmax", tolerance=tolerance)
            assert found.verdict in {"not-critical", "undetermined"}


def test_a_form_too_large_to_factor_is_left_open(monkeypatch):
    surface, v = a_local_minimum()
    monkeypatch.setattr(judge, "LARGEST_FORM", 5)
    found = verdict_on(surface, v)
    assert found.verdict == "undetermined"
    assert "6 unknowns" in found.reason


def test_a_flat_direction_is_not_believed():
    """W_1 + t a W_1, W_2 - t a W_2 at a minimum: no curvature but what rounding makes of it, on either side of zero."""
    X, Y, signs = np.eye(2), np.diag([5.0, 2.0]), set()
    for first in (0.1, 0.3, -0.3, 0.7, -0.7, 1.1):
        last = np.nextafter(2.0 / first, np.inf)  # a residual of one rounding, above zero or below
        weights = [np.array([[0.0, abs(first)]]), np.array([[0.0], [abs(last)]])]
        here = LossHere(make_loss("huber"), weights, None, X, Y)
        for a in np.random.default_rng(0).uniform(-1.0, 1.0, 20):
            direction = [a * weights[0], -a * weights[1]]
            size = np.sqrt(sum(np.sum(V**2) for V in direction))
            direction = [V / size for V in direction]
            curvature, rounding = here.curvature(direction, np.zeros(2))
            assert abs(curvature) <= rounding < 1e-12
            assert here.down(direction, 1e-3) is None
            signs.add(float(np.sign(curvature)))
    assert {-1.0, 1.0} <= signs


def idle_network(slope, size):
    """A log-cosh problem with a critical point of rank one in 472 weights, all its other units idle, depth three.

    The targets are chosen after the outputs: slopes D with U^T D^T X = 0 and D^T X V = 0 have targets R - arctanh(D).
    """
    rng, widths = np.random.default_rng(5), (8, 20, 12, 6)
    X = np.linalg.qr(rng.standard_normal((40, 8)))[0]
    u, v = (row / np.linalg.norm(row) for row in (rng.standard_normal(6), rng.standard_normal(8)))
    D = rng.uniform(-1.0, 1.0, (40, 6))
    G = D.T @ X
    kept = (np.eye(6) - np.outer(u, u)) @ G @ (np.eye(8) - np.outer(v, v))
    D = D - X @ (G - kept).T
    D *= slope / np.abs(D).max()
    v *= size
    Y = X @ np.outer(v, u) - np.arctanh(D)
    layers = [np.zeros((b, a)) for a, b in pairwise(widths)]
    layers[0][0], layers[1][0, 0], layers[2][:, 0] = v, 1.0, u
    surface = Surface(Problem("logcosh", X, Y, 1.0, False), widths)
    return surface, np.concatenate([W.ravel() for W in layers])


@pytest.mark.parametrize(
    ("slope", "size", "verdict"), [(0.1, 1.0, "bad-saddle"), (0.97, 3.0, "strict-saddle"), (0.9, 1.0, "strict-saddle")]
)
def test_products_of_less_rank_in_large_networks(slope, size, verdict):
    """More weights than a Hessian is formed for: the form on all products tells that nothing bends down."""
    surface, v = idle_network(slope, size)
    values = np.linalg.eigvalsh(surface.hessian(v))
    assert bool(values[0] < -1e-9 * values[-1]) is (verdict == "strict-saddle")
    found = verdict_on(surface, v)
    assert found.verdict == verdict
    assert found.certificate.margin > 1.0
    if verdict == "strict-saddle":
        follow(surface, v, found.certificate)
    else:
        assert found.certificate.loss_decrease > 0.0
