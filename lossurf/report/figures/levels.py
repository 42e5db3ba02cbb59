"""The picture of `plot levels`: every critical value by the rank of its product, with the kinds of point there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLUE, GREY, MARKS, label_levels, legend, mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CROWD = 40  # more values of one kind are drawn as thin lines: symbols would cover each other

_NAMES = {
    "global-minimum": "global minimum",
    "local-minimum": "local minimum",
    "degenerate": "degenerate",
    "undetermined": "undetermined",
    "bad-saddle": "bad saddles, and strict ones",
    "strict-saddle": "strict saddles only",
}


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `plot levels`."""
    axes, indices = figure.subplots(1, 2, sharey=True, width_ratios=(3.0, 2.0))
    best = _values(axes, document)
    _indices(indices, document["critical_values"])
    legend(figure)
    label_levels(indices, best)


def of_audit(document: Document) -> Document:
    """Return the document of `audit` as one of `plot levels`, without Morse indices."""
    values = [{**level, "kinds": _kinds(level["points"])} for level in document["levels"]]
    return {**document, "critical_values": values}


def _kinds(points: list[dict[str, Any]]) -> list[str]:
    found = {point["verdict"] for point in points}
    return [kind for kind in MARKS if kind in found]


def _values(axes: Axes, document: Document) -> list[dict[str, Any]]:
    """Draw the critical values; return the lowest of each rank."""
    from matplotlib.ticker import MaxNLocator

    values = document["critical_values"]
    for kind, name in _NAMES.items():
        chosen = [value for value in values if value["kinds"][0] == kind]
        ranks, losses = [value["rank"] for value in chosen], [value["loss"] for value in chosen]
        if len(chosen) > _CROWD:
            axes.plot(ranks, losses, "_", color=MARKS[kind].color, markersize=10.0, markeredgewidth=0.6, label=name)
        elif chosen:
            mark(axes, kind, ranks, losses, label=name)
    best = {value["rank"]: value["loss"] for value in values}  # the last of a rank is its lowest
    axes.plot(list(best), list(best.values()), color=GREY, linewidth=0.8, zorder=1)
    losses = [value["loss"] for value in values]
    margin = 0.06 * ((max(losses) - min(losses)) or max(losses) or 1.0)
    axes.set_ylim(min(losses) - margin, max(losses) + margin)
    axes.set_xlim(-0.4, max(best) + 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("rank of the product")
    axes.set_ylabel(f"{document['loss_name']} of critical points")
    widths = ", ".join(map(str, document["network"]["widths"]))
    axes.set_title(f"widths {widths}", loc="left")
    return [{"rank": rank, "loss": loss} for rank, loss in best.items()]


def _indices(axes: Axes, values: list[dict[str, Any]]) -> None:
    """Draw the Morse indices of every value: from the least to the largest proved or found (Dauphin et al. 2014)."""
    from matplotlib.ticker import MaxNLocator

    losses = [value["loss"] for value in values]
    least = [value["index_least"] for value in values]
    most = [value["index_least"] if value["index_most"] is None else value["index_most"] for value in values]
    axes.hlines(losses, least, most, color=BLUE, linewidth=1.0)
    axes.plot(least, losses, "|", color=BLUE, markersize=6.0)
    axes.plot(most, losses, "|", color=BLUE, markersize=6.0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=5))
    axes.set_xlim(-0.5, max(most) + 0.5)
    proved = all(value["index_most_proved"] for value in values)
    axes.set_xlabel("Morse index" if proved else "index found")  # no longer word fits the narrowest sheet


def _values_alone(axes: Axes, document: Document) -> bool:
    label_levels(axes, _values(axes, document))
    return True


def _indices_alone(axes: Axes, document: Document) -> bool:
    _indices(axes, document["critical_values"])
    axes.set_ylabel(f"{document['loss_name']} of critical points")
    return True


PANELS: Final = {"levels": _values_alone, "indices": _indices_alone}
"""What may be drawn alone."""
