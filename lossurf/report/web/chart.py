"""A chart as inline SVG: axes, lines, marks and levels, in colours that the page's style sheet may change by theme.

Every shape also carries its light colours itself, as a server's own policy may forbid a page's style sheet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lossurf.report.figures.canvas import BLACK, BLUE, GREY, MARKS, VERMILLION, spread
from lossurf.report.figures.run import LINES
from lossurf.report.text import number
from lossurf.report.web.elements import Element, element
from lossurf.report.web.scales import Scale, level_text, tick_text

WIDTH: Final = 440.0
HEIGHT: Final = 300.0
LEFT, TOP, BOTTOM = 74.0, 30.0, 44.0
_LINE: Final = 14.0
_LETTER: Final = 7.4  # a digit's usual width where the page is narrow and its style sheet takes larger letters

_PAINT: Final[dict[str, dict[str, object]]] = {
    "name": {"fill": "#333333", "font_size": "12"},
    "tick": {"fill": "#555555", "font_size": "12"},
    "grid": {"stroke": "#DDDDDD", "stroke_width": "1"},
    "axis": {"stroke": "#888888", "stroke_width": "1"},
    "level": {"stroke": GREY, "stroke_width": "1", "stroke_dasharray": "5 4"},
    "curve": {"stroke": BLACK, "stroke_width": "1.6", "fill": "none", "stroke_linejoin": "round"},
    "bar": {"stroke": BLUE, "stroke_width": "1.6"},
    "dot": {"fill": BLUE},
    "zero": {"fill": VERMILLION},
    "rim": {"stroke": "#FF7A33", "stroke_width": "1.6", "stroke_dasharray": "5 3", "fill": "none"},
    "limit": {"stroke": VERMILLION, "stroke_width": "1.4", "stroke_dasharray": "2 3"},
    **{
        f"run-{number}": {
            "stroke": color or BLACK,
            "stroke_width": "1.8",
            "fill": "none",
            "stroke_dasharray": " ".join(f"{2.0 * length:g}" for length in dashes) or None,
        }
        for number, (color, dashes) in enumerate(LINES)
    },
}


@dataclass(frozen=True)
class Picture:
    """A drawing with the words that go with it: its caption, what it shows for who cannot see it, and its marks."""

    caption: str
    said: str
    drawing: tuple[Element, ...]
    legend: tuple[tuple[Element, str], ...] = ()
    height: float = HEIGHT


def figure(picture: Picture) -> Element:
    """Return a picture as an element of the page."""
    size = f"0 0 {WIDTH:g} {picture.height:g}"
    drawing = element(
        "svg",
        picture.drawing,
        viewBox=size,
        width=f"{WIDTH:g}",
        height=f"{picture.height:g}",
        role="img",
        aria_label=picture.said,
        font_family="system-ui, sans-serif",
    )
    legend = element(
        "ul",
        [element("li", _key(mark), " ", name) for mark, name in picture.legend],
        class_="legend",
    )
    return element("figure", drawing, element("figcaption", picture.caption, legend if picture.legend else None))


def _key(mark: Element) -> Element:
    return element("svg", mark, viewBox="-9 -9 18 18", width="18", height="18", aria_hidden="true", focusable="false")


def painted(look: str) -> dict[str, object]:
    """Return the class of a look, and the colours it has where the style sheet does not count."""
    return {"class_": look, **_PAINT[look]}


@dataclass(frozen=True)
class Chart:
    """A panel: two axes, and what is drawn between them."""

    x: Scale
    y: Scale

    def frame(self, x_name: str, y_name: str, *, x_ticks: Sequence[float] | None = None) -> list[Element]:
        """Return the axes with their names, ticks at round numbers and, across, fine lines at those of y."""
        parts: list[Element] = []
        for value, label in self.y.labels():
            parts += [
                self.across(value, "grid"),
                text(label, self.x.start - 7.0, self.y(value) + 4.0, "tick", anchor="end"),
            ]
        parts += below(self.x, self.y.start, x_name, x_ticks)
        return [*parts, text(y_name, 4.0, 14.0, "name")]

    def curve(self, xs: Sequence[float], ys: Sequence[float], look: str = "curve") -> Element:
        """Return a line through points."""
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))
        return element("polyline", points=places, **painted(look))

    def across(self, value: float, look: str = "level") -> Element:
        """Return a line across the panel at a height."""
        height = self.y(value)
        return element("line", x1=self.x.start, x2=self.x.end, y1=height, y2=height, **painted(look))

    def bar(self, x: float, low: float, high: float) -> list[Element]:
        """Return an error bar with caps."""
        place, ends = self.x(x), [self.y(low), self.y(high)]
        return [
            element("line", x1=place, x2=place, y1=ends[0], y2=ends[1], **painted("bar")),
            *(element("line", x1=place - 4.0, x2=place + 4.0, y1=end, y2=end, **painted("bar")) for end in ends),
        ]

    def mark(self, kind: str, x: float, y: float, said: str = "") -> Element:
        """Return the mark of a verdict, with words that a pointer over it shows."""
        return mark(kind, self.x(x), self.y(y), said)

    def dot(self, x: float, y: float, said: str = "", look: str = "dot") -> Element:
        """Return a dot of no kind."""
        tooltip = element("title", said) if said else None
        return element("circle", tooltip, cx=self.x(x), cy=self.y(y), r="3.5", **painted(look))

    def levels(self, levels: Sequence[tuple[float, str]]) -> list[Element]:
        """Return dashed lines at critical levels, named on the right, where names move apart."""
        shown = [(height, name) for height, name in levels if self.y.low <= height <= self.y.high]
        places = spread([self.y(height) for height, _ in shown], _LINE)
        parts = [self.across(height) for height, _ in shown]
        names = [name for _, name in shown]
        beside = self.x.end + 6.0
        return [*parts, *(text(name, beside, at + 4.0, "tick") for name, at in zip(names, places, strict=True))]


def below(x: Scale, height: float, name: str, ticks: Sequence[float] | None = None) -> list[Element]:
    """Return the axis below a panel at a height, with its ticks and its name."""
    labels = x.labels(5) if ticks is None else [(float(value), tick_text(value)) for value in ticks]
    parts = [element("line", x1=x.start, x2=x.end, y1=height, y2=height, **painted("axis"))]
    for value, label in labels:
        place = x(value)
        parts.append(element("line", x1=place, x2=place, y1=height, y2=height + 4.0, **painted("axis")))
        parts.append(text(label, place, height + 17.0, "tick", anchor="middle"))
    return [*parts, text(name, (x.start + x.end) / 2.0, height + 36.0, "name", anchor="middle")]


def named_levels(levels: Sequence[dict[str, Any]]) -> list[tuple[float, str]]:
    """Return levels of a document with their names and losses in words."""
    return [(level["loss"], f"{level_text(level['rank'])} = {number(level['loss'])}") for level in levels]


def mark(kind: str, x: float = 0.0, y: float = 0.0, said: str = "") -> Element:
    """Return the mark of a verdict at a place: kinds differ in form, not in colour alone."""
    look = MARKS[kind]
    tooltip = element("title", said) if said else None
    return element(
        "path",
        tooltip,
        d=_FORMS[look.marker],
        transform=f"translate({x:.1f} {y:.1f})",
        class_=f"mark {kind}" if look.filled else f"mark open {kind}",
        fill=look.color if look.filled else "#FFFFFF",
        stroke=look.color,
        stroke_width="1.6",
    )


_FORMS: Final = {
    "o": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
    "v": "M-5.8 -4.6H5.8L0 5.6Z",
    "s": "M-4.6 -4.6H4.6V4.6H-4.6Z",
    "D": "M0 -6L6 0L0 6L-6 0Z",
    "^": "M-5.8 4.6H5.8L0 -5.6Z",
    "X": "M-5 -5L0 -2L5 -5L2 0L5 5L0 2L-5 5L-2 0Z",
}


def text(words: str, x: float, y: float, look: str, *, anchor: str = "start") -> Element:
    """Return words at a place."""
    return element("text", words, x=x, y=y, text_anchor=anchor if anchor != "start" else None, **painted(look))


def legend_of(kinds: Collection[str]) -> tuple[tuple[Element, str], ...]:
    """Return the marks of the verdicts that appear, in the order of `MARKS`."""
    return tuple((mark(kind), kind) for kind in MARKS if kind in kinds)


def room_for(levels: Sequence[tuple[float, str]]) -> float:
    """Return the margin that holds the longest name beside the panel."""
    return 14.0 + _LETTER * max((len(name) for _, name in levels), default=0)
