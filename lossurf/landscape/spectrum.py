"""The eigenvalues of Sigma with their error bars."""

from __future__ import annotations

from dataclasses import dataclass

from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class Eigenvalue:
    """One eigenvalue of Sigma (numbered from 1) and the range in which the stored precision leaves it."""

    index: int
    value: float
    low: float
    high: float


def eigenvalue_bounds(problem: ReducedProblem) -> tuple[Eigenvalue, ...]:
    """Return all dy eigenvalues, descending, each with the bounds that its root has by Weyl's inequality.

    The singular values of T move by at most the error of T, and the eigenvalues are their squares.
    """
    error = problem.scale * problem.target_error()
    found = []
    for index, value in enumerate(problem.eigenvalues.tolist(), start=1):
        root = value**0.5
        low, high = max(root - error, 0.0) ** 2, (root + error) ** 2
        found.append(Eigenvalue(index, value, low, high))
    return tuple(found)
