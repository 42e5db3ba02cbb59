"""Text tables (CSV and relatives) in row blocks: every cell exactly as Python's float, or an error at the cell."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TextIO

import numpy as np

from lossurf.errors import InputError
from lossurf.inputs.arrays import ArraySource, rechunk, remember
from lossurf.inputs.faults import count, fault, place
from lossurf.inputs.files import file_size
from lossurf.inputs.memory import require_memory
from lossurf.inputs.tables.cells import logical, to_float
from lossurf.inputs.tables.dialect import Dialect, decimal_comma_possible, sniff
from lossurf.inputs.tables.fast_text import count_lines, open_bytes, pieces, read_plain, threads_worth, worth_pieces
from lossurf.inputs.tables.lines import lines_of, open_text, split
from lossurf.inputs.tables.row_names import RowNames
from lossurf.numerics import Matrix

_EXPONENTS = str.maketrans("Dd", "ee")  # Fortran's
_AS_C_WRITES = str.maketrans("Dd,", "ee.")

Line = tuple[int, str]


@dataclass
class TextTable:
    """A text table that can be read again and again, a block of rows at a time."""

    path: Path
    letter: str
    dialect: Dialect
    picked: tuple[int, ...] | None = None
    targets: frozenset[int] = frozenset()  # columns of one table that are Y, for messages
    notes: list[str] = field(default_factory=list)
    rows: int | None = None  # known once it was read to the end
    position: int = 0  # bytes of the file read so far
    ndim: int = 2
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """The file's name as given."""
        return str(self.path)

    @property
    def width(self) -> int:
        """Number of columns read."""
        return self.dialect.width if self.picked is None else len(self.picked)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns read."""
        names = self.dialect.names
        return names if names is None or self.picked is None else tuple(names[i] for i in self.picked)

    @property
    def row_names(self) -> RowNames:
        """What the file's form says of columns that name the rows."""
        return self.dialect.row_names

    def blocks(self, rows: int) -> Iterator[Matrix]:
        """Yield finite float64 blocks of exactly `rows` rows, the last one shorter.

        Raises
        ------
        InputError
            At the first line or cell that is not as the others.
        """
        if self.dialect.width > 1 and worth_pieces(self.path, self.dialect.encoding, self.dialect.delimiter):
            return rechunk(self._by_pieces(), rows)
        return self._by_lines(rows)

    def _by_lines(self, rows: int) -> Iterator[Matrix]:
        parser, body = _Parser(self), _Body(self)
        with open_text(self.path, self.dialect.encoding) as text:
            lines = body.samples(lines_of(text, self.name))
            while block := list(islice(lines, rows)):
                self.position = _bytes_read(text)
                yield parser.parse(block)

    def _by_pieces(self) -> Iterator[Matrix]:
        """Yield blocks of any size: plain pieces by the fastest reader, the others line by line."""
        from lossurf.inputs.tables.ahead import each_ahead  # small tables are not read like this

        parser, body, number = _Parser(self), _Body(self), 0
        try:
            with open_bytes(self.path) as (stream, raw):
                read = ((piece, raw.tell()) for piece in pieces(stream))
                for (piece, self.position), plain in each_ahead(
                    read, lambda item: parser.plain(item[0]), most=threads_worth()
                ):
                    block = None if body.header else parser.parse_piece(piece, plain)
                    if block is not None:
                        number += len(block)  # a plain piece has a sample a line
                    else:
                        text = io.TextIOWrapper(io.BytesIO(piece), self.dialect.encoding)
                        held = list(body.samples(lines_of(text, self.name, number)))
                        block = parser.parse(held) if held else np.empty((0, self.width))
                        number += count_lines(piece)
                    yield block
        except (UnicodeError, OSError, EOFError, zlib.error):
            for _ in self._by_lines(4096):  # the exact reader meets the same damage and knows its line
                pass
            raise

    def select(self, indices: tuple[int, ...]) -> TextTable:
        """Keep these columns, counted from 0; the others may hold anything."""
        return TextTable(self.path, self.letter, self.dialect, tuple(indices), self.targets, self.notes)

    def transposed(self, limit: int) -> ArraySource:
        """Read the whole table and exchange rows and columns."""
        require_memory(self.name, 4 * file_size(self.path), limit)  # two characters a number at least, 8 bytes each
        array = np.concatenate(list(self.blocks(4096)))
        source = ArraySource(array.T, self.letter, self.name)
        source.notes = self.notes
        return source


