"""Trusted: least squares of every rank by numpy's SVD on the data, and runs written down by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lossurf.landscape.views.trajectory import Follower, Level, Plateau, level_of, levels, plateaus
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

RUN = (Level(0, 100.0), Level(1, 40.0), Level(3, 10.0))


def follow(losses, run=RUN):
    follower = Follower(run)
    return [follower.visit(SimpleNamespace(loss=loss)) for loss in losses]


def test_levels_are_the_best_losses_of_every_rank():
    generator = np.random.default_rng(0)
    X, Y = generator.standard_normal((40, 5)), generator.standard_normal((40, 3))
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    s = np.linalg.svd(fit, compute_uv=False)
    rest = 0.5 * np.sum((Y - fit) ** 2)
    found = levels(reduced_problem(reduce_blocks([(X, Y)], 5, 3)), 2)
    assert [level.rank for level in found] == [0, 1, 2]
    expected = [rest + 0.5 * np.sum(s[k:] ** 2) for k in range(3)]
    np.testing.assert_allclose([level.loss for level in found], expected, rtol=1e-12)


def test_a_rank_that_gains_nothing_is_no_level_of_its_own():
    X = np.eye(4)
    Y = np.outer([1.0, 2.0, 0.0, 1.0], [1.0, -1.0, 0.5])  # rank 1
    assert [level.rank for level in levels(reduced_problem(reduce_blocks([(X, Y)], 4, 3)), 3)] == [0, 1]


@pytest.mark.parametrize(
    ("loss", "rank"),
    [(100.0, 0), (97.1, 0), (96.9, None), (42.0, None), (41.4, 1), (38.6, 1), (11.4, 3), (12.0, None), (400.0, None)],
)
def test_a_loss_rests_on_a_level_within_a_twentieth_of_the_nearest_spacing(loss, rank):
    found = level_of(loss, RUN)  # spacings: 60 at L_0, 30 at the others
    assert (None if found is None else found.rank) == rank


def test_where_nothing_can_be_gained_the_only_level_is_its_own_scale():
    assert level_of(10.2, (Level(0, 10.0),)) == Level(0, 10.0)
    assert level_of(11.0, (Level(0, 10.0),)) is None


def test_stays_are_counted_and_plateaus_have_two_or_more():
    visits = follow([100, 99.9, 70, 40.1, 40, 39.9, 10.2, 40, 10, 10])
    assert [visit.on_level for visit in visits] == [0, 0, None, 1, 1, 1, 3, 1, 3, 3]
    assert [visit.for_checkpoints for visit in visits] == [1, 2, 0, 1, 2, 3, 1, 1, 1, 2]
    found = plateaus(visits, RUN)
    assert found == (Plateau(0, 100.0, 0, 1), Plateau(1, 40.0, 3, 5), Plateau(3, 10.0, 8, 9))
    assert [plateau.checkpoints for plateau in found] == [2, 3, 2]


def test_a_run_without_rest_has_no_plateau():
    assert plateaus(follow([80, 60, 50, 25]), RUN) == ()
