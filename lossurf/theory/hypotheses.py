"""The hypotheses on the data, each `holds`, `fails` or `undecided` with its measured margin (theory, section 3).

`fails` is said only where it follows from the shape of the data, from columns without any variation, or from widths: no
rounding is in that. A measured value below its error says only that the data as stored cannot tell: `undecided`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.fields import Unbounded
from lossurf.numerics import decide_nonzero, numerical_rank
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Status


@dataclass(frozen=True)
class Finding:
    """One hypothesis decided on the user's data.

    Attributes
    ----------
    id : str
        Of `lossurf explain`.
    status : Status
    value : float
        What was measured.
    threshold : float
        What it is held against.
    margin : float or None
        Their ratio; None where the decision is exact.
    detail : str
        What was measured and where the threshold comes from, in words.
    """

    id: str
    status: Status
    value: float
    threshold: float
    margin: Unbounded | None
    detail: str


@dataclass(frozen=True)
class Condition(Finding):
    """A further hypothesis of single theorems, which may have nothing to measure.

    Attributes
    ----------
    value : float
        What was measured; NaN where nothing was.
    threshold : float
        What it is held against; NaN where there is none.
    """

    value: Unbounded
    threshold: Unbounded


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


def measured(identifier: str, value: float, error: float, detail: str) -> Finding:
    """Hold a measured value against its error: `holds` where it is surely not zero, else `undecided`, never `fails`."""
    decision = decide_nonzero(value, error)
    status = Status.HOLDS if decision.status is Status.HOLDS else Status.UNDECIDED
    return Finding(identifier, status, decision.value, decision.threshold, decision.margin, detail)


def short_rank(identifier: str, bound: int, wanted: int, what: str, problem: ReducedProblem) -> Finding:
    """Return the finding that a rank cannot be reached whatever the numbers are."""
    still = "constant or zero" if problem.bias else "zero"
    detail = f"{what} is at most {bound} of {wanted}: by the number of samples, {problem.samples}, and {still} columns"
    return Finding(identifier, Status.FAILS, float(bound), float(wanted), None, f"{detail}; exact")


def _xxt_full_rank(problem: ReducedProblem) -> Finding:
    name, bound = "xxt-full-rank", problem.rank_bounds[0]
    if bound < problem.dx:
        return short_rank(name, bound, problem.dx, "rank(X)", problem)
    s = problem.column_singular_values
    detail = (
        f"rank(X) = {problem.rank_x} of {problem.dx}; smallest singular value of X relative to the largest, columns "
        "scaled to equal norms, against what rounding and the stored precision leave uncertain"
    )
    return measured(name, float(s[-1] / s[0]), problem.precision.input_error, detail)


def _xyt_full_rank(problem: ReducedProblem) -> Finding:
    name, wanted, bound = "xyt-full-rank", min(problem.dx, problem.dy), min(problem.rank_bounds)
    if bound < wanted:
        return short_rank(name, bound, wanted, "rank(X Y^T)", problem)
    s, error = _output_scaled_singular_values(problem)
    detail = (
        f"rank(X Y^T) = {numerical_rank(s, error)} of {wanted}; smallest singular value of Y's projection on the rows "
        "of X, outputs scaled to equal norms, against what rounding and the stored precision leave uncertain"
    )
    return measured(name, float(s[wanted - 1]) if s.size >= wanted else 0.0, error, detail)


def _output_scaled_singular_values(problem: ReducedProblem) -> tuple[np.ndarray, float]:
    """Singular values of T with the outputs scaled to unit norm, so that units do not matter, and their error bound.

    That of `Precision.target_error` for dy outputs of norm 1: relative errors of the outputs, and the turn of X's row
    space, which brings at most that share of the residual into T.
    """
    norms, precision = problem.output_norms, problem.precision
    seen = norms > 0.0
    scaled = np.divide(
        problem.target * problem.scale, norms[:, None], out=np.zeros_like(problem.target), where=seen[:, None]
    )
    s = singular_values(scaled)
    of_outputs = np.linalg.norm(precision.target_errors[seen] / norms[seen])
    return s, float(of_outputs + precision.turn * (1.0 + precision.turn) * np.sqrt(problem.dy))


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
    name, zeros = "distinct-eigenvalues", problem.dy - min(problem.rank_bounds)
    error = problem.target_error()
    if zeros >= 2:  # a tie whatever the numbers are
        detail = f"{zeros} eigenvalues are zero because rank(X Y^T) <= {problem.dy - zeros} and dy = {problem.dy}"
        return Finding(name, Status.FAILS, 0.0, error, None, f"{detail}; exact")
    roots = np.zeros(problem.dy)
    s = problem.target_svd[1]
    roots[: s.size] = s
    gaps = roots[:-1] - roots[1:]
    closest = int(np.argmin(gaps))
    detail = (
        f"closest eigenvalues {closest + 1} and {closest + 2}: gap between their square roots, relative to the first, "
        "against what rounding and the stored precision leave uncertain in the projection"
    )
    return measured(name, float(gaps[closest]), error, detail)
