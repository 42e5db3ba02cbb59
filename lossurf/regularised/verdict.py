"""What is asked with weight decay: the optimizer's number, and the penalty that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lossurf.fields import limited
from lossurf.words import Reduction

_Positive = Annotated[float, limited(exclusiveMinimum=0)]


@dataclass(frozen=True)
class WeightDecay:
    """Weight decay as an optimizer was given it.

    Attributes
    ----------
    wd : float
        What is added to the gradient, times the weights.
    reduction : Reduction
        How the loss that the optimizer was given sums the squares.
    lambda_ : float
        lam of 1/2 ||P X - Y||^2 + 1/2 lam sum ||W_k||^2.
    """

    wd: _Positive
    reduction: Reduction
    lambda_: _Positive

    @classmethod
    def of(cls, wd: float, reduction: Reduction, samples: int, outputs: int) -> WeightDecay:
        """Return what wd means for a loss of that reduction over so many samples and outputs."""
        from lossurf.regularised.scaled import penalty_weight

        return cls(wd, reduction, penalty_weight(wd, reduction, samples, outputs))
