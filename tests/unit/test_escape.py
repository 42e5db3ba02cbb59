"""The way down from saddles, its losses evaluated on the data themselves."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
from attack import KINDS
from critical_points import chain, eigen_system, loss, random_data, random_point, true_type
from process import ROOT

import lossurf
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.data import open_dataset
from lossurf.landscape.classify import classify_network
from lossurf.landscape.points.construct import construct_point
from lossurf.landscape.points.escape import escape_point
from lossurf.landscape.points.line_search import best_step
from lossurf.landscape.points.segments import descent_path, path_start
from lossurf.network import from_user, to_user, whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

SAMPLES = ("wine", "linnerud", "diabetes", "digits")


def problem_of(X, Y, *, bias=False):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]), bias=bias)


def saddles(count, seed, max_dim=5):
    """Yield critical points that their dense Hessians call saddles, strict and bad in turn."""
    k, wanted = 0, ["strict-saddle", "bad-saddle"] * (count // 2)
    while wanted:
        point = random_point(np.random.default_rng([seed, k]), max_dim=max_dim)
        k += 1
        # a layer that is only rounding is zero; a scale of 1e4 between layers stays
        point.weights[:] = [W if np.linalg.norm(W) > 1e-9 else 0.0 * W for W in point.weights]
        kind = true_type(point) if len(point.weights) > 1 else ""
        if kind in wanted:
            wanted.remove(kind)
            yield point


def optimal_loss(point):
    values = eigen_system(point.X, point.Y)[1]
    rank_max = min([W.shape[0] for W in point.weights] + [point.X.shape[0]])
    explained = 0.5 * np.sum(values[:rank_max] ** 2)
    P_ols = eigen_system(point.X, point.Y)[2]
    return 0.5 * np.sum((P_ols @ point.X - point.Y) ** 2) + 0.5 * np.sum(values**2) - explained


def exact_loss(weights, X, Y):
    with mpmath.workdps(60):
        product = mpmath.eye(X.shape[0])
        for W in weights:
            product = mpmath.matrix(W.tolist()) * product
        residual = product * mpmath.matrix(X.tolist()) - mpmath.matrix(Y.tolist())
        return sum(entry**2 for entry in residual) / 2


def losses_on_the_way(point, evaluate):
    """Losses on the data at 20 points of every segment of the path to L*, in the caller's coordinates."""
    problem = problem_of(point.X, point.Y)
    rank, rank_max = (
        classify_network(Checkpoint.of(point.weights), problem).rank,
        min(W.shape[0] for W in point.weights),
    )
    network = path_start(point.weights, problem, rank)
    losses = [evaluate(point.weights, point.X, point.Y)]
    for segment in descent_path(network, problem, rank, min(rank_max, point.X.shape[0])):
        for t in np.linspace(0.0, 1.0, 21)[1:]:
            change = [a - b for a, b in zip(segment.point(t), network.layers, strict=True)]
            weights = [W + V for W, V in zip(point.weights, to_user(network, change, problem), strict=True)]
            losses.append(evaluate(weights, point.X, point.Y))
    return losses


def worst(points):
    """Return the largest rise of the loss and the largest distance of an end from L*, in units of ||T||_F^2."""
    rise = gap = 0.0
    for point in points:
        unit = np.sum(eigen_system(point.X, point.Y)[1] ** 2)
        losses = losses_on_the_way(point, loss)
        rise = max(rise, float(np.max(np.diff(losses))) / unit)
        gap = max(gap, abs(losses[-1] - optimal_loss(point)) / unit)
    return rise, gap


def test_the_path_reaches_the_optimum_and_never_rises():
    # channel: the loss on X and Y, and L* from the singular values of T
    rise, gap = worst(saddles(60, 81))
    assert rise <= 1e-12
    assert gap <= 1e-12


@pytest.mark.slow
def test_a_thousand_paths_reach_the_optimum_and_never_rise():
    # channel: the loss on X and Y, and L* from the singular values of T
    rise, gap = worst(saddles(1000, 82, max_dim=7))
    assert rise <= 1e-12
    assert gap <= 1e-12


def test_the_path_falls_in_sixty_digits():
    # channel: mpmath on the original X and Y; the weights are float64, so each is rounded by eps
    for point in saddles(6, 83):
        unit = np.sum(eigen_system(point.X, point.Y)[1] ** 2)
        losses = losses_on_the_way(point, exact_loss)
        rises = [float(b - a) for a, b in itertools.pairwise(losses)]
        assert max(rises) <= 1e-12 * unit
        assert abs(float(losses[-1]) - optimal_loss(point)) <= 1e-12 * unit


def test_one_step_goes_below_the_next_level_from_a_bad_saddle():
    # channel: the loss on X and Y, and the best loss of the next rank from the singular values of T
    for point in saddles(12, 84):
        if true_type(point) != "bad-saddle":
            continue
        result = escape_point(Checkpoint.of(point.weights), problem_of(point.X, point.Y))
        here = loss(point.weights, point.X, point.Y)
        assert result.order == len(point.weights)
        assert [segment.kind for segment in result.segments] in (["tails", "grow"], ["grow"])
        assert result.loss_before == pytest.approx(here, rel=1e-9)
        assert result.loss_after == pytest.approx(loss(result.end.layers, point.X, point.Y), rel=1e-9)
        next_root = eigen_system(point.X, point.Y)[1][result.segments[-1].rank - 1]
        assert result.drop == pytest.approx(0.5 * next_root**2, rel=1e-6)


