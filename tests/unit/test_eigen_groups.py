"""Which eigenvectors of Sigma a product carries, on targets whose singular values are written down."""

from __future__ import annotations

import numpy as np
import pytest

import lossurf
from lossurf.landscape import levels
from lossurf.numerics import UNDECIDED_FACTOR

ROOTS = np.array([3.0, 2.0, 2.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def problem():
    """X = I, so that T is Y^T but for its unit: outputs 5, inputs 6, singular values ROOTS / ||T||."""
    return lossurf.Data(np.eye(6), np.vstack([np.diag(ROOTS), np.zeros((1, 5))])).problem(bias=False)


def carried_eigenvectors(problem, product, rank):
    """By numpy's singular values of the product."""
    least = np.linalg.svd(product, compute_uv=False)[rank - 1] if rank else 0.0
    return told(problem, product @ problem.target_svd[2].T, rank, least=least)


def told(problem, mapped, rank, *, least):
    """Of a product in the singular vectors of T, and what its least singular value is taken for."""
    return levels.carried_eigenvectors(problem, mapped, levels.overlaps_of(problem, mapped), rank, least=least)


def carrying(problem, rows):
    """Product, in the coordinates of T, whose range is spanned by some outputs."""
    kept = np.zeros(len(ROOTS))
    kept[list(rows)] = 1.0
    return kept[:, None] * problem.target


@pytest.mark.parametrize("rows", [(), (0,), (3,), (0, 3), (0, 1, 2), (0, 1, 2, 3), (1, 2)])
def test_whole_groups_are_carried_or_not(problem, rows):
    found = carried_eigenvectors(problem, carrying(problem, rows), len(rows))
    assert found.sizes.tolist() == [1, 2, 1, 1]
    assert found.counts.tolist() == [sum(row in group for row in rows) for group in ((0,), (1, 2), (3,), (4,))]
    assert found.roots * problem.scale == pytest.approx(ROOTS[list(rows)], abs=1e-14)
    assert found.left.shape == (5, len(rows))
    assert np.linalg.norm(found.left @ found.left.T - np.diag(np.isin(range(5), rows))) < 1e-14
    # what goes in on the right is what comes out on the left, times the root
    assert np.linalg.norm(problem.target @ found.right - found.roots * found.left) < 1e-14
    # the others are those that are left, on both sides
    whole, right = np.hstack([found.left, found.others]), np.hstack([found.right, found.others_right])
    assert np.linalg.norm(whole.T @ problem.target @ right - np.diag(np.diag(whole.T @ problem.target @ right))) < 1e-14
    assert np.linalg.norm(whole.T @ whole - np.eye(5)) + np.linalg.norm(right.T @ right - np.eye(5)) < 1e-14


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
def test_of_tied_eigenvectors_the_combination_in_the_range_is_carried(problem, angle):
    mixed = np.array([0.0, np.cos(angle), np.sin(angle), 0.0, 0.0])
    found = carried_eigenvectors(problem, np.outer(mixed, mixed) @ problem.target, 1)
    assert np.linalg.norm(found.left @ found.left.T - np.outer(mixed, mixed)) < 1e-14
    assert np.linalg.norm(problem.target @ found.right - found.roots * found.left) < 1e-14
    assert found.counts.tolist() == [0, 1, 0, 0]
    assert np.linalg.norm(found.others.T @ found.left) < 1e-14


@pytest.mark.parametrize(("angle", "nearest"), [(0.4, 0), (1.2, 3)])
def test_of_a_range_between_two_eigenvectors_the_nearer_is_carried(problem, angle, nearest):
    """How far it is, and whether the point is then the one that was meant, is for the shadow to say."""
    between = np.array([np.cos(angle), 0.0, 0.0, np.sin(angle), 0.0])
    found = carried_eigenvectors(problem, np.outer(between, between) @ problem.target, 1)
    assert np.abs(found.left[:, 0]) == pytest.approx(np.eye(5)[nearest], abs=1e-14)


def test_a_range_in_equal_parts_of_three_eigenvectors_is_none_of_them(problem):
    even = np.array([1.0, 0.0, 1.0, 1.0, 0.0]) / np.sqrt(3.0)
    assert carried_eigenvectors(problem, np.outer(even, even) @ problem.target, 1) is None


def test_an_eigenvector_of_eigenvalue_zero_is_carried_by_no_critical_point(problem):
    product = np.zeros((5, 6))
    product[4, 5] = 1.0
    assert carried_eigenvectors(problem, product, 1) is None


@pytest.mark.parametrize(("apart", "together"), [(0.0, True), (0.7, True), (1.5, False)])
def test_roots_nearer_than_their_error_go_together(apart, together):
    """The edge: the error of T and the factor that makes a difference sure."""
    Y = np.vstack([np.diag([2.0, 1.0, 1.0]), np.zeros((1, 3))])
    plain = lossurf.Data(np.eye(4), Y).problem(bias=False)
    Y[1, 1] += apart * UNDECIDED_FACTOR * plain.target_error() * plain.scale
    moved = lossurf.Data(np.eye(4), Y).problem(bias=False)
    sizes = carried_eigenvectors(moved, np.zeros((3, 4)), 0).sizes.tolist()
    assert sizes == ([1, 2] if together else [1, 1, 1])


def test_nothing_and_all_outputs_are_carried_whatever_rounding_the_product_is():
    # T = diag(2, 1e-9) / 2: a product of that size is rounding beside T, and not beside its second singular value
    problem = lossurf.Data(np.eye(3), np.vstack([np.diag([2.0, 1e-9]), np.zeros((1, 2))])).problem(bias=False)
    rounding = np.full((2, 2), 1e-9)
    assert told(problem, rounding, 0, least=0.0).counts.tolist() == [0, 0]
    assert told(problem, rounding, 2, least=1e-9).counts.tolist() == [1, 1]
    assert told(problem, 1e9 * rounding, 1, least=1.0) is None
    # beside a singular value of 1 of the product, its rounding along the second is nothing, however small that one is
    first = np.diag(np.sign(np.diag(problem.target_svd[0]))) @ np.diag([1.0, 5e-10])
    assert told(problem, first, 1, least=1.0).counts.tolist() == [1, 0]


def test_beside_tied_eigenvectors_of_which_one_is_carried_so_may_be_another_group(problem):
    mixed = np.array([0.0, 0.6, 0.8, 0.0, 0.0])
    range_of = np.outer(mixed, mixed) + np.diag([0.0, 0.0, 0.0, 1.0, 0.0])
    found = carried_eigenvectors(problem, range_of @ problem.target, 2)
    assert found.counts.tolist() == [0, 1, 1, 0]
    assert found.roots * problem.scale == pytest.approx([2.0, 1.0], abs=1e-14)
    assert np.linalg.norm(found.left @ found.left.T - range_of) < 1e-14
    assert np.linalg.norm(problem.target @ found.right - found.roots * found.left) < 1e-14


@pytest.mark.parametrize("rows", [(0,), (2,), (0, 2), (0, 1, 2)])
def test_outputs_and_inputs_turned_at_random_are_told_by_their_singular_vectors(rows):
    rng = np.random.default_rng(3)
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (5, 3))
    Y = np.vstack([right @ np.diag([3.0, 2.0, 1.0]) @ left[:, :3].T, np.zeros((1, 5))])
    problem = lossurf.Data(np.eye(4, 3), Y).problem(bias=False)
    range_of = left[:, list(rows)] @ left[:, list(rows)].T
    found = carried_eigenvectors(problem, range_of @ problem.target, len(rows))
    assert np.linalg.norm(found.left @ found.left.T - range_of) < 1e-14
    assert found.others.shape == (5, 3 - len(rows))


def test_an_eigenvalue_within_the_error_of_the_data_is_carried_by_no_critical_point():
    rows = np.vstack([np.diag([1.0, 1e-4]), np.zeros((1, 2))])
    coarse = lossurf.Data(np.eye(3, 2, dtype="float16"), rows.astype("float16")).problem(bias=False)
    assert coarse.target_svd[1][1] <= levels.root_resolution(coarse)
    second = np.diag([0.0, 1.0]) @ coarse.target
    assert carried_eigenvectors(coarse, second, 1) is None
    fine = lossurf.Data(np.eye(3, 2), rows).problem(bias=False)
    assert carried_eigenvectors(fine, np.diag([0.0, 1.0]) @ fine.target, 1).counts.tolist() == [0, 1]


def test_where_x_is_zero_nothing_is_carried():
    problem = lossurf.Data(np.zeros((3, 2)), np.ones((3, 2))).problem(bias=False)
    found = told(problem, np.zeros((2, problem.target_svd[1].size)), 0, least=0.0)
    assert (found.roots.size, found.left.shape, int(found.sizes.sum())) == (0, (2, 0), problem.target_svd[1].size)
