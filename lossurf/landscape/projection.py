"""A product that is a projection of T to rounding, as at a critical point, has the singular values of T: no SVD."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.landscape.levels import carried_shares, overlaps_of
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.spectral import is_direct

FAR: Final = 100.0
"""Times below the tolerance: bounds of what is so small stand for it, as no decision looks beyond STABILITY_FACTOR."""


@dataclass(frozen=True)
class Projection:
    """Singular values of P and of E = P - T where P keeps singular triples of T and is zero on the others.

    Attributes
    ----------
    mapped : ndarray, shape (dy, q)
        P V, V the right singular vectors of T.
    product, residual : ndarray, shape (q,)
        Singular values of P and of E, descending; where they are rounding a bound of them.
    """

    mapped: Matrix = field(repr=False)
    product: Matrix
    residual: Matrix


def projection_of(product: Matrix, problem: ReducedProblem, tau: float) -> Projection | None:
    """Return the singular values of a large product, None where it is no projection of T to rounding.

    Nor where rounding is not far below the tolerance.

    Notes
    -----
    With U diag(s) V^T the SVD of T and D the diagonal that holds the s_i of the triples that are kept,
    ||P - U D V^T||_F bounds how far the singular values of P are from those in D, and those of E from the other s_i
    (Weyl's inequality). It is at most what an SVD of P may be off by, order * eps * ||P||_2 with the constant that is
    known to one digit.
    """
    u, s, vt = problem.target_svd
    if is_direct(*product.shape) or not all(_is_kept_or_lost(product, problem, k) for k in (0, -1)):
        return None
    mapped = np.asarray(product @ vt.T)
    kept = carried_shares(problem, overlaps_of(problem, mapped), 0.0) > 0.5
    error = frobenius_norm(mapped - u * np.where(kept, s, 0.0))
    if len(vt) < product.shape[1]:  # V does not span the rows of P
        error += frobenius_norm(product - mapped @ vt)
    if not error <= min(_rounding(product, float(np.max(s[kept], initial=0.0))), tau / FAR):
        return None
    return Projection(mapped, _descending(s, kept, error), _descending(s, ~kept, error))


def _rounding(product: Matrix, size: float) -> float:
    return UNDECIDED_FACTOR * rank_threshold(size, sum(product.shape))


def _is_kept_or_lost(product: Matrix, problem: ReducedProblem, k: int) -> bool:
    """Whether P v_k is s_k u_k or zero, ||T|| = 1: a product with a vector tells most points that are not critical."""
    u, s, vt = problem.target_svd
    image = product @ vt[k]
    return min(frobenius_norm(image), frobenius_norm(image - s[k] * u[:, k])) <= _rounding(product, 1.0)


def _descending(s: Matrix, chosen: NDArray[np.bool_], error: float) -> Matrix:
    return np.asarray(np.maximum(np.sort(np.where(chosen, s, 0.0))[::-1], error))
