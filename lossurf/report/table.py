"""The report for a person at a terminal; with `rows`, the only module that imports rich."""

from __future__ import annotations

import io
from collections.abc import Iterator
from textwrap import wrap
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as RichText

from lossurf.report.document import Document
from lossurf.report.page import (
    Block,
    Cell,
    Facts,
    Grid,
    Lines,
    Page,
    Step,
    Text,
    Tone,
    page_of,
    quiet_lines,
    text_of,
    tone_of,
)
from lossurf.report.render import Style
from lossurf.report.rows import Fitting, as_lines
from lossurf.report.text import command_lines, printable

_STYLES = {Tone.PLAIN: "", Tone.GOOD: "bold green", Tone.BAD: "bold red", Tone.UNSURE: "bold magenta"}
# yellow is not legible on a white ground, and no program knows which ground a terminal has
_LONGEST_UNBROKEN = 24  # the longest id of a hypothesis, theorem or verdict
_SHORTEST_LINE = 16  # a sentence in fewer columns is a ladder of words
_BETWEEN_COLUMNS = 3
_MARGIN = "  "  # of lines below their title
_SHORTEST_BAR, _LONGEST_BAR = 10, 24
_EIGHTHS = "\u258f\u258e\u258d\u258c\u258b\u258a\u2589"
_ASCII = str.maketrans(
    {"\u2026": "...", "\u2265": ">=", "\u2264": "<=", "\u00b1": "+/-", "\u00d7": "x", "\u2013": "-", "\u03a3": "Sigma"}
)


def render(document: Document, style: Style) -> str:
    """Return the document's page as text of at most `style.width` columns where its words allow."""
    return draw_page(page_of(document), style)


