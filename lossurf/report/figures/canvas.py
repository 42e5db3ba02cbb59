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
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
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
    "strict-saddle": Mark("v", BLUE, filled=True),
    "bad-saddle": Mark("s", VERMILLION, filled=True),
    "undetermined": Mark("D", PURPLE, filled=False),
    "not-critical": Mark("o", GREY, filled=False, size=4.5),
}
"""The mark of every verdict."""

_PLAIN: Final = 30  # powers of ten that axes, contours and colours take as they are
_LOSSES: Final = {"loss", "losses", "loss_by_rank", "value", "low", "high"}  # fields of a document that hold losses

_STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
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
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise MissingExtraError("plot", needed_for="drawing a picture") from error
    return form


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
    painter: Callable[[Figure, Document], None], document: Document, form: str, size: tuple[float, float]
) -> bytes:
    """Return a picture's file: `painter` draws the document on an empty figure of `size` inches."""
    import matplotlib
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), style.context(["default", _STYLE]):  # whatever the user's matplotlibrc says
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        painter(figure, in_readable_units(document))
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, metadata=FORMS[form])
    return buffer.getvalue()


def drawable(text: str) -> str:
    """Return user text with control characters, and those that the font has not, shown by their numbers.

    Draw it with `parse_math=False`: a dollar sign in a name is one.
    """
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_STYLE["font.family"]))
    return "".join(
        c if font.get_char_index(ord(c)) else c.encode("ascii", "backslashreplace").decode() for c in printable(text)
    )


def mark(
    axes: Axes, kind: str, x: Sequence[float], y: Sequence[float], *, label: str | None = None, edge: str | None = None
) -> None:
    """Draw points of one kind, an entry of `MARKS`; `edge` colours their rims where they lie on a filled ground."""
    look = MARKS[kind]
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=look.size,
        color=look.color,
        markerfacecolor=look.color if look.filled else "white",
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
    """Draw each critical level as a dashed line with its name at the right edge."""
    transform = axes.transData
    low, high = axes.get_ylim()
    shown = [level for level in levels if min(low, high) <= level["loss"] <= max(low, high)]
    figure = axes.get_figure()
    assert figure is not None
    pixels = [float(transform.transform((0.0, level["loss"]))[1]) for level in shown]
    line_height = 11.0 * figure.dpi / 72.0
    places = [float(transform.inverted().transform((0.0, pixel))[1]) for pixel in spread(pixels, line_height)]
    for level, place in zip(shown, places, strict=True):
        axes.axhline(level["loss"], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            f"{level_name(level['rank'])} = {level['loss']:.5g}",
            xy=(1.0, level["loss"]),
            xycoords=("axes fraction", "data"),
            xytext=(1.02, place),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=8.0,
            color=BLACK,
            annotation_clip=False,
        )
