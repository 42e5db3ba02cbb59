"""Critical values by the rank of the product, with the kinds of point that are found there."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.figures.levels import of_audit as as_levels
from lossurf.report.text import count, number
from lossurf.report.web.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Chart,
    Picture,
    legend_of,
    named_levels,
    room_for,
)
from lossurf.report.web.elements import Element
from lossurf.report.web.pictures.spectrum import whole
from lossurf.report.web.scales import Scale, spanning

_APART = 14.0  # between marks of different kinds at one value


def of_plot(document: Document) -> list[Picture]:
    """Return the picture of `plot levels`."""
    return [_levels(document["critical_values"])]


def of_audit(document: Document) -> list[Picture]:
    """Return the picture of `audit`: the levels that were built."""
    return of_plot(as_levels(document))


def _levels(values: list[dict[str, Any]]) -> Picture:
    lowest: dict[int, float] = {}
    for value in values:
        lowest[value["rank"]] = min(value["loss"], lowest.get(value["rank"], value["loss"]))
    named = named_levels([{"rank": rank, "loss": loss} for rank, loss in lowest.items()])
    right = WIDTH - room_for(named)
    x = Scale(min(lowest) - 0.5, max(lowest) + 0.5, LEFT, right)
    chart = Chart(x, spanning([value["loss"] for value in values], HEIGHT - BOTTOM, TOP))
    parts = chart.frame("rank of the product", "loss of the critical points", x_ticks=whole(max(lowest), first=0))
    parts += chart.levels(named)
    for value in values:
        parts += _marks(chart, value)
    kinds = {kind for value in values for kind in value["kinds"]}
    reach = f"of ranks {min(lowest)} to {max(lowest)}, the least {number(min(lowest.values()))}"
    said = f"{count(len(values), 'critical value')} {reach}."
    return Picture("Every level where a gradient can vanish", said, tuple(parts), legend_of(kinds))


def _marks(chart: Chart, value: dict[str, Any]) -> list[Element]:
    """Return the marks of the kinds at one value, side by side."""
    carried = ", ".join(map(str, value["eigen_indices"]))
    first = -_APART * (len(value["kinds"]) - 1) / 2.0
    parts = []
    for index, kind in enumerate(value["kinds"]):
        said = f"{kind}, eigenvectors {{{carried}}}, loss {number(value['loss'])}"
        made = chart.mark(kind, value["rank"], value["loss"], said)
        place = chart.x(value["rank"]) + first + _APART * index
        made.set("transform", f"translate({place:.1f} {chart.y(value['loss']):.1f})")
        parts.append(made)
    return parts
