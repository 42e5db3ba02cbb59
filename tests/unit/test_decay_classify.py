"""Verdicts with weight decay on points that another solver found, under changes of scale, order, precision and data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from critical_points import chain
from decay_points import RECIPES, Decayed, loss, lowest, newton, random_point, unpacked

from lossurf.errors import InputError, UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.data import as_dataset
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.regularised.classify import classify_with_decay
from lossurf.regularised.scaled import penalty_weight
from lossurf.words import Reduction, Verdict

LEAST = (Verdict.GLOBAL_MINIMUM, Verdict.LOCAL_MINIMUM, Verdict.DEGENERATE)


def reduced(X, Y, *, bias=False):
    """X (dx, m) and Y (dy, m) reduced."""
    data = as_dataset(X.T, Y.T)
    return reduced_problem(reduce_blocks(data.blocks(), data.dx, data.dy, dtype=data.dtype), bias=bias)


def judged(found, *, dtype="float64", **options):
    weights = [W.astype(dtype).astype(float) for W in found.weights]
    checkpoint = Checkpoint.of(weights, dtypes=[dtype] * len(weights))
    return classify_with_decay(checkpoint, reduced(found.X, found.Y), found.decay, **options)


def rescaled(found, x, y, rng):
    """The same point with X and Y in other units and samples in another order."""
    order = rng.permutation(found.X.shape[1])
    unit = (y / x) ** (1.0 / len(found.weights))
    weights = [W * unit for W in found.weights]
    return Decayed(weights, (x * found.X)[:, order], (y * found.Y)[:, order], found.decay * y**2 / unit**2)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("count", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_a_verdict_is_the_hessians_whatever_units_order_and_precision(depth, recipe, count):
    # trusts the dense Hessian of the raw loss at the point as it was found, before units are changed
    rng = np.random.default_rng([7, depth, RECIPES.index(recipe)])
    for _ in range(count):
        found = random_point(rng, depth, recipe)
        truth = found.signs()
        if truth is None:
            continue
        moved = rescaled(found, *(10.0 ** rng.uniform(-6, 6, 2)), rng)
        result = judged(moved, dtype=str(rng.choice(["float64", "float32"])))
        assert result.verdict in (LEAST if truth[0] == 0 else (Verdict.STRICT_SADDLE,)), result.reason
        assert (result.inertia.negative, result.inertia.zero) == truth
        assert result.inertia.positive == sum(W.size for W in found.weights) - sum(truth)
        assert result.nearest.distance < 10.0 * result.tolerance
        if depth == 1:
            assert result.verdict is Verdict.GLOBAL_MINIMUM


@pytest.mark.parametrize("depth", [2, 3])
def test_no_descent_finds_what_the_bound_excludes(depth):
    # trusts descents of the raw loss from many starts
    rng = np.random.default_rng([8, depth])
    for recipe in RECIPES:
        found = random_point(rng, depth, recipe)
        result = judged(found)
        here, least = loss(found.weights, found.X, found.Y, found.decay), lowest(found, rng, 3)
        assert result.loss == pytest.approx(here, rel=1e-10)
        assert here - least <= result.gap_bound + 1e-9 * here
        if result.verdict is Verdict.GLOBAL_MINIMUM:
            assert here - least <= 1e-9 * here
            assert result.gap_bound <= 1e-9 * here
        if result.decay.lower is not None:
            lower = [np.asarray(W) for W in result.decay.lower.layers]
            assert loss(lower, found.X, found.Y, found.decay) == pytest.approx(result.decay.lower.loss, rel=1e-9)
            assert result.decay.lower.loss < here


def whitened(t, decay, depth, width):
    """Data with X X^T = I and Y X^T = diag(t), and a point that carries the first `width` of t at their local best."""
    d = len(t)
    X, Y = np.eye(d), np.diag(np.asarray(t, dtype=float))
    s = [stationary(value, decay, depth) for value in t[:width]]
    layers = []
    sizes = [d, *[max(width, 1)] * (depth - 1), d]
    for k in range(depth):
        W = np.zeros((sizes[k + 1], sizes[k]))
        for i, value in enumerate(s):
            W[i, i] = value ** (1.0 / depth)
        layers.append(W)
    return Decayed(layers, X, Y, decay)


def stationary(t, decay, depth):
    """The largest root of s - t + lam s^{2/N - 1} = 0, by halving."""
    low, high = (decay * (1 - 2 / depth)) ** (1 / (2 - 2 / depth)), t
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle - t + decay * middle ** (2 / depth - 1) < 0 else (low, middle)
    return high


def test_the_closed_form_of_whitened_data():
    # trusts the scalar problem of one singular value: worth carrying iff 1/2 s^2 - s t + N/2 lam s^{2/N} < 0
    for depth, t, decay in ((3, 1.0, 0.1), (3, 1.0, 0.3), (4, 2.0, 0.5), (2, 1.0, 0.4)):
        found = whitened([t, 0.2 * t], decay, depth, 1)
        s = stationary(t, decay, depth)
        worth = 0.5 * s * s - s * t + 0.5 * depth * decay * s ** (2 / depth)
        second = depth == 2 and 0.2 * t > decay
        result = judged(found)
        assert not second
        assert (result.verdict is Verdict.GLOBAL_MINIMUM) is (worth < 0), (depth, decay, result.reason)
        zero = judged(Decayed([0 * W for W in found.weights], found.X, found.Y, decay))
        assert (zero.verdict is Verdict.GLOBAL_MINIMUM) is (worth >= 0)
        if worth < 0 and depth > 2:
            assert zero.verdict is Verdict.LOCAL_MINIMUM
            assert zero.decay.lower.loss == pytest.approx(result.loss, rel=1e-6)


def test_at_the_least_decay_that_zeroes_one_hidden_layer_zero_becomes_a_saddle():
    # trusts lam_max = ||Y X^T||_2
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((3, 20)), rng.standard_normal((2, 20))
    largest = np.linalg.norm(Y @ X.T, 2)
    for factor, verdict in ((1.001, "global-minimum"), (1.0, "global-minimum"), (0.999, "strict-saddle")):
        zero = Decayed([np.zeros((4, 3)), np.zeros((2, 4))], X, Y, factor * largest)
        assert judged(zero).verdict == verdict


def test_a_tied_direction_that_is_not_the_least_is_degenerate():
    # trusts the construction: P may turn among two inputs and outputs that are alike, and a third is left out
    X, Y = np.diag([1.0, 1.0, 0.3]), np.diag([1.0, 1.0, 1.0])
    decay, depth = 0.05, 3
    s = stationary(1.0, decay, depth)
    layers = [np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((3, 2))]
    for W in layers:
        W[0, 0] = s ** (1 / 3)
    found = Decayed(layers, X, Y, decay)
    result = judged(found)
    assert found.signs()[0] == 0
    assert result.verdict is Verdict.DEGENERATE
    assert result.inertia.zero > result.decay.symmetries
    assert result.decay.lower is not None


def test_an_unbalanced_minimum_of_the_plain_loss_is_not_critical():
    X, Y = np.eye(2), np.diag([2.0, 1.0])
    result = judged(Decayed([3.0 * np.eye(2), Y / 3.0], X, Y, 1e-7), tolerance=1e-4)
    assert result.verdict is Verdict.NOT_CRITICAL
    assert "share their singular values" in result.reason
    assert result.gradient < 1e-4 < result.decay.imbalance


def test_an_output_bias_is_centring():
    # trusts the raw loss with a free bias: the point found on centred data, with the bias that least squares gives
    rng = np.random.default_rng(12)
    X, Y = rng.standard_normal((3, 15)) + 100.0, rng.standard_normal((2, 15)) - 50.0
    x, y = X.mean(axis=1), Y.mean(axis=1)
    centred_X, centred_Y, decay = X - x[:, None], Y - y[:, None], 2.0
    widths = [3, 2, 2]
    weights = unpacked(newton(rng.standard_normal(10), widths, centred_X, centred_Y, decay), widths)
    bias = y - chain(weights, 3) @ x
    checkpoint = Checkpoint.of(weights, [np.array([0.3, -0.2]), bias - weights[1] @ np.array([0.3, -0.2])])
    result = classify_with_decay(checkpoint, reduced(X, Y, bias=True), decay)
    truth = Decayed(weights, centred_X, centred_Y, decay).signs()
    assert (result.inertia.negative, result.inertia.zero) == (truth[0], truth[1] + 2)  # the inner bias is flat
    assert any("not decayed" in note for note in result.notes)
    decayed = Checkpoint.of(weights, [None, bias * 0.9])
    off = classify_with_decay(decayed, reduced(X, Y, bias=True), decay)
    assert off.verdict is Verdict.NOT_CRITICAL
    assert "output bias" in off.reason


def test_units_of_the_weight_decay():
    # trusts the gradient of each loss: 2 / (m dy), 2 and 1 times that of the half sum
    assert penalty_weight(1e-2, Reduction.MEAN, 50, 4) == pytest.approx(1.0)
    assert penalty_weight(1e-2, Reduction.SUM, 50, 4) == pytest.approx(5e-3)
    assert penalty_weight(1e-2, Reduction.HALF_SUM, 50, 4) == pytest.approx(1e-2)
    for bad in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError):
            penalty_weight(bad, Reduction.MEAN, 50, 4)


def test_a_weight_decay_out_of_reach_is_refused():
    with pytest.raises(InputError):
        judged(Decayed([np.eye(2), np.eye(2)], np.eye(2), np.eye(2), 1e-300))


@pytest.mark.parametrize("decay", [1e-14, 1e-10, 1e6])
def test_extreme_weight_decay_is_never_called_what_it_is_not(decay):
    # trusts the dense Hessian; a decay at rounding leaves signs open, and may
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((3, 12)), rng.standard_normal((2, 12))
    widths = [3, 2, 2]
    found = newton(rng.standard_normal(10), widths, X, Y, decay)
    if found is None:
        pytest.skip("the solver of this test does not arrive")
    result = judged(Decayed(unpacked(found, widths), X, Y, decay))
    values = Decayed(unpacked(found, widths), X, Y, decay).eigenvalues
    if values[0] < -1e-5 * values[-1]:
        assert result.verdict in (Verdict.STRICT_SADDLE, Verdict.UNDETERMINED)
    else:
        assert result.verdict is not Verdict.STRICT_SADDLE
    # the solver of this test does not see a decay below its cut-off of 1e-10, and leaves the layers unbalanced
    assert result.verdict is not Verdict.NOT_CRITICAL or max(result.gradient, result.decay.imbalance) > 1e-8


def test_a_point_half_way_through_training_is_not_critical():
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((4, 30)), rng.standard_normal((3, 30))
    weights = [0.1 * rng.standard_normal((4, 4)), 0.1 * rng.standard_normal((3, 4))]
    result = judged(Decayed(weights, X, Y, 0.5))
    assert result.verdict is Verdict.NOT_CRITICAL
    assert result.gap_bound > 0
    assert result.optimal_loss < result.loss <= result.optimal_loss + result.gap_bound * (1 + 1e-9)


@pytest.mark.torch
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("widths", [[5, 4, 3], [4, 6, 6, 2]])
def test_what_pytorch_trains_with_weight_decay_is_where_it_says(optimizer, widths):
    # trusts PyTorch's own training, in float32, until its gradient stops; a minimum, as nothing else attracts
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    m, wd = 40, 0.05  # a unit that nothing uses is gone after 4,000 steps
    X = torch.randn(m, widths[0], generator=generator)
    Y = X @ torch.randn(widths[0], widths[-1], generator=generator) + 0.3 * torch.randn(
        m, widths[-1], generator=generator
    )
    torch.manual_seed(0)
    pairs = pairwise(widths)
    model = torch.nn.Sequential(*(torch.nn.Linear(a, b, bias=False) for a, b in pairs))
    chosen = torch.optim.SGD if optimizer == "SGD" else torch.optim.Adam
    rate = 0.1 if optimizer == "SGD" else 5e-3
    steps = chosen(model.parameters(), lr=rate, weight_decay=wd)
    plan = torch.optim.lr_scheduler.LambdaLR(steps, lambda k: 0.99 ** max(k - 3000, 0) if optimizer == "Adam" else 1.0)
    for _ in range(4000):
        steps.zero_grad()
        torch.nn.functional.mse_loss(model(X), Y).backward()
        steps.step()
        plan.step()
    weights = [layer.weight.detach().double().numpy() for layer in model]
    checkpoint = Checkpoint.of(weights, dtypes=["float32"] * len(weights))
    x, y = X.double().numpy().T, Y.double().numpy().T
    decay = penalty_weight(wd, Reduction.MEAN, m, widths[-1])
    result = classify_with_decay(checkpoint, reduced(x, y), decay)
    assert result.verdict in LEAST, (result.reason, result.gradient)
    values = Decayed([np.asarray(W) for W in result.nearest.layers], x, y, decay).signs()
    assert values == (result.inertia.negative, result.inertia.zero)


def stepped(weights, moments, decay, rate, steps):
    """Gradient descent on the raw loss in the weights' own precision, from X X^T and Y X^T."""
    XX, YX = moments
    for _ in range(steps):
        below = [np.eye(len(XX), dtype=XX.dtype)]
        for W in weights:
            below.append(W @ below[-1])
        back = below[-1] @ XX - YX
        for k in range(len(weights) - 1, -1, -1):
            slope, back = back @ below[k].T + decay * weights[k], weights[k].T @ back
            weights[k] = weights[k] - rate * slope
    return weights


