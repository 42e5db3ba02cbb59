"""First-order reach of a relative change of every layer: the one rule by which a computed number counts as zero.

A quantity is zero at tolerance tau if moving every layer by a relative tau could make it zero, to first order
(theory, section 6). Everything here is per unit of tau, so each method returns the ratio at which a quantity vanishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from lossurf.landscape.norms import singular_values, spectral_norm, spectral_norms
from lossurf.network import WhitenedNetwork
from lossurf.numerics import Matrix

_TOGETHER: Final = 64  # matrices handed to LAPACK in one call: the call then costs nothing, and they little memory


def vanishing_tolerance(size: float, change: float) -> float:
    """Return the tau at which a quantity of this size counts as zero: infinite if no change reaches it."""
    if size == 0.0:
        return 0.0
    return size / change if change > 0.0 else float("inf")


@dataclass(frozen=True)
class Sensitivity:
    """Norms of the partial products and what a relative change of the layers does to them.

    Parameters
    ----------
    network : WhitenedNetwork
    """

    network: WhitenedNetwork
    _norms: dict[tuple[int, int], float] = field(default_factory=dict, repr=False, compare=False)
    _spectra: dict[tuple[int, int], Matrix] = field(default_factory=dict, repr=False, compare=False)
    _changes: dict[tuple[int, int], float] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _measured(self) -> Matrix:
        """||M_ij||_2 at [i, j], nan where it was not asked for yet."""
        return np.full((self.network.depth + 2, self.network.depth + 1), np.nan)

    @cached_property
    def _weights(self) -> Matrix:
        """w_k at [k], nan where it was not asked for yet."""
        return np.full(self.network.depth + 1, np.nan)

    def norm(self, i: int, j: int) -> float:
        """||M_ij||_2."""
        if np.isnan(self._measured[i, j]):
            # a whole column of inner products at a time: they are made from one another and need not be kept
            last = i if j == 0 or i > self.network.depth else self.network.depth
            rows = (np.flatnonzero(np.isnan(self._measured[j + 1 : last + 1, j])) + j + 1).tolist()
            for start in range(0, len(rows), _TOGETHER):
                some = rows[start : start + _TOGETHER]
                self._measured[some, j] = self._measured_norms(some, j)
        return float(self._measured[i, j])

    def _measured_norms(self, rows: Sequence[int], j: int) -> list[float]:
        known = {row: self._known_norm(row, j) for row in rows}
        unknown = [row for row in rows if known[row] is None]
        known.update(zip(unknown, spectral_norms([self.network.partial_product(i, j) for i in unknown]), strict=True))
        return [norm for norm in known.values() if norm is not None]

    def _known_norm(self, i: int, j: int) -> float | None:
        """Return the norm of an identity, or of a layer where it was measured before."""
        if i == j + 1:
            return 1.0
        if i == j + 2 and self.network.layer_norms is not None:
            return self.network.layer_norms[j]
        return None

    def weight(self, k: int) -> float:
        """w_k: the size of W_k that a relative change refers to, at least 1, the size of T."""
        size = max(self.norm(k + 1, k - 1), 1.0)
        return max(size, self.network.first_layer_size) if k == 1 else size

    def change(self, i: int, j: int) -> float:
        """change(M_ij) = sum_k ||M_ik|| w_k ||M_kj||."""
        if (i, j) not in self._changes:
            for k in np.flatnonzero(np.isnan(self._measured[i, j + 1 : i])) + j + 1:
                self.norm(i, int(k))
            for k in np.flatnonzero(np.isnan(self._weights[j + 1 : i])) + j + 1:
                self._weights[k] = self.weight(int(k))
            for k in np.flatnonzero(np.isnan(self._measured[j + 1 : i, j])) + j + 1:
                self.norm(int(k), j)
            terms = self._measured[i, j + 1 : i] * self._weights[j + 1 : i] * self._measured[j + 1 : i, j]
            self._changes[i, j] = float(sum(terms.tolist()))
        return self._changes[i, j]

    @property
    def product_change(self) -> float:
        """change(P)."""
        return self.change(self.network.depth + 1, 0)

    @property
    def residual_norm(self) -> float:
        """||E||_2."""
        if (0, 0) not in self._norms:
            self._norms[0, 0] = spectral_norm(self.network.residual)
        return self._norms[0, 0]

    def block_change(self, i: int, j: int) -> float:
        """change(E_ij): the reach of A_i, of B_{j-1} and, through E, of P (theory, section 6)."""
        top, residual = self.network.depth + 1, self.residual_norm
        above, below = self.norm(top, i), self.norm(j, 0)
        return (
            self.change(top, i) * residual * below
            + above * residual * self.change(j, 0)
            + above * below * self.product_change
        )

    def block_ratio(self, i: int, j: int) -> float:
        """Return the tau at which E_ij counts as zero."""
        return vanishing_tolerance(self.block_norm(i, j), self.block_change(i, j))

    def block_norm(self, i: int, j: int) -> float:
        """||E_ij||_2."""
        if (-i, -j) not in self._norms:
            self._norms[-i, -j] = spectral_norm(self.network.residual_block(i, j))
        return self._norms[-i, -j]

    def rank_ratio(self, i: int, j: int, rank: int) -> float:
        """Return the tau at which rank(M_ij) falls to `rank`."""
        if i == j + 1:  # the identity: no layer in it, so no change moves it
            return float("inf") if self.network.partial_product(i, j).shape[0] > rank else 0.0
        return vanishing_tolerance(self.next_singular_value(i, j, rank), self.change(i, j))

    def next_singular_value(self, i: int, j: int, rank: int) -> float:
        """Return the singular value of M_ij after the first `rank`; 0 where there is none."""
        if (i, j) not in self._spectra:
            self._spectra[i, j] = singular_values(self.network.partial_product(i, j))
        values = self._spectra[i, j]
        return float(values[rank]) if values.size > rank else 0.0

    def gradient_measures(self) -> Matrix:
        """||dL/dW_k||_2 / change(E_kk) for k = 1..N, shape (N,): critical where all are at most tau.

        No floor: a gradient that is a product of many small norms is small, yet no small change of the layers makes it
        zero (theory, section 6a).
        """
        layers = range(1, self.network.depth + 1)
        return np.array([vanishing_tolerance(self.block_norm(k, k), self.block_change(k, k)) for k in layers])
