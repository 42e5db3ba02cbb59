"""The exact loss on a plane through a checkpoint: along two directions the product is a polynomial in two variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lossurf.network import Layers
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem

_REACHES: Final = 10.0 ** np.arange(-5.0, 5.0, 0.02)  # tried one after the other, relative to the size of the weights
_MOST_NUMBERS: Final = 2**22  # numbers in the products evaluated together: 32 MB


@dataclass(frozen=True)
class Plane:
    """W + x V + y U in whitened coordinates; an output bias stays at its best.

    Attributes
    ----------
    problem : ReducedProblem
    coefficients : dict of (int, int) to ndarray
        Of x^i y^j in the product, shapes (dy, rank_x), in units of the problem's scale.
    """

    problem: ReducedProblem
    coefficients: dict[tuple[int, int], Matrix] = field(repr=False)

    def loss(self, x: Matrix, y: Matrix) -> Matrix:
        """Return L(W + x V + y U) for arrays of one shape, user's units; inf beyond float64."""
        powers = list(self.coefficients)
        stacked = np.stack([self.coefficients[power].ravel() for power in powers])
        target = self.problem.target.ravel()
        rows = max(1, _MOST_NUMBERS // max(target.size, 1))
        with np.errstate(over="ignore", invalid="ignore"):
            flat = np.stack([x.ravel() ** i * y.ravel() ** j for i, j in powers], axis=1)
            parts = [flat[start : start + rows] @ stacked - target for start in range(0, flat.shape[0], rows)]
            squares = np.concatenate([np.einsum("ij,ij->i", part, part) for part in parts])
            losses = 0.5 * (self.problem.scale**2 * squares + self.problem.residual_norm**2)
        return np.nan_to_num(losses, nan=np.inf).reshape(x.shape)


def plane(problem: ReducedProblem, layers: Layers, first: Layers, second: Layers) -> Plane:
    """Expand the product on a plane.

    Parameters
    ----------
    problem : ReducedProblem
    layers, first, second : tuple of ndarray
        W, V and U in the coordinates of one `WhitenedNetwork`.

    Returns
    -------
    Plane
        With (N + 1)(N + 2) / 2 coefficients.
    """
    total: dict[tuple[int, int], Matrix] = {}
    for W, V, U in zip(layers, first, second, strict=True):
        layer = {(0, 0): W, (1, 0): V, (0, 1): U}
        total = _times(layer, total) if total else layer
    return Plane(problem, total)


def _times(left: dict[tuple[int, int], Matrix], right: dict[tuple[int, int], Matrix]) -> dict[tuple[int, int], Matrix]:
    product: dict[tuple[int, int], Matrix] = {}
    for (a, b), A in left.items():
        for (i, j), B in right.items():
            key = (a + i, b + j)
            product[key] = product[key] + A @ B if key in product else A @ B
    return product


def reach(cut: Plane, height: float, size: float, *, along: int) -> float:
    """Return how far to go along direction 0 or 1 until the loss has changed by `height`, at most 1e5 times `size`."""
    steps = np.concatenate([[0.0], _REACHES, -_REACHES]) * size
    still = np.zeros_like(steps)
    losses = cut.loss(steps, still) if along == 0 else cut.loss(still, steps)
    change = np.abs(losses[1:] - losses[0]).reshape(2, -1).max(axis=0)
    enough = np.flatnonzero(change >= height)
    return float(_REACHES[enough[0]] * size) if enough.size else size


def norm(layers: Sequence[Matrix]) -> float:
    """Return the Frobenius norm over all layers."""
    return float(np.sqrt(sum(float(np.sum(W**2)) for W in layers)))


def unit(direction: Sequence[Matrix]) -> Layers:
    """Return the direction at unit norm over all layers."""
    size = norm(direction) or 1.0
    return tuple(V / size for V in direction)


def orthogonal(direction: Sequence[Matrix], to: Sequence[Matrix]) -> Layers:
    """Return the part of a direction that is orthogonal to a unit direction."""
    overlap = sum(float(np.sum(a * b)) for a, b in zip(direction, to, strict=True))
    return tuple(a - overlap * b for a, b in zip(direction, to, strict=True))


def random_direction(layers: Sequence[Matrix], rng: np.random.Generator) -> Layers:
    """Return a random direction that moves every layer in proportion to its size (Li et al. 2018, section 4).

    Layers of zeros move as far as the others on average.
    """
    sizes = [float(np.linalg.norm(W)) for W in layers]
    typical = float(np.mean([size for size in sizes if size > 0.0] or [1.0]))
    noise = [rng.standard_normal(W.shape) for W in layers]
    lengths = [float(np.linalg.norm(V)) or 1.0 for V in noise]  # X = 0 leaves W_1 without columns
    return tuple(V * ((size or typical) / length) for V, size, length in zip(noise, sizes, lengths, strict=True))
