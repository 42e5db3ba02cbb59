"""Depth is a loop: networks far deeper than Python's recursion limit are analysed, in time that grows with its square.

Independent channels: products multiplied out one by one, numpy's own norm of each matrix, the verdict that the closed
form of the best product gives.
"""

from __future__ import annotations

import sys
import time
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.norms import singular_values_of_each
from lossurf.landscape.reading import read_point
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.staircase import innermost, outermost
from lossurf.network import WhitenedNetwork, whiten
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.spectral import RELATIVE_ERROR, singular_values, spectral_norm
from lossurf.words import Verdict

DEEP = sys.getrecursionlimit() + 500
SECONDS = 20.0  # of the processor, three times and more what a thousand layers take


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
    for shape in ((4, 4), (3, 4), (0, 3), (1, 1), (5, 2)):
        matrices = rng.standard_normal((6, *shape))
        together = singular_values_of_each(matrices)
        assert together.tolist() == [singular_values(matrix).tolist() for matrix in matrices]
        assert not together.size or together[:, 0].tolist() == [spectral_norm(matrix) for matrix in matrices]


@pytest.mark.parametrize("direct", [96, 4])
@pytest.mark.parametrize("kept", [2**27, 0])
def test_tables_of_norms_and_ranks_whatever_is_taken_together_or_kept(monkeypatch, direct, kept):
    # channel: numpy's norm and singular values of every product and block, multiplied out one by one
    monkeypatch.setattr("lossurf.spectral._DIRECT", direct)
    monkeypatch.setattr("lossurf.landscape.inner_products._KEPT_BYTES", kept)
    rng = np.random.default_rng(8)
    widths = [3, 5, 2, 5, 4, 1, 6, 3]
    layers = tuple(rng.standard_normal((b, a)) for a, b in pairwise(widths))
    network = WhitenedNetwork(layers, rng.standard_normal((3, 3)), (0.0,) * 7, 1.0)
    sensitivity = Sensitivity(network)
    for i in range(2, 8):
        for j in range(1, i):
            M, above, below = np.eye(widths[j]), np.eye(3), np.eye(3)
            for W in layers[j : i - 1]:
                M = W @ M
            for W in layers[:i:-1] if i < 7 else ():
                above = above @ W
            for W in layers[: j - 1]:
                below = W @ below
            above = above @ layers[i] if i < 7 else above
            block = above.T @ network.residual @ below.T
            assert sensitivity.norm(i, j) == pytest.approx(np.linalg.norm(M, 2), rel=2 * RELATIVE_ERROR)
            assert sensitivity.block_norm(i, j) == pytest.approx(np.linalg.norm(block, 2), rel=2 * RELATIVE_ERROR)
            values = np.linalg.svd(M, compute_uv=False)
            for rank, ratio in enumerate(sensitivity.rank_ratio_table(np.array([[i, j]]), 0, 7)[0]):
                value = values[rank] if rank < values.size else 0.0
                if i == j + 1:
                    assert ratio == (np.inf if widths[j] > rank else 0.0)
                else:
                    assert ratio * sensitivity.change(i, j) == pytest.approx(value, rel=1e-9, abs=1e-13)


def on_chain(kind, depth, size=4):
    """A critical point whose layers are projections in random bases: a saddle of this kind by its construction.

    The product carries half of T. Behind it the tails are: none; all but the outer ones; all but three; all but some,
    at random.
    """
    rng = np.random.default_rng(depth)
    X, Y = rng.standard_normal((60, size)), rng.standard_normal((60, size))
    best = np.linalg.lstsq(X, Y, rcond=None)[0].T
    u = np.linalg.svd(best @ np.linalg.qr(X, mode="r").T)[0]
    kept = np.diag(np.arange(size) < size // 2).astype(float)
    tails = {
        "zero": [kept] * depth,
        "inner": [kept, *[np.eye(size)] * (depth - 2), kept],
        "gaps": [kept if k % (depth // 4) == depth // 8 else np.eye(size) for k in range(depth)],
        "random": [
            kept,
            *[np.diag(np.diag(kept) + (rng.random(size) < 0.9) > 0.0) * 1.0 for _ in range(depth - 2)],
            kept,
        ],
    }[kind]
    bases = [np.eye(size), *(rotation(rng, size) for _ in range(depth - 1)), u]
    layers = [after @ part @ before.T for (before, after), part in zip(pairwise(bases), tails, strict=True)]
    return [layers[0] @ u.T @ best, *layers[1:]], (X, Y)


CHAINS = {"zero": Verdict.BAD_SADDLE, "inner": Verdict.STRICT_SADDLE, "gaps": Verdict.BAD_SADDLE, "random": None}


def test_a_thousand_layers_at_a_minimum(data):
    start = time.process_time()
    result = classify_network(Checkpoint.of(deep_network(data, 1000)), problem_of(*data))
    assert result.verdict is Verdict.GLOBAL_MINIMUM
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    ("kind", "depth"), [("inner", 1000), ("gaps", 400), pytest.param("gaps", 1000, marks=pytest.mark.slow)]
)
def test_a_thousand_layers_at_a_saddle(kind, depth):
    weights, samples = on_chain(kind, depth)
    start = time.process_time()
    result = classify_network(Checkpoint.of(weights), problem_of(*samples))
    assert result.verdict is CHAINS[kind]
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("kind", CHAINS)
@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-5])
def test_the_edge_between_strict_and_bad_is_that_of_all_pairs(kind, noise):
    # channel: every pair asked on its own, from products multiplied out here
    weights, samples = on_chain(kind, 16)
    rng = np.random.default_rng(3)
    weights = [W + noise * rng.standard_normal(W.shape) for W in weights]
    test = read_point(weights, problem_of(*samples)).balanced
    layers, E, pairs = test.network.layers, test.network.residual, []
    for i in range(2, 17):
        for j in range(1, i):
            M, above, below = (
                reduce(lambda done, W: W @ done, part, np.eye(4))
                for part in (layers[j : i - 1], layers[i:], layers[: j - 1])
            )
            block = np.linalg.norm(above.T @ E @ below.T, 2) / test.sensitivity.block_change(i, j)
            values = np.linalg.svd(M, compute_uv=False)
            pairs.append((block, values / test.sensitivity.change(i, j) if i > j + 1 else [np.inf] * 4))
    for rank in (0, 1, 2, 3):
        wanted = max(min(block, values[rank]) for block, values in pairs)
        assert test.strict_below(rank) == pytest.approx(wanted, rel=1e-6, abs=1e-14)
        tau = np.sqrt(wanted) * 1e-5 if wanted > 1e-10 else 1e-9
        assert bool(test.strict_pairs(rank, tau).size) == bool(wanted > tau)


def test_the_corners_of_a_staircase_are_the_pairs_that_no_other_implies():
    rng = np.random.default_rng(2)
    for _ in range(300):
        size = int(rng.integers(1, 9))
        mask = rng.random((size, size)) < rng.random()
        pairs = [(int(i), int(j)) for i, j in np.argwhere(mask)]
        outer = [(i, j) for i, j in pairs if not any(p >= i and q <= j and (p, q) != (i, j) for p, q in pairs)]
        inner = [(i, j) for i, j in pairs if not any(p <= i and q >= j and (p, q) != (i, j) for p, q in pairs)]
        assert outermost(mask) == outer
        assert innermost(mask) == inner
