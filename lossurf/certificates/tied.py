"""Claims about a tied autoencoder, 1/2 ||W^T W X - X||^2, derived again: eigenvectors, products, closed forms.

The certificate names an orthonormal basis Q, which must diagonalise X X^T = R11^T R11; everything else is computed from
W Q. The exactly critical point beside W is built again and held against the one that is named, so that neither it nor
a count can be another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most
from lossurf.certificates.nearest import FARTHEST
from lossurf.certificates.rounding import TWICE
from lossurf.certificates.tied_numbers import TiedNumbers
from lossurf.certificates.tied_point import Along
from lossurf.certificates.tied_spectrum import layer_checks, spectrum_checks
from lossurf.decompositions import singular_values
from lossurf.numerics import EPS, LARGEST_TOLERANCE, UNDECIDED_FACTOR, frobenius_norm, rank_threshold

_LARGEST_HESSIAN: Final = 300  # entries of W up to which its Hessian is formed as well: 15 ms
_TURNING: Final = float(np.sqrt(2.0))  # weight on unseen inputs from which on an idle unit leads nowhere


class TiedClaim(TiedNumbers):
    """A claim about the one matrix of a tied autoencoder."""

    gap_is_bound: Final = False

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""
        yield Check("range", self.in_range)
        if not self.in_range:
            return
        yield from layer_checks(self)
        spectrum = tuple(spectrum_checks(self))
        yield from spectrum
        if not all(check.ok for check in spectrum):
            return  # nothing more can be computed in a basis that is none
        yield from _numbers(self)
        yield from _critical(self) if self.said["claim"] != "not-critical" else _not_critical(self)


def _numbers(claim: TiedNumbers) -> Iterator[Check]:
    """Yield the loss, L*, the gradient and the ranks, and that nothing is said that does not belong to the verdict."""
    said, square = claim.said, claim.unit * claim.unit
    yield Check("residual-loss", said["residual_loss"] == 0.0, float(said["residual_loss"]), 0.0)
    for name, (value, error) in (("loss", claim.loss), ("optimal-loss", claim.least)):
        off = abs(claim.unit * (claim.unit * value) - float(said[name.replace("-", "_")]))
        least = TWICE * float(np.finfo(np.float64).smallest_subnormal)
        yield at_most(name, off, TWICE * (square * error + EPS * square * value) + least)
    low, high = claim.gradient
    own = TWICE * rank_threshold(1.0, claim.order)
    gradient = float(said["gradient"])
    yield Check("gradient-claimed", low - own <= gradient <= high + own and gradient >= 0.0, gradient, high + own)
    values, threshold = singular_values(claim.W), claim.tau * claim.size
    known = TWICE * rank_threshold(claim.norm, claim.order)
    fewest, most = int(np.sum(values > threshold + known)), int(np.sum(values > threshold - known))
    yield Check("rank", fewest <= said["rank"] <= most, float(most), float(said["rank"]))
    narrowest = min(claim.W.shape)
    yield Check("rank-max", narrowest == said["rank_max"], float(narrowest), float(said["rank_max"]))
    unseen = claim.R11.shape[1] - len(claim.R11)
    found = claim.told["unseen_inputs"]
    yield Check("unseen-inputs", unseen == found, float(unseen), float(found))
    yield Check("belongs", _belongs(claim))


def _belongs(claim: TiedNumbers) -> bool:
    """Whether the claim says nothing that its verdict has no use for."""
    said, told, verdict = claim.said, claim.told, claim.said["claim"]
    strict, critical = verdict == "strict-saddle", verdict != "not-critical"
    wanted = {
        "curvature": strict,
        "loss_decrease": strict,
        "step": strict,
        "nearest": critical,
        "pair": not critical,
        "index": False,
    }
    if any((said.get(key) is not None) != there for key, there in wanted.items()) or said.get("staircase"):
        return False
    if verdict != "global-minimum" and said.get("next_level") is not None:
        return False
    arrays = {"W1", "R11", "Q", "U"} | ({"N1"} if critical else set()) | ({"V1"} if strict else set())
    if set(claim.stored.arrays) != arrays or (not critical and said["pair"] != [1, 1]):
        return False
    counts = ("carried", "idle_units", "symmetries", "negative", "zero", "positive")
    return critical or (all(told.get(key) is None for key in counts) and not told["idle_weights"])


def _not_critical(claim: TiedNumbers) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gradient")
    yield above("not-critical", claim.gradient[1], claim.tau)


def _critical(claim: TiedNumbers) -> Iterator[Check]:
    """Yield that the exact point is there, near and critical, its counts, and what makes it of its kind."""
    if not _belongs(claim):
        return  # something that is needed is missing, which a check has told
    point, told = claim.point, claim.told
    yield at_most("critical", claim.gradient[0], min(claim.tau, LARGEST_TOLERANCE))
    carried = point.counted == point.carried and point.rank <= len(claim.W)
    yield Check("carried", carried, float(sum(point.counted)), float(point.rank))
    if not carried:
        return
    yield from _nearest(claim)
    yield Check("idle-units", point.idle == told["idle_units"], float(point.idle), float(told["idle_units"]))
    yield Check(
        "symmetries", point.symmetries == told["symmetries"], float(point.symmetries), float(told["symmetries"])
    )
    yield at_most("idle-weights", _off_weights(claim), TWICE * rank_threshold(claim.size, claim.order))
    yield from _signs(claim)
    by_claim = {"global-minimum": _minimum, "strict-saddle": _strict, "local-minimum": _local}
    yield from by_claim[str(claim.said["claim"])](claim) if claim.said["claim"] in by_claim else (Check("kind", False),)


def _off_weights(claim: TiedNumbers) -> float:
    found, said = claim.point.idle_weights, np.asarray(claim.told["idle_weights"], dtype=np.float64)
    return float(np.max(np.abs(found - said), initial=0.0)) if found.shape == said.shape else np.inf


def _nearest(claim: TiedNumbers) -> Iterator[Check]:
    """Hold the exact point to what it is: the nearest to W, no farther than a verdict may speak of, and critical."""
    point, said, N = claim.point, claim.said["nearest"], claim.stored.arrays["N1"]
    length = max(frobenius_norm(claim.W), 1.0)
    known = TWICE * UNDECIDED_FACTOR * rank_threshold(1.0, claim.order)
    yield at_most("nearest-point", frobenius_norm(N @ claim.Q - point.coordinates) / length, known)
    distance = frobenius_norm(N - claim.W) / length
    yield at_most("nearest-distance-claimed", abs(distance - float(said["distance"])), known)
    yield at_most("nearest-distance", distance, FARTHEST * point.amplification * claim.tau + known)
    seen = slice(0, claim.spectrum.seen)
    moved = frobenius_norm((point.coordinates - claim.C)[:, seen])
    yield at_most("nearest-seen", moved, LARGEST_TOLERANCE)
    yield at_most("nearest-gradient-claimed", float(said["gradient"]), known, over=-EPS)
    slope, terms = point.gradient()
    yield at_most("nearest-critical", slope, UNDECIDED_FACTOR * rank_threshold(terms, claim.order))


def _turning(claim: TiedNumbers) -> float:
    """How far the idle weights are from sqrt 2, relative to W; infinite where no sign depends on it."""
    weights = claim.point.idle_weights
    return float(np.min(np.abs(weights - _TURNING))) / claim.size if weights.size and claim.point.left else np.inf


def _signs(claim: TiedNumbers) -> Iterator[Check]:
    """Hold the counts against the closed form, and against the eigenvalues of a dense Hessian where W is small."""
    told = [claim.told.get(key) for key in ("negative", "zero", "positive")]
    turning, close = _turning(claim), TWICE * rank_threshold(1.0, claim.order)
    known = not (claim.blurred and claim.point.idle)
    if told == [None, None, None]:
        yield Check("signs", not known or turning <= claim.tau + close)
        return
    yield Check("signs", known and turning > claim.tau - close and told == list(claim.point.signs))
    negative, _, positive = claim.point.signs
    if claim.W.size > _LARGEST_HESSIAN:
        return
    values = np.linalg.eigvalsh(claim.point.hessian())
    rounding = UNDECIDED_FACTOR * rank_threshold(float(np.max(np.abs(values))), claim.W.size)
    down, up = int(np.sum(values < -rounding)), int(np.sum(values > rounding))
    yield Check("signs-of-the-hessian", down <= negative and up <= positive, float(down), float(negative))


def _minimum(claim: TiedNumbers) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gap")
    yield Check("carries-the-largest", claim.is_best)
    if not claim.is_best:
        return
    following, r, s = claim.said.get("next_level"), claim.point.rank, claim.values
    if following is None or r == 0:
        yield Check("next-level", following is None and r == 0)
        return
    tied = next(group for group in claim.spectrum.groups if r <= group.stop)
    rest = s[tied.stop : len(claim.R11)]
    below = float(rest[0]) if rest.size else 0.0
    level = claim.least[0] + 0.5 * (float(s[r - 1]) ** 2 - below * below)
    error = claim.least[1] + TWICE * claim.spectrum.rounding * (float(s[r - 1]) + below) + EPS * level
    off = abs(claim.unit * (claim.unit * level) - float(following))
    yield at_most("next-level", off, TWICE * claim.unit * claim.unit * error)


def _strict(claim: TiedNumbers) -> Iterator[Check]:
    said, point, square = claim.said, claim.point, claim.unit * claim.unit
    yield Check("kind", said["kind"] == "hessian")
    if not point.inversions:  # it leads down as long as an idle unit's weight is below sqrt 2
        least = float(np.min(point.idle_weights, initial=_TURNING))
        yield above("idle-weight-below", (_TURNING - least) / claim.size if point.left else 0.0, claim.tau)
    V = claim.stored.arrays["V1"]
    yield at_most("direction", abs(frobenius_norm(V) - 1.0), TWICE * EPS * V.size)
    along = Along.of(point.coordinates, np.asarray(V @ claim.Q), claim.spectrum)
    form, error = along.curvature
    yield Check("curvature", form < -error, form, -error)
    off = abs(square * form - float(said["curvature"]))
    yield at_most("curvature-claimed", off, TWICE * square * (error + EPS * abs(form)))
    fall, error = along.fall(float(said["step"]))
    yield above("descends", fall, error)
    off = abs(square * fall - float(said["loss_decrease"]))
    yield at_most("descent-claimed", off, TWICE * square * (error + EPS * abs(fall)))


def _local(claim: TiedNumbers) -> Iterator[Check]:
    point = claim.point
    yield Check("kind", claim.said["kind"] == "inertia")
    yield Check("left-out", point.left > 0 and not claim.blurred, float(point.left), 0.0)
    yield Check("no-exchange", point.inversions == 0, float(point.inversions), 0.0)
    least = float(np.min(point.idle_weights, initial=np.inf)) if point.idle else 0.0
    yield above("idle-weight-above", (least - _TURNING) / claim.size, claim.tau)
