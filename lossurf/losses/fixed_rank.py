"""The second derivative of a convex loss on the products of full rank, which tells what a pure critical point is.

Where the product P = U S V^T has the rank r of the narrowest layer, the layers' product is a submersion onto the
matrices of rank r: P is a critical point on them (a pure one: Trager, Kohn & Bruna 2020), and the signs of the Hessian
over the layers are those of the second derivative there, beside the directions that leave P as it is. On a tangent
vector D = U delta V^T + U beta V_c^T + U_c gamma V^T it is, with E the gradient,

    q(D) = H[D, D] + 2 <U_c^T E V_c, gamma S^{-1} beta>.

Positive definite, it proves a local minimum; a negative eigenvalue gives a direction that is verified before it is
believed. An output bias is a further column beside P, with all of R^dy as its tangent space.

How far from the computed eigenvalue that of any matrix of rank r within eps of P may be, when eps <= sigma / 20, sigma
the least of the singular values and e = ||U_c^T E V_c||: singular spaces turn by at most 1.06 eps / sigma (Wedin 1972),
a rotation that takes a tangent vector to one there and moves it by 2.2 eps / sigma, and H <= 1 by 4.6 eps / sigma with
it; E changes by at most eps and is turned as much; S^{-1} changes by 1.12 eps / sigma^2. Together

    6 eps / sigma + 4 e eps / sigma^2,

and H itself lies between bounds that the loss gives (`Loss.curvature_near`). If all of them within eps are at least mu
and the gradient on the tangent space at P is g < mu eps / 2, the loss on a sphere of radius eps is above that at P, and
a local minimum lies within. Own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from lossurf.landscape.sensitivity import Sensitivity
from lossurf.losses.majoriser import Majoriser
from lossurf.network import Layers, rounding_of_products
from lossurf.numerics import (
    LARGEST_TOLERANCE,
    STABILITY_FACTOR,
    UNDECIDED_FACTOR,
    Matrix,
    frobenius_norm,
    rank_threshold,
)

LARGEST_FORM: Final = 1500
"""Unknowns up to which the form is set up and factored (18 MB, some seconds), as for the convex problem's Hessian."""

_NEAR: Final = 0.05  # of the least singular value: how far the bounds above hold
_FARTHEST: Final = 10.0  # times what the tolerance does to P, as for the squared loss (theory, end of section 6a)


@dataclass(frozen=True)
class Sign:
    """What the form says at one tolerance: its least eigenvalue, how far it is from zero, and an eigenvector."""

    positive: bool
    margin: float
    vector: Matrix = field(repr=False)


