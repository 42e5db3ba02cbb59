"""The picture of a run: loss against checkpoint between the critical levels, what is left above L*, and the gradient.

The levels are seen in the loss itself; how a run comes down to L* only in the logarithm of what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lossurf.report.document import Document
from lossurf.report.figures.canvas import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKS,
    PURPLE,
    VERMILLION,
    drawable,
    label_levels,
    legend,
    mark,
)
from lossurf.report.run import short_names
from lossurf.report.unreadable import is_unreadable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 30.0  # losses that span more than this factor are drawn on a logarithmic scale
_RESOLVED: Final = 1e-13  # of the gain: what is left below is the rounding of two losses
_PANEL: Final = 0.85  # inches that a panel needs, beside those of legend and axis
_AROUND: Final = 0.9


class Course(NamedTuple):
    """A run as it is drawn: its checkpoints' places along the axis, and its line.

    Attributes
    ----------
    name : str or None
        None where it is the only one.
    x : list of int
    results : list of dict
        Those that could be read.
    number : int
        Of its line in `LINES`.
    """

    name: str | None
    x: list[int]
    results: list[dict[str, Any]]
    number: int

    @property
    def is_alone(self) -> bool:
        """Whether it is the only one, which shows every verdict; of several the last one's is shown."""
        return self.name is None

    @property
    def shown(self) -> list[int]:
        """The checkpoints whose verdicts are drawn."""
        return list(range(len(self.x)))[0 if self.is_alone else -1 :]

    @property
    def gradients(self) -> list[tuple[int, float]]:
        """The gradient measures that a logarithmic scale has room for, with their places."""
        pairs = zip(self.x, self.results, strict=True)
        return [(x, result["gradient"]) for x, result in pairs if result["gradient"] > 0.0]

    @property
    def line(self) -> dict[str, Any]:
        """What matplotlib draws it with, beside the width."""
        from matplotlib import rcParams

        if self.is_alone:
            return {}
        color, dashes = LINES[self.number]
        return {"color": color or rcParams["text.color"], "linestyle": (0, dashes) if dashes else "-"}


Painter = Callable[["Axes", Document, list[Course]], None]

LINES: Final[tuple[tuple[str, tuple[float, ...]], ...]] = (
    ("", ()),
    (BLUE, (6, 2)),
    (VERMILLION, (2, 1.5)),
    (GREEN, (8, 2, 2, 2)),
    (PURPLE, (4, 1.5, 1, 1.5, 1, 1.5)),
    (GREY, (1, 1)),
)
"""Colours of several runs, the first that of the letters, and the lengths of their dashes and gaps, over again."""


def courses_of(document: Document) -> tuple[list[Course], str]:
    """Return the runs of a document of `watch`, and what the axis that they share is called."""
    by_run: dict[str | None, list[dict[str, Any]]] = {}
    for result in document["results"]:
        if not is_unreadable(result):
            by_run.setdefault(result.get("run"), []).append(result)
    places = [steps([result["checkpoint"] for result in results]) for results in by_run.values()]
    names = {name for _, name in places}
    if len(names) > 1:  # steps of one run and numbers of another do not go on one axis
        places = [(list(range(1, len(results) + 1)), "checkpoint") for results in by_run.values()]
    short = short_names(document) if document.get("runs") is not None else {}
    return [
        Course(None if name is None else short[name], x, results, number % len(LINES))
        for number, ((name, results), (x, _)) in enumerate(zip(by_run.items(), places, strict=True))
    ], places[0][1]


def extra_height(document: Document) -> float:
    """Return how much higher than usual the picture is, in inches, for what a document has beside its losses."""
    return 1.1 * len(_more(document))


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `watch`; a low figure has the losses, then what is left, then the gradient measure."""
    courses, name = courses_of(document)
    is_small = bool(left_above(document["levels"], all_of(courses)))
    painters = [_losses, *([_left] if is_small else []), _gradients, *_more(document)]
    fitting = max(1, int((figure.get_size_inches()[1] - _AROUND) / _PANEL))
    painters = painters[:fitting]
    ratios = (2.4, 1.5, *[1.2] * len(painters))[: len(painters)]
    every = figure.subplots(len(painters), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
    for axes, painter in zip(every, painters, strict=True):
        painter(axes, document, courses)
    every[-1].set_xlabel(name)
    figure.align_ylabels(every)
    legend(figure)
    label_levels(every[0], document["levels"])


def all_of(courses: list[Course]) -> list[dict[str, Any]]:
    """Return the checkpoints of all runs, one run after the other."""
    return [result for course in courses for result in course.results]


def left_above(levels: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[float]:
    """Return what is left above L* at each checkpoint, or nothing where it never becomes small."""
    least, gain = levels[-1]["loss"], levels[0]["loss"] - levels[-1]["loss"]
    floor = _RESOLVED * (gain or levels[0]["loss"])
    left = [max(result["loss"] - least, floor) for result in results]
    return left if floor > 0.0 and left and max(left) > _FAR * min(left) else []


def left_of(courses: list[Course], levels: list[dict[str, Any]]) -> list[list[float]]:
    """Return what is left above L* at the checkpoints of each run, or nothing where it never becomes small."""
    every = iter(left_above(levels, all_of(courses)))
    return [list(islice(every, len(course.x))) for course in courses]


def _more(document: Document) -> Sequence[Painter]:
    """Return what else there is to draw: Morse indices, and the largest eigenvalue beside the edge of stability."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    has_index = any(result["inertia"] is not None for result in results)
    has_curvature = any(result["curvature"] is not None for result in results)
    return [_indices] * has_index + [_curvatures] * has_curvature


