"""Trusted channels: data split or not by construction, and the measured count on iris."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from lossurf.losses.attainment import attainment
from lossurf.losses.convex import ConvexProblem, minimise_convex, span
from lossurf.losses.functions import make_loss
from lossurf.losses.labels import expand_labels
from lossurf.words import Attained


def decided(name, X, Y, *, bias=False, outputs=None):
    loss = make_loss(name)
    task = ConvexProblem(loss, span(np.asarray(X, dtype=float), bias=bias), expand_labels(loss, Y).Y)
    return attainment(task, np.zeros_like(task.Y) if outputs is None else outputs)


LINE = np.array([[-2.0], [-1.0], [1.0], [2.0]])


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_classes_on_two_sides_are_split_whole(name):
    found = decided(name, LINE, np.array([[0.0], [0.0], [1.0], [1.0]]))
    assert (found.attained, found.margins, found.separable) == (Attained.NO, 4, 4)
    assert found.vanishes


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_mixed_classes_are_attained(name):
    found = decided(name, LINE, np.array([[0.0], [1.0], [0.0], [1.0]]))
    assert (found.attained, found.separable) == (Attained.YES, 0)


def test_a_tie_on_the_boundary_is_not_attained_and_leaves_the_rest():
    # both labels at x = 0: no direction moves those two, every other margin can be positive
    X, Y = np.array([[0.0], [0.0], [1.0], [-1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    found = decided("logistic", X, Y)
    assert (found.attained, found.margins, found.separable) == (Attained.NO, 4, 2)
    assert not found.vanishes


def test_shares_hold_a_direction_back():
    found = decided("logistic", LINE, np.array([[0.0], [0.5], [1.0], [1.0]]))
    assert (found.attained, found.margins) == (Attained.YES, 3)
    held = decided("softmax", LINE, np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]))
    assert held.attained is Attained.YES


@pytest.mark.parametrize("bias", [False, True])
def test_iris_splits_two_hundred_of_three_hundred_margins(bias):
    X, y = load_iris(return_X_y=True)
    found = decided("softmax", X, y[:, None].astype(float), bias=bias)
    assert (found.attained, found.margins, found.separable) == (Attained.NO, 300, 200)


def test_interior_multipliers_prove_it_without_a_linear_program(monkeypatch):
    from lossurf.losses import attainment as module

    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((60, 3)), rng.integers(0, 3, (60, 1)).astype(float)
    loss = make_loss("softmax")
    task = ConvexProblem(loss, span(X, bias=False), expand_labels(loss, Y).Y)
    assert decided("softmax", X, Y).attained is Attained.YES  # by the program
    outputs = minimise_convex(task).outputs
    monkeypatch.setattr(module, "_most_positive", lambda _: pytest.fail("no program is needed"))
    assert attainment(task, outputs).attained is Attained.YES


def test_regression_losses_are_always_attained():
    assert decided("huber", LINE, LINE).attained is Attained.YES
