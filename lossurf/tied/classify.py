"""Decide what kind of point of 1/2 ||W^T W X - X||^2 the one matrix of a tied autoencoder is at.

Baldi & Hornik 1989 treat the autoencoder whose two matrices are free, Kunin, Bloom, Goeva & Seed 2019 the one with
weight decay, whose matrices are transposes at every critical point. Ours: the critical points of the tied loss on any
data, the signs of its Hessian at each, the local minima that data lacking an input have beside the global one, and the
rule for stored numbers. The data count as the numbers that are stored.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.verdict import Classification, Inertia, Shadow, TiedFacts
from lossurf.network import output_too_large
from lossurf.numerics import default_tolerance, frobenius_norm, numerical_rank
from lossurf.reduction.problem import ReducedProblem
from lossurf.tied.judge import Judgement, judge
from lossurf.tied.network import tied_weight
from lossurf.tied.point import TiedPoint
from lossurf.tied.problem import TiedProblem, tied_problem
from lossurf.tied.signs import TiedSigns

_LARGEST: Final = 1e50  # its sixth power, a square of what the gradient is made of, stays in the range of float64


def classify_tied(checkpoint: Checkpoint, problem: ReducedProblem, *, tolerance: float | None = None) -> Classification:
    """Decide what kind of point of the tied loss a matrix is at.

    Parameters
    ----------
    checkpoint : Checkpoint
        One matrix W (k, dx), or W and its transpose, without biases.
    problem : ReducedProblem
        Of data whose Y is X (`require_autoencoder`), not centred.
    tolerance : float, optional
        tau; by default that of the coarsest stored dtype.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If the checkpoint is not one matrix, or the loss leaves the range of float64.
    """
    weight = tied_weight(checkpoint)
    if frobenius_norm(weight) > _LARGEST:
        raise output_too_large()
    tied = tied_problem(problem)
    point = TiedPoint(tied, weight)
    tau = tolerance or default_tolerance(list(checkpoint.dtypes))
    return _result(checkpoint, problem, point, judge(point, tau), tau)


def _result(
    checkpoint: Checkpoint, problem: ReducedProblem, point: TiedPoint, found: Judgement, tau: float
) -> Classification:
    tied, k = point.problem, len(point.weight)
    loss = tied.in_data_units(point.loss)
    if not isfinite(loss):
        raise output_too_large()
    optimal, error = tied.least_loss(k)
    attainable = tied.in_data_units(float(tied.least_losses[0])) - optimal
    gap = max(loss - optimal, 0.0)
    plateau = int(np.argmin(np.abs(tied.least_losses - point.loss)))
    return Classification(
        checkpoint=checkpoint.name,
        layers=checkpoint.layers,
        verdict=found.verdict,
        reason=found.reason,
        loss=loss,
        mse=2.0 * loss / (problem.samples * problem.dy),
        optimal_loss=optimal,
        gap=gap,
        relative_gap=gap / attainable if attainable > 0.0 else None,
        gradient=point.gradient_measure,
        tolerance=tau,
        stable_from=found.start,
        stable_to=None if found.stop == inf else found.stop,
        neighbours=(found.below and str(found.below), found.above and str(found.above)),
        rank=numerical_rank(singular_values(point.weight), tau * point.size),
        rank_max=min(point.weight.shape),
        eigen_indices=None if found.signs is None else _indices(found.signs),
        plateau_rank=plateau,
        plateau_distance=tied.in_data_units(abs(float(tied.least_losses[plateau]) - point.loss)),
        nearest_levels=(None, None),
        certificate=found.certificate,
        nearest=None if found.signs is None else _shadow(point, found.signs),
        inertia=None if found.signs is None else _inertia(found, found.signs, point, tau),
        notes=checkpoint.notes,
        tied=_facts(tied, found.signs, error),
    )


def _indices(signs: TiedSigns) -> tuple[int, ...] | None:
    """Carried eigenvectors, from 1; None where they are part of a tie."""
    if signs.ties:
        return None
    pairs = zip(signs.problem.groups, signs.nearest.carried, strict=True)
    return tuple(j + 1 for group, count in pairs if count for j in range(group.start, group.stop))


def _shadow(point: TiedPoint, signs: TiedSigns) -> Shadow:
    exact = signs.nearest.coordinates
    weight = np.asarray(exact @ point.problem.basis.T)
    measure = TiedPoint(point.problem, weight).gradient_measure
    return Shadow(point.distance(exact), measure, (weight,))


def _inertia(found: Judgement, signs: TiedSigns, point: TiedPoint, tau: float) -> Inertia | None:
    """Signs over the entries of W; they change where an idle unit's weight on unseen inputs passes sqrt 2."""
    turning = signs.turning / point.size if signs.left else inf
    if not signs.known or turning <= tau:
        return None
    return Inertia(*signs.counts, found.start, None if turning == inf else turning)


def _facts(problem: TiedProblem, signs: TiedSigns | None, error: float) -> TiedFacts:
    return TiedFacts(
        optimal_loss_error=error,
        unseen_inputs=len(problem.basis) - problem.singular_values.size,
        idle_units=None if signs is None else signs.idle,
        idle_weights=() if signs is None else tuple(map(float, signs.idle_weights)),
        symmetries=None if signs is None else signs.symmetries,
    )
