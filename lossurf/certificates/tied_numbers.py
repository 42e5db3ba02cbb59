"""A stored claim about a tied autoencoder, and what its checks need: coordinates, loss, gradient, the exact point."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np

from lossurf.certificates.rounding import TWICE
from lossurf.certificates.stored import StoredCertificate
from lossurf.certificates.tied_point import ExactPoint, Spectrum, gradient_range
from lossurf.certificates.tolerance import stored_tolerance
from lossurf.decompositions import largest_singular_value
from lossurf.numerics import Matrix, column_norms, rank_threshold

NEGLECTED: Final = 100
"""Times eps: what LAPACK's SVD of any order may leave off the diagonal (TOLMUL of dbdsqr, which is at most that)."""

_LARGEST: Final = 1e50  # of W: its sixth power stays in the range of float64


class TiedNumbers:
    """A stored claim in the coordinates C = W Q, the largest singular value of X being 1."""

    def __init__(self, stored: StoredCertificate) -> None:
        self.stored, self.said = stored, stored.claim
        self.told: dict[str, Any] = self.said["tied"]
        self.weights = [stored.arrays["W1"]]
        self.W, self.R11, self.Q = stored.arrays["W1"], stored.arrays["R11"], stored.arrays["Q"]
        self.tau, self.default_tau = float(self.said["tolerance"]), stored_tolerance(self.said["layers"])
        self.order = NEGLECTED + 1 + 2 * self.W.shape[1] + len(self.W)
        self.unit = largest_singular_value(self.R11)
        self.unit = self.unit or 1.0

    @property
    def in_range(self) -> bool:
        """Whether no product of these matrices leaves the range of float64."""
        arrays = (array for name, array in self.stored.arrays.items() if name != "R11")
        largest = max(float(np.max(np.abs(array), initial=0.0)) for array in arrays)
        if not (largest <= _LARGEST and np.isfinite(self.unit) and np.isfinite(self.R11 / self.unit).all()):
            return False
        return bool(np.isfinite(TWICE * self.unit * (self.unit * sum(self.loss))))

    @cached_property
    def images(self) -> Matrix:
        """R11 Q in its own units: orthogonal columns, where Q are eigenvectors."""
        return np.asarray((self.R11 / self.unit) @ self.Q)

    @cached_property
    def values(self) -> Matrix:
        """Their lengths, the roots of the eigenvalues."""
        return column_norms(self.images) if len(self.R11) else np.zeros(self.Q.shape[1])

    @cached_property
    def spectrum(self) -> Spectrum:
        """The eigenvalues as they are said to be told apart."""
        ends = np.cumsum([0, *self.told["eigenvalues"]])
        groups = tuple(slice(a, b) for a, b in pairwise(ends.tolist()))
        s = np.where(np.arange(self.Q.shape[1]) < ends[-1], self.values, 0.0)
        return Spectrum(s, rank_threshold(1.0, 1 + 2 * len(s)), groups)

    @cached_property
    def C(self) -> Matrix:  # noqa: N802  # the symbol of the formulas
        """W Q."""
        return np.asarray(self.W @ self.Q)

    @cached_property
    def norm(self) -> float:
        """||W||_2."""
        return largest_singular_value(self.W)

    @property
    def size(self) -> float:
        """What a relative change of W refers to: 1 is the length of a row that carries an eigenvector."""
        return max(self.norm, 1.0)

    @cached_property
    def gradient(self) -> tuple[float, float]:
        """Bounds of the criticality measure."""
        return gradient_range(self.stored.arrays["U"].T @ self.C, self.spectrum, self.size, self.norm)

    @cached_property
    def loss(self) -> tuple[float, float]:
        """L of W by plain products, in squared units, and its rounding.

        Whoever computes it in the eigenvectors rounds W there, where it is large on what X lacks too.
        """
        R = (self.R11 / self.unit).T
        off = self.W.T @ (self.W @ R) - R
        sizes = (float(np.sum(self.W**2)) + 1.0) * float(np.linalg.norm(R))
        length, error = float(np.linalg.norm(off)), rank_threshold(sizes, self.order)
        return 0.5 * length * length, (length + error) * error + rank_threshold(length * length, self.order)

    @cached_property
    def least(self) -> tuple[float, float]:
        """L*: half the sum of the eigenvalues that so many units leave out, and its error."""
        left = self.values[: len(self.R11)][len(self.W) :]
        error = TWICE * self.spectrum.rounding
        return 0.5 * float(np.sum(left**2)), float(np.sum(left)) * error + 0.5 * left.size * error**2

    @property
    def gap(self) -> float:
        """L - L*, in the units of the data."""
        if not self.in_range:
            return float("nan")
        return self.unit * (self.unit * max(self.loss[0] - self.least[0], 0.0))

    @cached_property
    def point(self) -> ExactPoint:
        """The exactly critical point beside W."""
        return ExactPoint(self.C, self.spectrum, tuple(self.told["carried"]))

    @property
    def blurred(self) -> int:
        """Eigenvectors that X has by its rank and whose eigenvalues are rounding of the largest."""
        return len(self.R11) - self.spectrum.seen

    @property
    def is_best(self) -> bool:
        """Whether the point carries all that so many units can, and the largest."""
        return not self.point.inversions and self.point.rank == min(len(self.W), len(self.R11))
