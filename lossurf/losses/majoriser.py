"""The squared loss that touches another loss at a network and lies above it everywhere else (own).

A loss with second derivative at most c obeys l(P + D) <= l(P) + <G, D> + c/2 ||D||^2 = c/2 ||P + D - T||^2 + constant
with T = P - G / c, in coordinates where X is the identity. Whatever lowers this squared loss lowers the loss itself by
c times as much, and its Hessian lies above. So the exact type test for squared loss, run on the target T, decides
criticality, and every saddle it finds is one. Where no layer is a bottleneck it finds every critical point with G != 0:
this is the theorem of Laurent & von Brecht 2018 for these losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lossurf.decompositions import largest_singular_value
from lossurf.losses.downhill import LossHere
from lossurf.losses.functions import Loss
from lossurf.network import WhitenedNetwork, whiten
from lossurf.numerics import Matrix, column_norms
from lossurf.reduction.problem import MeanRow, ReducedProblem


@dataclass(frozen=True)
class Majoriser:
    """A network under another loss, with the squared loss that touches there.

    Attributes
    ----------
    loss : Loss
    Z : ndarray, shape (m, rank_x)
        Orthonormal basis of X's columns (centred with a bias): R = scale Z P^T + mean, P in whitened coordinates.
    Y : ndarray, shape (m, dy)
    outputs : ndarray, shape (m, dy)
        R of the network.
    problem : ReducedProblem
        Data and target of the squared loss.
    network : WhitenedNetwork
        With `residual` G / (c scale).
    curvature : float
        c.
    """

    loss: Loss
    Z: Matrix
    Y: Matrix
    outputs: Matrix
    problem: ReducedProblem
    network: WhitenedNetwork
    curvature: float

    def loss_of(self, network: WhitenedNetwork) -> float:
        """Loss of another network in the same coordinates, with the same mean output."""
        change = self.problem.scale * self.Z @ (network.product - self.network.product).T
        return self.loss.value(self.outputs + change, self.Y)


def majorise(
    loss: Loss,
    weights: Sequence[Matrix],
    biases: Sequence[Matrix | None] | None,
    data: tuple[Matrix, Matrix],
    problem: ReducedProblem,
) -> Majoriser:
    """Build the squared loss that touches `loss` at a network.

    Parameters
    ----------
    loss : Loss
    weights, biases : sequence of ndarray
        (out, in), first layer first; (out,) or None.
    data : (X, Y)
        Shapes (m, dx), (m, dy).
    problem : ReducedProblem
        Of the same data; centred exactly when the network has an output bias.

    Returns
    -------
    Majoriser
    """
    X, Y = data
    R = LossHere(loss, weights, biases, X, Y).outputs()
    c = loss.curvature_bound(Y)
    Z = _whitened_samples(X, problem)
    start = loss.slope(np.zeros_like(Y), Y)
    size = largest_singular_value(start.T @ Z)
    scale = (size or float(np.linalg.norm(start)) or 1.0) / c
    D = loss.slope(R, Y)
    base = replace(problem, scale=scale, residual_norm=0.0, output_norms=column_norms(start) / c)
    network = whiten(weights, base)
    target = network.product - (D.T @ Z) / (c * scale)
    touching = replace(base, target=target, mean_row=_mean_row(problem, R, D / c))
    return Majoriser(loss, Z, Y, R, touching, replace(network, target=target), c)


def _whitened_samples(X: Matrix, problem: ReducedProblem) -> Matrix:
    if problem.mean_row is None:
        centred = X
    else:  # by way of a reference row: X less a large rounded mean is off by that rounding
        shifted = X - problem.mean_row.shift_x
        centred = shifted - shifted.mean(axis=0)
    norms = problem.column_norms
    return np.asarray((centred / np.where(norms > 0.0, norms, np.inf)) @ problem.left_inverse.T)


def _mean_row(problem: ReducedProblem, R: Matrix, step: Matrix) -> MeanRow | None:
    """Mean targets for which the mean residual is the slope in the output bias, divided by c."""
    if problem.mean_row is None:
        return None
    row = problem.mean_row
    wanted = row.root_samples * (R.mean(axis=0) - step.mean(axis=0))
    return row._replace(shifted_y=wanted, shift_y=np.zeros_like(wanted))
