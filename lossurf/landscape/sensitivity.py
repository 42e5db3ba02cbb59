"""First-order reach of a relative change of every layer: the one rule by which a computed number counts as zero.

A quantity is zero at tolerance tau if moving every layer by a relative tau could make it zero, to first order
(theory, section 6). Everything here is per unit of tau, so each method returns the ratio at which a quantity vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import inf

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.landscape.inner_products import InnerNorms, block_norms, inner_norms, is_narrow, norm_beyond
from lossurf.landscape.projection import FAR, Projection
from lossurf.landscape.staircase import Pairs
from lossurf.network import WhitenedNetwork, rounding_of_products
from lossurf.numerics import Matrix
from lossurf.spectral import RELATIVE_ERROR


def vanishing_tolerance(size: float, change: float) -> float:
    """Return the tau at which a quantity of this size counts as zero: infinite if no change reaches it."""
    if size == 0.0:
        return 0.0
    return size / change if change > 0.0 else inf


def vanishing_tolerances(sizes: Matrix, changes: Matrix) -> Matrix:
    """Return the tau at which each quantity counts as zero."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(changes > 0.0, sizes / changes, np.inf)
    return np.where(sizes == 0.0, 0.0, ratios)


@dataclass(frozen=True)
class Sensitivity:
    """Norms of the partial products and what a relative change of the layers does to them.

    Every table is indexed as the theory does and filled at once when it is first asked for: a network has O(N^2)
    partial products, and the reach of one adds up those of all within it.

    Parameters
    ----------
    network : WhitenedNetwork
    projection : Projection, optional
        Where the product is a projection of T to rounding.
    tau : float
        Tolerance at which the verdict is asked for.
    """

    network: WhitenedNetwork
    projection: Projection | None = field(default=None, repr=False, compare=False)
    tau: float = field(default=1e-8, repr=False, compare=False)
    _spectra: dict[tuple[int, int], Matrix] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _inner(self) -> InnerNorms:
        return inner_norms(self.network, float(np.max(self.singular_values(self.network.depth + 1, 0), initial=0.0)))

    @cached_property
    def norms(self) -> Matrix:
        """||M_ij||_2 at [i, j], shape (N + 2, N + 1); 0 where there is no such product."""
        return self._inner.norms

    def norm(self, i: int, j: int) -> float:
        """||M_ij||_2."""
        return float(self.norms[i, j])

    @cached_property
    def weights(self) -> Matrix:
        """w_k at [k]: the size of W_k that a relative change refers to, at least 1, the size of T; 0 at [0]."""
        layers = np.arange(1, self.network.depth + 1)
        sizes = np.concatenate([[0.0], np.maximum(self.norms[layers + 1, layers - 1], 1.0)])
        sizes[1] = max(sizes[1], self.network.first_layer_size)
        return sizes

    def weight(self, k: int) -> float:
        """w_k."""
        return float(self.weights[k])

    @cached_property
    def changes(self) -> Matrix:
        """change(M_ij) = sum_k ||M_ik|| w_k ||M_kj|| over j < k < i at [i, j], shape (N + 2, N + 1)."""
        total = np.zeros_like(self.norms)
        for k in range(1, self.network.depth + 1):
            total[k + 1 :, :k] += (self.norms[k + 1 :, k] * self.weights[k])[:, None] * self.norms[k, :k]
        return total

    def change(self, i: int, j: int) -> float:
        """change(M_ij)."""
        return float(self.changes[i, j])

    @property
    def product_change(self) -> float:
        """change(P)."""
        return self.change(self.network.depth + 1, 0)

    @cached_property
    def rounding(self) -> float:
        """Relative change of the layers that rounding of their products amounts to.

        A residual, a gradient or a block E_ij that no larger a change explains says nothing more than that, and a bound
        of its norm says as much as the norm.
        """
        return rounding_of_products(self.network.layers)

    @cached_property
    def negligible(self) -> float:
        """Relative change of the layers that is rounding, and far below the tolerance: bounds of it may be wide."""
        return min(self.rounding, self.tau / FAR)

    @cached_property
    def residual_norm(self) -> float:
        """||E||_2."""
        known = None if self.projection is None else float(self.projection.residual[0])
        return norm_beyond(self.network.residual, self.rounding * self.product_change, known)

    @cached_property
    def block_changes(self) -> Matrix:
        """change(E_ij) at [i, j] for 1 <= j <= i <= N, shape (N + 1, N + 1).

        The reach of A_i, of B_{j-1} and, through E, of P (theory, section 6).
        """
        N, residual = self.network.depth, self.residual_norm
        above, change_above = self.norms[N + 1, :, None], self.changes[N + 1, :, None]
        below, change_below = (
            np.concatenate([[0.0], column[1 : N + 1]])[None, :] for column in (self.norms[:, 0], self.changes[:, 0])
        )
        reach = change_above * residual * below + above * residual * change_below
        return np.asarray(reach + above * below * self.product_change)

    def block_change(self, i: int, j: int) -> float:
        """change(E_ij)."""
        return float(self.block_changes[i, j])

    @cached_property
    def block_norms(self) -> Matrix:
        """||E_ij||_2 at [i, j] for 1 <= j < i <= N, shape (N + 1, N + 1); 0 elsewhere."""
        return block_norms(self.network) if is_narrow(self.network) else np.tril(self._wide_blocks, -1)

    @cached_property
    def _wide_blocks(self) -> Matrix:
        """||E_ij||_2 at [i, j] for j <= i in a wide network, shape (N + 1, N + 1), 0 elsewhere.

        Bounds of them where those are rounding: E_ij is M^T E_i'j and E_ij' M'^T, M and M' the products of the layers
        in between, and so at most the norm of one times that of the other. Beside a block that is rounding most are
        told without a product; where E is, all.
        """
        N, inner, slack = self.network.depth, self.norms, (1.0 + RELATIVE_ERROR) ** 2
        zero, rounding = self.negligible * self.block_changes, self.rounding * self.block_changes
        norms = np.zeros((N + 1, N + 1))
        norms[N, 1] = self.residual_norm
        if not self._may_be_rounding:
            norms[range(1, N + 1), range(1, N + 1)] = self.layer_gradient_norms
        for i in range(N, 0, -1):
            from_above = np.min(norms[i + 1 :] * inner[i + 2 :, i, None], axis=0, initial=inf)
            for j in range(2 if i == N else 1, i + self._may_be_rounding):
                bound = slack * min(from_above[j], np.min(norms[i, 1:j] * inner[j, : j - 1], initial=inf))
                if not bound <= zero[i, j]:
                    bound = norm_beyond(self.network.residual_block(i, j), float(rounding[i, j]))
                norms[i, j] = bound
        return norms

    @property
    def _may_be_rounding(self) -> bool:
        """Whether the network is wide, and exactly critical to all appearances: P a projection of T, or T itself."""
        if is_narrow(self.network):
            return False
        return self.projection is not None or self.residual_norm <= self.negligible * self.product_change

    @cached_property
    def layer_gradient_norms(self) -> Matrix:
        """||E_kk||_2 = ||dL/dW_k||_2 for k = 1..N, shape (N,)."""
        if self._may_be_rounding:
            return np.asarray(self._wide_blocks.diagonal()[1:])
        blocks = ((k, self.network.residual_block(k, k)) for k in range(1, self.network.depth + 1))
        return np.array([norm_beyond(block, self.rounding * self.block_change(k, k)) for k, block in blocks])

    def block_norm(self, i: int, j: int) -> float:
        """||E_ij||_2."""
        return float(self.layer_gradient_norms[i - 1] if i == j else self.block_norms[i, j])

    @cached_property
    def block_ratios(self) -> Matrix:
        """The tau at which E_ij counts as zero, at [i, j] for 1 <= j < i <= N, shape (N + 1, N + 1); 0 elsewhere."""
        return vanishing_tolerances(self.block_norms, self.block_changes)

    def block_ratio(self, i: int, j: int) -> float:
        """Return the tau at which E_ij counts as zero, i > j."""
        return float(self.block_ratios[i, j])

    def rank_ratios(self, pairs: Pairs, rank: int) -> Matrix:
        """Return the tau at which rank(M_ij) falls to `rank` for pairs (i, j), one a row."""
        return self.rank_ratio_table(pairs, rank, rank + 1)[:, 0]

    def rank_ratio_table(self, pairs: Pairs, first: int, stop: int) -> Matrix:
        """Return the tau at which rank(M_ij) falls to each of `first` .. `stop` - 1, shape (pairs, stop - first)."""
        i, j = pairs.T
        links, ranks = i > j + 1, np.arange(first, stop)
        if self._inner.spectra is not None:
            kept = self._inner.spectra[i, j, first:stop]
            sizes = np.pad(kept, ((0, 0), (0, ranks.size - kept.shape[1])))
        else:
            sizes = np.zeros((len(pairs), ranks.size))
            for row in np.flatnonzero(links).tolist():
                values = self.singular_values(int(i[row]), int(j[row]))[first:stop]
                sizes[row, : values.size] = values
        ratios = vanishing_tolerances(sizes, self.changes[i, j][:, None])
        # the identity: no layer in it, so no change moves it
        identities = np.where(ranks < self.widths[j][:, None], np.inf, 0.0)
        return np.where(links[:, None], ratios, identities)

    @cached_property
    def widths(self) -> Pairs:
        """d_0..d_N as the network has them."""
        return np.array([self.network.layers[0].shape[1], *(W.shape[0] for W in self.network.layers)], dtype=np.intp)

    def next_singular_value(self, i: int, j: int, rank: int) -> float:
        """Return the singular value of M_ij after the first `rank`; 0 where there is none."""
        values = self.singular_values(i, j)
        return float(values[rank]) if values.size > rank else 0.0

    def singular_values(self, i: int, j: int) -> Matrix:
        """Singular values of M_ij, descending."""
        if self.projection is not None and (i, j) == (self.network.depth + 1, 0):
            return self.projection.product
        if (i, j) not in self._spectra:
            self._spectra[i, j] = singular_values(self.network.partial_product(i, j))
        return self._spectra[i, j]

    def block_singular_values(self, i: int, j: int) -> Matrix:
        """Singular values of E_ij, descending."""
        if self.projection is not None and (i, j) == (self.network.depth, 1):
            return self.projection.residual
        return singular_values(self.network.residual_block(i, j))

    def departures(self, distances: Matrix) -> Matrix:
        """Bounds of ||M_ij - M'_ij||_2 at [i, j] for other layers W'_k, shape (N + 2, N + 1).

        Parameters
        ----------
        distances : ndarray, shape (N,)
            Bounds of ||W_k - W'_k||_2.

        Notes
        -----
        M - M' = sum_k M_ik (W_k - W'_k) M'_kj, and ||M'_kj|| is at most ||M_kj|| and what that departs by. The norms
        are surely not below the true ones: raised by their relative error.
        """
        norms = self.norms * (1.0 + RELATIVE_ERROR)
        total = np.zeros_like(norms)
        for k, distance in enumerate(distances.tolist(), 1):
            total[k + 1 :, :k] += (norms[k + 1 :, k] * distance)[:, None] * (norms[k, :k] + total[k, :k])
        return total

    def gradient_measures(self) -> Matrix:
        """||dL/dW_k||_2 / change(E_kk) for k = 1..N, shape (N,): critical where all are at most tau.

        No floor: a gradient that is a product of many small norms is small, yet no small change of the layers makes it
        zero (theory, section 6a).
        """
        layers = np.arange(1, self.network.depth + 1)
        return vanishing_tolerances(self.layer_gradient_norms, self.block_changes[layers, layers])
