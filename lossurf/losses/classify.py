"""Deep linear networks under Huber, log-cosh, logistic and softmax losses: the least loss, and the type of a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.verdict import Certificate, Classification
from lossurf.losses.attainment import Attainment, attainment
from lossurf.losses.convex import GAP, ConvexMinimum, ConvexProblem, dual_bound, minimise_convex, span
from lossurf.losses.functions import Loss
from lossurf.losses.majoriser import Majoriser, majorise, outputs
from lossurf.losses.saddle_evidence import (
    LARGEST_HESSIAN,
    curvature_along,
    escape,
    least_eigenvalue,
    mixed_part_vanishes,
)
from lossurf.network import to_user
from lossurf.numerics import Matrix, column_norms
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Attained, CertificateKind, Verdict

# The Hessian's entries are products of two layers' quantities, each moved by tau: its eigenvalues move by a few tau
# for every layer.
_HESSIAN_REACH: Final = 10.0


@dataclass(frozen=True)
class LossStudy:
    """What data allow under a convex loss, for networks without a bottleneck.

    Attributes
    ----------
    loss : Loss
    X, Y : ndarray, shapes (m, dx), (m, dy)
    bias : bool
    problem : ConvexProblem
    minimum : ConvexMinimum
    attainment : Attainment
    """

    loss: Loss
    X: Matrix
    Y: Matrix
    bias: bool
    problem: ConvexProblem
    minimum: ConvexMinimum
    attainment: Attainment

    @property
    def optimal_loss(self) -> float:
        """Least loss of any linear map, to `minimum.gap`; an infimum where it is not attained."""
        return 0.0 if self.attainment.vanishes else self.minimum.loss

    @property
    def lower_bound(self) -> float:
        """No linear map has a lower loss."""
        return 0.0 if self.attainment.vanishes else self.minimum.bound


def study_loss(loss: Loss, X: Matrix, Y: Matrix, *, bias: bool) -> LossStudy:
    """Find the least loss over all linear maps, and whether any has it.

    Parameters
    ----------
    loss : Loss
    X, Y : ndarray, shapes (m, dx), (m, dy)
        Y as `expand_labels` returns it.
    bias : bool
        The network has an output bias.

    Returns
    -------
    LossStudy
    """
    problem = ConvexProblem(loss, span(X, bias=bias), Y)
    minimum = minimise_convex(problem)
    return LossStudy(loss, X, Y, bias, problem, minimum, attainment(problem, minimum.outputs))


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
        of other verdicts are those of the squared loss that touches there.
    """
    point = majorise(study.loss, checkpoint.weights, checkpoint.biases, (study.X, study.Y), problem)
    squared = classify_network(checkpoint, point.problem, tolerance=tolerance)
    loss = study.loss.value(point.outputs, study.Y)
    bound = max(study.lower_bound, min(dual_bound(study.problem, point.outputs), loss))
    setting = _Setting(study, point, squared, checkpoint.weights, checkpoint.biases, loss, loss - bound)
    verdict, reason, certificate = _judge(setting)
    optimal = min(study.optimal_loss, loss)
    gain = study.minimum.zero_loss - optimal
    by_gap = verdict is Verdict.GLOBAL_MINIMUM  # the dual bound asks for no tolerance
    return replace(
        squared,
        verdict=verdict,
        reason=reason,
        certificate=certificate,
        loss=loss,
        mse=float(np.mean((point.outputs - study.Y) ** 2)),
        optimal_loss=optimal,
        gap=loss - optimal,
        relative_gap=(loss - optimal) / gain if gain > 0.0 else None,
        stable_from=0.0 if by_gap else squared.stable_from,
        stable_to=None if by_gap else squared.stable_to,
        neighbours=(None, None) if by_gap else _without_minimum(squared.neighbours),
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


Answer = tuple[Verdict, str, Certificate | None]


@dataclass(frozen=True)
class _Setting:
    study: LossStudy
    point: Majoriser
    squared: Classification
    weights: tuple[Matrix, ...]
    biases: Sequence[Matrix | None] | None
    loss: float
    gap: float  # above the dual bound: the loss of no linear map is further below

    @property
    def least(self) -> bool:
        return bool(self.gap <= GAP * self.study.minimum.zero_loss)

    @property
    def bottleneck(self) -> bool:
        dx, dy = self.weights[0].shape[1], self.weights[-1].shape[0]
        return bool(min((W.shape[0] for W in self.weights[:-1]), default=dx) < min(dx, dy))


def _judge(setting: _Setting) -> Answer:
    verdict = setting.squared.verdict
    if setting.least and (setting.study.attainment.attained is Attained.YES or verdict is not Verdict.NOT_CRITICAL):
        return _least(setting)
    if verdict is Verdict.NOT_CRITICAL:
        return verdict, setting.squared.reason, setting.squared.certificate
    if verdict is Verdict.STRICT_SADDLE:
        return _strict(setting)
    if verdict is Verdict.BAD_SADDLE:
        return _flat(setting)
    if verdict is Verdict.GLOBAL_MINIMUM:
        return Verdict.UNDETERMINED, _open(setting), None
    return verdict, setting.squared.reason, None


def _least(setting: _Setting) -> Answer:
    attained, name = setting.study.attainment.attained, setting.study.loss.name
    if attained is Attained.YES:
        certificate = Certificate(
            kind=CertificateKind.DUAL_GAP,
            margin=GAP * setting.study.minimum.zero_loss / setting.gap if setting.gap > 0.0 else None,
        )
        reason = f"by the dual bound no linear map has a {name} loss lower by more than {setting.gap:.3g}"
        return Verdict.GLOBAL_MINIMUM, reason, certificate
    said = "is not attained: a hyperplane splits classes" if attained is Attained.NO else "may not be attained"
    reason = f"the loss is within {setting.gap:.3g} of the infimum, which {said}, so this is no minimum"
    return Verdict.UNDETERMINED, reason, None


def _open(setting: _Setting) -> str:
    if setting.bottleneck:
        return (
            "a layer is narrower than min(dx, dy), and under other losses than the squared one such a network can have "
            "spurious local minima: no theorem speaks"
        )
    return (
        f"the gradient of the loss in P is small, but the dual bound leaves {setting.gap:.3g} to gain: train on, or "
        "lower the tolerance"
    )


def _strict(setting: _Setting) -> Answer:
    certificate = setting.squared.certificate
    assert certificate is not None
    assert certificate.direction is not None
    found = _verified(setting, certificate.direction, certificate.step or 0.0)
    if found is None:
        return (
            Verdict.UNDETERMINED,
            "a direction of negative curvature exists but none could be verified in float64",
            None,
        )
    curvature, decrease, step = found
    reason = "a verified direction of negative curvature leads down"
    return (
        Verdict.STRICT_SADDLE,
        reason,
        replace(certificate, curvature=curvature, loss_decrease=decrease, step=step),
    )


def _verified(setting: _Setting, direction: Sequence[Matrix], step: float) -> tuple[float, float, float] | None:
    """Curvature of the loss itself along a unit direction, and its largest decrease on a ladder of steps."""
    study = setting.study
    curvature = curvature_along(study.loss, setting.weights, setting.biases, (study.X, study.Y), direction)
    best: tuple[float, float] = (0.0, 0.0)
    for power in range(-6, 7):
        for sign in (1.0, -1.0):
            length = sign * step * 2.0**power
            moved = [W + length * V for W, V in zip(setting.weights, direction, strict=True)]
            R = outputs(moved, setting.biases, study.X)
            best = max(best, (setting.loss - study.loss.value(R, study.Y), abs(length)))
    return (curvature, *best) if curvature < 0.0 < best[0] else None


def _flat(setting: _Setting) -> Answer:
    """Judge a saddle whose touching squared loss has no negative curvature; the loss lies below and may have some."""
    point, tau = setting.point, setting.squared.tolerance
    found = escape(point, tau)
    decrease, step = found or (None, None)
    if mixed_part_vanishes(Sensitivity(point.network), tau):
        reason = "no direction has negative curvature, yet lower points lie arbitrarily near"
        return (
            Verdict.BAD_SADDLE,
            reason,
            Certificate(kind=CertificateKind.CONVEX_PART, loss_decrease=decrease, step=step),
        )
    if sum(W.size for W in point.network.layers) <= LARGEST_HESSIAN:
        return _by_hessian(setting, decrease, step)
    reason = "a saddle, with lower points arbitrarily near; whether one direction has negative curvature is open"
    return Verdict.UNDETERMINED, reason, None


def _by_hessian(setting: _Setting, decrease: float | None, step: float | None) -> Answer:
    point, tau = setting.point, setting.squared.tolerance
    least, largest, direction = least_eigenvalue(point)
    reach = _HESSIAN_REACH * len(setting.weights) * tau * max(largest, 1.0)
    if least < -reach and not point.problem.bias:
        mapped = to_user(point.network, direction, point.problem)
        size = float(column_norms(np.concatenate([V.ravel() for V in mapped])[:, None])[0])
        found = _verified(setting, [V / size for V in mapped], 1e-3 * size)
        if found is not None:
            certificate = Certificate(
                kind=CertificateKind.HESSIAN,
                margin=-least / reach,
                curvature=found[0],
                loss_decrease=found[1],
                step=found[2],
                direction=tuple(V / size for V in mapped),
            )
            return Verdict.STRICT_SADDLE, "the Hessian has a verified negative eigenvalue", certificate
    if least >= -reach:
        reason = "the Hessian has no negative eigenvalue, yet lower points lie arbitrarily near"
        return Verdict.BAD_SADDLE, reason, Certificate(kind=CertificateKind.HESSIAN, loss_decrease=decrease, step=step)
    return Verdict.UNDETERMINED, "a saddle; its negative curvature could not be verified in float64", None
