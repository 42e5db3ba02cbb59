"""The page of a command that an error ended, for the formats in which other programs look for it."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.page import Case, Cell, Outcome, Page, Tone
from lossurf.report.unreadable import error_text


def page(document: Document) -> Page:
    """Lay out the document of an error: its command and `error`."""
    said = error_text(document["error"])
    return Page(
        title=f"lossurf {document['command']}",
        read=(),
        verdict=(Cell(f"error: {said}", Tone.BAD),),
        cases=(Case(document["command"], Outcome.ERROR, said),),
    )