def draw_page(page: Page, style: Style) -> str:
    """Return a page as text: whole, its verdict alone (verbosity 0), or nothing."""
    if style.verbosity < 0:
        return ""
    console = Console(
        file=io.StringIO(),
        width=style.width,
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        legacy_windows=False,
        force_jupyter=False,  # a notebook shows what it is given, and no more
        markup=False,  # a file named w[/a].npz is not markup
        emoji=False,
        highlight=False,
        _environ={},  # width and colour were decided once, by the caller
    )
    for block in [Lines(quiet_lines(page))] if style.verbosity == 0 else _whole(page, style.verbosity):
        console.print(_draw(block, style))
    for line in _next(page, style) if style.verbosity else ():
        console.print(line, soft_wrap=True)  # a path that is broken is another one
    file = console.file
    assert isinstance(file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def html_of(document: Document) -> str:
    """Return the table as HTML for a notebook's cell: text in its colours, which loads and runs nothing."""
    console = Console(
        file=io.StringIO(),
        record=True,
        force_jupyter=False,
        width=Style().width,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    page, style = page_of(document), Style(color=True)
    for block in _whole(page, 1):
        console.print(_draw(block, style))
    for line in _next(page, style):
        console.print(line, soft_wrap=True)
    form = '<pre style="line-height: normal; overflow-x: auto">{code}</pre>'
    return console.export_html(inline_styles=True, code_format=form)


def _whole(page: Page, verbosity: int) -> list[Block]:
    blocks: list[Block] = [*page.read, Lines(page.verdict), *page.blocks]
    shown = [block for block in blocks if block.level <= verbosity]
    gap = Lines(("",))
    return [part for index, block in enumerate(shown) for part in ((gap, block) if index else (block,))]


def _next(page: Page, style: Style) -> Iterator[RichText]:
    """Yield lines on what to do next: sentences as wide as the report, and below what they are for, commands."""
    if page.next_steps:
        yield RichText("")
        yield _bold("Next", style)
    for step in page.next_steps:
        said = f"{step.why}:" if isinstance(step, Step) else step
        lines = [f"  {line}" for line in wrap(printable(said), style.width - 2)]
        if isinstance(step, Step):
            lines += [f"    {line}" for line in command_lines(printable(step.command), style.width - 4)]
        yield from (_rich(line, style) for line in lines)


def _draw(block: Block, style: Style) -> RenderableType:
    if isinstance(block, Grid):
        return _draw_grid(block, style)
    if isinstance(block, Facts):
        return _draw_facts(block, style)
    lines = [_rich(line, style) for line in block.lines]
    if not block.title:
        return Group(*lines)
    return Group(_bold(block.title, style), *(_indented(line, style) for line in lines))


def _indented(line: RichText, style: Style) -> RenderableType:
    if line.cell_len > style.width - len(_MARGIN):
        return Padding(line, (0, 0, 0, len(_MARGIN)))
    return Fitting((RichText(_MARGIN).append_text(line),))


def _draw_facts(block: Facts, style: Style) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title, table.title_justify = _bold(block.title, style) if block.title else None, "left"
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in block.items:
        table.add_row(_rich(label, style, "dim"), _rich(value, style))
    return table


def _draw_grid(block: Grid, style: Style) -> RenderableType:
    whole = block
    while not _fits(block, style):
        if not block.optional:
            return _draw_records(whole, style)
        block = block.without(block.optional[-1])
    left_out = [name for name in whole.header if name not in block.header]
    title = _bold(block.title, style) if block.title else None
    caption = _rich(f"not shown at this width: {', '.join(left_out)}", style, "dim") if left_out else None
    rows = _cells(block, style)
    right = {index for index, name in enumerate(block.header) if name in block.numeric}
    lines = as_lines(rows, right, style.width, around=(title, caption), ascii_only=style.ascii)
    if lines is not None:
        return Fitting((*_beside(title, "table.title"), *lines, *_beside(caption, "table.caption")))
    table = Table(
        title=title,
        title_justify="left",
        box=box.ASCII2 if style.ascii else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        caption=caption,
        caption_justify="left",
    )
    for index, name in enumerate(rows[0]):
        numeric, of_bars = index in right, index == len(block.header)
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(name, justify=justify, overflow="ellipsis" if of_bars else "fold", no_wrap=numeric or of_bars)
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _beside(text: RichText | None, look: str) -> list[RichText]:
    if text is not None:
        text.stylize_before(look)
    return [] if text is None else [text]


def _cells(block: Grid, style: Style) -> list[list[RichText]]:
    """Return the cells of a table that fits, the header first and bars last where there is room for them."""
    rows, bars = block.shown_rows(style.verbosity), block.shown_bars(style.verbosity)
    cells = [[_rich(cell, style) for cell in row] for row in (block.header, *rows)]
    room = style.width - _needed(block, style) - _BETWEEN_COLUMNS
    if bars and room >= max(_SHORTEST_BAR, len(block.bars_of)):
        drawn = [_bar(share, min(room, _LONGEST_BAR), style) for share in bars]
        cells = [[*row, bar] for row, bar in zip(cells, [_rich(block.bars_of, style), *drawn], strict=True)]
    return cells


def _bar(share: float, longest: int, style: Style) -> RichText:
    """Return a bar of eighths of a letter, or of signs where there is no more than ASCII; what is not zero is seen."""
    eighths = round(min(max(share, 0.0), 1.0) * longest * 8) or (1 if share > 0.0 else 0)
    if style.ascii:
        return RichText("#" * max(round(eighths / 8), 1 if eighths else 0))
    return RichText("\u2588" * (eighths // 8) + ("", *_EIGHTHS)[eighths % 8])


def _fits(block: Grid, style: Style) -> bool:
    """Whether the columns fit without breaking a number or a short word; sentences may be broken into lines."""
    return _needed(block, style) <= style.width


def _needed(block: Grid, style: Style) -> int:
    cells = [block.header, *block.shown_rows(style.verbosity)]
    columns = [[text_of(cell) for cell in column] for column in zip(*cells, strict=True)]
    needed = [
        max(map(len, column)) if name in block.numeric else _narrowest(column)
        for name, column in zip(block.header, columns, strict=True)
    ]
    return sum(needed) + _BETWEEN_COLUMNS * (len(needed) - 1)


def _narrowest(column: list[str]) -> int:
    """Return the least width at which a column of words reads well: no id is broken, a sentence keeps some words."""
    longest_word = max(len(word) for text in column for word in [*text.split(), ""])
    return max(min(longest_word, _LONGEST_UNBROKEN), min(max(map(len, column)), _SHORTEST_LINE))


def _draw_records(block: Grid, style: Style) -> Table:
    """Draw one row under the other, for terminals too narrow for the table."""
    items: list[tuple[str, Text]] = []
    for index, row in enumerate(block.shown_rows(style.verbosity)):
        items += [("", "")] if index else []
        items += list(zip(block.header, row, strict=True))
    return _draw_facts(Facts(tuple(items), block.title), style)


def _bold(title: str, style: Style) -> RichText:
    return _rich(title, style, "bold")


def _rich(cell: Text, style: Style, look: str | None = None) -> RichText:
    text = printable(text_of(cell if isinstance(cell, Cell) else Cell(cell)))
    if style.ascii:
        text = text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return RichText(text, style=_STYLES[tone_of(cell)] if look is None else look, overflow="fold")
