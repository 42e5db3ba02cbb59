"""The weight decay that was asked for: what it goes with, and the penalty that it means on some data."""

from __future__ import annotations

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import LossName, Reduction


def require_penalty(data: Data, weight_decay: float | None, reduction: str, loss: str, *, lemmas: bool = False) -> None:
    """Refuse a weight decay that does not go with what else is asked.

    Raises
    ------
    UsageError
    """
    require_reduction(reduction)
    if weight_decay is None:
        return
    if loss != LossName.SQUARED:
        raise UsageError(
            "weight decay goes with the squared loss", where="--weight-decay", remedy="leave out one of the two"
        )
    if lemmas:
        raise UsageError(
            "the lemmas are about the loss without weight decay",
            where="--weight-decay",
            remedy="leave out one of the two",
        )
    data.adjustments.refuse_outputs("weight decay of the last layer is not that of the one that is seen")


def require_reduction(reduction: str) -> None:
    """Refuse a word that is no reduction.

    Raises
    ------
    UsageError
    """
    if reduction not in tuple(Reduction):
        raise UsageError(
            f"'{reduction}' is no reduction", where="--reduction", remedy=f"use one of {', '.join(map(str, Reduction))}"
        )


def penalty_of(data: Data, weight_decay: float | None, reduction: str) -> WeightDecay | None:
    """Return the weight decay of the squared loss in units of the half sum of squares; None where none was asked for.

    Raises
    ------
    UsageError
        If it is not a positive number, or the data have weights of outputs.
    """
    require_penalty(data, weight_decay, reduction, LossName.SQUARED)
    if weight_decay is None:
        return None
    return WeightDecay.of(weight_decay, Reduction(reduction), data.reduce().samples, data.dy)
