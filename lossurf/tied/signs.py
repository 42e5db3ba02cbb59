"""Signs of the Hessian of a tied autoencoder at an exactly critical point, in closed form. Own.

Rows turned so that W = [Q_A^T; Z Q_0^T], a change V has the blocks (signal, idle) x (A, B, 0), B the seen eigenvectors
that are left out, and with z the singular values of Z (one for each of the k - r idle units, zeros included)

    v^T H v = sum over a, a' of s_a^2 (V_aa' + V_a'a)^2           signal on itself: r (r + 1) / 2 up, r (r - 1) / 2 flat
            + sum over a in A, b in B of (s_a^2 - s_b^2) V_ab^2   an exchange of eigenvectors
            + sum over a of s_a^2 ||V_a0 + V_idle,a Z||^2         r nu up, r (k - r) flat, nu unseen inputs
            + sum over b, idle of s_b^2 (z^2 - 2) V_zb^2          an idle unit takes up what is left out

and the (k - r) nu changes of Z are flat. So idle units lead down unless their weights on unseen inputs exceed sqrt 2:
on data of full rank every local minimum is global, and on data that lack an input some are not. Without ties and apart
from z = sqrt 2 the flat directions are those of the critical set itself, so n- = 0 means a local minimum. Checked
against dense Hessians.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.numerics import Matrix
from lossurf.tied.point import Nearest
from lossurf.tied.problem import TiedProblem

TURNING: Final = sqrt(2.0)
"""The weight on unseen inputs from which on an idle unit leads nowhere."""


@dataclass(frozen=True)
class TiedSigns:
    """Counts at one exactly critical point.

    Attributes
    ----------
    problem : TiedProblem
    nearest : Nearest
    """

    problem: TiedProblem
    nearest: Nearest

    @property
    def hidden(self) -> int:
        """Hidden units, k."""
        return len(self.nearest.coordinates)

    @property
    def idle(self) -> int:
        """Hidden units that carry no eigenvector, k - r."""
        return self.hidden - self.nearest.rank

    @property
    def unseen(self) -> int:
        """Directions of the inputs that X does not have, to rounding."""
        return len(self.problem.basis) - self.problem.seen

    @property
    def left(self) -> int:
        """Seen eigenvectors that are left out."""
        return self.problem.seen - self.nearest.rank

    @cached_property
    def idle_weights(self) -> Matrix:
        """z, descending, one for each idle unit."""
        found = singular_values(self.nearest.coordinates[:, self.problem.seen :])
        padded = np.zeros(self.idle)
        count = min(self.idle, found.size)
        padded[:count] = found[:count]
        return padded

    @cached_property
    def inversions(self) -> int:
        """Pairs of a carried eigenvector and one left out that is worth more."""
        left = np.cumsum([self._left_of(i) for i in range(len(self.problem.groups))])
        return int(sum(int(left[i - 1]) * r for i, r in enumerate(self.nearest.carried) if i))

    @property
    def ties(self) -> int:
        """Pairs of a carried eigenvector and one left out that are worth the same."""
        return sum(r * self._left_of(i) for i, r in enumerate(self.nearest.carried))

    def _left_of(self, i: int) -> int:
        group = self.problem.groups[i]
        return int(group.stop - group.start) - self.nearest.carried[i]

    @property
    def symmetries(self) -> int:
        """Flat directions of the rotations of hidden units: r (r - 1) / 2 of the signal, r (k - r) with idle ones."""
        r = self.nearest.rank
        return r * (r - 1) // 2 + r * self.idle

    @property
    def is_best(self) -> bool:
        """Whether no tied autoencoder of so many units is better: all it can carry, and the largest."""
        return not self.inversions and self.nearest.rank == min(self.hidden, self.problem.singular_values.size)

    @property
    def growing(self) -> int:
        """Directions in which idle units take up what is left out."""
        return self.left * int(np.count_nonzero(self.idle_weights < TURNING))

    @property
    def turning(self) -> float:
        """How far the weights of idle units are from sqrt 2, where signs change; infinite without idle units."""
        return float(np.min(np.abs(self.idle_weights - TURNING), initial=inf))

    @property
    def growth(self) -> float:
        """How far the least weight of an idle unit is below sqrt 2; 0 or less where none is."""
        return TURNING - float(np.min(self.idle_weights, initial=TURNING))

    @property
    def counts(self) -> tuple[int, int, int]:
        """n-, n0, n+ over the entries of W, the one matrix; nothing counts as z = sqrt 2 here."""
        negative = self.inversions + self.growing
        zero = self.symmetries + self.ties + self.idle * self.unseen
        # what is blurred is surely positive data: beside the signal alone it counts as seen and left out, which is
        # r more that lead up, as many as unseen inputs give
        return negative, zero, self.nearest.coordinates.size - negative - zero

    @property
    def known(self) -> bool:
        """Whether nothing hangs on eigenvalues that are lost in the rounding of the largest one."""
        return not (self.problem.blurred and self.idle)

    @property
    def amplification(self) -> float:
        """How much further than the gradient tells the nearest critical point may be, to first order: at least 1."""
        square = self.problem.singular_values**2
        ratios = [1.0]
        for i, r in enumerate(self.nearest.carried):
            for j in range(len(self.nearest.carried)):
                if i != j and r and self._left_of(j):
                    a, b = square[self.problem.groups[i].start], square[self.problem.groups[j].start]
                    ratios.append(float((a + b) / abs(a - b)))
        if self.left:
            ratios += [float((2.0 + z**2) / max(abs(2.0 - z**2), 1e-300)) for z in self.idle_weights]
        return max(ratios)

    def downhill(self) -> Matrix:
        """Return the change of W Q, of unit norm, along the most negative eigenvalue there is."""
        exchange, growth = self._exchange(), self._growth()
        found = [pair for pair in (exchange, growth) if pair is not None]
        return min(found, key=lambda pair: pair[0])[1]

    def _exchange(self) -> tuple[float, Matrix] | None:
        """Let the least carried eigenvector give way to the largest that is left out."""
        if not self.inversions:
            return None
        groups, square = self.problem.groups, self.problem.singular_values**2
        last = max(i for i, r in enumerate(self.nearest.carried) if r)
        first = next(i for i in range(len(groups)) if self._left_of(i))
        unit = self.nearest.units[:, -1]  # of the last group, as the signal is by group
        change = np.outer(unit, self._left_out(first))
        return float(square[groups[last].start] - square[groups[first].start]), change

    def _growth(self) -> tuple[float, Matrix] | None:
        """Let the idle unit of the least weight take up the largest eigenvector that is left out."""
        if not self.growing:
            return None
        first = next(i for i in range(len(self.problem.groups)) if self._left_of(i))
        complement = svd(self.nearest.units)[0][:, self.nearest.rank :]
        turned = svd(complement.T @ self.nearest.coordinates[:, self.problem.seen :])[0]
        unit = complement @ turned[:, -1]
        square = float(self.problem.singular_values[self.problem.groups[first].start] ** 2)
        return square * (float(self.idle_weights[-1]) ** 2 - 2.0), np.outer(unit, self._left_out(first))

    def _left_out(self, i: int) -> Matrix:
        """Return a unit vector of group i that is orthogonal to what is carried of it."""
        group, r = self.problem.groups[i], self.nearest.carried[i]
        before = sum(self.nearest.carried[:i])
        block = self.nearest.signal[before : before + r, group]
        vector = np.zeros(len(self.problem.basis))
        vector[group] = svd(block)[2][r] if r else np.eye(group.stop - group.start)[0]
        return vector
