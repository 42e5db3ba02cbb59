"""The reduced problem: a dataset in whitened coordinates, whatever its length, units and rank.

L(W) = 1/2 scale^2 ||W_N ... W_2 (W_1 F / scale) - target||_F^2 + 1/2 residual_norm^2 (theory, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lossurf.decompositions import largest_singular_value, singular_values, svd
from lossurf.numerics import Matrix
from lossurf.reduction.precision import Precision
from lossurf.reduction.triangle import Triangle
from lossurf.reduction.whitening import Whitened, choose_columns, whiten_columns


class MeanRow(NamedTuple):
    """The row of the triangle that the ones column takes: sqrt(m) and sqrt(m) times the column means, up to one sign.

    With a bias on the output the loss has the further term 1/2 ||root_samples * b + P x - y||^2 with
    x = shifted_x + root_samples * shift_x, and y alike. Kept apart, because a large mean rounds its spread away.
    """

    root_samples: float
    shifted_x: Matrix  # (dx,)
    shifted_y: Matrix  # (dy,)
    shift_x: Matrix  # (dx,)
    shift_y: Matrix  # (dy,)

    @property
    def x(self) -> Matrix:
        """sqrt(m) times the means of X's columns, (dx,)."""
        return self.shifted_x + self.root_samples * self.shift_x

    @property
    def y(self) -> Matrix:
        """sqrt(m) times the means of Y's columns, (dy,)."""
        return self.shifted_y + self.root_samples * self.shift_y


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """A dataset as the deep factorisation of one small matrix.

    Attributes
    ----------
    samples, dx, dy : int
        Shape of the data: X is (samples, dx), Y is (samples, dy).
    bias : bool
        Whether X and Y are centred, the exact reduction of a network with an output bias.
    column_norms : ndarray, shape (dx,)
        c of theory section 2, units of X's columns times sqrt(samples); 0 for a zero (centred: constant) column.
    column_singular_values : ndarray, shape (dx,)
        Singular values of the column-equilibrated R11, descending: unitless. Of an X with an intercept column, of the
        intercept beside the others about their means, scaled to the norm of `whitening`.
    whitening : ndarray, shape (dx, rank_x)
        V_rho diag(s_rho): F = diag(column_norms) @ whitening; with an intercept a block triangle of that (`Whitened`).
    target : ndarray, shape (dy, rank_x)
        T / scale: spectral norm 1, or all zero.
    scale : float
        ||T||_2, units of Y times sqrt(samples); ||Y||_F where T = 0, and 1 where Y = 0.
    output_norms : ndarray, shape (dy,)
        Norms of Y's columns (centred where `bias`).
    residual_norm : float
        sqrt(2 L) at the unconstrained least-squares solution, same units as `scale`.
    mean_row : MeanRow or None
        Present where `bias`.
    data_eps : float
        Relative precision of the stored numbers.
    rank_bounds : tuple of int
        The most that rank(X) and rank(Y) can be whatever the numbers are: by the number of samples, zero columns and,
        where `bias`, constant ones.
    neglected_target : float
        ||T||_2 / scale of a T that was taken for zero because it is within its error; otherwise 0.
    precision : Precision
        Errors of X and Y, of rounding and of the stored precision together: what every decision on the data goes by.
    """

    samples: int
    dx: int
    dy: int
    bias: bool
    dtype: str
    column_norms: Matrix
    column_singular_values: Matrix
    whitening: Matrix
    target: Matrix
    scale: float
    output_norms: Matrix
    residual_norm: float
    mean_row: MeanRow | None
    data_eps: float
    rank_bounds: tuple[int, int]
    neglected_target: float
    precision: Precision
    left_inverse: Matrix = field(repr=False)  # (rank_x, dx), of `whitening`
    output_factor: Matrix = field(repr=False)  # (rows, dy), Y's columns of the triangle

    @property
    def rank_x(self) -> int:
        """Numerical rank of X (centred where `bias`) after column equilibration."""
        return int(self.whitening.shape[1])

    @property
    def order(self) -> int:
        """Order of the triangular factor, the n in every n * eps bound."""
        return 1 + self.dx + self.dy

    @property
    def condition(self) -> float:
        """Condition number of the equilibrated X on its row space; 1 where X = 0."""
        return self.precision.condition

    @cached_property
    def target_svd(self) -> tuple[Matrix, Matrix, Matrix]:
        """SVD of `target`: U (dy, q), singular values (q,), V^T (q, rank_x); q = min(dy, rank_x). Signs are fixed."""
        u, s, vt = svd(self.target, full_matrices=False)
        signs = np.sign(u[np.argmax(np.abs(u), axis=0), np.arange(u.shape[1])]) if u.size else np.ones(u.shape[1])
        return u * signs, s, vt * signs[:, None]

    @cached_property
    def output_singular_values(self) -> Matrix:
        """Singular values of Y (centred where `bias`) with outputs scaled to unit norm, shape (dy,), descending."""
        norms = self.output_norms
        scaled = np.divide(self.output_factor, norms, out=np.zeros_like(self.output_factor), where=norms > 0.0)
        return singular_values(scaled)

    def target_error(self) -> float:
        """Bound the error of T / scale in the spectral norm, up to a rotation of X's row space.

        The error of T's singular values too (Weyl's inequality). See `Precision.target_error`. What was neglected of T
        counts: the T of the data is within its error of the one that was found, not of zero.
        """
        size = float(np.linalg.norm(self.output_norms))
        return self.precision.target_error(size, self.residual_norm) / self.scale + self.neglected_target

    @cached_property
    def eigenvalues(self) -> Matrix:
        """Eigenvalues of Sigma, shape (dy,), descending, squared units of Y times samples: (singular values of T)^2."""
        values = np.zeros(self.dy)
        singular_values = self.target_svd[1]
        values[: singular_values.size] = (self.scale * singular_values) ** 2
        values[min(self.rank_bounds) :] = 0.0  # whatever the numbers are, so what is left there is rounding
        return values

    @cached_property
    def eigenvalues_error(self) -> Matrix:
        """Bounds of the errors of `eigenvalues`, shape (dy,): their roots are known to the error of T (Weyl).

        Exactly 0 for those that are zero whatever the numbers are. Where the rank of X is a matter of rounding, they
        are those of X at the rank it is given here.
        """
        error = self.scale * self.target_error()
        errors = error * (2.0 * np.sqrt(self.eigenvalues) + error)
        errors[min(self.rank_bounds) :] = 0.0
        return np.asarray(errors)

    @cached_property
    def loss_by_rank(self) -> Matrix:
        """Best loss L_k of a product of rank at most k, for k = 0..min(dx, dy) (theory, section 2)."""
        length = min(self.dx, self.dy)
        tails = np.concatenate([np.cumsum(self.eigenvalues[::-1])[::-1], [0.0]])  # sums the small ones first
        return np.asarray(0.5 * self.residual_norm**2 + 0.5 * tails[: length + 1])

    @cached_property
    def loss_by_rank_error(self) -> Matrix:
        """Bounds of the errors of `loss_by_rank`, shape (min(dx, dy) + 1,).

        sqrt(2 L_k) is the distance of Y from the products of rank k, known to `Precision.distance_error`; below the
        rank of T what T leaves out, means along an intercept included, has the errors of Y as T sees them.
        """
        size = float(np.linalg.norm(self.output_norms))
        residual = self.precision.distance_error(size, self.residual_norm)
        of_target = float(np.linalg.norm(self.precision.target_errors))
        carried = np.arange(self.loss_by_rank.size) >= self.target_svd[1].size
        errors = np.where(carried, residual, min(residual + of_target, size))
        errors[0] = min(errors[0], of_target)  # L_0 = 1/2 ||Y||^2 has nothing to do with X
        return np.asarray(errors * (np.sqrt(2.0 * self.loss_by_rank) + 0.5 * errors))


