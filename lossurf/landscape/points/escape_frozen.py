"""Leaving a saddle by the trained layers alone: the way down of the layers as the loss sees them, lifted to all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossurf.decompositions import pseudo_inverse
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import mean_residual, output_bias
from lossurf.landscape.points.construct import stored_as
from lossurf.landscape.points.escape import Escape, PathSegment, Weights, enough, escape_point, growth, lost_to_rounding
from lossurf.landscape.seen import SeenNetwork, seen_network
from lossurf.network import whiten
from lossurf.numerics import Matrix
from lossurf.reduction.triangle import Triangle


def escape_beside_frozen(
    checkpoint: Checkpoint,
    triangle: Triangle,
    frozen: Sequence[str],
    *,
    to_minimum: bool = False,
    at_least: float | None = None,
    tolerance: float | None = None,
    dtypes: Sequence[str],
) -> Escape:
    """Find a point of lower loss from a saddle by moving the layers that are not frozen.

    Parameters
    ----------
    checkpoint : Checkpoint
    triangle : Triangle
    frozen : sequence of str
        Names of the layers that stay as they are.
    to_minimum, at_least, tolerance, dtypes
        As in `escape_point`; the dtypes of frozen layers change nothing.

    Returns
    -------
    Escape
        Losses are those of all layers as they would be stored.

    Raises
    ------
    InputError
        As `classify_frozen`.
    UsageError
        As `escape_point`.

    Notes
    -----
    A seen layer S = A W B moves to S' where W moves by A^+ (S' - S) B^+, as A has full row rank and B full column rank:
    every way of the seen layers is one of the stored ones, and what is not seen stays.
    """
    names = tuple(dict.fromkeys(frozen))
    seen = seen_network(checkpoint, triangle, names)
    found = escape_point(
        seen.checkpoint,
        seen.problem,
        to_minimum=to_minimum,
        at_least=at_least,
        tolerance=tolerance or seen.default_tolerance,
    )
    walk = _Lift(checkpoint, seen, [name in names for name in checkpoint.layer_names], tuple(dtypes))
    return walk.lifted(found, 0.0 if at_least is None else at_least / seen.problem.scale / seen.problem.scale)


@dataclass(frozen=True)
class _Lift:
    """From the layers as they are seen to those that are stored."""

    start: Checkpoint
    seen: SeenNetwork
    held: Sequence[bool]
    dtypes: tuple[str, ...]

    def lifted(self, found: Escape, wanted: float) -> Escape:
        """Return a way down of the seen layers as one of the stored, with the losses that it then has."""
        start = Weights(self.start.weights, self.start.biases)
        if not found.segments:
            return replace(found, start=start)
        before = here = self._excess(self.start)
        segments: list[PathSegment] = []
        for segment in found.segments:
            end = self._end(segment.end)
            after = self._excess(end)
            stored = Weights(end.weights, end.biases)
            segments.append(replace(segment, loss_before=self._loss(here), loss_after=self._loss(after), end=stored))
            here = after
        if not enough(before, here, wanted):
            raise lost_to_rounding(found.checkpoint, [d for d, h in zip(self.dtypes, self.held, strict=True) if not h])
        return replace(
            found,
            loss_before=self._loss(before),
            loss_after=self._loss(here),
            drop=self.seen.problem.scale**2 * (before - here),
            growth=growth(start.layers, segments[-1].end.layers),
            segments=tuple(segments),
            start=start,
        )

    def _end(self, end: Weights) -> Checkpoint:
        """Return the stored network that is seen so, rounded, with the bias at which the mean residual is least."""
        places = [k for k, is_held in enumerate(self.held) if not is_held]
        weights = list(self.start.weights)
        for i, k in enumerate(places, 1):
            move = end.layers[i - 1] - self.seen.checkpoint.weights[i - 1]
            weights[k] = stored_as(weights[k] + self._whole(i, move), self.dtypes[k])
        moved = replace(self.start, weights=tuple(weights))
        if not self.seen.problem.bias:
            return moved
        now = self.seen.of(moved, self.held)
        off = output_bias(now.weights, now.biases, self.seen.problem) - _last(now)
        above, last = self.seen.above.get(len(places)), places[-1]
        biases = list(self.start.biases)
        change = off if above is None else pseudo_inverse(above) @ off
        biases[last] = stored_as(_last(self.start, last) + change, self.dtypes[last])
        return replace(moved, biases=tuple(biases))

    def _whole(self, i: int, move: Matrix) -> Matrix:
        """Return the smallest change of a stored layer that is seen as `move`."""
        above, below = self.seen.above.get(i), self.seen.below.get(i)
        move = move if above is None else pseudo_inverse(above) @ move
        return np.asarray(move if below is None else move @ pseudo_inverse(below))

    def _excess(self, checkpoint: Checkpoint) -> float:
        """Loss above what least squares and the frozen last layers leave, in squared scale units."""
        network, problem = self.seen.of(checkpoint, self.held), self.seen.problem
        value = whiten(network.weights, problem).excess
        if problem.bias:
            value += 0.5 * mean_residual(network.weights, network.biases, problem).norm ** 2
        return value

    def _loss(self, excess: float) -> float:
        problem = self.seen.problem
        return problem.scale * (problem.scale * excess) + 0.5 * problem.residual_norm**2


def _last(checkpoint: Checkpoint, place: int = -1) -> Matrix:
    bias = checkpoint.biases[place]
    assert bias is not None
    return bias
