"""A training run: the loss between the levels where it rests, what is left above L*, and the gradient measure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.run import Course, courses_of, left_of
from lossurf.report.text import number
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
    painted,
    room_for,
    text,
)
from lossurf.report.web.elements import Element, element
from lossurf.report.web.scales import FAR, Scale, spanning, spanning_decades

_LOW: Final = 190.0  # height of the pictures below that of the losses


def of_watch(document: Document) -> list[Picture]:
    """Return the course of the losses, of what is left above L*, and of the gradient measure, of one run or several."""
    courses, name = courses_of(document)
    x_name = name.partition(",")[0]
    left = left_of(courses, document["levels"])
    least = "the lowest level" if document.get("weight_decay") else "L*"
    return [
        _losses(document["levels"], courses, x_name, least),
        *([_left(left, courses, x_name, least)] if left[0] else []),
        *_gradients(courses, x_name),
    ]


def _losses(levels: list[dict[str, Any]], courses: list[Course], x_name: str, least: str) -> Picture:
    losses = [[result["loss"] for result in course.results] for course in courses]
    named = named_levels(levels)
    shown, ends = [*chain(*losses), *(height for height, _ in named)], (HEIGHT - BOTTOM, TOP)
    y = spanning_decades(shown, *ends) if 0.0 < FAR * min(shown) < max(shown) else spanning(shown, *ends)
    chart = Chart(_along(courses, WIDTH - room_for(named)), y)
    parts = [*chart.frame(x_name, "loss"), *chart.levels(named), *_drawn(chart, courses, losses)]
    kinds = legend_of({course.results[k]["verdict"] for course in courses for k in course.shown})
    lines = tuple((_key(course), course.name) for course in courses if course.name is not None)
    said = f"{_course_said(courses, losses)}; {least} is {number(levels[-1]['loss'])}."
    return Picture("The run between its levels" if not lines else "The runs", said, tuple(parts), (*lines, *kinds))


def _course_said(courses: list[Course], losses: list[list[float]]) -> str:
    if courses[0].is_alone:
        first, last = losses[0][0], losses[0][-1]
        return f"The loss goes from {number(first)} to {number(last)} over {len(losses[0])} checkpoints"
    ends = ", ".join(f"{course.name} at {number(each[-1])}" for course, each in zip(courses, losses, strict=True))
    return f"The losses of {len(courses)} runs end: {ends}"


def _left(left: list[list[float]], courses: list[Course], x_name: str, least: str) -> Picture:
    chart = Chart(_along(courses, WIDTH - 16.0), spanning_decades(list(chain(*left)), _LOW - BOTTOM, TOP))
    parts = [*chart.frame(x_name, f"loss above {least}"), *_drawn(chart, courses, left)]
    ends = ", ".join(number(each[-1]) for each in left)
    said = f"What is left above {least} goes from {number(left[0][0])} to {ends}."
    return Picture("What is left", said, tuple(parts), height=_LOW)


def _look(course: Course) -> str:
    return "curve" if course.is_alone else f"run-{course.number}"


def _key(course: Course) -> Element:
    return element("line", x1=-9.0, x2=9.0, y1=0.0, y2=0.0, **painted(_look(course)))


def _drawn(chart: Chart, courses: list[Course], heights: list[list[float]]) -> Iterator[Element]:
    for course, each in zip(courses, heights, strict=True):
        yield chart.curve(course.x, each, _look(course))
    for course, each in zip(courses, heights, strict=True):
        for k in course.shown:
            result, name = course.results[k], f"{course.name}, " if course.name else ""
            said = f"{name}{course.x[k]}: {result['verdict']}, loss {number(result['loss'])}"
            yield chart.mark(result["verdict"], course.x[k], each[k], said)


def _gradients(courses: list[Course], x_name: str) -> list[Picture]:
    every = [course.gradients for course in courses]
    if not any(every):
        return []
    tolerance = courses[-1].results[-1]["tolerance"]
    label, right = f"tolerance {tolerance:.3g}", WIDTH - 16.0
    y = spanning_decades([tolerance, *(value for pairs in every for _, value in pairs)], _LOW - BOTTOM, TOP)
    chart = Chart(_along(courses, right), y)
    parts = chart.frame(x_name, "gradient measure")
    parts += [chart.across(tolerance, "limit"), text(label, right, y(tolerance) - 5.0, "tick", anchor="end")]
    for course, pairs in zip(courses, every, strict=True):
        parts.append(chart.curve([place for place, _ in pairs], [value for _, value in pairs], _look(course)))
        if course.is_alone:
            parts += [chart.dot(place, value, f"{place}: {number(value)}") for place, value in pairs]
    ends = ", ".join(number(pairs[-1][1]) for pairs in every if pairs)
    said = f"The gradient measure ends at {ends}, the tolerance is {number(tolerance)}."
    return [Picture("How close to rest", said, tuple(parts), height=_LOW)]


def _along(courses: list[Course], right: float) -> Scale:
    places = [x for course in courses for x in course.x]
    low, high = min(places), max(places)
    room = 0.03 * ((high - low) or 1)
    return Scale(low - room, high + room, LEFT, right)
