"""A certificate's claim derived again from its matrices, by a short path of its own.

Plain products, singular values and the definitions of theory sections 5 and 6; nothing of the analysis that wrote the
certificate is used. Every number that is claimed is computed again, so that no array and no number can be exchanged
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most
from lossurf.certificates.claim import Claim
from lossurf.certificates.decay import DecayClaim, decay_checks
from lossurf.certificates.index import index_checks
from lossurf.certificates.minimum import minimum_beside
from lossurf.certificates.nearest import NearestPoint, nearest_checks
from lossurf.certificates.plain_network import curvature, decrease, norm, singular_values
from lossurf.certificates.rounding import TWICE
from lossurf.certificates.stored import StoredCertificate, output_weights
from lossurf.certificates.tolerance import representable_layers
from lossurf.fields import Magnitude, limited
from lossurf.numerics import EPS, Matrix
from lossurf.words import CLAIMED

_SMALLEST: Final = float(np.finfo(np.float64).smallest_subnormal)
"""Numbers below the normal range are known to this only."""


@dataclass(frozen=True)
class Verification:
    """Whether a certificate's claim is true.

    Attributes
    ----------
    certificate : str
        The file.
    claim : str
        The verdict that is claimed.
    valid : bool
        Whether every check passed.
    checks : tuple of Check
    tolerance, default_tolerance : float
        tau of the claim, and the one that the stored dtypes of the weights justify.
    gap : float or None
        L - L* of the weights, computed again, user's units; None where it leaves the range of float64.
    gap_is_bound : bool
        With weight decay: the gap is to a lower bound of the loss, and L - L* is at most that.
    """

    certificate: str
    claim: Annotated[str, limited(enum=[*CLAIMED])]
    valid: bool
    checks: Annotated[tuple[Check, ...], limited(minItems=1)]
    tolerance: float
    default_tolerance: Annotated[float, limited(exclusiveMinimum=0)]
    gap: Magnitude | None
    gap_is_bound: bool


def verify_certificate(stored: StoredCertificate, *, any_tolerance: bool = False) -> Verification:
    """Derive a certificate's claim again.

    Parameters
    ----------
    stored : StoredCertificate
    any_tolerance : bool
        Accept a claim at a tolerance that is easier to meet than the default of the weights' dtype: every point is
        critical at a large one, and none at a tiny one.

    Returns
    -------
    Verification
        `valid` only if every check passed; a number that leaves the range of float64 passes none.
    """
    decayed = stored.claim.get("lambda") is not None
    claim: Claim | DecayClaim
    with np.errstate(all="ignore"):  # a forged certificate may overflow anywhere; its checks then fail
        if decayed:
            claim = DecayClaim(stored)
            checks, gap = tuple(_decay_checks(claim, any_tolerance=any_tolerance)), claim.gap
        else:
            claim = Claim(stored)
            checks, gap = tuple(_checks(claim, any_tolerance=any_tolerance)), max(claim.rise, 0.0) * claim.unit
    return Verification(
        certificate=stored.name,
        claim=str(stored.claim["claim"]),
        valid=all(check.ok for check in checks),
        checks=checks,
        tolerance=claim.tau,
        default_tolerance=claim.default_tau,
        gap=gap if np.isfinite(gap) else None,
        gap_is_bound=decayed,
    )


def _decay_checks(claim: DecayClaim, *, any_tolerance: bool) -> Iterator[Check]:
    """Yield the checks of a claim about a loss with weight decay."""
    yield Check("digest", claim.stored.intact)
    yield from _tolerance(claim, any_tolerance=any_tolerance)
    yield from decay_checks(claim)


def _checks(claim: Claim, *, any_tolerance: bool) -> Iterator[Check]:
    yield Check("digest", claim.stored.intact)
    yield from _tolerance(claim, any_tolerance=any_tolerance)
    yield from _numbers(claim)
    yield from _BY_CLAIM[str(claim.said["claim"])](claim)
    yield from _nearest(claim)
    yield from index_checks(claim)


def _nearest(claim: Claim) -> Iterator[Check]:
    """Check the explicit critical point beside the weights, where the certificate names one."""
    said, verdict = claim.said.get("nearest"), str(claim.said["claim"])
    if said is None:
        return
    if verdict == "not-critical":
        yield Check("nearest", False)
        return
    nearest = NearestPoint(claim.stored.listed("N"), float(said["distance"]), float(said["gradient"]))
    rank, tau = int(claim.said["rank"]), claim.tau
    yield from nearest_checks(verdict, claim.weights, nearest, claim.R11, claim.T, rank=rank, tau=tau)


def _tolerance(claim: Claim | DecayClaim, *, any_tolerance: bool) -> Iterator[Check]:
    """Refuse a tolerance that makes the claim easier than the weights' own precision does."""
    dtypes = [str(layer.get("dtype")) for layer in claim.said["layers"]]
    yield Check("dtypes", representable_layers(claim.weights, dtypes, output_weights(claim.said["data"])))
    if any_tolerance:
        yield at_most("tolerance", claim.tau, 1.0, over=0.0)
    elif claim.said["claim"] == "not-critical":
        yield Check("tolerance", claim.default_tau <= claim.tau <= 1.0, claim.tau, claim.default_tau)
    else:
        yield at_most("tolerance", claim.tau, claim.default_tau, over=0.0)


