"""Independent channels: dense Hessians assembled from the data (critical_points), the paper's formulas evaluated on the
data themselves with pseudo-inverses, and points worked out by hand."""

import numpy as np
import pytest
from critical_points import chain, dense_hessian, random_data, random_point, true_type

from lossurf.api.classify import classify
from lossurf.data import Data
from lossurf.landscape.lemmas.evaluate import evaluate_lemmas, inner_rank
from lossurf.landscape.lemmas.hessian_blocks import block_disagreement, diagonal_block, first_layer_block
from lossurf.landscape.reading import read_point
from lossurf.network import WhitenedNetwork
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem
from lossurf.theory.lemma_texts import LEMMAS
from lossurf.words import Status

TAU = 1e-8
SECOND_ORDER = ("lemma-4.4", "corollary-4.5", "lemma-4.6")


def sensitivity(weights, X, Y):
    triangle = reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0])
    return (
        read_point([np.asarray(W, dtype=float) for W in weights], reduced_problem(triangle)).deciding(TAU).sensitivity
    )


def lemmas(weights, X, Y, tau=TAU):
    return evaluate_lemmas(sensitivity(weights, X, Y), tau)


def by_id(findings):
    grouped = {}
    for finding in findings:
        grouped.setdefault(finding.id, []).append(finding)
    return grouped


def drawn(seed, count):
    """Critical points, each with what is found at it."""
    rng = np.random.default_rng(seed)
    points = [random_point(rng) for _ in range(count)]
    return [(point, lemmas(point.weights, point.X, point.Y)) for point in points]


@pytest.fixture(scope="module")
def critical_points():
    return drawn(7, 150)


def test_at_constructed_critical_points_first_order_residuals_are_rounding(critical_points):
    for _, findings in critical_points:
        found = by_id(findings)
        assert set(found) == set(LEMMAS)
        for name in ("lemma-4.1", "lemma-4.2", "lemma-4.3"):
            (finding,) = found[name]
            assert finding.status is Status.HOLDS
            assert finding.residual < 1e-10


@pytest.mark.slow
def test_no_lemma_contradicts_a_dense_hessian_on_two_thousand_points():
    points = drawn(23, 2000)
    test_a_second_order_lemma_fails_only_where_the_dense_hessian_has_a_negative_eigenvalue(points)
    test_at_constructed_critical_points_first_order_residuals_are_rounding(points)


def test_a_second_order_lemma_fails_only_where_the_dense_hessian_has_a_negative_eigenvalue(critical_points):
    failed = dict.fromkeys(SECOND_ORDER, 0)
    for point, findings in critical_points:
        kind = true_type(point)
        for finding in findings:
            if finding.id not in SECOND_ORDER:
                continue
            assert finding.status is not Status.UNDECIDED
            if finding.status is Status.FAILS:
                failed[finding.id] += 1
                assert kind == "strict-saddle", (point.recipe, finding)
            else:
                assert finding.residual < 1e-9
    assert min(failed.values()) > 5


def test_at_a_random_point_the_residuals_are_large():
    rng = np.random.default_rng(3)
    X, Y = random_data(rng, 4, 3, 20)
    weights = [rng.standard_normal(shape) for shape in ((3, 4), (2, 3), (3, 2))]
    found = by_id(lemmas(weights, X, Y))
    for name in ("lemma-4.1", "lemma-4.2", "lemma-4.6"):
        (finding,) = found[name]
        assert finding.status is Status.FAILS
        assert finding.residual > 1e-2
    assert {finding.meaning for finding in found["lemma-4.6"]} == {"speaks of critical points only"}
    for name in ("lemma-4.4", "corollary-4.5"):
        assert any(finding.status is Status.FAILS and finding.residual > 1e-2 for finding in found[name])
    assert found["lemma-4.3"][0].status is Status.HOLDS  # an identity: true at every point


def test_residuals_agree_with_the_paper_s_formulas_on_the_data():
    # X has orthonormal rows and the least-squares map norm 1, so the user's coordinates are the whitened ones.
    rng = np.random.default_rng(11)
    X = np.linalg.qr(rng.standard_normal((30, 4)))[0].T
    Y = rng.standard_normal((3, 30))
    Y /= np.linalg.norm(Y @ X.T, 2)
    weights = [rng.standard_normal(shape) for shape in ((3, 4), (3, 3), (3, 3))]
    weights = [W / np.linalg.norm(W, 2) for W in weights]
    C = weights[2] @ weights[1]
    fit = C @ np.linalg.pinv(C.T @ C) @ C.T @ Y @ X.T @ np.linalg.inv(X @ X.T)
    found = by_id(lemmas(weights, X, Y))
    assert found["lemma-4.2"][0].residual == pytest.approx(np.linalg.norm(chain(weights, 4) - fit, 2), rel=1e-10)


