"""The document as JSON: pure ASCII whatever the locale, shortest round-trip floats, never NaN."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import NoneType
from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.render import Style

_PLAIN: Final = json.JSONEncoder(allow_nan=False)

_HOLDERS: Final = frozenset((dict, list))  # a document has no others
_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    str: encode_basestring_ascii,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    NoneType: lambda _: "null",
}

HEAD = ("format_version", "lossurf_version", "command")
"""The fields that every document and every line begins with."""


def render(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return the document as indented JSON."""
    return _indented(document, "") + "\n"


def _indented(value: Any, margin: str) -> str:
    """Return what `json.dumps` makes of a value with indent=2; that is all Python, and this leaves to C what it can.

    C writes no indentation, but takes any separator: one with a line break indents what holds no other container.
    """
    if not value or type(value) not in _HOLDERS:
        return _plain(value)
    inner = f"{margin}  "
    between, items = f",\n{inner}", value.values() if isinstance(value, dict) else value
    if _HOLDERS.isdisjoint(map(type, items)):
        text = _flat(between).encode(value)
        return f"{text[0]}\n{inner}{text[1:-1]}\n{margin}{text[-1]}"
    if isinstance(value, dict):
        body = between.join(
            [f"{encode_basestring_ascii(key)}: {_indented(item, inner)}" for key, item in value.items()]
        )
        return f"{{\n{inner}{body}\n{margin}}}"
    return f"[\n{inner}{between.join([_indented(item, inner) for item in value])}\n{margin}]"


def _plain(value: Any) -> str:
    """Return what `json.dumps` makes of a value that holds no other, most of them without its detours."""
    kind = type(value)
    if kind is float and isfinite(value):
        return float.__repr__(value)
    known = _WORDS.get(kind)
    return known(value) if known is not None else _PLAIN.encode(value)


@cache
def _flat(between: str) -> json.JSONEncoder:
    return json.JSONEncoder(allow_nan=False, separators=(between, ": "))


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
