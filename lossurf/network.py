"""A deep linear network on a reduced problem, in whitened coordinates: products, loss, gradient, curvature.

Indices follow the theory: layers are W_1..W_N, M_ij = W_{i-1} ... W_{j+1} for 0 <= j < i <= N+1 (M_{j+1,j} = I), so
A_i = M_{N+1,i}, B_{j-1} = M_{j,0} and the product is P = M_{N+1,0}. In these coordinates X is the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import takewhile
from math import exp, inf, log
from typing import Final, TypeGuard

import numpy as np

from lossurf.errors import InputError
from lossurf.numerics import EPS, UNDECIDED_FACTOR, Matrix, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.spectral import spectral_norm

Layers = tuple[Matrix, ...]

_LARGEST_PRODUCT: Final = log(1e90)
"""Logarithm of the largest product of the layers' norms, relative to T: the type test multiplies three such products,
and 1e270 leaves room below 1e308 for the sums over layers."""

_SCALED_BY_PRODUCT = 1000  # exponents of powers of two that are numbers: a product is quicker than ldexp, and the same
_ARRAY_BYTES = 300  # of an array beside its numbers, and of its place in a dictionary
_KEPT_BYTES = 2**29  # a quarter of the 2 GB in which networks of 10^7 parameters are classified


@dataclass(frozen=True)
class WhitenedNetwork:
    """L(W) = 1/2 ||W_N ... W_1 - target||_F^2 + constant, in units of the problem's squared scale.

    Attributes
    ----------
    layers : tuple of ndarray
        W_1 (d_1, rank_x), W_2 (d_2, d_1), ...; whitened (first) and scaled by `whiten`.
    target : ndarray, shape (dy, rank_x)
        T / scale.
    stretch : tuple of float
        Natural logarithms of the factors that took each of the caller's layers (the first after whitening) to `layers`.
    first_layer_size : float
        ||W_1 diag(c)|| ||F / c|| in the units of `layers[0]`: how far a relative rounding of the stored W_1 reaches.
    layer_norms : tuple of float or None
        ||W_k||_2 where `whiten` measured them.
    """

    layers: Layers
    target: Matrix
    stretch: tuple[float, ...]
    first_layer_size: float
    layer_norms: tuple[float, ...] | None = field(default=None, repr=False, compare=False)
    _products: dict[tuple[int, int], Matrix] = field(default_factory=dict, repr=False, compare=False)
    _inner: list[tuple[int, int]] = field(default_factory=list, repr=False, compare=False)  # kept of one column
    _residuals: dict[int, Matrix] = field(default_factory=dict, repr=False, compare=False)

    @property
    def depth(self) -> int:
        """Number of weight matrices N."""
        return len(self.layers)

    @cached_property
    def widest_two(self) -> tuple[int, int]:
        """Shape of the largest product of layers that there may be."""
        *_, second, first = sorted([self.layers[0].shape[1], *(W.shape[0] for W in self.layers)])
        return second, first

    def partial_product(self, i: int, j: int) -> Matrix:
        """M_ij = W_{i-1} ... W_{j+1}, shape (d_{i-1}, d_j)."""
        if (i, j) not in self._products:
            for missing in self._missing(i, j):
                self._make_room(*missing)
                self._products[missing] = self._next_product(*missing)
        return self._products[i, j]

    def _missing(self, i: int, j: int) -> list[tuple[int, int]]:
        """Return the products that lead to M_ij from the longest that is known: for A_j down, for others up.

        For P either way, whichever is known.
        """
        top = self.depth + 1
        down = i == top and (j > 0 or (top - 1, 0) not in self._products)
        steps = ((top, k) for k in range(j, top)) if down else ((k, j) for k in range(i, j, -1))
        return list(takewhile(lambda step: step not in self._products, steps))[::-1]

    def _next_product(self, i: int, j: int) -> Matrix:
        """M_ij from the product that is one layer shorter."""
        if i == j + 1:
            return np.eye(self.layers[j].shape[1] if j < self.depth else self.layers[-1].shape[0])
        if i == j + 2:
            return self.layers[j]
        if i == self.depth + 1 and (j or (i, 1) in self._products):
            return np.asarray(self._products[i, j + 1] @ self.layers[j])
        return np.asarray(self.layers[i - 2] @ self._products[i - 1, j])

    def _make_room(self, i: int, j: int) -> None:
        """Of many large products keep all A_i and B_j, and of the others the column that is being built."""
        if self._keeps_all or j == 0 or i == self.depth + 1:
            return
        if self._inner and self._inner[0][1] != j:
            for key in self._inner:
                del self._products[key]
            self._inner.clear()
        self._inner.append((i, j))

    @cached_property
    def _keeps_all(self) -> bool:
        widest = max(max(W.shape) for W in self.layers)
        return bool(self.depth**2 * (8 * widest**2 + _ARRAY_BYTES) < _KEPT_BYTES)

    def above(self, k: int) -> Matrix:
        """A_k = W_N ... W_{k+1}, shape (dy, d_k)."""
        return self.partial_product(self.depth + 1, k)

    def below(self, k: int) -> Matrix:
        """B_k = W_k ... W_1, shape (d_k, rank_x)."""
        return self.partial_product(k + 1, 0)

    @property
    def product(self) -> Matrix:
        """P, shape (dy, rank_x)."""
        return self.partial_product(self.depth + 1, 0)

    @cached_property
    def residual(self) -> Matrix:
        """E = P - T, shape (dy, rank_x)."""
        return self.product - self.target

    @cached_property
    def excess(self) -> float:
        """1/2 ||P - T||_F^2: the loss above unconstrained least squares, in squared scale units."""
        return 0.5 * float(np.sum(self.residual**2))

    def residual_block(self, i: int, j: int) -> Matrix:
        """E_ij = A_i^T E B_{j-1}^T, shape (d_i, d_{j-1}); E_kk is dL/dW_k (theory, section 2)."""
        above = self.above_residual(i)
        return above if j == 1 else above @ self.below(j - 1).T  # B_0 = I

    def above_residual(self, i: int) -> Matrix:
        """A_i^T E, shape (d_i, rank_x), kept because every E_ij of a row needs it."""
        missing = list(takewhile(lambda k: k not in self._residuals, range(i, self.depth + 1)))
        for k in reversed(missing):
            last = k == self.depth
            self._residuals[k] = self.residual if last else np.asarray(self.layers[k].T @ self._residuals[k + 1])
        return self._residuals[i]

    def change_of_product(self, direction: Sequence[Matrix | None]) -> Matrix:
        """D = sum_k A_k V_k B_{k-1}, shape (dy, rank_x); None stands for a zero V_k."""
        total = np.zeros_like(self.target)
        for k, V in enumerate(direction, start=1):
            if _moves(V):
                upper = V if k == self.depth else self.above(k) @ V
                total += upper if k == 1 else upper @ self.below(k - 1)
        return total

    def change_of_pair(self, i: int, j: int, V_i: Matrix, V_j: Matrix) -> Matrix:
        """A_i V_i M_ij V_j B_{j-1}, i > j: what two changes make of P together, shape (dy, rank_x)."""
        linked = (V_i if i == j + 1 else V_i @ self.partial_product(i, j)) @ V_j
        upper = linked if i == self.depth else self.above(i) @ linked
        return np.asarray(upper if j == 1 else upper @ self.below(j - 1))

    def curvature(
        self, left: Sequence[Matrix | None], right: Sequence[Matrix | None], change: Matrix | None = None
    ) -> float:
        """Hessian form left^T H right (theory, section 2; polarised); `change` of P by `left`, if it is known."""
        change = self.change_of_product(left) if change is None else change
        value = float(np.sum(change * (change if right is left else self.change_of_product(right))))
        moved = [k for k in range(1, self.depth + 1) if _moves(left[k - 1]) or _moves(right[k - 1])]
        for i in moved:
            for j in moved[: moved.index(i)]:
                mixed = self._mixed_term(i, j, left[i - 1], right[j - 1])
                value += mixed
                value += mixed if right is left else self._mixed_term(i, j, right[i - 1], left[j - 1])
        return value

    def _mixed_term(self, i: int, j: int, V_i: Matrix | None, V_j: Matrix | None) -> float:
        """<E, A_i V_i M_ij V_j B_{j-1}>."""
        if V_i is None or V_j is None:
            return 0.0
        linked = V_i if i == j + 1 else V_i @ self.partial_product(i, j)
        return float(np.sum(self.residual_block(i, j) * (linked @ V_j)))

    def moved(self, direction: Sequence[Matrix | None], step: float) -> WhitenedNetwork:
        """Return the network with `step * direction` added."""
        layers = tuple(W + step * V if _moves(V) else W for W, V in zip(self.layers, direction, strict=True))
        return WhitenedNetwork(layers, self.target, self.stretch, self.first_layer_size)


def _moves(V: Matrix | None) -> TypeGuard[Matrix]:
    return V is not None and bool(np.any(V))


class Gauge(Enum):
    """Which scale the layers are read at: the product does not fix it where it is nearly zero (theory, section 6)."""

    BALANCED = "balanced"  # equal spectral norms
    STORED = "stored"  # the caller's own, W_1 and T in units of ||T||


def whiten(weights: Sequence[Matrix], problem: ReducedProblem, *, gauge: Gauge = Gauge.BALANCED) -> WhitenedNetwork:
    """Take a network to the coordinates in which scale, units and samples are gone (theory, sections 2 and 6).

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), finite float64.
    problem : ReducedProblem
    gauge : Gauge
        Scale at which the layers are read. In the stored gauge a factor that makes one layer larger than T and another
        smaller is shared between the two first: it is a scaling of the hidden units and says nothing.

    Returns
    -------
    WhitenedNetwork
        The product is that of the weights. A layer that is only rounding is exactly zero in it. Beside a layer that is
        zero the others have norm 1, or in the stored gauge at most that: any scale of theirs is a scale of the zero.

    Raises
    ------
    InputError
        If the network's output leaves the range of float64 relative to Y.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            return _whitened(weights, problem, gauge)
    except (FloatingPointError, OverflowError):
        raise output_too_large() from None


