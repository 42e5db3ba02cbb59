"""The blocks of a page as HTML: facts as a list of terms, tables as tables, sentences as paragraphs."""

from __future__ import annotations

from typing import Final

from lossurf.report.page import Block, Facts, Grid, Text, Tone, text_of, tone_of
from lossurf.report.web.elements import Element, element

_SENTENCE: Final = 28  # letters from which a cell is text to be read, which may be broken into lines


def titled(block: Block) -> str:
    """Return what to call a block that is folded."""
    return block.title or ((block.folded or ", ".join(block.header)) if isinstance(block, Grid) else "More")


def draw_block(block: Block, *, titled: bool = True) -> Element:
    """Return a block, under its title unless that stands above it already."""
    heading = element("h2", block.title) if block.title and titled else None
    return element("div", heading, _body(block))


def _body(block: Block) -> Element:
    if isinstance(block, Grid):
        return _table(block)
    if isinstance(block, Facts):
        return element("dl", [element("div", element("dt", label), _term(value)) for label, value in _gathered(block)])
    lines = [element("p", text_of(line), class_=_tone(line)) for line in block.lines]
    return element("div", lines)


def _gathered(block: Facts) -> list[tuple[str, Text]]:
    return [(label, value) for label, value in block.items if label or text_of(value)]


def _term(value: Text) -> Element:
    return element("dd", element("span", text_of(value), class_=_tone(value)) if _tone(value) else text_of(value))


def _table(block: Grid) -> Element:
    """Return a table with every row. Where the page is narrow it scrolls by itself, or, with sentences, is stacked.

    Stacked rows are no table to a browser; the roles say that they still are one.
    """
    head = element("tr", [_header(block, name) for name in block.header], role="row")
    rows = [
        element("tr", [_cell(block, name, cell) for name, cell in zip(block.header, row, strict=True)], role="row")
        for row in block.rows
    ]
    groups = (element("thead", head, role="rowgroup"), element("tbody", rows, role="rowgroup"))
    read = any(_is_sentence(text_of(cell)) for row in block.rows for cell in row)
    table = element("table", groups, role="table", class_="read" if read else None)
    tall = " tall" if block.brief is not None and len(block.rows) > block.brief else ""
    return element("div", table, class_=f"scroll{tall}", tabindex="0", role="region", aria_label=titled(block))


def _header(block: Grid, name: str) -> Element:
    return element("th", name, scope="col", role="columnheader", class_="number" if name in block.numeric else None)


def _cell(block: Grid, name: str, cell: Text) -> Element:
    words = text_of(cell)
    look = "number" if name in block.numeric else "sentence" if _is_sentence(words) else "word"
    tone = "" if tone_of(cell) is Tone.PLAIN else f" {tone_of(cell)}"
    return element("td", words, class_=look + tone, role="cell", data_name=name)


def _is_sentence(words: str) -> bool:
    return len(words) > _SENTENCE and " " in words


def _tone(value: Text) -> str | None:
    return None if tone_of(value) is Tone.PLAIN else f"tone {tone_of(value)}"
