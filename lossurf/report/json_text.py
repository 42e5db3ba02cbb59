"""The document as JSON: pure ASCII whatever the locale, shortest round-trip floats, never NaN."""

from __future__ import annotations

import json
from typing import Any

from lossurf.report.document import Document
from lossurf.report.render import Style

HEAD = ("format_version", "lossurf_version", "command")
"""The fields that every document and every line begins with."""


def render(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return the document as indented JSON."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def render_lines(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return one compact object a line: each of the document's `results`, or the document if it has none."""
    return "".join(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n" for line in lines_of(document))


def lines_of(document: Document) -> list[Document]:
    """Return the objects of the JSON lines: a result carries the document's head and notes, so that it stands alone."""
    if "results" not in document:
        return [document]
    head = {name: document[name] for name in HEAD}
    return [{**head, **result, **_notes(document, result)} for result in document["results"]]


def _notes(document: Document, result: dict[str, Any]) -> dict[str, list[str]]:
    if "notes" not in result:
        return {}
    return {"notes": list(dict.fromkeys([*document.get("notes", ()), *result["notes"]]))}