def rounding_of_products(weights: Sequence[Matrix]) -> float:
    """Relative change of every layer that rounding of their products amounts to: N times the widest, times eps."""
    return rank_threshold(len(weights), max(max(W.shape, default=0) for W in weights))


def output_too_large() -> InputError:
    """Return the error for weights whose output dwarfs Y beyond what float64 can square."""
    return InputError(
        "the network's output is too large to square in float64 at the scale of Y",
        where="checkpoint",
        remedy="check that the weights belong to this data, or rescale X and Y to unit size",
    )


def _whitened(weights: Sequence[Matrix], problem: ReducedProblem, gauge: Gauge) -> WhitenedNetwork:
    """Scale every layer by an exact power of two first, so that no intermediate leaves the range of float64."""
    columns, column_exponent = _unit_range(problem.column_norms)
    mantissas, exponents = map(list, zip(*(_unit_range(W) for W in weights), strict=True))
    mantissas[0] = mantissas[0] * columns
    whitened_size = spectral_norm(mantissas[0]) * _largest(problem.column_singular_values)
    mantissas[0] = mantissas[0] @ problem.whitening
    logs = [exponent * log(2.0) for exponent in exponents]
    logs[0] += column_exponent * log(2.0) - log(problem.scale)
    norms = [spectral_norm(W) for W in mantissas]
    for k in _rounding_layers(norms, logs, [W.shape for W in weights], whitened_size):
        mantissas[k], norms[k] = np.zeros_like(mantissas[k]), 0.0
        logs[k] -= exponents[k] * log(2.0)  # the unit of rounding is no unit of the layer
    sizes = _layer_factors(norms, logs, gauge)
    factors = [exp(size) for size in sizes]
    stretch = tuple(size - unit for size, unit in zip(sizes, logs, strict=True))
    layers = tuple(np.asarray(W * factor) for W, factor in zip(mantissas, factors, strict=True))
    layer_norms = tuple(norm * factor for norm, factor in zip(norms, factors, strict=True))
    first_layer_size = whitened_size * factors[0] if norms[0] else layer_norms[0]
    reach = (max(layer_norms[0], first_layer_size), *layer_norms[1:])
    if sum(log(max(size, 1.0)) for size in reach) > _LARGEST_PRODUCT:
        raise output_too_large()
    return WhitenedNetwork(layers, problem.target, stretch, first_layer_size, layer_norms)


