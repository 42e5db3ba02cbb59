"""A claim about the squared loss derived again: plain products, singular values, theory sections 5 and 6."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any, Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most, largest
from lossurf.certificates.claim import Claim
from lossurf.certificates.index import index_checks
from lossurf.certificates.minimum import minimum_beside
from lossurf.certificates.nearest import FARTHEST, NearestPoint, nearest_checks
from lossurf.certificates.plain_network import curvature, decrease, norm, singular_values
from lossurf.certificates.rounding import TWICE
from lossurf.numerics import EPS, Matrix, frobenius_norm

_SMALLEST: Final = float(np.finfo(np.float64).smallest_subnormal)
"""Numbers below the normal range are known to this only."""


_OF_VERDICT: Final = {
    "strict-saddle": ("curvature", "loss_decrease", "step"),
    "bad-saddle": ("staircase",),
    "global-minimum": ("next_level",),
}
"""Which numbers of a claim go with one verdict alone."""


class PlainClaim(Claim):
    """A claim about all layers of a network, without weight decay."""

    gap_is_bound: Final = False

    @property
    def gap(self) -> float:
        """L - L* of the weights, computed again, in the units of the data."""
        return max(self.rise, 0.0) * self.unit

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""
        yield from layer_checks(self.weights, self.said, self.sizes)
        yield from plain_checks(self)


def plain_checks(claim: Claim) -> Iterator[Check]:
    """Yield what a claim says of its layers and data, computed again."""
    yield from misplaced(claim.said)
    yield from _numbers(claim)
    yield from _BY_CLAIM[str(claim.said["claim"])](claim)
    yield from _nearest(claim)
    yield from index_checks(claim)


def misplaced(said: Mapping[str, Any]) -> Iterator[Check]:
    """Refuse numbers that belong to another verdict than the one that is claimed: nothing here computes them again."""
    others = [key for verdict, keys in _OF_VERDICT.items() if verdict != said["claim"] for key in keys]
    if any(said.get(key) not in (None, []) for key in others):
        yield Check("belongs", False)


def layer_checks(weights: Sequence[Matrix], said: Mapping[str, Any], sizes: Mapping[str, int]) -> Iterator[Check]:
    """Yield that layers and data are as long and as wide as they are said to be."""
    norms = [(frobenius_norm(W), float(layer["norm"])) for W, layer in zip(weights, said["layers"], strict=True)]
    # a sum of n squares is off by n eps of itself in any order
    off = largest(abs(a - b) / max(a, abs(b)) if a != b else 0.0 for a, b in norms)
    yield at_most("weights", off, TWICE * EPS * max(W.size for W in weights))
    shapes = [
        layer.get("shape", list(W.shape)) == list(W.shape) for W, layer in zip(weights, said["layers"], strict=True)
    ]
    yield Check("shapes", all(shapes) and all(said["data"].get(key, size) == size for key, size in sizes.items()))


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


def _numbers(claim: Claim) -> Iterator[Check]:
    """Yield what every claim says: the loss from the weights and the data, L* from the data, the gradient, the rank."""
    said, rounding, squared = claim.said, claim.rounding, claim.scale * claim.scale
    rest = float(said["residual_loss"])
    yield Check("residual-loss", rest >= 0.0, rest, 0.0)
    for name, value, error in (
        ("loss", claim.excess + rest, claim.loss_rounding),
        ("optimal-loss", claim.loss(claim.rank_max), rounding.level(claim.s[claim.rank_max :])),
    ):
        key = name.replace("-", "_")
        bound = TWICE * (squared * error + rounding.unit * abs(value))
        yield at_most(name, abs(value - float(said[key])), bound)
    off = abs(claim.gradient - float(said["gradient"])) if said["gradient"] >= 0.0 else np.inf
    open_by = claim.relative * max(1.0, claim.first * claim.gradient) + claim.mean.uncertain
    open_by += claim.norms_known_to * claim.gradient
    yield at_most("gradient-claimed", off, open_by)
    yield Check("rank", _ranks(claim)[0] == said["rank"], float(_ranks(claim)[0]), float(said["rank"]))
    yield Check("rank-max", claim.rank_max == said["rank_max"], float(claim.rank_max), float(said["rank_max"]))


def _ranks(claim: Claim) -> tuple[int, int]:
    """rank(P) at the tolerance, its singular values judged in themselves and against the change of P.

    Those that the narrowest layer leaves no room for are rounding, however large beside T: of a network far above it.
    """
    values = singular_values(claim.network.product(claim.network.depth + 1, 0))[: claim.rank_max]
    change = max(1.0, claim.network.change(claim.network.depth + 1, 0))
    return int(np.sum(values > claim.tau)), int(np.sum(values > claim.tau * change))


def _holds(claim: Claim, wanted: int) -> bool:
    """Whether P has as many singular values that no change of the layers at tau takes away, or that are those of T."""
    values = singular_values(claim.network.product(claim.network.depth + 1, 0))[:wanted]
    change = max(1.0, claim.network.change(claim.network.depth + 1, 0))
    s = claim.s[:wanted] / claim.scale
    return bool(np.all((values > claim.tau * change) | (np.abs(values - s) <= FARTHEST * claim.tau * s)))


def _minimum(claim: Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gap")
    yield at_most("critical", claim.gradient, claim.tau)
    yield at_most("at-the-optimum", claim.rise, claim.tau)
    # equal only to what the rounding of their difference explains; what is above needs the minimum itself beside it,
    # and every singular value of T that the tolerance resolves: one of up to sqrt(2 tau) hides in the loss
    explained = TWICE * claim.rounding_of_rise
    wanted = min(claim.rank_max, int(np.sum(claim.s > claim.tau * claim.scale)))
    named = claim.said.get("nearest") is not None  # its rank and its loss are held to the minimum's
    whole = _ranks(claim)[0] >= wanted and (named or _holds(claim, wanted))
    beside = whole and (named or minimum_beside(claim, explained))
    yield Check("at-the-optimum-itself", claim.rise <= explained or beside, claim.rise, explained)
    following = claim.said.get("next_level")
    if following is None:
        yield Check("next-level", not claim.T.any())
        return
    kept, left_out = claim.s[: claim.rank_max], np.append(claim.s[claim.rank_max :], 0.0)
    steps = 0.5 * (kept[:, None] ** 2 - left_out**2).ravel()  # one eigenvalue exchanged or dropped
    steps = steps[steps > TWICE * claim.rounding.own * claim.unit]  # exchanging equal ones leads nowhere
    step = float(following) - claim.loss(claim.rank_max)
    off = float(np.min(np.abs(steps - step), initial=np.inf)) / claim.unit
    of_step = claim.rounding.level(claim.s[:1]) + claim.rounding.unit * abs(float(following)) / claim.unit
    yield at_most("next-level", off, TWICE * of_step)


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
    if said.get("curvature") is None:
        yield Check("curvature-claimed", not np.isfinite(form / length / length))
    else:
        claimed = float(said["curvature"]) * length * length
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
        off = largest(
            [off, abs(value - stair["value"]) / size, abs(threshold - stair["threshold"]) / size, value > threshold]
        )
    # a block or a singular value is off by the unit of rounding times its change, a threshold by that of itself, and
    # both by the norms they are made of
    rounding = claim.relative * (claim.first + 1.0 / claim.tau) if claim.tau > 0.0 else 0.0
    yield at_most("staircase", off, claim.norms_known_to + rounding)
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
