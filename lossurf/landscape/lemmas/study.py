"""What the papers say about one checkpoint: their lemmas evaluated on it, and the theorems that speak for it."""

from __future__ import annotations

from collections.abc import Sequence

from lossurf.landscape.lemmas.evaluate import evaluate_lemmas, inner_rank
from lossurf.landscape.reading import read_point
from lossurf.landscape.verdict import LemmaFinding
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem
from lossurf.theory.conditions import check_conditions
from lossurf.theory.hypotheses import check_hypotheses
from lossurf.theory.registry import evaluate
from lossurf.theory.theorems import TheoremFinding


def study(
    weights: Sequence[Matrix], problem: ReducedProblem, tau: float
) -> tuple[tuple[LemmaFinding, ...], tuple[TheoremFinding, ...]]:
    """Hold the lemmas and the theorems against a checkpoint.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), finite float64.
    problem : ReducedProblem
    tau : float
        Tolerance of the zero rule.

    Returns
    -------
    lemmas : tuple of LemmaFinding
    theorems : tuple of TheoremFinding
        With rank(W_H ... W_2) of this checkpoint where Theorem 2.3 (iv) asks for it.
    """
    sensitivity = read_point(weights, problem, tau=tau).deciding(tau).sensitivity
    widths = (problem.dx, *(W.shape[0] for W in weights))
    inner = inner_rank(sensitivity, tau) if len(weights) > 1 else None
    findings = check_hypotheses(problem) + check_conditions(problem, widths, inner_rank=inner)
    return evaluate_lemmas(sensitivity, tau), evaluate(findings)
