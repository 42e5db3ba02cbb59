"""Leaving a saddle of the loss with weight decay: along its certificate, then down to a point that is a minimum.

No closed form of a path is known here. The first step is the exact one of the polynomial along the direction of
negative curvature; then L-BFGS descends, Newton's method finishes, and the classifier says what was reached: at another
saddle the walk goes on. A local minimum is left only for a point that the classifier knows to be lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import mean_residual
from lossurf.landscape.points.escape import (
    Escape,
    PathSegment,
    Weights,
    enough,
    growth,
    lost_to_rounding,
    require_attainable,
    rounded,
)
from lossurf.landscape.points.line_search import best_step
from lossurf.landscape.verdict import Classification
from lossurf.network import Layers
from lossurf.reduction.problem import ReducedProblem
from lossurf.regularised.classify import classify_with_decay
from lossurf.regularised.continuation import settled
from lossurf.regularised.lower import descended
from lossurf.regularised.scaled import ScaledProblem, scaled_problem
from lossurf.words import DType, SegmentKind, Verdict

_ROUNDS: Final = 20  # of descent: each ends at a critical point, or five hundred steps further down
_LEAST: Final = (Verdict.GLOBAL_MINIMUM, Verdict.LOCAL_MINIMUM, Verdict.DEGENERATE)


@dataclass(frozen=True)
class _Walk:
    """What is fixed on the way."""

    problem: ReducedProblem
    scaled: ScaledProblem
    decay: float
    start: Weights
    dtypes: tuple[str, ...]
    found: Classification

    def rounded(self, layers: Layers) -> Weights:
        """Round layers of the problem's units, in the user's."""
        return rounded(self.scaled.stored(layers), self.start.biases, self.problem, self.dtypes)

    def excess(self, weights: Weights) -> float:
        """Regularised loss above least squares without penalty, in squared scale units."""
        value = self.scaled.loss(self.scaled.scaled(weights.layers))
        if self.problem.bias:
            value += 0.5 * mean_residual(weights.layers, weights.biases, self.problem).norm ** 2
        return value

    def segment(self, kind: SegmentKind, before: float, end: Weights, rank: int | None) -> PathSegment:
        """Describe a segment whose end is stored; it falls to second order where it follows negative curvature."""
        losses = self.scaled.in_data_units(before), self.scaled.in_data_units(self.excess(end))
        return PathSegment(kind, *losses, 2 if kind is SegmentKind.DIRECTION else None, rank, None, None, end)

    def judged(self, weights: Weights, dtypes: Sequence[str]) -> Classification:
        """Classify a point as stored in this precision."""
        checkpoint = Checkpoint.of(weights.layers, weights.biases, dtypes=dtypes, name=self.found.checkpoint)
        return classify_with_decay(checkpoint, self.problem, self.decay)


def escape_with_decay(
    checkpoint: Checkpoint,
    problem: ReducedProblem,
    decay: float,
    *,
    to_minimum: bool = False,
    at_least: float | None = None,
    tolerance: float | None = None,
    dtypes: Sequence[str] | None = None,
) -> Escape:
    """Find a point of lower regularised loss from a strict saddle, or from a minimum that is known not to be the least.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred exactly when the network has an output bias, which is not decayed.
    decay : float
        lam > 0.
    to_minimum : bool
        Descend to a point that is at least a local minimum.
    at_least, tolerance, dtypes
        As for `lossurf.landscape.points.escape.escape_point`.

    Returns
    -------
    Escape
        Without segments where the start is neither.

    Raises
    ------
    UsageError
        If more is to be gained than the lower bound leaves, or rounding to `dtypes` takes the gain away.
    InputError
        If the loss, or lam beside the data, leaves the range of float64.
    """
    found = classify_with_decay(checkpoint, problem, decay, tolerance=tolerance)
    start = Weights(checkpoint.weights, checkpoint.biases)
    precision = tuple(dtypes or (DType.FLOAT64,) * len(start.layers))
    scaled = scaled_problem(problem, decay, len(start.layers))
    walk = _Walk(problem, scaled, decay, start, precision, found)
    before = walk.excess(start)
    lower = found.decay.lower if found.decay is not None else None
    if found.verdict is not Verdict.STRICT_SADDLE and lower is None:
        return _result(walk, (), before)
    require_attainable(at_least, found)
    wanted = 0.0 if at_least is None else at_least / problem.scale / problem.scale
    segments: tuple[PathSegment, ...]
    if lower is not None:
        end = walk.rounded(_finished(scaled, scaled.scaled(lower.layers)))
        segments = (walk.segment(SegmentKind.LOWER, before, end, lower.rank),)
    else:
        segments = _downhill(walk, before, wanted, to_minimum=to_minimum)
    if not enough(before, walk.excess(segments[-1].end), wanted):
        raise lost_to_rounding(found.checkpoint, precision)
    return _result(walk, segments, before)


def _downhill(walk: _Walk, before: float, wanted: float, *, to_minimum: bool) -> tuple[PathSegment, ...]:
    """Return the step along the certificate, and the descent behind it where that gains too little."""
    here = _stepped(walk.scaled, walk.scaled.scaled(walk.start.layers), walk.found)
    end = walk.rounded(here)
    first = walk.segment(SegmentKind.DIRECTION, before, end, None)
    if not to_minimum and enough(before, walk.excess(end), wanted):
        return (first,)
    layers, rank = _descent(walk, here)
    return (first, walk.segment(SegmentKind.DESCEND, walk.excess(end), walk.rounded(layers), rank))


def _descent(walk: _Walk, layers: Layers) -> tuple[Layers, int | None]:
    """Descend to a critical point that is no saddle; its rank, or None where the rounds were used up before."""
    exact = (DType.FLOAT64,) * len(layers)
    biases = walk.start.biases
    for _ in range(_ROUNDS):
        layers = _finished(walk.scaled, descended(walk.scaled, layers))
        found = walk.judged(rounded(walk.scaled.stored(layers), biases, walk.problem, exact), exact)
        if found.verdict in _LEAST:
            return layers, found.rank
        if found.verdict is Verdict.STRICT_SADDLE:
            layers = _stepped(walk.scaled, layers, found)
    return layers, None


def _stepped(problem: ScaledProblem, layers: Layers, found: Classification) -> Layers:
    """Go to the least loss along the direction of negative curvature of a strict saddle's certificate."""
    assert found.certificate is not None
    assert found.certificate.direction is not None
    V = found.certificate.direction
    along = problem.decay * sum(float(np.sum(W * change)) for W, change in zip(layers, V, strict=True))
    square = 0.5 * problem.decay * sum(float(np.sum(change**2)) for change in V)
    # what has no higher a loss has a penalty of no more than the loss here: ||W + s V|| <= sqrt(2 L / lam)
    size = sqrt(sum(float(np.sum(W**2)) for W in layers))
    longest = (sqrt(2.0 * problem.loss(layers) / problem.decay) + size) / sqrt(2.0 * square / problem.decay)
    step = best_step(problem.network(layers), (V[0] @ problem.F, *V[1:]), (0.0, along, square), longest)
    return tuple(np.asarray(W + step * change) for W, change in zip(layers, V, strict=True))


def _finished(problem: ScaledProblem, layers: Layers) -> Layers:
    """Return the exact critical point at the end of a descent, where there is one that is no higher."""
    if problem.depth == 1:
        return layers
    signal = settled(problem, layers)
    return layers if signal is None else signal.layers


def _result(walk: _Walk, segments: tuple[PathSegment, ...], before: float) -> Escape:
    end = segments[-1].end if segments else walk.start
    after = walk.excess(end)
    return Escape(
        checkpoint=walk.found.checkpoint,
        verdict=walk.found.verdict,
        reason=walk.found.reason,
        loss_before=walk.found.loss,
        loss_after=walk.scaled.in_data_units(after) if segments else walk.found.loss,
        optimal_loss=walk.found.optimal_loss,
        drop=walk.problem.scale**2 * (before - after),
        order=2 if segments and segments[0].kind is SegmentKind.DIRECTION else None,
        growth=growth(walk.start.layers, end.layers) if segments else None,
        segments=segments,
        start=walk.start,
        verdict_after=walk.judged(end, walk.dtypes).verdict if segments else None,
    )
