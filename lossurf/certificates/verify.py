"""A certificate's claim derived again from its matrices, by a short path of its own.

Plain products, singular values and the definitions of theory sections 5 and 6; nothing of the analysis that wrote the
certificate is used. Every number that is claimed is computed again, so that no array and no number can be exchanged
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most
from lossurf.certificates.nearest import NearestPoint, nearest_checks
from lossurf.certificates.plain_network import PlainNetwork, curvature, norm, singular_values
from lossurf.certificates.stored import StoredCertificate
from lossurf.certificates.tolerance import representable, stored_tolerance
from lossurf.numerics import Matrix, rank_threshold

_AGREE: Final = 1e-9
"""Two orders of operations on the same matrices differ by their length times eps, 1e-12 for products of a thousand
terms; a number that was changed in its ninth digit shows."""

_AGREE_DIFFERENCE: Final = 1e-6
"""The same for what is a difference of such numbers, or of rounding size itself."""


@dataclass(frozen=True)
class Verification:
    """Whether a certificate's claim is true.

    Attributes
    ----------
    certificate : str
    claim : str
        The verdict that is claimed.
    valid : bool
        Whether every check passed.
    checks : tuple of Check
    tolerance, default_tolerance : float
        tau of the claim, and the one that the stored dtypes of the weights justify.
    gap : float or None
        L - L* of the weights, computed again, user's units; None where it leaves the range of float64.
    """

    certificate: str
    claim: str
    valid: bool
    checks: tuple[Check, ...]
    tolerance: float
    default_tolerance: float
    gap: float | None


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
    with np.errstate(all="ignore"):  # a forged certificate may overflow anywhere; its checks then fail
        claim = _Claim(stored)
        checks = tuple(_checks(claim, any_tolerance=any_tolerance))
        gap = max(claim.rise, 0.0) * claim.unit
    return Verification(
        certificate=stored.name,
        claim=str(stored.claim["claim"]),
        valid=all(check.ok for check in checks),
        checks=checks,
        tolerance=claim.tau,
        default_tolerance=claim.default_tau,
        gap=gap if np.isfinite(gap) else None,
    )


class _Claim:
    """A stored claim with what every check of it needs."""

    def __init__(self, stored: StoredCertificate) -> None:
        self.stored, self.said = stored, stored.claim
        self.weights, self.R11, self.T = stored.listed("W"), stored.arrays["R11"], stored.arrays["T"]
        self.tau, self.default_tau = float(self.said["tolerance"]), stored_tolerance(self.said["layers"])
        self.s = singular_values(self.T)
        largest, rest = float(np.max(self.s, initial=0.0)), float(self.said["residual_loss"])
        self.scale = largest or sqrt(2.0 * max(rest, 0.0)) or 1.0
        self.mean_norm, self.mean_measure = self._mean_residual() if "mean_x" in stored.arrays else (0.0, 0.0)
        self.network = self._network()
        self.gradient = max(self.network.gradient(), self.mean_measure)
        self.unit = max(float(np.sum(self.T**2)), self.scale * self.scale)  # of loss
        self.rank_max = min(self.R11.shape[1], *(len(W) for W in self.weights))
        change = self.network.change(self.network.depth + 1, 0)
        order = sum(W.shape[1] for W in self.weights)
        self.rounding = max(_AGREE, rank_threshold(change, order))
        self.rounding_of_zero = rank_threshold(1.0, order) / self.tau if self.tau > 0.0 else np.inf

    def _network(self) -> PlainNetwork:
        """In the gauge whose gradient is the one claimed: the product of a nearly zero one leaves the choice."""
        balanced, stored = (
            PlainNetwork(self.weights, self.R11, self.T, self.scale, as_stored=choice) for choice in (False, True)
        )
        claimed = float(self.said["gradient"])
        off = [abs(max(network.gradient(), self.mean_measure) - claimed) for network in (balanced, stored)]
        return stored if off[1] < off[0] and balanced.fixes_no_scale() else balanced

    def _mean_residual(self) -> tuple[float, float]:
        """Norm of sqrt(m) (P mean_x + b_eff - mean_y) over the scale, and over its first-order change as well.

        Both are zero within the rounding of the means as they are stored, order * eps of that change.
        """
        arrays, root = self.stored.arrays, sqrt(float(self.said["data"]["samples"]))
        mean, change = root * arrays["mean_x"], 0.0
        for k, W in enumerate(self.weights, 1):
            shift = root * arrays.get(f"b{k}", np.zeros(len(W)))
            moved = float(np.linalg.norm(np.abs(W) @ np.abs(mean)) + np.linalg.norm(shift))
            mean, change = W @ mean + shift, change * norm(W) + moved
        size = float(np.linalg.norm(mean - root * arrays["mean_y"])) / self.scale
        change /= self.scale
        if size <= rank_threshold(change, sum(W.shape[1] for W in self.weights)):
            return 0.0, 0.0
        return size, size / change

    def loss(self, rank: int) -> float:
        """Least loss of a product of that rank, from the singular values of T."""
        return float(self.said["residual_loss"]) + 0.5 * float(np.sum(self.s[rank:] ** 2))

    @property
    def rise(self) -> float:
        """L - L*, in units of loss, without the rounding of their difference."""
        return self.rise_above(self.rank_max)

    def rise_above(self, rank: int) -> float:
        """L - L_rank, in units of loss."""
        return (self.excess - 0.5 * float(np.sum(self.s[rank:] ** 2))) / self.unit

    @property
    def excess(self) -> float:
        """L without the residual loss."""
        return 0.5 * self.scale * self.scale * (float(np.sum(self.network.E**2)) + self.mean_norm * self.mean_norm)


def _checks(claim: _Claim, *, any_tolerance: bool) -> Iterator[Check]:
    yield Check("digest", claim.stored.intact)
    yield from _tolerance(claim, any_tolerance=any_tolerance)
    yield from _numbers(claim)
    yield from _BY_CLAIM[str(claim.said["claim"])](claim)
    yield from _nearest(claim)


def _nearest(claim: _Claim) -> Iterator[Check]:
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


def _tolerance(claim: _Claim, *, any_tolerance: bool) -> Iterator[Check]:
    """Refuse a tolerance that makes the claim easier than the weights' own precision does."""
    dtypes = [str(layer.get("dtype")) for layer in claim.said["layers"]]
    yield Check("dtypes", all(representable(W, dtype) for W, dtype in zip(claim.weights, dtypes, strict=True)))
    if any_tolerance:
        yield at_most("tolerance", claim.tau, 1.0, over=0.0)
    elif claim.said["claim"] == "not-critical":
        yield Check("tolerance", claim.default_tau <= claim.tau <= 1.0, claim.tau, claim.default_tau)
    else:
        yield at_most("tolerance", claim.tau, claim.default_tau, over=0.0)


