"""Biases, exactly: with a bias on the output the type is decided on centred data and the mean residual must vanish.

(W, b_1..b_N) -> (W, b_1..b_{N-1}, b_eff) with b_eff = sum_k A_k b_k is a smooth change of variables in which the inner
biases are flat and b_eff is a strictly convex quadratic (theory, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from lossurf.decompositions import largest_singular_value
from lossurf.network import output_too_large
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem

_LARGEST_NORM: Final = 1e150  # its square is finite (1.8e308)
_LARGEST_MEASURE: Final = 1e150  # where no relative change of zeros reaches the residual; a document holds no infinity


@dataclass(frozen=True)
class MeanResidual:
    """Norm of sqrt(m) (P mean(x) + b_eff - mean(y)) in units of the problem's scale, and its criticality measure.

    `reach` is what a relative change of every layer and bias makes of it at first order, in the same units.
    """

    norm: float
    measure: float
    reach: float = 0.0


def mean_residual(
    weights: Sequence[Matrix], biases: Sequence[Matrix | None] | None, problem: ReducedProblem
) -> MeanResidual:
    """Measure the mean residual of a network with an output bias.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}).
    biases : sequence of ndarray or None
        b_k (d_k,), None for zero.
    problem : ReducedProblem
        Centred.

    Returns
    -------
    MeanResidual
        The measure is the norm over what a relative change of every layer and bias makes of it: zero where the norm is
        within the error of the means, which is at most that of Y's columns, means included.

    Raises
    ------
    InputError
        If the mean output is too large to square at the scale of Y.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            mean = _mean_residual(weights, biases, problem)
    except FloatingPointError:
        raise output_too_large() from None
    if mean.norm > _LARGEST_NORM:
        raise output_too_large()
    return mean


def _mean_residual(
    weights: Sequence[Matrix], biases: Sequence[Matrix | None] | None, problem: ReducedProblem
) -> MeanResidual:
    assert problem.mean_row is not None
    row, reach, last = problem.mean_row, 0.0, len(weights) - 1
    mean = row.x  # the layer's mean input, times sqrt(m)
    for k, W in enumerate(weights):
        # first-order reach of a relative change of W_k and b_k on the next layer, carried on by ||W_k||
        bias = None if biases is None else biases[k]
        bias = np.zeros(W.shape[0]) if bias is None else bias
        moved = float(np.linalg.norm(np.abs(W) @ np.abs(mean)) + np.linalg.norm(row.root_samples * bias))
        reach = reach * largest_singular_value(W) + moved
        # a bias near a large mean of Y: the difference of the two is exact, that of their multiples would not be
        mean = W @ mean + row.root_samples * (bias - row.shift_y if k == last else bias)
    norm = float(np.linalg.norm(mean - row.shifted_y))
    known = float(np.linalg.norm(problem.precision.target_errors))  # n eps of a column bounds its error along the ones
    measure = 0.0 if norm <= known else min(norm / reach if reach else inf, _LARGEST_MEASURE)
    return MeanResidual(norm / problem.scale, measure, reach / problem.scale)


def output_bias(weights: Sequence[Matrix], biases: Sequence[Matrix | None] | None, problem: ReducedProblem) -> Matrix:
    """Return the b_N, shape (dy,), at which the mean residual vanishes; the biases of inner layers stay as they are.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}).
    biases : sequence of ndarray or None
        b_k (d_k,), None for zero; the last is not used.
    problem : ReducedProblem
        Centred.
    """
    assert problem.mean_row is not None
    row = problem.mean_row
    mean = row.x / row.root_samples  # signs of the row cancel in the ratio
    for k, W in enumerate(weights):
        bias = None if biases is None or k == len(weights) - 1 else biases[k]
        mean = W @ mean if bias is None else W @ mean + bias
    return np.asarray(row.y / row.root_samples - mean)
