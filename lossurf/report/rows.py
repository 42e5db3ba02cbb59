"""A table none of whose cells needs a second line, drawn at once: rich would lay out each cell as a page of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Span, Text

Row = Sequence[Text]


class Fitting:
    """Lines none of which is as long as to be broken: rich would look for a place to break each."""

    def __init__(self, lines: Iterable[Text]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what rich draws of each line."""
        yield from Text("\n").join(self._lines).render(console, end="\n")


def as_lines(
    rows: Sequence[Row], right: Collection[int], width: int, *, around: Sequence[Text | None], ascii_only: bool
) -> list[Text] | None:
    """Return a table as lines, as rich draws it; None where a cell, or a line around it, has to be broken.

    Parameters
    ----------
    rows : sequence of rows
        The header first.
    right : collection of int
        Columns that are aligned right.
    width : int
        Columns of the terminal.
    around : sequence of Text or None
        What stands above and below, which may not be wider than the table.
    ascii_only : bool
    """
    sizes = [[cell.cell_len for cell in row] for row in rows]
    columns = list(map(max, zip(*sizes, strict=True)))
    between, crossing, rule = (" | ", "-+-", "-") if ascii_only else (" " * 3, "\u2500" * 3, "\u2500")
    whole = sum(columns) + len(between) * (len(columns) - 1)
    if max([whole, *(text.cell_len for text in around if text)]) > min(whole, width):
        return None
    blanks = [[column - size for column, size in zip(columns, row, strict=True)] for row in sizes]
    lines = [_line(*cells, right, between) for cells in zip(rows, blanks, strict=True)]
    lines[0].stylize("table.header")
    return [lines[0], Text(crossing.join(rule * size for size in columns)), *lines[1:]]


def _line(row: Row, blanks: Sequence[int], right: Collection[int], between: str) -> Text:
    parts: list[str] = []
    spans: list[Span] = []
    at = 0
    for index, (cell, blank) in enumerate(zip(row, blanks, strict=True)):
        before = f"{between if index else ''}{' ' * blank if index in right else ''}"
        text = cell.plain
        at += len(before)
        if cell.style:
            spans.append(Span(at, at + len(text), cell.style))
        after = "" if index in right else " " * blank
        parts += (before, text, after)
        at += len(text) + len(after)
    return Text("".join(parts), spans=spans)
