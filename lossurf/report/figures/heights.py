"""Between which losses a picture of a surface is drawn: the surroundings decide, not how close the point is to L*."""

from __future__ import annotations

from typing import Final

from lossurf.report.document import Document

_HEADROOM: Final = 2.0  # shown above the loss, in heights of the loss above the lowest
_NEXT: Final = 0.05  # of L_0 - L*: a level nearer than this is the one the point rests on
_ROOM: Final = 0.08  # beyond the next level, so that its line is not the rim


def shown_heights(document: Document) -> tuple[float, float]:
    """Return the least and the largest loss to show.

    From the lowest loss on the cut, or L*, up to the level above the point or twice as far above the point as that is
    above the lowest, whichever is more, but no further than the plane goes.
    """
    cut = [loss for loss in document["cut"]["losses"] if loss is not None]
    levels = [level["loss"] for level in document["levels"]]
    loss, gain = document["loss"], levels[0] - levels[-1]
    low = min(*cut, levels[-1], loss)
    above = [level for level in levels if level > loss + _NEXT * gain]
    rim = max(*cut, *_rim(document["losses"]))
    high = loss + _HEADROOM * (loss - low)
    if above:
        high = max(high, min(above) + _ROOM * (min(above) - low))
    elif high < loss + _NEXT * gain or gain == 0.0:
        high = rim
    high = min(high, rim)
    return low, max(high, low * (1.0 + 1e-9) + 1e-300)


def _rim(losses: list[list[float | None]]) -> list[float]:
    """Return the losses at the middles of the plane's four sides: what the walk along each axis reaches."""
    middle = len(losses) // 2
    ends = (losses[0][middle], losses[-1][middle], losses[middle][0], losses[middle][-1])
    return [loss for loss in ends if loss is not None]
