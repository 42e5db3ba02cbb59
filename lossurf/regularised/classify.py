"""Decide what kind of point of the loss with weight decay a network is at.

Every verdict but not-critical and undetermined speaks of an exact critical point within the reach of the tolerance from
the stored layers (`judge.Setting.reach`). Proved elsewhere: that for one hidden layer the penalty is the nuclear norm's
(Srebro, Rennie & Jaakkola 2005); that a local minimum with an idle unit is then global (Haeffele & Vidal 2015, for any
convex loss and parallel networks of any depth); that encoder and decoder of a regularised linear autoencoder are
transposes at every critical point (Kunin, Bloom, Goeva & Seed 2019). Ours: the inertia at every critical point of any
depth on any data, the bounds for three and more layers, and the rule for stored numbers. The regulariser of Zhu,
Soudry, Eldar & Wakin 2020 is another one: it balances the layers and leaves the least loss as it is.
"""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import MeanResidual, mean_residual
from lossurf.landscape.verdict import Classification, DecayFacts, Inertia, LowerPoint, Shadow
from lossurf.network import Layers
from lossurf.numerics import STABILITY_FACTOR, default_tolerance
from lossurf.reduction.problem import ReducedProblem
from lossurf.regularised.judge import Judgement, Setting
from lossurf.regularised.least import lower_bound
from lossurf.regularised.lower import descend
from lossurf.regularised.point import Point
from lossurf.regularised.scaled import product, scaled_problem
from lossurf.words import Verdict

_BIAS_NOTE: Final = (
    "biases are taken as not decayed; PyTorch decays them unless they are in a group of parameters of their own"
)
_CRITICAL: Final = (
    Verdict.GLOBAL_MINIMUM,
    Verdict.LOCAL_MINIMUM,
    Verdict.STRICT_SADDLE,
    Verdict.DEGENERATE,
)


def classify_with_decay(
    checkpoint: Checkpoint, problem: ReducedProblem, decay: float, *, tolerance: float | None = None
) -> Classification:
    """Decide what kind of point of 1/2 ||P X - Y||^2 + 1/2 lam sum ||W_k||^2 a network is at.

    Parameters
    ----------
    checkpoint : Checkpoint
    problem : ReducedProblem
        Centred (`bias`) exactly when the network has an output bias; biases are not decayed.
    decay : float
        lam > 0 (`scaled.penalty_weight`).
    tolerance : float, optional
        tau; by default that of the coarsest stored dtype.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If the loss, or lam beside the data, leaves the range of float64.
    """
    weights = checkpoint.weights
    scaled = scaled_problem(problem, decay, len(weights))
    mean = mean_residual(weights, checkpoint.biases, problem) if problem.bias else MeanResidual(0.0, 0.0)
    point = Point(scaled, scaled.scaled(weights))
    tau = tolerance or default_tolerance(list(checkpoint.dtypes))
    widths = [weights[0].shape[1], *(W.shape[0] for W in weights)]
    bound = lower_bound(scaled, point, widths)
    setting = Setting(point, scaled, tau, widths, bound, mean)
    judgement = setting.judge()
    return _result(checkpoint, problem, setting, judgement)


def _lower_point(setting: Setting, judgement: Judgement) -> LowerPoint | None:
    """Look for a lower loss than a local minimum's; lower by more than rounding."""
    if judgement.verdict not in (Verdict.LOCAL_MINIMUM, Verdict.DEGENERATE) or judgement.nearest is None:
        return None
    problem = setting.problem
    layers, here = descend(problem, setting.widths), problem.loss(judgement.nearest)
    if layers is None or not problem.loss(layers) < here - 1e-6 * problem.zero_loss:
        return None
    s = singular_values(product(layers))
    rank = int(np.count_nonzero(s > 1e-6 * s[0])) if s[0] else 0
    return LowerPoint(problem.in_data_units(problem.loss(layers)), rank, problem.stored(layers))


def _inertia(setting: Setting, judgement: Judgement, checkpoint: Checkpoint) -> Inertia | None:
    """Signs over all parameters; inner biases are flat and an output bias is as many positive squares."""
    if judgement.verdict not in _CRITICAL:
        return None
    biases = [b.size for b in checkpoint.biases if b is not None]
    output = checkpoint.biases[-1]
    positive_bias = 0 if output is None else output.size
    weights = sum(W.size for W in checkpoint.weights)
    if setting.problem.depth == 1:
        return Inertia(0, sum(biases) - positive_bias, weights + positive_bias, 0.0, None)
    signs = judgement.signs
    if signs is None or not signs.complete:
        return None
    counts, (low, high) = signs.counts(setting.tau), signs.range_of(setting.tau)
    if counts.open or high < STABILITY_FACTOR * setting.tau:
        return None
    zero = counts.zero + signs.symmetries + sum(biases) - positive_bias
    return Inertia(
        counts.negative,
        zero,
        weights + sum(biases) - zero - counts.negative,
        max(low, judgement.start),
        None if high == inf else high,
    )


def _result(checkpoint: Checkpoint, problem: ReducedProblem, setting: Setting, judgement: Judgement) -> Classification:
    scaled, point, bound = setting.problem, setting.point, setting.bound
    square, mean_loss = scaled.loss_unit**2, 0.5 * (problem.scale * setting.mean.norm) ** 2
    squared_loss = scaled.in_data_units(0.5 * float(np.sum(point.residual**2))) + mean_loss
    penalty = square * scaled.penalty(point.layers)
    loss = squared_loss + penalty
    gap = square * (max(point.loss - bound.value, 0.0) + scaled.rounding(scaled.zero_loss + point.loss)) + mean_loss
    attainable = square * (scaled.zero_loss - bound.value)
    exact = judgement.nearest
    return Classification(
        checkpoint=checkpoint.name,
        layers=checkpoint.layers,
        verdict=judgement.verdict,
        reason=judgement.reason,
        loss=loss,
        mse=2.0 * squared_loss / (problem.samples * problem.dy),
        optimal_loss=max(loss - gap, 0.0),
        gap=min(gap, loss),
        relative_gap=gap / attainable if attainable > 0.0 else None,
        gradient=setting.gradient,
        tolerance=setting.tau,
        stable_from=judgement.start,
        stable_to=None if judgement.stop == inf else judgement.stop,
        neighbours=(judgement.below and str(judgement.below), judgement.above and str(judgement.above)),
        rank=len(judgement.sigma)
        if judgement.signs is not None
        else min(int(np.count_nonzero(values > setting.tau)) for values in point.rank_tolerances),
        rank_max=min(setting.widths),
        eigen_indices=None,
        plateau_rank=None,
        plateau_distance=None,
        nearest_levels=(None, None),
        certificate=judgement.certificate,
        nearest=None if exact is None else _shadow(setting, exact),
        inertia=_inertia(setting, judgement, checkpoint),
        notes=checkpoint.notes + ((_BIAS_NOTE,) if checkpoint.has_bias else ()),
        gap_bound=gap,
        decay=DecayFacts(
            squared_loss=squared_loss,
            penalty=penalty,
            imbalance=point.imbalance,
            singular_values=judgement.sigma,
            symmetries=judgement.signs.symmetries if judgement.signs is not None else None,
            lower=_lower_point(setting, judgement),
            dual=None if bound.dual is None else bound.dual * scaled.loss_unit,
        ),
    )


def _shadow(setting: Setting, exact: Layers) -> Shadow:
    measure = max(Point(setting.problem, exact).gradient_measures)
    return Shadow(setting.point.distance(exact), measure, setting.problem.stored(exact))
