"""The explanations of the ids that a document names, each folded under its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lossurf.report.document import Document
from lossurf.report.web.elements import Element, element
from lossurf.theory.explanation import Explanation
from lossurf.words import Kind

_ASIDE: Final = {Kind.STATUS, Kind.EXIT_CODE}  # words of every report, which speak for themselves
_BESIDE: Final = {"conditions", "because"}  # what single theorems assume, which their own explanations name
_SILENT: Final = "applies"  # a theorem that does not speak needs no explanation here


def explanations(document: Document) -> list[Element]:
    """Return one folded explanation for each id in the document, in the order in which `explain` lists them."""
    from lossurf.theory.explanations import EXPLANATIONS

    named = set(_ids(document))
    return [_folded(entry) for name, entry in EXPLANATIONS.items() if name in named and entry.kind not in _ASIDE]


def _ids(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if part.get(_SILENT) not in {"no", "undecided"}:
            for key, value in part.items():
                yield from () if key in _BESIDE else _ids(value)
    elif isinstance(part, list):
        for value in part:
            yield from _ids(value)
    elif isinstance(part, str):
        yield part


def _folded(entry: Explanation) -> Element:
    parts = [
        element("p", entry.statement),
        element("p", f"Why it matters: {entry.matters}"),
        element("p", f"What to do: {entry.action}"),
    ]
    if entry.reference:
        parts.append(element("p", f"Reference: {entry.reference}"))
    summary = element("summary", element("span", entry.id, class_="id"), f" {entry.title}")
    return element("details", summary, parts)
