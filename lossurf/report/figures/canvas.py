"""What every picture shares: forms, fonts, and colours that colour-blind readers and printers can tell apart.

Nothing is told by colour alone: kinds of points differ in their marker as well.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lossurf.errors import MissingExtraError, UsageError
from lossurf.report.document import Document
from lossurf.report.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS: Final = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""File endings, with the metadata that would change from run to run."""

# Okabe & Ito 2008, "Color universal design": eight colours that stay apart under every common colour blindness.
BLACK, GREEN, BLUE, VERMILLION, PURPLE = "#000000", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
GREY: Final = "#6E6E6E"


@dataclass(frozen=True)
class Mark:
    """How points of one kind are drawn."""

    marker: str
    color: str
    filled: bool
    size: float = 6.0


MARKS: Final = {
    "global-minimum": Mark("o", GREEN, filled=True),
    "local-minimum": Mark("^", GREEN, filled=False),
    "degenerate": Mark("X", PURPLE, filled=True),
    "strict-saddle": Mark("v", BLUE, filled=True),
    "bad-saddle": Mark("s", VERMILLION, filled=True),
    "undetermined": Mark("D", PURPLE, filled=False),
    "not-critical": Mark("o", GREY, filled=False, size=4.5),
}
"""The mark of every verdict."""

_PLAIN: Final = 30  # powers of ten that axes, contours and colours take as they are
_LOSSES: Final = {"loss", "losses", "loss_by_rank", "value", "low", "high"}  # fields of a document that hold losses

THEMES: Final[dict[str, dict[str, str]]] = {
    "light": {"ink": BLACK, "ground": "#FFFFFF", "fine": "#DDDDDD"},
    "dark": {"ink": "#E7E9ED", "ground": "#1B1E24", "fine": "#3A404A"},
}
"""The colours of lines and letters, of the ground, and of what stays behind; marks stand out from both grounds."""

_COLUMN: Final = 3.3  # inches: one column of a journal
_SMALLEST, _LARGEST = 6.0, 14.0  # points: below no letter is read in print, above it is a poster
_PER_INCH: Final = 0.48  # points that letters grow by: 7 in one column, 9 over two
_BESIDE: Final = 5.0  # inches of width from which two panels stand side by side
_ABOVE: Final = 3.0  # inches of height from which they stand one above the other
_ENTRY: Final = 1.6  # inches of an entry of the legend

_STYLE: Final[dict[str, Any]] = {
    "font.family": ["DejaVu Sans", "sans-serif"],  # comes with matplotlib: the same letters on every machine
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "axes.formatter.useoffset": False,
    "svg.fonttype": "none",  # letters stay letters
    "savefig.dpi": 200.0,
    "svg.hashsalt": "lossurf",  # ids in an SVG follow from this instead of from chance
    "pdf.fonttype": 42,  # letters stay letters
    "figure.constrained_layout.use": True,
}