def _numbers(claim: _Claim) -> Iterator[Check]:
    """Yield what every claim says: the loss from the weights and the data, L* from the data, the gradient, the rank."""
    said, size = claim.said, abs(float(claim.said["loss"])) + claim.unit
    norms = [
        (float(np.linalg.norm(W)), float(layer["norm"])) for W, layer in zip(claim.weights, said["layers"], strict=True)
    ]
    yield at_most("weights", max(abs(a - b) / (a + b) if a + b else 0.0 for a, b in norms), _AGREE)
    loss = claim.excess + float(said["residual_loss"])
    yield at_most("loss", abs(loss - said["loss"]) / size, claim.rounding)
    yield at_most("optimal-loss", abs(claim.loss(claim.rank_max) - said["optimal_loss"]) / size, claim.rounding)
    largest = max(claim.gradient, claim.tau)
    yield at_most(
        "gradient-claimed",
        abs(claim.gradient - said["gradient"]) / largest,
        max(_AGREE_DIFFERENCE, claim.rounding_of_zero),
    )
    yield Check("rank", _ranks(claim)[0] == said["rank"], float(_ranks(claim)[0]), float(said["rank"]))
    yield Check("rank-max", claim.rank_max == said["rank_max"], float(claim.rank_max), float(said["rank_max"]))


def _ranks(claim: _Claim) -> tuple[int, int]:
    """rank(P) at the tolerance, its singular values judged in themselves and against the change of P."""
    values = singular_values(claim.network.product(claim.network.depth + 1, 0))
    change = max(1.0, claim.network.change(claim.network.depth + 1, 0))
    return int(np.sum(values > claim.tau)), int(np.sum(values > claim.tau * change))


