"""The losses that Corollary 3.2 relates: the ReLU network's, its linear reduction's, and the best linear one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lossurf.fields import INFINITE, Magnitude, limited
from lossurf.nonlinear.relu.corollary import path_variance, reduced_map, unit_variance
from lossurf.nonlinear.relu.network import ReluNetwork, require_squarable
from lossurf.nonlinear.relu.survey import Survey
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle


@dataclass(frozen=True)
class ReluLosses:
    """Losses 1/2 ||. - Y||_F^2 over all samples.

    Attributes
    ----------
    actual : float
        Of the ReLU network.
    reduced : float
        Of the linear network rho P, the corollary's loss with the expectation inside.
    expected_paths, expected_units : float
        Expected losses with random activations, independent paths or independent units: `reduced` and half the
        variance.
    optimal_linear : float
        L*, the least loss of a linear network of the same widths.
    gap, relative_gap : float, float or None
        reduced - L*, and its share of L_0 - L* (None where a linear network can gain nothing).
    """

    actual: Magnitude
    reduced: Magnitude
    expected_paths: Annotated[float, limited(minimum=0), INFINITE]
    expected_units: Annotated[float, limited(minimum=0), INFINITE]
    optimal_linear: Magnitude
    gap: float
    relative_gap: float | None


def relu_losses(network: ReluNetwork, facts: Survey, triangle: Triangle) -> tuple[ReluLosses, ReducedProblem]:
    """Compute the losses and the reduced problem whose L* they are held against.

    Parameters
    ----------
    network : ReluNetwork
    facts : Survey
        Of the same network and data.
    triangle : Triangle
        Of the same data.

    Returns
    -------
    ReluLosses
    ReducedProblem
        Centred where any layer has a bias: the reduction then is an affine map.
    """
    reduced, *variances = _moments(network, facts.start_rates, triangle)
    problem = reduced_problem(triangle, bias=any(bias is not None for bias in network.biases))
    widths = [network.weights[0].shape[1], *(W.shape[0] for W in network.weights)]
    levels = problem.loss_by_rank
    optimal, worst = float(levels[min(*widths, levels.size - 1)]), float(levels[0])
    losses = ReluLosses(
        actual=facts.loss,
        reduced=reduced,
        expected_paths=reduced + 0.5 * variances[0],
        expected_units=reduced + 0.5 * variances[1],
        optimal_linear=optimal,
        gap=reduced - optimal,
        relative_gap=(reduced - optimal) / (worst - optimal) if worst > optimal else None,
    )
    return losses, problem


def _moments(network: ReluNetwork, rates: Matrix, triangle: Triangle) -> tuple[float, float, float]:
    """Return the loss of the mean network and the variances with random paths and units; inf beyond float64."""
    inputs = triangle.unshifted[:, : triangle.dx + 1]
    with np.errstate(over="ignore", invalid="ignore"):
        second = _constant_last(inputs.T @ inputs)
        loss = affine_loss(reduced_map(network, rates), triangle)
        of_paths, of_units = path_variance(network, rates, second), unit_variance(network, rates, second)
    require_squarable(loss**0.5)
    return loss, of_paths, of_units


def affine_loss(R: Matrix, triangle: Triangle) -> float:
    """Return 1/2 ||R [X; 1] - Y||_F^2 from the triangle of the data, for R of shape (dy, dx + 1)."""
    inputs, outputs = triangle.r[:, : triangle.dx + 1], triangle.r[:, triangle.dx + 1 :]
    shift_x, shift_y = triangle.shift[1 : triangle.dx + 1], triangle.shift[triangle.dx + 1 :]
    constant = R[:, -1] + R[:, :-1] @ shift_x - shift_y  # of the map from shifted x to shifted y
    constant_first = np.hstack([constant[:, None], R[:, :-1]])
    return 0.5 * float(np.sum((inputs @ constant_first.T - outputs) ** 2))


def _constant_last(second: Matrix) -> Matrix:
    """Move the constant's row and column from the front, where the triangle has them, to the end."""
    return np.roll(second, (-1, -1), axis=(0, 1))
