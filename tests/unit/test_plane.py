"""Trusted: the loss of moved weights on the data themselves, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.landscape.views.plane import norm, orthogonal, plane, random_direction, reach, unit
from lossurf.network import from_user, whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem


def case(widths, *, scale=1.0, seed=0):
    generator = np.random.default_rng(seed)
    X, Y = generator.standard_normal((30, widths[0])) * scale, generator.standard_normal((30, widths[-1]))
    shapes = list(zip(widths[1:], widths, strict=False))
    weights, first, second = ([generator.standard_normal(shape) for shape in shapes] for _ in range(3))
    return X, Y, weights, first, second


def product(layers):
    total = layers[0]
    for W in layers[1:]:
        total = W @ total
    return total


@pytest.mark.parametrize("widths", [(4, 2), (4, 3, 2), (4, 3, 5, 2), (3, 2, 2, 2, 2, 3)], ids=str)
def test_the_loss_on_the_plane_is_that_of_the_moved_weights(widths):
    X, Y, weights, first, second = case(widths)
    problem = reduced_problem(reduce_blocks([(X, Y)], widths[0], widths[-1]))
    network = whiten(weights, problem)
    found = plane(problem, network.layers, from_user(network, first, problem), from_user(network, second, problem))
    x, y = np.array([[0.0, 0.3], [-1.1, 2.0]]), np.array([[0.0, -0.7], [0.2, 1.0]])
    layers = list(zip(weights, first, second, strict=True))
    expected = [
        0.5 * np.sum((X @ product([W + a * V + b * U for W, V, U in layers]).T - Y) ** 2)
        for a, b in zip(x.ravel(), y.ravel(), strict=True)
    ]
    np.testing.assert_allclose(found.loss(x, y).ravel(), expected, rtol=1e-11)


def test_evaluating_in_parts_changes_nothing(monkeypatch):
    X, Y, weights, first, second = case((4, 3, 2))
    problem = reduced_problem(reduce_blocks([(X, Y)], 4, 2))
    network = whiten(weights, problem)
    found = plane(problem, network.layers, from_user(network, first, problem), from_user(network, second, problem))
    x = np.linspace(-1.0, 1.0, 50)
    whole = found.loss(x, x)
    monkeypatch.setattr("lossurf.landscape.views.plane._MOST_NUMBERS", 40)
    np.testing.assert_allclose(found.loss(x, x), whole, rtol=1e-13)


def test_reach_is_where_the_loss_has_changed_enough():
    X, Y, weights, first, second = case((4, 3, 2))
    problem = reduced_problem(reduce_blocks([(X, Y)], 4, 2))
    network = whiten(weights, problem)
    found = plane(problem, network.layers, from_user(network, first, problem), from_user(network, second, problem))
    for along in (0, 1):
        far = reach(found, 5.0, 1.0, along=along)
        for distance, enough in ((far, True), (far / 1.06, False)):  # reaches are tried 5 % apart
            ends = np.array([0.0, distance, -distance])
            still = np.zeros(3)
            losses = found.loss(ends, still) if along == 0 else found.loss(still, ends)
            assert (np.max(np.abs(losses[1:] - losses[0])) >= 5.0) is np.bool_(enough)


def test_far_out_the_loss_is_infinite_and_no_warning_is_given():
    X, Y, weights, first, second = case((4, 3, 5, 2))
    problem = reduced_problem(reduce_blocks([(X, Y)], 4, 2))
    network = whiten(weights, problem)
    found = plane(problem, network.layers, from_user(network, first, problem), from_user(network, second, problem))
    assert found.loss(np.array([1e120]), np.array([-1e120])).tolist() == [np.inf]


def test_directions_are_unit_and_orthogonal():
    generator = np.random.default_rng(3)
    layers = (generator.standard_normal((3, 4)), np.zeros((3, 3)), 5.0 * generator.standard_normal((2, 3)))
    first = unit(random_direction(layers, generator))
    second = unit(orthogonal(random_direction(layers, generator), first))
    assert norm(first) == pytest.approx(1.0)
    assert norm(second) == pytest.approx(1.0)
    assert sum(float(np.sum(a * b)) for a, b in zip(first, second, strict=True)) == pytest.approx(0.0, abs=1e-14)
    assert all(np.any(V) for V in first)  # layers of zeros move too
