"""Both ends at critical points that keep their samples apart: from matrices of the order of the rank, without H itself.

In the bases of `triangular_bases` let only the first r rows and columns of the hidden nodes, of W_2..W_N and none of
those of E be other than zero, as at a critical point of layers of rank r, and X = diag(F, G) keep the r samples and the
others apart, as white inputs do, and those of an autoencoder. Then x^T H x = ||J x||^2 + 2 <E, V_N M V_1 X>, M =
W_{N-1}...W_2, is a sum of forms in other parameters each:

    ||sum_k A_k V_k h_{k-1}||^2 of the first r rows and columns, whose J J^T = sum_k A_k A_k^T x h_{k-1}^T h_{k-1} has
    the order r^2 (of fewer outputs than parameters: 0 is an eigenvalue);
    ||A_1 b G||^2 + ||c h_{N-1}||^2 + 2 <E G^T, c M b> of the other columns b of V_1 and the other rows c of V_N;
    and at N = 2 a pair of each idle unit, with eigenvalues between those of +-||E G^T||.

With E G^T = sum_i z_i u_i w_i^T, b = sum_i beta_i w_i^T and c = sum_i u_i gamma_i^T the second is at most the sum of
(beta_i, gamma_i)^T T(phi, z_i) (beta_i, gamma_i), phi the largest eigenvalue of G G^T,

    T(phi, z) = [[phi A_1^T A_1, z M^T], [z M, h_{N-1} h_{N-1}^T]],

at least that with the least, and equal for i = 1 alone to that with phi = ||G^T w_1||^2. The largest eigenvalue of T is
even and convex in z, so that it grows with |z|, as the least one falls: both ends are those of T(phi, z_1), but for
what phi is not known by. Where that is not enough, H itself is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from lossurf.decompositions import largest_singular_value, svd
from lossurf.landscape.ends import End, Extremes
from lossurf.landscape.extreme_eigenvalues import extreme_eigenvalues
from lossurf.landscape.product_form import sum_of_products
from lossurf.landscape.top_direction import top_direction
from lossurf.landscape.triangular_bases import TurnedNetwork
from lossurf.numerics import Matrix, rank_threshold

_EXCEEDED: Final = 1.02
_SAME: Final = 1e-3  # of the eigenvalue: what phi may be off by for Weyl's inequality to do


@dataclass(frozen=True)
class SplitNetwork:
    """The first r rows and columns of what is not zero only there, and what stands beside them.

    Attributes
    ----------
    layers : list of ndarray, shape (r, r)
        W_2..W_N.
    nodes : list of ndarray, shape (r, r)
        F, h_1..h_{N-1}.
    rest : ndarray
        G, shape (q - r, samples - r).
    residual : ndarray, shape (dy - r, samples - r)
    has_idle : bool
        Whether there are idle hidden units.
    share : float
        What was taken for zero of X, relative to its Frobenius norm.
    """

    layers: list[Matrix]
    nodes: list[Matrix]
    rest: Matrix
    residual: Matrix
    has_idle: bool
    share: float

    @property
    def other_factors(self) -> tuple[Matrix, Matrix, Matrix]:
        """A_1, M and h_{N-1}."""
        M = np.eye(len(self.nodes[0]))
        for W in self.layers[:-1]:
            M = W @ M
        return self.layers[-1] @ M, M, self.nodes[-1]

    @cached_property
    def coupling(self) -> tuple[Matrix, Matrix]:
        """z_1, ..., and all w_i as rows."""
        _, z, W = svd(self.residual @ self.rest.T)
        return z, W

    @classmethod
    def of(cls, turned: TurnedNetwork, most: float) -> SplitNetwork | None:
        """Split a network without biases; None where it does not fall apart, or nothing is beside the first r."""
        r, (first, *nodes), E = turned.rank, turned.nodes, turned.deltas[-1]
        inner = [*nodes, *turned.layers]
        if not (r and E is not None and E.rows.start >= r and E.columns.start >= r) or min(first.shape) <= r:
            return None
        if any(max(X.rows.stop, X.columns.stop) > r for X in inner) or any(X is not None for X in turned.deltas[:-1]):
            return None
        whole = first.dense()
        beside = float(np.linalg.norm(whole[:r, r:])) + float(np.linalg.norm(whole[r:, :r]))
        share = beside / float(np.linalg.norm(whole)) + first.share
        if share > most:
            return None
        return cls(
            layers=[X.dense()[:r, :r] for X in turned.layers],
            nodes=[whole[:r, :r], *(X.dense()[:r, :r] for X in nodes)],
            rest=whole[r:, r:],
            residual=E.dense()[r:, r:],
            has_idle=any(X.shape[0] > r for X in nodes),
            share=share,
        )


def split_ends(network: SplitNetwork, share: float, allowance: float, rounded: float) -> Extremes | None:
    """Enclose both ends to that share of the radius, less an allowance; None where that takes products with H.

    Parameters
    ----------
    network : SplitNetwork
    share, allowance : float
        As of `extreme_eigenvalues`.
    rounded : float
        Bound of what the matrices here are rounded by.
    """
    below, above = _other_ends(network, rounded)
    G, K = _first_terms(network)
    top = top_direction(G, K)
    own, products = top.end(G, K, rounded), 0
    if own.outer - max(own.inner, above.inner) > 2.0 * (share * max(own.inner, above.inner, -below.inner) - allowance):
        found = _first_end(G, K, share, allowance, rounded)
        own, products = found.largest, found.products
    smallest = End(min(below.inner, 0.0), min(below.outer, 0.0), 0.0)
    largest = End(max(own.inner, above.inner), max(own.outer, above.outer), own.failure)
    width = 2.0 * (share * max(largest.inner, -smallest.inner) - allowance)
    widest = max(largest.outer - largest.inner, smallest.inner - smallest.outer)
    return Extremes(smallest, largest, products) if widest <= _EXCEEDED * width else None


def _first_terms(network: SplitNetwork) -> tuple[list[Matrix], list[Matrix]]:
    """A_k A_k^T and h_{k-1}^T h_{k-1}, k = 1..N."""
    above = [np.eye(len(network.nodes[0]))]
    for W in reversed(network.layers):
        above.append(above[-1] @ W)
    return [A @ A.T for A in reversed(above)], [h.T @ h for h in network.nodes]


def _first_end(above: list[Matrix], beside: list[Matrix], share: float, allowance: float, rounded: float) -> Extremes:
    """Enclose the largest eigenvalue of sum_k G_k x K_k by products with it."""
    order = len(above[0])
    factors = [*zip(above[:-1], beside[:-1], strict=True), (None, beside[-1])]

    def apply(vector: Matrix) -> Matrix:
        return sum_of_products(factors, vector.reshape(order, order)).ravel()

    room = allowance + rounded
    found = extreme_eigenvalues(apply, order * order, rounding=rounded, share=share, allowance=room, both=False)
    return found.widened(rounded)


def _other_ends(network: SplitNetwork, rounded: float) -> tuple[End, End]:
    """Enclose the ends of the second form, and of the third: least and largest."""
    A, M, h = network.other_factors
    coupling = _Coupling.of(network)
    low, high = _Pair(coupling, A.T @ A, M, h @ h.T).enclosed()
    if len(network.layers) == 1 and network.has_idle:
        z = End(coupling.z, coupling.z, 0.0)
        low, high = _farther(low, End(-z.inner, -z.outer, 0.0), -1.0), _farther(high, z, 1.0)
    rounded += 4.0 * rank_threshold(max(high.outer, -low.outer), 2 * len(M))  # of LAPACK, as in `curvature`
    return End(low.inner + rounded, low.outer - rounded, 0.0), End(high.inner - rounded, high.outer + rounded, 0.0)


def _farther(first: End, second: End, sign: float) -> End:
    """Take the larger of each, of sign times them."""
    return End(
        sign * max(sign * first.inner, sign * second.inner), sign * max(sign * first.outer, sign * second.outer), 0.0
    )


@dataclass(frozen=True)
class _Coupling:
    """z_1, and phi = ||G^T w_1||^2, which is within `off` of that; all such squares lie between `least` and `most`."""

    z: float
    phi: float
    off: float
    least: float
    most: float

    @classmethod
    def of(cls, network: SplitNetwork) -> _Coupling:
        """From E G^T and G G^T; where that is a multiple of the identity, without vectors."""
        square = network.rest @ network.rest.T
        mean = float(np.trace(square)) / len(square)
        rest = square.copy()
        rest.flat[:: len(rest) + 1] -= mean
        off = float(np.linalg.norm(rest))
        if off <= _SAME * mean:
            z = largest_singular_value(network.residual @ network.rest.T)
            return cls(z, mean, off, mean - off, mean + off)
        values, right = network.coupling
        squares = np.linalg.eigvalsh(square)
        error = 4.0 * rank_threshold(float(squares[-1]), squares.size)
        phi = float(right[0] @ square @ right[0])
        return cls(float(values[0]), phi, 0.0, float(squares[0]) - error, float(squares[-1]) + error)


@dataclass(frozen=True)
class _Pair:
    """T, but for its arguments."""

    coupling: _Coupling
    above: Matrix
    between: Matrix
    below: Matrix

    def enclosed(self) -> tuple[End, End]:
        """Enclose the least and the largest eigenvalue of the second form."""
        at = self.coupling
        low, high = self._ends(at.phi)
        size = float(np.trace(self.above))  # of a semidefinite matrix: at least its norm, and r times that at most
        off, below, above = at.off * size, (at.phi - at.least) * size, (at.most - at.phi) * size
        limit = _SAME * high
        least = low - below if below <= limit else self._ends(at.least)[0]
        most = high + above if above <= limit else self._ends(at.most)[1]
        return End(low + off, least, 0.0), End(high - off, most, 0.0)

    def _ends(self, phi: float) -> tuple[float, float]:
        """Least and largest eigenvalue of T(phi, z_1)."""
        arguments = np.array([phi]), np.array([self.coupling.z])
        values = np.linalg.eigvalsh(pair_matrices(*arguments, self.above, self.between, self.below)[0])
        return float(values[0]), float(values[-1])


def pair_matrices(phi: Matrix, z: Matrix, above: Matrix, between: Matrix, below: Matrix) -> Matrix:
    """T(phi_i, z_i), shape (pairs, 2 r, 2 r)."""
    r = len(between)
    T = np.empty((len(phi), 2 * r, 2 * r))
    T[:, :r, :r], T[:, r:, r:] = phi[:, None, None] * above, below
    T[:, r:, :r] = z[:, None, None] * between
    T[:, :r, r:] = z[:, None, None] * between.T
    return T
