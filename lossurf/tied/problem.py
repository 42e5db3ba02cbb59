"""X of a tied autoencoder in the basis of X X^T's eigenvectors, in units of its largest singular value.

    L(W) = 1/2 ||(W^T W - I) X||_F^2 = 1/2 unit^2 sum_j s_j^2 ||(C^T C - I) e_j||^2,   C = W Q,
    X X^T = unit^2 Q diag(s^2) Q^T

Whitening changes this loss and an orthogonal basis does not, so that W keeps its size: a row that carries an
eigenvector has norm 1 in any units of X. The s_j are singular values of X's triangle: no condition number is squared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from lossurf.decompositions import svd
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold
from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class TiedProblem:
    """What a tied autoencoder sees of its data.

    Attributes
    ----------
    basis : ndarray, shape (dx, dx)
        Q, orthonormal columns: eigenvectors of X X^T, those of the eigenvalue zero last.
    singular_values : ndarray, shape (rank_x,)
        s, descending, the largest 1.
    unit : float
        The largest singular value of X.
    rounding, floor : float
        Bound of the errors of s: of float64 alone, and of the numbers as the data store them.
    """

    basis: Matrix
    singular_values: Matrix
    unit: float
    rounding: float
    floor: float

    @property
    def resolution(self) -> float:
        """Singular values closer than this, or smaller, cannot be told apart, or from zero."""
        return UNDECIDED_FACTOR * self.rounding

    @cached_property
    def seen(self) -> int:
        """How many eigenvectors X has with a singular value above rounding."""
        return int(np.count_nonzero(self.singular_values > self.resolution))

    @property
    def blurred(self) -> int:
        """How many more it has by the rank of X, with singular values that are lost in the rounding of the largest."""
        return self.singular_values.size - self.seen

    @cached_property
    def weights(self) -> Matrix:
        """Singular value of every eigenvector, (dx,): zero where X has none above rounding."""
        padded = np.zeros(len(self.basis))
        padded[: self.seen] = self.singular_values[: self.seen]
        return padded

    @cached_property
    def groups(self) -> tuple[slice, ...]:
        """Seen eigenvectors whose singular values are the same to rounding, the largest first."""
        cuts = np.flatnonzero(-np.diff(self.singular_values[: self.seen]) > self.resolution) + 1
        ends = [0, *map(int, cuts), self.seen]
        return tuple(slice(a, b) for a, b in pairwise(ends) if b > a)

    @cached_property
    def least_losses(self) -> Matrix:
        """Least loss of k hidden units, k = 0..rank_x, in units of unit^2: half the sum of the squares left out."""
        tails = np.cumsum(self.singular_values[::-1] ** 2)[::-1]
        return np.asarray(0.5 * np.append(tails, 0.0))

    def least_loss(self, hidden: int) -> tuple[float, float]:
        """Return the least loss of so many hidden units in units of the data, and a bound of its error (Weyl)."""
        k = min(hidden, self.singular_values.size)
        left = self.singular_values[k:]
        error = float(np.sum(left * self.floor)) + 0.5 * left.size * self.floor**2
        return self.in_data_units(float(self.least_losses[k])), self.in_data_units(error)

    def loss(self, coordinates: Matrix) -> float:
        """Return the loss of C = W Q in units of unit^2."""
        residual = coordinates.T @ coordinates - np.eye(len(self.basis))
        rank = self.singular_values.size
        return 0.5 * float(np.sum((residual[:, :rank] * self.singular_values) ** 2))

    def in_data_units(self, loss: float) -> float:
        """Return a loss in squared units of X times samples."""
        return self.unit * (self.unit * loss)


def tied_problem(problem: ReducedProblem) -> TiedProblem:
    """Read X from a reduced problem whose Y is X.

    Parameters
    ----------
    problem : ReducedProblem
        Not centred: the decoder of a tied autoencoder has no bias here.

    Returns
    -------
    TiedProblem
    """
    F = problem.column_norms[:, None] * problem.whitening
    basis, s, _ = svd(F)
    unit = float(s[0]) if s.size and s[0] > 0.0 else 1.0
    return TiedProblem(
        basis=np.asarray(basis),
        singular_values=np.asarray(s / unit),
        unit=unit,
        rounding=rank_threshold(1.0, problem.order),
        floor=rank_threshold(1.0, problem.order, problem.data_eps),
    )
