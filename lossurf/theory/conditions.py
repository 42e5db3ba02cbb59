"""The hypotheses that single theorems add to the four of Theorem 2.3: on the outputs, the samples and the widths."""

from __future__ import annotations

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.numerics import UNDECIDED_FACTOR, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.theory.hypotheses import Condition, Finding, distinct_eigenvalues, measured, short_rank
from lossurf.theory.samples import SampleFacts
from lossurf.words import Status

Widths = tuple[int, ...]


def check_conditions(
    problem: ReducedProblem,
    widths: Widths | None = None,
    *,
    inner_rank: int | None = None,
    samples: SampleFacts | None = None,
) -> tuple[Condition, ...]:
    """Decide every hypothesis of the registry besides the four of `check_hypotheses`.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int, optional
        (dx, hidden widths, dy); what depends on them is undecided without.
    inner_rank : int, optional
        rank(W_H ... W_2) of the checkpoint at hand; the condition on it is undecided without, for H >= 2.
    samples : SampleFacts, optional
        What only the samples can tell; undecided without.

    Returns
    -------
    tuple of Condition
        Ids of `theory.hypothesis_texts.HYPOTHESES`.
    """
    return (*_data_conditions(problem, samples), *_width_conditions(problem, widths, inner_rank))


def _exact(identifier: str, holds: bool, detail: str, value: float = np.nan, threshold: float = np.nan) -> Condition:
    return Condition(identifier, Status.HOLDS if holds else Status.FAILS, value, threshold, None, f"{detail}; exact")


def _named(identifier: str, finding: Finding) -> Condition:
    return Condition(identifier, finding.status, finding.value, finding.threshold, finding.margin, finding.detail)


def _unknown(identifier: str, detail: str) -> Condition:
    return Condition(identifier, Status.UNDECIDED, np.nan, np.nan, None, detail)


def _data_conditions(problem: ReducedProblem, samples: SampleFacts | None) -> tuple[Condition, ...]:
    m, dx, dy = problem.samples, problem.dx, problem.dy
    of_a_network = "a property of a trained ReLU network; `lossurf relu CHECKPOINT` measures it"
    return (
        _y_full_rank(problem),
        _distinct_singular_values(problem),
        _whitened(problem),
        _exact("enough-samples", m >= max(dx, dy), f"m = {m}, dx = {dx}, dy = {dy}", float(m), float(max(dx, dy))),
        _exact("dy-equals-dx", dy == dx, f"dy = {dy}, dx = {dx}", float(dy), float(dx)),
        _exact("single-output", dy == 1, f"dy = {dy}", float(dy), 1.0),
        _not_linearly_fittable(problem if samples is None else samples.affine),
        _distinct_samples(problem, samples),
        _counterexample_data(problem),
        _unknown("a1p-m", of_a_network),
        _unknown("a5u-m", of_a_network),
        _unknown("spin-glass-assumptions", "about a random model; no data can confirm it"),
        _unknown("balanced-start", "a property of a training run"),
        _unknown("deficiency-margin", "a property of a training run"),
        _unknown("conditions-as-published", "the theorem's own text was not at hand; only its abstract was"),
    )


def _distinct_singular_values(problem: ReducedProblem) -> Condition:
    """Decide whether the singular values of the fitted outputs differ, as far as the paper says which count."""
    if problem.dy > problem.dx + 1:
        detail = f"dy = {problem.dy}, dx = {problem.dx}: zero is a singular value more than once, if zeros count"
        return _unknown("distinct-singular-values", detail)
    return _named("distinct-singular-values", distinct_eigenvalues(problem))


def _whitened(problem: ReducedProblem) -> Condition:
    """Decide whether X X^T / m is the identity; a difference that is rounding does not prove it.

    Each singular value of X / sqrt(m) is known to the relative error of X (`Precision.input_error`) of the largest.
    """
    factor = problem.column_norms * problem.whitening.T / np.sqrt(problem.samples)
    s = np.zeros(problem.dx)
    s[: min(factor.shape)] = singular_values(factor)
    difference = float(np.max(np.abs(s - 1.0)))
    error = max(problem.precision.input_error, rank_threshold(1.0, problem.order)) * max(float(s[0]), 1.0)
    status = Status.FAILS if difference > UNDECIDED_FACTOR * error else Status.UNDECIDED
    detail = "largest difference from 1 of a singular value of X / sqrt(m), against its rounding error"
    return Condition("whitened-data", status, difference, error, difference / error, detail)


