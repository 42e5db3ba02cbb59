"""The exactly critical point of the regularised loss beside a network: the one that a verdict speaks of."""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from lossurf.numerics import UNDECIDED_FACTOR, rank_threshold
from lossurf.regularised.point import Point
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.signal import Signal, read_signal
from lossurf.regularised.tangent import LARGEST_FORM, TangentForm

_STEPS: Final = 30
"""Newton's method doubles the digits at every step; along a direction whose curvature is rounding it only halves what
is left, and thirty halvings are all the digits of a tolerance of 1e-6."""


def find_critical(point: Point, rank: int, farthest: float) -> Signal | None:
    """Return the critical point of this rank that Newton's method leads to from a network.

    Parameters
    ----------
    point : Point
        Depth 2 at least, nearly critical.
    rank : int
        Of every layer.
    farthest : float
        How far a layer may be moved, relative to the size max(||W_k||_2, 1).

    Returns
    -------
    Signal or None
        None where no critical point to rounding was reached. As read, without a step, where the form has more than
        LARGEST_FORM unknowns.
    """
    return polished(point.problem, read_signal(point.layers, rank), farthest * max(point.sizes))


def polished(problem: ScaledProblem, signal: Signal, longest: float = inf, steps: int = _STEPS) -> Signal | None:
    """Return the critical point of the same rank that Newton's method leads to from a signal.

    Parameters
    ----------
    problem : ScaledProblem
    signal : Signal
        Of depth 2 at least.
    longest : float
        Steps along a flat direction that are longer are left out.
    steps : int
        At most so many.

    Returns
    -------
    Signal or None
        As `find_critical`.
    """
    if not signal.rank:
        return signal
    best, least = None, np.inf
    for _ in range(steps):
        if not signal.sigma.all() or not np.isfinite(signal.sigma).all():
            break
        size = slope(problem, signal)
        if size < 0.5 * least:
            best, least = signal, size
        elif size <= rounding_of_slope(problem, signal):
            break
        form = TangentForm(signal, problem)
        if form.unknowns > LARGEST_FORM:
            return signal
        moved = form.newton(longest)
        if moved is None:
            break
        signal = signal.moved(moved)
    return best if best is not None and least <= rounding_of_slope(problem, best) else None


def slope(problem: ScaledProblem, signal: Signal) -> float:
    """Norm of the largest dL/dW_k: of U_k sigma^{N-1} (U_N^T (P F - T) F^T + ...) and the like at the two ends."""
    N, lam, sigma = signal.depth, problem.decay, signal.sigma
    G = (signal.product @ problem.F - problem.T) @ problem.F.T
    top = sigma ** (N - 1)
    first = (signal.bases[-1] * top).T @ G + lam * sigma[:, None] * signal.bases[0].T
    last = G @ (signal.bases[0] * top) + lam * signal.bases[-1] * sigma
    return max(float(np.linalg.norm(first)), float(np.linalg.norm(last)))


def rounding_of_slope(problem: ScaledProblem, signal: Signal) -> float:
    """Error of `slope` in float64: of the products in it, each a sum of as many terms as the data have columns."""
    top = float(signal.sigma[0]) if signal.rank else 0.0
    terms = top ** (signal.depth - 1) * (top**signal.depth + 1.0) + problem.decay * top
    return UNDECIDED_FACTOR * rank_threshold(terms, problem.order) * max(signal.rank, 1)
