"""Claims about a tied autoencoder, 1/2 ||W^T W X - X||^2, derived again: eigenvectors, products, closed forms. Own path.

The certificate names an orthonormal basis Q, which must diagonalise X X^T = R11^T R11; everything else is computed from
W Q. The exactly critical point beside W is built again and held against the one that is named, so that neither it nor
a count can be another.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np

from lossurf.certificates.check import Check, above, at_most
from lossurf.certificates.nearest import FARTHEST
from lossurf.certificates.stored import StoredCertificate
from lossurf.certificates.tied_point import Along, ExactPoint, Spectrum, gradient_range
from lossurf.certificates.tolerance import stored_tolerance
from lossurf.numerics import EPS, LARGEST_TOLERANCE, UNDECIDED_FACTOR, Matrix, column_norms, frobenius_norm
from lossurf.numerics import rank_threshold as rounding_of

_TWICE: Final = 4.0
"""The two computations err apart, and each by as much again for what its bound leaves out."""

_NEGLECTED: Final = 100
"""Times eps: what LAPACK's SVD of any order may leave off the diagonal (TOLMUL of dbdsqr, which is at most that)."""

_LARGEST: Final = 1e60  # of W: its fourth power stays in the range of float64
_LARGEST_HESSIAN: Final = 300  # entries of W up to which its Hessian is formed as well: 15 ms
_TURNING: Final = float(np.sqrt(2.0))  # weight on unseen inputs from which on an idle unit leads nowhere


class TiedClaim:
    """A stored claim in the coordinates C = W Q, the largest singular value of X being 1."""

    gap_is_bound: Final = False

    def __init__(self, stored: StoredCertificate) -> None:
        self.stored, self.said = stored, stored.claim
        self.told: dict[str, Any] = self.said["tied"]
        self.weights = [stored.arrays["W1"]]
        self.W, self.R11, self.Q = stored.arrays["W1"], stored.arrays["R11"], stored.arrays["Q"]
        self.tau, self.default_tau = float(self.said["tolerance"]), stored_tolerance(self.said["layers"])
        self.order = _NEGLECTED + 1 + 2 * self.W.shape[1] + len(self.W)
        self.unit = float(np.linalg.norm(self.R11, 2)) if self.R11.size else 0.0
        self.unit = self.unit or 1.0

    @property
    def in_range(self) -> bool:
        """Whether no product of these matrices leaves the range of float64."""
        largest = max(float(np.max(np.abs(self.stored.arrays[name]), initial=0.0)) for name in self._names)
        return bool(largest <= _LARGEST and np.isfinite(self.unit) and np.isfinite(self.R11 / self.unit).all())

    @property
    def _names(self) -> list[str]:
        return [name for name in self.stored.arrays if name != "R11"]

    @cached_property
    def images(self) -> Matrix:
        """R11 Q in its own units: orthogonal columns, where Q are eigenvectors."""
        return np.asarray((self.R11 / self.unit) @ self.Q)

    @cached_property
    def values(self) -> Matrix:
        """Their lengths, the roots of the eigenvalues."""
        return column_norms(self.images) if len(self.R11) else np.zeros(self.Q.shape[1])

    @cached_property
    def spectrum(self) -> Spectrum:
        """The eigenvalues as they are said to be told apart."""
        ends = np.cumsum([0, *self.told["eigenvalues"]])
        groups = tuple(slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True))
        s = np.where(np.arange(self.Q.shape[1]) < ends[-1], self.values, 0.0)
        return Spectrum(s, rounding_of(1.0, 1 + 2 * len(s)), groups)

    @cached_property
    def C(self) -> Matrix:  # noqa: N802  # the symbol of the formulas
        """W Q."""
        return np.asarray(self.W @ self.Q)

    @cached_property
    def norm(self) -> float:
        """||W||_2."""
        return float(np.linalg.norm(self.W, 2))

    @property
    def size(self) -> float:
        """What a relative change of W refers to: 1 is the length of a row that carries an eigenvector."""
        return max(self.norm, 1.0)

    @cached_property
    def gradient(self) -> tuple[float, float]:
        """Bounds of the criticality measure."""
        return gradient_range(self.stored.arrays["U"].T @ self.C, self.spectrum, self.size, self.norm)

    @cached_property
    def loss(self) -> tuple[float, float]:
        """L of W by plain products, in squared units, and its rounding.

        Whoever computes it in the eigenvectors rounds W there, where it is large on what X lacks too.
        """
        R = (self.R11 / self.unit).T
        off = self.W.T @ (self.W @ R) - R
        sizes = (float(np.sum(self.W**2)) + 1.0) * float(np.linalg.norm(R))
        length, error = float(np.linalg.norm(off)), rounding_of(sizes, self.order)
        return 0.5 * length * length, (length + error) * error + rounding_of(length * length, self.order)

    @cached_property
    def least(self) -> tuple[float, float]:
        """L*: half the sum of the eigenvalues that so many units leave out, and its error."""
        left = self.values[: len(self.R11)][len(self.W) :]
        error = _TWICE * self.spectrum.rounding
        return 0.5 * float(np.sum(left**2)), float(np.sum(left)) * error + 0.5 * left.size * error**2

    @property
    def gap(self) -> float:
        """L - L*, in the units of the data."""
        if not self.in_range:
            return float("nan")
        return self.unit * (self.unit * max(self.loss[0] - self.least[0], 0.0))

    @cached_property
    def point(self) -> ExactPoint:
        """The exactly critical point beside W."""
        return ExactPoint(self.C, self.spectrum, tuple(self.told["carried"]))

    @property
    def blurred(self) -> int:
        """Eigenvectors that X has by its rank and whose eigenvalues are rounding of the largest."""
        return len(self.R11) - self.spectrum.seen

    @property
    def is_best(self) -> bool:
        """Whether the point carries all that so many units can, and the largest."""
        return not self.point.inversions and self.point.rank == min(len(self.W), len(self.R11))

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""
        yield Check("range", self.in_range)
        if not self.in_range:
            return
        yield from _layer(self)
        spectrum = tuple(_spectrum(self))
        yield from spectrum
        if not all(check.ok for check in spectrum):
            return  # nothing more can be computed in a basis that is none
        yield from _numbers(self)
        yield from _critical(self) if self.said["claim"] != "not-critical" else _not_critical(self)


