"""From the gradient, the exact point and the signs of its Hessian to the verdict on one tied autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from lossurf.landscape.margin import contested
from lossurf.landscape.shadow import FARTHEST_SHADOW
from lossurf.landscape.verdict import Certificate
from lossurf.numerics import LARGEST_TOLERANCE, STABILITY_FACTOR, UNDECIDED_FACTOR, Matrix, rank_threshold
from lossurf.tied.point import TiedPoint
from lossurf.tied.signs import TiedSigns
from lossurf.words import CertificateKind, Verdict


@dataclass(frozen=True)
class Judgement:
    """A verdict with its evidence, its range of tolerances, and the exact point it speaks of."""

    verdict: Verdict
    reason: str
    certificate: Certificate | None = None
    start: float = 0.0
    stop: float = inf
    below: Verdict | None = None
    above: Verdict | None = None
    signs: TiedSigns | None = None


def judge(point: TiedPoint, tau: float) -> Judgement:
    """Return the verdict on a point at a tolerance, withheld where it has no margin or no evidence."""
    measure = point.gradient_measure
    if measure > tau:
        return _not_critical(measure, tau)
    if tau > LARGEST_TOLERANCE:
        return _open(f"above a tolerance of {LARGEST_TOLERANCE:g} no kind of point is named")
    nearest = point.nearest()
    if nearest is None:
        return _open(
            "no exact critical point is near: it lies between eigenvectors that the gradient hardly tells apart"
        )
    signs = TiedSigns(point.problem, nearest)
    distance, allowed = point.distance(nearest.coordinates), FARTHEST_SHADOW * signs.amplification
    if distance > allowed * tau or point.seen_distance(nearest.coordinates) > LARGEST_TOLERANCE:
        return _open(f"the nearest exact critical point that was found is {distance:.3g} away, too far to speak for it")
    start = max(measure, distance / allowed)
    found = _by_signs(point, signs, start, tau)
    return _with_margin(found, tau)


def _not_critical(measure: float, tau: float) -> Judgement:
    if measure <= STABILITY_FACTOR * tau:
        return _open(f"the gradient's measure {measure:.3g} is beside the tolerance {tau:.3g}")
    reason = f"the gradient of the tied loss is not zero: its measure {measure:.3g} exceeds {tau:.3g}"
    certificate = Certificate(kind=CertificateKind.GRADIENT, margin=measure / tau, layers=(1, 1))
    return Judgement(Verdict.NOT_CRITICAL, reason, certificate, 0.0, measure, None, Verdict.UNDETERMINED)


def _by_signs(point: TiedPoint, signs: TiedSigns, start: float, tau: float) -> Judgement:
    below = None
    if start:
        below = Verdict.NOT_CRITICAL if start == point.gradient_measure else Verdict.UNDETERMINED
    if signs.is_best:
        reason = "it carries the largest eigenvectors of X X^T, as many as hidden units can"
        certificate = Certificate(kind=CertificateKind.GAP, next_level=_next_level(signs))
        return Judgement(Verdict.GLOBAL_MINIMUM, reason, certificate, start, inf, below, None, signs)
    turning, growth = signs.turning / point.size, signs.growth / point.size
    if signs.inversions or (signs.left and growth > tau):
        return _strict(signs, start, inf if signs.inversions else growth, below, tau)
    if not signs.known or not signs.left:
        return _open("eigenvalues of X X^T are lost in the rounding of its largest: scale the inputs to like sizes")
    if turning <= tau:
        return _open(
            "an idle unit has weight sqrt 2 on inputs that X lacks, to the tolerance: strict below, none above"
        )
    reason = (
        f"its idle hidden units ({signs.idle}) have weights above sqrt 2 on inputs that X lacks, so that none takes up "
        "an eigenvector that is left out"
    )
    certificate = Certificate(kind=CertificateKind.INERTIA, margin=turning / tau)
    return Judgement(Verdict.LOCAL_MINIMUM, reason, certificate, start, turning, below, Verdict.STRICT_SADDLE, signs)


def _next_level(signs: TiedSigns) -> float | None:
    """Return the least critical value above the optimum: the smallest eigenvector gives way to the next."""
    problem, k = signs.problem, signs.nearest.rank
    if not k:
        return None
    square = problem.singular_values**2
    tied = next(group for group in problem.groups if k <= group.stop)  # what is worth the same makes no other level
    value = float(problem.least_losses[k]) + 0.5 * float(square[k - 1] - np.max(square[tied.stop :], initial=0.0))
    return problem.in_data_units(value)


def _strict(signs: TiedSigns, start: float, stop: float, below: Verdict | None, tau: float) -> Judgement:
    problem, change = signs.problem, signs.downhill()
    slope = _along(signs, change)
    step, decrease = slope.best_step()
    if not slope.surely_down or not decrease > 0.0:
        return _open("a direction of negative curvature exists but none could be verified in float64")
    certificate = Certificate(
        kind=CertificateKind.HESSIAN,
        margin=stop / tau if stop < inf else None,
        curvature=problem.in_data_units(slope.curvature),
        loss_decrease=problem.in_data_units(decrease),
        step=step,
        direction=(np.asarray(change @ problem.basis.T),),
    )
    reason = (
        "an eigenvector of X X^T worth more than one it carries is left out"
        if signs.inversions
        else f"an idle hidden unit can take up an eigenvector of X X^T: it carries {signs.nearest.rank}"
    )
    return Judgement(Verdict.STRICT_SADDLE, reason, certificate, start, stop, below, Verdict.UNDETERMINED, signs)


@dataclass(frozen=True)
class _Along:
    """L(C + t V) - L(C) = 1/2 curvature t^2 + cubic t^3 + quartic t^4 at an exactly critical point.

    The coefficients are summed apart from L(C), so that a fall far below its rounding is seen.
    """

    curvature: float
    cubic: float
    quartic: float
    rounding: float

    @property
    def surely_down(self) -> bool:
        """Whether the curvature is negative, and not by rounding of its terms."""
        return self.curvature < -self.rounding

    def best_step(self) -> tuple[float, float]:
        """Return the step with the largest fall, where the derivative vanishes, and the fall; 0 where there is none."""
        best = 0.0, 0.0
        for sign in (1.0, -1.0):
            a, b, c = 4.0 * self.quartic, 3.0 * sign * self.cubic, self.curvature
            t = 2.0 * -c / (b + sqrt(b * b - 4.0 * a * c)) if c < 0.0 < a else 0.0
            fall = -(t * t) * (0.5 * c + t * (sign * self.cubic + t * self.quartic))
            if fall > best[1]:
                best = sign * t, fall
        return best


def _along(signs: TiedSigns, change: Matrix) -> _Along:
    """Expand the loss along V: with M_1 = V^T C + C^T V and M_2 = V^T V, v^T H v = ||M_1 s||^2 + 2 <M_2, E s^2>."""
    C, s = signs.nearest.coordinates, signs.problem.weights
    residual = (C.T @ C - np.eye(s.size)) * s
    first, second = (change.T @ C + C.T @ change) * s, (change.T @ change) * s
    up, down = float(np.sum(first**2)), 2.0 * float(np.sum(second * residual))
    return _Along(
        up + down,
        float(np.sum(first * second)),
        0.5 * float(np.sum(second**2)),
        UNDECIDED_FACTOR * rank_threshold(up + abs(down), 1),
    )


def _open(reason: str) -> Judgement:
    return Judgement(Verdict.UNDETERMINED, reason)


def _with_margin(found: Judgement, tau: float) -> Judgement:
    """Withhold a verdict that another tolerance within STABILITY_FACTOR would change."""
    doubt = contested(found.verdict, (found.start, found.below), (found.stop, found.above), tau)
    return found if doubt is None else _open(doubt)
