"""A stored claim about a loss with weight decay: its numbers in units of its own, measures, and bounds from below.

    L(W) = 1/2 ||W_N ... W_1 R11^T - T||_F^2 + 1/2 lam sum ||W_k||_F^2 + residual loss

Layers are measured in omega = (||T||_2 / ||R11||_2)^{1/N}, the size that the data and the depth set.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil, log, sqrt
from typing import Final

import numpy as np

from lossurf.certificates.check import largest
from lossurf.certificates.rounding import LARGEST_MEASURE, error_of_means, is_rounding_of_means
from lossurf.certificates.stored import StoredCertificate, total_weight
from lossurf.certificates.tolerance import stored_tolerance
from lossurf.decompositions import largest_singular_value as norm_2
from lossurf.decompositions import singular_values
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold

_FARTHEST: Final = 10.0  # times tau: how far an exact point may be away (theory, end of section 6a)
_FAR: Final = 1e-3  # of a layer, or up to this where idle units may be that far from zero
_GRID: Final = 2001  # points of the first look at a scalar problem, whose minimum is then closed in on


class DecayNumbers:
    """A stored claim in units of its own: ||R11|| = ||T|| = 1, layers divided by omega."""

    def __init__(self, stored: StoredCertificate) -> None:
        self.stored, self.said = stored, stored.claim
        self.weights, self.depth = stored.listed("W"), stored.depth
        self.tau, self.default_tau = float(self.said["tolerance"]), stored_tolerance(self.said["layers"])
        R11, T = stored.arrays["R11"], stored.arrays["T"]
        self.rest = float(self.said["residual_loss"])
        self.scale = norm_2(T) or sqrt(2.0 * max(self.rest, 0.0)) or 1.0
        size = norm_2(R11) or 1.0
        self.omega: float = (self.scale / size) ** (1.0 / self.depth)
        self.F, self.T = R11.T / size, T / self.scale
        self.lam: float = float(self.said["lambda"]) * (self.omega / self.scale) ** 2
        self.layers = [W / self.omega for W in self.weights]
        found = self._mean_residual() if "mean_x" in stored.arrays else (0.0, 0.0, 0.0)
        self.mean, self.mean_measure, self.mean_uncertain = found
        # inner dimensions; and whoever measures in such units takes them to powers by way of logarithms, each good to
        # eps times itself: those of omega^N = scale / size, of the layers and of their product
        logarithms = 2.0 * (abs(log(self.scale)) + abs(log(size)))
        self.order = sum(R11.shape) + len(T) + max(max(W.shape) for W in self.weights) + ceil(logarithms)

    def _mean_residual(self) -> tuple[float, float, float]:
        """1/2 m ||P mean_x + b_eff - mean_y||^2 over the squared scale, the tolerance where it vanishes, its error."""
        arrays = self.stored.arrays
        mean, change, terms = arrays["mean_x"], 0.0, np.abs(arrays["mean_x"])
        for k, W in enumerate(self.weights, 1):
            shift = arrays.get(f"b{k}", np.zeros(len(W)))
            change = change * norm_2(W) + float(np.linalg.norm(np.abs(W) @ np.abs(mean)) + np.linalg.norm(shift))
            mean, terms = W @ mean + shift, np.abs(W) @ terms + np.abs(shift)
        off = float(np.linalg.norm(mean - arrays["mean_y"]))
        known = rank_threshold(float(np.linalg.norm(terms + np.abs(arrays["mean_y"]))), sum(map(len, self.weights)))
        samples = total_weight(self.said["data"])
        spread = float(np.hypot(np.linalg.norm(arrays["T"]), sqrt(2.0 * max(self.rest, 0.0)))) / sqrt(max(samples, 1.0))
        size = spread + float(np.linalg.norm(arrays["mean_y"]))
        known = max(known, error_of_means(size, arrays["R11"], arrays["T"], self.said["data"]))
        share, claimed = off / self.scale, float(self.said["gradient"])
        measure = min(ratio_of(off, change), LARGEST_MEASURE)
        is_rounding = is_rounding_of_means(off, known, measure, claimed, self.tau)
        uncertain = min(known / change, measure) if change and not is_rounding else 0.0
        return 0.5 * samples * share * share, 0.0 if is_rounding else measure, uncertain

    @cached_property
    def lower_bound(self) -> float:
        """No network of the depth has a lower loss: by the dual point where there is one, else by singular values."""
        return dual_bound(self) if "D" in self.stored.arrays and self.depth <= 2 else spectral_bound(self)

    @property
    def gap(self) -> float:
        """Of the weights above the lower bound, units of the data."""
        return self.scale**2 * max(self.loss(self.layers) + self.mean - self.lower_bound, 0.0)

    @property
    def sizes(self) -> dict[str, int]:
        """Columns of the data, and how many of X are independent."""
        return {"dx": self.weights[0].shape[1], "dy": len(self.weights[-1]), "rank_x": self.F.shape[1]}

    @cached_property
    def rank(self) -> int:
        """Rank of the exact point, whose layers have one to rounding; of one layer, or none beside, that at tau."""
        if "N1" in self.stored.arrays and self.depth > 1:
            layers, share = self.nearest, UNDECIDED_FACTOR * rank_threshold(1.0, self.order)
        else:
            layers, share = self.layers, self.tau
        return min(int(np.sum(singular_values(W) > share * max(norm_2(W), 1.0))) for W in layers)

    @cached_property
    def nearest(self) -> list[Matrix]:
        """The exact point, in the same units."""
        return [W / self.omega for W in self.stored.listed("N")]

    def loss(self, layers: Sequence[Matrix]) -> float:
        """Regularised loss without the constant part."""
        fit = float(np.sum((product_of(layers) @ self.F - self.T) ** 2))
        return 0.5 * fit + 0.5 * self.lam * squares_of(layers)

    def rounding(self, layers: Sequence[Matrix]) -> float:
        """Error of the loss: of every product and sum in it, their sizes taken."""
        sizes = product_of([np.abs(W) for W in layers]) @ np.abs(self.F) + np.abs(self.T)
        terms = float(np.sum(sizes**2)) + self.lam * squares_of(layers)
        return UNDECIDED_FACTOR * rank_threshold(terms, self.order)

    def gradients(self, layers: Sequence[Matrix]) -> list[tuple[Matrix, float]]:
        """dL/dW_k, each with the sum of the sizes of its terms."""
        E = product_of(layers) @ self.F - self.T
        sizes = [np.abs(W) for W in layers]
        size = product_of(sizes) @ np.abs(self.F) + np.abs(self.T)
        found = []
        for k, W in enumerate(layers):
            above_k, below_k = product_of([np.eye(len(W)), *layers[k + 1 :]]), below_of(layers, k)
            terms = product_of([np.eye(len(W)), *sizes[k + 1 :]]).T @ size @ (below_of(sizes, k) @ np.abs(self.F)).T
            slope = above_k.T @ E @ (below_k @ self.F).T + self.lam * W
            found.append((slope, float(np.linalg.norm(terms)) + self.lam * float(np.linalg.norm(W))))
        return found

    @cached_property
    def measures(self) -> tuple[float, float, float]:
        """Tolerances at which the gradients vanish and at which the layers are balanced, and the stiffness.

        The last is how much more of a gradient the layers reach than an idle unit of their size, which has lam of it.
        """
        sizes = [max(norm_2(W), 1.0) for W in self.layers]
        E = product_of(self.layers) @ self.F - self.T
        change_of_product = self._change(0, self.depth, sizes)
        gradient, stiffness = 0.0, 0.0
        for k, (slope, _) in enumerate(self.gradients(self.layers)):
            up, down = self._size(k + 1, self.depth), self._size(0, k)
            change = self._change(k + 1, self.depth, sizes) * norm_2(E) * down + up * down * change_of_product
            change += up * norm_2(E) * self._change(0, k, sizes) + self.lam * sizes[k]
            gradient = largest([gradient, ratio_of(norm_2(slope), change)])
            stiffness = max(stiffness, ratio_of(change, self.lam * sizes[k]))
        balance = 0.0
        for k in range(self.depth - 1):
            lower, upper = self.layers[k], self.layers[k + 1]
            change = 2.0 * (norm_2(lower) * sizes[k] + norm_2(upper) * sizes[k + 1])
            balance = largest([balance, ratio_of(norm_2(upper.T @ upper - lower @ lower.T), change)])
        return gradient, balance, stiffness

    @property
    def reach(self) -> float:
        """How far away an exact point may be: ten times tau, or as far as its gradient lets idle units be."""
        return min(self.tau * max(_FARTHEST, self.measures[2]), max(_FARTHEST * self.tau, _FAR))

    @property
    def balanced_at(self) -> float:
        """The least tau whose reach is the imbalance, which is a distance from every critical point."""
        _, balance, stiffness = self.measures
        least = balance / max(_FARTHEST, stiffness)
        return least if balance <= _FAR else max(least, balance / _FARTHEST)

    def _part(self, start: int, stop: int) -> Matrix:
        """W_stop ... W_{start+1}, with F where it begins with the first layer."""
        width = self.layers[start].shape[1] if start < self.depth else len(self.layers[-1])
        part = product_of([np.eye(width), *self.layers[start:stop]])
        return np.asarray(part @ self.F) if start == 0 else part

    def _size(self, start: int, stop: int) -> float:
        """Norm of a part; none of the layers is an identity, before the first layer too."""
        return norm_2(self._part(start, stop)) if stop > start else 1.0

    def _change(self, start: int, stop: int, sizes: Sequence[float]) -> float:
        return sum(
            self._size(k + 1, stop) * sizes[k] * self._size(start, k)
            if k > start
            else self._size(k + 1, stop) * sizes[k]
            for k in range(start, stop)
        )


def dual_bound(claim: DecayNumbers) -> float:
    """Lower bound from the dual point; one that is not feasible for a hidden layer gives none."""
    dual = claim.stored.arrays["D"] / claim.scale
    slope = dual @ claim.F.T
    value = float(np.sum(dual * claim.T)) - 0.5 * float(np.sum(dual**2))
    if claim.depth == 1:
        return value - ratio_of(float(np.sum(slope**2)), 2.0 * claim.lam)
    return value if norm_2(slope) <= claim.lam * (1.0 + rank_threshold(1.0, claim.order)) else -np.inf


def spectral_bound(claim: DecayNumbers) -> float:
    """Lower bound for any depth: the singular values of P F against those of T, or of P against those of T F^T."""
    N, width = claim.depth, min(claim.F.shape[0], *(len(W) for W in claim.layers))
    f = singular_values(claim.F)
    of_outputs, of_products = (singular_values(A)[:width] for A in (claim.T, claim.T @ claim.F.T))
    first = sum(_least(1.0, t, 0.5 * N * claim.lam * f[0] ** (-2.0 / N), N) for t in of_outputs)
    second = sum(_least(f[-1] ** 2, t, 0.5 * N * claim.lam, N) for t in of_products)
    return 0.5 * float(np.sum(claim.T**2)) + max(first, second)


def _least(square: float, slope: float, weight: float, N: int) -> float:
    """Least value of 1/2 square q^2 - slope q + weight q^{2/N} over q >= 0: a grid that closes in on its best point."""
    low, high = 0.0, slope / square
    for _ in range(8):
        q = np.linspace(low, high, _GRID)
        values = 0.5 * square * q * q - slope * q + weight * q ** (2.0 / N)
        best = int(np.argmin(values))
        low, high = float(q[max(best - 1, 0)]), float(q[min(best + 1, _GRID - 1)])
    return min(float(values[best]), 0.0)


def product_of(layers: Sequence[Matrix]) -> Matrix:
    """W_N ... W_1."""
    product = layers[0]
    for W in layers[1:]:
        product = W @ product
    return np.asarray(product)


def below_of(layers: Sequence[Matrix], k: int) -> Matrix:
    """W_k ... W_1, the identity for k = 0."""
    return product_of([np.eye(layers[0].shape[1]), *layers[:k]])


def squares_of(layers: Sequence[Matrix]) -> float:
    """Sum of the squares of all entries."""
    return sum(float(np.sum(W**2)) for W in layers)


def ratio_of(size: float, change: float) -> float:
    """Return the tolerance at which a quantity of that size vanishes."""
    return 0.0 if size == 0.0 else size / change if change else np.inf