def _layer(claim: TiedClaim) -> Iterator[Check]:
    """Yield that the matrix and the data are as long and as wide as they are said to be."""
    (layer,), (rank, dx) = claim.said["layers"], claim.R11.shape
    found, said = frobenius_norm(claim.W), float(layer["norm"])
    yield at_most("weights", abs(found - said), _TWICE * EPS * claim.W.size * max(found, said))
    data, shape = claim.said["data"], list(claim.W.shape)
    sizes = all(data.get(key, size) == size for key, size in (("dx", dx), ("dy", dx), ("rank_x", rank)))
    yield Check("shapes", layer.get("shape", shape) == shape and sizes)


def _spectrum(claim: TiedClaim) -> Iterator[Check]:
    """Yield that Q are eigenvectors in order, and that their eigenvalues are told apart as they can be."""
    told, (rank, dx) = claim.told, claim.R11.shape
    e, orthonormal = rounding_of(1.0, 1 + 2 * dx), _TWICE * rounding_of(1.0, claim.order)
    yield Check("inputs-rank", _independent(claim.R11))
    yield at_most("eigenvectors", _off_orthonormal(claim.Q), orthonormal)
    yield at_most("hidden-basis", _off_orthonormal(claim.stored.arrays["U"]), orthonormal)
    s, sizes = claim.values, told["eigenvalues"]
    yield at_most("eigenvalues", _off_diagonal(claim.images.T, s, _TWICE * rounding_of(1.0, claim.order)), 1.0)
    seen = sum(sizes)
    if not (all(size > 0 for size in sizes) and seen <= rank):
        yield Check("eigenvalues-told-apart", False, float(seen), float(rank))
        return
    # singular values closer than ten times their rounding count as one; each of two computations has that rounding
    steps, between = s[:-1] - s[1:], np.isin(np.arange(1, dx), np.cumsum(sizes))[: dx - 1]
    least, most = (UNDECIDED_FACTOR - _TWICE) * e, (UNDECIDED_FACTOR + _TWICE) * e
    inside = np.arange(1, dx) < seen
    ordered = float(np.max(-steps, initial=0.0)) <= _TWICE * e and float(np.max(s[rank:], initial=0.0)) <= _TWICE * e
    yield Check("eigenvalues-in-order", ordered)
    apart = bool(np.all(steps[inside & between] > least) and np.all(steps[inside & ~between] <= most))
    seen_ones = bool(np.all(s[:seen] > least) and np.all(s[seen:] <= most))
    yield Check("eigenvalues-told-apart", apart and seen_ones, float(seen), float(rank))
    image = (claim.stored.arrays["U"].T @ claim.C) * claim.spectrum.s
    lengths = np.linalg.norm(image, axis=1)
    error = _TWICE * rounding_of(float(np.linalg.norm(image)), claim.order)
    yield at_most("hidden-basis-of-w", _off_diagonal(image, lengths, error), 1.0)


