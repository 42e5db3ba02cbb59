"""The picture of `plot surface`: contours of the loss around a checkpoint, and the cut along the first direction."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lossurf.report.document import Document
from lossurf.report.figures.canvas import VERMILLION, drawable, label_levels, level_name, mark, panels
from lossurf.report.figures.heights import shown_heights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CONTOURS = 16
_TICKS = 7


def paint(figure: Figure, document: Document) -> None:
    """Draw a document of `plot surface`; where there is room for one panel, the plane."""
    plane, *cut = panels(figure, (1.3, 1.0))
    low, high = shown_heights(document)
    _plane(plane, document, low, high)
    for axes in cut:
        _cut(axes, document, low, high)
    name = drawable(PurePath(document["checkpoint"]).name)
    figure.suptitle(f"{name}: {document['verdict']}", fontsize="medium", parse_math=False)
    for axes in cut:
        label_levels(axes, document["levels"])


def _plane(axes: Axes, document: Document, low: float, high: float) -> None:
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    x, y = document["x"]["distances"], document["y"]["distances"]
    losses = np.array([[2.0 * high if loss is None else loss for loss in row] for row in document["losses"]])
    steps = np.unique(MaxNLocator(_CONTOURS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    # even in brightness, for all eyes and printers
    filled = axes.contourf(x, y, losses, levels=steps, cmap="cividis", extend="both")
    axes.contour(x, y, losses, levels=steps[1:-1], colors="white", linewidths=0.3, alpha=0.6)
    heights = {level["loss"]: level_name(level["rank"]) for level in document["levels"]}
    shown = sorted(height for height in heights if losses.min() < height < min(high, losses.max()))
    if shown:
        lines = axes.contour(x, y, losses, levels=shown, colors=VERMILLION, linewidths=1.3, linestyles="dashed")
        axes.clabel(lines, fmt=heights, colors="white")
    mark(axes, document["verdict"], [0.0], [0.0], edge="white")
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(
        filled, ax=axes, location="left", fraction=0.05, pad=0.02, ticks=steps[:: -(-len(steps) // _TICKS)]
    )
    bar.set_label(document["loss_name"])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(f"along {document['x']['name']}")
    axes.set_ylabel(f"along {document['y']['name']}")


def _cut(axes: Axes, document: Document, low: float, high: float) -> None:
    from matplotlib.ticker import MaxNLocator

    distances, losses = document["cut"]["distances"], document["cut"]["losses"]
    shown = [(t, loss) for t, loss in zip(distances, losses, strict=True) if loss is not None]
    axes.plot([t for t, _ in shown], [loss for _, loss in shown], zorder=2)
    mark(axes, document["verdict"], [0.0], [document["loss"]])
    margin = 0.04 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(distances[0], distances[-1])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(f"along {document['x']['name']}\n(1 = size of the weights)")
    axes.set_ylabel(document["loss_name"])


def _plane_alone(axes: Axes, document: Document) -> bool:
    _plane(axes, document, *shown_heights(document))
    return True


def _cut_alone(axes: Axes, document: Document) -> bool:
    _cut(axes, document, *shown_heights(document))
    label_levels(axes, document["levels"])
    return True


PANELS: Final = {"plane": _plane_alone, "cut": _cut_alone}
"""What may be drawn alone."""
