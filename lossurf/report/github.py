"""The report as GitHub workflow commands: an annotation per hypothesis or checkpoint, and one per note."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.page import Case, Outcome, page_of
from lossurf.report.render import Style
from lossurf.report.text import printable

_LEVELS = {Outcome.PASSED: "notice", Outcome.FAILED: "error", Outcome.UNDECIDED: "warning", Outcome.ERROR: "error"}


def render(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return one workflow command a line."""
    page = page_of(document)
    notes = (Case("note", Outcome.PASSED, note) for note in page.notes)
    return "".join(_annotation(page.title, case) for case in (*page.cases, *notes))


def _annotation(title: str, case: Case) -> str:
    properties = {"file": case.file, "title": f"{title}: {case.name}"}
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value is not None)
    return f"::{_LEVELS[case.outcome]} {given}::{_data(case.message)}\n"


def _data(text: str) -> str:
    """Escape what would end the command or be decoded by the runner, and show what a log would obey."""
    lines = text.replace("\r", "\n").split("\n")
    return "%0A".join(printable(line).replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
