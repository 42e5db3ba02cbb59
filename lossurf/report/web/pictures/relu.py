"""The assumptions of Corollary 3.2 as `relu` measured them: each effect with its interval, and its limit."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.text import number
from lossurf.report.web.chart import WIDTH, Picture, below, painted, text
from lossurf.report.web.elements import Element, element
from lossurf.report.web.scales import Scale, spanning

_ROW = 38.0
_NAMES = 92.0
_EFFECTS = {"a1p-m": "path_cv", "a5u-m": "delta5", "reduction": "eta"}


def of_relu(document: Document) -> list[Picture]:
    """Return one row for each assumption with a measured effect."""
    shown = [item for item in document["assumptions"] if item["value"] is not None and item["id"] in _EFFECTS]
    if not shown:
        return []
    bottom = 16.0 + _ROW * len(shown)
    reach = [item["value"] for item in shown] + [item["threshold"] for item in shown]
    reach += [end for item in shown for end in document[_EFFECTS[item["id"]]]["interval"] or ()]
    x = spanning(reach, _NAMES, WIDTH - 30.0, zero=True)
    parts = [element("line", x1=x(at), x2=x(at), y1=10.0, y2=bottom, **painted("grid")) for at in x.ticks(5)]
    for index, item in enumerate(shown):
        parts += _row(x, 16.0 + _ROW * (index + 0.5), item, document[_EFFECTS[item["id"]]]["interval"])
    parts += below(x, bottom, "measured effect, 0: as assumed")
    said = "; ".join(
        f"{item['id']}: {number(item['value'])}, holds up to {number(item['threshold'])}" for item in shown
    )
    dot = element("circle", r="4", cx="0", cy="0", **painted("dot"))
    limit_line = element("line", x1="0", x2="0", y1="-8", y2="8", **painted("limit"))
    legend = ((dot, "measured, with its 95 % interval"), (limit_line, "holds up to here"))
    return [Picture("How far from the assumptions", f"{said}.", tuple(parts), legend, height=bottom + 44.0)]


def _row(x: Scale, height: float, item: dict[str, Any], interval: list[float] | None) -> list[Element]:
    """Return an assumption's name, its limit, and its effect with the interval."""
    limit = x(item["threshold"])
    parts = [text(item["id"], 4.0, height + 4.0, "name")]
    parts.append(element("line", x1=limit, x2=limit, y1=height - 13.0, y2=height + 13.0, **painted("limit")))
    if interval:
        ends = [x(end) for end in interval]
        parts.append(element("line", x1=ends[0], x2=ends[1], y1=height, y2=height, **painted("bar")))
        parts += [element("line", x1=end, x2=end, y1=height - 4.0, y2=height + 4.0, **painted("bar")) for end in ends]
    tooltip = element("title", f"{item['id']}: {number(item['value'])}")
    return [*parts, element("circle", tooltip, cx=x(item["value"]), cy=height, r="4", **painted("dot"))]
