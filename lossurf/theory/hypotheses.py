"""The hypotheses on the data, each `holds`, `fails` or `undecided` with its measured margin (theory, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossurf.numerics import Decision, Status, decide_nonzero, numerical_rank, rank_threshold
from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class Finding:
    """One hypothesis decided on the user's data.

    `value` held against `threshold`; `margin` is their ratio (None where the decision is exact), `detail` says in
    words what was measured and where the threshold comes from.
    """

    id: str
    status: Status
    value: float
    threshold: float
    margin: float | None
    detail: str


def check_hypotheses(problem: ReducedProblem) -> tuple[Finding, ...]:
    """Decide the four data hypotheses of Kawaguchi 2016, Theorem 2.3.

    Parameters
    ----------
    problem : ReducedProblem

    Returns
    -------
    tuple of Finding
        In the order xxt-full-rank, xyt-full-rank, dy-le-dx, distinct-eigenvalues.
    """
    return (_xxt_full_rank(problem), _xyt_full_rank(problem), _dy_le_dx(problem), distinct_eigenvalues(problem))


def overall(statuses: list[Status]) -> Status:
    """Return `fails` if any fails, else `undecided` if any is undecided, else `holds`."""
    for status in (Status.FAILS, Status.UNDECIDED):
        if status in statuses:
            return status
    return Status.HOLDS


def _finding(identifier: str, decision: Decision, detail: str) -> Finding:
    return Finding(identifier, decision.status, decision.value, decision.threshold, decision.margin, detail)


def _xxt_full_rank(problem: ReducedProblem) -> Finding:
    s = problem.column_singular_values
    largest = float(s[0]) if s[0] > 0.0 else 1.0
    smallest = float(s[-1]) / largest
    decision = decide_nonzero(smallest, rank_threshold(1.0, problem.order, problem.data_eps))
    detail = (
        f"rank(X) = {problem.rank_x} of {problem.dx}; smallest singular value of X relative to the largest, columns "
        f"scaled to equal norms, against {problem.order} * eps"
    )
    return _finding("xxt-full-rank", decision, detail)


def _xyt_full_rank(problem: ReducedProblem) -> Finding:
    wanted = min(problem.dx, problem.dy)
    s, error = _output_scaled_singular_values(problem)
    decision = decide_nonzero(float(s[wanted - 1]) if s.size >= wanted else 0.0, error)
    rank = numerical_rank(s, error)
    detail = (
        f"rank(X Y^T) = {rank} of {wanted}; smallest singular value of Y's projection on the rows of X, outputs scaled "
        "to equal norms, against its rounding error"
    )
    return _finding("xyt-full-rank", decision, detail)


def _output_scaled_singular_values(problem: ReducedProblem) -> tuple[np.ndarray, float]:
    """Singular values of T with the outputs scaled to unit norm, so that units do not matter, and their error bound."""
    norms = problem.output_norms
    scaled = np.divide(
        problem.target * problem.scale, norms[:, None], out=np.zeros_like(problem.target), where=norms[:, None] > 0.0
    )
    s = np.linalg.svd(scaled, compute_uv=False)
    error = rank_threshold(np.sqrt(max(problem.dy, 1)), problem.order, problem.data_eps) * problem.condition
    return s, float(error)


def _dy_le_dx(problem: ReducedProblem) -> Finding:
    holds = problem.dy <= problem.dx
    status = Status.HOLDS if holds else Status.FAILS
    return Finding(
        "dy-le-dx", status, float(problem.dy), float(problem.dx), None, f"dy = {problem.dy}, dx = {problem.dx}; exact"
    )


def distinct_eigenvalues(problem: ReducedProblem) -> Finding:
    """Decide whether the dy eigenvalues of Sigma differ, zeros counted."""
    if problem.dy == 1:
        return Finding("distinct-eigenvalues", Status.HOLDS, 1.0, 0.0, None, "one output has one eigenvalue; exact")
    roots = np.zeros(problem.dy)
    s = problem.target_svd[1]
    roots[: s.size] = s
    gaps = roots[:-1] - roots[1:]
    closest = int(np.argmin(gaps))
    error = problem.target_error(problem.data_eps)
    decision = decide_nonzero(float(gaps[closest]), error)
    zeros = problem.dy - numerical_rank(*_output_scaled_singular_values(problem))  # units make no eigenvalue zero
    if zeros >= 2:  # an exact tie: rank(X Y^T) leaves two or more eigenvalues zero
        detail = f"{zeros} eigenvalues are zero because rank(X Y^T) = {problem.dy - zeros} and dy = {problem.dy}"
        return Finding("distinct-eigenvalues", Status.FAILS, 0.0, error, 0.0, detail)
    status = Status.UNDECIDED if decision.status is Status.FAILS else decision.status  # rounding can hide a tiny gap
    detail = (
        f"closest eigenvalues {closest + 1} and {closest + 2}: gap between their square roots, relative to the first, "
        "against the rounding error of the projection"
    )
    return Finding("distinct-eigenvalues", status, decision.value, decision.threshold, decision.margin, detail)
