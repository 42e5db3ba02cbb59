"""Constructed points against dense Hessians on the data, the loss on the data, and the theorems' exclusions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from critical_points import Point, balanced, chain, eigen_system, loss, random_data, true_type
from process import ROOT

import lossurf
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.data import open_dataset
from lossurf.landscape.classify import classify_network
from lossurf.landscape.points.construct import construct_point
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

KINDS = ("global-minimum", "strict-saddle", "bad-saddle")
SAMPLES = ("wine", "linnerud", "diabetes", "digits")


def problem_of(X, Y, *, bias=False):
    return reduced_problem(reduce_blocks([(X.T, Y.T)], X.shape[0], Y.shape[0]), bias=bias)


def sample_problem(name, *, bias=False):
    dataset = open_dataset(ROOT / "sample_data" / name)
    return reduced_problem(reduce_blocks(dataset.blocks(), dataset.dx, dataset.dy), bias=bias)


def random_request(rng):
    """Return data, widths, kind, rank, how, dtype: only what the theorems allow."""
    H = int(rng.integers(1, 5))
    widths = rng.integers(1, 8, H + 2).tolist()
    X, Y = random_data(rng, widths[0], widths[-1], int(rng.integers(2, 20)))
    kind = str(rng.choice(KINDS[: 2 if H == 1 else 3]))
    optimal = min(*widths, int(np.sum(eigen_system(X, Y)[1] > 1e-9)))
    rank = optimal if kind == "global-minimum" else int(rng.integers(0, optimal))
    return X, Y, widths, kind, rank, str(rng.choice(["float64", "float32"]))


def agree(seeds):
    """Return the requests whose points are, to the dense Hessian, of another kind."""
    wrong = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        X, Y, widths, kind, rank, dtype = random_request(rng)
        made = construct_point(problem_of(X, Y), widths, kind, rank=rank, seed=int(rng.integers(99)), dtype=dtype)
        assert [W.shape for W in made.weights] == list(zip(widths[1:], widths[:-1], strict=True))
        checkpoint = Checkpoint.of(made.weights, dtypes=[dtype] * len(made.weights))
        verdict = classify_network(checkpoint, problem_of(X, Y)).verdict
        tolerance = 1e-9 if dtype == "float64" else 1e-5  # rounding to float32 bends a flat direction by its eps
        eigen_set = tuple(i - 1 for i in made.eigen_indices)
        true = true_type(Point(balanced(made.weights), X, Y, eigen_set, dtype), relative=tolerance)
        if not verdict == kind == true:
            wrong.append((seed, kind, verdict, true))
    return wrong


def test_constructed_points_are_what_the_dense_hessian_says():
    # channel: eigenvalues of the dense Hessian, assembled from the data
    assert agree([71, k] for k in range(50)) == []


@pytest.mark.slow
def test_five_hundred_constructed_points_are_what_the_dense_hessian_says():
    # channel: eigenvalues of the dense Hessian, assembled from the data
    assert agree([72, k] for k in range(500)) == []


def test_loss_and_product_are_those_of_the_eigen_set():
    # channel: singular values of T from the data
    rng = np.random.default_rng(3)
    X, Y = random_data(rng, 6, 4, 15)
    u, values, P_ols, _ = eigen_system(X, Y)
    made = construct_point(problem_of(X, Y), (6, 5, 4, 4), "strict-saddle", eigen_set=(3, 1), seed=5)
    assert made.eigen_indices == (1, 3)
    U = u[:, [0, 2]]
    assert np.allclose(chain(made.weights, 6), U @ U.T @ P_ols, atol=1e-12)
    left = 0.5 * np.sum((P_ols @ X - Y) ** 2) + 0.5 * np.sum(values[[1, 3]] ** 2)
    assert made.loss == pytest.approx(left, rel=1e-12)
    assert loss(made.weights, X, Y) == pytest.approx(left, rel=1e-12)


@pytest.mark.parametrize("by", ["wrong-eigenset", "tails"])
def test_strict_saddles_of_both_kinds_carry_the_certificate_asked_for(by):
    rng = np.random.default_rng(4)
    X, Y = random_data(rng, 5, 4, 12)
    made = construct_point(problem_of(X, Y), (5, 4, 4, 4), "strict-saddle", rank=2, by=by)
    assert made.classification.certificate.kind == by


def sample_agreement(names, depths, dtypes):
    for name, H, dtype, bias, kind in product(names, depths, dtypes, (False, True), KINDS):
        if H == 1 and kind == "bad-saddle":
            continue
        problem = sample_problem(name, bias=bias)
        widths = (problem.dx, *[4] * H, problem.dy)
        made = construct_point(problem, widths, kind, seed=H, dtype=dtype)
        checkpoint = Checkpoint.of(made.weights, made.biases, dtypes=[dtype] * len(made.weights))
        assert classify_network(checkpoint, problem).verdict == kind


def test_every_kind_on_sample_data():
    sample_agreement(("wine", "linnerud", "diabetes"), (2,), ("float64",))


@pytest.mark.slow
def test_every_kind_on_every_sample_dataset():
    sample_agreement(SAMPLES, (1, 2, 4), ("float64", "float32"))


def test_the_same_seed_makes_the_same_point_and_another_seed_another():
    rng = np.random.default_rng(6)
    problem = problem_of(*random_data(rng, 4, 3, 9))
    first, again, other = (construct_point(problem, (4, 3, 3, 3), "bad-saddle", seed=s).weights for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.allclose(first[1], other[1])


def test_layers_are_well_conditioned_at_any_depth():
    rng = np.random.default_rng(7)
    problem = problem_of(*random_data(rng, 6, 5, 20))
    made = construct_point(problem, (6, *[6] * 30, 5), "global-minimum")
    assert all(np.linalg.norm(W, 2) <= 4.0 for W in made.weights[1:])
    assert made.classification.stable_from < 1e-12


@pytest.mark.parametrize("case", ["tie", "zero eigenvalue", "dependent columns", "more outputs than inputs"])
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_data_are_handled(case, kind):
    # channel: eigenvalues of the dense Hessian
    rng = np.random.default_rng(8)
    dx, dy = (3, 5) if case == "more outputs than inputs" else (5, 4)
    X, Y = random_data(rng, dx, dy, 14, tie=case == "tie", zero=case == "zero eigenvalue")
    if case == "dependent columns":
        X = np.vstack([X, X[:1] + X[1:2], 0.0 * X[:1]])
    made = construct_point(problem_of(X, Y), (X.shape[0], 4, 4, dy), kind)
    eigen_set = tuple(i - 1 for i in made.eigen_indices)
    assert true_type(Point(balanced(made.weights), X, Y, eigen_set, case)) == kind


def test_output_bias_makes_the_mean_residual_vanish():
    # channel: residuals on the data
    rng = np.random.default_rng(9)
    X, Y = random_data(rng, 4, 3, 12)
    Y = Y + np.array([[5.0], [-2.0], [100.0]])
    made = construct_point(problem_of(X, Y, bias=True), (4, 3, 3, 3), "bad-saddle")
    residual = chain(made.weights, 4) @ X + made.biases[-1][:, None] - Y
    assert np.allclose(residual.mean(axis=1), 0.0, atol=1e-12)
    assert made.loss == pytest.approx(0.5 * np.sum(residual**2), rel=1e-12)


def data_of_rank(rank, dx=4, dy=4):
    rng = np.random.default_rng(10)
    X = rng.standard_normal((dx, 12))
    left, right = rng.standard_normal((dy, rank)), rng.standard_normal((rank, dx))
    return problem_of(X, left @ right @ X)


IMPOSSIBLE = [
    ("bad-saddle", (4, 4, 4), {}, "Corollary 2.4"),
    ("bad-saddle", (4, 4), {}, "convex"),
    ("strict-saddle", (4, 4), {}, "convex"),
    ("strict-saddle", (4, 2, 4), {"rank": 3}, "rank at most 2"),
    ("strict-saddle", (4, 4, 4), {"eigen_set": (1, 4)}, "eigenvalue 4 of Sigma is zero"),
    ("strict-saddle", (4, 4, 4), {"rank": 4}, "3 non-zero eigenvalues"),
    ("strict-saddle", (4, 4, 4), {"eigen_set": (1, 2, 3)}, "Theorem 2.3 (ii)"),
    ("strict-saddle", (4, 4, 4), {"rank": 3, "by": "tails"}, "Theorem 2.3 (ii)"),
    ("strict-saddle", (4, 4, 4), {"rank": 3, "by": "wrong-eigenset"}, "leave out a larger"),
    ("strict-saddle", (4, 4, 4), {"eigen_set": (1, 2), "by": "wrong-eigenset"}, "no exchange"),
    ("strict-saddle", (4, 4, 4), {"eigen_set": (2,), "by": "tails"}, "not a best fit"),
    ("bad-saddle", (4, 4, 4, 4), {"eigen_set": (2,)}, "Achour"),
    ("bad-saddle", (4, 4, 4, 4), {"rank": 3}, "Theorem 2.3 (ii)"),
    ("global-minimum", (4, 4, 4), {"rank": 2}, "Theorem 2.3 (iii)"),
    ("global-minimum", (4, 2, 4), {"eigen_set": (1, 3)}, "Theorem 2.3 (iii)"),
    ("global-minimum", (4, 2, 4), {"eigen_set": (1, 1)}, "no eigenvector 1"),
    ("global-minimum", (4, 2, 4), {"eigen_set": (1, 5)}, "no eigenvector 5"),
    ("global-minimum", (4, 2, 4), {"eigen_set": (1, 2), "rank": 1}, "not 1"),
    ("global-minimum", (3, 2, 4), {}, "do not lead"),
    ("global-minimum", (), {}, "do not lead"),
    ("global-minimum", (4, 0, 4), {}, "do not lead"),
    ("strict-saddle", (4, 2, 4), {"rank": -1}, "less than zero"),
    ("strict-saddle", (4, 2, 4), {"by": "gap"}, "not one of"),
    ("strict-saddle", (4, 2, 4), {"dtype": "int8"}, "not one of"),
    ("not-critical", (4, 2, 4), {}, "not one of"),
]


@pytest.mark.parametrize(("kind", "widths", "request_", "reason"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_the_theorem_that_forbids_it(kind, widths, request_, reason):
    with pytest.raises(UsageError) as raised:
        construct_point(data_of_rank(3), widths, kind, **request_)
    assert reason in str(raised.value)
    assert raised.value.where


def test_data_that_x_does_not_explain_have_only_minima():
    X = np.array([[1.0, -1.0, 1.0, -1.0]])
    problem = problem_of(X, np.array([[1.0, 1.0, -1.0, -1.0]]))
    assert construct_point(problem, (1, 2, 2, 1), "global-minimum").rank == 0
    with pytest.raises(UsageError, match="explains nothing"):
        construct_point(problem, (1, 2, 2, 1), "bad-saddle")


def test_a_kind_that_rounding_destroys_is_refused():
    rng = np.random.default_rng(12)
    X = rng.standard_normal((3, 10)) * np.array([[1.0], [1e-5], [1.0]])
    X[1] += X[0]
    Y = rng.standard_normal((3, 10))
    with pytest.raises(UsageError, match=r"float16.*classified as"):
        construct_point(problem_of(X, Y), (3, 3, 3, 3), "bad-saddle", rank=2, dtype="float16")
    with pytest.raises(UsageError, match="leave the range of float16"):
        construct_point(problem_of(X, Y * 1e9), (3, 3, 3, 3), "bad-saddle", rank=2, dtype="float16")


def test_the_python_api_takes_samples_as_rows():
    # channel: singular values by numpy on the data as given
    rng = np.random.default_rng(13)
    X, Y = rng.standard_normal((20, 4)), rng.standard_normal((20, 3))
    made = lossurf.construct(X, Y, [4, 3, 3, 3], "bad-saddle", rank=1)
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    s = np.linalg.svd(fit, compute_uv=False)
    assert made.loss == pytest.approx(0.5 * (np.sum((Y - fit) ** 2) + s[1] ** 2 + s[2] ** 2), rel=1e-12)
    assert lossurf.classify(made.weights, X, Y).verdict == "bad-saddle"
    rounded = lossurf.construct(X, Y, [4, 3, 3, 3], "bad-saddle", rank=1, dtype="float32").weights
    assert {W.dtype for W in rounded} == {np.dtype(np.float32)}
    assert lossurf.classify(rounded, X, Y).verdict == "bad-saddle"