def _bytes_read(text: TextIO) -> int:
    """Return the position in the file itself, packed or not."""
    file = getattr(text.buffer, "fileobj", None) or text.buffer
    return int(file.tell())


class _Body:
    """The lines of a table that hold samples; blank ones hold none, but in a one-column table they are missing."""

    def __init__(self, table: TextTable) -> None:
        self.table = table
        self.header = table.dialect.header  # still to come
        self.blank: int | None = None

    def samples(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Leave out the header and blank lines."""
        for number, line in lines:
            if not line.strip():
                self.blank = self.blank or number
                continue
            if self.header:
                self.header = False
                self.blank = None
                continue
            if self.blank is not None and self.table.dialect.width == 1:
                raise fault("missing-cell", place(self.table.name, line=self.blank, column=1), cell="empty")
            yield number, line


class _Parser:
    """One pass over a table: the fast way where a block is plain, cell by cell where it is not."""

    def __init__(self, table: TextTable) -> None:
        self.table = table
        self.dialect = table.dialect
        self.decimal: str | None = None  # the mark met first holds for the rest of the table

    def parse(self, block: list[Line]) -> Matrix:
        """Convert one block of lines."""
        fast = self._fast(block)
        return fast if fast is not None else self._slow(block)

    def plain(self, piece: bytes) -> Matrix | None:
        """Convert whole lines at once, whatever comes before them; None where a closer look is needed."""
        if self.dialect.delimiter is None or self.dialect.trailing:
            return None
        return read_plain(piece, self.dialect.delimiter, self.dialect.width)

    def parse_piece(self, piece: bytes, numbers: Matrix | None) -> Matrix | None:
        """Take what `plain` made of whole lines, or None where what came before asks for a closer look."""
        picked = self.table.picked
        if b"." in piece and self.decimal == ",":
            return None
        if b"." in piece and numbers is not None and self._reads_all(picked):
            self.decimal = "."
        if numbers is None or picked is None or picked == tuple(range(numbers.shape[1])):
            return numbers
        return numbers[:, list(picked)]

    def _fast(self, block: list[Line]) -> Matrix | None:
        lines = [line for _, line in block]
        joined = "".join(lines)
        mark = self._mark(joined)
        if not joined.isascii() or '"' in joined or "#" in joined or mark is None or not self._regular(lines):
            return None
        if mark == "," or "D" in joined or "d" in joined:
            lines = [line.translate(_AS_C_WRITES if mark == "," else _EXPONENTS) for line in lines]
        columns = self.table.picked or tuple(range(self.dialect.width))
        try:
            numbers = np.loadtxt(
                lines, np.float64, delimiter=self.dialect.delimiter, comments=None, usecols=columns, ndmin=2
            )
        except ValueError:
            return None
        if self._reads_all(columns):
            self.decimal = self.decimal or mark or None
        return numbers if np.isfinite(numbers).all() else None

    def _reads_all(self, columns: tuple[int, ...] | None) -> bool:
        """Tell whether every column is read; a decimal mark in one that is not says nothing."""
        return columns is None or len(set(columns)) == self.dialect.width

    def _mark(self, text: str) -> str | None:
        """Return the one decimal mark of a block, "" where it has none; None where each cell must be looked at."""
        delimiter = self.dialect.delimiter
        comma = decimal_comma_possible(delimiter) and "," in text
        if comma and ("." in text or (delimiter != ";" and self.decimal is None)):  # may separate thousands
            return None
        mark = "," if comma else "." if "." in text else ""
        return None if mark and self.decimal not in (None, mark) else mark

    def _regular(self, lines: list[str]) -> bool:
        """Tell whether all lines have the same number of cells; numpy would not look at those it does not convert."""
        delimiter, width, trailing = self.dialect.delimiter, self.dialect.width, self.dialect.trailing
        if delimiter is None:
            return all(len(line.split()) == width for line in lines)
        if any(line.count(delimiter) != width - 1 + trailing for line in lines):
            return False
        return not trailing or all(line.rstrip(" \r\n").endswith(delimiter * trailing) for line in lines)

    def _slow(self, block: list[Line]) -> Matrix:
        columns = self.table.picked or tuple(range(self.dialect.width))
        numbers = np.empty((len(block), len(columns)))
        for row, (number, line) in enumerate(block):
            cells = self._cells(number, line)
            numbers[row] = [self._number(cells[column], number, column) for column in columns]
        return numbers

    def _cells(self, number: int, line: str) -> list[str]:
        where = place(self.table.name, line=number)
        cells = split(line, self.dialect.delimiter, where)
        width = self.dialect.width
        if len(cells) <= width + self.dialect.trailing and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) != width:
            raise fault(
                "ragged",
                where,
                found=count(len(cells), "cell"),
                expected=width,
                delimiter=self.dialect.delimiter or " ",
            )
        return cells

    def _number(self, cell: str, line: int, column: int) -> float:
        value = to_float(self._with_point(cell, line, column))
        if value is None:
            value = logical(cell)
            if value is None:
                raise self._not_a_number(cell, line, column)
            note = f"{self.table.name}: TRUE and FALSE in column {self._label(column)} are read as 1 and 0"
            remember(self.table.notes, note)
        if np.isfinite(value):
            return value
        raise fault("beyond-float64", self._spot(line, column), value=cell)

    def _with_point(self, cell: str, line: int, column: int) -> str:
        comma = decimal_comma_possible(self.dialect.delimiter) and "," in cell
        mark = "," if comma else "." if "." in cell else None
        if mark is None:
            return cell
        if comma and self.decimal is None and self.dialect.delimiter != ";":
            from lossurf.inputs.tables.refused_cells import is_grouped

            if is_grouped(cell):
                raise fault("thousands", self._spot(line, column), cell=cell)
        text = cell.replace(",", ".") if comma else cell
        if to_float(text) is not None:
            self.decimal = self.decimal or mark
            if mark != self.decimal:
                raise fault("mixed-marks", self._spot(line, column), cell=cell)
        return text

    def _not_a_number(self, cell: str, line: int, column: int) -> InputError:
        from lossurf.inputs.tables.refused_cells import refusal

        target = column in self.table.targets or self.table.letter == "Y"
        return fault(
            refusal(cell),
            self._spot(line, column),
            cell=repr(cell if len(cell) <= 40 else cell[:37] + "...") if cell else "empty",
            leave=self._option(column),
            categories="classes as 0, 1, 2 for --loss softmax" if target else "categories as columns of 0 and 1",
        )

    def _option(self, column: int) -> str:
        """Return the option that leaves a column out: --drop is about X's columns, and --index about any."""
        names = self.dialect.names
        name = names[column] if names and names[column] and names.count(names[column]) == 1 else str(column + 1)
        if column in self.table.targets:
            return "a --target that does not name it"
        return f"--index {quote(f'y:{name}')}" if self.table.letter == "Y" else f"--drop {quote(name)}"

    def _label(self, column: int) -> str:
        names = self.dialect.names
        return f"{column + 1} ({names[column]})" if names and names[column] else str(column + 1)

    def _spot(self, line: int, column: int) -> str:
        return place(self.table.name, line=line, column=self._label(column))


def open_table(path: Path, letter: str) -> TextTable:
    """Open a text table after telling its dialect.

    Raises
    ------
    InputError
    """
    dialect = sniff(path)
    return TextTable(path, letter, dialect, notes=list(dialect.notes))
