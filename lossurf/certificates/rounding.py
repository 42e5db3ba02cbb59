"""How far two computations of a certificate's numbers may differ: bounds on their rounding, from their own terms.

Each number is computed twice, by the analysis and here, from the same matrices in another order. A product of matrices
with inner dimensions n_1, ..., n_p has an error of at most (n_1 + ... + n_p) eps times the product of the absolute
values (Higham 2002, section 3.5), a singular value one of a small multiple of order * eps times the largest (Weyl).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from lossurf.certificates.plain_network import singular_values
from lossurf.numerics import EPS, Matrix, column_norms

TWICE: Final = 4.0
"""The two computations err apart, and each by as much again for what its bound leaves out: the second order, the sums
of squares, the balancing of the layers."""


LARGEST_MEASURE: Final = 1e150  # of a mean residual that no relative change of zeros reaches

_FACTORISED: Final = 30.0
"""Times order * eps: of a factorisation, the constant of its bound being known to a decimal digit."""

_COARSE: Final = {name: float(np.finfo(name).eps) for name in ("float32", "float16")}  # of data stored as such


def error_of_means(size: float, R11: Matrix, T: Matrix, data: Mapping[str, Any], *, turned: float = 0.0) -> float:
    """Bound what factorising the data and their precision leave open in the mean of Y.

    Parameters
    ----------
    size : float
        Of Y about its mean and of the mean itself, in the units of the bound.
    R11, T : ndarray
    data : mapping
        What the certificate says of the data.
    turned : float
        Sine of the angle by which rounding turns the outputs that are seen.
    """
    order = 1 + R11.shape[1] + len(T)
    coarse = _COARSE.get(str(data.get("dtype")), 0.0)
    return float((_FACTORISED * order * EPS + TWICE * (coarse + turned)) * size)


def is_rounding_of_means(size: float, error: float, measure: float, claimed: float, tau: float) -> bool:
    """Whether a claim takes a mean residual of rounding size for none, as far as its tolerance lets it be none.

    Parameters
    ----------
    size, error : float
        Of the residual and of its rounding, in the same units.
    measure : float
        The tolerance at which it vanishes.
    claimed : float
        The gradient measure that is claimed.
    tau : float
        The claim's tolerance.
    """
    return size <= error and (claimed < 0.5 * measure or claimed <= tau < measure)


class Rounding:
    """Bounds for one certificate.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1..W_N.
    R11, T : ndarray, shapes (rank, dx) and (dy, rank)
    scale : float
        Unit of T; lengths below are in it.
    """

    def __init__(self, weights: Sequence[Matrix], R11: Matrix, T: Matrix, scale: float) -> None:
        self.weights, self.R11, self.T, self.scale = weights, R11, T, scale
        self.order = sum(W.shape[1] for W in weights) + sum(T.shape)

    @property
    def own(self) -> float:
        """Sum of all inner dimensions, and those of T, times eps: of plain products, computed once."""
        return float(self.order * EPS)

    @cached_property
    def unit(self) -> float:
        """The same of products of layers that have been scaled through logarithms.

        The layers are brought to comparable lengths by factors exp(log a - log b), each good to eps times the
        logarithms: 7e-14 for units of 1e150.
        """
        lengths = np.array([*(np.max(np.abs(W), initial=0.0) for W in (*self.weights, self.R11)), self.scale])
        logarithms = float(np.sum(np.abs(np.log(lengths[lengths > 0.0]))))
        return self.own + EPS * logarithms

    @cached_property
    def condition(self) -> float:
        """Condition number of R11 with columns of norm 1: what mapping a direction back through it costs."""
        norms = column_norms(self.R11)
        s = singular_values(np.divide(self.R11, norms, out=np.zeros_like(self.R11), where=norms > 0.0))
        return float(s[0] / s[-1]) if s.size and s[-1] > 0.0 else 1.0

    @cached_property
    def _sizes(self) -> Matrix:
        """|W_N| ... |W_1| |R11^T| + |T|, in units of scale."""
        product = np.abs(self.weights[0]) @ np.abs(self.R11.T) / self.scale
        for W in self.weights[1:]:
            product = np.abs(W) @ product
        return np.asarray(product + np.abs(self.T) / self.scale)

    @cached_property
    def residual(self) -> float:
        """Of E = W_N ... W_1 R11^T - T in the Frobenius norm, over scale."""
        return self.unit * float(np.linalg.norm(self._sizes))

    def square(self, size: float, error: float) -> float:
        """Of 1/2 size^2 where the size has an error, and where its sum of squares is rounded."""
        return size * error + 0.5 * error * error + self.unit * size * size

    def level(self, s: Matrix) -> float:
        """Of half the sum of squares of some singular values of T, over scale^2: each is off by unit * ||T||."""
        values = s / self.scale
        return self.unit * float(np.sum(values)) + 0.5 * s.size * self.unit**2 + self.unit * float(np.sum(values**2))
