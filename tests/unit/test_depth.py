"""Depth is a loop: networks far deeper than Python's recursion limit are analysed, in time that grows with its square.

Independent channels: products multiplied out one by one, numpy's own norm of each matrix, the verdict that the closed
form of the best product gives.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.certificates import _corners
from lossurf.landscape.classify import classify_network
from lossurf.landscape.norms import spectral_norm, spectral_norms
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.network import WhitenedNetwork, whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.words import Verdict

DEEP = sys.getrecursionlimit() + 500
SECONDS = 20.0  # of the processor, several times what it takes


def problem_of(X, Y):
    return reduced_problem(reduce_blocks([(X, Y)], X.shape[1], Y.shape[1]))


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    return rng.standard_normal((30, 3)), rng.standard_normal((30, 2))


def deep_network(data, depth):
    """Rotations, and a first layer that makes their product the least-squares solution."""
    rng = np.random.default_rng(depth)
    inner = [rotation(rng, 3) for _ in range(depth - 2)]
    last = rng.standard_normal((2, 3))
    product = last
    for W in reversed(inner):
        product = product @ W
    best = np.linalg.lstsq(*data, rcond=None)[0].T
    return [np.linalg.pinv(product) @ best, *inner, last]


def test_a_network_deeper_than_the_recursion_limit_has_its_products_and_gradient(data):
    weights = deep_network(data, DEEP)
    weights[0] = weights[0] + 0.1
    network = whiten(weights, problem_of(*data))
    product = network.layers[0]
    for W in network.layers[1:]:
        product = W @ product
    assert network.product == pytest.approx(product, abs=1e-12)
    above = network.layers[-1]
    for W in network.layers[-2:0:-1]:
        above = above @ W
    assert network.residual_block(1, 1) == pytest.approx(above.T @ (product - network.target), abs=1e-10)


@pytest.mark.parametrize("kept", [True, False])
def test_every_product_and_norm_whatever_is_kept(data, monkeypatch, kept):
    monkeypatch.setattr("lossurf.network._KEPT_BYTES", 2**29 if kept else 0)
    network = whiten(deep_network(data, 7), problem_of(*data))
    network = WhitenedNetwork(network.layers, network.target, network.stretch, network.first_layer_size)
    sensitivity = Sensitivity(network)
    order = [(i, j) for i in range(1, 9) for j in range(i)]
    np.random.default_rng(0).shuffle(order)
    for i, j in order:
        product = np.eye(network.layers[j].shape[1] if j < 7 else 2)
        for W in network.layers[j : i - 1]:
            product = W @ product
        assert network.partial_product(i, j) == pytest.approx(product, abs=1e-14)
        assert sensitivity.norm(i, j) == pytest.approx(np.linalg.norm(product, 2), rel=1e-12)
    wanted = sum(sensitivity.norm(6, k) * sensitivity.weight(k) * sensitivity.norm(k, 2) for k in range(3, 6))
    assert sensitivity.change(6, 2) == pytest.approx(wanted, rel=1e-15)


def test_norms_taken_together_are_those_taken_alone():
    rng = np.random.default_rng(1)
    shapes = [(4, 4), (3, 4), (4, 4), (0, 3), (120, 130), (120, 130), (1, 1), (3, 4)]
    matrices = [rng.standard_normal(shape) for shape in shapes]
    assert spectral_norms(matrices) == [spectral_norm(matrix) for matrix in matrices]
    assert spectral_norms([]) == []


def test_hundreds_of_layers_are_classified(data):
    start = time.process_time()
    result = classify_network(Checkpoint.of(deep_network(data, 400)), problem_of(*data))
    assert result.verdict is Verdict.GLOBAL_MINIMUM
    assert time.process_time() - start < SECONDS


def test_the_corners_of_a_staircase_are_the_pairs_that_no_other_implies():
    rng = np.random.default_rng(2)
    for _ in range(200):
        pairs = {(int(i), int(j)) for i, j in rng.integers(-6, 7, size=(rng.integers(0, 12), 2))}
        wanted = {(i, j) for i, j in pairs if not any(p >= i and q <= j and (p, q) != (i, j) for p, q in pairs)}
        assert set(_corners(pairs)) == wanted
