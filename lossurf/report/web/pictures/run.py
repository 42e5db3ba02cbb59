"""A training run: the loss between the levels where it rests, what is left above L*, and the gradient measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.run import left_above, steps
from lossurf.report.text import number
from lossurf.report.unreadable import is_unreadable
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
    text,
)
from lossurf.report.web.elements import Element
from lossurf.report.web.scales import FAR, Scale, spanning, spanning_decades

_LOW: Final = 190.0  # height of the pictures below that of the losses


def of_watch(document: Document) -> list[Picture]:
    """Return the course of the losses, of what is left above L*, and of the gradient measure."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    if not results:
        return []
    places, name = steps([result["checkpoint"] for result in results])
    x_name = name.partition(",")[0]
    left = left_above(document["levels"], results)
    least = "the lowest level" if document.get("weight_decay") else "L*"
    return [
        _losses(document["levels"], results, places, x_name, least),
        *([_left(left, results, places, x_name, least)] if left else []),
        *_gradients(results, places, x_name),
    ]


def _losses(
    levels: list[dict[str, Any]], results: list[dict[str, Any]], places: list[int], x_name: str, least: str
) -> Picture:
    losses = [result["loss"] for result in results]
    named = named_levels(levels)
    shown, ends = [*losses, *(height for height, _ in named)], (HEIGHT - BOTTOM, TOP)
    y = spanning_decades(shown, *ends) if 0.0 < FAR * min(shown) < max(shown) else spanning(shown, *ends)
    chart = Chart(_along(places, WIDTH - room_for(named)), y)
    parts = [*chart.frame(x_name, "loss"), *chart.levels(named), *_course(chart, places, losses, results)]
    fall = f"from {number(losses[0])} to {number(losses[-1])} over {len(results)} checkpoints"
    said = f"The loss goes {fall}; {least} is {number(levels[-1]['loss'])}."
    kinds = legend_of({result["verdict"] for result in results})
    return Picture("The run between its levels", said, tuple(parts), kinds)


def _left(left: list[float], results: list[dict[str, Any]], places: list[int], x_name: str, least: str) -> Picture:
    chart = Chart(_along(places, WIDTH - 16.0), spanning_decades(left, _LOW - BOTTOM, TOP))
    parts = [*chart.frame(x_name, f"loss above {least}"), *_course(chart, places, left, results)]
    said = f"What is left above {least} goes from {number(left[0])} to {number(left[-1])}."
    return Picture("What is left", said, tuple(parts), height=_LOW)


def _course(chart: Chart, places: list[int], heights: list[float], results: list[dict[str, Any]]) -> Iterator[Element]:
    yield chart.curve(places, heights)
    for place, height, result in zip(places, heights, results, strict=True):
        said = f"{place}: {result['verdict']}, loss {number(result['loss'])}"
        yield chart.mark(result["verdict"], place, height, said)


def _gradients(results: list[dict[str, Any]], places: list[int], x_name: str) -> list[Picture]:
    pairs = [
        (place, result["gradient"]) for place, result in zip(places, results, strict=True) if result["gradient"] > 0.0
    ]
    if not pairs:
        return []
    tolerance = results[-1]["tolerance"]
    label = f"tolerance {tolerance:.3g}"
    right = WIDTH - 16.0
    x = _along(places, right)
    y = spanning_decades([tolerance, *(value for _, value in pairs)], _LOW - BOTTOM, TOP)
    chart = Chart(x, y)
    parts = chart.frame(x_name, "gradient measure")
    parts += [chart.across(tolerance, "limit"), text(label, right, y(tolerance) - 5.0, "tick", anchor="end")]
    parts.append(chart.curve([place for place, _ in pairs], [value for _, value in pairs]))
    parts += [chart.dot(place, value, f"{place}: {number(value)}") for place, value in pairs]
    said = f"The gradient measure ends at {number(pairs[-1][1])}, the tolerance is {number(tolerance)}."
    return [Picture("How close to rest", said, tuple(parts), height=_LOW)]


def _along(places: list[int], right: float) -> Scale:
    room = 0.03 * ((places[-1] - places[0]) or 1)
    return Scale(places[0] - room, places[-1] + room, LEFT, right)