def require_form(path: Path) -> str:
    """Return the form of a picture from its ending, or refuse it; also refuse early where matplotlib is missing."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise UsageError(
            f"'{path.suffix or path.name}' is no form of a picture",
            where=str(path),
            remedy=f"end the name in {', '.join('.' + name for name in FORMS)}",
        )
    require_matplotlib()
    return form


def require_matplotlib() -> None:
    """Refuse to draw where matplotlib is missing."""
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise MissingExtraError("plot", needed_for="drawing a picture") from error


def in_readable_units(document: Document) -> Document:
    """Return the document with losses in units of a power of ten where float64's far ends would defeat the drawing.

    `loss_name` then says the unit, on the axis.
    """
    largest = max((abs(value) for value in _losses_in(document)), default=0.0)
    exponent = 0 if largest == 0.0 else floor(log10(largest))
    if abs(exponent) <= _PLAIN:
        return {**document, "loss_name": "loss"}
    scaled: Document = _scaled(document, exponent)
    return {**scaled, "loss_name": f"loss, in units of 1e{exponent:+d}"}


def _losses_in(part: Any, name: str = "") -> Iterator[float]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _losses_in(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from _losses_in(value, name)
    elif name in _LOSSES and part is not None:
        yield part


def _scaled(part: Any, exponent: int, name: str = "") -> Any:
    if isinstance(part, dict):
        return {key: _scaled(value, exponent, key) for key, value in part.items()}
    if isinstance(part, list):
        return [_scaled(value, exponent, name) for value in part]
    if name not in _LOSSES or part is None:
        return part
    half = exponent // 2  # 10 ** exponent itself may leave the range of float64
    return part / 10.0**half / 10.0 ** (exponent - half)


def draw(
    painter: Callable[[Figure, Document], None],
    document: Document,
    form: str,
    size: tuple[float, float],
    *,
    theme: str = "light",
) -> bytes:
    """Return a picture's file: `painter` draws the document on an empty figure of `size` inches, in a theme's colours.

    Letters and marks follow the width: what fits over two columns of a journal is legible in one.
    """
    import matplotlib
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with (
        matplotlib.rc_context(),
        style.context(["default", _STYLE, _sized(size[0]), _coloured(theme)]),
    ):  # whatever the user's matplotlibrc says
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        painter(figure, in_readable_units(document))
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, metadata=FORMS[form])
    return buffer.getvalue()


_SIZES: Final = {"spectrum": (7.5, 3.4), "levels": (6.4, 4.4), "surface": (9.0, 4.0), "run": (7.0, 4.6)}
"""Inches of each kind of picture."""

_TALL: Final = {"spectrum": 1.1, "levels": 0.85, "surface": 1.3, "run": 1.1}
"""Height of each in widths where it is narrow and its panels stand one above the other."""


def size_of(kind: str, width: float | None = None, height: float | None = None) -> tuple[float, float]:
    """Return the size of a picture in inches, completed by what suits its kind."""
    usual = _SIZES[kind]
    if width is None:
        return usual
    return width, height or width * (_TALL[kind] if width < _BESIDE else usual[1] / usual[0])


def _sized(width: float) -> dict[str, Any]:
    points = min(max(7.0 + _PER_INCH * (width - _COLUMN), _SMALLEST), _LARGEST)
    return {
        "font.size": points,
        "lines.linewidth": 0.12 * points,
        "lines.markersize": 0.6 * points,
        "axes.linewidth": 0.08 * points,
    }


def _coloured(theme: str) -> dict[str, Any]:
    from cycler import cycler

    ink, ground = THEMES[theme]["ink"], THEMES[theme]["ground"]
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, ink),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), ground),
        "axes.prop_cycle": cycler(color=[ink]),
    }


def panels(figure: Figure, ratios: tuple[float, float], *, both: bool = False) -> list[Axes]:
    """Return two panels: side by side where the figure is wide, one above the other in a column.

    Where it is neither wide nor high they stand side by side if `both` are needed, else the first stands alone.
    """
    width, height = figure.get_size_inches()
    wide, high = width >= _BESIDE and width > height, height >= _ABOVE
    if not (wide or high or both):
        return [figure.subplots()]
    if wide or not high:
        return list(figure.subplots(1, 2, width_ratios=ratios))
    return list(figure.subplots(2, 1, height_ratios=ratios))


def legend(figure: Figure) -> None:
    """Put the legend above the panels, in as many columns as the width has room for."""
    entries = sum(len(axes.get_legend_handles_labels()[0]) for axes in figure.axes)
    if entries:
        columns = min(entries, max(1, int(figure.get_size_inches()[0] / _ENTRY)))
        figure.legend(loc="outside upper center", ncols=columns, columnspacing=1.2, handletextpad=0.4)


def drawable(text: str) -> str:
    """Return user text with control characters, and those that the font has not, shown by their numbers.

    Draw it with `parse_math=False`: a dollar sign in a name is one.
    """
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_STYLE["font.family"][0]))
    return "".join(
        c if font.get_char_index(ord(c)) else c.encode("ascii", "backslashreplace").decode() for c in printable(text)
    )


def mark(
    axes: Axes, kind: str, x: Sequence[float], y: Sequence[float], *, label: str | None = None, edge: str | None = None
) -> None:
    """Draw points of one kind, an entry of `MARKS`; `edge` colours their rims where they lie on a filled ground."""
    from matplotlib import rcParams

    look = MARKS[kind]
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=look.size * rcParams["font.size"] / 9.0,
        color=look.color,
        markerfacecolor=look.color if look.filled else axes.get_facecolor(),
        markeredgecolor=edge if edge and look.filled else look.color,
        label=label,
        zorder=4,
        clip_on=False,
    )


def spread(heights: Sequence[float], distance: float) -> list[float]:
    """Move label heights apart to at least `distance`, keeping their order and, as far as can be, their places."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    groups: list[list[float]] = []  # [centre of the labels, how many]
    for index in order:
        groups.append([heights[index], 1.0])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < distance * (groups[-1][1] + groups[-2][1]) / 2:
            upper, lower = groups.pop(), groups.pop()
            total = upper[1] + lower[1]
            groups.append([(upper[0] * upper[1] + lower[0] * lower[1]) / total, total])
    placed = [centre + distance * (k - (count - 1) / 2) for centre, count in groups for k in range(int(count))]
    moved = [0.0] * len(heights)
    for index, height in zip(order, placed, strict=True):
        moved[index] = height
    return moved


def level_name(rank: int | str) -> str:
    """Return the name of a level in mathematical type: L_k, or L^* for rank "*"."""
    return "$L^*$" if rank == "*" else f"$L_{{{rank}}}$"


def label_levels(axes: Axes, levels: Sequence[dict[str, Any]]) -> None:
    """Draw each critical level as a dashed line with its name at the right edge; a narrow figure has its name alone."""
    from matplotlib import rcParams

    low, high = axes.get_ylim()
    shown = [level for level in levels if min(low, high) <= level["loss"] <= max(low, high)]
    figure: Figure = axes.figure.figure  # the whole one: axes may be on a part of it
    figure.draw_without_rendering()  # the layout, which decides how high a label is
    transform = axes.transData
    pixels = [float(transform.transform((0.0, level["loss"]))[1]) for level in shown]
    line_height = 1.25 * rcParams["font.size"] * figure.dpi / 72.0
    brief = figure.get_size_inches()[0] < _BESIDE
    places = [float(transform.inverted().transform((0.0, pixel))[1]) for pixel in spread(pixels, line_height)]
    for level, place in zip(shown, places, strict=True):
        axes.axhline(level["loss"], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            level_name(level["rank"]) + ("" if brief else f" = {level['loss']:.5g}"),
            xy=(1.0, level["loss"]),
            xycoords=("axes fraction", "data"),
            xytext=(1.02, place),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize="small",
            annotation_clip=False,
        )