@pytest.mark.parametrize("widths", [[4, 5, 2], [4, 6, 6, 2]])
def test_idle_units_that_float32_cannot_shrink_further_are_idle(widths):
    # trusts descent in float32 itself: an idle unit stops where step * lam of it is below the last digit of its weights
    rng = np.random.default_rng(21)
    X = rng.standard_normal((4, 30)).astype(np.float32)
    Y = rng.standard_normal((2, 4)).astype(np.float32) @ X + 0.3 * rng.standard_normal((2, 30)).astype(np.float32)
    decay, moments = np.float32(0.25), (X @ X.T, Y @ X.T)
    shapes = zip(widths[1:], widths[:-1], strict=True)
    stopped = stepped(
        [rng.standard_normal(shape).astype(np.float32) / 2 for shape in shapes], moments, decay, np.float32(3e-3), 30000
    )
    later = stepped(list(stopped), moments, decay, np.float32(3e-3), 3000)
    assert max(float(np.max(np.abs(a - b))) for a, b in zip(stopped, later, strict=True)) < 1e-6
    x, y = X.astype(float), Y.astype(float)
    result = judged(Decayed(stopped, x, y, 0.25), dtype="float32")
    assert result.verdict in LEAST, result.reason
    assert result.rank == 2
    assert result.tolerance < result.decay.imbalance < result.nearest.distance < 1e-3
    exact = Decayed([np.asarray(W) for W in result.nearest.layers], x, y, 0.25)
    assert exact.signs() == (0, result.inertia.zero)


def test_an_idle_unit_is_told_from_one_that_is_small():
    # trusts the dense Hessian: beside the weight decay that silences a unit lie a minimum with it and a saddle without
    X, Y, decay = np.eye(2), np.diag([2.0, 1.0]), 1.0 - 1e-7
    small = np.diag([np.sqrt(2.0 - decay), np.sqrt(1e-7)])  # of the minimum: sqrt(g - lam) = 3e-4
    without = np.diag([np.sqrt(2.0 - decay), 0.0])
    minimum, saddle = Decayed([small, small], X, Y, decay), Decayed([without, without], X, Y, decay)
    assert minimum.eigenvalues[0] > -1e-12
    assert saddle.eigenvalues[0] == pytest.approx(-1e-7, rel=1e-6)
    assert judged(minimum).verdict is Verdict.GLOBAL_MINIMUM
    assert judged(saddle).verdict in (Verdict.STRICT_SADDLE, Verdict.UNDETERMINED)
    between = Decayed([0.5 * (small + without)] * 2, X, Y, decay)
    assert judged(between).verdict in (Verdict.NOT_CRITICAL, Verdict.UNDETERMINED)
