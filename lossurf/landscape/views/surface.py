"""What `plot surface` shows: the loss around a checkpoint on a plane that holds the way down, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from lossurf.fields import array
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.points.escape import escape_point
from lossurf.landscape.verdict import Classification
from lossurf.landscape.views.plane import Plane, norm, orthogonal, plane, random_direction, reach, unit
from lossurf.landscape.views.trajectory import Level, levels
from lossurf.network import Layers, WhitenedNetwork, from_user, whiten
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict

_BEYOND: Final = 1.2  # shown beyond where the loss has changed by the height of interest, so that its turn is seen
_LEAST_SHARE: Final = 0.25  # of L_0 - L*: the least height shown, so that the surroundings of a minimum are seen


@dataclass(frozen=True)
class Axis:
    """One direction: what it is in words, and the distances shown, in units of the norm of the weights.

    Attributes
    ----------
    name : str
        What the direction is.
    distances : ndarray
        In units of the norm of the weights.
    """

    name: str
    distances: Annotated[Matrix, array(1)]


@dataclass(frozen=True)
class Surface:
    """The loss around a checkpoint.

    Attributes
    ----------
    classification : Classification
        Of the checkpoint.
    axes : (Axis, Axis)
        Orthogonal directions in balanced whitened coordinates.
    losses : ndarray, shape (points, points)
        Row j, column i: at distance i along the first and j along the second direction; exact.
    cut : ndarray, shape (several times points,)
        Along the first direction alone; its distances are evenly spaced over the first axis.
    levels : tuple of Level
    """

    classification: Classification
    axes: tuple[Axis, Axis]
    losses: Matrix
    cut: Matrix
    levels: tuple[Level, ...]


def surface(checkpoint: Checkpoint, problem: ReducedProblem, *, points: int = 61, seed: int = 0) -> Surface:
    """Evaluate the loss on a plane through a checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred exactly when the network has an output bias, which then stays at its best on the whole plane.
    points : int
        Along each axis; made odd, so that the checkpoint itself is among them.
    seed : int
        Of random directions.

    Returns
    -------
    Surface
        First the certificate's direction at a strict saddle, the way of `escape` at a bad one, steepest descent where
        the gradient is not zero, else a random direction; then steepest descent if that was not first, else random.
    """
    found = classify_network(checkpoint, problem)
    network = whiten(checkpoint.weights, problem)
    ways = _ways_down(checkpoint, problem, found, network)
    candidates = [
        (name, way) for name, way in ways if norm(way) > 0.0
    ]  # a gradient of the output bias alone moves no W
    rng = np.random.default_rng(seed)
    while len(candidates) < 2:
        candidates.append(("a random direction", random_direction(network.layers, rng)))
    names, directions = zip(*candidates[:2], strict=True)
    first = unit(directions[0])
    second = unit(orthogonal(directions[1], first))
    cut = plane(problem, network.layers, first, second)
    size = norm(network.layers) or 1.0
    run = levels(problem, found.rank_max)
    height = max(found.gap, _LEAST_SHARE * (run[0].loss - run[-1].loss)) or 0.5 * problem.scale**2
    half = points // 2
    grid = np.linspace(-1.0, 1.0, 2 * half + 1)
    x, y = (_BEYOND * reach(cut, height, size, along=k) * grid for k in (0, 1))
    fine = np.linspace(x[0], x[-1], 8 * half + 1)
    return Surface(
        classification=found,
        axes=(Axis(names[0], x / size), Axis(names[1], y / size)),
        losses=_grid(cut, x, y),
        cut=cut.loss(fine, np.zeros_like(fine)),
        levels=run,
    )


def _grid(cut: Plane, x: Matrix, y: Matrix) -> Matrix:
    columns, rows = np.meshgrid(x, y)
    return cut.loss(columns, rows)


def _ways_down(
    checkpoint: Checkpoint, problem: ReducedProblem, found: Classification, network: WhitenedNetwork
) -> list[tuple[str, Layers]]:
    """Return what is known to lead down, with its name, in the coordinates of `network`."""
    certificate = found.certificate
    if certificate is not None and certificate.direction is not None:
        return [("the certificate's direction", from_user(network, certificate.direction, problem))]
    if found.verdict is Verdict.BAD_SADDLE:
        way = escape_point(checkpoint, problem, tolerance=found.tolerance)
        moved = [end - W for end, W in zip(way.end.layers, way.start.layers, strict=True)]
        return [("the way of escape", from_user(network, moved, problem))]
    if found.verdict is Verdict.NOT_CRITICAL:
        return [("steepest descent", tuple(-network.residual_block(k, k) for k in range(1, network.depth + 1)))]
    return []
