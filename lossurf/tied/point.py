"""One matrix of a tied autoencoder beside the critical ones: its gradient, and the exactly critical point next to it.

W is critical exactly if, up to an orthogonal change of its rows, W = [Q_A^T; Z Q_0^T]: r rows that are eigenvectors of
X X^T, A any set of them, and k - r idle rows that see nothing of X, Q_0 spanning the inputs that X does not have. For
the gradient W (S E + E S), S = X X^T and E = W^T W - I, vanishes on the row space of W only where S E + E S does: with
the row space spanned by Q and W^T W = Q D Q^T, A = Q^T S Q must satisfy A (D - I) + (D - I) A = 0 and (D - 2 I) maps
Q^T S Q_perp to zero. A is positive semidefinite, so that D = I wherever A is not zero, and Q is invariant under S.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.landscape.sensitivity import vanishing_tolerances
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, frobenius_norm
from lossurf.tied.problem import TiedProblem

_HALF = 0.5  # a singular value of a signal block counts as 1 above it and as 0 below: the nearer of the two


@dataclass(frozen=True)
class Nearest:
    """The exactly critical point beside a matrix.

    Attributes
    ----------
    coordinates : ndarray, shape (k, dx)
        W' Q.
    carried : tuple of int
        How many eigenvectors of every group of the problem it carries.
    signal : ndarray, shape (r, dx)
        The carried eigenvectors in coordinates, by group.
    units : ndarray, shape (k, r)
        The orthonormal directions of the hidden units that carry them.
    """

    coordinates: Matrix
    carried: tuple[int, ...]
    signal: Matrix
    units: Matrix

    @property
    def rank(self) -> int:
        """r, how many eigenvectors are carried."""
        return len(self.signal)


class TiedPoint:
    """W (k, dx) on a problem; a relative change tau of it is one of norm tau max(||W||_2, 1), 1 that of a carried row.

    Parameters
    ----------
    problem : TiedProblem
    weight : ndarray, shape (k, dx)
    """

    def __init__(self, problem: TiedProblem, weight: Matrix) -> None:
        self.problem, self.weight = problem, weight
        self.coordinates = np.asarray(weight @ problem.basis)

    @cached_property
    def norm(self) -> float:
        """||W||_2."""
        return float(np.max(singular_values(self.weight), initial=0.0))

    @property
    def size(self) -> float:
        """max(||W||_2, 1)."""
        return max(self.norm, 1.0)

    @cached_property
    def left(self) -> Matrix:
        """Left singular vectors of W X, (k, k)."""
        return np.asarray(svd(self.coordinates * self.problem.weights)[0])

    @cached_property
    def loss(self) -> float:
        """In units of the problem."""
        return self.problem.loss(self.coordinates)

    @cached_property
    def gradient_measure(self) -> float:
        """The tolerance at which the gradient vanishes, to first order: the largest of those of its entries.

        Entries in the eigenvectors of X X^T and the singular vectors of W X: each is held against its own reach, so
        that the small eigenvalues are not hidden by the large ones. Entries within rounding count as zero.
        """
        s = self.problem.weights
        C = self.left.T @ self.coordinates
        E = C.T @ C - np.eye(s.size)
        CE, CS = C @ E, C * s**2
        gradient = CS @ E + CE * s**2
        rows, columns = np.linalg.norm(C, axis=1), np.linalg.norm(s[:, None] ** 2 * E + E * s**2, axis=0)
        reach = self.size * (columns + 2.0 * self.norm * (np.linalg.norm(CS, axis=1)[:, None] + np.outer(rows, s**2)))
        known = self.problem.rounding * (
            np.outer(np.linalg.norm(C * s, axis=1), np.linalg.norm(E, axis=0))
            + np.outer(rows, np.linalg.norm(s[:, None] * E, axis=0))
            + np.linalg.norm(CE * s, axis=1)[:, None]
            + np.outer(np.linalg.norm(CE, axis=1), s)
        )
        surely = np.where(np.abs(gradient) > UNDECIDED_FACTOR * known, np.abs(gradient), 0.0)
        return float(np.max(vanishing_tolerances(surely, reach), initial=0.0))

    def nearest(self) -> Nearest | None:
        """Return the critical point with the nearest set of eigenvectors; None where it has more than hidden units."""
        C, problem = self.coordinates, self.problem
        blocks, carried = [], []
        for group in problem.groups:
            _, values, right = svd(C[:, group], full_matrices=False)
            count = int(np.count_nonzero(values > _HALF))
            block = np.zeros((count, C.shape[1]))
            block[:, group] = right[:count]
            blocks.append(block)
            carried.append(count)
        signal = np.vstack([np.zeros((0, C.shape[1])), *blocks])
        if len(signal) > len(C):
            return None
        left, _, right = svd(C @ signal.T, full_matrices=False)
        units = left @ right
        idle = C.copy()
        idle[:, : problem.seen] = 0.0
        idle -= units @ (units.T @ idle)
        return Nearest(np.asarray(units @ signal + idle), tuple(carried), signal, np.asarray(units))

    def distance(self, coordinates: Matrix) -> float:
        """Relative move to another point, a matrix counting as at least 1."""
        return frobenius_norm(coordinates - self.coordinates) / max(frobenius_norm(self.weight), 1.0)

    def seen_distance(self, coordinates: Matrix) -> float:
        """Norm of the move on what X has."""
        seen = slice(0, self.problem.seen)
        return frobenius_norm((coordinates - self.coordinates)[:, seen])
