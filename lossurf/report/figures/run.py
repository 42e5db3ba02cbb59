"""The picture of `watch`: loss against checkpoint between the critical levels, and the gradient measure below it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLACK, BLUE, GREY, MARKS, label_levels, mark
from lossurf.report.unreadable import is_unreadable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 30.0  # losses that span more than this factor are drawn on a logarithmic scale


def height(document: Document) -> float:
    """Return how high the picture is, in inches."""
    return 4.6 + 1.1 * len(_more(document))


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `watch`."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    x, name = steps([result["checkpoint"] for result in results])
    more = _more(document)
    heights = (3.0, *[1.2] * (1 + len(more)))
    losses, gradients, *others = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _losses(losses, {**document, "results": results}, x)
    _gradients(gradients, results, x)
    for axes, draw in zip(others, more, strict=True):
        draw(axes, document, results, x)
    (others or [gradients])[-1].set_xlabel(name)
    figure.legend(loc="outside upper center", ncols=len(MARKS))
    label_levels(losses, document["levels"])


def _more(document: Document) -> list[Callable[[Axes, Document, list[dict[str, Any]], list[int]], None]]:
    """Return what else there is to draw: Morse indices, and the largest eigenvalue beside the edge of stability."""
    results = [result for result in document["results"] if not is_unreadable(result)]
    has_index = any(result["inertia"] is not None for result in results)
    has_curvature = any(result["curvature"] is not None for result in results)
    return [_indices] * has_index + [_curvatures] * has_curvature


def _indices(axes: Axes, document: Document, results: list[dict[str, Any]], x: list[int]) -> None:  # noqa: ARG001  # every panel takes the same
    from matplotlib.ticker import MaxNLocator

    known = [
        (step, result["inertia"]["negative"]) for step, result in zip(x, results, strict=True) if result["inertia"]
    ]
    axes.plot([step for step, _ in known], [index for _, index in known], "o", color=BLUE, markersize=4.0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=3))
    axes.set_ylim(-0.5, max(index for _, index in known) + 0.5)
    axes.set_ylabel("ways\ndown")


def _curvatures(axes: Axes, document: Document, results: list[dict[str, Any]], x: list[int]) -> None:
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
            fontsize=8.0,
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
    axes.plot(x, losses, color=BLACK, linewidth=1.0, zorder=2)
    for kind in MARKS:
        chosen = [k for k, result in enumerate(results) if result["verdict"] == kind]
        if chosen:
            mark(axes, kind, [x[k] for k in chosen], [losses[k] for k in chosen], label=kind)
    levels = [level["loss"] for level in document["levels"]]
    low, high = min(*losses, *levels), max(*losses, *levels)
    if low > 0.0 and high / low > _FAR:
        axes.set_yscale("log")
    else:
        margin = 0.05 * (high - low or high or 1.0)
        axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel(document["loss_name"])


def _gradients(axes: Axes, results: list[dict[str, Any]], x: list[int]) -> None:
    positive = [(step, result["gradient"]) for step, result in zip(x, results, strict=True) if result["gradient"] > 0.0]
    axes.set_yscale("log")
    axes.plot([step for step, _ in positive], [value for _, value in positive], color=BLACK, linewidth=1.0, marker=".")
    tolerance = results[-1]["tolerance"]
    sizes = [tolerance, *(value for _, value in positive)]
    axes.set_ylim(min(sizes) / 3.0, max(sizes) * 3.0)
    axes.axhline(tolerance, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.annotate(
        f"tolerance\n{tolerance:.3g}",
        xy=(1.02, tolerance),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.0,
        annotation_clip=False,
    )
    axes.set_ylabel("gradient\nmeasure")
