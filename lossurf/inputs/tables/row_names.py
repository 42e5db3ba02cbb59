"""Columns that name or number the samples and are no data: told from a table's form, or by the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from lossurf.errors import InputError
from lossurf.inputs.arrays import MatrixSource, remember
from lossurf.inputs.faults import fault
from lossurf.inputs.tables.cells import is_number, is_value, to_float
from lossurf.inputs.tables.columns import find_column

_LEAST_ROWS: Final = 3  # 1, 2 are soon counted by chance
_NAMELESS: Final = re.compile(r"|unnamed: \d+(_level_\d+)?|__index_level_\d+__|\.\.\.\d+", re.IGNORECASE)
"""What pandas, R's readr and Arrow call a column that had no name."""
_IDENTITY: Final = re.compile(r"id|index|idx|(row|sample|record)[_. ]?(id|index|names?|number)", re.IGNORECASE)
_NUMBERING: Final = re.compile(
    r"rows?|obs|observation|case|no\.?|nr\.?|num|number",
    re.IGNORECASE,
)


class RowNames(NamedTuple):
    """What a table's form says of its first columns.

    Attributes
    ----------
    columns : tuple of int
        Columns, counted from 0, that hold row names.
    reason : str
        How that is told, or why the first column may hold row numbers.
    asks : bool
        Whether only the user can tell if the first column is data.
    counts : bool
        Whether the first column counts the rows under a name that makes it data all the same.
    first : tuple of str
        The row names of the first samples.
    """

    columns: tuple[int, ...] = ()
    reason: str = ""
    asks: bool = False
    counts: bool = False
    first: tuple[str, ...] = ()


NONE: Final = RowNames()


def told_by_names(names: Sequence[str], body: Sequence[Sequence[str]]) -> RowNames:
    """Tell row names by the names of the columns and the first rows.

    Parameters
    ----------
    names : sequence of str
    body : sequence of sequence of str
        Cells of the first samples.
    """
    nameless = _leading_nameless(names)
    if len(names) in (1, nameless):
        return NONE
    first = first_cells(body)
    if nameless:
        cells = [row[column] for row in body for column in range(nameless) if column < len(row)]
        whole = all(_is_whole(cell) or not is_value(cell) for cell in cells)
        return RowNames(tuple(range(nameless)), "it has no name", asks=not whole, first=first)
    if _IDENTITY.fullmatch(names[0]) and all(map(_is_whole, first)):
        return RowNames((0,), "its name and whole numbers tell samples apart", first=first)
    if _counts(body) and _NUMBERING.fullmatch(names[0]):
        return RowNames((0,), "it counts the rows", first=first)
    return RowNames(counts=len(body) >= _LEAST_ROWS and _counts(body))


