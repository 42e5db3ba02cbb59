"""The best lower bound of the regularised loss that is at hand, and the least loss where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lossurf.decompositions import svd
from lossurf.numerics import Matrix
from lossurf.regularised.bounds import dual_value, feasible_dual, spectral_bound
from lossurf.regularised.point import Point
from lossurf.regularised.proximal import nuclear_minimum
from lossurf.regularised.scaled import ScaledProblem
from lossurf.words import CertificateKind


@dataclass(frozen=True)
class LowerBound:
    """No network of the depth has a lower loss.

    Attributes
    ----------
    value : float
        In the problem's units, without the constant part.
    kind : CertificateKind
    dual : ndarray, shape (dy, rank_x), or None
        The evidence of a dual bound: feasible.
    optimal : float or None
        The least loss, where a network of these widths has it and it is known.
    """

    value: float
    kind: CertificateKind
    dual: Matrix | None
    optimal: float | None


def ridge(problem: ScaledProblem) -> Matrix:
    """Return the one critical point without hidden layers: T F^T (F F^T + lam)^{-1}, shape (dy, dx)."""
    left, f, right = svd(problem.F, full_matrices=False)
    return np.asarray((problem.T @ right.T) * (f / (f**2 + problem.decay)) @ left.T)


def lower_bound(problem: ScaledProblem, point: Point, widths: Sequence[int]) -> LowerBound:
    """Return the best bound at hand, for one hidden layer from the point's own residual where that is tight."""
    width = min(widths)
    if problem.depth == 1:
        layers = (ridge(problem),)
        dual = feasible_dual(problem, problem.T - layers[0] @ problem.F)
        return LowerBound(dual_value(problem, dual), CertificateKind.DUAL_GAP, dual, problem.loss(layers))
    spectral = spectral_bound(problem, width)
    if problem.depth > 2:
        return LowerBound(spectral, CertificateKind.SPECTRAL_BOUND, None, None)
    found = nuclear_minimum(problem)
    own = feasible_dual(problem, point.residual)
    value, dual = max((found.loss - found.gap, found.dual), (dual_value(problem, own), own), key=lambda pair: pair[0])
    optimal = found.loss if found.rank <= width else None
    if spectral > value + problem.rounding(problem.zero_loss):  # a narrow hidden layer on whitened data
        return LowerBound(spectral, CertificateKind.SPECTRAL_BOUND, None, optimal)
    return LowerBound(value, CertificateKind.DUAL_GAP, dual, optimal)