def test_blocks_are_those_of_the_dense_hessian():
    rng = np.random.default_rng(5)
    layers = tuple(rng.standard_normal(shape) for shape in ((3, 4), (2, 3), (3, 2)))
    target = rng.standard_normal((3, 4))
    network = WhitenedNetwork(layers, target, (0.0,) * 3, 1.0)
    H = dense_hessian(layers, np.eye(4), target)
    offsets = np.concatenate([[0], np.cumsum([W.size for W in layers])])
    for k in (1, 2, 3):
        rows = slice(offsets[k - 1], offsets[k])
        V = rng.standard_normal(layers[k - 1].shape)
        assert np.allclose(diagonal_block(network, k, V).ravel(), H[rows, rows] @ V.ravel(), rtol=1e-12, atol=1e-12)
        if k > 1:
            mixed = H[: offsets[1], rows] @ V.ravel()
            assert np.allclose(first_layer_block(network, k, V).ravel(), mixed, rtol=1e-12, atol=1e-12)
    disagreement, rounding = block_disagreement(network)
    assert disagreement <= rounding < 1e-14


def test_all_zero_weights_satisfy_every_necessary_condition_from_depth_three_on_and_fail_one_at_depth_two():
    rng = np.random.default_rng(2)
    X, Y = random_data(rng, 3, 2, 15)
    deep = lemmas([np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 2))], X, Y)
    assert {str(finding.status) for finding in deep} == {"holds"}  # the bad saddle of Corollary 2.4
    shallow = by_id(lemmas([np.zeros((2, 3)), np.zeros((2, 2))], X, Y))
    # C = 0 while W_1 is free: R(I) is not in R(C^T C), and X r = -X Y^T != 0.
    assert shallow["lemma-4.4"][0].status is Status.FAILS
    assert shallow["corollary-4.5"][0].status is Status.FAILS
    assert shallow["lemma-4.4"][0].meaning == "the Hessian has a negative eigenvalue: a strict saddle"


def test_a_wrong_eigenvector_is_seen_by_lemma_4_6_alone_with_the_exchange_it_leaves_out():
    # Sigma = diag(4, 1), the network carries the second direction: exchanging gains 4 - 1, or 3/4 where ||T|| = 1.
    X = np.eye(2)
    Y = np.diag([2.0, 1.0])
    found = by_id(lemmas([np.array([[0.0, 1.0]]), np.array([[0.0], [1.0]])], X, Y))
    assert found["lemma-4.6"][0].status is Status.FAILS
    assert found["lemma-4.6"][0].residual == pytest.approx(0.75, rel=1e-12)
    assert found["lemma-4.4"][0].status is found["corollary-4.5"][0].status is Status.HOLDS


def test_float32_rounding_never_makes_a_lemma_contradict_the_type():
    rng = np.random.default_rng(13)
    for _ in range(60):
        point = random_point(rng)
        kind = true_type(point)
        weights = [np.float32(W) for W in point.weights]
        for finding in lemmas(weights, point.X, point.Y, 1e-6):
            assert finding.status is not Status.FAILS or (kind == "strict-saddle" and finding.id in SECOND_ORDER)


def test_near_the_tolerance_a_lemma_is_undecided():
    rng = np.random.default_rng(4)
    X, Y = random_data(rng, 3, 2, 15)
    weights = [rng.standard_normal((2, 3)), rng.standard_normal((2, 2))]
    measure = lemmas(weights, X, Y)[0].residual
    near = lemmas(weights, X, Y, 2.0 * measure)[0]
    assert near.id == "lemma-4.1"
    assert near.status is Status.UNDECIDED


def test_inner_rank_is_the_rank_of_the_inner_layers():
    rng = np.random.default_rng(6)
    X, Y = random_data(rng, 4, 3, 20)
    inner = np.outer(rng.standard_normal(3), rng.standard_normal(3))
    first, last = rng.standard_normal((3, 4)), rng.standard_normal((3, 3))
    assert inner_rank(sensitivity([first, inner, last], X, Y), TAU) == 1
    assert inner_rank(sensitivity([first, last], X, Y), TAU) == 3


def test_without_a_hidden_layer_the_lemmas_say_nothing():
    X, Y = random_data(np.random.default_rng(1), 3, 2, 9)
    assert lemmas([np.ones((2, 3))], X, Y) == ()


def test_classification_carries_lemmas_and_theorems_on_request():
    rng = np.random.default_rng(8)
    X, Y = random_data(rng, 3, 2, 15)
    data, zero = Data(X.T, Y.T), [np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 2))]
    result = classify(zero, data, lemmas=True)
    assert {finding.id for finding in result.lemmas} == set(LEMMAS)
    theorems = {finding.id: finding for finding in result.theorems}
    # rank(W_2) = 0 < p = 2: Theorem 2.3 (iv) does not speak, as it must not at a bad saddle.
    assert theorems["kawaguchi-2.3-iv"].because == ("inner-product-full-rank",)
    assert str(theorems["kawaguchi-2.4-deep"].applies) == "yes"
    assert classify(zero, data).lemmas is None
