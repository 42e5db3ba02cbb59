"""A network of the same width with lower loss than the least-squares point: an affine part plus one hinge."""

from __future__ import annotations

import numpy as np

from lossurf.decompositions import svd
from lossurf.nonlinear.spurious.affine import AffineFit
from lossurf.nonlinear.spurious.hinge import Hinge, Sides, best_hinge
from lossurf.nonlinear.spurious.minimum import affine_units, spare_bias
from lossurf.nonlinear.spurious.problem import ShallowProblem
from lossurf.nonlinear.spurious.shallow import ShallowNetwork, assemble
from lossurf.numerics import Matrix

_SHARE = (
    1e-12  # parts of the affine map this small would be rounding; the exact comparison sees the network without them
)


def hinge_network(problem: ShallowProblem, *, refit: bool) -> ShallowNetwork | None:
    """Add the best hinge to the affine fit.

    Parameters
    ----------
    problem : ShallowProblem
        Of hidden width at least rank + 1: the affine part takes one unit for each rank, the hinge one.
    refit : bool
        Fit the affine part again together with the hinge, as far as the width allows; otherwise it keeps its weights.

    Returns
    -------
    ShallowNetwork or None
        None where all samples have one input.
    """
    fit = problem.fit
    sides = Sides(_refitted(fit, problem.hidden_width) if refit else np.zeros((fit.y_mean.size, 0)))
    hinge = best_hinge(fit, sides, problem.activation, problem.seed)
    return None if hinge is None else _build(problem, sides, hinge)


def _refitted(fit: AffineFit, hidden_width: int) -> Matrix:
    """Span the outputs in which the affine part may change: all where rank r + 1 fits in the width or cannot arise."""
    rank_needed = min(fit.rank + 1, fit.y_mean.size, fit.basis.shape[1])
    if hidden_width - 1 >= rank_needed:
        return np.eye(fit.y_mean.size)
    return fit.left[:, : fit.rank]


def _build(problem: ShallowProblem, sides: Sides, hinge: Hinge) -> ShallowNetwork:
    fit, X, activation, hidden_width = problem.fit, problem.X, problem.activation, problem.hidden_width
    a = hinge.direction / fit.x_scale
    b = -hinge.cut - float(a @ fit.x_mean)
    values = activation(X @ a + b)
    coefficient, weights, level = _fit_with(fit, sides, values)
    left, singular_values, _ = svd(weights * _finite(fit.x_scale), full_matrices=False)
    rank = min(int(np.count_nonzero(singular_values > _SHARE * singular_values[:1])), hidden_width - 1)
    units, output_bias = affine_units(weights, (fit.x_mean, level), left[:, :rank], X, activation)
    bias = spare_bias(units, X)
    size, gain = float(np.hypot(np.linalg.norm(a), b)), float(np.linalg.norm(coefficient))
    balance = np.sqrt(gain / size) if gain > 0.0 else 1.0
    units.append((balance * a, balance * b, coefficient / balance))
    return assemble(units, hidden_width, X.shape[1], bias, output_bias)


def _fit_with(fit: AffineFit, sides: Sides, values: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Best coefficient (dy,) of the hinge's values, with the affine part's weights and its value at the mean of x."""
    centred, outside = values - values.mean(), fit.project(values)
    inside = sides.refitted @ sides.refitted.T
    products = fit.residuals.T @ outside  # equal to R^T g: R is orthogonal to what `project` removes
    refitted = -(inside @ products) / (outside @ outside) if sides.refitted.size else np.zeros_like(products)
    kept = -(products - inside @ products) / (centred @ centred)
    weights = fit.weights - np.outer(refitted, (fit.basis.T @ centred) @ fit.to_weights)
    coefficient = refitted + kept
    return coefficient, weights, fit.y_mean - coefficient * values.mean()


def _finite(scale: Matrix) -> Matrix:
    return np.where(np.isfinite(scale), scale, 0.0)
