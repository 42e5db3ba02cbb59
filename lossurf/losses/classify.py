"""Deep linear networks under Huber, log-cosh, logistic and softmax losses: the type of a point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.verdict import Classification
from lossurf.losses.convex import dual_bound
from lossurf.losses.judge import Setting
from lossurf.losses.majoriser import majorise
from lossurf.losses.study import LossStudy
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict


def classify_under_loss(
    study: LossStudy, checkpoint: Checkpoint, problem: ReducedProblem, *, tolerance: float | None = None
) -> Classification:
    """Decide what kind of point of a convex loss a linear network is at.

    Parameters
    ----------
    study : LossStudy
        Of the data, with a bias exactly when the network's output has one.
    checkpoint : Checkpoint
    problem : ReducedProblem
        Of the same X and Y.
    tolerance : float, optional
        As in `landscape.classify.classify_network`.

    Returns
    -------
    Classification
        `eigen_indices`, plateau, nearest levels and point, and the inertia, which belong to the squared loss, are None.
        A global minimum is decided by the dual bound alone and so holds for every tolerance; the range and neighbours
        of other verdicts are those of the squared loss that touches there, up to where the loss's own second derivative
        leaves the sign open if that decides. With an output bias a direction's curvature and decrease are those with
        the bias moving at its best.
    """
    point = majorise(study.loss, checkpoint.weights, checkpoint.biases, (study.X, study.Y), problem)
    squared = classify_network(checkpoint, point.problem, tolerance=tolerance)
    loss = study.loss.value(point.outputs, study.Y)
    bound = max(study.lower_bound, min(dual_bound(study.problem, point.outputs), loss))
    found = Setting(study, point, squared, checkpoint.weights, checkpoint.biases, loss - bound).judge()
    optimal = min(study.optimal_loss, loss)
    gain = study.minimum.zero_loss - optimal
    by_gap = found.verdict is Verdict.GLOBAL_MINIMUM  # the dual bound asks for no tolerance
    last = squared.stable_to is None or (found.stop is not None and found.stop < squared.stable_to)
    below, above = _without_minimum(squared.neighbours)
    return replace(
        squared,
        verdict=found.verdict,
        reason=found.reason,
        certificate=found.certificate,
        loss=loss,
        mse=float(np.mean((point.outputs - study.Y) ** 2)),
        optimal_loss=optimal,
        gap=loss - optimal,
        relative_gap=(loss - optimal) / gain if gain > 0.0 else None,
        stable_from=0.0 if by_gap else squared.stable_from,
        stable_to=None if by_gap else found.stop if last else squared.stable_to,
        neighbours=(None, None) if by_gap else (below, str(Verdict.UNDETERMINED) if last and found.stop else above),
        eigen_indices=None,
        plateau_rank=None,
        plateau_distance=None,
        nearest_levels=(None, None),
        nearest=None,
        inertia=None,
    )


def _without_minimum(neighbours: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    """Where the touching squared loss would be at its minimum, nothing is known of the loss itself."""
    first, second = (str(Verdict.UNDETERMINED) if name == Verdict.GLOBAL_MINIMUM else name for name in neighbours)
    return first, second
