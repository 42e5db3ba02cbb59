"""v^T H v of the regularised loss, and how far a relative change of the layers moves it.

With P(s) = (W_N + s V_N) ... (W_1 + s V_1) = P_0 + s P_1 + s^2 P_2 + ..., it is
||P_1 F||^2 + 2 <P_0 F - T, P_2 F> + lam sum ||V_k||^2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossurf.decompositions import largest_singular_value
from lossurf.numerics import Matrix
from lossurf.regularised.scaled import ScaledProblem


def curvature(problem: ScaledProblem, layers: Sequence[Matrix], direction: Sequence[Matrix]) -> float:
    """v^T H v; both arguments in the problem's units, shapes of the layers."""
    P0, P1, P2 = _series(problem, layers, direction)[-1]
    penalty = problem.decay * sum(float(np.sum(V**2)) for V in direction)
    return float(np.sum(P1**2) + 2.0 * np.sum((P0 - problem.T) * P2)) + penalty


def curvature_reach(problem: ScaledProblem, layers: Sequence[Matrix], direction: Sequence[Matrix]) -> float:
    """Change of v^T H v for a fixed v, to first order, per relative change of every layer (of at least 1).

    The derivative in W_k runs backwards through the recursion of P_0, P_1, P_2; the change is the sum over the layers
    of its norm times max(||W_k||_2, 1), the same reach as of every other quantity (theory, section 6).
    """
    steps = _series(problem, layers, direction)
    P0, P1, P2 = steps[-1]
    Q0, Q1, Q2 = 2.0 * P2, 2.0 * P1, 2.0 * (P0 - problem.T)  # derivatives of v^T H v in P_0 F, P_1 F, P_2 F
    total = 0.0
    for W, V, (B0, B1, B2) in zip(reversed(layers), reversed(direction), reversed(steps[:-1]), strict=True):
        gradient = Q0 @ B0.T + Q1 @ B1.T + Q2 @ B2.T
        total += float(np.linalg.norm(gradient)) * max(largest_singular_value(W), 1.0)
        Q0, Q1, Q2 = W.T @ Q0 + V.T @ Q1, W.T @ Q1 + V.T @ Q2, W.T @ Q2
    return total


def _series(
    problem: ScaledProblem, layers: Sequence[Matrix], direction: Sequence[Matrix]
) -> list[tuple[Matrix, Matrix, Matrix]]:
    """P_0 F, P_1 F, P_2 F of the first 0, 1, ..., N layers."""
    F = problem.F
    steps = [(F, np.zeros_like(F), np.zeros_like(F))]
    for W, V in zip(layers, direction, strict=True):
        P0, P1, P2 = steps[-1]
        steps.append((W @ P0, W @ P1 + V @ P0, W @ P2 + V @ P1))
    return steps
