"""Leaving a saddle: along its certificate, or down the closed-form path that ends at a global minimum.

A strict saddle is left along its direction of negative curvature; a bad one, or any on the way to L*, by the segments
of theory section 8. Every loss reported is that of the weights as they would be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.fields import INFINITE, Count, Magnitude, Size, limited
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import mean_residual, output_bias
from lossurf.landscape.classify import classify_network
from lossurf.landscape.points.construct import stored_as
from lossurf.landscape.points.line_search import best_step
from lossurf.landscape.points.segments import Segment, descent_path, path_start
from lossurf.landscape.verdict import Classification
from lossurf.network import Layers, WhitenedNetwork, from_user, to_user, whiten
from lossurf.numerics import Matrix, column_norms
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import SegmentKind, Verdict

SADDLES: Final = (Verdict.STRICT_SADDLE, Verdict.BAD_SADDLE)

Biases = tuple[Matrix | None, ...]


@dataclass(frozen=True)
class Weights:
    """A network in the caller's coordinates: W_1..W_N and b_1..b_N."""

    layers: Layers
    biases: Biases


@dataclass(frozen=True)
class PathSegment:
    """One segment of the way down.

    Attributes
    ----------
    kind : SegmentKind
    loss_before, loss_after : float
        At its start and at its end, as stored.
    order : int or None
        Order in the path's parameter at which the loss falls; None where it stays.
    rank : int or None
        Rank of the product at the end; None where the end is not a critical point.
    gained, lost : int or None
        The eigenvector of Sigma (from 1) that the product gains, and the one it gives up; None where there is no
        single one.
    end : Weights
        At the end of the segment, as stored.
    """

    kind: SegmentKind
    loss_before: float
    loss_after: float
    order: Annotated[int, limited(minimum=2)] | None
    rank: Count | None
    gained: Size | None
    lost: Size | None
    end: Weights = field(repr=False)


@dataclass(frozen=True)
class Escape:
    """The way down from a checkpoint, or why there is none.

    Attributes
    ----------
    checkpoint : str
        The file.
    verdict : Verdict
        Of the start.
    reason : str
        The verdict's ground.
    loss_before, loss_after, optimal_loss : float
        Of what was given, of the lower point as stored (that of the start where there is none), and L*; with weight
        decay the best lower bound in its place.
    drop : float
        loss_before - loss_after without the rounding of their difference.
    order : int or None
        Order in the path's parameter at which the loss first falls: 2 along curvature, N at a bad saddle.
    growth : float or None
        Norm of the largest column of a layer at the end over that at the start; None where nothing moved or every layer
        was zero.
    segments : tuple of PathSegment
        Empty where nothing moved.
    start : Weights
        As given.
    verdict_after : Verdict or None
        With weight decay: kind of the lower point, as stored. None without, or where nothing moved.
    """

    checkpoint: str
    verdict: Verdict
    reason: str
    loss_before: Magnitude
    loss_after: Magnitude
    optimal_loss: Magnitude
    drop: Magnitude
    order: Annotated[int, limited(minimum=2)] | None
    growth: Annotated[float, limited(minimum=0), INFINITE] | None
    segments: tuple[PathSegment, ...]
    start: Weights = field(repr=False)
    verdict_after: Verdict | None

    @property
    def moved(self) -> bool:
        """Whether a lower point was found."""
        return bool(self.segments)

    @property
    def end(self) -> Weights:
        """The lower point, as stored; the start where there is none."""
        return self.segments[-1].end if self.segments else self.start


@dataclass(frozen=True)
class _Walk:
    """What is fixed on the way: the start, its classification, and the precision of what is stored."""

    problem: ReducedProblem
    start: Weights
    dtypes: tuple[str, ...]
    found: Classification

    def stored(self, network: WhitenedNetwork, layers: Layers) -> Weights:
        """Map layers in the coordinates of `network`, the start, to the caller's; what X does not see stays."""
        moved = to_user(network, [a - b for a, b in zip(layers, network.layers, strict=True)], self.problem)
        return self.rounded(tuple(W + V for W, V in zip(self.start.layers, moved, strict=True)))

    def rounded(self, layers: Layers) -> Weights:
        """Round the layers to their stored precision."""
        return rounded(layers, self.start.biases, self.problem, self.dtypes)

    def excess(self, weights: Weights) -> float:
        """Loss above unconstrained least squares in squared scale units."""
        value = whiten(weights.layers, self.problem).excess
        if self.problem.bias:
            value += 0.5 * mean_residual(weights.layers, weights.biases, self.problem).norm ** 2
        return value

    def loss(self, excess: float) -> float:
        """Loss in the caller's units."""
        return self.problem.scale * (self.problem.scale * excess) + 0.5 * self.problem.residual_norm**2