def _numbers(claim: Claim) -> Iterator[Check]:
    """Yield what every claim says: the loss from the weights and the data, L* from the data, the gradient, the rank."""
    said, rounding, squared = claim.said, claim.rounding, claim.scale * claim.scale
    rest = float(said["residual_loss"])
    norms = [
        (float(np.linalg.norm(W)), float(layer["norm"])) for W, layer in zip(claim.weights, said["layers"], strict=True)
    ]
    # a sum of n squares is off by n eps of itself in any order
    off = max(abs(a - b) / max(a, b) if a != b else 0.0 for a, b in norms)
    yield at_most("weights", off, TWICE * EPS * max(W.size for W in claim.weights))
    shapes = [
        layer.get("shape", list(W.shape)) == list(W.shape)
        for W, layer in zip(claim.weights, said["layers"], strict=True)
    ]
    yield Check("shapes", all(shapes) and all(said["data"].get(key, size) == size for key, size in claim.sizes.items()))
    yield Check("residual-loss", rest >= 0.0, rest, 0.0)
    for name, value, error in (
        ("loss", claim.excess + rest, claim.loss_rounding),
        ("optimal-loss", claim.loss(claim.rank_max), rounding.level(claim.s[claim.rank_max :])),
    ):
        key = name.replace("-", "_")
        bound = TWICE * (squared * error + rounding.unit * abs(value))
        yield at_most(name, abs(value - float(said[key])), bound)
    off = abs(claim.gradient - float(said["gradient"])) if said["gradient"] >= 0.0 else np.inf
    of_norms = claim.norms_known_to * claim.gradient
    yield at_most("gradient-claimed", off, of_norms + claim.relative * max(1.0, claim.first * claim.gradient))
    yield Check("rank", _ranks(claim)[0] == said["rank"], float(_ranks(claim)[0]), float(said["rank"]))
    yield Check("rank-max", claim.rank_max == said["rank_max"], float(claim.rank_max), float(said["rank_max"]))


def _ranks(claim: Claim) -> tuple[int, int]:
    """rank(P) at the tolerance, its singular values judged in themselves and against the change of P.

    Those that the narrowest layer leaves no room for are rounding, however large beside T: of a network far above it.
    """
    values = singular_values(claim.network.product(claim.network.depth + 1, 0))[: claim.rank_max]
    change = max(1.0, claim.network.change(claim.network.depth + 1, 0))
    return int(np.sum(values > claim.tau)), int(np.sum(values > claim.tau * change))


