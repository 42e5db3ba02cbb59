"""The best affine fit of the data, its residuals, and what any function of x could still gain on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.decompositions import svd
from lossurf.numerics import EPS, Matrix, column_norms, reference_row

# Singular values of the centred predictions below this share of ||Y - mean|| carry less than 1e-24 of the loss,
# which is under the rounding of the loss itself.
_PREDICTION_RANK: Final = 1e-12


@dataclass(frozen=True)
class AffineFit:
    """Least-squares fit y = W x + b, with what later steps need of it.

    Attributes
    ----------
    weights, intercept : ndarray, shapes (dy, dx), (dy,)
        W and b in the user's units.
    x_mean, x_scale : ndarray, shape (dx,)
        Standardisation z = (x - mean) / scale; scale is inf for a constant column, so that its z and weight are 0.
    standardised : ndarray, shape (m, dx)
        Z, one row a sample.
    y_mean : ndarray, shape (dy,)
    basis : ndarray, shape (m, rank_x)
        Orthonormal, spans the columns of Z.
    to_weights : ndarray, shape (rank_x, dx)
        (basis^T t) @ to_weights are the user's weights of the affine fit of t.
    residuals : ndarray, shape (m, dy)
        R = Y_LS - Y.
    singular_values : ndarray, shape (q,)
        Of the centred predictions, the `rank` that are not rounding first.
    left, right : ndarray, shapes (dy, q), (rank_x, q)
        Singular vectors: centred predictions^T = left @ diag(singular_values) @ (basis @ right)^T.
    rank : int
        r, the rank of the centred predictions.
    loss, total : float
        1/2 ||R||^2, and 1/2 ||Y - mean||^2.
    """

    weights: Matrix
    intercept: Matrix
    x_mean: Matrix
    x_scale: Matrix
    standardised: Matrix
    y_mean: Matrix
    basis: Matrix
    to_weights: Matrix
    residuals: Matrix
    singular_values: Matrix
    left: Matrix
    right: Matrix
    rank: int
    loss: float
    total: float

    def project(self, t: Matrix) -> Matrix:
        """Part of t (m, or m x k) outside the affine functions of x: centred, and orthogonal to `basis`, twice over."""
        rest = t - t.mean(axis=0)
        for _ in range(2):  # once leaves rounding of what was removed
            rest = rest - self.basis @ (self.basis.T @ rest)
        return np.asarray(rest - rest.mean(axis=0))

    def predictions(self, first: int, last: int) -> Matrix:
        """Centred predictions (m, dy) carried by the singular values with indices first..last - 1."""
        part = slice(first, last)
        return np.asarray(self.basis @ (self.right[:, part] * self.singular_values[part]) @ self.left[:, part].T)

    def reduced_rank_loss(self, rank: int) -> float:
        """Least loss of any affine map of at most that rank: of the fit with the other singular values left out."""
        left_out = self.singular_values[rank : self.rank] if rank < self.rank else np.zeros(0)
        return self.loss + 0.5 * float(np.sum(left_out[::-1] ** 2))


def fit_affine(X: Matrix, Y: Matrix) -> AffineFit:
    """Fit y = W x + b by least squares.

    Parameters
    ----------
    X, Y : ndarray, shapes (m, dx), (m, dy)
        Finite float64.

    Returns
    -------
    AffineFit

    Notes
    -----
    Deviations from the means by way of a reference row, standardised columns, an SVD cut at 10 eps max(m, dx) s_1, and
    one step of iterative refinement, so that large means, columns of very different units and collinear columns do no
    harm.
    """
    x_mean, x_scale, Z = _standardise(X)
    y_mean, centred = _centre(Y)
    u, s, vt = svd(Z, full_matrices=False)
    # 10: the constant in the SVD's backward error bound is known to about a decimal digit
    keep = int(np.count_nonzero(s > 10.0 * EPS * max(X.shape) * (s[0] if s.size else 0.0)))
    basis, to_weights = u[:, :keep], (vt[:keep] / s[:keep, None]) / x_scale
    coefficients = basis.T @ centred
    coefficients += basis.T @ (centred - basis @ coefficients)
    left, values, right = _svd(coefficients.T)
    total = 0.5 * float(np.sum(centred**2))
    residuals = basis @ coefficients - centred
    weights = coefficients.T @ to_weights
    return AffineFit(
        weights=weights,
        intercept=y_mean - weights @ x_mean,
        x_mean=x_mean,
        x_scale=x_scale,
        standardised=Z,
        y_mean=y_mean,
        basis=basis,
        to_weights=to_weights,
        residuals=residuals,
        singular_values=values,
        left=left,
        right=right,
        rank=int(np.count_nonzero(values > _PREDICTION_RANK * np.sqrt(2.0 * total))),
        loss=0.5 * float(np.sum(residuals**2)),
        total=total,
    )


def _standardise(X: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    mean, deviations = _centre(X)
    sd = column_norms(deviations) / np.sqrt(X.shape[0])
    scale = np.where(sd > 0.0, sd, np.inf)  # a constant column's deviations are exactly zero, whatever its value
    return mean, scale, deviations / scale


def _centre(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Column means, and the deviations from them, which a large mean rounds away unless a reference goes first."""
    reference = reference_row(matrix)
    shifted = matrix - reference
    mean = shifted.mean(axis=0)
    mean = mean + (shifted - mean).mean(axis=0)  # once more: the first is off by rounding of the sum
    return np.asarray(reference + mean), np.asarray(shifted - mean)


def _svd(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """SVD with the largest entry of every left singular vector positive, so that equal input gives equal output."""
    u, s, vt = svd(matrix, full_matrices=False)
    if s.size:
        signs = np.sign(u[np.argmax(np.abs(u), axis=0), np.arange(s.size)])
        u, vt = u * signs, vt * signs[:, None]
    return u, s, vt.T


def between_group_loss(X: Matrix, residuals: Matrix) -> tuple[float, int]:
    """Half of sum ||S_G||^2 / n_G over the groups of equal inputs, and the number of groups.

    S_G sums the residuals of a group of n_G samples with the same x. No function of x lowers the loss by more than
    this: within a group every function predicts one value.
    """
    groups, index = np.unique(X + 0.0, axis=0, return_inverse=True)  # + 0.0: -0.0 and 0.0 are the same input
    sums = np.zeros((groups.shape[0], residuals.shape[1]))
    np.add.at(sums, index.ravel(), residuals)
    counts = np.bincount(index.ravel(), minlength=groups.shape[0])
    return 0.5 * float(np.sum(sums**2 / counts[:, None])), int(groups.shape[0])
