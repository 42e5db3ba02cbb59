"""The rounding of v^T H v, below which a direction of negative curvature proves nothing.

Independent channel: the same form in 80-bit arithmetic, from the layers and the target alone.
"""

import numpy as np
import pytest
from critical_points import random_point

from lossurf.landscape.descent import _form_rounding, _forms, _near_unit_length
from lossurf.landscape.pair_span import PairSpan, _lengths_agree, _unit_whitening
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.network import WhitenedNetwork, whiten
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
    sizes = np.linalg.norm(direction[i - 1]), np.linalg.norm(direction[j - 1])
    bound = _form_rounding(Sensitivity(network), (i, j), sizes, change)
    assert abs(ours - true) <= bound
    # as it is put together in a wide network
    both = network.change_of_pair(i, j, direction[i - 1], direction[j - 1])
    assert abs(np.vdot(change, change) + 2.0 * np.vdot(network.residual, both) - true) <= bound
    longest = max(1.0, *(np.linalg.norm(W) for W in network.layers))
    assert bound <= 1e-10 * sum(np.linalg.norm(V) for V in direction) ** 2 * longest ** (4 * network.depth)


def spans(rng, network, i, j, apart):
    """A span of changes of two layers, the second of each a copy of the first but for `apart`, and combinations."""
    parts = [rng.standard_normal(network.layers[k - 1].shape[axis]) for k in (i, j) for axis in (0, 1)]
    copies = [np.array([part, part + apart * rng.standard_normal(part.shape)]) for part in parts]
    return PairSpan("tails", (i, j), *copies)


@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-7])
@pytest.mark.parametrize("seed", range(50))
def test_the_bound_holds_for_changes_that_are_not_multiplied_out(seed, apart):
    rng = np.random.default_rng([5, seed])
    point = random_point(rng)
    problem = reduced_problem(reduce_blocks([(point.X.T, point.Y.T)], len(point.X), len(point.Y)))
    network = whiten(point.weights, problem)
    j, i = sorted(rng.choice(np.arange(1, network.depth + 1), 2, replace=False).tolist())
    span = spans(rng, network, i, j, apart)
    x = np.array([1.0, -1.0, 1.0, -1.0]) / apart  # of size 1 together, and of size 1 / apart each
    direction = span.direction(network, x)
    change, both = span.changes_of_product(network, x)
    ours = np.vdot(change, change) + 2.0 * np.vdot(network.residual, both)
    sizes = span.sizes(x)
    assert sizes[0] >= np.linalg.norm(direction[i - 1])
    assert sizes[1] >= np.linalg.norm(direction[j - 1])
    bound = _form_rounding(Sensitivity(network), (i, j), sizes, change)
    assert abs(ours - form(network.layers, direction, network.target)) <= bound


def test_changes_that_cancel_each_other_are_multiplied_out_before_they_are_given_up():
    # channel: 80 bits
    rng = np.random.default_rng(6)
    layers = tuple(rng.standard_normal((100, 100)) / 10.0 for _ in range(3))
    network = WhitenedNetwork(layers, rng.standard_normal((100, 100)), (0.0,) * 3, 1.0)
    span, x = spans(rng, network, 3, 1, 1e-7), 1e7 * np.array([1.0, -1.0, 1.0, -1.0])
    direction, x = _near_unit_length(span.direction(network, x), x)
    by_parts, by_layers = _forms(Sensitivity(network), span, direction, x, 0.0)
    true = form(layers, direction, network.target)
    assert by_layers.rounding < 1e-3 * by_parts.rounding
    for found in (by_parts, by_layers):
        assert abs(found.value - true) <= found.rounding
        assert found.change == pytest.approx(by_layers.change, abs=1e-5)
        assert found.both == pytest.approx(by_layers.both, abs=1e-5)


def problem_of(X):
    return reduced_problem(reduce_blocks([(X, X)], X.shape[1], X.shape[1]))


@pytest.mark.parametrize(("apart", "agree"), [(1.0, True), (1.04, True), (1.06, False)])
def test_lengths_agree_where_x_has_singular_values_of_nearly_one_size(apart, agree):
    # channel: the singular values X is built from, which are those of F
    rng = np.random.default_rng(7)
    left, right = (np.linalg.qr(rng.standard_normal((n, 4)))[0] for n in (9, 4))
    assert _lengths_agree(problem_of(left * np.geomspace(3.0, 3.0 * apart, 4))) is agree
    turned = problem_of((left * np.geomspace(1.0, apart, 4)) @ right.T)
    assert np.linalg.cond(_unit_whitening(turned)) == pytest.approx(apart, rel=1e-10)
    assert agree or not _lengths_agree(turned)


def test_lengths_of_no_inputs_are_not_compared():
    assert not _lengths_agree(problem_of(np.zeros((9, 2))))
