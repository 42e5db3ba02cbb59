"""Claims about a loss with weight decay derived again: products, norms, a dense Hessian, a scalar problem. Own path."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most, largest
from lossurf.certificates.decay_numbers import DecayNumbers, below_of, product_of, squares_of
from lossurf.certificates.plain import layer_checks, misplaced
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold

LARGEST_HESSIAN: Final = 1500
"""Weights of a network whose Hessian is formed: 18 MB, and its eigenvalues in a few seconds."""


class DecayClaim(DecayNumbers):
    """A claim about a loss with weight decay."""

    gap_is_bound: Final = True

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""
        return decay_checks(self)


def decay_checks(claim: DecayClaim) -> Iterator[Check]:
    """Yield what the claim says, computed again."""
    yield from layer_checks(claim.weights, claim.said, claim.sizes)
    yield from misplaced(claim.said)
    yield from _numbers(claim)
    yield from _measures(claim)
    verdict = str(claim.said["claim"])
    gradient, balance, _ = claim.measures
    if verdict == "not-critical":
        yield Check("kind", claim.said["kind"] == "gradient")
        yield above("not-critical", max(gradient, claim.balanced_at, claim.mean_measure), claim.tau)
        return
    yield at_most("critical", max(gradient, claim.mean_measure), claim.tau)
    yield at_most("balanced", balance, claim.reach)
    if "N1" not in claim.stored.arrays:
        yield Check("nearest", False)
        return
    yield from _nearest(claim)
    yield from {
        "global-minimum": _minimum,
        "strict-saddle": _strict,
        "local-minimum": _local,
        "degenerate": _local,
    }[verdict](claim)


def _numbers(claim: DecayClaim) -> Iterator[Check]:
    yield Check("weight-decay", claim.lam > 0.0, claim.lam, 0.0)
    yield Check("residual-loss", claim.rest >= 0.0, claim.rest, 0.0)
    square = claim.scale * claim.scale
    value = square * (claim.loss(claim.layers) + claim.mean) + claim.rest
    bound = square * claim.rounding(claim.layers) + UNDECIDED_FACTOR * rank_threshold(abs(value), claim.order)
    off = float(claim.said["optimal_loss"]) - (square * claim.lower_bound + claim.rest)
    yield at_most("optimal-loss", off, bound)
    yield at_most("loss", abs(value - float(claim.said["loss"])), bound)


def _measures(claim: DecayClaim) -> Iterator[Check]:
    """Yield the gradient and the ranks, each a ratio or a count of norms of products."""
    said = claim.said
    gradient = max(claim.measures[0], claim.mean_measure)
    off = abs(gradient - float(said["gradient"])) if said["gradient"] >= 0.0 else np.inf
    known = UNDECIDED_FACTOR * rank_threshold(max(1.0, gradient), claim.depth * claim.order)
    yield at_most("gradient-claimed", off, known + claim.mean_uncertain)
    yield Check("rank", claim.rank == said["rank"], float(claim.rank), float(said["rank"]))
    most = min(claim.weights[0].shape[1], *(len(W) for W in claim.weights))
    yield Check("rank-max", most == said["rank_max"], float(most), float(said["rank_max"]))


def _nearest(claim: DecayClaim) -> Iterator[Check]:
    """Hold the exact point to both: as near as a verdict may speak of, and critical to rounding."""
    pairs = zip(claim.layers, claim.nearest, strict=True)
    moves = [float(np.linalg.norm(N - W)) / max(float(np.linalg.norm(W)), 1.0) for W, N in pairs]
    yield at_most("nearest-distance", largest(moves), claim.reach)
    said, rounding = claim.said["nearest"], UNDECIDED_FACTOR * rank_threshold(1.0, claim.order)
    yield at_most("nearest-distance-claimed", abs(largest(moves) - float(said["distance"])), rounding)
    shares = [float(np.linalg.norm(slope)) / size if size else 0.0 for slope, size in claim.gradients(claim.nearest)]
    yield at_most("nearest-critical", largest(shares), rounding)
    yield Check("nearest-gradient-claimed", 0.0 <= said["gradient"] <= rounding, float(said["gradient"]), rounding)


def _minimum(claim: DecayClaim) -> Iterator[Check]:
    kind = claim.said["kind"]
    by_dual = "D" in claim.stored.arrays and claim.depth <= 2
    yield Check("kind", kind == ("dual-gap" if by_dual else "spectral-bound"))
    yield at_most("least", claim.loss(claim.nearest) - claim.lower_bound, claim.rounding(claim.nearest))


def _strict(claim: DecayClaim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "hessian")
    if "V1" not in claim.stored.arrays:
        yield Check("direction", False)
        return
    V = claim.stored.listed("V")
    length = sqrt(squares_of(V))
    yield at_most("direction", abs(length - 1.0), UNDECIDED_FACTOR * rank_threshold(1.0, sum(W.size for W in V)))
    P = [claim.F, 0.0 * claim.F, 0.0 * claim.F]
    sizes = [np.abs(part) for part in P]
    for W, change in zip(claim.nearest, V, strict=True):
        P = [W @ P[0], W @ P[1] + change @ P[0], W @ P[2] + change @ P[1]]
        w, v = np.abs(W), np.abs(change)
        sizes = [w @ sizes[0], w @ sizes[1] + v @ sizes[0], w @ sizes[2] + v @ sizes[1]]
    form = float(np.sum(P[1] ** 2) + 2.0 * np.sum((P[0] - claim.T) * P[2])) + claim.lam * squares_of(V)
    terms = float(np.sum(sizes[1] ** 2) + 2.0 * np.sum((sizes[0] + np.abs(claim.T)) * sizes[2])) + claim.lam
    bound = UNDECIDED_FACTOR * rank_threshold(terms, claim.order)
    yield Check("curvature", form < -bound, form, -bound)
    said = float(claim.said["curvature"]) * (claim.omega / claim.scale) ** 2
    yield at_most("curvature-claimed", abs(form - said), bound)
    step = float(claim.said["step"]) / claim.omega
    moved = [W + step * change for W, change in zip(claim.nearest, V, strict=True)]
    fall = claim.loss(claim.nearest) - claim.loss(moved)
    yield above("descends", fall, 0.0)
    claimed = float(claim.said.get("loss_decrease") or 0.0) / claim.scale / claim.scale
    yield at_most("descent-claimed", abs(fall - claimed), claim.rounding(claim.nearest) + claim.rounding(moved))


def _local(claim: DecayClaim) -> Iterator[Check]:
    """No negative eigenvalue of the dense Hessian, and of zeros as many as hidden units' rotations, or more."""
    yield Check("kind", claim.said["kind"] == "inertia")
    count = sum(W.size for W in claim.nearest)
    yield at_most("hessian-size", count, LARGEST_HESSIAN)
    if count > LARGEST_HESSIAN:
        return
    values = np.linalg.eigvalsh(hessian(claim))
    largest = float(np.max(np.abs(values)))
    rounding = UNDECIDED_FACTOR * rank_threshold(largest, count + claim.order)
    r = claim.rank
    rotations = sum(r * (r - 1) // 2 + (len(W) - r) * r for W in claim.nearest[:-1])
    beside = np.sort(np.abs(values))[:rotations]
    yield at_most("rotations", float(np.max(beside, initial=0.0)), max(rounding, claim.tau * largest))
    others = np.delete(values, np.argsort(np.abs(values))[:rotations])
    least = float(np.min(others, initial=np.inf))
    if claim.said["claim"] == "local-minimum":
        yield above("curvature", least if others.size else largest, rounding)
    else:
        yield Check("no-descent", least >= -claim.tau * largest, least, -claim.tau * largest)
        yield at_most("flat", least, claim.tau * largest)


def hessian(claim: DecayClaim) -> Matrix:
    """Return the Hessian at the exact point in the row-major weights: of P F in every weight, and in pairs of them."""
    layers, E = claim.nearest, product_of(claim.nearest) @ claim.F - claim.T
    ends = np.cumsum([0, *(W.size for W in layers)])
    parts = [
        np.einsum("oa,bs->osab", product_of([np.eye(len(W)), *layers[k + 1 :]]), below_of(layers, k) @ claim.F)
        for k, W in enumerate(layers)
    ]
    jacobian = np.hstack([part.reshape(E.size, W.size) for part, W in zip(parts, layers, strict=True)])
    H = jacobian.T @ jacobian + claim.lam * np.eye(int(ends[-1]))
    for i in range(1, len(layers)):
        for j in range(i):
            between = product_of([np.eye(len(layers[j])), *layers[j + 1 : i]])
            outer = below_of(layers, j) @ claim.F @ E.T @ product_of([np.eye(len(layers[i])), *layers[i + 1 :]])
            block = np.einsum("bc,da->abcd", between, outer).reshape(layers[i].size, layers[j].size)
            H[ends[i] : ends[i + 1], ends[j] : ends[j + 1]] += block
            H[ends[j] : ends[j + 1], ends[i] : ends[i + 1]] += block.T
    return np.asarray(H)