def _minimum(claim: Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gap")
    yield at_most("critical", claim.gradient, claim.tau)
    yield at_most("at-the-optimum", claim.rise, claim.tau)
    # equal only to what the rounding of their difference explains; what is above needs the minimum itself beside it,
    # and every singular value of T that the tolerance resolves: one of up to sqrt(2 tau) hides in the loss
    explained = TWICE * claim.rounding_of_rise
    wanted = min(claim.rank_max, int(np.sum(claim.s > claim.tau * claim.scale)))
    whole = min(_ranks(claim)) >= wanted
    beside = whole and (claim.said.get("nearest") is not None or minimum_beside(claim, explained))
    yield Check("at-the-optimum-itself", claim.rise <= explained or beside, claim.rise, explained)
    following = claim.said.get("next_level")
    if following is None:
        yield Check("next-level", not claim.T.any())
        return
    kept, left_out = claim.s[: claim.rank_max], np.append(claim.s[claim.rank_max :], 0.0)
    steps = 0.5 * (kept[:, None] ** 2 - left_out**2).ravel()  # one eigenvalue exchanged or dropped
    step = float(following) - claim.loss(claim.rank_max)
    off = float(np.min(np.abs(steps - step), initial=np.inf)) / claim.unit
    of_step = claim.rounding.level(claim.s[:1]) + claim.rounding.unit * abs(float(following)) / claim.unit
    bound = TWICE * of_step  # a level that is L* to rounding is none
    yield Check("next-level", off <= bound < step / claim.unit, off, bound)


def _strict(claim: Claim) -> Iterator[Check]:
    said = claim.said
    yield Check("kind", said["kind"] in ("wrong-eigenset", "tails"))
    yield at_most("critical", claim.gradient, claim.tau)
    yield above("above-the-optimum", claim.rise, claim.tau)
    if "V1" not in claim.stored.arrays:
        yield Check("direction", False)
        return
    V = claim.stored.listed("V")
    length = sqrt(sum(float(np.sum(layer**2)) for layer in V))
    yield at_most("direction", abs(length - 1.0), TWICE * EPS * sum(layer.size for layer in V))
    yield Check("pair", {k for k, layer in enumerate(V, 1) if layer.any()} == set(said["pair"]))
    # a layer that is nothing but rounding may be read as zero, or as it is where that is what the direction speaks of
    readings = [list(_fall(claim, V, weights)) for weights in (claim.weights, claim.read)]
    yield from max(readings, key=lambda checks: sum(check.ok for check in checks))


def _fall(claim: Claim, V: Sequence[Matrix], weights: Sequence[Matrix]) -> Iterator[Check]:
    """Yield that the loss falls along the direction, at first by the curvature and in the end by the decrease.

    Along step * V, in units of the scale: there the two are of the size of what the loss loses, whatever the units of
    the layers are. The analysis measured the direction before it was mapped back through R11, which costs its
    condition number.
    """
    said, rounding, scale = claim.said, claim.rounding, claim.scale
    weights, T = [weights[0] / scale, *weights[1:]], claim.T / scale
    step, drop = float(said["step"]), float(said.get("loss_decrease") or 0.0)
    yield Check("step", step > 0.0 and drop >= 0.0, step, 0.0)
    moves = [(step * V[0]) / scale, *(step * layer for layer in V[1:])]
    form, terms = curvature(weights, moves, claim.R11, T)
    mapped, unit = TWICE * (1.0 + rounding.condition), rounding.unit
    yield Check("curvature", form < -rounding.own * terms, form, -rounding.own * terms)
    length = step / scale
    claimed = None if said["curvature"] is None else float(said["curvature"]) * length * length
    if claimed is None:
        yield Check("curvature-claimed", not np.isfinite(form / length / length))
    else:
        yield at_most("curvature-claimed", abs(form - claimed), unit * terms * mapped + _SMALLEST * length * length)
    fall = decrease(weights, moves, claim.R11, T, unit)
    least, claimed = _SMALLEST / scale / scale, drop / scale / scale
    yield above("descends", fall.size, 0.0 if claimed > max(fall.of_difference, fall.rounding) else -fall.rounding)
    bound = fall.rounding * mapped + TWICE * fall.of_difference + least
    yield at_most("descent-claimed", abs(fall.size - claimed), bound)


def _bad(claim: Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "staircase")
    yield at_most("critical", claim.gradient, claim.tau)
    yield above("above-the-optimum", claim.rise, claim.tau)
    for rank in sorted(set(_ranks(claim))):
        yield at_most(f"best-fit-of-rank-{rank}", claim.rise_above(rank), claim.tau)
        for i in range(2, claim.network.depth + 1):
            for j in range(1, i):
                yield at_most(f"pair-{i}-{j}-at-rank-{rank}", _least_factor(claim, i, j, rank), claim.tau)
    yield from _staircase(claim)


def _least_factor(claim: Claim, i: int, j: int, rank: int) -> float:
    """Return the tolerance from which one of the two factors of a pair of layers vanishes."""
    ratios = []
    for factor in ("residual", "product"):
        value, change = _factor(claim, i, j, factor, rank)
        ratios.append(value / change if change else (np.inf if value else 0.0))
    return min(ratios)


def _factor(claim: Claim, i: int, j: int, factor: str, rank: int) -> tuple[float, float]:
    """Size of E_ij, or of M_ij beyond its first `rank` singular values, and its change per change of the layers."""
    if factor == "residual":
        return norm(claim.network.residual_block(i, j)), claim.network.residual_change(i, j)
    values = singular_values(claim.network.product(i, j))
    return (float(values[rank]) if values.size > rank else 0.0), claim.network.change(i, j)


def _staircase(claim: Claim) -> Iterator[Check]:
    """Hold each claimed stair against what vanishes there."""
    off = 0.0
    for stair in claim.said["staircase"]:
        i, j = stair["layers"]
        value, change = _factor(claim, i, j, stair["factor"], int(claim.said["rank"])) if i > j else (np.inf, 1.0)
        threshold = claim.tau * change
        size = threshold or 1.0
        off = max(
            off, abs(value - stair["value"]) / size, abs(threshold - stair["threshold"]) / size, value > threshold
        )
    # a block or a singular value is off by the unit of rounding times its change, a threshold by that of itself, and
    # both by the norms they are made of
    rounding = claim.relative * (claim.first + 1.0 / claim.tau) if claim.tau > 0.0 else 0.0
    yield at_most("staircase", float(off), claim.norms_known_to + rounding)
    yield Check("staircase-covers", _covered(claim))


def _covered(claim: Claim) -> bool:
    """Whether every pair of layers follows from a stair: E_ij = 0 reaches outwards, rank(M_ij) = r inwards."""
    stairs = [(stair["factor"], *stair["layers"]) for stair in claim.said["staircase"]]

    def follows(i: int, j: int) -> bool:
        return any((i <= p and j >= q) if factor == "residual" else (i >= p and j <= q) for factor, p, q in stairs)

    return all(follows(i, j) for i in range(2, claim.network.depth + 1) for j in range(1, i))


def _not_critical(claim: Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gradient")
    yield above("not-critical", claim.gradient, claim.tau)


_BY_CLAIM: Final[dict[str, Callable[[Claim], Iterator[Check]]]] = {
    "global-minimum": _minimum,
    "strict-saddle": _strict,
    "bad-saddle": _bad,
    "not-critical": _not_critical,
}
