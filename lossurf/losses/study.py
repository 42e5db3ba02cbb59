"""What data allow under a convex loss: the least loss of all linear maps, and whether any has it."""

from __future__ import annotations

from dataclasses import dataclass

from lossurf.losses.attainment import Attainment, attainment
from lossurf.losses.convex import ConvexMinimum, ConvexProblem, minimise_convex, span
from lossurf.losses.functions import Loss
from lossurf.numerics import Matrix


@dataclass(frozen=True)
class LossStudy:
    """What data allow under a convex loss, for networks without a bottleneck.

    Attributes
    ----------
    loss : Loss
    X, Y : ndarray, shapes (m, dx), (m, dy)
    bias : bool
    problem : ConvexProblem
    minimum : ConvexMinimum
    attainment : Attainment
    """

    loss: Loss
    X: Matrix
    Y: Matrix
    bias: bool
    problem: ConvexProblem
    minimum: ConvexMinimum
    attainment: Attainment

    @property
    def optimal_loss(self) -> float:
        """Least loss of any linear map, to `minimum.gap`; an infimum where it is not attained."""
        return 0.0 if self.attainment.vanishes else self.minimum.loss

    @property
    def lower_bound(self) -> float:
        """No linear map has a lower loss."""
        return 0.0 if self.attainment.vanishes else self.minimum.bound


def study_loss(loss: Loss, X: Matrix, Y: Matrix, *, bias: bool) -> LossStudy:
    """Find the least loss over all linear maps, and whether any has it.

    Parameters
    ----------
    loss : Loss
    X, Y : ndarray, shapes (m, dx), (m, dy)
        Y as `expand_labels` returns it.
    bias : bool
        The network has an output bias.

    Returns
    -------
    LossStudy
    """
    problem = ConvexProblem(loss, span(X, bias=bias), Y)
    minimum = minimise_convex(problem)
    return LossStudy(loss, X, Y, bias, problem, minimum, attainment(problem, minimum.outputs))