def test_a_strict_saddle_is_left_along_its_certificate():
    # channel: the loss on X and Y, scanned along the direction
    for point in saddles(12, 85):
        if true_type(point) != "strict-saddle":
            continue
        result = escape_point(Checkpoint.of(point.weights), problem_of(point.X, point.Y))
        assert (len(result.segments), result.segments[0].kind, result.order) == (1, "direction", 2)
        below = loss(result.end.layers, point.X, point.Y)
        assert below < loss(point.weights, point.X, point.Y)
        moves = [a - b for a, b in zip(result.end.layers, point.weights, strict=True)]
        for s in np.linspace(-1.5, 1.5, 31):
            scanned = loss([W + s * V for W, V in zip(point.weights, moves, strict=True)], point.X, point.Y)
            assert scanned >= below - 1e-9 * abs(below)


def test_the_best_step_is_the_minimum_of_the_polynomial():
    # channel: a dense scan of the loss
    rng = np.random.default_rng(1)
    X, Y = random_data(rng, 3, 2, 9)
    weights = [rng.standard_normal((3, 3)), rng.standard_normal((2, 3))]
    direction = [rng.standard_normal((3, 3)), rng.standard_normal((2, 3))]
    problem = problem_of(X, Y)
    network = whiten(weights, problem)
    step = best_step(network, from_user(network, direction, problem))
    losses = [
        loss([W + s * V for W, V in zip(weights, direction, strict=True)], X, Y)
        for s in [step, *np.linspace(-9, 9, 999)]
    ]
    assert losses[0] == min(losses)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", SAMPLES)
def test_from_zero_to_the_optimum_on_sample_data(name, bias):
    # channel: truncated least squares by numpy on the data as given
    dataset = open_dataset(ROOT / "sample_data" / name)
    blocks = list(dataset.blocks())
    X, Y = (np.vstack([block[i] for block in blocks]) for i in (0, 1))
    given_X, given_Y = X, Y
    if bias:
        X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    roots = np.linalg.svd(fit, compute_uv=False)
    for H in (1, 2, 4):
        widths = [X.shape[1], *[5] * H, Y.shape[1]]
        weights = [np.zeros((b, a)) for a, b in itertools.pairwise(widths)]
        biases = [None] * H + [given_Y.mean(axis=0) if bias else None]
        problem = problem_of(given_X.T, given_Y.T, bias=bias)
        result = escape_point(Checkpoint.of(weights, biases), problem, to_minimum=True)
        rank = min(*widths, len(roots))
        best = 0.5 * np.sum((Y - fit) ** 2) + 0.5 * np.sum(roots[rank:] ** 2)
        offset = 0.0 if result.end.biases[-1] is None else result.end.biases[-1]
        reached = 0.5 * np.sum((given_X @ chain(result.end.layers, X.shape[1]).T + offset - given_Y) ** 2)
        assert reached == pytest.approx(best, rel=1e-9)
        assert result.loss_after == pytest.approx(best, rel=1e-9)
        losses = [result.loss_before, *(segment.loss_after for segment in result.segments)]
        assert np.all(np.diff(losses) < 0.0)
        assert [segment.gained for segment in result.segments] == list(range(1, rank + 1))


def test_a_nearly_critical_start_ends_at_the_optimum():
    # channel: L* from the singular values of T
    for point in saddles(12, 86):
        weights = [W.astype(np.float32) for W in point.weights]
        result = lossurf.escape(weights, point.X.T, point.Y.T, to_minimum=True)
        if not result.moved:
            continue
        unit = np.sum(eigen_system(point.X, point.Y)[1] ** 2)
        assert result.loss_after - optimal_loss(point) <= 1e-12 * unit


def test_what_is_stored_in_low_precision_is_what_is_reported():
    # channel: the loss on X and Y
    rng = np.random.default_rng(2)
    X, Y = random_data(rng, 5, 4, 14)
    made = construct_point(problem_of(X, Y), (5, 4, 4, 4), "bad-saddle", rank=2)
    result = lossurf.escape(made.weights, X.T, Y.T, to_minimum=True, dtype="float32")
    assert {W.dtype for W in result.end.layers} == {np.dtype(np.float32)}
    assert result.loss_after == pytest.approx(loss([W.astype(float) for W in result.end.layers], X, Y), rel=1e-12)
    assert result.loss_after > result.optimal_loss


def test_what_x_does_not_see_stays_as_it_was():
    rng = np.random.default_rng(3)
    X, Y = random_data(rng, 4, 3, 12)
    X = np.vstack([X, 0.0 * X[:1]])
    made = construct_point(problem_of(X, Y), (5, 3, 3, 3), "bad-saddle")
    weights = [made.weights[0] + np.outer(np.arange(3.0), [0.0, 0.0, 0.0, 0.0, 1.0]), *made.weights[1:]]
    result = lossurf.escape(weights, X.T, Y.T, to_minimum=True)
    assert np.array_equal(result.end.layers[0][:, 4], np.arange(3.0))


