"""The formats of a report. A renderer reads the document and nothing else; a new one is one entry in `RENDERERS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from lossurf.report.document import Document


class Style(NamedTuple):
    """How a report for people is laid out: columns, colour, whether only ASCII, and how much is said (1: normal)."""

    width: int = 120
    color: bool = False
    ascii: bool = False
    verbosity: int = 1


Renderer = Callable[["Document", Style], str]


def _in_module(module: str, function: str = "render") -> Renderer:
    """Return a renderer whose module is imported when it is used: only tables need rich."""

    def render(document: Document, style: Style) -> str:
        text: str = getattr(import_module(f"lossurf.report.{module}"), function)(document, style)
        return text

    return render


RENDERERS: Final[dict[str, Renderer]] = {
    "table": _in_module("table"),
    "json": _in_module("json_text"),
    "jsonl": _in_module("json_text", "render_lines"),
    "markdown": _in_module("markdown"),
    "junit": _in_module("junit"),
    "github": _in_module("github"),
    "html": _in_module("web.page"),
}
