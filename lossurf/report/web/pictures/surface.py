"""The loss on a plane through the checkpoint, as filled contours with the critical levels, and the cut along it."""

from __future__ import annotations

from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.heights import shown_heights
from lossurf.report.text import number
from lossurf.report.web.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Chart,
    Picture,
    below,
    legend_of,
    named_levels,
    painted,
    room_for,
    text,
)
from lossurf.report.web.contours import on_rim, outlines
from lossurf.report.web.elements import Element, element
from lossurf.report.web.scales import Scale, spanning

# cividis (Nunez, Anderton & Renslow 2018): even in brightness for all eyes and printers
_COLORS: Final = (
    "#00224E", "#083370", "#35456C", "#4F576C", "#666970", "#7D7C78",
    "#948E77", "#AEA371", "#C8B866", "#E5CF52", "#FEE838",
)  # fmt: skip
_TALL: Final = 340.0


def of_classify(document: Document) -> list[Picture]:
    """Return the pictures of the surface around a single checkpoint, which the command gives beside its document."""
    surface = document.get("beside", {}).get("surface")
    return _pictures(surface) if surface and len(document["results"]) == 1 else []


def of_plot(document: Document) -> list[Picture]:
    """Return the pictures of `plot surface`."""
    return _pictures(document)


def _pictures(document: Document) -> list[Picture]:
    low, high = shown_heights(document)
    return [_plane(document, low, high), _cut(document, low, high)]


def _plane(document: Document, low: float, high: float) -> Picture:
    xs, ys = document["x"]["distances"], document["y"]["distances"]
    losses = [[high * 2.0 if loss is None else loss for loss in row] for row in document["losses"]]
    bar = 56.0
    side = _TALL - BOTTOM - 34.0
    left = LEFT + bar
    x, y = Scale(xs[0], xs[-1], left, left + side), Scale(ys[0], ys[-1], 34.0 + side, 34.0)
    chart = Chart(x, y)
    heights = _heights(low, high)
    colors = _colors(len(heights) + 1)
    parts = [element("rect", x=left, y=34.0, width=side, height=side, fill=colors[0])]
    for height, color in zip(heights, colors[1:], strict=True):
        parts.append(element("path", d=_path(chart, xs, ys, losses, height), fill=color, fill_rule="evenodd"))
    levels = [level["loss"] for level in document["levels"] if low < level["loss"] < high]
    parts += [element("path", d=_path(chart, xs, ys, losses, level, rim=False), **painted("rim")) for level in levels]
    parts.append(chart.mark(document["verdict"], 0.0, 0.0, f"{document['verdict']}, loss {number(document['loss'])}"))
    parts += _bar(Scale(low, high, 34.0 + side, 34.0), heights, colors)
    parts += _sides(chart, document)
    said = (
        f"Contours of the loss around the {document['verdict']} at {number(document['loss'])}, from {number(low)} to "
        f"{number(high)}: across {document['x']['name']}, up {document['y']['name']}."
    )
    line = element("line", x1="-8", x2="8", y1="0", y2="0", **painted("rim"))
    legend = (*legend_of([document["verdict"]]), (line, "critical levels"))
    return Picture("The loss around the point", said, tuple(parts), legend, height=_TALL)


def _path(
    chart: Chart, xs: list[float], ys: list[float], losses: list[list[float]], height: float, *, rim: bool = True
) -> str:
    """Return the outlines at a height as the data of a path; without `rim`, not where they follow the plane's edge."""
    last = (len(xs) - 1, len(ys) - 1)
    across, up = (xs[-1] - xs[0]) / last[0], (ys[-1] - ys[0]) / last[1]
    parts = []
    for outline in outlines(losses, height):
        before = outline[-1]
        for index, (i, j) in enumerate((*outline, *(() if rim else outline[:1]))):
            lifted = index == 0 or (not rim and on_rim(before, (i, j), last))
            parts.append(f"{'M' if lifted else 'L'}{chart.x(xs[0] + i * across):.1f} {chart.y(ys[0] + j * up):.1f}")
            before = (i, j)
        parts.append("Z" if rim else "")
    return "".join(parts)


def _heights(low: float, high: float) -> list[float]:
    """Return the round losses at which the colour changes, as many as there are colours for."""
    for most in range(2 * len(_COLORS), 1, -1):
        inside = [height for height in Scale(low, high, 0.0, 1.0).ticks(most) if low < height < high]
        if len(inside) < len(_COLORS):
            return inside
    return []


def _colors(count: int) -> list[str]:
    """Return so many of the colours, spread over all of them."""
    last = len(_COLORS) - 1
    return [_COLORS[round(index * last / max(count - 1, 1))] for index in range(count)]


def _bar(scale: Scale, heights: list[float], colors: list[str]) -> list[Element]:
    """Return the key of the colours, with the losses where they change."""
    edges = [scale.low, *heights, scale.high]
    parts = []
    for below_it, above_it, color in zip(edges, edges[1:], colors, strict=False):
        top, bottom = scale(above_it), scale(below_it)
        parts.append(element("rect", x=48.0, y=top, width=12.0, height=max(bottom - top, 0.0), fill=color))
    parts += [text(label, 43.0, scale(value) + 4.0, "tick", anchor="end") for value, label in scale.labels(7)]
    return [*parts, text("loss", 4.0, 16.0, "name")]


def _sides(chart: Chart, document: dict[str, Any]) -> list[Element]:
    """Return the names of the two directions and the distances along them."""
    parts = below(chart.x, chart.y.start, f"across: {document['x']['name']}")
    for value, label in chart.y.labels(5):
        parts.append(text(label, chart.x.start - 6.0, chart.y(value) + 4.0, "tick", anchor="end"))
    middle = (chart.x.start + chart.x.end) / 2.0
    return [*parts, text(f"up: {document['y']['name']}", middle, 22.0, "name", anchor="middle")]


def _cut(document: Document, low: float, high: float) -> Picture:
    pairs = zip(document["cut"]["distances"], document["cut"]["losses"], strict=True)
    levels = named_levels([level for level in document["levels"] if low <= level["loss"] <= high])
    right = WIDTH - room_for(levels)
    x = Scale(document["cut"]["distances"][0], document["cut"]["distances"][-1], LEFT, right)
    chart = Chart(x, spanning([low, high], HEIGHT - BOTTOM, TOP))
    shown = [(t, loss) for t, loss in pairs if loss is not None and loss <= chart.y.high]
    parts = chart.frame(f"along {document['x']['name']} (1: the size of the weights)", "loss")
    parts += [*chart.levels(levels), chart.curve([t for t, _ in shown], [loss for _, loss in shown])]
    parts.append(chart.mark(document["verdict"], 0.0, document["loss"], f"loss {number(document['loss'])}"))
    said = f"The loss along {document['x']['name']}: {number(document['loss'])} at the point, at least {number(low)}."
    return Picture("A cut through the point", said, tuple(parts))