def test_inner_biases_stay_and_the_output_bias_follows():
    # channel: residuals on the data
    rng = np.random.default_rng(4)
    X, Y = random_data(rng, 4, 3, 12)
    Y = Y + 7.0
    made = construct_point(problem_of(X, Y, bias=True), (4, 3, 3, 3), "bad-saddle", rank=1)
    inner = [rng.standard_normal(3), None]
    last = made.biases[-1] - made.weights[2] @ made.weights[1] @ inner[0]
    result = lossurf.escape(made.weights, X.T, Y.T, biases=[*inner, last], to_minimum=True)
    W, b = result.end.layers, result.end.biases
    assert b[0] is not None
    assert np.array_equal(b[0], inner[0])
    residual = W[2] @ (W[1] @ (W[0] @ X + b[0][:, None])) + b[2][:, None] - Y
    assert np.allclose(residual.mean(axis=1), 0.0, atol=1e-12)
    assert result.loss_after == pytest.approx(0.5 * np.sum(residual**2), rel=1e-12)
    assert result.loss_after == pytest.approx(result.optimal_loss, rel=1e-12)


def test_at_least_as_much_is_gained_as_is_asked_for():
    rng = np.random.default_rng(5)
    X, Y = random_data(rng, 6, 5, 20)
    weights = [np.zeros((5, 6)), np.zeros((5, 5)), np.zeros((5, 5))]
    roots = eigen_system(X, Y)[1]
    wanted = 0.5 * np.sum(roots[:2] ** 2)
    result = lossurf.escape(weights, X.T, Y.T, at_least=1.001 * wanted)
    assert len(result.segments) == 3
    assert result.drop == pytest.approx(0.5 * np.sum(roots[:3] ** 2), rel=1e-9)
    with pytest.raises(UsageError, match="can fall by"):
        lossurf.escape(weights, X.T, Y.T, at_least=np.sum(roots**2))


def test_there_is_no_way_down_from_a_minimum_or_a_point_that_still_moves():
    rng = np.random.default_rng(6)
    X, Y = random_data(rng, 4, 3, 12)
    minimum = construct_point(problem_of(X, Y), (4, 3, 3), "global-minimum").weights
    for weights, verdict in ((minimum, "global-minimum"), ([W + 0.1 for W in minimum], "not-critical")):
        result = lossurf.escape(weights, X.T, Y.T)
        assert (result.verdict, result.moved, result.segments) == (verdict, False, ())
        assert result.loss_after == result.loss_before


def test_a_gain_that_rounding_takes_away_is_refused():
    rng = np.random.default_rng(7)
    X, Y = rng.standard_normal((3, 12)), 0.1 * rng.standard_normal((3, 12))
    X[1] = X[0] + 1e-4 * X[1]  # rounding of W_1 is felt 1e4 times larger in P
    made = construct_point(problem_of(X, Y), (3, 3, 3, 3), "bad-saddle", rank=2)
    assert lossurf.escape(made.weights, X.T, Y.T).moved
    with pytest.raises(UsageError, match="'int8' is not one of"):
        lossurf.escape(made.weights, X.T, Y.T, dtype="int8")
    with pytest.raises(UsageError, match="rounded to float16"):
        lossurf.escape(made.weights, X.T, Y.T, dtype="float16")


def test_a_point_of_the_same_loss_is_not_lower():
    # channel: the way down leads to layers of 1e-8 and less, which float16 rounds to the zeros they started from
    X, Y = np.eye(2), np.diag([2e-16, 1e-16])
    zeros = [np.zeros((2, 2)), np.zeros((2, 2))]
    assert not np.any(np.sqrt(Y).astype(np.float16))
    assert lossurf.escape(zeros, X, Y).drop > 0.0
    with pytest.raises(UsageError, match="rounded to float16"):
        lossurf.escape(zeros, X, Y, dtype="float16")


@pytest.mark.parametrize("kind", ["rescaled", "float32", "blind", "rounding-for-zero", "outer-rounding", "large-means"])
def test_layers_do_not_grow_a_millionfold_unless_the_fit_needs_it(kind):
    # channel: N layers of norm n make a product of at most n^N
    for seed in range(40):
        case = KINDS[kind](np.random.default_rng([*kind.encode(), seed]))
        found = lossurf.escape(case.weights, case.X.T, case.Y.T, biases=case.biases, tolerance=1e-6)
        largest = max(np.linalg.norm(W, 2) for W in case.weights)
        if not found.moved or not largest:
            continue
        end = found.end.layers
        needed = np.linalg.norm(chain(end, case.X.shape[0]), 2) ** (1.0 / len(end)) / largest
        assert max(np.linalg.norm(W, 2) for W in end) <= 1e6 * max(1.0, needed) * largest
        assert found.growth == pytest.approx(max(map(widest, end)) / max(map(widest, case.weights)), rel=1e-12)


def widest(W):
    return np.max(np.linalg.norm(W, axis=0))