def _rounding_layers(
    norms: list[float], logs: list[float], shapes: list[tuple[int, ...]], whitened_size: float
) -> list[int]:
    """Positions of the layers that are nothing but rounding, norms in units of exp(logs), ||T|| = 1.

    Two roundings of float64 make a zero look like a layer. W_1 F has an error of (dx + d_1) eps ||W_1 diag(c)||
    ||F / c||, the backward error of a product (Higham 2002, section 3.5) and of the singular vectors in F: where W_1
    sees nothing of X, that is all there is. And a layer computed through the others as a difference is left at their
    widths times eps of what T is, the constant known to one digit; it is compared as it is stored. That is asked only
    beside a zero, where no norm is left to balance with. Neither is called zero where, carried through the other
    layers once what they have above T has filled up what others lack (`_levelled`), it would move the product by more
    than sqrt(eps) of T: there it is a large rounding, not a zero.
    """
    first = rank_threshold(whitened_size, sum(shapes[0]))
    tiny_height = log(UNDECIDED_FACTOR * rank_threshold(1.0, sum(map(sum, shapes))))
    heights = _levelled([unit + log(norm) if norm else -inf for norm, unit in zip(norms, logs, strict=True)])
    blind = bool(norms[0]) and norms[0] <= first
    zero = blind or 0.0 in norms
    found = []
    for k, (norm, unit, height) in enumerate(zip(norms, logs, heights, strict=True)):
        if not norm:
            continue
        size = unit + log(first) if blind and k == 0 else height
        tiny = zero and unit + log(norm) <= tiny_height
        others = sum(other for j, other in enumerate(heights) if j != k)
        if ((blind and k == 0) or tiny) and others + size <= 0.5 * log(EPS):
            found.append(k)
    return found