def reduced_problem(triangle: Triangle, *, bias: bool = False) -> ReducedProblem:
    """Whiten a triangle (theory, section 2).

    Parameters
    ----------
    triangle : Triangle
        Factor of [1 X^T Y^T], shifted.
    bias : bool
        Centre X and Y: the network has an output bias.

    Returns
    -------
    ReducedProblem

    Raises
    ------
    InputError
        If Y is so large or small that its squares leave the range of float64, or a column of X so small that it has
        no precision left.
    """
    dx, columns = triangle.dx, choose_columns(triangle, bias=bias)
    found = whiten_columns(columns, dx)
    target, scale, neglected = _normalised(found, columns.order)
    left_out = found.outside if np.any(target) else np.append(found.outside, found.target)
    return ReducedProblem(
        samples=triangle.samples,
        dx=dx,
        dy=triangle.dy,
        bias=bias,
        dtype=triangle.dtype,
        column_norms=found.input_norms,
        column_singular_values=found.singular_values,
        whitening=found.whitening,
        target=target,
        scale=scale,
        output_norms=found.output_norms,
        residual_norm=float(np.linalg.norm(left_out)),
        mean_row=_mean_row(triangle) if bias else None,
        data_eps=triangle.data_eps,
        rank_bounds=columns.rank_bounds,
        neglected_target=neglected,
        precision=found.precision,
        left_inverse=found.left_inverse,
        output_factor=found.output_factor,
    )


def _mean_row(triangle: Triangle) -> MeanRow:
    inputs, outputs = slice(1, 1 + triangle.dx), slice(1 + triangle.dx, None)
    row, shift = triangle.r[0], triangle.shift
    return MeanRow(float(row[0]), row[inputs], row[outputs], shift[inputs], shift[outputs])


def _normalised(found: Whitened, order: int) -> tuple[Matrix, float, float]:
    """Return T / scale, scale, and ||T|| / scale of a T that is rounding of Y, for which zero is returned."""
    T, size = found.target, float(np.linalg.norm(found.output_norms))
    largest = largest_singular_value(T)
    if largest <= found.precision.zero_target(size, float(np.linalg.norm(found.outside)), order):
        scale = size or 1.0
        return np.zeros(T.shape), scale, largest / scale
    return T / largest, largest, 0.0
