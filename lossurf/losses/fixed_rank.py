"""The second derivative of a convex loss on the products of full rank, which tells what a pure critical point is.

Where the product P = U S V^T has the rank r of the narrowest layer, the layers' product is a submersion onto the
matrices of rank r: P is a critical point on them (a pure one: Trager, Kohn & Bruna 2020), and the signs of the Hessian
over the layers are those of the second derivative there, beside the directions that leave P as it is. On a tangent
vector D = U delta V^T + U beta V_c^T + U_c gamma V^T it is, with E the gradient,

    q(D) = H[D, D] + 2 <U_c^T E V_c, gamma S^{-1} beta>.

Positive definite, it proves a local minimum; a negative eigenvalue gives a direction that is verified before it is
believed. An output bias is a further column beside P, with all of R^dy as its tangent space.

How far from the computed eigenvalue may be that of another matrix of rank r, whose distance from P is eps in the
spectral norm and eps_F in the Frobenius norm, biases included? When both are at most sigma / 20, sigma the least of the
singular values and e = ||U_c^T E V_c||, singular spaces turn by at most 1.06 eps / sigma (Wedin 1972), a rotation that
takes a tangent vector to one there and moves it by 2.2 eps / sigma, and H <= 1 by 4.8 eps / sigma with it; E changes by
at most eps_F and is turned as much, which through S^{-1} comes to 1.2 eps_F / sigma + 2.4 e eps / sigma^2; and S^{-1}
changes by 1.2 eps / sigma^2. Together

    5 eps / sigma + 1.2 eps_F / sigma + 4 e eps / sigma^2,

and H itself lies between bounds that the loss gives (`Loss.curvature_near`). If all of them within eps_F are at least
mu and the gradient on the tangent space at P is g < mu eps_F / 2, the loss on a sphere of that radius is above that at
P, and a local minimum lies within. Own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from lossurf.decompositions import largest_singular_value, svd
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.shadow import FARTHEST_SHADOW
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
"""Unknowns up to which the form is set up and factored, as for the convex problem's Hessian: 18 MB, and some three
seconds each of the few times that a verdict and its range of tolerances ask for."""

_NEAR: Final = 0.05  # of the least singular value: how far the bounds above hold


@dataclass(frozen=True)
class Sign:
    """What the form says at one tolerance: its least eigenvalue, how far it is from zero, and an eigenvector."""

    positive: bool
    margin: float
    vector: Matrix = field(repr=False)


class Ball(NamedTuple):
    """How far the weights may be from an exact critical point, in the units of P.

    Attributes
    ----------
    turned : float
        Of P in the spectral norm.
    moved : float
        Of P and the output bias in the Frobenius norm.
    mean : float
        Of the output bias.
    """

    turned: float
    moved: float
    mean: float

    def wider(self, by: float) -> Ball:
        """Return the ball with a Frobenius distance added."""
        return Ball(self.turned + by, self.moved + by, self.mean + by)


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
        self.point, self.rank, self.whole, self._bias_reach = point, rank, whole, bias_reach
        dy, seen = point.network.target.shape
        self._columns = [self._of_row(row, seen) for row in range(dy)]
        self._found: dict[float, tuple[float, Matrix]] = {}

    def _of_row(self, row: int, seen: int) -> Matrix:
        """Columns of U^T D V that are free in this row: all of the first r rows, the first r and the bias of others."""
        within = np.arange(seen if self.whole or row < self.rank else self.rank)
        return np.concatenate([within, np.arange(seen, seen + self.point.problem.bias)])

    @cached_property
    def _svd(self) -> tuple[Matrix, Matrix, Matrix]:
        """Orthogonal U and V, and the r singular values."""
        U, s, right = svd(self.point.network.product)
        return U, s[: self.rank], right.T

    @property
    def left(self) -> Matrix:
        """Left singular vectors of P and their complement, (dy, dy)."""
        return self._svd[0]

    @property
    def singular_values(self) -> Matrix:
        """Singular values of P, (r,)."""
        return self._svd[1]

    @property
    def right(self) -> Matrix:
        """Right singular vectors of P and their complement, (rank_x, rank_x)."""
        return self._svd[2]

    @cached_property
    def _samples(self) -> Matrix:
        """What a column of P V, or the bias, is multiplied by in each sample's output, (m, rank_x [+ 1])."""
        samples = self.point.Z @ self.right
        if not self.point.problem.bias:
            return samples
        return np.column_stack([samples, np.full(len(samples), len(samples) ** -0.5)])

    @cached_property
    def unknowns(self) -> int:
        """Dimension of the tangent space."""
        return sum(columns.size for columns in self._columns)

    @cached_property
    def gradient(self) -> Matrix:
        """U^T E V and the slope in the bias, (dy, columns); on the tangent space it is zero at a critical point."""
        point = self.point
        slope = point.loss.slope(point.outputs, point.Y)
        return np.asarray(self.left.T @ slope.T @ self._samples / (point.curvature * point.problem.scale))

    @cached_property
    def _outside(self) -> Matrix:
        """U_c^T E V_c."""
        return self.gradient[self.rank :, self.rank : self.right.shape[0]]

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
        ball = self._ball(tau)
        if not self._is_near(ball):
            return None
        least, _ = self._least(Ball(0.0, 0.0, 0.0), -1.0)
        return self._positive(ball, least) if least > 0.0 else self._negative(ball)

    def _negative(self, ball: Ball) -> Sign | None:
        least, vector = self._least(ball, 1.0)
        change = self._change(ball)
        return Sign(False, -least / change, vector) if least < -change else None

    def _positive(self, ball: Ball, here: float) -> Sign | None:
        beside = 8.0 * self.slope / here
        wider = ball.wider(beside)
        if beside > FARTHEST_SHADOW * ball.moved or not self._is_near(wider):
            return None
        least, vector = self._least(wider, -1.0)
        change = self._change(wider)
        return Sign(True, least / change, vector) if least - change >= 0.25 * here else None

    def convexity(self, tau: float) -> float | None:
        """Return how far the form is positive beyond what a relative tau of the layers does; None where it is not."""
        ball = self._ball(tau)
        if not self._is_near(ball):
            return None
        margin = self._least(ball, -1.0)[0] / self._change(ball)
        return margin if margin > 1.0 else None

    def _ball(self, tau: float) -> Ball:
        reach = max(tau, self._floor)
        turned, mean = reach * self._product_reach, reach * self._bias_reach
        return Ball(turned, float(np.sqrt(2.0 * self.rank)) * turned + mean, mean)  # of rank at most 2r

    @cached_property
    def _product_reach(self) -> float:
        """How far a relative change of every layer moves P."""
        return Sensitivity(self.point.network).product_change

    def _is_near(self, ball: Ball) -> bool:
        return bool(ball.moved <= _NEAR * self.singular_values[-1])

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

    def _change(self, ball: Ball) -> float:
        """How far the form's eigenvalues within a ball are from those computed, but for H itself; rounding added."""
        least, outside = (
            float(self.singular_values[-1]),
            largest_singular_value(self._outside),
        )
        order = self.unknowns + len(self._samples)
        rounding = UNDECIDED_FACTOR * rank_threshold(1.0 + outside / least, order)
        return (5.0 * ball.turned + 1.2 * ball.moved + 4.0 * outside / least * ball.turned) / least + rounding

    def _least(self, ball: Ball, side: float) -> tuple[float, Matrix]:
        """Least eigenvalue, with an eigenvector, of an upper (1) or lower (-1) bound of the form within a ball."""
        from scipy.linalg import eigh

        key = side * ball.moved
        if key not in self._found:
            values, vectors = eigh(self._matrix(side * self._reach(ball)), subset_by_index=[0, 0], check_finite=False)
            self._found[key] = float(values[0]), vectors[:, 0]
        return self._found[key]

    def _reach(self, ball: Ball) -> Matrix:
        """How far each sample's outputs move within a ball, (m, 1)."""
        sizes = np.linalg.norm(self.point.Z, axis=1, keepdims=True)
        return np.asarray(self.point.problem.scale * (ball.turned * sizes + ball.mean / np.sqrt(len(sizes))))

    def _matrix(self, reach: Matrix) -> Matrix:
        point, samples = self.point, self._samples
        offsets = np.concatenate([[0], np.cumsum([columns.size for columns in self._columns])])
        matrix = np.zeros((self.unknowns, self.unknowns))
        for a, left in enumerate(self._columns):
            along = np.broadcast_to(self.left[:, a], point.Y.shape)
            bent = (
                point.loss.curvature_near(point.outputs, point.Y, along, reach) @ self.left / point.curvature
            )  # (m, dy)
            for b, right in enumerate(self._columns[: a + 1]):
                rows, columns = slice(offsets[a], offsets[a + 1]), slice(offsets[b], offsets[b + 1])
                matrix[rows, columns] = samples[:, left].T @ (bent[:, b, None] * samples[:, right])
        self._add_gradient(matrix, offsets)
        if self.point.loss.shifts:
            self._hold_shifts(matrix, offsets)
        return np.asarray(np.tril(matrix) + np.tril(matrix, -1).T)

    def _add_gradient(self, matrix: Matrix, offsets: Matrix) -> None:
        for q, row in enumerate(self._outside, start=self.rank):
            for p in range(self.rank):
                beta = offsets[p] + np.arange(self.rank, self.right.shape[0])
                matrix[offsets[q] + p, beta] += row / self.singular_values[p]

    def _hold_shifts(self, matrix: Matrix, offsets: Matrix) -> None:
        """Add |1^T D V|^2 / dy, and of the bias: positive on the shifts of outputs that leave the loss as it is.

        They are tangent, and the form is zero on them and between them and others. Beside them it is left as it is
        where 1^T D V = 0, which is a complement: the signs that remain are the form's.
        """
        shift = self.left.T @ np.full(self.left.shape[0], self.left.shape[0] ** -0.5)
        held = [*range(self.rank), *range(self.right.shape[0], self._samples.shape[1])]
        for column in held:
            places = [offsets[row] + int(np.searchsorted(columns, column)) for row, columns in enumerate(self._columns)]
            matrix[np.ix_(places, places)] += np.outer(shift, shift)

    def lift(self, vector: Matrix) -> Layers:
        """Return changes of the layers that move P by a tangent vector; that of the bias is left to its best.

        W_1 takes U^T D, W_N the rest: their product then bends P by gamma S^{-1} beta.
        """
        D = np.zeros((self.left.shape[0], self._samples.shape[1]))
        D[np.repeat(np.arange(len(D)), [c.size for c in self._columns]), np.concatenate(self._columns)] = vector
        network, r, seen = self.point.network, self.rank, self.right.shape[0]
        U, V = self.left[:, :r], self.right[:, :r]
        first, last = network.below(1) @ V, U.T @ network.above(network.depth - 1)
        changes = [np.zeros_like(W) for W in network.layers]
        changes[0] = (first / self.singular_values) @ D[:r, :seen] @ self.right.T
        changes[-1] = self.left[:, r:] @ (D[r:, :r] / self.singular_values) @ last
        return tuple(changes)
