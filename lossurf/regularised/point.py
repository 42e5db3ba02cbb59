"""One network under the regularised loss: gradients, balance and ranks, each by the tolerance at which it vanishes.

A quantity is zero at tolerance tau if moving every layer by tau max(||W_k||_2, 1) could make it zero, to first order
(theory, section 6); 1 is the size of a layer in the problem's units.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from lossurf.decompositions import singular_values
from lossurf.landscape.sensitivity import Sensitivity, vanishing_tolerance
from lossurf.network import Layers
from lossurf.numerics import Matrix, frobenius_norm
from lossurf.regularised.scaled import ScaledProblem, product
from lossurf.spectral import spectral_norm


class Point:
    """Layers in the problem's units.

    Parameters
    ----------
    problem : ScaledProblem
    layers : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}).
    """

    def __init__(self, problem: ScaledProblem, layers: Sequence[Matrix]) -> None:
        self.problem, self.layers = problem, tuple(layers)
        self._sensitivity = Sensitivity(problem.network(self.layers))

    @cached_property
    def spectra(self) -> list[Matrix]:
        """Singular values of every layer."""
        return [singular_values(W) for W in self.layers]

    @cached_property
    def sizes(self) -> list[float]:
        """max(||W_k||_2, 1)."""
        return [max(float(np.max(s, initial=0.0)), 1.0) for s in self.spectra]

    @cached_property
    def residual(self) -> Matrix:
        """T - P F, shape (dy, rank_x)."""
        return np.asarray(self.problem.T - product(self.layers) @ self.problem.F)

    @cached_property
    def loss(self) -> float:
        """Regularised loss without the constant part."""
        return self.problem.loss(self.layers)

    @cached_property
    def gradients(self) -> Layers:
        """dL/dW_k = A_k^T (P F - T) (B_{k-1} F)^T + lam W_k."""
        network, lam = self._sensitivity.network, self.problem.decay
        blocks = [network.residual_block(k, k) for k in range(1, len(self.layers) + 1)]
        blocks[0] = blocks[0] @ self.problem.F.T
        return tuple(np.asarray(block + lam * W) for block, W in zip(blocks, self.layers, strict=True))

    @cached_property
    def _changes(self) -> list[float]:
        """Of the gradients, per unit of tau."""
        sizes = enumerate(self.sizes, start=1)
        return [self._sensitivity.block_change(k, k) + self.problem.decay * size for k, size in sizes]

    @cached_property
    def gradient_measures(self) -> list[float]:
        """Tolerances at which the gradients vanish, k = 1..N."""
        pairs = zip(self.gradients, self._changes, strict=True)
        return [vanishing_tolerance(spectral_norm(gradient), change) for gradient, change in pairs]

    @cached_property
    def stiffness(self) -> float:
        """How much more of the gradient the largest change of the layers reaches than an idle unit of the same size.

        An idle unit of size d has a gradient lam d: that the gradients vanish at tau says of it that d is at most tau
        times this, and no more.
        """
        pairs = zip(self._changes, self.sizes, strict=True)
        return max(change / (self.problem.decay * size) for change, size in pairs)

    @property
    def gradient_floor(self) -> float:
        """Largest of the measures that errors of F and T alone explain."""
        size = float(np.linalg.norm(self.residual)) + float(np.linalg.norm(self.problem.T))
        norm, top = self._sensitivity.norm, len(self.layers) + 1
        reached = (norm(top, k) * norm(k, 0) * self.problem.floor * size for k in range(1, len(self.layers) + 1))
        return max(vanishing_tolerance(size, change) for size, change in zip(reached, self._changes, strict=True))

    @cached_property
    def imbalance(self) -> float:
        """Tolerance at which W_{k+1}^T W_{k+1} = W_k W_k^T, as at every critical point; 0 without hidden layers."""
        found = [0.0]
        for (lower, upper), (first, second) in zip(pairwise(self.layers), pairwise(self.sizes), strict=True):
            change = 2.0 * (spectral_norm(lower) * first + spectral_norm(upper) * second)
            found.append(vanishing_tolerance(spectral_norm(upper.T @ upper - lower @ lower.T), change))
        return max(found)

    @cached_property
    def rank_tolerances(self) -> list[Matrix]:
        """Tolerances at which the singular values of every layer vanish, descending."""
        return [s / size for s, size in zip(self.spectra, self.sizes, strict=True)]

    def ranks(self, low: float, high: float) -> list[int]:
        """Return the ranks that all layers have at some tolerance from low to high, the highest first."""
        most = min(values.size for values in self.rank_tolerances)
        ranges = ((rank, *self.rank_range(rank)) for rank in range(most, -1, -1))
        return [rank for rank, below, above in ranges if below < above and below <= high and above > low]

    def rank_range(self, rank: int) -> tuple[float, float]:
        """Tolerances between which every layer has this rank."""
        below = max((float(values[rank]) for values in self.rank_tolerances if values.size > rank), default=0.0)
        above = min((float(values[rank - 1]) for values in self.rank_tolerances), default=np.inf) if rank else np.inf
        return below, above

    def distance(self, others: Sequence[Matrix]) -> float:
        """Largest relative move of a layer on the way to others, a layer counting as at least 1."""
        return max(
            frobenius_norm(other - W) / max(frobenius_norm(W), 1.0)
            for W, other in zip(self.layers, others, strict=True)
        )
