"""The spectrum of Sigma with its error bars, and the best loss of every rank."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.figures.spectrum import of_check as as_spectrum
from lossurf.report.text import number
from lossurf.report.web.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Chart,
    Picture,
    mark,
    named_levels,
    painted,
    room_for,
)
from lossurf.report.web.elements import element
from lossurf.report.web.scales import FAR, Scale, spanning, spanning_decades

_MOST_TICKS = 12


def of_check(document: Document) -> list[Picture]:
    """Return the pictures of `check`: none where another loss was asked for."""
    if document.get("other_loss") or not document.get("eigenvalues"):
        return []
    found = as_spectrum(document)
    given = document["network"] is not None
    return [_eigenvalues(found["eigenvalues"]), _losses(found["loss_by_rank"], found["rank_max"], given=given)]


def of_plot(document: Document) -> list[Picture]:
    """Return the pictures of `plot spectrum`."""
    return [_eigenvalues(document["eigenvalues"]), _losses(document["loss_by_rank"], document["rank_max"], given=True)]


def _eigenvalues(values: list[dict[str, Any]]) -> Picture:
    sure = [item for item in values if item["low"] > 0.0]
    zeros = [item for item in values if item["low"] <= 0.0]
    x = Scale(0.5, len(values) + 0.5, LEFT, WIDTH - 12.0)
    y = _height_of([item["value"] for item in sure])
    chart = Chart(x, y)
    parts = chart.frame("direction, the largest first", "explained sum of squares", x_ticks=whole(len(values)))
    for item in sure:
        parts += chart.bar(item["index"], item["low"], item["high"])
        parts.append(chart.dot(item["index"], item["value"], f"eigenvalue {item['index']}: {number(item['value'])}"))
    for item in zeros:
        at = f"translate({x(item['index']):.1f} {y.start - 6.0:.1f})"
        tooltip = element("title", f"eigenvalue {item['index']}: zero to rounding")
        parts.append(element("path", tooltip, d="M-5 -4H5L0 6Z", transform=at, **painted("zero")))
    legend = [(_dot(), "eigenvalue with its error bar")] if sure else []
    legend += [(element("path", d="M-5 -4H5L0 6Z", **painted("zero")), "zero to rounding")] if zeros else []
    largest = f", the largest {number(values[0]['value'])}" if values else ""
    said = f"{len(sure)} eigenvalues of Sigma are above zero{largest}; {len(zeros)} are zero to rounding."
    return Picture("The spectrum: how much of Y each direction explains", said, tuple(parts), tuple(legend))


def _height_of(values: list[float]) -> Scale:
    ends = (HEIGHT - BOTTOM, TOP)
    if values and max(values) > FAR * min(values):
        return spanning_decades(values, *ends)
    return spanning(values or [1.0], *ends, zero=True)


def _losses(losses: list[float], rank: int, *, given: bool) -> Picture:
    best = named_levels([{"rank": "*", "loss": losses[rank]}])
    right = WIDTH - room_for(best)
    chart = Chart(Scale(-0.4, len(losses) - 0.6, LEFT, right), spanning(losses, HEIGHT - BOTTOM, TOP))
    parts = chart.frame("rank of the product", "least loss", x_ticks=whole(len(losses) - 1, first=0))
    parts += chart.levels(best)
    parts.append(chart.curve(range(len(losses)), losses))
    parts += [chart.dot(k, loss, f"rank {k}: {number(loss)}") for k, loss in enumerate(losses)]
    parts.append(chart.mark("global-minimum", rank, losses[rank], f"rank {rank}: {number(losses[rank])}"))
    name = "best for these widths" if given else "best at full rank"
    said = f"The least loss falls from {number(losses[0])} at rank 0 to {number(losses[rank])} at rank {rank}."
    return Picture("What each rank can reach", said, tuple(parts), ((mark("global-minimum"), name),))


def _dot() -> Any:
    return element("circle", r="3.5", cx="0", cy="0", **painted("dot"))


def whole(last: int, first: int = 1) -> list[int]:
    """Return whole numbers for ticks, every one or every second, fifth, tenth ..."""
    count = last - first + 1
    step = next(size * 10**k for k in range(12) for size in (1, 2, 5) if count <= _MOST_TICKS * size * 10**k)
    return [value for value in range(first, last + 1) if value % step == 0 or step == 1]
