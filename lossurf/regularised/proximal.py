"""The least regularised loss of one hidden layer: min over P of 1/2 ||P F - T||_F^2 + lam ||P||_*, with a duality gap.

Proximal gradient steps, accelerated and restarted where the momentum points uphill (Beck & Teboulle 2009; O'Donoghue &
Candes 2015), find the rank; Newton's method on the products of that rank finishes. The gap says how far that went,
whatever the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.numerics import Matrix
from lossurf.regularised.bounds import dual_value, feasible_dual
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.signal import Signal
from lossurf.regularised.tangent import LARGEST_FORM, TangentForm

WANTED_GAP: Final = 1e-9  # share of the loss at zero: nine digits of what there is to gain
_STEPS: Final = 20_000
_CHECKED_EVERY: Final = 100
_NEWTON: Final = 20


@dataclass(frozen=True)
class NuclearMinimum:
    """A product within `gap` of the least loss.

    Attributes
    ----------
    product : ndarray, shape (dy, dx)
    loss : float
        In the problem's units, without the constant part.
    gap : float
        loss - dual bound, at least 0.
    dual : ndarray, shape (dy, rank_x)
        Feasible: the evidence of the bound.
    singular_values : ndarray
        Of the product, those that are not zero, descending.
    """

    product: Matrix
    loss: float
    gap: float
    dual: Matrix
    singular_values: Matrix

    @property
    def rank(self) -> int:
        """Of the product."""
        return int(self.singular_values.size)


def nuclear_minimum(problem: ScaledProblem) -> NuclearMinimum:
    """Minimise over all products of one hidden layer that is wide enough.

    Parameters
    ----------
    problem : ScaledProblem
        Of depth 2.

    Returns
    -------
    NuclearMinimum
        With a gap below WANTED_GAP times the loss at zero, unless the data are so ill-conditioned that _STEPS steps do
        not get there; the gap tells.
    """
    wanted = WANTED_GAP * problem.zero_loss
    P = np.zeros(problem.correlation.shape)
    best = _judged(problem, P)
    ahead, momentum = P, 1.0
    for step in range(1, _STEPS + 1):
        if best.gap <= wanted:
            break
        following = _shrunk(ahead - (ahead @ problem.F - problem.T) @ problem.F.T, problem.decay)
        if float(np.sum((ahead - following) * (following - P))) > 0.0:  # the momentum points uphill
            momentum = 1.0
        faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = following + (momentum - 1.0) / faster * (following - P)
        P, momentum = following, float(faster)
        if step % _CHECKED_EVERY == 0:
            best = min(best, _judged(problem, P), _finished(problem, P), key=lambda found: found.gap)
    return best


def _shrunk(matrix: Matrix, amount: float) -> Matrix:
    left, s, right = svd(matrix, full_matrices=False)
    return np.asarray((left * np.maximum(s - amount, 0.0)) @ right)


def _judged(problem: ScaledProblem, P: Matrix) -> NuclearMinimum:
    s = singular_values(P)
    s = s[s > problem.rounding(1.0) * s[0]] if s.size and s[0] else np.zeros(0)
    residual = problem.T - P @ problem.F
    loss = 0.5 * float(np.sum(residual**2)) + problem.decay * float(np.sum(s))
    dual = feasible_dual(problem, residual)
    return NuclearMinimum(P, loss, max(loss - dual_value(problem, dual), 0.0), dual, s)


def _finished(problem: ScaledProblem, P: Matrix) -> NuclearMinimum:
    """Newton's method on the products of the rank that P has; the best of the points it passes."""
    left, s, right = svd(P, full_matrices=False)
    rank = int(np.count_nonzero(s))
    signal = Signal((right[:rank].T, np.eye(rank), left[:, :rank]), np.sqrt(s[:rank]))
    best = _judged(problem, P)
    for _ in range(_NEWTON):
        form = TangentForm(signal, problem)
        moved = form.newton() if 0 < form.unknowns <= LARGEST_FORM else None
        if moved is None:
            break
        signal = signal.moved(moved)
        if not signal.sigma.all():  # the rank was too high
            break
        found = _judged(problem, signal.product)
        if not found.gap < best.gap:
            break
        best = found
    return best
