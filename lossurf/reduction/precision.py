"""How far the reduced data can be off: rounding of the reduction, and what the stored numbers leave uncertain.

Both are a share of the columns as they were factored or stored. Centring takes most of a column with a large mean away
and leaves the error where it was, so every bound here is in units of what is left: nothing assumes centring to be free.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lossurf.numerics import EPS, Matrix, rank_threshold
from lossurf.reduction.panels import BATCHED_COLUMNS, ROWS_A_SUM

_FURTHER_ROUNDING: Final = 16.0
"""In eps of a column, for what does not grow with their number: X's row space is found by an SVD and T turned into it,
and sums over samples round. Rounding is not random where a column has few values, as of ones and zeros: equal terms are
rounded alike, so that k of them in turn lose up to k / 6 eps of their sum, and k / 2 behind a term so large that they
vanish beside it. A column moves by half of that. Sums of few columns are over 64 rows (`panels`) and reflections over
63, or 8 n (`triangle.factor`), at most; they are added in pairs. Of 23,000 tables of columns of two or three values,
most with such large terms, and 16,000 of any kind none was off by more than 0.74 of the bound, of 3 to 19 columns; of
up to 81 by 0.4. It was up to 53 eps of n = 3, for which 7 were stated, with reflections over all rows of a panel."""


def column_errors(factored: Matrix, stored: Matrix, order: int, data_eps: float) -> tuple[Matrix, Matrix]:
    """Bound the error of every column of [X Y], in units of the columns.

    Parameters
    ----------
    factored : ndarray, shape (n - 1,)
        Norms of the columns that the QR factorisation worked on.
    stored : ndarray, shape (n - 1,)
        Norms of the columns as they were stored, means included.
    order : int
        n of the triangular factor.
    data_eps : float
        Relative precision of the stored numbers.

    Returns
    -------
    rounding : ndarray
        (n + 16) eps times `factored`, of more than 48 columns at least 144 eps, as BLAS sums over up to 512 rows then.
        Householder QR moves column j by a small multiple of n * eps of its norm (Higham 2002, Theorem 19.4), as merging
        does (Demmel, Grigori, Hoemmen & Langou 2012, section 4), and as sums of Gram matrices do (`gram.room`);
        subtracting the reference adds half an eps of the difference. Measured, the worst of 40,000 rank-deficient
        tables took 0.3 of the first n.
    uncertain : ndarray
        data_eps times `stored`, and zero for float64 and integers, which are exact as they are stored. Every entry is
        known to half a data_eps of itself; the other half stands for the rounding of a sum or product in that
        precision before it was stored.
    """
    uncertain = data_eps * stored if data_eps > EPS else np.zeros_like(stored)
    rounded = order if order <= BATCHED_COLUMNS else max(order, ROWS_A_SUM // 4)
    return (rounded + _FURTHER_ROUNDING) * EPS * factored, uncertain


class Precision(NamedTuple):
    """Errors of a reduced problem, each a bound.

    Attributes
    ----------
    input_error : float
        Spectral norm of the error of the column-equilibrated X, relative to its largest singular value; at most 1.
    target_errors : ndarray, shape (dy,)
        Of Y's columns as T sees them, units of Y times sqrt(samples).
    residual_errors : ndarray, shape (dy,)
        Of Y's columns as the residual sees them: smaller where X holds an intercept, along which means are lost.
    coefficient_norm : float
        ||P diag(column norms)||_F of the least-squares P, units of Y: what an error of the equilibrated X costs Y.
    largest, condition : float
        Largest singular value and condition of the equilibrated X on its row space.
    """

    input_error: float
    target_errors: Matrix
    residual_errors: Matrix
    coefficient_norm: float
    largest: float
    condition: float

    @property
    def turn(self) -> float:
        """Sine of the angle by which an error of X turns its row space, at most 1 (Wedin 1973)."""
        return min(self.input_error * self.condition, 1.0)

    def target_error(self, size: float, residual: float) -> float:
        """Bound the error of T in the spectral norm, up to a rotation of X's row space; units of Y.

        An error of Y moves T by as much. An error of X turns its row space, which brings that share of the residual
        into T and costs T itself only the square of it (Wedin 1973, "Perturbation theory for pseudo-inverses").

        Parameters
        ----------
        size, residual : float
            ||Y||_F, and what least squares leaves of it.
        """
        return float(np.linalg.norm(self.target_errors)) + self.turn**2 * size + self.turn * residual

    def distance_error(self, size: float, residual: float) -> float:
        """Bound the error of the distance from Y to its best fit by a P of any rank bound; units of Y.

        That distance is 1-Lipschitz in Y, and the P that is best for one X is as far off with another as P times their
        difference. P is taken twice, for the true P where rounding turns X's row space by less than half a right
        angle's sine; a larger turn leaves nothing known but 0 <= distance <= ||Y||.
        """
        if self.turn > 0.5:
            return size
        moved = self.coefficient_norm * self.input_error * self.largest + self.turn**2 * residual
        return min(float(np.linalg.norm(self.residual_errors)) + 2.0 * moved, size)

    def zero_target(self, size: float, residual: float, order: int) -> float:
        """Largest ||T||_2 that is taken for exactly zero; units of Y.

        A T below its own error that changes the loss, by half its square, less than the sum of squares rounds. A larger
        one may be rounding too (X turns far where it is ill conditioned), but to call it zero would hide a gap that the
        loss itself shows; it stays, with its error beside it.
        """
        of_outputs = float(np.linalg.norm(self.target_errors))
        of_turning = self.turn**2 * size + self.turn * residual
        return of_outputs + min(of_turning, float(np.sqrt(rank_threshold(1.0, order))) * size)


def relative_input_error(norms: Matrix, rounding: Matrix, uncertain: Matrix, largest: float) -> float:
    """Bound the error of equilibrated X in the spectral norm, relative to its largest singular value.

    Rounding errors of the factorisation act as one backward error of the whole matrix, so their share of the worst
    column bounds it as they would without scaling. Uncertain entries are independent of each other: dx columns of
    relative error u have spectral norm at most sqrt(dx) u, the Frobenius norm.

    Parameters
    ----------
    norms, rounding, uncertain : ndarray, shape (dx,)
        Of X's columns; a zero norm is left out.
    largest : float
        Largest singular value of the equilibrated X.
    """
    seen = norms > 0.0
    if not seen.any():
        return 0.0
    of_rounding = float(np.max(rounding[seen] / norms[seen]))
    of_storage = float(np.linalg.norm(uncertain[seen] / norms[seen]))
    return min(of_rounding + of_storage / largest, 1.0)