def _levelled(sizes: list[float]) -> list[float]:
    """Logarithms of the layers' norms after what is above 0 has filled up what is below, the sum unchanged.

    The lowest are raised first, all to one water line; so are the highest lowered. Zeros (-inf) stay.
    """
    above = sum(max(size, 0.0) for size in sizes)
    below = sum(max(-size, 0.0) for size in sizes if size > -inf)
    moved = min(above, below)
    raised = _filled([-min(size, 0.0) for size in sizes if size > -inf], moved)
    lowered = _filled([max(size, 0.0) for size in sizes if size > -inf], moved)
    finite = iter(high - low for high, low in zip(lowered, raised, strict=True))
    return [next(finite) if size > -inf else -inf for size in sizes]


def _filled(heights: list[float], amount: float) -> list[float]:
    """Cut `amount` >= 0 off non-negative heights from the top, to one line."""
    for line_count in range(len(heights), 0, -1):
        top = sorted(heights, reverse=True)[:line_count]
        line = (sum(top) - amount) / line_count
        if line <= top[-1]:
            return [min(height, line) for height in heights]
    return heights


def _layer_factors(norms: list[float], logs: list[float], gauge: Gauge) -> list[float]:
    """Logarithms of the factors that bring layers of spectral norm `norms`, in units of exp(`logs`), to a gauge.

    The factors multiply to the same product as the units, so that the change of variables leaves P, and with it the
    type of every point, unchanged.
    """
    sizes = [unit + log(norm) if norm else -inf for norm, unit in zip(norms, logs, strict=True)]
    zeros = norms.count(0.0)
    if not zeros:
        mean = sum(sizes) / len(sizes)
        targets = [mean] * len(sizes) if gauge is Gauge.BALANCED else _levelled(sizes)
        return [target - log(norm) for target, norm in zip(targets, norms, strict=True)]
    heights = [0.0] * len(sizes) if gauge is Gauge.BALANCED else [min(height, 0.0) for height in _levelled(sizes)]
    factors = [height - log(norm) if norm else 0.0 for height, norm in zip(heights, norms, strict=True)]
    rest = (sum(logs) - sum(factors)) / zeros
    return [factor if norm else rest for factor, norm in zip(factors, norms, strict=True)]


