"""What every question returns can do: show itself as the shell does, and become the document that the shell writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lossurf.errors import UsageError
from lossurf.report.document import Document, make_document
from lossurf.report.render import RENDERERS, Style

if TYPE_CHECKING:
    from lossurf.report.figures.on_axes import Axes


class Result:
    """The result of a question: a frozen dataclass whose fields are those of its document.

    `print(result)` gives the table of the command line, and a notebook shows it in colour.
    """

    command: ClassVar[str]
    """The command that writes the same document."""

    def to_dict(self) -> Document:
        """Return the document that `--format json` writes, in plain types."""
        return make_document(self.command, self)

    def report(self, format: str = "table", *, width: int = 120, color: bool = False, verbosity: int = 1) -> str:  # noqa: A002 - the option's name
        """Return the report in a format of the command line.

        Parameters
        ----------
        format : {"table", "json", "jsonl", "markdown", "junit", "github", "html"}
        width : int
            Columns of a table.
        color : bool
            Colour a table for a terminal.
        verbosity : int
            0 the verdict alone, 1 what `--format table` shows, 2 as with `--verbose`.

        Raises
        ------
        UsageError
            If the format is unknown.
        """
        if format not in RENDERERS:
            raise UsageError(f"'{format}' is not a format", where="format", remedy=f"use one of {', '.join(RENDERERS)}")
        return RENDERERS[format](self.to_dict(), Style(width=width, color=color, verbosity=verbosity))

    def __str__(self) -> str:
        return self.report().rstrip("\n")

    def _repr_html_(self) -> str:
        from lossurf.report.table import html_of

        return html_of(self.to_dict())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - IPython's signature
        printer.text(str(self))


class Drawn(Result):
    """A result that has a picture."""

    def plot(self, ax: Axes | None = None, *, panel: str | None = None) -> Axes:
        """Draw one panel of the result's picture, in the caller's own style.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            To draw on; those of a new figure by default.
        panel : str, optional
            Of `check` and `plot.spectrum` "eigenvalues" or "losses" (by rank); of `plot.levels` "levels" or "indices";
            of `audit` "levels"; of `plot.surface` "plane" or "cut"; of `classify` "gaps" (against the gradient measure)
            or "indices" (against the loss); of `watch` "losses", "left" (above L*), "gradients", "indices" or
            "curvatures". By default the first of these.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingExtraError
            Without matplotlib.
        UsageError
            If the picture has no such panel, the result has nothing to draw on it, or `ax` is not one Axes.

        Examples
        --------
        >>> import numpy as np, lossurf, matplotlib
        >>> matplotlib.use("Agg")  # no window
        >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
        >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
        >>> axes = lossurf.check(X, Y).plot(panel="losses")
        >>> axes.get_xlabel()
        'rank k of the product'
        """
        from lossurf.report.figures.on_axes import draw_on

        return draw_on(self.to_dict(), ax, panel)