def _independent(R11: Matrix) -> bool:
    """Whether the rows of R11 are independent, its columns having norm 1: the rank of X is their number."""
    norms = column_norms(R11) if len(R11) else np.zeros(R11.shape[1])
    values = np.linalg.svd(np.divide(R11, norms, out=np.zeros_like(R11), where=norms > 0.0), compute_uv=False)
    return bool(len(R11) <= R11.shape[1] and (not values.size or values[-1] > EPS * values[0]))


def _off_orthonormal(basis: Matrix) -> float:
    return float(np.max(np.abs(basis.T @ basis - np.eye(len(basis))), initial=0.0))


def _off_diagonal(rows: Matrix, lengths: Matrix, error: float) -> float:
    """How far rows are from being orthogonal, as a share of what an error of each explains."""
    gram = np.abs(rows @ rows.T)
    bounds = error * (lengths[:, None] + lengths + error)
    shares = np.divide(gram, bounds, out=np.where(gram > 0.0, np.inf, 0.0), where=bounds > 0.0)
    return float(np.max(shares - np.diag(np.diag(shares)), initial=0.0))


def _numbers(claim: TiedClaim) -> Iterator[Check]:
    """Yield the loss, L*, the gradient and the ranks, and that nothing is said that does not belong to the verdict."""
    said, square = claim.said, claim.unit * claim.unit
    yield Check("residual-loss", said["residual_loss"] == 0.0, float(said["residual_loss"]), 0.0)
    for name, (value, error) in (("loss", claim.loss), ("optimal-loss", claim.least)):
        off = abs(claim.unit * (claim.unit * value) - float(said[name.replace("-", "_")]))
        least = _TWICE * float(np.finfo(np.float64).smallest_subnormal)
        yield at_most(name, off, _TWICE * (square * error + EPS * square * value) + least)
    low, high = claim.gradient
    own = _TWICE * rounding_of(1.0, claim.order)
    gradient = float(said["gradient"])
    yield Check("gradient-claimed", low - own <= gradient <= high + own and gradient >= 0.0, gradient, high + own)
    values, threshold = np.linalg.svd(claim.W, compute_uv=False), claim.tau * claim.size
    known = _TWICE * rounding_of(claim.norm, claim.order)
    fewest, most = int(np.sum(values > threshold + known)), int(np.sum(values > threshold - known))
    yield Check("rank", fewest <= said["rank"] <= most, float(most), float(said["rank"]))
    narrowest = min(claim.W.shape)
    yield Check("rank-max", narrowest == said["rank_max"], float(narrowest), float(said["rank_max"]))
    unseen = claim.R11.shape[1] - len(claim.R11)
    found = claim.told["unseen_inputs"]
    yield Check("unseen-inputs", unseen == found, float(unseen), float(found))
    yield Check("belongs", _belongs(claim))


def _belongs(claim: TiedClaim) -> bool:
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


def _not_critical(claim: TiedClaim) -> Iterator[Check]:
    yield Check("kind", claim.said["kind"] == "gradient")
    yield above("not-critical", claim.gradient[1], claim.tau)


def _critical(claim: TiedClaim) -> Iterator[Check]:
    """Yield that the exact point is there, near and critical, its counts, and what makes it of the kind it is said to be."""
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
    yield Check("symmetries", point.symmetries == told["symmetries"], float(point.symmetries), float(told["symmetries"]))
    yield at_most("idle-weights", _off_weights(claim), _TWICE * rounding_of(claim.size, claim.order))
    yield from _signs(claim)
    by_claim = {"global-minimum": _minimum, "strict-saddle": _strict, "local-minimum": _local}
    yield from by_claim[str(claim.said["claim"])](claim) if claim.said["claim"] in by_claim else (Check("kind", False),)


def _off_weights(claim: TiedClaim) -> float:
    found, said = claim.point.idle_weights, np.asarray(claim.told["idle_weights"], dtype=np.float64)
    return float(np.max(np.abs(found - said), initial=0.0)) if found.shape == said.shape else np.inf


