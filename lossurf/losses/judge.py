"""From the squared loss that touches and the loss's own second derivative to the verdict on one network.

A critical point is pure where its product is critical on the matrices of its rank on its own terms and spurious where
only the layers make it so (Trager, Kohn & Bruna 2020). A product of less than full rank with G != 0 is spurious or not
the best: a saddle either way. Of full rank it is pure, and its second derivative there tells what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from lossurf.landscape.bias import mean_residual
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.verdict import Certificate, Classification
from lossurf.losses.convex import GAP
from lossurf.losses.downhill import Descent, LossHere
from lossurf.losses.fixed_rank import LARGEST_FORM, FixedRank, Sign
from lossurf.losses.majoriser import Majoriser
from lossurf.losses.saddle_evidence import LARGEST_HESSIAN, escape, least_eigenvalue, mixed_part_vanishes
from lossurf.losses.study import LossStudy
from lossurf.network import Layers, to_user
from lossurf.numerics import STABILITY_FACTOR, Matrix, frobenius_norm
from lossurf.words import Attained, CertificateKind, Verdict

# The Hessian's entries are products of two layers' quantities, each moved by tau: its eigenvalues move by a few tau
# for every layer.
_HESSIAN_REACH: Final = 10.0

_STEP: Final = 1e-3  # of an eigenvector of unit norm in whitened coordinates, where the layers have about norm 1


@dataclass(frozen=True)
class Answer:
    """A verdict with its evidence, and the tolerance from which on its own form leaves it open, if one does."""

    verdict: Verdict
    reason: str
    certificate: Certificate | None = None
    stop: float | None = None


@dataclass(frozen=True)
class Setting:
    """Everything that one network is judged by.

    Attributes
    ----------
    study : LossStudy
    point : Majoriser
    squared : Classification
        Under the squared loss that touches there.
    weights : tuple of ndarray
    biases : sequence of ndarray or None
    gap : float
        Loss above the dual bound: that of no linear map is further below.
    """

    study: LossStudy
    point: Majoriser
    squared: Classification
    weights: tuple[Matrix, ...]
    biases: Sequence[Matrix | None] | None
    gap: float

    @property
    def tau(self) -> float:
        """The tolerance of the zero rule."""
        return self.squared.tolerance

    @property
    def least(self) -> bool:
        """Whether no linear map has a lower loss, to eight digits."""
        return bool(self.gap <= GAP * self.study.minimum.zero_loss)

    @property
    def full(self) -> bool:
        """Whether the product has all the rank that a layer narrower than min(dx, dy) leaves it."""
        dx, dy = self.weights[0].shape[1], self.weights[-1].shape[0]
        narrowest = min((W.shape[0] for W in self.weights[:-1]), default=dx)
        return bool(narrowest < min(dx, dy) and self.squared.rank == min(narrowest, self.point.problem.rank_x))

    def judge(self) -> Answer:
        """Return the verdict, withheld where it has no margin or no evidence."""
        verdict = self.squared.verdict
        if self.least and (self.study.attainment.attained is Attained.YES or verdict is not Verdict.NOT_CRITICAL):
            return self._least()
        if verdict is Verdict.NOT_CRITICAL:
            return Answer(verdict, self.squared.reason, self.squared.certificate)
        if verdict is Verdict.BAD_SADDLE:
            return self._flat()
        found = self._strict() if verdict is Verdict.STRICT_SADDLE else None
        if found is None and self.full and self.squared.gradient <= self.tau / STABILITY_FACTOR:
            found = self._pure()  # whose margins are its own, so that it may speak where the touching loss does not
        if found is not None:
            return found
        return self._near_least() if verdict is Verdict.GLOBAL_MINIMUM else _open(self._doubt())

    def _least(self) -> Answer:
        attained, name = self.study.attainment.attained, self.study.loss.name
        if attained is Attained.YES:
            margin = GAP * self.study.minimum.zero_loss / self.gap if self.gap > 0.0 else None
            reason = f"by the dual bound no linear map has a {name} loss lower by more than {self.gap:.3g}"
            return Answer(Verdict.GLOBAL_MINIMUM, reason, Certificate(kind=CertificateKind.DUAL_GAP, margin=margin))
        said = "is not attained: a hyperplane splits classes" if attained is Attained.NO else "may not be attained"
        return _open(f"the loss is within {self.gap:.3g} of the infimum, which {said}, so this is no minimum")

    def _near_least(self) -> Answer:
        return _open(
            f"the gradient of the loss in P is small, but the dual bound leaves {self.gap:.3g} to gain: train on, or "
            "lower the tolerance"
        )

    def _pure(self) -> Answer:
        """Judge a point where the touching squared loss is least: the loss lies below, and its own form decides."""
        form = self._form(whole=False)
        if form.unknowns > LARGEST_FORM:
            return _open(
                f"the second derivative on products of rank {form.rank} has {form.unknowns} unknowns, more than the "
                f"{LARGEST_FORM} up to which its sign is computed"
            )
        sign = form.sign(STABILITY_FACTOR * self.tau)
        if sign is None:
            return _open(
                f"the tolerance leaves open whether the second derivative on products of rank {form.rank} is positive"
            )
        if not sign.positive:
            return self._downhill_of_rank(form, sign)
        reason = (
            f"on products of rank {form.rank} the second derivative is positive: a local minimum; whether a lower one "
            f"exists is open, and no linear map gains more than {self.gap:.3g}"
        )
        certificate = Certificate(kind=CertificateKind.HESSIAN, margin=sign.margin)
        return Answer(Verdict.LOCAL_MINIMUM, reason, certificate, form.last_tolerance(self.tau, sign))

    def _form(self, *, whole: bool) -> FixedRank:
        problem = self.point.problem
        reach = mean_residual(self.weights, self.biases, problem).reach if problem.bias else 0.0
        return FixedRank(self.point, self.squared.rank, reach, whole=whole)

    def _downhill_of_rank(self, form: FixedRank, sign: Sign) -> Answer:
        """Follow the eigenvector of a negative eigenvalue, carried to the first and the last layer."""
        found = self._verified(form.lift(sign.vector))
        if found is None:
            return _open("a saddle; its negative curvature could not be verified in float64")
        reason = f"on products of rank {form.rank} a verified direction of negative curvature leads down"
        certificate = _hessian_certificate(sign.margin, *found)
        return Answer(Verdict.STRICT_SADDLE, reason, certificate, form.last_tolerance(self.tau, sign))

    @property
    def _here(self) -> LossHere:
        return LossHere(self.study.loss, self.weights, self.biases, self.study.X, self.study.Y)

    def _verified(self, whitened: Layers) -> tuple[Descent, Layers] | None:
        """Verify a direction; None where it leads down by no more than rounding."""
        mapped = to_user(self.point.network, whitened, self.point.problem)
        size = frobenius_norm(*mapped)
        if not 0.0 < size < inf:
            return None
        direction = tuple(V / size for V in mapped)
        found = self._here.down(direction, _STEP * size)
        return None if found is None else (found, direction)

    def _doubt(self) -> str:
        if self.squared.verdict is Verdict.STRICT_SADDLE:
            return "a direction of negative curvature exists but none could be verified in float64"
        return self.squared.reason

    def _strict(self) -> Answer | None:
        certificate = self.squared.certificate
        assert certificate is not None
        assert certificate.direction is not None
        found = self._here.down(certificate.direction, certificate.step or 0.0)
        if found is None:
            return None
        reason = "a verified direction of negative curvature leads down"
        certificate = replace(certificate, curvature=found.curvature, loss_decrease=found.decrease, step=found.step)
        return Answer(Verdict.STRICT_SADDLE, reason, certificate)

    def _flat(self) -> Answer:
        """Judge a saddle whose touching squared loss has no negative curvature; the loss lies below and may have some.

        No pair of layers adds to the Hessian but where one moves into the signal and one out of it, so that it has the
        signs of the form on products of this rank, with what the tails reach beside it.
        """
        decrease, step = escape(self.point, self.tau) or (None, None)
        if mixed_part_vanishes(Sensitivity(self.point.network), self.tau):
            reason = "no direction has negative curvature, yet lower points lie arbitrarily near"
            certificate = Certificate(kind=CertificateKind.CONVEX_PART, loss_decrease=decrease, step=step)
            return Answer(Verdict.BAD_SADDLE, reason, certificate)
        on_rank, whole = (self._form(whole=whole) for whole in (False, True))
        if on_rank.unknowns <= LARGEST_FORM:
            sign = on_rank.sign(STABILITY_FACTOR * self.tau)
            if sign is not None and not sign.positive:
                return self._downhill_of_rank(on_rank, sign)
        if whole.unknowns <= LARGEST_FORM and (margin := whole.convexity(STABILITY_FACTOR * self.tau)) is not None:
            reason = "the Hessian has no negative eigenvalue, yet lower points lie arbitrarily near"
            certificate = Certificate(kind=CertificateKind.HESSIAN, margin=margin, loss_decrease=decrease, step=step)
            return Answer(Verdict.BAD_SADDLE, reason, certificate)
        if sum(W.size for W in self.point.network.layers) <= LARGEST_HESSIAN:
            return self._by_hessian(decrease, step)
        return _open(
            "a saddle, with lower points arbitrarily near; whether one direction has negative curvature is open"
        )

    def _by_hessian(self, decrease: float | None, step: float | None) -> Answer:
        least, largest, direction = least_eigenvalue(self.point)
        reach = _HESSIAN_REACH * len(self.weights) * self.tau * max(largest, 1.0)
        if least < -reach and (found := self._verified(direction)) is not None:
            certificate = _hessian_certificate(-least / reach, *found)
            return Answer(Verdict.STRICT_SADDLE, "the Hessian has a verified negative eigenvalue", certificate)
        if least >= -reach:
            reason = "the Hessian has no negative eigenvalue, yet lower points lie arbitrarily near"
            certificate = Certificate(kind=CertificateKind.HESSIAN, loss_decrease=decrease, step=step)
            return Answer(Verdict.BAD_SADDLE, reason, certificate)
        return _open("a saddle; its negative curvature could not be verified in float64")


def _open(reason: str) -> Answer:
    return Answer(Verdict.UNDETERMINED, reason)


def _hessian_certificate(margin: float, found: Descent, direction: Layers) -> Certificate:
    return Certificate(
        kind=CertificateKind.HESSIAN,
        margin=margin,
        curvature=found.curvature,
        loss_decrease=found.decrease,
        step=found.step,
        direction=direction,
    )
