"""The data under another loss than the squared one, and the loss's parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.words import LossName

if TYPE_CHECKING:
    from lossurf.losses.data import LossData


def prepared_loss(data: Data, loss: str, delta: float | None) -> LossData | None:
    """Return the data under another loss than the squared one; None under that.

    Raises
    ------
    UsageError
        If the squared loss is given a delta, or the loss is unknown.
    """
    if loss == LossName.SQUARED:
        if delta is not None:
            raise UsageError(
                "the squared loss has no delta", where="--delta", remedy="leave it out, or add --loss huber"
            )
        return None
    from lossurf.losses.data import under_loss

    return under_loss(data, loss, delta)
