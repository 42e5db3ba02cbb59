"""What the layers carry: P = U diag(sigma^N) V^T with one vector sigma, the form of every critical point.

At a critical point W_{k+1}^T W_{k+1} = W_k W_k^T, so W_k = U_k diag(sigma) U_{k-1}^T: follows from multiplying the
gradients by W_k^T; for two layers on one matrix and lam > 0 see Kunin, Bloom, Goeva & Seed 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lossurf.decompositions import svd
from lossurf.network import Layers
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class Signal:
    """W_k = U_k diag(sigma) U_{k-1}^T.

    Attributes
    ----------
    bases : tuple of ndarray
        U_0 (dx, r), ..., U_N (dy, r): orthonormal columns.
    sigma : ndarray, shape (r,)
        Positive, descending.
    """

    bases: tuple[Matrix, ...]
    sigma: Matrix

    @property
    def depth(self) -> int:
        """The depth N."""
        return len(self.bases) - 1

    @property
    def rank(self) -> int:
        """The rank r."""
        return int(self.sigma.size)

    @cached_property
    def layers(self) -> Layers:
        """W_1..W_N."""
        pairs = zip(self.bases[1:], self.bases[:-1], strict=True)
        return tuple(np.asarray((left * self.sigma) @ right.T) for left, right in pairs)

    @cached_property
    def product(self) -> Matrix:
        """P, shape (dy, dx)."""
        return np.asarray((self.bases[-1] * self.sigma**self.depth) @ self.bases[0].T)

    def moved(self, product: Matrix) -> Signal:
        """Return the signal of another product of the same rank; inner bases turn as the outer ones do."""
        left, s, right = svd(product, full_matrices=False)
        U, V = left[:, : self.rank], right[: self.rank].T
        turn = polar(self.bases[0].T @ V)
        inner = (np.asarray(basis @ turn) for basis in self.bases[1:-1])
        return replace(self, bases=(V, *inner, U), sigma=np.asarray(s[: self.rank] ** (1.0 / self.depth)))


def read_signal(layers: Sequence[Matrix], rank: int) -> Signal:
    """Read the common singular values and bases off layers that are nearly balanced.

    Parameters
    ----------
    layers : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}).
    rank : int
        Of every layer.

    Notes
    -----
    From layer to layer U_k is the orthonormal factor of W_k U_{k-1}: no product of layers is formed, in which sigma^N
    is lost long before sigma is. Equal entries of sigma need no pairing of singular vectors.
    """
    bases = [svd(layers[0], full_matrices=False)[2][:rank].T]
    core = np.zeros((rank, rank))
    for W in layers:
        carried = W @ bases[-1]
        bases.append(polar(carried))
        core += bases[-1].T @ carried / len(layers)
    sigma, turn = np.linalg.eigh(0.5 * (core + core.T))
    return Signal(tuple(np.asarray(basis @ turn[:, ::-1]) for basis in bases), np.maximum(sigma[::-1], 0.0))


def polar(matrix: Matrix) -> Matrix:
    """Nearest matrix with orthonormal columns."""
    left, _, right = svd(matrix, full_matrices=False)
    return np.asarray(left @ right)
