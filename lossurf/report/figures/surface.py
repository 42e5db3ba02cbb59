"""The picture of `plot surface`: contours of the loss around a checkpoint, and the cut along the first direction."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lossurf.report.document import Document
from lossurf.report.figures.canvas import BLACK, VERMILLION, drawable, label_levels, level_name, mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CONTOURS = 18
_HEADROOM = 2.0  # most that is shown above the loss, in heights of the loss above the optimum


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `plot surface`."""
    plane, cut = figure.subplots(1, 2, width_ratios=(1.1, 1.0))
    low, high = _heights(document)
    _plane(plane, document, low, high)
    _cut(cut, document, low, high)
    name = drawable(PurePath(document["checkpoint"]).name)
    figure.suptitle(f"{name}: {document['verdict']}", fontsize=10.0, parse_math=False)
    label_levels(cut, document["levels"])


def _heights(document: Document) -> tuple[float, float]:
    """Return the heights between which the loss is shown: from the optimum to the ends of the cut, if not too far."""
    low = min(*(loss for loss in document["cut"]["losses"] if loss is not None), document["levels"][-1]["loss"])
    high = max(document["cut"]["losses"][0] or 0.0, document["cut"]["losses"][-1] or 0.0)
    if document["loss"] > low:
        high = min(high, document["loss"] + _HEADROOM * (document["loss"] - low))
    return low, max(high, document["loss"] + 0.25 * (document["loss"] - low), low * (1.0 + 1e-9) + 1e-300)


def _plane(axes: Axes, document: Document, low: float, high: float) -> None:
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    x, y = document["x"]["distances"], document["y"]["distances"]
    losses = np.array([[high if loss is None else loss for loss in row] for row in document["losses"]])
    steps = np.linspace(low, high, _CONTOURS)
    # even in brightness, for all eyes and printers
    filled = axes.contourf(x, y, losses, levels=steps, cmap="cividis", extend="both")
    axes.contour(x, y, losses, levels=steps[1:-1], colors="white", linewidths=0.3, alpha=0.6)
    heights = {level["loss"]: level_name(level["rank"]) for level in document["levels"]}
    shown = sorted(height for height in heights if losses.min() < height < min(high, losses.max()))
    if shown:
        lines = axes.contour(x, y, losses, levels=shown, colors=VERMILLION, linewidths=1.3, linestyles="dashed")
        axes.clabel(lines, fmt=heights, fontsize=9.0, colors="white")
    mark(axes, document["verdict"], [0.0], [0.0], edge="white")
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(filled, ax=axes, location="left", fraction=0.05, pad=0.02, format="%.4g")
    bar.set_label(document["loss_name"])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(_along(document["x"]))
    axes.set_ylabel(_along(document["y"]))


def _cut(axes: Axes, document: Document, low: float, high: float) -> None:
    distances, losses = document["cut"]["distances"], document["cut"]["losses"]
    shown = [(t, loss) for t, loss in zip(distances, losses, strict=True) if loss is not None]
    axes.plot([t for t, _ in shown], [loss for _, loss in shown], color=BLACK, linewidth=1.2, zorder=2)
    mark(axes, document["verdict"], [0.0], [document["loss"]])
    margin = 0.04 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(distances[0], distances[-1])
    axes.set_xlabel(_along(document["x"]))
    axes.set_ylabel(document["loss_name"])


def _along(axis: dict[str, Any]) -> str:
    return f"along {axis['name']}\n(1 = size of the weights)"
