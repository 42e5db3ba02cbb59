"""What kind of text table a file is: delimiter, header, row names, trailing delimiters; told from its first lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from lossurf.inputs.faults import count, fault, place
from lossurf.inputs.tables.cells import is_comment, is_fraction, is_missing, is_number, is_value
from lossurf.inputs.tables.lines import lines_of, open_text, split
from lossurf.inputs.tables.row_names import NONE, RowNames, are_row_names, first_cells, told_by_names, told_by_numbers

_SAMPLE_LINES: Final = 20
_SAMPLE_CHARACTERS: Final = 1 << 22
_DELIMITERS: Final = ("\t", ";", "|", ",")  # in this order: a comma may be the decimal mark of the others

Line = tuple[int, str]


class Dialect(NamedTuple):
    """How a text table is written.

    `delimiter` is None where runs of blanks separate the cells; `trailing` counts the empty, nameless cells that end
    every line, as spreadsheets write them; `header` says whether the first line that is no comment holds the names.
    """

    encoding: str
    delimiter: str | None
    names: tuple[str, ...] | None
    width: int
    trailing: int
    notes: tuple[str, ...] = ()
    header: bool = False
    row_names: RowNames = NONE


def decimal_comma_possible(delimiter: str | None) -> bool:
    """Tell whether a comma inside a cell can be a decimal mark."""
    return delimiter != ","


def sniff(path: Path) -> Dialect:
    """Tell a table's dialect from its first lines.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Dialect

    Raises
    ------
    InputError
        If the file is not text, is empty, or its first line is neither names nor numbers.
    """
    name = str(path)
    with open_text(path) as text:
        encoding = text.encoding
        sample = _sample(text, name)
    if not sample:
        raise fault("no-rows", name)
    delimiter = _delimiter([line for _, line in sample])
    rows = [split(line, delimiter, place(name, line=number)) for number, line in sample]
    header = _is_header(rows, delimiter, place(name, line=sample[0][0]))
    body = rows[1:] if header else rows
    if not body:
        raise fault("no-rows", name)
    trailing = 0 if delimiter is None else _trailing(rows[0] if header else None, body)
    width = len(body[0]) - trailing
    if not header:
        names = _names_in_comment(path, encoding, sample[0][0], delimiter, width)
        quoted = _quotes_first_alone([line for _, line in sample])
        told = told_by_names(names, body) if names else told_by_numbers(width, body, quoted=quoted)
        notes = _notes_on_first_row(name, rows[0]) if names is None else _notes_on_comment(name, names)
        return Dialect(encoding, delimiter, names, width, trailing, notes, header=False, row_names=told)
    names, told = _header_names(rows[0], body, width, sample, (name, delimiter))
    notes = _notes_on_names(name, names, told)
    return Dialect(encoding, delimiter, names, width, trailing, notes, header=True, row_names=told)


def _header_names(
    header: list[str], body: list[list[str]], width: int, sample: list[Line], table: tuple[str, str | None]
) -> tuple[tuple[str, ...], RowNames]:
    """Return a name for every column, and which columns name the rows; R leaves the name of those out."""
    if not any(header[width:]):
        header = header[:width]
    if len(header) == width:
        return tuple(header), told_by_names(header, body)
    short = width - len(header) == 1 and all(len(row) == len(body[0]) for row in body)
    if short and are_row_names([row[0] for row in body], all(line.lstrip()[:1] == '"' for _, line in sample[1:])):
        reason = "the header has one name less than the lines have cells"
        return ("", *header), RowNames((0,), reason, first=first_cells(body))
    name, delimiter = table
    raise fault(
        "ragged-header",
        place(name, line=sample[1][0]),
        found=count(width, "cell"),
        names=len(header),
        delimiter=delimiter or " ",
    )


def _quotes_first_alone(lines: list[str]) -> bool:
    """Tell whether the first cell of every line is in quotes and no other is, as R writes names of rows."""
    return all(line.lstrip()[:1] == '"' and line.count('"') == 2 for line in lines)


def _names_in_comment(
    path: Path, encoding: str, first: int, delimiter: str | None, width: int
) -> tuple[str, ...] | None:
    """Return the names that a comment right above the first sample gives, one for every column, as savetxt writes."""
    comment = ""
    with open_text(path, encoding) as text:
        for _ in range(first - 1):
            line = text.readline()
            comment = line if is_comment(line) else comment if not line.strip() else ""
    words = comment.strip().lstrip("#%").strip()
    for separator in dict.fromkeys((delimiter, None)):
        cells = [cell.strip().strip('"') for cell in words.split(separator)]
        named = len(cells) == width and len(set(cells)) == width
        if named and not any(is_number(cell) or is_missing(cell) or cell.endswith(":") for cell in cells):
            return tuple(cells)
    return None


def _trailing(header: list[str] | None, body: list[list[str]]) -> int:
    """Count the cells at the end of the lines that are empty in every line, and have no name."""
    count = 0
    while count < len(body[0]) - 1 and all(row[len(body[0]) - 1 - count :][:1] == [""] for row in body):
        at = len(body[0]) - 1 - count
        if header is not None and header[at : at + 1] not in ([], [""]):
            break
        count += 1
    return count


def _sample(text: TextIO, name: str) -> list[Line]:
    sample: list[Line] = []
    size = 0
    for number, line in lines_of(text, name):
        if line.strip():
            sample.append((number, line))
        size += len(line)
        if len(sample) == _SAMPLE_LINES or size > _SAMPLE_CHARACTERS:
            break
    return sample


def _delimiter(lines: list[str]) -> str | None:
    body = lines[1:] or lines
    if all(_are_blank_numbers(line) for line in body):
        return None
    for delimiter in _DELIMITERS:
        counts = {_cells(line, delimiter) for line in body}
        if len(counts) == 1 and counts.pop() > 1:
            return delimiter
    present = {delimiter: sum(_cells(line, delimiter) > 1 for line in body) for delimiter in _DELIMITERS}
    if max(present.values()) > 0:  # a ragged table: the delimiter most lines have, so that the odd line is named
        return max(present, key=lambda delimiter: present[delimiter])
    return None if _are_blank_separated(body) else ","


def _are_blank_numbers(line: str) -> bool:
    """Tell whether blanks alone separate numbers, in which commas are then decimal marks."""
    words = line.split()
    return len(words) > 1 and "\t" not in line.strip() and all(is_number(word) for word in words)


def _are_blank_separated(lines: list[str]) -> bool:
    """Tell whether every line holds several words, numbers among them, and as many as the others where some are not."""
    words = [split(line, None, "") for line in lines if line.count('"') % 2 == 0]
    if len(words) < len(lines) or any(len(row) < 2 or not any(map(is_value, row)) for row in words):
        return False
    return len({len(row) for row in words}) == 1 or all(is_value(word) for row in words for word in row)


def _cells(line: str, delimiter: str) -> int:
    if '"' not in line:
        return line.count(delimiter) + 1
    try:
        return len(next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), []))
    except csv.Error:
        return 1


def _is_header(rows: Sequence[Sequence[str]], delimiter: str | None, where: str) -> bool:
    """Names make a header; a missing value or a whole number among them can be a name, a fraction cannot."""
    first, body = rows[0], rows[1:]
    if all(map(is_value, first)):
        return _is_default_header(first, body)
    fraction = next((cell for cell in first if is_fraction(cell, comma=decimal_comma_possible(delimiter))), None)
    if fraction is None:
        return True
    if _are_all_alike(first, body):  # words where all lines have words: row names or categories
        return False
    raise fault("half-header", where, cell=fraction)


def _is_default_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Tell whether a line is what pandas writes above an index and columns without names: nothing, 0, 1, 2, ..."""
    counting = [str(i) for i in range(len(first) - 1)]
    return len(first) > 1 and not first[0] and list(first[1:]) == counting and any(row[0] for row in body)


def _are_all_alike(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    kinds = [is_value(cell) for cell in first]
    return bool(body) and all([is_value(cell) for cell in row] == kinds for row in body)


def _notes_on_first_row(name: str, first: list[str]) -> tuple[str, ...]:
    counting = len(first) > 1 and first == [str(i) for i in range(len(first))]
    note = f"{name}: the first row counts {first[0]} to {first[-1]} and is read as a sample; a header needs names"
    return (note,) if counting else ()


def _notes_on_comment(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{name}: the comment above the first sample is read as column names: {', '.join(names[:8])}",)


def _notes_on_names(name: str, names: tuple[str, ...], told: RowNames) -> tuple[str, ...]:
    nameless = [str(i + 1) for i, column in enumerate(names) if not column and i not in told.columns]
    numbers = [column for column in names if column.isdigit()]
    notes = []
    if nameless:
        notes.append(
            f"{name}: column {', '.join(nameless[:5])} has no name and is read as numbers; --drop leaves it out"
        )
    if numbers:
        notes.append(f"{name}: the first line is read as column names, {', '.join(numbers[:5])} among them")
    return tuple(notes)