def _is_whole(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()


def told_by_types(names: Sequence[str], may_name: Sequence[bool]) -> RowNames:
    """Tell row names of a table with typed columns: nameless ones, of a type that an index has."""
    nameless = _leading_nameless(names)
    if nameless in (0, len(names)):
        return NONE
    return RowNames(tuple(range(nameless)), "it has no name", asks=not all(may_name[:nameless]))


def told_by_numbers(width: int, body: Sequence[Sequence[str]], *, quoted: bool = False) -> RowNames:
    """Ask about the first column of a table without header if it counts its rows, or is the only one `quoted`."""
    if width > 1 and quoted:
        return RowNames((0,), "it alone is in quotes", asks=True)
    if width > 1 and len(body) >= _LEAST_ROWS and _counts(body):
        return RowNames((0,), "it counts the rows", asks=True)
    return NONE


def first_cells(body: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the first cell of every row."""
    return tuple(row[0] for row in body if row)


def are_row_names(first_cells: Sequence[str], quoted: bool) -> bool:
    """Tell whether cells under no header name rows: R writes them in quotes, as words, or as 1, 2, 3."""
    return quoted or all(not is_value(cell) for cell in first_cells) or _counts([[cell] for cell in first_cells])


def _leading_nameless(names: Sequence[str]) -> int:
    return next((i for i, name in enumerate(names) if not _NAMELESS.fullmatch(name)), len(names))


def _counts(body: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    numbers = [to_float(row[0].replace(",", ".")) if row and is_number(row[0]) else None for row in body]
    start = numbers[0] if numbers else None
    return len(numbers) > 1 and start in (0.0, 1.0) and numbers == [start + i for i in range(len(numbers))]


def left_out(
    sources: Sequence[MatrixSource],
    asked: Sequence[str],
    *,
    keep: bool,
    explicit: Sequence[frozenset[int]],
) -> list[frozenset[int]]:
    """Decide which columns of each source are row names, and say so in its notes.

    Parameters
    ----------
    sources : sequence of MatrixSource
        X and Y, or the one table of both.
    asked : sequence of str
        What `--index` names: a column's name or number, after "x:" or "y:" that of one source only.
    keep : bool
        Whether every column is data, as `--no-index` says.
    explicit : sequence of set of int
        Columns of each source that the user named as data, or dropped: nothing is guessed of them.

    Returns
    -------
    list of frozenset of int
        One for each source.

    Raises
    ------
    InputError
        If a column that is asked for is in no source, or nobody but the user can tell.
    """
    if asked:
        return _asked_for(sources, asked)
    if keep:
        return [frozenset()] * len(sources)
    told = [getattr(source, "row_names", NONE) for source in sources]
    open_questions = [t.asks and not set(t.columns) <= e for t, e in zip(told, explicit, strict=True)]
    if any(open_questions):
        raise _question(sources, told, open_questions)
    found = [frozenset(t.columns) - e for t, e in zip(told, explicit, strict=True)]
    for source, columns, how, named in zip(sources, found, told, explicit, strict=True):
        _note(source, columns, how, counts=how.counts and 0 not in named)
    if len(sources) == 2 and all(found):
        _note_on_order(sources, told)
    return found


def _note_on_order(sources: Sequence[MatrixSource], told: Sequence[RowNames]) -> None:
    """Say where X and Y name their samples differently: they may not be in the same order."""
    pairs = enumerate(zip(told[0].first, told[1].first, strict=False), 1)
    differing = next(((row, a, b) for row, (a, b) in pairs if a != b), None)
    if differing is not None:
        row, a, b = differing
        names = f"the row names of sample {row} are {a!r} in {sources[0].name} and {b!r} in {sources[1].name}"
        remember(sources[0].notes, f"{names}; samples are paired by their order in the files")


def _note(source: MatrixSource, columns: frozenset[int], how: RowNames, *, counts: bool) -> None:
    for column in sorted(columns):
        left = f"column {_label(source, column)} is left out as row names: {how.reason}"
        remember(source.notes, f"{source.name}: {left}; --no-index reads it as data")
    if counts:
        kept = f"column {_label(source, 0)} counts the rows and is read as data"
        remember(source.notes, f"{source.name}: {kept}; --index 1 leaves it out")


def _question(sources: Sequence[MatrixSource], told: Sequence[RowNames], which: Sequence[bool]) -> InputError:
    """Ask with options that answer for every table the question is about, and for no other."""
    options = [
        f"--index {f'{_letter(source)}:' if len(sources) > 1 and not all(which) else ''}{column + 1}"
        for source, how, asks in zip(sources, told, which, strict=True)
        if asks
        for column in how.columns
    ]
    first = which.index(True)
    return fault(
        "maybe-index",
        sources[first].name,
        reason=told[first].reason,
        options=" ".join(dict.fromkeys(options)),
    )


def _asked_for(sources: Sequence[MatrixSource], asked: Sequence[str]) -> list[frozenset[int]]:
    found: list[set[int]] = [set() for _ in sources]
    for word in asked:
        about, column = _addressed(sources, word)
        hits = {at: _column(sources[at], column, lenient=len(about) > 1) for at in about}
        if all(hit is None for hit in hits.values()):
            source = sources[about[0]]
            find_column(column, source.width, source.columns, source.name)  # says what there is
            raise fault("index-is-all", source.name)
        for at, hit in hits.items():
            if hit is not None:
                found[at].add(hit)
                label = _label(sources[at], hit)
                remember(sources[at].notes, f"{sources[at].name}: column {label} is left out, as --index says")
    for source, left in zip(sources, found, strict=True):
        if len(left) == source.width:
            raise fault("index-is-all", source.name)
    return [frozenset(left) for left in found]


def _addressed(sources: Sequence[MatrixSource], word: str) -> tuple[list[int], str]:
    """Return which sources a word of `--index` is about, and the column it names in them."""
    everywhere = list(range(len(sources)))
    if any(word in (source.columns or ()) for source in sources):
        return everywhere, word
    letter, colon, column = word.partition(":")
    named = [at for at in everywhere if colon and letter.lower() == _letter(sources[at])]
    return (named, column) if named else (everywhere, word)


def _column(source: MatrixSource, column: str, *, lenient: bool) -> int | None:
    """Find a column; a single one is the data, whatever its number."""
    if source.width == 1 and column not in (source.columns or ()):
        return None
    try:
        return find_column(column, source.width, source.columns, source.name)
    except InputError:
        if lenient:
            return None
        raise


def _letter(source: MatrixSource) -> str:
    return str(getattr(source, "letter", "")).lower()


def _label(source: MatrixSource, column: int) -> str:
    name = source.columns[column] if source.columns else ""
    return f"{column + 1} ({name})" if name else str(column + 1)
