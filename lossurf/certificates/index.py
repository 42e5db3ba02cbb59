"""A Morse index derived again: its ranks from the layers, the number from its formula, and the directions it counts.

Theory, section 10. Written for verification alone: products and singular values of `PlainNetwork`, and the form by two
passes of plain products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from lossurf.certificates.check import Check, at_most
from lossurf.certificates.claim import Claim
from lossurf.certificates.plain_network import PlainNetwork, singular_values
from lossurf.certificates.rounding import TWICE
from lossurf.decompositions import svd
from lossurf.numerics import EPS, Matrix

_WORST_GRAM: Final = 0.5  # orthonormal directions have 1; what rounding leaves of them is far above a half


def index_checks(claim: Claim) -> Iterator[Check]:
    """Check everything that a certificate says about how many directions lead down.

    Parameters
    ----------
    claim : Claim
    """
    said, has_directions = claim.said.get("index"), "D1" in claim.stored.arrays
    if said is None:
        if has_directions:
            yield Check("index-directions", False)
        return
    yield Check("index-kind", claim.said["claim"] == "strict-saddle")
    yield at_most("index-resolution", float(said["resolution"]), claim.tau, over=-EPS)
    tables = [_Table(claim, network, float(said["resolution"])) for network in claim.networks]
    table = min(tables, key=lambda table: table.worst(said["ranks"]))  # no gradient told one gauge from the other
    yield from table.checks(said["ranks"])
    yield Check("index", table.negative() == said["negative"], float(table.negative()), float(said["negative"]))
    if has_directions:
        yield from _directions(claim, int(said["negative"]))


class _Table:
    """Ranks at the claim's tolerance, by pairs of layers."""

    def __init__(self, claim: Claim, network: PlainNetwork, resolution: float) -> None:
        self._claim, self._network, self._resolution = claim, network, resolution
        self._ratios: dict[tuple[str, int, int], Matrix] = {}
        for i in range(1, network.depth + 1):
            for j in range(i):
                values = singular_values(network.product(i + 1, j))
                self._ratios["product", i, j + 1] = _over(values, network.change(i + 1, j))
        for i in range(2, network.depth + 1):
            for j in range(1, i):
                values = singular_values(network.residual_block(i, j))
                ratios = _over(values, network.residual_change(i, j))
                error = resolution * network.norm(network.depth + 1, i) * network.norm(j, 0)
                if (
                    np.max(ratios, initial=0.0) > claim.tau
                ):  # of a block that is zero only where it ceases to be matters
                    ratios = np.where(values > error, ratios, 0.0)
                self._ratios["residual", i, j] = ratios

    def rank(self, factor: str, i: int, j: int) -> int:
        """Of W_i ... W_j or E_ij; 0 outside."""
        return int(np.sum(self._ratios.get((factor, i, j), np.zeros(0)) > self._claim.tau))

    def checks(self, said: Sequence[dict[str, Any]]) -> Iterator[Check]:
        """Hold every rank and its margin against those that are said."""
        named = {(rank["factor"], *rank["layers"]): rank for rank in said}
        yield Check("index-ranks-complete", set(named) == set(self._ratios) and len(named) == len(said))
        ranks = [self.rank(*key) == rank["rank"] for key, rank in named.items()]
        yield Check("index-ranks", all(ranks), float(sum(ranks)), float(len(ranks)))
        off = self.worst(said)
        inverse = float(np.divide(1.0, self._claim.tau))  # a forged tolerance of zero is refused by a check of its own
        yield at_most("index-margins", off, self._claim.relative * (1.0 + inverse))

    def worst(self, said: Sequence[dict[str, Any]]) -> float:
        """How far the margins are from those that are said, at most."""
        return max((self._off((rank["factor"], *rank["layers"]), rank.get("margin")) for rank in said), default=0.0)

    def _off(self, key: tuple[str, int, int], margin: float | None) -> float:
        """How far a margin is from that of the singular values here, relative to it.

        One of more than three digits below the tolerance is rounding, which another order of operations changes.
        """
        tau = self._claim.tau
        ratios = self._ratios.get(key, np.zeros(0))
        ratios = ratios[(ratios > 0.0) & np.isfinite(ratios)] / tau
        found = float(np.min(np.maximum(ratios, 1.0 / ratios))) if ratios.size else np.inf
        claimed = np.inf if margin is None else float(margin)
        if min(found, claimed) < 1.0:
            return np.inf
        return 0.0 if min(found, claimed) > 1.0 / self._claim.relative else abs(1.0 / found - 1.0 / claimed)

    def negative(self) -> int:
        """Negative squares: inversions of the eigenvalues, and what the tails give."""
        network, r = self._claim.network, int(self._claim.said["rank"])
        N = network.depth
        if N == 1:
            return 0
        widths = [network.layers[0].shape[1], *map(len, network.layers)]

        def t(s: int, u: int) -> int:
            if s < 0 or u > N or (s, u) == (0, N):
                return 0
            return widths[s] - r if s == u else max(self.rank("product", u, s + 1) - r, 0)

        def e(i: int, j: int) -> int:
            return self.rank("residual", i, j)

        total = self._inversions(r)
        for s in range(N + 1):
            for u in range(s, N + 1):
                intervals = t(s, u) - t(s - 1, u) - t(s, u + 1) + t(s - 1, u + 1)
                total += intervals * e(min(u + 1, N), max(s, 1))
        for k in range(N):
            seen = e(N, k + 1) - e(N, k + 2)
            total -= seen * e(min(k + 1, N), 1)  # the sum of e(f, 1) - e(f - 1, 1) over f <= k + 1
        return total

    def _inversions(self, rank: int) -> int:
        """Pairs of a direction that P carries and one it leaves out that is worth more.

        Equal ones are taken together: which of their combinations P carries makes no difference, and P, which is
        critical to tau, carries one with as little of the others.
        """
        network = self._network
        left = svd(network.product(network.depth + 1, 0))[0][:, :rank]
        u, s, _ = svd(network.T)
        s = np.append(s, np.zeros(len(u) - len(s)))
        shares, found, above = np.sum((u.T @ left) ** 2, axis=1), 0, 0
        ends = np.flatnonzero(np.append(-np.diff(s) > self._resolution + self._claim.relative, True)) + 1
        for start, stop in pairwise([0, *ends.tolist()]):
            carried = round(float(np.sum(shares[start:stop])))
            found += carried * above
            above += stop - start - carried
        return found


