"""Limited-memory BFGS with a backtracking line search, for small problems solved many times.

scipy's L-BFGS-B spends more time in threaded BLAS calls on vectors of ten numbers than in the function.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from lossurf.numerics import EPS, Matrix

_MEMORY: Final = 10  # pairs kept; Nocedal & Wright 2006, section 7.2: 3 to 20
_SUFFICIENT: Final = 1e-4  # share of the promised decrease a step must keep (Armijo; ibid., section 3.1)
_HALVINGS: Final = 30


def minimise(
    loss_and_gradient: Callable[[Matrix], tuple[float, Matrix]], start: Matrix, steps: int
) -> tuple[float, Matrix]:
    """Go downhill from `start` for at most `steps` steps.

    Parameters
    ----------
    loss_and_gradient : callable
        x (n,) -> f(x), gradient (n,).
    start : ndarray, shape (n,)
    steps : int

    Returns
    -------
    value : float
        Never above f(start).
    x : ndarray, shape (n,)
    """
    x = start
    value, gradient = loss_and_gradient(x)
    pairs: deque[tuple[Matrix, Matrix]] = deque(maxlen=_MEMORY)
    for _ in range(steps):
        direction = -_times_inverse_hessian(gradient, pairs)
        slope = float(direction @ gradient)
        if not slope < -EPS * abs(value):  # nothing left to gain that the value could show
            break
        step = 1.0 if pairs else 1.0 / (1.0 + float(np.linalg.norm(gradient)))
        for _ in range(_HALVINGS):
            candidate = x + step * direction
            next_value, next_gradient = loss_and_gradient(candidate)
            if next_value <= value + _SUFFICIENT * step * slope:
                break
            step *= 0.5
        else:
            break
        moved, turned = candidate - x, next_gradient - gradient
        if float(moved @ turned) > EPS * float(turned @ turned):  # keeps the estimate positive definite
            pairs.append((moved, turned))
        x, value, gradient = candidate, next_value, next_gradient
    return value, x


def _times_inverse_hessian(gradient: Matrix, pairs: deque[tuple[Matrix, Matrix]]) -> Matrix:
    """Two-loop recursion (Nocedal & Wright 2006, algorithm 7.4)."""
    q, coefficients = gradient.copy(), []
    for moved, turned in reversed(pairs):
        coefficient = float(moved @ q) / float(moved @ turned)
        coefficients.append(coefficient)
        q -= coefficient * turned
    if pairs:
        moved, turned = pairs[-1]
        q *= float(moved @ turned) / float(turned @ turned)
    for (moved, turned), coefficient in zip(pairs, reversed(coefficients), strict=True):
        q += (coefficient - float(turned @ q) / float(moved @ turned)) * moved
    return q
