"""The three losses that `spurious` compares: the minimum, the better point, and what no function of x goes below."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.text import number
from lossurf.report.web.chart import WIDTH, Picture, below, painted, text
from lossurf.report.web.elements import element
from lossurf.report.web.scales import spanning

_ROW = 34.0
_NAMES = 132.0


def of_spurious(document: Document) -> list[Picture]:
    """Return a line of losses, one row each."""
    rows = [("the minimum", document["loss"]), ("the better point", document["better_loss"])]
    rows.append(("any function of x", _least(document)))
    known = [(name, loss) for name, loss in rows if loss is not None]
    if len(known) < 2:
        return []
    bottom = 14.0 + _ROW * len(known)
    x = spanning([loss for _, loss in known], _NAMES, WIDTH - 74.0, margin=0.08)
    parts = [element("line", x1=x(at), x2=x(at), y1=8.0, y2=bottom, **painted("grid")) for at in x.ticks(4)]
    for index, (name, loss) in enumerate(known):
        height = 14.0 + _ROW * (index + 0.5)
        parts.append(text(name, 4.0, height + 4.0, "name"))
        parts.append(element("line", x1=x.start, x2=x(loss), y1=height, y2=height, **painted("bar")))
        parts.append(element("circle", cx=x(loss), cy=height, r="4", **painted("dot")))
        parts.append(text(number(loss), x(loss) + 9.0, height + 4.0, "tick"))
    parts += below(x, bottom, "loss", x.ticks(4))
    said = "; ".join(f"{name}: loss {number(loss)}" for name, loss in known) + "."
    return [Picture("What lies below the minimum", said, tuple(parts), height=bottom + 44.0)]


def _least(document: Document) -> float | None:
    """Return the loss that no function of x goes below: the document tells how far below the minimum that is."""
    loss, attainable = document["loss"], document["attainable"]
    return None if loss is None or attainable is None else max(float(loss - attainable), 0.0)
