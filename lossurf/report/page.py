"""A report as a reader meets it, before any format: what was read, the verdict in words, numbers, what to do next.

Tables, markdown, junit and github annotations are all drawn from a page; each command makes its page from its document
in `report/pages/NAME.py`.
"""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import NamedTuple

from lossurf.report.document import Document


class Tone(StrEnum):
    """What a word means to the reader, which a format may show as a colour."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"


class Outcome(StrEnum):
    """How one checked thing ended, for formats that count."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    ERROR = "error"


class Cell(NamedTuple):
    """Text with a tone; plain strings stand for plain cells."""

    text: str
    tone: Tone = Tone.PLAIN


Text = str | Cell


class Facts(NamedTuple):
    """Labels with their values, one a line. `level` is the verbosity from which a block is shown."""

    items: tuple[tuple[str, Text], ...]
    title: str = ""
    level: int = 1


class Grid(NamedTuple):
    """A table.

    Columns named in `numeric` are aligned right; those in `optional` are left out, the last first, where the width is
    short. Of more than `brief` rows only --verbose shows the middle. `bars` are shares of 1, one a row, which a format
    that can draws beside the row under the name `bars_of`; they repeat what a column says. `folded` is what a table
    without a title is called where it is folded away.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    numeric: frozenset[str] = frozenset()
    title: str = ""
    level: int = 1
    brief: int | None = None
    optional: tuple[str, ...] = ()
    bars: tuple[float, ...] = ()
    bars_of: str = ""
    folded: str = ""

    def without(self, name: str) -> Grid:
        """Return the table without one of its optional columns."""
        at = self.header.index(name)
        return self._replace(
            header=self.header[:at] + self.header[at + 1 :],
            rows=tuple(row[:at] + row[at + 1 :] for row in self.rows),
            optional=tuple(other for other in self.optional if other != name),
        )

    def shown_rows(self, verbosity: int) -> tuple[tuple[Text, ...], ...]:
        """Return all rows, or the first and last ones around a row of dots."""
        if self.brief is None or verbosity > 1 or len(self.rows) <= self.brief:
            return self.rows
        head = (self.brief + 1) // 2
        tail = self.brief - head
        return (*self.rows[:head], ("...",) * len(self.header), *self.rows[len(self.rows) - tail :])

    def shown_bars(self, verbosity: int) -> tuple[float, ...]:
        """Return the bars beside the shown rows; none beside the dots."""
        if not self.bars or len(self.shown_rows(verbosity)) == len(self.rows):
            return self.bars
        brief = self.brief or 0
        return (*self.bars[: (brief + 1) // 2], 0.0, *self.bars[len(self.bars) - brief // 2 :])


class Lines(NamedTuple):
    """Sentences, one an item."""

    lines: tuple[Text, ...]
    title: str = ""
    level: int = 1


Block = Facts | Grid | Lines


class Step(NamedTuple):
    """A command to go on with, as it can be typed, and what it is for."""

    why: str
    command: str


class Case(NamedTuple):
    """One checked thing: a hypothesis, a checkpoint."""

    name: str
    outcome: Outcome
    message: str
    file: str | None = None


class Page(NamedTuple):
    """A whole report.

    `brief` is what the verdict alone does not name, for a reader who asked for no more than that; `notes` is what must
    be known to trust the verdict, which no format and no --quiet leaves out.
    """

    title: str
    read: tuple[Block, ...]
    verdict: tuple[Text, ...]
    blocks: tuple[Block, ...] = ()
    next_steps: tuple[str | Step, ...] = ()
    cases: tuple[Case, ...] = ()
    brief: tuple[Text, ...] = ()
    notes: tuple[str, ...] = ()


def page_of(document: Document) -> Page:
    """Return the page that the document's command makes of it; one that checked nothing passes as a whole."""
    name = "failed" if "error" in document else document["command"]
    page: Page = import_module(f"lossurf.report.pages.{name}").page(document)
    notes = tuple(document.get("notes", ()))
    if notes:
        page = page._replace(read=_with_notes(page.read, notes), notes=tuple(dict.fromkeys((*notes, *page.notes))))
    if page.cases:
        return page
    said = " ".join(text_of(line) for line in page.verdict)
    return page._replace(cases=(Case(document["command"], Outcome.PASSED, said),))


def _with_notes(read: tuple[Block, ...], notes: tuple[str, ...]) -> tuple[Block, ...]:
    """Add notes on the data to what is said of them."""
    items = tuple(("Note", note) for note in notes)
    last = read[-1] if read else None
    return (
        (*read[:-1], last._replace(items=(*last.items, *items))) if isinstance(last, Facts) else (*read, Facts(items))
    )


def quiet_lines(page: Page) -> tuple[Text, ...]:
    """Return what --quiet leaves: the verdict, what it is about, and the notes."""
    return (*page.verdict, *page.brief, *(f"Note: {note}" for note in page.notes))


def text_of(cell: Text) -> str:
    """Return a cell's text."""
    return cell.text if isinstance(cell, Cell) else cell


def tone_of(cell: Text) -> Tone:
    """Return a cell's tone."""
    return cell.tone if isinstance(cell, Cell) else Tone.PLAIN