def _indices(axes: Axes, document: Document, courses: list[Course]) -> None:  # noqa: ARG001 - every painter's signature
    from matplotlib.ticker import MaxNLocator

    most = 0
    for course in courses:
        known = [(x, result["inertia"]["negative"]) for x, result in _with(course, "inertia")]
        color = course.line.get("color", BLUE)
        axes.plot([x for x, _ in known], [index for _, index in known], "o", color=color, markersize=4.0)
        most = max([most, *(index for _, index in known)])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=3))
    axes.set_ylim(-0.5, most + 0.5)
    axes.set_ylabel("ways\ndown")


def _with(course: Course, field: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the checkpoints that have a field, with their places."""
    return [(x, result) for x, result in zip(course.x, course.results, strict=True) if result[field] is not None]


def _curvatures(axes: Axes, document: Document, courses: list[Course]) -> None:
    highest = [1e-300]
    for course in courses:
        known = [(x, result["curvature"]) for x, result in _with(course, "curvature")]
        values, errors = [c["largest"] for _, c in known], [c["largest_error"] for _, c in known]
        look = {"color": BLACK, "linewidth": 1.0, "marker": ".", "elinewidth": 0.8, **course.line}
        axes.errorbar([x for x, _ in known], values, yerr=errors, **look)
        highest += values
    if document["edge"] is not None:
        edge = document["edge"]["curvature"]
        _across(axes, edge, f"2 / step\n{edge:.3g}")
        highest.append(edge)
    axes.set_ylim(0.0, 1.15 * max(highest))
    axes.set_ylabel("largest\ncurvature")


def _across(axes: Axes, height: float, name: str) -> None:
    """Draw a dotted line across the panel, named at its right edge."""
    axes.axhline(height, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.annotate(
        name,
        xy=(1.02, height),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="small",
        annotation_clip=False,
    )


def steps(names: list[str]) -> tuple[list[int], str]:
    """Return the steps that ascending numbers in the file names tell, and what to call them; else 1, 2, ..."""
    numbers = [re.findall(r"\d+", name.rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0]) for name in names]
    if names and all(numbers):
        last = [int(found[-1]) for found in numbers]
        if all(a < b for a, b in pairwise(last)):
            return last, "step, from the checkpoints' names"
    return list(range(1, len(names) + 1)), "checkpoint"


def _losses(axes: Axes, document: Document, courses: list[Course]) -> None:
    named: set[str] = set()
    for course in courses:
        losses = [result["loss"] for result in course.results]
        label = None if course.name is None else drawable(course.name)
        axes.plot(course.x, losses, zorder=2, label=label, **course.line)
        _marks(axes, course, losses, named)
    losses = [result["loss"] for result in all_of(courses)]
    levels = [level["loss"] for level in document["levels"]]
    low, high = min(*losses, *levels), max(*losses, *levels)
    if low > 0.0 and high / low > _FAR:
        axes.set_yscale("log")
    else:
        margin = 0.05 * (high - low or high or 1.0)
        axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel(document["loss_name"])


def _marks(axes: Axes, course: Course, heights: list[float], named: set[str] | None = None) -> None:
    """Draw the mark of every checkpoint's verdict, of several runs the last one's; kinds not yet `named` are named."""
    for kind in MARKS:
        chosen = [k for k in course.shown if course.results[k]["verdict"] == kind]
        if chosen:
            label = kind if named is not None and kind not in named else None
            mark(axes, kind, [course.x[k] for k in chosen], [heights[k] for k in chosen], label=label)
            if named is not None:
                named.add(kind)


def _left(axes: Axes, document: Document, courses: list[Course]) -> None:
    axes.set_yscale("log")
    every = left_of(courses, document["levels"])
    for course, left in zip(courses, every, strict=True):
        axes.plot(course.x, left, zorder=2, **course.line)
        _marks(axes, course, left)
    axes.set_ylim(min(map(min, every)) / 3.0, max(map(max, every)) * 3.0)
    axes.set_ylabel("above the\nlowest level" if document.get("weight_decay") else "left above $L^*$")


def _gradients(axes: Axes, document: Document, courses: list[Course]) -> None:  # noqa: ARG001 - every painter's signature
    axes.set_yscale("log")
    tolerance = courses[-1].results[-1]["tolerance"]
    sizes = [tolerance]
    for course in courses:
        values = [value for _, value in course.gradients]
        axes.plot([x for x, _ in course.gradients], values, marker=".", **course.line)
        sizes += values
    axes.set_ylim(min(sizes) / 3.0, max(sizes) * 3.0)
    _across(axes, tolerance, f"tolerance\n{tolerance:.3g}")
    axes.set_ylabel("gradient\nmeasure")


def _alone(painter: Painter, is_there: Callable[[Document], bool]) -> Callable[[Axes, Document], bool]:
    """Return a panel that is drawn alone, with the axis that the panels of a figure share."""

    def paint_alone(axes: Axes, document: Document) -> bool:
        if not is_there(document):
            return False
        courses, name = courses_of(document)
        painter(axes, document, courses)
        axes.set_xlabel(name)
        if painter is _losses:
            label_levels(axes, document["levels"])
        return True

    return paint_alone


PANELS: Final = {
    "losses": _alone(_losses, lambda _: True),
    "left": _alone(_left, lambda document: bool(left_above(document["levels"], all_of(courses_of(document)[0])))),
    "gradients": _alone(_gradients, lambda _: True),
    "indices": _alone(_indices, lambda document: _indices in _more(document)),
    "curvatures": _alone(_curvatures, lambda document: _curvatures in _more(document)),
}
"""What may be drawn alone."""
