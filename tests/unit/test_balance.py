"""What gradient flow keeps, against layers whose products are known and against gradient descent of small steps."""

import numpy as np
import pytest

from lossurf.landscape.balance import Balance


def test_the_norms_of_layers_whose_products_are_known():
    # channel: multiples of the identity
    found = Balance([2.0 * np.eye(3), 3.0 * np.eye(3), np.eye(3)])
    assert found.norms == pytest.approx([5.0 * np.sqrt(3.0), 8.0 * np.sqrt(3.0)])
    assert Balance([np.eye(3), np.eye(3)], [np.array([3.0, 0.0, 0.0]), None]).norms == pytest.approx([9.0])
    assert Balance([np.eye(2)]).norms == ()


def test_balanced_layers_have_none_and_huge_ones_no_number():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    assert Balance([2.0 * basis[:3], 2.0 * basis[:, :3]]).norms[0] < 1e-14
    assert Balance([np.full((1, 1), 1e200), np.ones((1, 1))]).norms == (None,)


@pytest.mark.parametrize("biased", [False, True])
def test_the_drift_of_gradient_descent_falls_with_its_step(biased):
    # channel: over a fixed time the drift is of first order in the step (Euler's method)
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((3, 20)), rng.standard_normal((2, 20))
    start = [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))]
    biases = [rng.standard_normal(4), rng.standard_normal(2)] if biased else [None, None]
    drifts = []
    for step in (4e-4, 2e-4):
        W, b = descended(start, biases, X, Y, step, round(0.08 / step))
        drifts.append(Balance(W, b).drift(Balance(start, biases))[0])
    assert 0.0 < drifts[1] < 0.1
    assert drifts[0] / drifts[1] == pytest.approx(2.0, rel=0.1)


def descended(start, biases, X, Y, step, count):  # noqa: PLR0917  # what gradient descent takes
    (W1, W2), (b1, b2) = start, biases
    for _ in range(count):
        h = W1 @ X if b1 is None else W1 @ X + b1[:, None]
        R = W2 @ h - Y if b2 is None else W2 @ h + b2[:, None] - Y
        G = W2.T @ R
        W1, W2 = W1 - step * G @ X.T, W2 - step * R @ h.T
        if b1 is not None:
            b1, b2 = b1 - step * G.sum(axis=1), b2 - step * R.sum(axis=1)
    return [W1, W2], [b1, b2]
