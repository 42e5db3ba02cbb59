"""One hinge added to an affine map: how much it lowers the squared loss, over all its cuts at once.

g = h(a.x - c) changes the residuals R = Y_LS - Y to R + v g. R is orthogonal to every affine function of x, so
R^T g = (s+ - s-) R^T max(t - c, 0) with t the projections a.x, and the best v gains ||R^T g||^2 / (2 ||g'||^2), where
g' is g centred ("minimal": the affine part keeps its weights) or g orthogonalised to the affine functions of x
("refit": the affine part is fitted again).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.decompositions import svd
from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.affine import AffineFit
from lossurf.numerics import Matrix

Indices = NDArray[np.intp]

# Closer projections count as one: the cut between them would make a hinge as high as the rounding of the sums below
# (1e-9 of the range against sums good to 1e-16 times the number of samples).
_DISTINCT: Final = 1e-9

_RANDOM_DIRECTIONS: Final = 200
_EIGENVECTORS_PER_OUTPUT: Final = 4
_LARGEST_OUTPUTS: Final = 16  # outputs whose second moments are decomposed, those with the largest residuals

# One direction costs some ten nanoseconds for each sample and dimension: the scan stays within about a minute.
_WORK: Final = 5e9
_FEWEST_DIRECTIONS: Final = 8
_NUMBERS_AT_ONCE: Final = 4_000_000  # 32 MB in each temporary of the prefix sums


@dataclass(frozen=True)
class Hinge:
    """A hinge max(direction.z - cut, 0) in standardised coordinates z, and what it is expected to gain."""

    direction: Matrix  # (dx,)
    cut: float
    gain: float


@dataclass(frozen=True)
class Sides:
    """Which outputs' affine part may be refitted: an orthonormal (dy, q) whose span may, the rest may not.

    An affine part of rank r + 1 needs one more unit than one of rank r; refitting inside the span of the fit's left
    singular vectors keeps the rank at r.
    """

    refitted: Matrix


def directions(fit: AffineFit, seed: int) -> Matrix:
    """Candidate directions in standardised coordinates, unit rows, (k, dx), the most promising first.

    Right singular vectors of the fit, leading eigenvectors of sum_i R_iq z_i z_i^T for each output q (the second
    moment that the residuals still have), axes, and random ones; fewer where the data are very large.
    """
    Z, varies = fit.standardised, np.isfinite(fit.x_scale)
    candidates = [svd(fit.weights * np.where(varies, fit.x_scale, 0.0))[2][: fit.rank]]
    for q in np.argsort(-np.sum(fit.residuals**2, axis=0), kind="stable")[:_LARGEST_OUTPUTS]:
        values, vectors = np.linalg.eigh(Z.T @ (fit.residuals[:, q, None] * Z))
        candidates.append(vectors.T[np.argsort(-np.abs(values), kind="stable")[:_EIGENVECTORS_PER_OUTPUT]])
    random = np.random.default_rng(seed).standard_normal((_RANDOM_DIRECTIONS, varies.size))
    rows = np.vstack([*candidates, np.eye(varies.size), random]) * varies
    norms = np.linalg.norm(rows, axis=1)
    rows = rows[norms > 0.0] / norms[norms > 0.0, None]
    work = Z.shape[0] * (fit.basis.shape[1] + fit.residuals.shape[1])
    return np.asarray(rows[: max(int(_WORK / work), _FEWEST_DIRECTIONS)])


def best_hinge(fit: AffineFit, sides: Sides, activation: PiecewiseLinear, seed: int) -> Hinge | None:
    """Scan every cut between distinct projections along every candidate direction.

    Parameters
    ----------
    fit : AffineFit
    sides : Sides
        With no column, the minimal gain is what is maximised.
    activation : PiecewiseLinear
    seed : int
        Of the random directions.

    Returns
    -------
    Hinge or None
        None where all samples have one input.
    """
    best: Hinge | None = None
    candidates = directions(fit, seed)
    if sides.refitted.shape[1] < fit.y_mean.size:  # max(-t, 0) is max(t, 0) less an affine part that nothing refits
        candidates = np.vstack([candidates, -candidates])
    for direction in candidates:
        found = _best_cut(fit, sides, activation, direction)
        if found is not None and (best is None or found.gain > best.gain):
            best = found
    return best


def _best_cut(fit: AffineFit, sides: Sides, activation: PiecewiseLinear, direction: Matrix) -> Hinge | None:
    t = fit.standardised @ direction
    order = np.argsort(-t, kind="stable")  # descending, so that sums over the active samples are prefix sums
    sorted_t = t[order]
    ends = np.flatnonzero(sorted_t[:-1] - sorted_t[1:] > _DISTINCT * (sorted_t[0] - sorted_t[-1]))
    if ends.size == 0:
        return None
    cuts = 0.5 * (sorted_t[ends] + sorted_t[ends + 1])
    gains = _gains(fit, sides, activation, _Cuts(order, sorted_t, ends, cuts))
    k = int(np.argmax(gains))
    return Hinge(direction, float(cuts[k]), float(gains[k]))


@dataclass(frozen=True)
class _Cuts:
    """Samples in the order of falling projections, and the places between distinct ones."""

    order: Indices
    t: Matrix  # sorted
    ends: Indices  # last active sample of each cut
    values: Matrix


def _gains(fit: AffineFit, sides: Sides, activation: PiecewiseLinear, at: _Cuts) -> Matrix:
    """Gain at every cut from prefix sums: sum of v_i max(t_i - c, 0) = sum_{active} v_i t_i - c sum_{active} v_i."""
    order, t, ends, cuts = at.order, at.t, at.ends, at.values
    kink, slope = activation.positive - activation.negative, activation.negative

    def against(v: Matrix) -> Matrix:
        return np.asarray(np.cumsum(v * t[:, None], axis=0)[ends] - cuts[:, None] * np.cumsum(v, axis=0)[ends])

    ones_and_t = against(np.column_stack([np.ones_like(t), t]))
    squares = ones_and_t[:, 1] - cuts * ones_and_t[:, 0]
    centred = squares - ones_and_t[:, 0] ** 2 / t.size
    # where all of g' cancels, the sums hold only rounding: such a hinge is affine on the data and gains nothing
    floor = _DISTINCT * squares
    products = kink * against(fit.residuals[order])  # (cuts, dy)
    inside = np.sum((products @ sides.refitted) ** 2, axis=1)
    beyond = np.maximum(np.sum(products**2, axis=1) - inside, 0.0)
    minimal = slope**2 * float(t @ t) + 2.0 * slope * kink * ones_and_t[:, 1] + kink**2 * centred
    gains = np.divide(beyond, minimal, out=np.zeros_like(beyond), where=centred > floor)
    if sides.refitted.size:
        outside = centred - _squared_sums(against, fit.basis, order)
        gains += np.divide(inside, kink**2 * outside, out=np.zeros_like(inside), where=outside > floor)
    return np.asarray(0.5 * gains)


def _squared_sums(against: Callable[[Matrix], Matrix], basis: Matrix, order: Indices) -> Matrix:
    """Squared norm of every hinge's part along the basis, some columns at a time."""
    step = max(_NUMBERS_AT_ONCE // basis.shape[0], 1)
    parts = [np.sum(against(basis[order, k : k + step]) ** 2, axis=1) for k in range(0, basis.shape[1], step)]
    return np.asarray(np.sum(parts, axis=0))
