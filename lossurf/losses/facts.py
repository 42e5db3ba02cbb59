"""What data allow under a convex loss, as documents say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lossurf.fields import Count, Magnitude, limited
from lossurf.words import CONVEX_LOSSES, Attained, Status


@dataclass(frozen=True)
class LossFacts:
    """What data allow under a convex loss.

    Attributes
    ----------
    name : str
    delta : float or None
        Huber's, in units of Y.
    classes : tuple of int or None
        Labels that the outputs stand for, where Y was one column of them.
    loss_at_zero : float
        Of the map that is zero everywhere.
    optimal_loss, lower_bound : float
        The least loss found over all linear maps (0 where classes are split), and its dual bound.
    relative_gap : float
        Their difference as a share of `loss_at_zero`.
    attained : Attained
    margins, separable : int, int or None
        How many margins there are, and how many one direction makes positive with none negative.
    bottleneck : bool or None
        Whether a layer is narrower than min(dx, dy); None without widths.
    status : Status
        `holds` where every local minimum is global and the least loss is attained and known to eight digits.
    reason : str
        The status's ground in words.
    """

    name: Annotated[str, limited(enum=[*CONVEX_LOSSES])]
    delta: float | None
    classes: tuple[int, ...] | None
    loss_at_zero: Magnitude
    optimal_loss: Magnitude
    lower_bound: Magnitude
    relative_gap: Magnitude
    attained: Attained
    margins: Count
    separable: Count | None
    bottleneck: bool | None
    status: Status
    reason: str
