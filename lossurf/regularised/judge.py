"""From measures, exact point and signs to the verdict on one network, its evidence and its range of tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, inf
from operator import itemgetter
from typing import Final

import numpy as np

from lossurf.landscape.bias import MeanResidual
from lossurf.landscape.margin import contested
from lossurf.landscape.shadow import FARTHEST_SHADOW
from lossurf.landscape.verdict import Certificate
from lossurf.network import Layers
from lossurf.numerics import LARGEST_TOLERANCE, STABILITY_FACTOR, Matrix
from lossurf.regularised.curvature import curvature
from lossurf.regularised.inertia import CurvatureSigns
from lossurf.regularised.least import LowerBound, ridge
from lossurf.regularised.nearest import find_critical
from lossurf.regularised.point import Point
from lossurf.regularised.scaled import ScaledProblem
from lossurf.words import CertificateKind, Verdict

_FAR: Final = 1e-3  # of a layer: an exact point further away than both says little of the one that is stored
_LARGEST_SIDE: Final = 4000  # inputs or outputs: their orthogonal bases then take 130 MB each


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
    nearest: Layers | None = None
    sigma: tuple[float, ...] = ()
    signs: CurvatureSigns | None = None


@dataclass(frozen=True)
class Setting:
    """Everything that one network is judged by.

    Attributes
    ----------
    point : Point
    problem : ScaledProblem
    tau : float
    widths : sequence of int
        d_0, ..., d_N.
    bound : LowerBound
    mean : MeanResidual
        Of the output bias.
    """

    point: Point
    problem: ScaledProblem
    tau: float
    widths: Sequence[int]
    bound: LowerBound
    mean: MeanResidual

    @property
    def gradient(self) -> float:
        """The criticality measure, the mean of the residuals included."""
        return max(*self.point.gradient_measures, self.mean.measure)

    @property
    def measure(self) -> float:
        """The least tolerance at which the point may be critical, from all of which the imbalance is a distance."""
        return max(self.gradient, self.least_tolerance(self.point.imbalance))

    def reach(self, tau: float) -> float:
        """How far away an exact critical point may be that a verdict at tau speaks of.

        Ten times tau, or, up to a thousandth of a layer, as far as idle units can be from zero while the gradients
        vanish at tau. A run in float32 ends so: such a unit shrinks by step * lam of itself in every step, until that
        is less than the last digit of the weights.
        """
        return min(tau * max(FARTHEST_SHADOW, self.point.stiffness), max(FARTHEST_SHADOW * tau, _FAR))

    def least_tolerance(self, distance: float) -> float:
        """Return the least tau whose reach is this distance."""
        least = distance / max(FARTHEST_SHADOW, self.point.stiffness)
        return least if distance <= _FAR else max(least, distance / FARTHEST_SHADOW)

    def judge(self) -> Judgement:
        """Return the verdict, withheld where it has no margin or no evidence."""
        if self.measure > self.tau:
            return self._not_critical()
        if self.tau > LARGEST_TOLERANCE:
            return _open(f"above a tolerance of {LARGEST_TOLERANCE:g} no kind of point is named")
        if max(self.widths[0], self.widths[-1]) > _LARGEST_SIDE:
            return _open(f"more than {_LARGEST_SIDE} inputs or outputs: the Hessian's form is too large to set up")
        found = self._single_layer() if self.problem.depth == 1 else self._deep()
        return _with_margin(found, self.tau)

    def _not_critical(self) -> Judgement:
        tau, floor = self.tau, self.point.gradient_floor
        if self.measure <= STABILITY_FACTOR * max(tau, floor) or self.measure <= floor:
            return _open(
                f"the gradient's measure {self.measure:.3g} is beside what the tolerance {tau:.3g} "
                f"and the precision of the data {floor:.3g} explain"
            )
        k = int(np.argmax(self.point.gradient_measures)) + 1
        reason = f"the gradient of the regularised loss is not zero: its measure {self.gradient:.3g} exceeds {tau:.3g}"
        if self.mean.measure >= self.measure:
            reason = (
                f"the mean of the residuals is not zero ({self.mean.measure:.3g}): the output bias was decayed, "
                "or is not trained to the end"
            )
        elif self.gradient <= tau:
            reason = (
                f"the layers do not share their singular values ({self.point.imbalance:.3g}), as they do at every "
                "critical point with weight decay"
            )
        certificate = Certificate(kind=CertificateKind.GRADIENT, margin=self.measure / tau, layers=(k, k))
        critical = Verdict.UNDETERMINED
        return Judgement(Verdict.NOT_CRITICAL, reason, certificate, 0.0, self.measure, None, critical)

    def _single_layer(self) -> Judgement:
        """Ridge regression: one critical point."""
        layers = (ridge(self.problem),)
        distance = self.point.distance(layers)
        if distance > self.reach(self.tau):
            return _open(_far(distance))
        start = max(self.measure, self.least_tolerance(distance))
        return self._global(layers, start, (), None)

    def _deep(self) -> Judgement:
        ranks, reach = self.point.ranks(self.tau, self.reach(self.tau)), self.reach(self.tau)
        if not ranks:
            return _open("the layers have not the same rank at this tolerance, as they have at every critical point")
        signals = [signal for rank in ranks if (signal := find_critical(self.point, rank, reach)) is not None]
        if not signals:
            return _open(f"no critical point of rank {' or '.join(map(str, ranks))} was found beside the weights")
        pairs = sorted(((self.point.distance(each.layers), each) for each in signals), key=itemgetter(0))
        distance, signal = pairs[0]
        if distance > reach:
            return _open(_far(distance))
        if pairs[1:] and pairs[1][0] <= STABILITY_FACTOR * max(distance, self.tau):
            return _open(f"critical points of rank {signal.rank} and {pairs[1][1].rank} are about as near")
        below, above = self.point.rank_range(signal.rank)
        start = max(self.measure, self.least_tolerance(max(distance, below)))
        sigma = tuple((signal.sigma * exp(self.problem.unit)).tolist())
        signs = CurvatureSigns(signal, self.problem, self.widths)
        # a saddle may be above the least loss by less than that is known to: a negative eigenvalue is seen before
        if self._is_least(signal.layers) and not signs.counts(self.tau).negative:
            return self._global(signal.layers, start, sigma, signs)
        judged = self._by_signs(signs, start, above)
        return replace(judged, nearest=signal.layers, sigma=sigma, signs=signs)

    def _is_least(self, layers: Layers) -> bool:
        loss = self.problem.loss(layers)
        return loss - self.bound.value <= self.problem.rounding(self.problem.zero_loss + loss)

    def _global(
        self, layers: Layers, start: float, sigma: tuple[float, ...], signs: CurvatureSigns | None
    ) -> Judgement:
        """No network has a lower loss than the exact point beside this one; by a bound that asks for no tolerance."""
        if not self._is_least(layers):
            return _open("the least loss and its dual bound differ by more than their rounding")
        certificate = Certificate(kind=self.bound.kind)
        reason = "by a lower bound no network of this depth has a lower regularised loss"
        below = Verdict.NOT_CRITICAL if start == self.measure else Verdict.UNDETERMINED
        return Judgement(Verdict.GLOBAL_MINIMUM, reason, certificate, start, inf, below, None, layers, sigma, signs)

    def _by_signs(self, signs: CurvatureSigns, start: float, above: float) -> Judgement:
        counts, (low, high) = signs.counts(self.tau), signs.range_of(self.tau)
        below = Verdict.NOT_CRITICAL if start == self.measure else Verdict.UNDETERMINED
        if counts.negative:
            stop = min(above, signs.last_negative())
            return self._strict(signs, start, stop, below)
        if not signs.complete:
            return _open("the Hessian's form is too large to factor, and no lower bound decides")
        if not counts.zero:
            reason = "every direction but the rotations of hidden units leads up"
            certificate = Certificate(kind=CertificateKind.INERTIA, margin=high / self.tau if high < inf else None)
            verdict, stop = Verdict.LOCAL_MINIMUM, min(above, high)
            return Judgement(verdict, reason, certificate, start, stop, below, Verdict.UNDETERMINED)
        if counts.open:
            return _open(
                f"{counts.open} eigenvalues of the Hessian are zero at this tolerance, and not to rounding: the "
                "precision of the weights leaves their signs open"
            )
        reason = f"no direction leads down to second order, and {counts.zero} beside the rotations are flat"
        verdict, start = Verdict.DEGENERATE, max(start, low)
        certificate = Certificate(kind=CertificateKind.INERTIA)
        return Judgement(verdict, reason, certificate, start, min(above, high), below, Verdict.UNDETERMINED)

    def _strict(self, signs: CurvatureSigns, start: float, stop: float, below: Verdict) -> Judgement:
        direction = signs.downhill()
        exact = signs.signal.layers
        value = curvature(self.problem, exact, direction)
        step, decrease = _best_step(self.problem, exact, direction)
        if not value < 0.0 < decrease:
            return _open("a direction of negative curvature exists but none could be verified in float64")
        unit = exp(self.problem.unit)
        certificate = Certificate(
            kind=CertificateKind.HESSIAN,
            margin=stop / self.tau if stop < inf else None,
            curvature=value * (self.problem.loss_unit / unit) ** 2,
            loss_decrease=decrease * self.problem.loss_unit**2,
            step=step * unit,
            direction=tuple(direction),  # of unit norm, which a factor common to all layers leaves it
        )
        reason = "a verified direction of negative curvature leads down"
        return Judgement(Verdict.STRICT_SADDLE, reason, certificate, start, stop, below, Verdict.UNDETERMINED)


def _open(reason: str) -> Judgement:
    return Judgement(Verdict.UNDETERMINED, reason)


def _far(distance: float) -> str:
    return f"the nearest exact critical point that was found is {distance:.3g} away, further than the tolerance"


def _with_margin(found: Judgement, tau: float) -> Judgement:
    """Withhold a verdict that another tolerance within STABILITY_FACTOR would change."""
    if found.verdict is Verdict.UNDETERMINED:
        return found
    doubt = contested(found.verdict, (found.start, found.below), (found.stop, found.above), tau)
    if doubt is not None:
        return _open(doubt)
    return found if found.start <= tau < found.stop else _open(f"{found.verdict} at tolerances from {found.start:.3g}")


def _best_step(problem: ScaledProblem, layers: Layers, direction: Sequence[Matrix]) -> tuple[float, float]:
    """Return the step of a ladder along +-direction with the largest decrease of the loss."""
    here, best = problem.loss(layers), (0.0, 0.0)
    for step in (sign * 2.0**-power for power in range(20) for sign in (1.0, -1.0)):
        moved = [W + step * V for W, V in zip(layers, direction, strict=True)]
        fall = here - problem.loss(moved)
        if fall > best[1]:
            best = step, fall
    return best