def _y_full_rank(problem: ReducedProblem) -> Condition:
    name, bound = "y-full-rank", problem.rank_bounds[1]
    if bound < problem.dy:
        return _named(name, short_rank(name, bound, problem.dy, "rank(Y)", problem))
    s, norms = problem.output_singular_values, problem.output_norms
    errors = problem.precision.target_errors
    # of columns of norm 1: the Frobenius norm of their relative errors; 1 where nothing but error is left of one
    relative = np.divide(errors, norms, out=np.ones_like(errors), where=norms > 0.0)
    detail = (
        "smallest singular value of Y relative to the largest, outputs scaled to equal norms, against what rounding "
        "and the stored precision leave uncertain"
    )
    largest = float(s[0]) or 1.0
    error = min(float(np.linalg.norm(relative)) / largest, 1.0)
    return _named(name, measured(name, float(s[-1]) / largest, error, detail))


def _not_linearly_fittable(problem: ReducedProblem) -> Condition:
    name, size = "not-linearly-fittable", float(np.linalg.norm(problem.output_norms))
    if problem.rank_bounds[1] == 0:
        return _exact(name, False, "Y is constant" if problem.bias else "Y is zero", 0.0, 0.0)
    error = problem.precision.distance_error(size, problem.residual_norm) / (size or 1.0)
    detail = (
        "residual of least squares relative to ||Y||, against what rounding and the stored precision leave uncertain"
    )
    finding = _named(name, measured(name, problem.residual_norm / (size or 1.0), error, detail))
    if not problem.bias and finding.status is Status.HOLDS:  # an affine model may still fit where no linear one does
        return _unknown(name, "the theorem asks for affine models; `check --bias` decides it")
    return finding


def _distinct_samples(problem: ReducedProblem, samples: SampleFacts | None) -> Condition:
    if samples is None or samples.distinct is None:
        return _unknown("distinct-samples", "the samples were not compared; `lossurf spurious` does")
    word = "all different" if samples.distinct else "some have the same inputs"
    return _exact("distinct-samples", samples.distinct, f"{problem.samples} samples, {word}")


def _counterexample_data(problem: ReducedProblem) -> Condition:
    shape = (problem.samples, problem.dx, problem.dy)
    if shape == (3, 2, 1):
        return _unknown("counterexample-data", "the shape is right; compare the numbers with the theorem's")
    return _exact("counterexample-data", False, f"m, dx, dy = {shape} where the theorem's data have (3, 2, 1)")


def _width_conditions(problem: ReducedProblem, widths: Widths | None, inner_rank: int | None) -> tuple[Condition, ...]:
    if widths is None:
        return _conditions_without_widths()
    hidden, narrow = widths[1:-1], min(problem.dx, problem.dy)
    depth, p = len(hidden), min(hidden, default=narrow)
    layers = f"H = {depth}"
    width = f"narrowest hidden layer {p}, min(dx, dy) = {narrow}" if hidden else "no hidden layer"
    return (
        _exact("hidden-layer", depth >= 1, layers, float(depth), 1.0),
        _exact("one-hidden-layer", depth == 1, layers, float(depth), 1.0),
        _exact("two-hidden-layers", depth >= 2, layers, float(depth), 2.0),
        _exact("bottleneck", p < narrow, width, float(p), float(narrow)),
        _exact("no-bottleneck", p >= narrow, width, float(p), float(narrow)),
        _exact("two-hidden-units", bool(hidden) and hidden[0] >= 2, f"hidden widths {list(hidden)}"),
        _inner_product(depth, p, inner_rank),
    )


def _inner_product(depth: int, p: int, inner_rank: int | None) -> Condition:
    name = "inner-product-full-rank"
    if depth == 1:
        return _exact(name, True, "one hidden layer: the product is empty")
    if inner_rank is None:
        return _unknown(name, "a property of each checkpoint; `classify --lemmas` measures it")
    holds = inner_rank == p
    status = Status.HOLDS if holds else Status.FAILS
    return Condition(name, status, float(inner_rank), float(p), None, f"rank(W_H ... W_2) = {inner_rank}, p = {p}")


def _conditions_without_widths() -> tuple[Condition, ...]:
    names = ("one-hidden-layer", "two-hidden-layers", "bottleneck", "no-bottleneck", "two-hidden-units")
    return (
        _exact("hidden-layer", True, "no widths given: read for every network with a hidden layer"),
        *(_unknown(name, "give the network's widths to decide it") for name in names),
        _unknown("inner-product-full-rank", "a property of each checkpoint"),
    )