def _nearest(claim: TiedClaim) -> Iterator[Check]:
    """Hold the exact point to both: the one that is nearest to W, no farther than a verdict may speak of, and critical."""
    point, said, N = claim.point, claim.said["nearest"], claim.stored.arrays["N1"]
    length = max(frobenius_norm(claim.W), 1.0)
    known = _TWICE * UNDECIDED_FACTOR * rounding_of(1.0, claim.order)
    yield at_most("nearest-point", frobenius_norm(N @ claim.Q - point.coordinates) / length, known)
    distance = frobenius_norm(N - claim.W) / length
    yield at_most("nearest-distance-claimed", abs(distance - float(said["distance"])), known)
    yield at_most("nearest-distance", distance, FARTHEST * point.amplification * claim.tau + known)
    seen = slice(0, claim.spectrum.seen)
    moved = frobenius_norm((point.coordinates - claim.C)[:, seen])
    yield at_most("nearest-seen", moved, LARGEST_TOLERANCE)
    yield at_most("nearest-gradient-claimed", float(said["gradient"]), known, over=-EPS)
    slope, terms = point.gradient()
    yield at_most("nearest-critical", slope, UNDECIDED_FACTOR * rounding_of(terms, claim.order))


def _turning(claim: TiedClaim) -> float:
    """How far the idle weights are from sqrt 2, relative to W; infinite where no sign depends on it."""
    weights = claim.point.idle_weights
    return float(np.min(np.abs(weights - _TURNING))) / claim.size if weights.size and claim.point.left else np.inf


def _signs(claim: TiedClaim) -> Iterator[Check]:
    """Hold the counts against the closed form, and against the eigenvalues of a dense Hessian where W is small."""
    told = [claim.told.get(key) for key in ("negative", "zero", "positive")]
    turning, close = _turning(claim), _TWICE * rounding_of(1.0, claim.order)
    known = not (claim.blurred and claim.point.idle)
    if told == [None, None, None]:
        yield Check("signs", not known or turning <= claim.tau + close)
        return
    yield Check("signs", known and turning > claim.tau - close and told == list(claim.point.signs))
    if claim.W.size > _LARGEST_HESSIAN or None in told:
        return
    values = np.linalg.eigvalsh(claim.point.hessian())
    rounding = UNDECIDED_FACTOR * rounding_of(float(np.max(np.abs(values))), claim.W.size)
    down, up = int(np.sum(values < -rounding)), int(np.sum(values > rounding))
    yield Check("signs-of-the-hessian", down <= told[0] and up <= told[2], float(down), float(told[0]))


def _minimum(claim: TiedClaim) -> Iterator[Check]:
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
    error = claim.least[1] + _TWICE * claim.spectrum.rounding * (float(s[r - 1]) + below) + EPS * level
    off = abs(claim.unit * (claim.unit * level) - float(following))
    yield at_most("next-level", off, _TWICE * claim.unit * claim.unit * error)


def _strict(claim: TiedClaim) -> Iterator[Check]:
    said, point, square = claim.said, claim.point, claim.unit * claim.unit
    yield Check("kind", said["kind"] == "hessian")
    if not point.inversions:  # it leads down as long as an idle unit's weight is below sqrt 2
        least = float(np.min(point.idle_weights, initial=_TURNING))
        yield above("idle-weight-below", (_TURNING - least) / claim.size if point.left else 0.0, claim.tau)
    V = claim.stored.arrays["V1"]
    yield at_most("direction", abs(frobenius_norm(V) - 1.0), _TWICE * EPS * V.size)
    along = Along.of(point.coordinates, np.asarray(V @ claim.Q), claim.spectrum)
    form, error = along.curvature
    yield Check("curvature", form < -error, form, -error)
    off = abs(square * form - float(said["curvature"]))
    yield at_most("curvature-claimed", off, _TWICE * square * (error + EPS * abs(form)))
    fall, error = along.fall(float(said["step"]))
    yield above("descends", fall, error)
    off = abs(square * fall - float(said["loss_decrease"]))
    yield at_most("descent-claimed", off, _TWICE * square * (error + EPS * abs(fall)))


def _local(claim: TiedClaim) -> Iterator[Check]:
    point = claim.point
    yield Check("kind", claim.said["kind"] == "inertia")
    yield Check("left-out", point.left > 0 and not claim.blurred, float(point.left), 0.0)
    yield Check("no-exchange", point.inversions == 0, float(point.inversions), 0.0)
    least = float(np.min(point.idle_weights, initial=np.inf)) if point.idle else 0.0
    yield above("idle-weight-above", (least - _TURNING) / claim.size, claim.tau)
