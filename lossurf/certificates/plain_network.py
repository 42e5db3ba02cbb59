"""Products of a certificate's matrices and what a relative change of the layers does to them: plain numpy only.

Written for verification alone and sharing nothing with the analysis that it checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossurf.certificates.check import largest
from lossurf.decompositions import singular_values as of_finite
from lossurf.numerics import Matrix, column_norms


def norm(matrix: Matrix) -> float:
    """Spectral norm; 0 for an empty matrix, infinite where a number is not finite."""
    return float(singular_values(matrix)[0]) if matrix.size else 0.0


def singular_values(matrix: Matrix) -> Matrix:
    """Singular values, descending; infinite where a number is not finite."""
    if not np.isfinite(matrix).all():
        return np.full(min(matrix.shape), np.inf)
    return of_finite(matrix)


class LayerProducts:
    """M_ij of a chain of layers with its norms, and what a relative change of the layers does to it, each once.

    Parameters
    ----------
    layers : sequence of ndarray
        L_1..L_N.
    sizes : sequence of float
        w_k, the size that a relative change of L_k refers to.
    """

    def __init__(self, layers: Sequence[Matrix], sizes: Sequence[float]) -> None:
        self.layers, self.sizes = layers, sizes
        self._products: dict[tuple[int, int], Matrix] = {}
        self._norms: dict[tuple[int, int], float] = {}
        self._changes: dict[tuple[int, int], float] = {}

    @property
    def depth(self) -> int:
        """N."""
        return len(self.layers)

    def product(self, i: int, j: int) -> Matrix:
        """M_ij = W_{i-1} ... W_{j+1}."""
        if (i, j) not in self._products:
            if i == j + 1:
                size = self.layers[j].shape[1] if j < self.depth else len(self.layers[-1])
                self._products[i, j] = np.eye(size)
            else:
                self._products[i, j] = np.asarray(self.layers[i - 2] @ self.product(i - 1, j))
        return self._products[i, j]

    def norm(self, i: int, j: int) -> float:
        """||M_ij||."""
        if (i, j) not in self._norms:
            self._norms[i, j] = norm(self.product(i, j))
        return self._norms[i, j]

    def change(self, i: int, j: int) -> float:
        """First-order change of M_ij per relative change of the layers."""
        if (i, j) not in self._changes:
            self._changes[i, j] = sum(self.norm(i, k) * self.sizes[k - 1] * self.norm(k, j) for k in range(j + 1, i))
        return self._changes[i, j]


class PlainNetwork(LayerProducts):
    """The layers in units where X is the identity, ||T||_2 = 1, and in one of the two gauges.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1..W_N.
    R11, T : ndarray, shapes (rank, dx) and (dy, rank)
    scale : float
        What T is divided by.
    as_stored : bool
        Keep the layers as long as they are, but for what one is above 1 and another below; otherwise no layer is longer
        than another. Beside a layer that is zero the others have norm 1, or as stored at most that.
    """

    def __init__(
        self, weights: Sequence[Matrix], R11: Matrix, T: Matrix, scale: float, *, as_stored: bool = False
    ) -> None:
        units = column_norms(R11)
        whitening = np.divide(R11, units, out=np.zeros_like(R11), where=units > 0.0)
        first_size = norm(weights[0] * units) * norm(whitening) / scale
        layers = [weights[0] @ R11.T / scale, *weights[1:]]
        for k in _nothing_but_rounding(layers, [W.shape for W in weights], first_size):
            layers[k] = np.zeros_like(layers[k])
        sizes = [norm(W) for W in layers]
        lengths = _leveled(sizes) if as_stored else [1.0] * len(sizes)
        if not all(sizes):
            lengths = [min(length, 1.0) for length in lengths]
        elif not as_stored:
            lengths = [float(np.exp(np.mean(np.log(sizes))))] * len(sizes)
        factors = [length / size if size else 1.0 for length, size in zip(lengths, sizes, strict=True)]
        layers = [W * factor for W, factor in zip(layers, factors, strict=True)]
        reaches = [max(norm(W), 1.0) for W in layers]
        if sizes[0]:  # rounding of the first is felt through R11
            reaches[0] = max(reaches[0], first_size * factors[0])
        self.taken = max(1.0, first_size / sizes[0]) if sizes[0] else 1.0  # of the first, by R11
        super().__init__(layers, reaches)
        self.T = T / scale
        self.E = self.product(self.depth + 1, 0) - self.T

    @cached_property
    def _residual_norm(self) -> float:
        return norm(self.E)

    def residual_block(self, i: int, j: int) -> Matrix:
        """E_ij = A_i^T E B_{j-1}^T; the gradient of layer k is E_kk."""
        return self.product(self.depth + 1, i).T @ self.E @ self.product(j, 0).T

    def residual_change(self, i: int, j: int) -> float:
        """First-order change of E_ij per relative change of the layers."""
        top, size = self.depth + 1, self._residual_norm
        above, below = self.norm(top, i), self.norm(j, 0)
        outer = self.change(top, i) * below + above * self.change(j, 0)
        return outer * size + above * below * self.change(top, 0)

    def fixes_no_scale(self) -> bool:
        """Whether the product is so small, ||T|| = 1, that a relative change of the layers could take it away."""
        return self.norm(self.depth + 1, 0) <= 1e-2

    def gradient(self) -> float:
        """Largest relative gradient of a layer: what relative change of the layers could make it zero."""
        ratios = []
        for k in range(1, self.depth + 1):
            size, change = norm(self.residual_block(k, k)), self.residual_change(k, k)
            ratios.append(size / change if change else np.inf if size else 0.0)
        return largest(ratios)


def _nothing_but_rounding(layers: Sequence[Matrix], shapes: Sequence[tuple[int, ...]], first_size: float) -> list[int]:
    """Layers no larger than the rounding of what they were computed from, and of no weight in the product."""
    eps = float(np.finfo(np.float64).eps)
    sizes = [norm(W) for W in layers]
    levels, tiny = _leveled(sizes), 10.0 * eps * sum(sum(shape) for shape in shapes)
    rounding = sum(shapes[0]) * eps * first_size  # of W_1 R11^T
    blind = 0.0 < sizes[0] <= rounding
    found = []
    for k, size in enumerate(sizes):
        others = float(np.prod([level for j, level in enumerate(levels) if j != k]))
        if k == 0 and blind:
            gone = others * rounding <= eps**0.5
        else:
            gone = (blind or 0.0 in sizes) and size <= tiny and others * levels[k] <= eps**0.5
        if gone and size:
            found.append(k)
    return found


def _leveled(sizes: Sequence[float]) -> list[float]:
    """Lengths after what exceeds 1 has been taken off the longest and given to the shortest, their product kept."""
    logs = np.log([size for size in sizes if size > 0.0])
    spare = min(float(np.sum(logs[logs > 0.0])), float(-np.sum(logs[logs < 0.0])))
    for sign in (1.0, -1.0):
        order = np.argsort(-sign * logs)
        heights = np.maximum(sign * logs[order], 0.0)
        counts = np.arange(1, len(heights) + 1)
        lines = (np.cumsum(heights) - spare) / counts
        line = np.max(lines, initial=0.0) if spare else np.inf
        logs[order] -= sign * (heights - np.minimum(heights, line))
    rest = iter(np.exp(logs).tolist())
    return [next(rest) if size > 0.0 else 0.0 for size in sizes]


def curvature(weights: Sequence[Matrix], direction: Sequence[Matrix], R11: Matrix, T: Matrix) -> tuple[float, float]:
    """v^T H v of 1/2 ||W_N ... W_1 R11^T - T||^2, and the sum of the sizes of its terms, for its rounding.

    With P(s) = (W_N + s V_N) ... (W_1 + s V_1) R11^T = P_0 + s P_1 + s^2 P_2 + ..., it is
    ||P_1||^2 + 2 <P_0 - T, P_2>.
    """
    P = [R11.T, 0.0 * R11.T, 0.0 * R11.T]
    sizes = [np.abs(R11.T), 0.0 * R11.T, 0.0 * R11.T]
    for W, V in zip(weights, direction, strict=True):
        P = [W @ P[0], W @ P[1] + V @ P[0], W @ P[2] + V @ P[1]]
        w, v = np.abs(W), np.abs(V)
        sizes = [w @ sizes[0], w @ sizes[1] + v @ sizes[0], w @ sizes[2] + v @ sizes[1]]
    form = float(np.sum(P[1] ** 2) + 2.0 * np.sum((P[0] - T) * P[2]))
    terms = float(np.sum(sizes[1] * np.abs(P[1])) + 2.0 * np.sum((sizes[0] + np.abs(T)) * np.abs(P[2])))
    return form, terms + 2.0 * float(np.sum(np.abs(P[0] - T) * sizes[2]))


@dataclass(frozen=True)
class Fall:
    """L(W) - L(W + V), its own rounding, and that of it as a difference of two losses."""

    size: float
    rounding: float
    of_difference: float


def decrease(weights: Sequence[Matrix], moves: Sequence[Matrix], R11: Matrix, T: Matrix, unit: float) -> Fall:
    """L(W) - L(W + V) for 1/2 ||W_N ... W_1 R11^T - T||^2, products being good to `unit` times their terms.

    With D = P' - P it is -<D, E> - 1/2 ||D||^2. Here D is the sum over k of W'_N ... V_k ... W_1 R11^T, so that no two
    numbers of the size of P are subtracted; whoever subtracts P' from P has their rounding in D. A decrease that is
    claimed to be no larger than that proves nothing beside the curvature; then the loss may not rise by more than
    rounding.
    """
    P, D = R11.T, 0.0 * R11.T
    sizes, moved = np.abs(P), np.abs(D)
    for W, V in zip(weights, moves, strict=True):
        D = (W + V) @ D + V @ P
        moved = (np.abs(W) + np.abs(V)) @ moved + np.abs(V) @ sizes
        P, sizes = W @ P, np.abs(W) @ sizes
    E = P - T
    length, terms = float(np.linalg.norm(D)), float(np.linalg.norm(moved))
    far = float(np.linalg.norm(sizes + np.abs(T)))
    level = float(np.linalg.norm(E)) + length
    size = -float(np.sum(D * E)) - 0.5 * float(np.sum(D * D))
    return Fall(size, unit * (terms * level + length * far), unit * far * level)