def _over(values: Matrix, change: float) -> Matrix:
    if change == 0.0:
        return np.where(values > 0.0, np.inf, 0.0)
    return np.asarray(values / change)


def _directions(claim: Claim, count: int) -> Iterator[Check]:
    """Check that the directions are independent and that the form is negative definite on them, above its rounding.

    Each is measured along itself, so that no unit of a layer makes it small: with S_pq = B_pq / sqrt(B_pp B_qq), the
    form is negative definite where the largest eigenvalue of S, with the error of S, is below 0.
    """
    rows = claim.stored.listed("D")
    yield Check("index-directions", len(rows[0]) == count, float(len(rows[0])), float(count))
    if not count or len(rows[0]) != count:
        yield Check("index-definite", False)
        return
    gram = sum((layer @ layer.T for layer in rows), np.zeros((count, count)))
    least = float(np.linalg.eigvalsh(gram)[0]) if np.isfinite(gram).all() else -np.inf
    yield Check("index-independent", bool(least > _WORST_GRAM), least, _WORST_GRAM)
    readings = [_largest(claim, rows, weights) for weights in (claim.weights, claim.read)]
    yield at_most("index-definite", min(readings), 0.0)


def _largest(claim: Claim, rows: Sequence[Matrix], weights: Sequence[Matrix]) -> float:
    """Return an upper bound of the largest eigenvalue of S; infinite where a direction does not lead down."""
    scale, count = claim.scale, len(rows[0])
    layers = [weights[0] / scale, *weights[1:]]
    moves = [
        [rows[k][p].reshape(W.shape) / (scale if k == 0 else 1.0) for k, W in enumerate(layers)] for p in range(count)
    ]
    form, terms = np.zeros((count, count)), np.zeros((count, count))
    for q, move in enumerate(moves):
        image, sizes = _product_with_hessian(layers, move, claim.R11, claim.T / scale)
        for p, other in enumerate(moves):
            form[p, q] = sum(float(np.sum(V * H)) for V, H in zip(other, image, strict=True))
            terms[p, q] = sum(float(np.sum(np.abs(V) * H)) for V, H in zip(other, sizes, strict=True))
    lengths = np.sqrt(np.maximum(-np.diag(form), 0.0))
    if not (np.isfinite(form).all() and np.isfinite(terms).all() and np.min(lengths) > 0.0):
        return np.inf
    outer = np.outer(lengths, lengths)
    error = TWICE * claim.rounding.own * float(np.linalg.norm((terms + terms.T) / outer))
    return float(np.linalg.eigvalsh(0.5 * (form + form.T) / outer)[-1]) + error + count * count * EPS


def _product_with_hessian(
    weights: Sequence[Matrix], direction: Sequence[Matrix], R11: Matrix, T: Matrix
) -> tuple[list[Matrix], list[Matrix]]:
    """H v of 1/2 ||W_N ... W_1 R11^T - T||^2 by layers, and the sums of the sizes of its terms."""
    h, r, a, b = [R11.T], [0.0 * R11.T], [np.abs(R11.T)], [0.0 * R11.T]
    for W, V in zip(weights, direction, strict=True):
        r.append(W @ r[-1] + V @ h[-1])
        b.append(np.abs(W) @ b[-1] + np.abs(V) @ a[-1])
        h.append(W @ h[-1])
        a.append(np.abs(W) @ a[-1])
    E, s, E_size, s_size = h[-1] - T, r[-1], a[-1] + np.abs(T), b[-1]
    image, sizes = [], []
    for k in range(len(weights) - 1, -1, -1):
        W, V = weights[k], direction[k]
        image.append(s @ h[k].T + E @ r[k].T)
        sizes.append(s_size @ a[k].T + E_size @ b[k].T)
        s, s_size = W.T @ s + V.T @ E, np.abs(W).T @ s_size + np.abs(V).T @ E_size
        E, E_size = W.T @ E, np.abs(W).T @ E_size
    return image[::-1], sizes[::-1]