def _minimum(claim: _Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gap")
    yield at_most("critical", claim.gradient, claim.tau)
    yield at_most("at-the-optimum", claim.rise, claim.tau)
    following = claim.said.get("next_level")
    if following is None:
        yield Check("next-level", not claim.T.any())
        return
    kept, left_out = claim.s[: claim.rank_max], np.append(claim.s[claim.rank_max :], 0.0)
    steps = 0.5 * (kept[:, None] ** 2 - left_out**2).ravel()  # one eigenvalue exchanged or dropped
    step = float(following) - claim.loss(claim.rank_max)
    off = float(np.min(np.abs(steps - step), initial=np.inf)) / claim.unit
    yield Check("next-level", off <= claim.rounding and step > 0.0, off, claim.rounding)


def _strict(claim: _Claim) -> Iterator[Check]:
    said, T, R11 = claim.said, claim.T, claim.R11
    yield Check("kind", said["kind"] in ("wrong-eigenset", "tails"))
    yield at_most("critical", claim.gradient, claim.tau)
    yield above("above-the-optimum", claim.rise, claim.tau)
    if "V1" not in claim.stored.arrays:
        yield Check("direction", False)
        return
    V = claim.stored.listed("V")
    length = sqrt(sum(float(np.sum(layer**2)) for layer in V))
    yield at_most("direction", abs(length - 1.0), _AGREE)
    yield Check("pair", {k for k, layer in enumerate(V, 1) if layer.any()} == set(said["pair"]))
    form, terms = curvature(claim.weights, V, R11, T)
    bound = -rank_threshold(terms, sum(W.shape[1] for W in claim.weights))
    yield Check("curvature", form < bound, form, bound)
    off = abs(form - said["curvature"])
    yield at_most(
        "curvature-claimed", off / abs(form) if form else np.inf, max(_AGREE_DIFFERENCE, -bound / abs(form or 1))
    )
    yield from _descent(claim, V)


def _descent(claim: _Claim, V: list[Matrix]) -> Iterator[Check]:
    """L(W) - L(W + s v) as 1/2 <P - P', P + P' - 2T>, which loses nothing of a small difference.

    A decrease that is claimed to be no larger than rounding proves nothing beside the curvature; then the loss may not
    rise by more than rounding.
    """
    moved = [W + float(claim.said["step"]) * v for W, v in zip(claim.weights, V, strict=True)]
    here, there = (_product(weights, claim.R11) for weights in (claim.weights, moved))
    decrease = 0.5 * float(np.sum((here - there) * (here + there - 2.0 * claim.T)))
    order = 16 * sum(W.shape[1] for W in claim.weights)
    change = claim.network.change(claim.network.depth + 1, 0)
    rounding = rank_threshold((claim.unit + claim.excess) * max(change, 1.0), order)
    claimed = float(claim.said.get("loss_decrease") or 0.0)
    yield above("descends", decrease, 0.0 if claimed > rounding else -rounding)
    yield at_most("descent-claimed", abs(decrease - claimed), _AGREE_DIFFERENCE * abs(decrease) + rounding)


def _bad(claim: _Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "staircase")
    yield at_most("critical", claim.gradient, claim.tau)
    yield above("above-the-optimum", claim.rise, claim.tau)
    for rank in sorted(set(_ranks(claim))):
        yield at_most(f"best-fit-of-rank-{rank}", claim.rise_above(rank), claim.tau)
        for i in range(2, claim.network.depth + 1):
            for j in range(1, i):
                yield at_most(f"pair-{i}-{j}-at-rank-{rank}", _least_factor(claim, i, j, rank), claim.tau)
    yield from _staircase(claim)


def _least_factor(claim: _Claim, i: int, j: int, rank: int) -> float:
    """Return the tolerance from which one of the two factors of a pair of layers vanishes."""
    ratios = []
    for factor in ("residual", "product"):
        value, change = _factor(claim, i, j, factor, rank)
        ratios.append(value / change if change else (np.inf if value else 0.0))
    return min(ratios)


def _factor(claim: _Claim, i: int, j: int, factor: str, rank: int) -> tuple[float, float]:
    """Size of E_ij, or of M_ij beyond its first `rank` singular values, and its change per change of the layers."""
    if factor == "residual":
        return norm(claim.network.residual_block(i, j)), claim.network.residual_change(i, j)
    values = singular_values(claim.network.product(i, j))
    return (float(values[rank]) if values.size > rank else 0.0), claim.network.change(i, j)


def _staircase(claim: _Claim) -> Iterator[Check]:
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
    yield at_most("staircase", float(off), max(_AGREE_DIFFERENCE, claim.rounding_of_zero))
    yield Check("staircase-covers", _covered(claim))


def _covered(claim: _Claim) -> bool:
    """Whether every pair of layers follows from a stair: E_ij = 0 reaches outwards, rank(M_ij) = r inwards."""
    stairs = [(stair["factor"], *stair["layers"]) for stair in claim.said["staircase"]]

    def follows(i: int, j: int) -> bool:
        return any((i <= p and j >= q) if factor == "residual" else (i >= p and j <= q) for factor, p, q in stairs)

    return all(follows(i, j) for i in range(2, claim.network.depth + 1) for j in range(1, i))


def _not_critical(claim: _Claim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gradient")
    yield above("not-critical", claim.gradient, claim.tau)


_BY_CLAIM: Final[dict[str, Callable[[_Claim], Iterator[Check]]]] = {
    "global-minimum": _minimum,
    "strict-saddle": _strict,
    "bad-saddle": _bad,
    "not-critical": _not_critical,
}


def _product(weights: list[Matrix], R11: Matrix) -> Matrix:
    product: Matrix = R11.T
    for W in weights:
        product = W @ product
    return product
