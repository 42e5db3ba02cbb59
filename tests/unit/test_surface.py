"""Trusted: what the verdict promises of its direction: second order down at a strict saddle, order N at a bad one."""

from __future__ import annotations

import numpy as np
import pytest
from process import ROOT

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.tables.data import open_dataset
from lossurf.landscape.views.surface import surface
from lossurf.reduction.data import reduce_data
from lossurf.reduction.problem import reduced_problem

WINE = ROOT / "sample_data" / "wine"


@pytest.fixture(scope="module")
def problem():
    return reduced_problem(reduce_data(open_dataset(WINE)))


def surface_of(problem, name, **options):
    checkpoint = read_checkpoint(WINE / "checkpoints" / f"{name}.npz", 10, 3)
    return surface(checkpoint, problem, points=21, **options)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("strict-saddle", "the certificate's direction"),
        ("strict-saddle-tails", "the certificate's direction"),
        ("bad-saddle", "the way of escape"),
        ("early-float32", "steepest descent"),
        ("global-minimum", "a random direction"),
    ],
)
def test_the_checkpoint_is_in_the_middle_and_the_first_direction_is_the_verdicts(problem, name, direction):
    found = surface_of(problem, name)
    assert found.axes[0].name == direction
    middle = found.classification.loss
    assert found.losses.shape == (21, 21)
    assert found.losses[10, 10] == pytest.approx(middle, rel=1e-12)
    assert found.cut[found.cut.size // 2] == pytest.approx(middle, rel=1e-12)
    np.testing.assert_allclose(found.cut[::4], found.losses[10], rtol=1e-12)
    if name == "global-minimum":
        assert np.all(found.losses >= middle * (1.0 - 1e-14))
    else:
        assert found.cut.min() < middle - 1e-3 * found.classification.gap


@pytest.mark.parametrize(("name", "order"), [("strict-saddle", 2), ("strict-saddle-tails", 2), ("bad-saddle", 3)])
def test_the_loss_falls_at_the_order_that_the_verdict_says(problem, name, order):
    found = surface_of(problem, name)
    fall = found.classification.loss - found.cut
    half = found.cut.size // 2
    best = max((fall[half + 1 :], fall[:half][::-1]), key=lambda side: side[3])
    assert np.log2(best[3] / best[1]) == pytest.approx(order, abs=0.35)  # twice as far: 2^order as much


def test_the_seed_decides_the_random_direction(problem):
    first, again, other = (surface_of(problem, "strict-saddle", seed=seed).losses for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_points_are_made_odd(problem):
    checkpoint = read_checkpoint(WINE / "checkpoints" / "bad-saddle.npz", 10, 3)
    assert surface(checkpoint, problem, points=14).losses.shape == (15, 15)


def test_zero_weights_are_drawn_too(problem):
    weights = [np.zeros((4, 10)), np.zeros((2, 4)), np.zeros((3, 2))]
    found = surface(Checkpoint.of(weights), problem, points=11)
    assert np.all(np.isfinite(found.losses))
    assert np.ptp(found.losses) > 0.0


def test_an_output_bias_stays_at_its_best():
    generator = np.random.default_rng(0)
    X, Y = generator.standard_normal((40, 3)) + 5.0, generator.standard_normal((40, 2)) - 3.0
    from lossurf.reduction.engine import reduce_blocks

    problem = reduced_problem(reduce_blocks([(X, Y)], 3, 2), bias=True)
    weights = [generator.standard_normal((4, 3)), generator.standard_normal((2, 4))]
    biases = [np.zeros(4), Y.mean(axis=0) - weights[1] @ weights[0] @ X.mean(axis=0)]
    found = surface(Checkpoint.of(weights, biases), problem, points=11)
    assert found.losses[5, 5] == pytest.approx(found.classification.loss, rel=1e-10)


@pytest.mark.parametrize("X", [np.zeros((12, 3)), np.eye(12)[:, :3]], ids=["X = 0", "nothing to gain"])
@pytest.mark.parametrize("bias", [False, True])
def test_degenerate_data_give_a_finite_surface(X, bias):
    from lossurf.reduction.engine import reduce_blocks

    problem = reduced_problem(reduce_blocks([(X, np.eye(12)[:, 5:7])], 3, 2), bias=bias)
    weights = [np.zeros((4, 3)), np.zeros((2, 4))]
    found = surface(Checkpoint.of(weights, [None, np.zeros(2)] if bias else None), problem, points=11)
    assert np.all(np.isfinite(found.losses))
    assert found.losses.min() >= problem.loss_by_rank[-1] * (1.0 - 1e-12)
