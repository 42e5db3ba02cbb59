"""The part of a critical point that carries its product, and the network that consists of nothing else.

At a critical point every layer is block diagonal: a signal part between the ranges of the oblique projectors
Pi_k = S_k Q_k, Q_k S_k = I, and a tail between their kernels (theory, section 5). Without tails

    W_1 = S_1 C^{-1} U^T T,   W_k = S_k K_k Q_{k-1},   W_N = U K_N Q_{N-1},   C = K_N ... K_2,   P = U U^T T.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lossurf.decompositions import svd
from lossurf.network import Layers, WhitenedNetwork
from lossurf.numerics import EPS, Matrix, rank_threshold


@dataclass(frozen=True)
class Signal:
    """A network without tails whose product is the projection of the target on the range of `U`.

    Attributes
    ----------
    target : ndarray, shape (dy, rank_x)
    U : ndarray, shape (dy, r)
        Orthonormal columns.
    S : tuple of ndarray
        S_1 (d_1, r), ..., S_{N-1}.
    Q : tuple of ndarray
        Q_1 (r, d_1), ..., Q_{N-1}, with Q_k S_k = I.
    K : tuple of ndarray
        K_2, ..., K_{N-1}, which are diagonal, as their diagonals (r,), and K_N (r, r); invertible.
    """

    target: Matrix
    U: Matrix
    S: tuple[Matrix, ...]
    Q: tuple[Matrix, ...]
    K: tuple[Matrix, ...]

    @property
    def rank(self) -> int:
        """r, the rank of the product where U^T T has full rank."""
        return int(self.U.shape[1])

    @property
    def depth(self) -> int:
        """Number of weight matrices N >= 2."""
        return len(self.K) + 1

    def layers(self, U: Matrix | None = None) -> Layers:
        """Return W_1..W_N, with other orthonormal columns in the place of `U` if given."""
        factors = self.own_factors if U is None else self._factors(U)
        return tuple(left @ right for left, right in factors)

    @cached_property
    def own_factors(self) -> list[tuple[Matrix, Matrix]]:
        """Every layer as a matrix of r columns and one of r rows that it is the product of.

        Raises
        ------
        LinAlgError
            If the product of the blocks cannot be inverted.
        """
        return self._factors(self.U)

    def _factors(self, U: Matrix) -> list[tuple[Matrix, Matrix]]:
        *inner, last = self.K
        sizes = np.prod([np.ones(self.rank), *inner], axis=0)
        of_inner = zip(self.S[1:], inner, self.Q[:-1], strict=True)
        first = self.S[0], _solved(last * sizes, U.T @ self.target)
        return [first, *((S * K, Q) for S, K, Q in of_inner), (U, last @ self.Q[-1])]

    def turned(self, U: Matrix) -> Signal:
        """Return the signal with another range."""
        return replace(self, U=U)

    def left_above(self, M: Matrix, i: int) -> Matrix:
        """M_ij less what the projector S Q at its upper end takes, 1 < i <= N."""
        return np.asarray(M - self.S[i - 2] @ (self.Q[i - 2] @ M))

    def left_below(self, M: Matrix, j: int) -> Matrix:
        """M_ij less what the projector S Q at its lower end takes, 0 < j < N."""
        return np.asarray(M - (M @ self.S[j - 1]) @ self.Q[j - 1])

    def residual(self) -> Matrix:
        """T - P, orthogonal to the range of U."""
        return np.asarray(self.target - self.U @ (self.U.T @ self.target))


def signal_of(network: WhitenedNetwork, rank: int) -> Signal:
    """Return the signal of a critical point.

    Parameters
    ----------
    network : WhitenedNetwork
        N >= 2 layers, critical up to its tolerance.
    rank : int
        rank(P) at that tolerance.

    Notes
    -----
    S_k = B_k V and Q_k = U^T A_k up to a change of basis, which shares the singular values of P evenly among the
    layers. Q_k S_k = I is then restored exactly, so that the result has no tails at all, whatever the tolerance.
    """
    u, s, vt = svd(network.product, full_matrices=False)
    return signal_between(network, u[:, :rank], vt[:rank].T, s[:rank])


def signal_between(network: WhitenedNetwork, U: Matrix, V: Matrix, s: Matrix) -> Signal:
    """Return the signal that is carried from the span of V to that of U.

    Parameters
    ----------
    network : WhitenedNetwork
    U, V : ndarray, shapes (dy, r) and (rank_x, r)
        Orthonormal columns, such as singular vectors of the product, or those of T it is near to.
    s : ndarray, shape (r,)
        The singular values that go with them, all positive.
    """
    N = network.depth
    S = tuple(np.asarray((network.below(k) @ V) * s ** (-k / N)) for k in range(1, N))
    above = [(U.T @ network.above(k)) * s[:, None] ** ((k - N) / N) for k in range(1, N)]
    blocks = [rows @ columns for rows, columns in zip(above, S, strict=True)]
    Q = tuple(_solved(block, rows) for block, rows in zip(blocks, above, strict=True))
    # W_k S_{k-1} = S_k s^{1/N}, whatever the layers are, so that K_k = Q_k W_k S_{k-1} is that; and the last block is
    # s^{-1/N} U^T W_N S_{N-1}
    root = s ** (1.0 / N)
    K = (*([root] * (N - 2)), root[:, None] * blocks[-1])
    return Signal(network.target, U, S, Q, K)


def _solved(blocks: Matrix, rows: Matrix) -> Matrix:
    """blocks^{-1} rows, of blocks that are a diagonal but for how far the point is from critical.

    Relative to the diagonal they are I + D, where (I - D)(I + D) = I - D^2 is the identity to rounding as soon as
    ||D||_F <= sqrt(eps): one product, and none where D itself is rounding, at order * eps.
    """
    diagonal = blocks.diagonal()
    if not np.all(diagonal):
        return np.asarray(np.linalg.solve(blocks, rows))
    D = blocks / diagonal
    D.flat[:: len(D) + 1] -= 1.0  # blocks = (I + D) diag(diagonal)
    size = float(np.linalg.norm(D))
    if not size * size <= EPS:
        return np.asarray(np.linalg.solve(blocks, rows))
    cleared = rows if size <= rank_threshold(1.0, len(blocks)) else rows - D @ rows
    return np.asarray(cleared / diagonal[:, None])
