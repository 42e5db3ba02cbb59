"""The regularised problem in units of its own: ||F||_2 = ||T||_2 = 1, one common factor on all layers.

    L(W) = 1/2 ||W_N ... W_1 F - T||_F^2 + 1/2 lam sum_k ||W_k||_F^2 + constant,    F F^T = X X^T, T F^T = Y X^T

The penalty is not invariant under whitening, so F keeps the data's own coordinates on the side of the layers. A factor
that all layers share changes lam and the unit of the loss, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, inf, log
from typing import Final

import numpy as np

from lossurf.decompositions import largest_singular_value, singular_values
from lossurf.errors import InputError, UsageError
from lossurf.network import Layers, WhitenedNetwork, output_too_large
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Reduction

_LARGEST_LAYER: Final = log(1e90)  # as in `network`: three products of all layers stay in the range of float64


def penalty_weight(weight_decay: float, reduction: Reduction, samples: int, outputs: int) -> float:
    """Return lam, the weight of 1/2 sum ||W_k||^2 beside 1/2 ||P X - Y||_F^2.

    An optimizer with weight decay wd adds wd W_k to the gradient of the loss it is given. That loss is the half sum of
    squares times 2 / (m dy) for the mean over all entries, times 2 for the sum, and times 1 for the half sum.

    Parameters
    ----------
    weight_decay : float
        wd, as the optimizer was given it: positive and finite.
    reduction : Reduction
    samples, outputs : int
        m and dy.

    Returns
    -------
    float

    Raises
    ------
    UsageError
        If wd is not a positive number.
    """
    if not 0.0 < weight_decay < inf:
        raise UsageError(
            f"weight decay {weight_decay:g} is not a positive number",
            where="--weight-decay",
            remedy="give what the optimizer was given, such as 1e-4; leave it out for none",
        )
    return weight_decay * reduction.half_sum(samples, outputs)


@dataclass(frozen=True)
class ScaledProblem:
    """A dataset with a penalty, in units of its own.

    Attributes
    ----------
    F : ndarray, shape (dx, rank_x)
        Spectral norm 1; zero where X is.
    T : ndarray, shape (dy, rank_x)
        Spectral norm 1; zero where nothing of Y can be fitted.
    decay : float
        lam in these units.
    depth : int
        N.
    unit : float
        Logarithm of what a stored layer is divided by.
    loss_unit : float
        Square root of what a loss is divided by: ||T||_2 in units of the data.
    residual_loss : float
        Least loss without the penalty, in units of the data.
    floor : float
        Relative error of F and T: of the factorisation, and of the stored numbers of the data.
    """

    F: Matrix
    T: Matrix
    decay: float
    depth: int
    unit: float
    loss_unit: float
    residual_loss: float
    floor: float

    @property
    def order(self) -> int:
        """The n of every n * eps bound on what is computed from F and T."""
        return int(sum(self.F.shape) + self.T.shape[0])

    @cached_property
    def correlation(self) -> Matrix:
        """T F^T = Y X^T, shape (dy, dx)."""
        return np.asarray(self.T @ self.F.T)

    @cached_property
    def input_singular_values(self) -> Matrix:
        """Singular values of F, (rank_x,), descending."""
        return singular_values(self.F)

    def scaled(self, weights: Sequence[Matrix]) -> Layers:
        """Return stored layers in these units.

        Raises
        ------
        InputError
            If a product of them leaves the range of float64.
        """
        sizes = [frobenius_norm(W) for W in weights]
        if sum(max(log(size) - self.unit, 0.0) for size in sizes if size > 0.0) > _LARGEST_LAYER:
            raise output_too_large()
        return tuple(np.asarray(W * exp(-self.unit)) for W in weights)

    def stored(self, layers: Sequence[Matrix]) -> Layers:
        """Return layers of these units as they are stored."""
        return tuple(np.asarray(W * exp(self.unit)) for W in layers)

    def loss(self, layers: Sequence[Matrix]) -> float:
        """Return the regularised loss of layers in these units, without the constant part."""
        return 0.5 * float(np.sum((product(layers) @ self.F - self.T) ** 2)) + self.penalty(layers)

    def penalty(self, layers: Sequence[Matrix]) -> float:
        """1/2 lam sum ||W_k||_F^2."""
        return 0.5 * self.decay * sum(float(np.sum(W**2)) for W in layers)

    @property
    def zero_loss(self) -> float:
        """Loss of the network that is zero."""
        return 0.5 * float(np.sum(self.T**2))

    def in_data_units(self, loss: float) -> float:
        """Return a loss of these units, with the constant part, as the regularised half sum of squares of the data."""
        return self.loss_unit * (self.loss_unit * loss) + self.residual_loss

    def rounding(self, size: float) -> float:
        """Bound the error of a loss computed from terms of this size in float64."""
        return UNDECIDED_FACTOR * rank_threshold(size, self.order)

    def network(self, layers: Sequence[Matrix]) -> WhitenedNetwork:
        """Take F into the first layer; a relative change of W_1 then reaches no further than ||W_1||."""
        first = largest_singular_value(layers[0])
        zeros = (0.0,) * len(layers)
        return WhitenedNetwork((np.asarray(layers[0] @ self.F), *layers[1:]), self.T, zeros, first)


def scaled_problem(problem: ReducedProblem, decay: float, depth: int) -> ScaledProblem:
    """Bring a dataset, a penalty and a depth to their own units.

    Parameters
    ----------
    problem : ReducedProblem
        Centred exactly when the network has an output bias, which is not decayed.
    decay : float
        lam > 0 (`penalty_weight`).
    depth : int
        N >= 1.

    Returns
    -------
    ScaledProblem

    Raises
    ------
    InputError
        If lam leaves the range of float64 beside the data.
    """
    F = problem.column_norms[:, None] * problem.whitening
    size = largest_singular_value(F) or 1.0
    unit = (log(problem.scale) - log(size)) / depth
    exponent = log(decay) + 2.0 * (unit - log(problem.scale))
    if not log(1e-150) < exponent < log(1e150):
        raise InputError(
            f"the weight decay is {exp(max(min(exponent, 700.0), -700.0)):.3g} beside X and Y: out of reach of float64",
            where="--weight-decay",
            remedy="give the weight decay for the units that X and Y are in, or scale them to unit size",
        )
    return ScaledProblem(
        F=np.asarray(F / size),
        T=problem.target,
        decay=exp(exponent),
        depth=depth,
        unit=unit,
        loss_unit=problem.scale,
        residual_loss=0.5 * problem.residual_norm**2,
        floor=rank_threshold(1.0, problem.order, problem.data_eps),
    )


def product(layers: Sequence[Matrix]) -> Matrix:
    """W_N ... W_1, shape (dy, dx)."""
    result = layers[0]
    for W in layers[1:]:
        result = W @ result
    return np.asarray(result)
