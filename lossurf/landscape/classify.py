"""Classify one checkpoint: whiten it, run the type test at its tolerance, attach the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from lossurf.errors import InputError
from lossurf.heap import keep_heap
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.balance import Balance
from lossurf.landscape.certificates import (
    bad_saddle_certificate,
    gradient_certificate,
    minimum_certificate,
    strict_certificate,
)
from lossurf.landscape.descent import strict_saddle_descent
from lossurf.landscape.index_evidence import NO_DIRECTIONS, index_evidence
from lossurf.landscape.inertia import LARGEST_WORK, QUICK_WORK, find_inertia, work_of_counting
from lossurf.landscape.levels import best_loss, nearest_critical_losses
from lossurf.landscape.margin import contested
from lossurf.landscape.reading import Reading, read_point
from lossurf.landscape.shadow import FARTHEST_SHADOW, find_shadow
from lossurf.landscape.stored_gradient import surely_not_critical
from lossurf.landscape.type_test import Step, TypeTest
from lossurf.landscape.verdict import Certificate, Classification, Inertia, Shadow
from lossurf.network import rounding_of_products
from lossurf.numerics import LARGEST_TOLERANCE, STABILITY_FACTOR, Matrix, default_tolerance
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CRITICAL, Verdict

_NOT_COUNTED: Final = {
    False: "the ways down are not counted, which takes longer than the verdict in a network of this size: ask for the "
    "curvature or a certificate",
    True: "the ways down are not counted: a network of this size has too many products of layers",
}  # by whether they were asked for


@dataclass(frozen=True)
class _Judgement:
    verdict: Verdict
    reason: str
    certificate: Certificate | None = None


@dataclass(frozen=True)
class _Setting:
    """The step of the verdict that a tolerance falls on, and what is needed to judge it."""

    reading: Reading
    test: TypeTest  # in the gauge that gives the verdict
    problem: ReducedProblem
    tau: float
    step: Step
    below: Verdict | None
    above: Verdict | None
    rank: int
    floor: float  # rounding error of the reduced data: the verdict must be the same for every tolerance up to it
    gap: float
    weights: Sequence[Matrix]


def classify_network(
    checkpoint: Checkpoint,
    problem: ReducedProblem,
    *,
    tolerance: float | None = None,
    count: bool = False,
    index: bool = False,
    descents: bool = False,
) -> Classification:
    """Decide what kind of point of the squared loss a network is at.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred (`bias`) exactly when the network has an output bias.
    tolerance : float, optional
        tau of the zero rule (theory, section 6); by default that of the coarsest stored dtype, never the data's.
    count : bool
        Count the ways down of large networks too, where that takes longer than the verdict.
    index : bool
        Let a strict saddle's certificate hold what its Morse index follows from; counts them as well.
    descents : bool
        With `index`, also as many independent directions as lead down.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If the loss leaves the range of float64.
    """
    keep_heap()
    weights = checkpoint.weights
    floor = problem.target_error() + rounding_of_products(weights)
    tau = tolerance or default_tolerance(list(checkpoint.dtypes))
    reading = read_point(weights, problem, biases=checkpoint.biases, tau=tau)
    step, below, above = reading.step(tau)
    test = reading.deciding(tau)
    rank_max = test.rank_max
    rank = test.ranks(tau)[0]
    loss = _finite_loss(problem, test)
    optimal_loss = best_loss(problem, rank_max)
    gap = problem.scale**2 * max(test.rise_above(rank_max), 0.0)
    judgement = _judge(_Setting(reading, test, problem, tau, step, below, above, rank, floor, gap, weights))
    judgement, nearest = _with_shadow(judgement, test, weights, problem, tau)
    plateau, distance = _plateau(problem, loss, rank_max)
    attainable = best_loss(problem, 0) - optimal_loss
    critical = judgement.verdict in CRITICAL
    asked = count or index
    counted = critical and work_of_counting(test.network) <= (LARGEST_WORK if asked else QUICK_WORK)
    inertia = _inertia(judgement.verdict, test, checkpoint, problem, tau) if counted else None
    notes = checkpoint.notes if counted or not critical else (*checkpoint.notes, _NOT_COUNTED[asked])
    certificate = judgement.certificate
    if index and certificate is not None and inertia is not None and inertia.negative:
        evidence = index_evidence(test, problem, inertia, tau, weights=weights if descents else None)
        certificate = replace(certificate, index=evidence)
        notes += (NO_DIRECTIONS,) if descents and (evidence is None or evidence.directions is None) else ()
    return Classification(
        checkpoint=checkpoint.name,
        layers=checkpoint.layers,
        verdict=judgement.verdict,
        reason=judgement.reason,
        loss=loss,
        mse=2.0 * loss / (problem.samples * problem.dy),
        optimal_loss=optimal_loss,
        gap=gap,
        relative_gap=gap / attainable if attainable > 0.0 else None,
        gradient=test.gradient,
        tolerance=tau,
        stable_from=step.start,
        stable_to=None if step.stop == inf else step.stop,
        neighbours=(below and str(below), above and str(above)),
        rank=rank,
        rank_max=rank_max,
        eigen_indices=test.eigen_indices(rank, tau) if critical else None,
        plateau_rank=plateau,
        plateau_distance=distance,
        nearest_levels=nearest_critical_losses(problem, rank_max, loss),
        certificate=certificate,
        nearest=nearest,
        inertia=inertia,
        balance=Balance(weights, checkpoint.biases).norms,
        notes=notes,
    )


def _with_shadow(
    judgement: _Judgement, test: TypeTest, weights: Sequence[Matrix], problem: ReducedProblem, tau: float
) -> tuple[_Judgement, Shadow | None]:
    """Build the critical point that a verdict speaks of; withhold the verdict if the weights cannot reach it."""
    if judgement.verdict not in CRITICAL:
        return judgement, None
    shadow, distance = find_shadow(test, weights, problem, tau)
    if not distance > FARTHEST_SHADOW * tau:  # nan where none was built, which says nothing
        return judgement, shadow
    reason = f"{judgement.verdict} at this tolerance, but the nearest exact one that was found is {distance:.3g} away"
    return _Judgement(Verdict.UNDETERMINED, reason), None


def _inertia(
    verdict: Verdict, test: TypeTest, checkpoint: Checkpoint, problem: ReducedProblem, tau: float
) -> Inertia | None:
    """Count the ways down; withheld where the count and the verdict, found by separate ways, do not agree."""
    found = find_inertia(test, problem, checkpoint.biases, [W.size for W in checkpoint.weights], tau)
    strict = verdict is Verdict.STRICT_SADDLE
    return found if found is not None and (found.negative > 0) is strict else None


def _finite_loss(problem: ReducedProblem, test: TypeTest) -> float:
    with np.errstate(over="ignore"):
        loss = problem.scale * (problem.scale * test.excess) + 0.5 * problem.residual_norm**2
    if not np.isfinite(loss):
        raise InputError(
            "the loss of these weights exceeds the range of float64",
            where="checkpoint",
            remedy="check that the weights belong to this data, or rescale Y to unit size",
        )
    return float(loss)


def _judge(setting: _Setting) -> _Judgement:
    """Turn the step of the verdict at tau into the verdict given: withheld where it has no margin or no evidence."""
    doubt = _doubt(setting)
    if doubt is not None:
        return _Judgement(Verdict.UNDETERMINED, doubt)
    return _EVIDENCE[setting.step.verdict](setting)


def _doubt(setting: _Setting) -> str | None:
    return _doubt_of_data(setting) or _doubt_of_weights(setting)


def _doubt_of_data(setting: _Setting) -> str | None:
    """Say what the rounding of the reduced data, or a tolerance too large to mean anything, leaves open."""
    step, tau, floor = setting.step, setting.tau, setting.floor
    in_doubt = tau < floor and step.stop <= STABILITY_FACTOR * floor  # the same margin as on the tolerance
    critical = step.verdict is not Verdict.NOT_CRITICAL
    if in_doubt and (critical or not surely_not_critical(setting.weights, setting.problem, tau)):
        return (
            f"{step.verdict} at the tolerance of the weights, but the reduced data are known to {floor:.3g} only, "
            f"and within that it may be {setting.above} (cond(X) = {setting.problem.condition:.3g})"
        )
    if max(tau, floor) > LARGEST_TOLERANCE and critical:
        return (
            f"at a tolerance of {max(tau, floor):.3g} every layer may be another: above {LARGEST_TOLERANCE:g} "
            f"no kind of point is named (cond(X) = {setting.problem.condition:.3g})"
        )
    return None


def _doubt_of_weights(setting: _Setting) -> str | None:
    """Say what the precision of the weights leaves open."""
    step, tau = setting.step, setting.tau
    if step.verdict is Verdict.UNDETERMINED:
        return _unresolved(setting)
    return contested(step.verdict, (step.start, setting.below), (step.stop, setting.above), tau)


def _unresolved(setting: _Setting) -> str:
    verdicts = [test.verdict(setting.tau) for test in setting.reading.tests]
    if len(set(verdicts)) > 1:
        return (
            f"{verdicts[0]} with the layers balanced but {verdicts[-1]} as they are stored: "
            "their product is nearly zero and does not fix their scales"
        )
    return (
        "the precision of the weights cannot tell the critical levels of this data apart "
        f"(cond(X) = {setting.problem.condition:.3g})"
    )


def _not_critical(setting: _Setting) -> _Judgement:
    test, tau = setting.test, setting.tau
    reason = f"the gradient is not zero: its measure {test.gradient:.3g} exceeds the tolerance {tau:.3g}"
    largest = test.largest_layer_gradient
    if largest <= tau:  # ||T|| = 1: small beside the data, yet far from zero beside what the layers can do
        reason = (
            f"vanishing gradient: ||dL/dW_k|| is {largest:.3g} of the data, "
            f"yet no relative change of the layers below {test.gradient:.2g} makes it zero"
        )
    return _Judgement(Verdict.NOT_CRITICAL, reason, gradient_certificate(test, tau))


def _global_minimum(setting: _Setting) -> _Judgement:
    reason = "the loss is the least that any network of these widths can reach on this data"
    certificate = minimum_certificate(setting.problem, setting.test.rank_max, setting.gap)
    return _Judgement(Verdict.GLOBAL_MINIMUM, reason, certificate)


def _bad_saddle(setting: _Setting) -> _Judgement:
    reason = "no direction has negative curvature, yet the loss is above the optimum"
    return _Judgement(Verdict.BAD_SADDLE, reason, bad_saddle_certificate(setting.test, setting.rank, setting.tau))


def _strict_saddle(setting: _Setting) -> _Judgement:
    """Attach a verified direction; where the gauges differ it must exceed what the tolerance explains."""
    problem, tau, tests = setting.problem, setting.tau, setting.reading.tests
    agreed = len({test.verdict(tau) for test in tests}) == 1
    found = [
        (descent.curvature, descent)
        for test in tests
        if test.verdict(tau) is Verdict.STRICT_SADDLE
        and (agreed or strict_saddle_descent(test, problem, test.ranks(tau)[0], tau, least=tau))
        and (descent := strict_saddle_descent(test, problem, test.ranks(tau)[0], tau))
    ]
    if found:
        descent = min(found, key=lambda entry: entry[0])[1]
        certificate = strict_certificate(descent, problem, margin=setting.step.stop / tau)
        return _Judgement(Verdict.STRICT_SADDLE, "a verified direction of negative curvature leads down", certificate)
    reason = "a direction of negative curvature exists but none could be verified in float64"
    return _Judgement(Verdict.UNDETERMINED, reason if agreed else _unresolved(setting))


_EVIDENCE: dict[Verdict, Callable[[_Setting], _Judgement]] = {
    Verdict.NOT_CRITICAL: _not_critical,
    Verdict.GLOBAL_MINIMUM: _global_minimum,
    Verdict.STRICT_SADDLE: _strict_saddle,
    Verdict.BAD_SADDLE: _bad_saddle,
}


def _plateau(problem: ReducedProblem, loss: float, rank_max: int) -> tuple[int, float]:
    """Return the rank k <= rank_max whose best loss L_k is nearest, and the distance to it."""
    distances = np.abs(problem.loss_by_rank[: rank_max + 1] - loss)
    nearest = int(np.argmin(distances))
    return nearest, float(distances[nearest])