def _unit_range(array: Matrix) -> tuple[Matrix, int]:
    """Split an array into one with largest entry in [1/2, 1) and a power of two; exact but for underflow."""
    exponent = int(np.frexp(np.max(np.abs(array), initial=0.0))[1])
    if abs(exponent) < _SCALED_BY_PRODUCT:
        return array * 2.0**-exponent, exponent
    return np.ldexp(array, -exponent), exponent


def _largest(singular_values: Matrix) -> float:
    return float(np.max(singular_values, initial=0.0))


def to_user(
    network: WhitenedNetwork,
    direction: Sequence[Matrix | None],
    problem: ReducedProblem,
    *,
    equilibrated: Matrix | None = None,
) -> Layers:
    """Map a direction in `network`'s coordinates to the caller's: W_k as stored, V_1 through the left inverse of F.

    `equilibrated` is V_1 times that of F / c, if it is known.

    Returns
    -------
    tuple of ndarray
        Shapes of the stored layers; the part that X does not see is zero. Not finite where the stored layers' units
        are too far apart for float64.
    """
    result = []
    for k, (W, V) in enumerate(zip(network.layers, direction, strict=True)):
        if k == 0 and equilibrated is not None:
            result.append(_first_to_user(network, equilibrated, problem))
        elif _moves(V):
            result.append(layer_to_user(network, V, k + 1, problem))
        else:
            result.append(np.zeros((W.shape[0], W.shape[1] if k else problem.dx)))
    return tuple(result)


def layer_to_user(network: WhitenedNetwork, change: Matrix, k: int, problem: ReducedProblem) -> Matrix:
    """Map a change of W_k, or some of its rows, to the caller's coordinates; shape (rows, d_{k-1} as stored)."""
    with np.errstate(over="ignore", invalid="ignore"):
        if k > 1:
            return np.asarray(change * np.exp(-network.stretch[k - 1]))
        return _first_to_user(network, change @ problem.left_inverse, problem)


def _first_to_user(network: WhitenedNetwork, equilibrated: Matrix, problem: ReducedProblem) -> Matrix:
    inverse_norms = np.divide(1.0, problem.column_norms, out=np.zeros(problem.dx), where=problem.column_norms > 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(equilibrated * np.exp(log(problem.scale) - network.stretch[0]) * inverse_norms)


def from_user(network: WhitenedNetwork, direction: Sequence[Matrix], problem: ReducedProblem) -> Layers:
    """Map a direction in the caller's coordinates to `network`'s: V_1 F / scale, each layer by its factor."""
    first, *others = direction
    with np.errstate(over="ignore", invalid="ignore"):
        whitened = (first * problem.column_norms) @ problem.whitening * np.exp(network.stretch[0] - log(problem.scale))
        rest = [V * np.exp(stretch) for V, stretch in zip(others, network.stretch[1:], strict=True)]
    return (np.asarray(whitened), *rest)
