"""Signs of the Hessian of the regularised loss at a critical point, over the checkpoint's own parameters. Own.

Beside the tangent form (`tangent`) the Hessian has, for r = rank and d_k the widths,
- on rotations of the signal in every hidden layer r (r - 1) / 2 zeros, on rotations of idle units into it (d_k - r) r
  zeros and as many positive;
- on what leads from idle units to idle units: N >= 3 lam, positive; N = 2 for every singular value g of G_perp and
  every idle unit the pair lam + g, lam - g, and lam elsewhere.
For two layers and one matrix the zeros are those of Kunin, Bloom, Goeva & Seed 2019; the count at every critical point
of any depth was checked against dense Hessians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.sensitivity import vanishing_tolerance
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold
from lossurf.regularised.curvature import curvature_reach
from lossurf.regularised.nearest import rounding_of_slope
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.signal import Signal
from lossurf.regularised.tangent import LARGEST_FORM, TangentForm

_LOOKED_INTO: Final = 60  # eigenvectors whose own reach is computed; for the rest a bound over all


@dataclass(frozen=True)
class Counts:
    """Negative, zero beside the symmetries, and positive directions; how many of the zeros are surely no rounding."""

    negative: int
    zero: int
    open: int  # zero at the tolerance, yet not to rounding of the exact point


class CurvatureSigns:
    """Eigenvalues of the Hessian at an exact critical point, each with the tolerance at which it vanishes.

    Parameters
    ----------
    signal : Signal
        Critical to rounding, of depth 2 at least.
    problem : ScaledProblem
    widths : sequence of int
        d_0, ..., d_N.
    """

    def __init__(self, signal: Signal, problem: ScaledProblem, widths: Sequence[int]) -> None:
        self.signal, self.problem, self.widths = signal, problem, widths
        self.form = TangentForm(signal, problem)

    @property
    def idle(self) -> int:
        """Units of one hidden layer that carry nothing; 0 for deeper networks, where they decide nothing."""
        return self.widths[1] - self.signal.rank if self.signal.depth == 2 else 0

    @property
    def complete(self) -> bool:
        """Whether the tangent form is small enough to be factored."""
        return self.form.unknowns <= LARGEST_FORM

    @property
    def symmetries(self) -> int:
        """Flat directions of the rotations of hidden units."""
        r = self.signal.rank
        return sum(r * (r - 1) // 2 + (d - r) * r for d in self.widths[1:-1])

    @property
    def rounding(self) -> float:
        """Error of every eigenvalue: of float64, the order of the form and its terms."""
        order = self.problem.order + self.form.unknowns
        return UNDECIDED_FACTOR * rank_threshold(self.form.size, order)

    @cached_property
    def of_idle(self) -> tuple[Matrix, Matrix]:
        """Return lam - g for the singular values g of G_perp, and their reach: sigma V^T F F^T v moved by W_N alone."""
        g = self.form.complement
        if not self.idle:
            return np.zeros(0), np.zeros(0)
        right = self.form.left_out_inputs
        carried = (self.signal.bases[0] * self.signal.sigma).T @ self.problem.F @ (self.problem.F.T @ right)
        return self.problem.decay - g, np.linalg.norm(carried, axis=0) * max(self._top, 1.0)

    @cached_property
    def of_tangent(self) -> tuple[Matrix, Matrix]:
        """Eigenvalues of the tangent form, and their reach; none where it is too large."""
        if not self.complete:
            return np.zeros(0), np.zeros(0)
        values, vectors = self.form.spectrum
        reaches = np.full(values.size, self._largest_reach)
        for index in np.argsort(np.abs(values), kind="stable")[:_LOOKED_INTO]:
            reaches[index] = self._own_reach(vectors[:, index])
        return values, reaches

    def _own_reach(self, vector: Matrix) -> float:
        direction = self.form.lift(self.form.tangent(vector))
        square = sum(float(np.sum(V**2)) for V in direction)
        return curvature_reach(self.problem, self.signal.layers, direction) / square

    @property
    def _top(self) -> float:
        return float(self.signal.sigma[0]) if self.signal.rank else 0.0

    @property
    def _largest_reach(self) -> float:
        """Bound of every reach: N derivatives, each of two factors of the square and of the mixed products."""
        N, s, w = self.signal.depth, self._top, max(self._top, 1.0)
        residual = float(np.linalg.norm(self.problem.T)) + s**N
        square = 2.0 * N * N * s ** max(2 * N - 3, 0)
        mixed = 2.0 * N * N * (s ** (2 * N - 3) if N > 1 else 0.0) + N**3 * residual * s ** max(N - 3, 0) * (N > 2)
        return (square + mixed) * w

    @cached_property
    def _all(self) -> tuple[Matrix, Matrix, Matrix]:
        """Eigenvalues, tolerances at which they vanish, and multiplicities, without the symmetries' zeros."""
        values = [self.of_idle[0], self.of_tangent[0]]
        reaches = [self.of_idle[1], self.of_tangent[1]]
        times = [np.full(values[0].size, self.idle), np.ones(values[1].size, dtype=int)]
        joined, reach = np.concatenate(values), np.concatenate(reaches)
        ratios = np.array(
            [vanishing_tolerance(abs(e), c) for e, c in zip(joined.tolist(), reach.tolist(), strict=True)]
        )
        # what the errors of the data explain is no sign either
        known = self.problem.floor * self.form.size + self.rounding
        return joined, np.where(np.abs(joined) > known, ratios, 0.0), np.concatenate(times)

    def counts(self, tau: float) -> Counts:
        """Count at a tolerance."""
        values, ratios, times = self._all
        surely = ratios > tau
        negative = int(np.sum(times[surely & (values < 0.0)]))
        by_rounding = np.abs(values) <= self.rounding + self._inexact(values[surely])
        return Counts(negative, int(np.sum(times[~surely])), int(np.sum(times[~surely & ~by_rounding])))

    def _inexact(self, nonzero: Matrix) -> float:
        """Bound what eigenvalues owe to a point critical to rounding only: a slope over a curvature is a distance."""
        least = float(np.min(np.abs(nonzero), initial=inf))
        return self._largest_reach * rounding_of_slope(self.problem, self.signal) / least

    def range_of(self, tau: float) -> tuple[float, float]:
        """Tolerances between which no eigenvalue changes its sign."""
        _, ratios, _ = self._all
        below, above = ratios[ratios <= tau], ratios[ratios > tau]
        return float(np.max(below, initial=0.0)), float(np.min(above, initial=inf))

    def last_negative(self) -> float:
        """Tolerance at which the last negative eigenvalue vanishes; 0 where there is none."""
        values, ratios, _ = self._all
        return float(np.max(ratios[values < 0.0], initial=0.0))

    def downhill(self) -> list[Matrix]:
        """Return changes of the layers along the most negative eigenvalue, of unit norm together."""
        idle, tangent = self.of_idle[0], self.of_tangent[0]
        if idle.size and np.min(idle) <= np.min(tangent, initial=0.0):
            return self._grow()
        direction = self.form.lift(self.form.tangent(self.form.spectrum[1][:, int(np.argmin(tangent))]))
        size = float(np.sqrt(sum(float(np.sum(V**2)) for V in direction)))
        return [np.asarray(V / size) for V in direction]

    def _grow(self) -> list[Matrix]:
        """Let an idle unit take up the largest part of what is left out."""
        unit = unused_unit(self.signal.bases[1])
        first = unit[:, None] * self.form.left_out_inputs[:, 0]
        last = self.form.left_out_outputs[:, 0][:, None] * unit
        return [np.asarray(first / np.sqrt(2.0)), np.asarray(last / np.sqrt(2.0))]


def unused_unit(basis: Matrix) -> Matrix:
    """Return a unit vector orthogonal to the columns of a basis that leaves room."""
    size, rank = basis.shape
    if not rank:
        return np.asarray(np.eye(size)[:, 0])
    return np.asarray(svd(basis)[0][:, rank])
