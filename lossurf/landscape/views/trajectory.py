"""A training run as a sequence of losses: which critical level it rests on, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.fields import Count, Magnitude
from lossurf.landscape.verdict import Classification
from lossurf.numerics import surely_nonzero
from lossurf.reduction.problem import ReducedProblem

NEAR: Final = 0.05
"""A loss rests on a level if it is within a twentieth of the way to the nearest other level: by eye the same height in
a plot of all levels, and far enough from half way that the level is never in doubt."""


@dataclass(frozen=True)
class Level:
    """L_k, the least loss of a product of rank at most k, for the least such k (ties are one level).

    Attributes
    ----------
    rank : int
        k.
    loss : float
        L_k.
    """

    rank: Count
    loss: Magnitude


@dataclass(frozen=True)
class Visit:
    """One checkpoint of a run.

    Attributes
    ----------
    classification : Classification
    on_level : int or None
        The k of the level L_k it rests on; None between levels.
    for_checkpoints : int
        How many checkpoints in a row rest there, this one included; 0 between levels.
    """

    classification: Classification
    on_level: int | None
    for_checkpoints: int


@dataclass(frozen=True)
class Plateau:
    """A stretch of two or more checkpoints in a row on one level; `first` and `last` count from 0."""

    rank: int
    loss: float
    first: int
    last: int

    @property
    def checkpoints(self) -> int:
        """How many checkpoints it holds."""
        return self.last - self.first + 1


def levels(problem: ReducedProblem, rank_max: int) -> tuple[Level, ...]:
    """Return the different levels L_0 > L_1 > ... that products of rank at most `rank_max` can wait on, descending."""
    losses = problem.loss_by_rank[: rank_max + 1]
    roots = problem.target_svd[1][: losses.size - 1]
    lower = surely_nonzero(roots, problem.target_error())
    ranks = [0, *(k for k, falls in enumerate(lower, start=1) if falls)]
    return tuple(Level(k, float(losses[k])) for k in ranks)


def level_of(loss: float, run: tuple[Level, ...]) -> Level | None:
    """Return the level that a loss rests on."""
    heights = np.array([level.loss for level in run])
    nearest = int(np.argmin(np.abs(heights - loss)))
    others = np.delete(heights, nearest)
    if others.size == 0:  # nothing can be gained: the only level is the scale of everything
        return run[0] if abs(loss - heights[0]) <= NEAR * heights[0] else None
    spacing = float(np.min(np.abs(others - heights[nearest])))
    return run[nearest] if abs(loss - heights[nearest]) <= NEAR * spacing else None


class Follower:
    """Turns the classifications of a run, one after the other, into visits."""

    def __init__(self, run: tuple[Level, ...]) -> None:
        self._levels = run
        self._rank: int | None = None
        self._count = 0

    def visit(self, classification: Classification) -> Visit:
        """Return the next checkpoint with the level it rests on."""
        level = level_of(classification.loss, self._levels)
        rank = None if level is None else level.rank
        self._count = 0 if rank is None else self._count + 1 if rank == self._rank else 1
        self._rank = rank
        return Visit(classification, rank, self._count)


def plateaus(visits: Sequence[Visit], run: tuple[Level, ...]) -> tuple[Plateau, ...]:
    """Return the stretches of at least two checkpoints in a row on one level."""
    heights = {level.rank: level.loss for level in run}
    found = []
    for index, visit in enumerate(visits):
        is_end = index + 1 == len(visits) or visits[index + 1].for_checkpoints <= 1
        if visit.on_level is not None and visit.for_checkpoints >= 2 and is_end:
            first = index - visit.for_checkpoints + 1
            found.append(Plateau(visit.on_level, heights[visit.on_level], first, index))
    return tuple(found)
