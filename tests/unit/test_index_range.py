"""Morse indices of a level, against the eigenvalues of dense Hessians at points of random and of chosen tails."""

import numpy as np
import pytest
from critical_points import Point, build, eigen_system, random_data, random_point
from test_inertia import counted

from lossurf.landscape.index_range import index_range


def range_of(point):
    values = eigen_system(point.X, point.Y)[1]
    values = values[values > 1e-9]
    carried = list(point.eigen_set)
    left = [k for k in range(values.size) if k not in carried]
    inversions = sum(values[b] > values[a] * (1.0 + 1e-9) for a in carried for b in left)
    hidden = [len(W) - len(carried) for W in point.weights[:-1]]
    return index_range(hidden, len(left), int(inversions))


def inside(seeds):
    reached, told = set(), set()
    for seed in seeds:
        rng = np.random.default_rng([12, seed])
        point = random_point(rng, max_depth=4, max_dim=4)
        if any(0.0 < np.linalg.norm(W, 2) < 1e-6 for W in point.weights):
            continue
        least, most, proved = range_of(point)
        negative = counted(point)[0]
        told.add(proved)
        assert least <= negative, seed
        assert most is None or negative <= most, seed
        reached |= {("least", negative == least), ("most", negative == most)}
    assert told == {True, False}
    return reached


def test_random_tails_stay_within_the_range_and_reach_both_ends():
    assert {("least", True), ("most", True)} <= inside(range(150))


@pytest.mark.slow
def test_three_thousand_more():
    inside(range(1000, 4000))


def test_inner_tails_let_every_idle_unit_grow_along_every_direction():
    # channel: signs of the dense Hessian's eigenvalues
    rng = np.random.default_rng(0)
    X, Y = random_data(rng, 3, 3, 12)

    weights = build(rng, [3, 3, 3, 3], X, Y, eigen_set=(0,), recipe="inner")
    point = Point(weights, X, Y, (0,), "inner")
    assert range_of(point) == (0, 4, False)
    assert counted(point)[0] == 4


def test_uneven_widths_do_better_by_showing_a_direction_to_the_wider_layer():
    # channel: a point made by hand, widths 4, 2, 5, 4: one unit of the first layer sees one input direction of T
    rng = np.random.default_rng(1)
    X = np.linalg.qr(rng.standard_normal((6, 4)))[0].T
    T = np.diag([4.0, 3.0, 0.0, 0.0])
    first = np.zeros((2, 4))
    first[0, 0] = 1.0
    weights = [first, np.zeros((5, 2)), np.zeros((4, 5))]

    point = Point(weights, X, T @ X, (), "by hand")
    least, most, proved = range_of(point)
    assert (least, proved) == (0, False)
    assert counted(point)[0] == 5  # each unit of the second layer can take it on
    assert most >= 5


def test_one_hidden_layer_and_none_leave_no_choice():
    assert index_range([3], 2, 1) == (7, 7, True)
    assert index_range([], 0, 0) == (0, 0, True)


def test_a_bottleneck_at_its_rank_is_a_minimum_whatever_the_tails():
    assert index_range([0, 5, 3], 4, 0) == (0, 0, True)
    assert index_range([5, 0, 3], 4, 2) == (2, 2, True)


def test_nothing_left_out_leaves_nothing_to_grow():
    assert index_range([2, 2], 0, 0) == (0, 0, True)


def test_too_many_ways_are_left_open():
    assert index_range([9] * 9, 9, 2) == (2, None, False)
