"""The way down from saddles of losses with weight decay. Trusted: raw loss, gradient, dense Hessian, autograd."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from decay_points import Decayed, gradient, loss, random_point

import lossurf
from lossurf.errors import UsageError

LEAST = ("global-minimum", "local-minimum", "degenerate")


def left(point, **options):
    return lossurf.escape(
        point.weights, point.X.T, point.Y.T, weight_decay=point.decay, reduction="half-sum", **options
    )


def saddles(seed, depth, recipe, count):
    rng = np.random.default_rng([seed, depth, len(recipe)])
    while count:
        point = random_point(rng, depth, recipe)
        signs = point.signs()
        if signs is not None and signs[0]:
            yield point
            count -= 1


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("recipe", ["plain", "ill-conditioned", "white"])
@pytest.mark.parametrize("count", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_saddle_is_left_for_a_minimum(depth, recipe, count):
    # trusts the raw loss on the way, the gradient and the dense Hessian at its end
    for point in saddles(51, depth, recipe, count):
        found = left(point, to_minimum=True)
        ends = [found.start, *(segment.end for segment in found.segments)]
        losses = [loss(end.layers, point.X, point.Y, point.decay) for end in ends]
        assert losses[0] > losses[1]
        assert all(a >= b * (1 - 1e-12) for a, b in pairwise(losses))
        assert found.loss_after == pytest.approx(losses[-1], rel=1e-9)
        assert found.drop == pytest.approx(losses[0] - losses[-1], abs=1e-9 * losses[0])
        assert found.verdict_after in LEAST
        end = Decayed(list(found.end.layers), point.X, point.Y, point.decay)
        slope, values = gradient(end.weights, point.X, point.Y, point.decay), end.eigenvalues
        assert np.linalg.norm(slope) <= 1e-9 * max(1.0, np.linalg.norm(point.X)) * values[-1]
        assert values[0] >= -1e-7 * values[-1]
        assert losses[-1] >= found.optimal_loss - 1e-9 * losses[-1]


def test_the_first_step_goes_to_the_lowest_point_of_its_line():
    # trusts the raw loss on a fine grid along the certificate's direction
    point = next(saddles(52, 3, "plain", 1))
    found = left(point)
    V = [b - a for a, b in zip(found.start.layers, found.end.layers, strict=True)]
    along = [
        loss([W + s * v for W, v in zip(point.weights, V, strict=True)], point.X, point.Y, point.decay)
        for s in np.linspace(-1.5, 1.5, 601)
    ]
    assert [str(segment.kind) for segment in found.segments] == ["direction"]
    assert found.order == 2
    assert found.loss_after <= min(along) * (1 + 1e-9)


def test_a_minimum_that_is_known_not_to_be_the_least_is_left():
    # trusts the construction: with three layers zero is a minimum, and here a singular value is worth carrying
    zero = Decayed([np.zeros((3, 3))] * 3, np.eye(3), np.diag([3.0, 2.0, 1.2]), 0.4)
    found = left(zero)
    assert found.verdict == "local-minimum"
    assert [str(segment.kind) for segment in found.segments] == ["lower"]
    assert found.verdict_after == "global-minimum"
    again = left(Decayed(list(found.end.layers), zero.X, zero.Y, zero.decay))
    assert not again.moved
    assert again.verdict_after is None
    assert again.loss_after == again.loss_before == pytest.approx(found.loss_after)


def test_how_much_is_to_be_gained():
    every = ((point, left(point), left(point, to_minimum=True)) for point in saddles(53, 2, "plain", 20))
    point, step, whole = next(found for found in every if found[2].drop > 1.01 * found[1].drop)
    between = 0.5 * (step.drop + whole.drop)
    assert between <= left(point, at_least=between).drop <= whole.drop * (1 + 1e-9)
    with pytest.raises(UsageError, match="at most"):
        left(point, at_least=1.01 * (whole.loss_before - whole.optimal_loss))


def test_an_output_bias_is_kept_at_its_best():
    # trusts the raw loss with a free bias
    rng = np.random.default_rng(12)
    X, Y = rng.standard_normal((15, 3)) + 10.0, rng.standard_normal((15, 2)) - 50.0
    weights, biases = [np.zeros((2, 3)), np.zeros((2, 2))], [None, Y.mean(axis=0)]
    found = lossurf.escape(
        weights, X, Y, biases=biases, to_minimum=True, weight_decay=0.5, reduction="half-sum", dtype="float32"
    )
    W1, W2 = (W.astype(float) for W in found.end.layers)
    output = X @ (W2 @ W1).T + found.end.biases[1]
    here = 0.5 * np.sum((output - Y) ** 2) + 0.25 * (np.sum(W1**2) + np.sum(W2**2))
    assert found.loss_after == pytest.approx(here, rel=1e-9)
    np.testing.assert_allclose(output.mean(axis=0), Y.mean(axis=0), rtol=1e-6)
    assert found.verdict_after == "global-minimum"
    assert found.end.layers[0].dtype == np.float32


def test_the_columns_of_weighted_outputs_are_refused():
    X, Y = np.eye(2), np.diag([2.0, 1.0])
    with pytest.raises(UsageError, match="weights of outputs"):
        lossurf.escape([np.zeros((2, 2))] * 2, lossurf.Data(X, Y, output_weights=[1.0, 2.0]), weight_decay=0.1)


@pytest.mark.torch
def test_torch_finds_no_gradient_at_the_end_and_stays():
    # trusts autograd of the mean of squares, and SGD with weight_decay in float64
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    rng = np.random.default_rng(7)
    X, Y, wd = rng.standard_normal((30, 4)), rng.standard_normal((30, 3)), 0.02
    saddle = lossurf.construct(X, Y, [4, 3, 3, 3], "strict-saddle", weight_decay=wd)
    found = lossurf.escape(saddle.weights, X, Y, to_minimum=True, weight_decay=wd)
    layers = [torch.tensor(W, requires_grad=True) for W in found.end.layers]
    x, y = torch.tensor(X), torch.tensor(Y)

    def penalised():
        output = x
        for W in layers:
            output = output @ W.T
        return torch.nn.functional.mse_loss(output, y) + 0.5 * wd * sum((W**2).sum() for W in layers)

    value = penalised()
    value.backward()
    assert value.item() == pytest.approx(2.0 * found.loss_after / Y.size, rel=1e-12)
    assert max(float(W.grad.norm()) for W in layers) < 1e-12
    optimizer = torch.optim.SGD(layers, lr=0.1, weight_decay=wd)
    before = [W.detach().clone() for W in layers]
    for _ in range(100):
        optimizer.zero_grad()
        (penalised() - 0.5 * wd * sum((W**2).sum() for W in layers)).backward()
        optimizer.step()
    assert max((W.detach() - B).norm().item() for W, B in zip(layers, before, strict=True)) < 1e-10
