"""Levels of the loss with weight decay: what a run can rest on, and critical values with the kinds of point there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from math import comb
from typing import Final

import numpy as np

from lossurf.landscape.bias import MeanResidual
from lossurf.landscape.levels import CriticalValue
from lossurf.landscape.views.trajectory import Level
from lossurf.numerics import default_tolerance
from lossurf.reduction.blas_threads import ONE_THREAD
from lossurf.reduction.problem import ReducedProblem
from lossurf.regularised.continuation import Member, follow, layers_of, lowest_of_rank, roots_of
from lossurf.regularised.judge import Setting
from lossurf.regularised.least import LowerBound, lower_bound, ridge
from lossurf.regularised.point import Point
from lossurf.regularised.scaled import ScaledProblem, scaled_problem
from lossurf.regularised.signal import Signal
from lossurf.words import DType

_MOST: Final = 64  # points that are followed: each takes some hundredths of a second where the layers are small
_WORK: Final = 1e8  # and fewer where they are not: (dx + dy)^3 of all together, some ten seconds
_SAME: Final = 1e-9  # of the loss at zero, or of a product: what two branches that end at one point differ by


def levels_with_decay(problem: ReducedProblem, decay: float, widths: Sequence[int]) -> tuple[Level, ...]:
    """Return the least losses with weight decay that were found of every rank, descending.

    Parameters
    ----------
    problem : ReducedProblem
        Centred exactly when the network has an output bias.
    decay : float
        lam > 0.
    widths : sequence of int
        d_0, ..., d_N.

    Returns
    -------
    tuple of Level
        From rank 0 on; a rank that gains nothing over those below it is left out.
    """
    scaled = scaled_problem(problem, decay, len(widths) - 1)
    if scaled.depth == 1:
        return (Level(min(widths), scaled.in_data_units(scaled.loss((ridge(scaled),)))),)
    found = [Level(0, scaled.in_data_units(scaled.zero_loss))]
    lowest = scaled.zero_loss
    for rank in range(1, min(*widths, *scaled.T.shape) + 1):
        signal = lowest_of_rank(scaled, widths, rank)
        if signal is None or signal.rank < rank:
            break
        loss = scaled.loss(signal.layers)
        if loss < lowest - _SAME * scaled.zero_loss:
            found.append(Level(rank, scaled.in_data_units(loss)))
            lowest = loss
    return tuple(found)


def critical_values_with_decay(
    problem: ReducedProblem, decay: float, widths: tuple[int, ...]
) -> tuple[tuple[CriticalValue, ...], bool]:
    """List critical values of the loss with weight decay, highest first.

    Parameters
    ----------
    problem, decay
        As for `levels_with_decay`.
    widths : tuple of int
        (dx, hidden widths, dy).

    Returns
    -------
    tuple of CriticalValue
        `eigen_indices` are those that the product carries as the inputs are whitened, from where it was followed to the
        data; with three and more layers a set stands for several points, as each singular value has two sizes.
    bool
        Whether these are all: where X X^T is a multiple of a projector, and the sets are few enough.
    """
    scaled = scaled_problem(problem, decay, len(widths) - 1)
    if scaled.depth == 1:
        judged = _Judged(scaled, widths, lower_bound(scaled, Point(scaled, (ridge(scaled),)), widths))
        best = judged.value(None, (ridge(scaled),))
        return (best,), True
    sets, every = _member_sets(scaled, min(widths))
    with ONE_THREAD:  # thousands of small factorisations, which threads only make wait for each other
        points = [(members, signal) for members in sets if (signal := follow(scaled, members)) is not None]
        lowest = min((layers_of(signal, widths) for _, signal in points), key=scaled.loss)
        judged = _Judged(scaled, widths, lower_bound(scaled, Point(scaled, lowest), widths))
        values = [judged.value(members, layers_of(signal, widths)) for members, signal in _distinct(points)]
    return tuple(sorted(values, key=lambda value: (-value.loss, value.rank))), every and _is_white(scaled)


class _Judged:
    """Critical points judged against one lower bound."""

    def __init__(self, scaled: ScaledProblem, widths: tuple[int, ...], bound: LowerBound) -> None:
        self._scaled, self._widths, self._bound = scaled, widths, bound

    def value(self, members: Sequence[Member] | None, layers: Sequence[np.ndarray]) -> CriticalValue:
        tau = default_tolerance([DType.FLOAT64])
        point = Point(self._scaled, layers)
        judgement = Setting(point, self._scaled, tau, self._widths, self._bound, MeanResidual(0.0, 0.0)).judge()
        signs = judgement.signs
        negative = 0 if signs is None else signs.counts(tau).negative
        sure = signs is None or signs.complete
        return CriticalValue(
            rank=min(self._widths) if members is None else len(members),
            eigen_indices=() if members is None else tuple(sorted(member.index for member in members)),
            loss=self._scaled.in_data_units(self._scaled.loss(layers)),
            kinds=(judgement.verdict,),
            index_least=negative,
            index_most=negative if sure else None,
            index_most_proved=sure,
        )


def _member_sets(problem: ScaledProblem, widest: int) -> tuple[Iterator[tuple[Member, ...]], bool]:
    """Yield eigen-sets with the sizes of their singular values; whether these are all."""
    roots = [len(found) for found in roots_of(problem)]
    stationary = [i for i, count in enumerate(roots, start=1) if count]
    highest = min(widest, len(stationary))
    sizes = 2 if problem.depth > 2 else 1
    most = min(_MOST, int(_WORK / (len(problem.F) + len(problem.T)) ** 3))
    if sum(comb(len(stationary), rank) * sizes**rank for rank in range(highest + 1)) <= most:
        return _all_sets(stationary, highest, sizes), True
    return _leading_sets(stationary, min(highest, most // 3), sizes), False


def _all_sets(stationary: list[int], highest: int, sizes: int) -> Iterator[tuple[Member, ...]]:
    for rank in range(highest + 1):
        for chosen in combinations(stationary, rank):
            for lower in product((False, True)[:sizes], repeat=rank):
                yield tuple(map(Member, chosen, lower))


def _leading_sets(stationary: list[int], highest: int, sizes: int) -> Iterator[tuple[Member, ...]]:
    """Yield the leading sets, and these with the last one at its smaller size, or exchanged for the next."""
    for rank in range(highest + 1):
        kept = tuple(map(Member, stationary[:rank]))
        yield kept
        if rank and sizes == 2:
            yield (*kept[:-1], Member(stationary[rank - 1], lower=True))
        if rank and rank < len(stationary):
            yield (*kept[:-1], Member(stationary[rank]))


def _distinct(
    points: Sequence[tuple[tuple[Member, ...], Signal]],
) -> Iterator[tuple[tuple[Member, ...], Signal]]:
    """Leave out a point where an earlier branch ended as well."""
    kept: list[Signal] = []
    for members, signal in points:
        size = float(np.linalg.norm(signal.product))
        if any(np.linalg.norm(signal.product - other.product) <= _SAME * size for other in kept):
            continue
        kept.append(signal)
        yield members, signal


def _is_white(problem: ScaledProblem) -> bool:
    """Whether all singular values of F, of spectral norm 1, are equal to rounding."""
    f = problem.input_singular_values
    return bool(f.size == 0 or 1.0 - f[-1] <= problem.floor)
