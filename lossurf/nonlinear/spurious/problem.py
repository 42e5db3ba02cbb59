"""What is asked about a ReLU-like network: data, activation, hidden width, and the seed of everything random."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lossurf.nonlinear.spurious.activations import PiecewiseLinear
from lossurf.nonlinear.spurious.affine import AffineFit, fit_affine
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class ShallowProblem:
    """Data and network of the squared loss 1/2 ||W2 h(W1 x + b1) + b2 - Y||_F^2.

    Attributes
    ----------
    X, Y : ndarray, shapes (m, dx), (m, dy)
    activation : PiecewiseLinear
    width : int or None
        Hidden width d1 asked for; None for one more than the rank of the least-squares predictions.
    seed : int
    """

    X: Matrix
    Y: Matrix
    activation: PiecewiseLinear
    width: int | None = None
    seed: int = 0

    @cached_property
    def fit(self) -> AffineFit:
        """Least-squares fit of the data."""
        return fit_affine(self.X, self.Y)

    @property
    def hidden_width(self) -> int:
        """Hidden width d1 in use."""
        return self.fit.rank + 1 if self.width is None else self.width

    @property
    def point_rank(self) -> int:
        """Rank of the affine map at the least-squares point: that of the fit, or what the width allows."""
        return min(self.fit.rank, self.hidden_width)
