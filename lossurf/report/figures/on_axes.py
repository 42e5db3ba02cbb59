"""One panel of a document's picture on axes of the caller's, whose own style decides letters and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from lossurf.errors import UsageError
from lossurf.report.document import Document
from lossurf.report.figures import levels, points, run, spectrum, surface
from lossurf.report.figures.canvas import in_readable_units, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Axes", "draw_on", "panels_of"]

Panel = Callable[["Axes", Document], bool]
"""Draws on axes; False where the document has nothing for it."""

_PANELS: Final[dict[str, Mapping[str, Panel]]] = {
    "check": spectrum.PANELS,
    "classify": points.PANELS,
    "audit": {"levels": levels.PANELS["levels"]},
    "watch": run.PANELS,
    "spectrum": spectrum.PANELS,
    "levels": levels.PANELS,
    "surface": surface.PANELS,
}


def panels_of(document: Document) -> Mapping[str, Panel]:
    """Return the panels of a document's picture by their names, the first one first."""
    return _PANELS[document["kind"] if document["command"] == "plot" else document["command"]]


def draw_on(document: Document, axes: Axes | None, panel: str | None) -> Axes:
    """Draw a panel on axes, or on those of a new figure.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    UsageError
        If the picture has no such panel, or the document nothing to draw on it; or if `axes` are not one Axes.
    """
    require_matplotlib()
    known = panels_of(document)
    name = next(iter(known)) if panel is None else panel
    if name not in known:
        raise UsageError(
            f"'{name}' is no panel of this picture", where="panel", remedy=f"use one of {', '.join(known)}"
        )
    if axes is not None and not hasattr(axes, "get_figure"):
        raise UsageError(
            f"a {type(axes).__name__} is no Axes of matplotlib", where="ax", remedy="give one Axes, such as axes[0]"
        )
    told = in_readable_units(_as_drawn(document))
    if axes is not None:
        _draw(known[name], told, axes, name)
        return axes
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    made: Axes = figure.subplots()
    try:
        _draw(known[name], told, made, name)
    except UsageError:
        pyplot.close(figure)  # an empty one, which a notebook would show
        raise
    return made


def _as_drawn(document: Document) -> Document:
    if document["command"] == "check":
        return spectrum.of_check(document)
    return levels.of_audit(document) if document["command"] == "audit" else document


def _draw(panel: Panel, document: Document, axes: Axes, name: str) -> None:
    if not panel(axes, document):
        raise UsageError(
            f"the result has nothing for the panel '{name}'", where="panel", remedy="leave panel out, or name another"
        )
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Name each mark once, whatever was drawn on the axes before."""
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if named:
        axes.legend(named.values(), named.keys(), frameon=False, fontsize="small")
