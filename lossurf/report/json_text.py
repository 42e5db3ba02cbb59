"""The document as JSON: pure ASCII whatever the locale, shortest round-trip floats, never NaN."""

from __future__ import annotations

import json
from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.render import Style

_PLAIN: Final = json.JSONEncoder(allow_nan=False)

HEAD = ("format_version", "lossurf_version", "command")
"""The fields that every document and every line begins with."""


def render(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return the document as indented JSON."""
    return _indented(document, "") + "\n"


def _indented(value: Any, margin: str) -> str:
    """Return what `json.dumps` makes of a value with indent=2; that is all Python, and this leaves to C what it can.

    C writes no indentation, but takes any separator: one with a line break indents what holds no other container.
    """
    if not value or not isinstance(value, (dict, list)):
        return _PLAIN.encode(value)
    inner = f"{margin}  "
    between, items = f",\n{inner}", value.values() if isinstance(value, dict) else value
    if not any(isinstance(item, (dict, list)) for item in items):
        text = json.dumps(value, allow_nan=False, separators=(between, ": "))
        return f"{text[0]}\n{inner}{text[1:-1]}\n{margin}{text[-1]}"
    if isinstance(value, dict):
        body = between.join(f"{json.dumps(key)}: {_indented(item, inner)}" for key, item in value.items())
        return f"{{\n{inner}{body}\n{margin}}}"
    return f"[\n{inner}{between.join(_indented(item, inner) for item in value)}\n{margin}]"


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
