"""The picture of `plot spectrum`: the eigenvalues of Sigma with their error bars, and the best loss of every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLUE, GREEN, VERMILLION, label_levels, legend, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAR = 30.0  # eigenvalues that span more than this factor are drawn on a logarithmic scale


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `plot spectrum`."""
    left, right = panels(figure, (1.0, 1.0), both=True)
    _eigenvalues(left, document)
    _losses(right, document)
    legend(figure)
    _label_best(right, document)


def of_check(document: Document) -> Document:
    """Return the document of `check` as one of `plot spectrum`."""
    pairs = zip(document["eigenvalues"], document["eigenvalues_error"], strict=True)
    values = [
        {"index": index, "value": value, "low": value - (error or 0.0), "high": value + (error or 0.0)}
        for index, (value, error) in enumerate(pairs, 1)
    ]
    network, full = document["network"], len(document["loss_by_rank"]) - 1
    rank = full if network is None else min(network["rank_max"], full)
    return {**document, "eigenvalues": values, "rank_max": rank}


def _eigenvalues(axes: Axes, document: Document) -> bool:
    """Draw eigenvalues that are surely not zero with their error bars, the others as zeros at the bottom."""
    eigenvalues = document["eigenvalues"]
    if _is_other(document) or not eigenvalues:
        return False
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
    axes.set_ylabel(document["loss_name"].replace("loss", "explained\nsum of squares"))
    axes.set_xlim(0.5, len(eigenvalues) + 0.5)
    _whole_numbers(axes)
    return True


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


def _is_other(document: Document) -> bool:
    """Whether a check was about another loss, which Sigma says nothing of."""
    return document.get("other_loss") is not None


def _losses_alone(axes: Axes, document: Document) -> bool:
    if _is_other(document):
        return False
    _losses(axes, document)
    _label_best(axes, document)
    return True


def _label_best(axes: Axes, document: Document) -> None:
    label_levels(axes, [{"rank": "*", "loss": document["loss_by_rank"][document["rank_max"]]}])


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


PANELS: Final = {"eigenvalues": _eigenvalues, "losses": _losses_alone}
"""What may be drawn alone."""
