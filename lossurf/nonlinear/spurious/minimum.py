"""The least-squares point of a ReLU-like network, written down, and the radius in which nothing beats it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.problem import ShallowProblem
from lossurf.nonlinear.spurious.shallow import ShallowNetwork, Unit, assemble
from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class Radius:
    """Certificate of a local minimum.

    While each hidden unit's (w_j, b_j) moves by at most `value` in the Euclidean norm, every unit stays on for every
    sample, so the network is affine in x whatever W2 and b2 are, and cannot beat the best affine fit.

    Attributes
    ----------
    value : float
        rho; not positive where rounding spoils the certificate.
    relative : float
        rho / max_j ||(w_j, b_j)||.
    """

    value: float
    relative: float


def affine_units(
    weights: Matrix, centre: tuple[Matrix, Matrix], left: Matrix, X: Matrix, activation: PiecewiseLinear
) -> tuple[list[Unit], Matrix]:
    """Write the affine map y + U U^T W (x - xbar) with units that are on for every sample.

    Parameters
    ----------
    weights : ndarray, shape (dy, dx)
        W.
    centre : (ndarray, ndarray), shapes (dx,), (dy,)
        xbar and y.
    left : ndarray, shape (dy, q)
        U, orthonormal: one unit for each column. What W has outside of it is left out of the slope and of the constant
        term alike; far from x = 0 the two must match.
    X : ndarray, shape (m, dx)
    activation : PiecewiseLinear

    Returns
    -------
    units : list of Unit
    output_bias : ndarray, shape (dy,)

    Notes
    -----
    Unit j carries a = u_j^T W shifted by c = range - min over the samples, so that its pre-activations lie between
    one and two ranges; alpha balances its incoming and outgoing weights.
    """
    units, output_bias = [], centre[1] - left @ (left.T @ weights @ centre[0])
    for u in left.T:
        a = u @ weights
        values = X @ a
        shift = float(np.ptp(values) - values.min())
        alpha = (activation.positive * float(np.hypot(np.linalg.norm(a), shift))) ** -0.5
        units.append((alpha * a, alpha * shift, u / (alpha * activation.positive)))
        output_bias = output_bias - u * shift
    return units, output_bias


def least_squares_point(problem: ShallowProblem) -> ShallowNetwork:
    """Build the network whose every unit is on and whose map is the best affine fit of rank at most its width.

    Parameters
    ----------
    problem : ShallowProblem

    Returns
    -------
    ShallowNetwork
        A local minimum of the loss (Yun, Sra & Jadbabaie 2019, Theorem 1), up to rounding.
    """
    fit, rank, X = problem.fit, problem.point_rank, problem.X
    centre = (fit.x_mean, fit.y_mean)
    units, output_bias = affine_units(fit.weights, centre, fit.left[:, :rank], X, problem.activation)
    return assemble(units, problem.hidden_width, X.shape[1], spare_bias(units, X), output_bias)


def spare_bias(units: list[Unit], X: Matrix) -> float:
    """Bias of the units that do nothing: large enough that they are not the first to switch off, 1 without others."""
    if not units:
        return 1.0
    return max(float(np.max(X @ w + b)) for w, b, _ in units)


def certified_radius(network: ShallowNetwork, X: Matrix) -> Radius:
    """Return rho = min over samples and units of (z - err) / ||(x, 1)||.

    Parameters
    ----------
    network : ShallowNetwork
    X : ndarray, shape (m, dx)

    Returns
    -------
    Radius

    Notes
    -----
    z is the pre-activation and err = (dx + 2) eps (|w| |x| + |b|) bounds its rounding (Higham 2002, section 3.1:
    dx products and dx + 1 sums, the next integer covering the second-order terms). A change of (w, b) by d moves z by
    at most ||d|| ||(x, 1)||.
    """
    z = network.pre_activations(X)
    error = (X.shape[1] + 2) * EPS * (np.abs(X) @ np.abs(network.W1).T + np.abs(network.b1))
    sizes = np.hypot(np.linalg.norm(X, axis=1), 1.0)
    rho = float(np.min((z - error) / sizes[:, None]))
    largest = float(np.max(np.hypot(np.linalg.norm(network.W1, axis=1), network.b1)))
    return Radius(rho, rho / largest)


def stationarity_defect(network: ShallowNetwork, problem: ShallowProblem) -> float:
    """How much lower than the network an affine map of at most its rank can be, because its weights are rounded.

    The network's map is f* + e, f* the wanted fit and e rounding; L(f* + e) - L(f*) = <e, f* - Y> + 1/2 ||e||^2, and
    <e, f* - Y> = <e, f* - Y_LS> because e is affine in x and Y_LS - Y is orthogonal to that.
    """
    fit, rank = problem.fit, problem.point_rank
    e = network.predict(problem.X, problem.activation) - fit.y_mean - fit.predictions(0, rank)
    left_out = fit.predictions(rank, fit.rank)
    return 0.5 * float(np.sum(e**2)) + abs(float(np.sum(e * left_out)))
