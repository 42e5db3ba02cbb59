"""Points that prove statements about the loss surface as a whole: where it bends down, bends up, and rises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lossurf.decompositions import svd
from lossurf.network import Layers, WhitenedNetwork
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem

_RISE_STEPS = (0.5, 0.25, 0.125)
"""Steps at which a rise is asked for: a rise at each of three halvings is no accident of one length. Where a rise of
order N would drown in rounding, from N = 16 on, it is the N-th powers of the steps that are halved."""

_RANDOM_DIRECTIONS = 50
"""Tried where no built direction rises; with its mirror image in the first layer one of each two rises, if the lowest
order at which the product moves is odd in that layer, as it is where W_1 = 0."""


@dataclass(frozen=True)
class ConvexityWitness:
    """A point with an indefinite Hessian, and pairs of points of which it is the midpoint.

    Attributes
    ----------
    curvature_down, curvature_up : float
        v^T H v / v^T v along two directions at the point, whitened coordinates, in units of ||T||_2^2 = 1.
    loss : float
        At the point, user's units.
    loss_below : float
        The higher of the losses at the two ends that lie lower than their midpoint: the loss is not convex.
    loss_above : float
        The lower of the losses at the two ends that lie higher than their midpoint: it is not concave.
    """

    curvature_down: float
    curvature_up: float
    loss: float
    loss_below: float
    loss_above: float

    @property
    def valid(self) -> bool:
        """Whether the numbers prove an indefinite Hessian, non-convexity and non-concavity."""
        return self.curvature_down < 0.0 < self.curvature_up and self.loss_below < self.loss < self.loss_above


def convexity_witness(problem: ReducedProblem, widths: tuple[int, ...]) -> ConvexityWitness | None:
    """Show a point at which the loss bends both ways.

    The first and last layers are zero and the inner ones carry one unit vector on: with (1, a, d) the top singular
    triple of T the product along v = (W_1: e d^T, W_N: a e^T) is t^2 a d^T, and along w, with W_1 negated, -t^2 a d^T.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy), at least one of them hidden.

    Returns
    -------
    ConvexityWitness or None
        None where T = 0: no network fits better than zero.
    """
    if not np.any(problem.target):
        return None
    centre = WhitenedNetwork(_carrying_layers(problem, widths), problem.target, (0.0,) * (len(widths) - 1), 1.0)
    down, up = (_fit_direction(problem, widths, sign) for sign in (1.0, -1.0))
    below = [_loss(centre.moved(down, step), problem) for step in (-1.0, 1.0)]
    above = [_loss(centre.moved(up, step), problem) for step in (-1.0, 1.0)]
    return ConvexityWitness(
        curvature_down=centre.curvature(down, down) / 2.0,  # v^T v = 2: two layers of unit rank-one matrices
        curvature_up=centre.curvature(up, up) / 2.0,
        loss=_loss(centre, problem),
        loss_below=max(below),
        loss_above=min(above),
    )


def rises_nearby(network: WhitenedNetwork) -> float:
    """Return how much the loss rises along a direction from a critical point that is no maximum; 0 if none was found.

    In squared scale units, at the smallest of a few halved steps; every larger one rises too. With B_{N-1} != 0 the
    last layer alone does it, the loss being a convex quadratic in it. Else all layers, or the outer two, are moved so
    that the product grows away from T, and failing that along random directions.
    """
    powers = tuple(step ** (1.0 / network.depth) for step in _RISE_STEPS)
    for steps in (_RISE_STEPS, powers):
        for direction in _rising_directions(network):
            rises = [network.moved(direction, step).excess - network.excess for step in steps]
            if min(rises) > 0.0:
                return rises[-1]
    return 0.0


def _rising_directions(network: WhitenedNetwork) -> Iterator[Layers]:
    yield from _built_directions(network)
    rng = np.random.default_rng(0)
    for _ in range(_RANDOM_DIRECTIONS):
        direction = tuple(rng.standard_normal(W.shape) for W in network.layers)
        units = tuple(V / np.linalg.norm(V) for V in direction)
        yield units
        yield (-units[0], *units[1:])


def _built_directions(network: WhitenedNetwork) -> list[Layers]:
    u, _, vt = svd(network.target - network.product)
    N = network.depth
    last = [np.zeros_like(W) for W in network.layers]
    seen = svd(network.below(N - 1))[0][:, 0]
    last[-1] = np.outer(u[:, 0], seen)
    inner = network.partial_product(N, 1)
    left, _, right = svd(inner)
    outer = [np.zeros_like(W) for W in network.layers]
    outer[0], outer[-1] = -np.outer(right[0], vt[0]), np.outer(u[:, 0], left[:, 0])
    chain = [_unit(W.shape) for W in network.layers]
    chain[0], chain[-1] = -_first_column(network.layers[0].shape, vt[0]), _first_row(network.layers[-1].shape, u[:, 0])
    return [tuple(last), tuple(outer), tuple(chain)]


def _carrying_layers(problem: ReducedProblem, widths: tuple[int, ...]) -> Layers:
    """Zero outer layers, and inner ones with W e = e for the first unit vectors e."""
    shapes = list(zip(widths[1:], (problem.rank_x, *widths[1:-1]), strict=True))
    return (np.zeros(shapes[0]), *(np.eye(*shape) for shape in shapes[1:-1]), np.zeros(shapes[-1]))


def _fit_direction(problem: ReducedProblem, widths: tuple[int, ...], sign: float) -> tuple[Matrix | None, ...]:
    u, _, vt = problem.target_svd
    first = sign * _first_column((widths[1], problem.rank_x), vt[0])
    last = _first_row((widths[-1], widths[-2]), u[:, 0])
    return (first, *(None,) * (len(widths) - 3), last)


def _unit(shape: tuple[int, ...]) -> Matrix:
    matrix = np.zeros(shape)
    matrix[0, 0] = 1.0
    return matrix


def _first_column(shape: tuple[int, ...], row: Matrix) -> Matrix:
    """Return e row^T with the first unit vector e."""
    matrix = np.zeros(shape)
    matrix[0] = row
    return matrix


def _first_row(shape: tuple[int, ...], column: Matrix) -> Matrix:
    """Return column e^T with the first unit vector e."""
    matrix = np.zeros(shape)
    matrix[:, 0] = column
    return matrix


def _loss(network: WhitenedNetwork, problem: ReducedProblem) -> float:
    return float(problem.scale**2 * network.excess + 0.5 * problem.residual_norm**2)
