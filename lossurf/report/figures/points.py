"""Checkpoints as `classify` tells them: what is left to gain against how far from rest, and the index against the loss.

Pictures of several results may be drawn on the same axes, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lossurf.report.document import Document
from lossurf.report.figures.canvas import MARKS, mark
from lossurf.report.unreadable import is_unreadable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST: Final = 1e-16  # share of the gain, or gradient measure, on a scale that has no zero: below is rounding


def paint_gaps(axes: Axes, document: Document) -> bool:
    """Draw the share of the gain that is left against the gradient measure; False where nothing can be gained."""
    shown = [result for result in _read(document) if result["relative_gap"] is not None]
    if not shown:
        return False
    axes.set_xscale("log")
    axes.set_yscale("log")
    _marks(axes, shown, [(max(r["gradient"], _LEAST), max(r["relative_gap"], _LEAST)) for r in shown])
    axes.set_xlabel("gradient measure")
    axes.set_ylabel("share of the gain that is left")
    return True


def paint_indices(axes: Axes, document: Document) -> bool:
    """Draw the Morse index against the loss (Dauphin et al. 2014); False where none is known."""
    from matplotlib.ticker import MaxNLocator

    shown = [result for result in _read(document) if result.get("inertia") is not None]
    if not shown:
        return False
    _marks(axes, shown, [(result["loss"], result["inertia"]["negative"]) for result in shown])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel(document["loss_name"])
    axes.set_ylabel("Morse index")
    return True


PANELS: Final = {"gaps": paint_gaps, "indices": paint_indices}


def _read(document: Document) -> list[dict[str, Any]]:
    return [result for result in document["results"] if not is_unreadable(result)]


def _marks(axes: Axes, results: list[dict[str, Any]], places: list[tuple[float, float]]) -> None:
    for kind in MARKS:
        chosen = [place for place, result in zip(places, results, strict=True) if result["verdict"] == kind]
        if chosen:
            mark(axes, kind, [x for x, _ in chosen], [y for _, y in chosen], label=kind)
