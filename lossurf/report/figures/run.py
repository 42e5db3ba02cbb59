"""The picture of a run: loss against checkpoint between the critical levels, what is left above L*, and the gradient.

The levels are seen in the loss itself; how a run comes down to L* only in the logarithm of what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLACK, BLUE, GREY, MARKS, label_levels, legend, mark
from lossurf.report.unreadable import is_unreadable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 30.0  # losses that span more than this factor are drawn on a logarithmic scale
_RESOLVED: Final = 1e-13  # of the gain: what is left below is the rounding of two losses
_PANEL: Final = 0.85  # inches that a panel needs, beside those of legend and axis
_AROUND: Final = 0.9


def extra_height(document: Document) -> float:
    """Return how much higher than usual the picture is, in inches, for what a document has beside its losses."""
    return 1.1 * len(_more(document))


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `watch`; a low figure has the losses, then what is left, then the gradient measure."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    x, name = steps([result["checkpoint"] for result in results])
    painters = [_losses, *([_left] if left_above(document["levels"], results) else []), _gradients, *_more(document)]
    fitting = max(1, int((figure.get_size_inches()[1] - _AROUND) / _PANEL))
    painters = painters[:fitting]
    ratios = (2.4, 1.5, *[1.2] * len(painters))[: len(painters)]
    every = figure.subplots(len(painters), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
    for axes, painter in zip(every, painters, strict=True):
        painter(axes, {**document, "results": results}, x)
    every[-1].set_xlabel(name)
    figure.align_ylabels(every)
    legend(figure)
    label_levels(every[0], document["levels"])


def left_above(levels: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[float]:
    """Return what is left above L* at each checkpoint, or nothing where it never becomes small."""
    least, gain = levels[-1]["loss"], levels[0]["loss"] - levels[-1]["loss"]
    floor = _RESOLVED * (gain or levels[0]["loss"])
    left = [max(result["loss"] - least, floor) for result in results]
    return left if floor > 0.0 and left and max(left) > _FAR * min(left) else []


def _more(document: Document) -> Sequence[Callable[[Axes, Document, list[int]], None]]:
    """Return what else there is to draw: Morse indices, and the largest eigenvalue beside the edge of stability."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    has_index = any(result["inertia"] is not None for result in results)
    has_curvature = any(result["curvature"] is not None for result in results)
    return [_indices] * has_index + [_curvatures] * has_curvature


def _indices(axes: Axes, document: Document, x: list[int]) -> None:
    results = document["results"]
    from matplotlib.ticker import MaxNLocator

    known = [
        (step, result["inertia"]["negative"]) for step, result in zip(x, results, strict=True) if result["inertia"]
    ]
    axes.plot([step for step, _ in known], [index for _, index in known], "o", color=BLUE, markersize=4.0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=3))
    axes.set_ylim(-0.5, max(index for _, index in known) + 0.5)
    axes.set_ylabel("ways\ndown")


def _curvatures(axes: Axes, document: Document, x: list[int]) -> None:
    results = document["results"]
    known = [(step, result["curvature"]) for step, result in zip(x, results, strict=True) if result["curvature"]]
    values, errors = [c["largest"] for _, c in known], [c["largest_error"] for _, c in known]
    at = [step for step, _ in known]
    axes.errorbar(at, values, yerr=errors, color=BLACK, linewidth=1.0, marker=".", elinewidth=0.8)
    if document["edge"] is not None:
        edge = document["edge"]["curvature"]
        axes.axhline(edge, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            f"2 / step\n{edge:.3g}",
            xy=(1.02, edge),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize="small",
            annotation_clip=False,
        )
        values = [*values, edge]
    axes.set_ylim(0.0, 1.15 * max(*values, 1e-300))
    axes.set_ylabel("largest\ncurvature")


def steps(names: list[str]) -> tuple[list[int], str]:
    """Return the steps that ascending numbers in the file names tell, and what to call them; else 1, 2, ..."""
    numbers = [re.findall(r"\d+", name.rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0]) for name in names]
    if names and all(numbers):
        last = [int(found[-1]) for found in numbers]
        if all(a < b for a, b in pairwise(last)):
            return last, "step, from the checkpoints' names"
    return list(range(1, len(names) + 1)), "checkpoint"


def _losses(axes: Axes, document: Document, x: list[int]) -> None:
    results = document["results"]
    losses = [result["loss"] for result in results]
    axes.plot(x, losses, zorder=2)
    _marks(axes, results, x, losses, named=True)
    levels = [level["loss"] for level in document["levels"]]
    low, high = min(*losses, *levels), max(*losses, *levels)
    if low > 0.0 and high / low > _FAR:
        axes.set_yscale("log")
    else:
        margin = 0.05 * (high - low or high or 1.0)
        axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel(document["loss_name"])


def _marks(axes: Axes, results: list[dict[str, Any]], x: list[int], heights: list[float], *, named: bool) -> None:
    for kind in MARKS:
        chosen = [k for k, result in enumerate(results) if result["verdict"] == kind]
        if chosen:
            places = [x[k] for k in chosen], [heights[k] for k in chosen]
            mark(axes, kind, *places, label=kind if named else None)


def _left(axes: Axes, document: Document, x: list[int]) -> None:
    results = document["results"]
    left = left_above(document["levels"], results)
    axes.set_yscale("log")
    axes.plot(x, left, zorder=2)
    _marks(axes, results, x, left, named=False)
    axes.set_ylim(min(left) / 3.0, max(left) * 3.0)
    axes.set_ylabel("above the\nlowest level" if document.get("weight_decay") else "left above $L^*$")


def _gradients(axes: Axes, document: Document, x: list[int]) -> None:
    results = document["results"]
    positive = [(step, result["gradient"]) for step, result in zip(x, results, strict=True) if result["gradient"] > 0.0]
    axes.set_yscale("log")
    axes.plot([step for step, _ in positive], [value for _, value in positive], marker=".")
    tolerance = results[-1]["tolerance"]
    sizes = [tolerance, *(value for _, value in positive)]
    axes.set_ylim(min(sizes) / 3.0, max(sizes) * 3.0)
    axes.axhline(tolerance, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.annotate(
        f"tolerance\n{tolerance:.3g}",
        xy=(1.02, tolerance),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="small",
        annotation_clip=False,
    )
    axes.set_ylabel("gradient\nmeasure")