def escape_point(
    checkpoint: Checkpoint,
    problem: ReducedProblem,
    *,
    to_minimum: bool = False,
    at_least: float | None = None,
    tolerance: float | None = None,
    dtypes: Sequence[str] | None = None,
) -> Escape:
    """Find a point of lower loss from a saddle.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred exactly when the network has an output bias.
    to_minimum : bool
        Walk the whole path to L*.
    at_least : float, optional
        The loss is to fall by at least this much; by default by any amount that rounding leaves.
    tolerance : float, optional
        tau of the classification of the start.
    dtypes : sequence of str, optional
        Precision of each layer of the result, which is rounded to it before its loss is taken; float64 by default.

    Returns
    -------
    Escape
        Without segments where the start is no saddle.

    Raises
    ------
    UsageError
        If more is to be gained than there is, or rounding to `dtypes` takes the gain away.
    InputError
        If the loss leaves the range of float64.

    Notes
    -----
    Theory, section 8.
    """
    found = classify_network(checkpoint, problem, tolerance=tolerance)
    start = Weights(checkpoint.weights, checkpoint.biases)
    walk = _Walk(problem, start, tuple(dtypes or ("float64",) * len(start.layers)), found)
    if found.verdict not in SADDLES:
        return _result(walk, (), walk.excess(start))
    require_attainable(at_least, found)
    before = walk.excess(start)
    wanted = 0.0 if at_least is None else at_least / problem.scale / problem.scale
    segments = None if to_minimum else _along_certificate(walk, before, wanted)
    if segments is None:
        segments = tuple(_down_the_path(walk, before, np.inf if to_minimum else wanted))
    if not segments or not enough(before, walk.excess(segments[-1].end), wanted):
        raise lost_to_rounding(walk.found.checkpoint, walk.dtypes)
    return _result(walk, segments, before)


def rounded(layers: Layers, biases: Biases, problem: ReducedProblem, dtypes: Sequence[str]) -> Weights:
    """Round layers to their stored precision, and set the output bias at which the mean residual is least."""
    stored = tuple(stored_as(W, dtype) for W, dtype in zip(layers, dtypes, strict=True))
    if not problem.bias:
        return Weights(stored, biases)
    return Weights(stored, (*biases[:-1], stored_as(output_bias(stored, biases, problem), dtypes[-1])))


def _along_certificate(walk: _Walk, before: float, wanted: float) -> tuple[PathSegment, ...] | None:
    """Go to the least loss along the direction of negative curvature; None where that gains too little."""
    certificate = walk.found.certificate
    if certificate is None or certificate.direction is None:
        return None
    network = whiten(walk.start.layers, walk.problem)
    step = best_step(network, from_user(network, certificate.direction, walk.problem))
    end = walk.rounded(tuple(W + step * V for W, V in zip(walk.start.layers, certificate.direction, strict=True)))
    after = walk.excess(end)
    if not enough(before, after, wanted):
        return None
    losses = walk.loss(before), walk.loss(after)
    return (PathSegment(SegmentKind.DIRECTION, *losses, 2, None, None, None, end),)


def _down_the_path(walk: _Walk, before: float, wanted: float) -> Iterator[PathSegment]:
    """Yield the segments of the closed-form path until the loss is lower by `wanted`."""
    here = before
    network = path_start(walk.start.layers, walk.problem, walk.found.rank)
    for segment in descent_path(network, walk.problem, walk.found.rank, walk.found.rank_max):
        end = walk.stored(network, segment.point(1.0))
        after = walk.excess(end)
        yield _described(walk, segment, (here, after), end)
        here = after
        if segment.order is not None and enough(before, here, wanted):
            return


def enough(before: float, after: float, wanted: float) -> bool:
    """Whether the loss is lower, by at least `wanted`."""
    return after < before and before - after >= wanted


def _described(walk: _Walk, segment: Segment, excesses: tuple[float, float], end: Weights) -> PathSegment:
    before, after = (walk.loss(excess) for excess in excesses)
    gained, lost = (_eigen_index(walk.problem, vector) for vector in (segment.gained, segment.lost))
    return PathSegment(segment.kind, before, after, segment.order, segment.rank, gained, lost, end)


def _eigen_index(problem: ReducedProblem, vector: Matrix | None) -> int | None:
    """Return the number, from 1, of the eigenvector of Sigma that a direction is; None for a mixture."""
    if vector is None:
        return None
    u = problem.target_svd[0]
    weights = (u.T @ vector) ** 2
    nearest = int(np.argmax(weights))
    return nearest + 1 if weights[nearest] > 0.9 else None  # an exact critical point has 1 or, in a tie, any share


def _result(walk: _Walk, segments: tuple[PathSegment, ...], before: float) -> Escape:
    after = walk.excess(segments[-1].end) if segments else before
    orders = [segment.order for segment in segments if segment.order is not None]
    return Escape(
        checkpoint=walk.found.checkpoint,
        verdict=walk.found.verdict,
        reason=walk.found.reason,
        loss_before=walk.loss(before),
        loss_after=walk.loss(after),
        optimal_loss=walk.found.optimal_loss,
        drop=walk.problem.scale**2 * (before - after),
        order=orders[0] if orders else None,
        growth=growth(walk.start.layers, segments[-1].end.layers) if segments else None,
        segments=segments,
        start=walk.start,
        verdict_after=None,
    )


def growth(start: Layers, end: Layers) -> float | None:
    """Return the norm of the largest column at the end over that at the start; None where every layer was zero."""
    before, after = (max(float(np.max(column_norms(W))) for W in layers) for layers in (start, end))
    with np.errstate(over="ignore"):
        return after / before if before else None


def require_attainable(at_least: float | None, found: Classification) -> None:
    """Refuse to gain more than there is.

    Raises
    ------
    UsageError
    """
    if at_least is not None and at_least > found.gap:
        raise UsageError(
            f"the loss can fall by {found.gap:.6g} at most, to L* = {found.optimal_loss:.6g}",
            where="--at-least",
            remedy="ask for less, or use --to-minimum",
        )


def lost_to_rounding(checkpoint: str, dtypes: Sequence[str]) -> UsageError:
    """Return the refusal of a precision that takes away what is gained."""
    return UsageError(
        f"rounded to {', '.join(dict.fromkeys(dtypes))} no point of the way down has the lower loss that was asked for",
        where=checkpoint,
        remedy="use --dtype float64",
    )