class FixedRank:
    """The form at one network of full rank; `unknowns` says how large its matrix is before any is made.

    Parameters
    ----------
    point : Majoriser
        With a product of rank r.
    rank : int
        r.
    bias_reach : float
        How far a relative change of all layers and biases moves the mean output, in the units of P.
    whole : bool
        Take all D for a tangent space, U_c^T D V_c too: what tails may reach beside the products of rank r.
    """

    def __init__(self, point: Majoriser, rank: int, bias_reach: float = 0.0, *, whole: bool = False) -> None:
        self.point, self.rank, self.whole = point, rank, whole
        network = point.network
        self.U, s, right = np.linalg.svd(network.product)
        self.V, self.s = right.T, s[:rank]
        samples = point.Z @ self.V
        if point.problem.bias:
            samples = np.column_stack([samples, np.full(len(samples), len(samples) ** -0.5)])
        self._samples = samples  # (m, rank_x [+ 1]): of the columns of P V, and of the bias
        self._columns = [self._of_row(row) for row in range(network.target.shape[0])]
        self._move = float(np.sqrt(2.0 * rank)) * Sensitivity(network).product_change + bias_reach
        self._found: dict[bytes, tuple[float, Matrix]] = {}

    def _of_row(self, row: int) -> Matrix:
        """Columns of U^T D V that are free in this row: all of the first r rows, the first r and the bias of others."""
        seen = self.V.shape[0]
        within = np.arange(seen if self.whole or row < self.rank else self.rank)
        return np.concatenate([within, np.arange(seen, self._samples.shape[1])])

    @cached_property
    def unknowns(self) -> int:
        """Dimension of the tangent space."""
        return sum(columns.size for columns in self._columns)

    @cached_property
    def gradient(self) -> Matrix:
        """U^T E V and the slope in the bias, (dy, columns); on the tangent space it is zero at a critical point."""
        point = self.point
        slope = point.loss.slope(point.outputs, point.Y)
        return np.asarray(self.U.T @ slope.T @ self._samples / (point.curvature * point.problem.scale))

    @cached_property
    def _outside(self) -> Matrix:
        """U_c^T E V_c."""
        return self.gradient[self.rank :, self.rank : self.V.shape[0]]

    @cached_property
    def slope(self) -> float:
        """Norm of the gradient on the tangent space."""
        rows = [self.gradient[row, columns] for row, columns in enumerate(self._columns)]
        return frobenius_norm(np.concatenate(rows))

    def sign(self, tau: float) -> Sign | None:
        """Return the sign of the form's least eigenvalue at all that weights within a relative tau may be.

        Positive only where an exact critical point, then a minimum, lies within ten times what tau does to P. None
        where the sign is open.
        """
        moved = self._move * max(tau, self._floor)
        if not moved <= _NEAR * self.s[-1]:
            return None
        upper, vector = self._least(moved)
        if upper < -self._change(moved):
            return Sign(False, -upper / self._change(moved), vector)
        lower, _ = self._least(0.0)
        if not lower > 0.0:
            return None
        beside = 8.0 * self.slope / lower
        if beside > _FARTHEST * moved or not moved + beside <= _NEAR * self.s[-1]:
            return None
        least, vector = self._least(-(moved + beside))
        change = self._change(moved + beside)
        return Sign(True, least / change, vector) if least - change >= 0.25 * lower else None

    def convexity(self, tau: float) -> float | None:
        """Return how far the form is positive beyond what a relative tau of the layers does; None where it is not."""
        moved = self._move * max(tau, self._floor)
        if not moved <= _NEAR * self.s[-1]:
            return None
        margin = self._least(-moved)[0] / self._change(moved)
        return margin if margin > 1.0 else None

    def last_tolerance(self, tau: float, sign: Sign) -> float:
        """Return a tolerance up to which the sign stays: three times tau, and as many times ten as it goes."""
        last = STABILITY_FACTOR * tau
        while last < LARGEST_TOLERANCE:
            found = self.sign(min(10.0 * last, LARGEST_TOLERANCE))
            if found is None or found.positive is not sign.positive:
                break
            last = min(10.0 * last, LARGEST_TOLERANCE)
        return last

    @cached_property
    def _floor(self) -> float:
        """The relative change of the layers that rounding of the data and of the products amounts to."""
        return self.point.problem.target_error() + rounding_of_products(self.point.network.layers)

    def _change(self, eps: float) -> float:
        """How far the form's eigenvalues within eps of P are from those computed, but for H itself; rounding added."""
        least, outside = float(self.s[-1]), float(np.linalg.norm(self._outside, 2)) if self._outside.size else 0.0
        order = self.unknowns + len(self._samples)
        rounding = UNDECIDED_FACTOR * rank_threshold(1.0 + outside / least, order)
        return (6.0 + 4.0 * outside / least) * eps / least + rounding

    def _least(self, eps: float) -> tuple[float, Matrix]:
        """Least eigenvalue, with an eigenvector, of an upper (eps > 0) or lower bound of the form within |eps| of P."""
        from scipy.linalg import eigh

        blocks = self._bends(eps)
        key = blocks.tobytes()
        if key not in self._found:
            self._found.clear()  # one at a time: a step to the next tolerance asks for the same again or for another
            values, vectors = eigh(self._matrix(blocks), subset_by_index=[0, 0], check_finite=False)
            self._found[key] = float(values[0]), vectors[:, 0]
        return self._found[key]

    def _bends(self, eps: float) -> Matrix:
        """Second derivatives of every sample in the basis U, (dy, m, dy), in units of c."""
        point = self.point
        reach = eps * point.problem.scale * np.linalg.norm(self._samples, axis=1, keepdims=True)
        rows = [
            point.loss.curvature_near(point.outputs, point.Y, np.broadcast_to(u, point.Y.shape), reach) @ self.U
            for u in self.U.T
        ]
        return np.asarray(rows) / point.curvature

    def _matrix(self, bends: Matrix) -> Matrix:
        offsets = np.concatenate([[0], np.cumsum([columns.size for columns in self._columns])])
        matrix = np.zeros((self.unknowns, self.unknowns))
        for a, left in enumerate(self._columns):
            for b, right in enumerate(self._columns[: a + 1]):
                weighted = bends[a, :, b, None] * self._samples[:, right]
                matrix[offsets[a] : offsets[a + 1], offsets[b] : offsets[b + 1]] = self._samples[:, left].T @ weighted
        self._add_gradient(matrix, offsets)
        if self.point.loss.shifts:
            self._hold_shifts(matrix, offsets)
        return np.asarray(np.tril(matrix) + np.tril(matrix, -1).T)

    def _add_gradient(self, matrix: Matrix, offsets: Matrix) -> None:
        for q, row in enumerate(self._outside, start=self.rank):
            for p in range(self.rank):
                beta = offsets[p] + np.arange(self.rank, self.V.shape[0])
                matrix[offsets[q] + p, beta] += row / self.s[p]

    def _hold_shifts(self, matrix: Matrix, offsets: Matrix) -> None:
        """Add |1^T D V|^2 / dy, and of the bias: positive on the shifts of outputs that leave the loss as it is.

        They are tangent, and the form is zero on them and between them and others. Beside them it is left as it is
        where 1^T D V = 0, which is a complement: the signs that remain are the form's.
        """
        shift = self.U.T @ np.full(self.U.shape[0], self.U.shape[0] ** -0.5)
        held = [*range(self.rank), *range(self.V.shape[0], self._samples.shape[1])]
        for column in held:
            places = [offsets[row] + int(np.searchsorted(columns, column)) for row, columns in enumerate(self._columns)]
            matrix[np.ix_(places, places)] += np.outer(shift, shift)

    def lift(self, vector: Matrix) -> Layers:
        """Return changes of the layers that move P by a tangent vector; that of the bias is left to its best.

        W_1 takes U^T D, W_N the rest: their product then bends P by gamma S^{-1} beta.
        """
        D = np.zeros((self.U.shape[0], self._samples.shape[1]))
        D[np.repeat(np.arange(len(D)), [c.size for c in self._columns]), np.concatenate(self._columns)] = vector
        network, r, seen = self.point.network, self.rank, self.V.shape[0]
        U, V = self.U[:, :r], self.V[:, :r]
        first, last = network.below(1) @ V, U.T @ network.above(network.depth - 1)
        changes = [np.zeros_like(W) for W in network.layers]
        changes[0] = (first / self.s) @ D[:r, :seen] @ self.V.T
        changes[-1] = self.U[:, r:] @ (D[r:, :r] / self.s) @ last
        return tuple(changes)
