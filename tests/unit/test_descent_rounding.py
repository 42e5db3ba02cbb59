"""The rounding of v^T H v, below which a direction of negative curvature proves nothing.

Independent channel: the same form in 80-bit arithmetic, from the layers and the target alone.
"""

import numpy as np
import pytest
from critical_points import random_point

from lossurf.landscape.descent import _form_rounding
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.network import whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).eps > 2.0**-60, reason="no wider type than float64 here")


def form(layers, direction, target):
    """Twice the second coefficient of 1/2 ||(W_N + s V_N) ... (W_1 + s V_1) - T||^2 in s."""
    wide = [np.asarray(matrix, dtype=np.longdouble) for matrix in (*layers, *direction)]
    P = np.eye(layers[0].shape[1], dtype=np.longdouble)
    D, Q = 0.0 * P, 0.0 * P
    for W, V in zip(wide[: len(layers)], wide[len(layers) :], strict=True):
        P, D, Q = W @ P, W @ D + V @ P, W @ Q + V @ D
    return float(np.sum(D**2) + 2.0 * np.sum((P - target) * Q))


@pytest.mark.parametrize("seed", range(150))
def test_the_bound_holds_and_is_not_wide(seed):
    rng = np.random.default_rng([4, seed])
    point = random_point(rng)
    problem = reduced_problem(reduce_blocks([(point.X.T, point.Y.T)], len(point.X), len(point.Y)))
    network = whiten(point.weights, problem)
    j, i = sorted(rng.choice(np.arange(1, network.depth + 1), 2, replace=False).tolist())
    direction = [np.zeros_like(W) for W in network.layers]
    direction[i - 1] = 10.0 ** rng.uniform(-6, 6) * rng.standard_normal(direction[i - 1].shape)
    direction[j - 1] = 10.0 ** rng.uniform(-6, 6) * rng.standard_normal(direction[j - 1].shape)
    ours, true = network.curvature(direction, direction), form(network.layers, direction, network.target)
    change = network.change_of_product(direction)
    bound = _form_rounding(Sensitivity(network), (i, j), tuple(direction), change)
    assert abs(ours - true) <= bound
    # as it is put together in a wide network
    both = network.change_of_pair(i, j, direction[i - 1], direction[j - 1])
    assert abs(np.vdot(change, change) + 2.0 * np.vdot(network.residual, both) - true) <= bound
    longest = max(1.0, *(np.linalg.norm(W) for W in network.layers))
    assert bound <= 1e-10 * sum(np.linalg.norm(V) for V in direction) ** 2 * longest ** (4 * network.depth)
