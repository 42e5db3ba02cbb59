"""`check`: what data allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from lossurf.api.facts import DataFacts, NetworkFacts, data_facts, network_facts
from lossurf.api.reducing import triangle_of
from lossurf.errors import UsageError
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.theory.conditions import check_conditions
from lossurf.theory.hypotheses import Finding, check_hypotheses, overall
from lossurf.theory.registry import advice, evaluate
from lossurf.theory.samples import SampleFacts, sample_facts
from lossurf.theory.theorems import TheoremFinding
from lossurf.words import Status


@dataclass(frozen=True)
class CheckResult:
    """What the data allow.

    Attributes
    ----------
    data : DataFacts
    hypotheses : tuple of Finding
    eigenvalues : ndarray, shape (dy,)
        Of Sigma = Y X^T (X X^T)^+ X Y^T, descending; squared units of Y times samples.
    loss_by_rank : ndarray, shape (min(dx, dy) + 1,)
        L_k, the least loss of any network whose product has rank at most k.
    eigenvalues_error, loss_by_rank_error : ndarray
        Bounds of their errors, of rounding and of the stored precision. Where xxt-full-rank is undecided they are
        those of X at the rank that `data` gives.
    network : NetworkFacts or None
    optimal_loss, optimal_mse : float
        L* at the network's rank_max (at full rank without a network), and 2 L* / (m dy).
    optimal_loss_error : float
        Bound of the error of L*.
    theorems : tuple of TheoremFinding
    status : Status
        `holds` only if every hypothesis holds.
    conditions : tuple of Finding
        The further hypotheses of single theorems.
    advice : tuple of str
        What still holds, and what to change, where Theorem 2.3 does not speak.
    """

    data: DataFacts
    hypotheses: tuple[Finding, ...]
    eigenvalues: Matrix
    eigenvalues_error: Matrix
    loss_by_rank: Matrix
    loss_by_rank_error: Matrix
    network: NetworkFacts | None
    optimal_loss: float
    optimal_loss_error: float
    optimal_mse: float
    theorems: tuple[TheoremFinding, ...]
    status: Status
    conditions: tuple[Finding, ...] = ()
    advice: tuple[str, ...] = ()


def check(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int] | None = None,
    *,
    bias: bool = False,
    samples: Samples = "rows",
) -> CheckResult:
    """Check what data allow a deep linear network.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
        Real numbers, any units; float32 and half precision widen the thresholds.
    widths : sequence of int, optional
        (dx, hidden widths, dy) of a network, for its optimal loss and the theorems that depend on widths.
    bias : bool
        The network has a bias on its output: X and Y are centred.
    samples : {"rows", "columns"}
        Which axis counts samples.

    Returns
    -------
    CheckResult
        With the loss L(W) = 1/2 ||W_N ... W_1 X - Y||_F^2 in squared units of Y times samples.

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together, or their squares leave the range of float64.
    UsageError
        If the widths do not begin with dx and end with dy.
    """
    data = as_dataset(X, Y, samples=samples)
    triangle = triangle_of(data)
    facts = sample_facts(data, reduced_problem(triangle, bias=True)) if data.dy == 1 else None
    problem = reduced_problem(triangle, bias=bias)
    return check_problem(problem, None if widths is None else tuple(widths), facts=facts)


def check_problem(
    problem: ReducedProblem,
    widths: tuple[int, ...] | None = None,
    *,
    x: str = "X",
    y: str = "Y",
    facts: SampleFacts | None = None,
) -> CheckResult:
    """Check a reduced problem; `check` for data that were reduced before.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int, optional
        (dx, hidden widths, dy).
    x, y : str
        Names for the report.
    facts : SampleFacts, optional
        What only the samples can tell.

    Returns
    -------
    CheckResult

    Raises
    ------
    UsageError
        If the widths do not begin with dx and end with dy.
    """
    if widths is not None:
        require_widths(widths, problem)
    findings = check_hypotheses(problem)
    conditions = check_conditions(problem, widths, samples=facts)
    theorems = evaluate(findings + conditions)
    network = None if widths is None else network_facts(widths)
    losses = problem.loss_by_rank
    best = losses.size - 1 if network is None else min(network.rank_max, losses.size - 1)
    optimal_loss = float(losses[best])
    return CheckResult(
        data=data_facts(problem, x, y),
        hypotheses=findings,
        eigenvalues=problem.eigenvalues,
        eigenvalues_error=problem.eigenvalues_error,
        loss_by_rank=losses,
        loss_by_rank_error=problem.loss_by_rank_error,
        network=network,
        optimal_loss=optimal_loss,
        optimal_loss_error=float(problem.loss_by_rank_error[best]),
        optimal_mse=2.0 * optimal_loss / (problem.samples * problem.dy),
        theorems=theorems,
        status=overall([finding.status for finding in findings]),
        conditions=conditions,
        advice=advice(theorems),
    )


def require_widths(widths: tuple[int, ...], problem: ReducedProblem) -> None:
    """Refuse widths that do not lead from dx to dy."""
    if len(widths) < 2 or min(widths) < 1 or (widths[0], widths[-1]) != (problem.dx, problem.dy):
        given = ",".join(map(str, widths))
        raise UsageError(
            f"the widths {given} do not lead from dx = {problem.dx} to dy = {problem.dy}",
            remedy=f"give all of them, such as {problem.dx},4,{problem.dy}",
        )
