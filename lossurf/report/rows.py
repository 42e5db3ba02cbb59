"""A table none of whose cells needs a second line, drawn at once: rich would lay out each cell as a page of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.text import Text

Row = Sequence[Text]


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
    columns = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    between, crossing, rule = (" | ", "-+-", "-") if ascii_only else (" " * 3, "\u2500" * 3, "\u2500")
    whole = sum(columns) + len(between) * (len(columns) - 1)
    if max([whole, *(text.cell_len for text in around if text)]) > min(whole, width):
        return None
    lines = [_line(row, columns, right, between) for row in rows]
    lines[0].stylize("table.header")
    return [lines[0], Text(crossing.join(rule * size for size in columns)), *lines[1:]]


def _line(row: Row, columns: Sequence[int], right: Collection[int], between: str) -> Text:
    line = Text(no_wrap=True)
    for index, (cell, size) in enumerate(zip(row, columns, strict=True)):
        blanks = " " * (size - cell.cell_len)
        line.append(between if index else "")
        line.append(blanks if index in right else "")
        line.append_text(cell)
        line.append("" if index in right else blanks)
    return line
