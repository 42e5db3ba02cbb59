"""How flat a global minimum can be on these data at this depth (Mulayoff & Michaeli 2020).

Where the network fits least squares, H = J^T J, and for unit u, v its largest eigenvalue is at least
sum_k ||A_k^T u||^2 ||h_{k-1} v||^2, the square of the gradient of u^T P F v. With ||A_k^T u|| ||h_k v|| >= u^T P F v
the product of the N terms is at least ||F v||^2 (u^T T v)^{2 (N - 1)}, and their sum at least N times its N-th root:

    largest >= N (||F v||  (u^T T v)^{N - 1})^{2 / N},     at (u, v) = (u_i, v_i), singular vectors of T, the best i.

Of white inputs, F F^T = f^2 I, balanced layers reach N (f s_1^{N - 1})^{2 / N}: the closed form of Mulayoff & Michaeli.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.fields import Magnitude
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, decide_nonzero
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Status


@dataclass(frozen=True)
class Flattest:
    """The least that the largest eigenvalue can be at a global minimum.

    Attributes
    ----------
    sharpness : float
        A lower bound for every global minimum, of the loss 1/2 ||.||^2.
    ratio : float
        This minimum's largest eigenvalue over that.
    white : Status
        Whether X X^T is a multiple of the identity where X varies, without which the bound need not be reached:
        `undecided` where nothing that is known of X speaks against it.
    fits : Status
        Whether the widths let least squares be reached, without which the bound does not hold: `undecided` where what
        they leave out of T is within its error.
    """

    sharpness: Magnitude
    ratio: Magnitude
    white: Status
    fits: Status


def flattest_minimum(weights: Sequence[Matrix], problem: ReducedProblem, largest: float) -> Flattest | None:
    """Hold a global minimum's largest eigenvalue against the least that is possible.

    Returns
    -------
    Flattest or None
        None where a bottleneck leaves a part of T out, or T = 0.
    """
    _, s, vt = problem.target_svd
    rank_max = min(problem.dx, *(W.shape[0] for W in weights))
    fits = _fits(problem, rank_max)
    if fits is Status.FAILS or not s.size or s[0] == 0.0:
        return None
    N = len(weights)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm((problem.column_norms[:, None] * problem.whitening) @ vt.T, axis=0)
        logs = np.log(lengths) + (N - 1) * (np.log(s) + np.log(problem.scale))
        sharpness = float(N * np.exp(2.0 / N * np.max(logs[s > 0.0])))
    if not (isfinite(sharpness) and sharpness > 0.0):
        return None
    return Flattest(sharpness, largest / sharpness, _white(problem), fits)


def _fits(problem: ReducedProblem, rank_max: int) -> Status:
    """Whether T has rank at most `rank_max`."""
    s = problem.target_svd[1]
    if rank_max >= min(s.size, *problem.rank_bounds):
        return Status.HOLDS
    left_out = decide_nonzero(float(s[rank_max]), problem.target_error()).status
    return Status.FAILS if left_out is Status.HOLDS else Status.UNDECIDED


def _white(problem: ReducedProblem) -> Status:
    """Whether all singular values of F are one; a single one is."""
    if problem.bias:  # the ones column is a direction of its own, of the size sqrt(m)
        return Status.FAILS
    if problem.rank_x <= 1:
        return Status.HOLDS
    values = singular_values(problem.column_norms[:, None] * problem.whitening)
    error = problem.precision.input_error * problem.precision.largest * float(np.max(problem.column_norms))
    spread = float(values[0] - values[-1])
    return Status.FAILS if spread > UNDECIDED_FACTOR * error else Status.UNDECIDED
