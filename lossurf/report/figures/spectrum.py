"""The picture of `plot spectrum`: the eigenvalues of Sigma with their error bars, and the best loss of every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLUE, GREEN, VERMILLION, label_levels, legend, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 30.0  # eigenvalues that span more than this factor are drawn on a logarithmic scale


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `plot spectrum`."""
    left, right = panels(figure, (1.0, 1.0), both=True)
    _eigenvalues(left, document["eigenvalues"], document["loss_name"])
    _losses(right, document)
    legend(figure)
    label_levels(right, [{"rank": "*", "loss": document["loss_by_rank"][document["rank_max"]]}])


def _eigenvalues(axes: Axes, eigenvalues: list[dict[str, Any]], loss_name: str) -> None:
    """Draw eigenvalues that are surely not zero with their error bars, the others as zeros at the bottom."""
    sure = [item for item in eigenvalues if item["low"] > 0.0]
    zeros = [item["index"] for item in eigenvalues if item["low"] <= 0.0]
    if sure:
        _sure(axes, sure)
    if zeros:
        bottom = axes.get_xaxis_transform()
        axes.plot(
            zeros,
            [0.0] * len(zeros),
            "v",
            color=VERMILLION,
            transform=bottom,
            clip_on=False,
            label="zero to rounding",
        )
    axes.set_xlabel("direction i, the largest first")
    axes.set_ylabel(loss_name.replace("loss", "explained\nsum of squares"))
    axes.set_xlim(0.5, len(eigenvalues) + 0.5)
    _whole_numbers(axes)


def _sure(axes: Axes, sure: list[dict[str, Any]]) -> None:
    values = [item["value"] for item in sure]
    below = [item["value"] - item["low"] for item in sure]
    above = [item["high"] - item["value"] for item in sure]
    label = f"eigenvalue, error bar at most {max(above):.1g}"
    axes.errorbar(
        [item["index"] for item in sure], values, (below, above), linestyle="none", marker="o", color=BLUE, capsize=3.0
    )[0].set_label(label)
    if max(values) > _FAR * min(values):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0.0, 1.08 * max(values))


def _losses(axes: Axes, document: Document) -> None:
    losses, rank = document["loss_by_rank"], document["rank_max"]
    axes.plot(range(len(losses)), losses, marker=".")
    axes.plot([rank], [losses[rank]], "o", color=GREEN, label="best for these widths")
    axes.set_xlabel("rank k of the product")
    axes.set_ylabel(f"least {document['loss_name']}")
    _whole_numbers(axes)


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
