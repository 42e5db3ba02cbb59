"""A training run: what is left above L* at every step, between the levels where it rests, and the gradient measure."""

from __future__ import annotations

from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.run import steps
from lossurf.report.text import number
from lossurf.report.unreadable import is_unreadable
from lossurf.report.web.chart import BOTTOM, HEIGHT, LEFT, TOP, WIDTH, Chart, Picture, legend_of, room_for, text
from lossurf.report.web.scales import FAR, Scale, level_text, spanning, spanning_decades

_RESOLVED: Final = 1e-13  # of the gain: excesses below are the rounding of the two losses


def of_watch(document: Document) -> list[Picture]:
    """Return the course of the losses, and of the gradient measure."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    if not results:
        return []
    places, name = steps([result["checkpoint"] for result in results])
    x_name = name.partition(",")[0]
    return [_losses(document["levels"], results, places, x_name), *_gradients(results, places, x_name)]


def _losses(levels: list[dict[str, Any]], results: list[dict[str, Any]], places: list[int], x_name: str) -> Picture:
    least, gain = levels[-1]["loss"], levels[0]["loss"] - levels[-1]["loss"]
    floor = max(_RESOLVED * (gain or levels[0]["loss"]), 1e-300)
    excess = [max(result["loss"] - least, floor) for result in results]
    far = max(excess) > FAR * min(excess)
    above = [(level["loss"] - (least if far else 0.0), level_text(level["rank"])) for level in levels]
    named = [(height, name) for height, name in above if height > 0.0 or not far]
    right = WIDTH - room_for(named)
    x = _along(places, right)
    shown = excess if far else [result["loss"] for result in results]
    heights = [height for height, _ in named]
    ends = (HEIGHT - BOTTOM, TOP)
    y = spanning_decades([*shown, *heights], *ends) if far else spanning([*shown, *heights], *ends)
    chart = Chart(x, y)
    parts = chart.frame(x_name, "loss above L*" if far else "loss")
    parts += chart.levels(named)
    parts.append(chart.curve(places, shown))
    for place, height, result in zip(places, shown, results, strict=True):
        told = f"{place}: {result['verdict']}, loss {number(result['loss'])}"
        parts.append(chart.mark(result["verdict"], place, height, told))
    fall = f"from {number(results[0]['loss'])} to {number(results[-1]['loss'])} over {len(results)} checkpoints"
    said = f"The loss goes {fall}; L* is {number(least)}."
    return Picture(
        "The run between its levels", said, tuple(parts), legend_of({result["verdict"] for result in results})
    )


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
    y = spanning_decades([tolerance, *(value for _, value in pairs)], 180.0 - BOTTOM, TOP)
    chart = Chart(x, y)
    parts = chart.frame(x_name, "gradient measure")
    parts += [chart.across(tolerance, "limit"), text(label, right, y(tolerance) - 5.0, "tick", anchor="end")]
    parts.append(chart.curve([place for place, _ in pairs], [value for _, value in pairs]))
    parts += [chart.dot(place, value, f"{place}: {number(value)}") for place, value in pairs]
    said = f"The gradient measure ends at {number(pairs[-1][1])}, the tolerance is {number(tolerance)}."
    return [Picture("How close to rest", said, tuple(parts), height=180.0)]


def _along(places: list[int], right: float) -> Scale:
    room = 0.03 * ((places[-1] - places[0]) or 1)
    return Scale(places[0] - room, places[-1] + room, LEFT, right)
