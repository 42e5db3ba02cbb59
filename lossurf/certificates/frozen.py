"""Claims about the trained layers beside frozen ones derived again: what the loss sees of them, by plain products.

With the frozen block between the trained layers i and i + 1 as B_{i+1} A_i, the product of all layers is that of
S_i = A_i W B_i, which are free where A_i has full row rank and B_i full column rank. Of frozen last layers B_{n+1} is
orthonormal, so that the loss is that in its coordinates and a constant; frozen first layers belong to the data. A
block's two factors share its singular values alike, so that no choice of them makes a relative change of a layer small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from lossurf.certificates.check import Check, at_most
from lossurf.certificates.plain import PlainClaim, layer_checks, plain_checks
from lossurf.certificates.plain_network import norm, singular_values
from lossurf.certificates.rounding import TWICE
from lossurf.certificates.stored import StoredCertificate, held_layers
from lossurf.certificates.tolerance import stored_tolerance
from lossurf.numerics import EPS, Matrix, frobenius_norm, rank_threshold

_FACTORED: Final = 30.0
"""Times order * eps: the error of a singular value decomposition and of its factors' product, the constant of the bound
being known to a decimal digit (Higham 2002, section 19.3)."""

_NOT_SEEN: Final = "WbAB"
_AS_SEEN: Final = {"S": "W", "c": "b"}


def seen_part(stored: StoredCertificate) -> StoredCertificate:
    """Return the claim about the trained layers alone, as the loss sees them: W_i is S_i, and b_i is c_i.

    Its layers and data say no shapes; `FrozenClaim` holds those of what is stored.
    """
    arrays = {
        _AS_SEEN.get(name[0], name[0]) + name[1:]: array
        for name, array in stored.arrays.items()
        if name[0] not in _NOT_SEEN
    }
    depth = held_layers(stored.claim).count(False)
    layers = [{"norm": float(np.linalg.norm(arrays[f"W{i}"]))} for i in range(1, depth + 1)]
    data = {key: value for key, value in stored.claim["data"].items() if key not in ("dx", "dy")}
    widths = [arrays["R11"].shape[1], *(len(arrays[f"W{i}"]) for i in range(1, depth + 1))]
    claim = {**stored.claim, "layers": layers, "data": data, "rank_max": min(widths)}
    return StoredCertificate(stored.name, claim, arrays, depth)


@dataclass(frozen=True)
class Layers:
    """Layers in a row: their product, and bounds of its rounding.

    Attributes
    ----------
    product, sizes : ndarray
        Of the layers, and of their absolute values.
    """

    product: Matrix
    sizes: Matrix
    order: int
    count: int

    @classmethod
    def of(cls, weights: Sequence[Matrix]) -> Layers:
        """Multiply."""
        product, sizes = weights[0], np.abs(weights[0])
        for W in weights[1:]:
            product, sizes = W @ product, np.abs(W) @ sizes
        return cls(product, sizes, sum(max(W.shape) for W in weights), len(weights))

    @cached_property
    def rounding(self) -> float:
        """Singular values up to this are none: rounding of the product, or of its SVD where it is one layer."""
        return rank_threshold(norm(self.product) if self.count == 1 else frobenius_norm(self.sizes), self.order)


class FrozenClaim:
    """A stored claim about the layers that are not frozen."""

    gap_is_bound: Final = False

    def __init__(self, stored: StoredCertificate) -> None:
        self.stored, self.said, self.weights = stored, stored.claim, stored.listed("W")
        self.tau, self.held = float(self.said["tolerance"]), held_layers(stored.claim)
        self.places = [k for k, is_held in enumerate(self.held) if not is_held]
        self.seen = PlainClaim(seen_part(stored), turned=self._turned())

    @property
    def gap(self) -> float:
        """L - L* with these layers frozen, computed again, in the units of the data."""
        return self.seen.gap

    @cached_property
    def default_tau(self) -> float:
        """That of the trained layers' dtypes, times the most that frozen ones make of a relative change.

        It is the one that is claimed where the two differ by rounding.
        """
        stretch = np.max([self._stretch(i) for i in range(1, len(self.places) + 1)])
        trained: list[Mapping[str, Any]] = [self.said["layers"][k] for k in self.places]
        found = stored_tolerance(trained) * (float(stretch) if np.isfinite(stretch) else 1.0)
        found = min(found, 1.0)
        order = sum(sum(W.shape) for W in self.weights)
        return self.tau if abs(found - self.tau) <= TWICE * rank_threshold(found, order) else found

    def checks(self) -> Iterator[Check]:
        """Yield what the claim says, computed again."""
        yield from layer_checks(self.weights, self.said, {"dx": self.weights[0].shape[1], "dy": len(self.weights[-1])})
        yield from self._blocks()
        yield self._seen_layers()
        yield self._seen_biases()
        yield self._rank_max()
        yield from plain_checks(self.seen)

    def _turned(self) -> float:
        """Sine of the angle by which rounding turns what frozen last layers reach of the outputs, at most 1."""
        A, B = self._map("A", len(self.places)), self._map("B", len(self.places) + 1)
        if A is None or B is None or B.shape[0] == B.shape[1]:
            return 0.0
        smallest = float(singular_values(A)[-1])
        return min(_share(Layers.of(self.weights[self.places[-1] + 1 :]).rounding, smallest), 1.0)

    def _map(self, letter: str, i: int) -> Matrix | None:
        return self.stored.arrays.get(f"{letter}{i}")

    def _is_mapped(self, i: int) -> bool:
        return self._map("A", i) is not None or self._map("B", i) is not None

    def _trained(self, i: int) -> tuple[Matrix, Matrix, float]:
        """A_i W B_i, the same of absolute values, and the product of their spectral norms."""
        W = self.weights[self.places[i - 1]]
        found, sizes, reach = W, np.abs(W), norm(W)
        if (A := self._map("A", i)) is not None:
            found, sizes, reach = A @ found, np.abs(A) @ sizes, norm(A) * reach
        if (B := self._map("B", i)) is not None:
            found, sizes, reach = found @ B, sizes @ np.abs(B), reach * norm(B)
        return found, sizes, reach

    def _stretch(self, i: int) -> float:
        """How much larger a relative change of the i-th trained layer may be as it is seen."""
        size = norm(self.stored.arrays[f"S{i}"])
        if size == 0.0 or not self._is_mapped(i):
            return 1.0
        return self._trained(i)[2] / size

    def _blocks(self) -> Iterator[Check]:
        """Hold the factors of every frozen block behind a trained layer to what makes the seen layers free."""
        off, uneven, least = [0.0], [0.0], [np.inf]  # not their largest so far: what is not a number is to show
        for i, place in enumerate(self.places, 1):
            A, B = self._map("A", i), self._map("B", i + 1)
            if A is None or B is None:
                continue
            is_last = i == len(self.places)
            block = Layers.of(self.weights[place + 1 : None if is_last else self.places[i]])
            largest, order = norm(block.product), sum(A.shape) + sum(B.shape)
            off.append(_share(norm(B @ A - block.product), _FACTORED * block.rounding))
            other, size = (np.eye(B.shape[1]), 1.0) if is_last else (A @ A.T, largest)
            uneven.append(_share(norm(B.T @ B - other), _FACTORED * rank_threshold(size, order)))
            smallest = float(singular_values(A)[-1]) * (1.0 if is_last else float(singular_values(B)[-1]))
            enough = len(A) <= min(A.shape[1], len(B))
            least.append(_share(smallest, block.rounding) if enough else 0.0)
        yield at_most("frozen-blocks", float(np.max(off)), 1.0)
        yield at_most("frozen-factors", float(np.max(uneven)), 1.0)
        yield Check("frozen-rank", bool(np.min(least) >= 1.0 / TWICE), float(np.min(least)), 1.0 / TWICE)

    def _seen_layers(self) -> Check:
        """Hold every S_i to A_i W B_i, entry by entry; one that frozen layers do not let through is zero."""
        shares = []
        for i in range(1, len(self.places) + 1):
            found, sizes, reach = self._trained(i)
            S = self.stored.arrays[f"S{i}"]
            order = sum(found.shape) + sum(self.weights[self.places[i - 1]].shape)
            share = _shares(np.abs(S - found), TWICE * order * EPS * sizes)
            if not S.any():
                share = min(share, _share(norm(found), TWICE * rank_threshold(reach, order)))
            elif self._is_mapped(i) and norm(S) <= rank_threshold(reach, order) / TWICE / TWICE:
                share = np.inf  # rounding, which would make any tolerance that of the layer
            shares.append(share)
        return at_most("seen-layers", float(np.max(shares)), 1.0)

    def _seen_biases(self) -> Check:
        """Hold every c_i to A_i b, and the last to what frozen biases in between add to it as well."""
        shares = [0.0]
        for i, place in enumerate(self.places, 1):
            b, c = self.stored.arrays.get(f"b{place + 1}"), self.stored.arrays.get(f"c{i}")
            if (b is None) != (c is None):
                return Check("seen-biases", False)
            if b is None or c is None:
                continue
            sizes = np.abs(b)
            if i == len(self.places):
                between, terms = self._between()
                b, sizes = b + between, sizes + terms
            A = self._map("A", i)
            b, sizes = (b, sizes) if A is None else (A @ b, np.abs(A) @ sizes)
            order = sum(map(len, self.weights)) + self.weights[0].shape[1]
            shares.append(_shares(np.abs(c - b), TWICE * order * EPS * sizes))
        return at_most("seen-biases", float(np.max(shares)), 1.0)

    def _between(self) -> tuple[Matrix, Matrix]:
        """Return what frozen biases between trained layers add to the last one's output, and its terms' sizes."""
        first, last = self.places[0], self.places[-1]
        found = np.zeros(self.weights[first].shape[1])
        terms = found
        for k in range(first, last + 1):
            bias = self.stored.arrays.get(f"b{k + 1}") if self.held[k] else None
            found, terms = self.weights[k] @ found, np.abs(self.weights[k]) @ terms
            if bias is not None:
                found, terms = found + bias, terms + np.abs(bias)
        return found, terms

    def _rank_max(self) -> Check:
        """Hold the highest rank to the widths and the rank of frozen first layers, which rounding may leave open."""
        low = high = int(self.seen.said["rank_max"])
        if self.places[0]:
            first = Layers.of(self.weights[: self.places[0]])
            s = singular_values(first.product)
            low = min(low, int(np.sum(s > TWICE * first.rounding)))
            high = min(high, int(np.sum(s > first.rounding / TWICE)))
        said = int(self.said["rank_max"])
        return Check("frozen-rank-max", low <= said <= high, float(said), float(high))


def _share(size: float, bound: float) -> float:
    """Size as a share of its bound; infinite where the bound is 0 and the size is not."""
    return 0.0 if size == 0.0 else size / bound if bound else np.inf


def _shares(off: Matrix, bounds: Matrix) -> float:
    """Largest of them."""
    shares = np.divide(off, bounds, out=np.where(off == 0.0, 0.0, np.inf), where=bounds > 0.0)
    return float(np.max(shares, initial=0.0))
