"""The report as one HTML file: verdict, tables, pictures, explanations and every number of the document.

It is written with the standard library, not with Jinja2. A report must come out of every installation, a CI job's bare
one too, so the format may not hang on an extra; and the page is not a text with holes for a designer to fill but a
tree made from a `Page` that six other formats are made from. Built as a tree, names of files, layers and columns can
become text and nothing else, in one place, where a template has to escape at every hole.

Nothing in it is loaded or run: pictures are inline SVG, the one style sheet is named by its hash in the page's own
content security policy, and where a server forbids even that the page reads as plain HTML. What
a page shows beside the numbers of its document comes with it under `beside`: the command as it was typed, the
versions, and the surface around a checkpoint. Reading needs no script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lossurf.report import json_text
from lossurf.report.document import Document
from lossurf.report.page import Cell, Grid, Page, Step, Tone, page_of, quiet_lines, text_of, tone_of
from lossurf.report.pages.classify import verdict_cell
from lossurf.report.render import Style
from lossurf.report.unreadable import is_unreadable
from lossurf.report.web.blocks import draw_block, titled
from lossurf.report.web.chart import figure
from lossurf.report.web.elements import Element, Verbatim, command_line, element, markup
from lossurf.report.web.explained import explanations
from lossurf.report.web.pictures import pictures_of

_SIGNS: Final = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.UNSURE: "?", Tone.PLAIN: ""}
_NARROW: Final = 7  # columns of a table that leaves room for pictures beside it
_TITLE: Final = 100  # letters of a verdict that a browser's tab gets


def render(document: Document, style: Style) -> str:
    """Return the page; --quiet leaves the verdict and the notes, --verbose unfolds what is folded for its detail."""
    if style.verbosity < 0:
        return ""
    page = page_of(document)
    quiet = style.verbosity == 0
    lines = quiet_lines(page._replace(notes=())) if quiet else page.verdict
    title = f"{page.title}: {text_of(lines[0])}" if lines else page.title
    body = element(
        "body",
        element("header", element("p", page.title, class_="command"), _verdict(lines), _notes(page)),
        None if quiet else element("main", _main(document, page, style)),
        _footer(document),
    )
    return markup(element("html", _head(title, _refresh(document)), body, lang="en"))


def _refresh(document: Document) -> int | None:
    """Return after how many seconds the page is to be loaded again, because it is still being written."""
    found: int | None = document.get("beside", {}).get("refresh")
    return found


def _head(title: str, refresh: int | None) -> Element:
    """Return what stands before the page: nothing of it names another file."""
    sheet, digest = style_sheet()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", http_equiv="refresh", content=f"{refresh}") if refresh else None,
        element("title", title if len(title) <= _TITLE else f"{title[:_TITLE]}..."),
        element("link", rel="icon", href="data:,"),
        element("style", Verbatim(sheet)),
    )


@cache
def style_sheet() -> tuple[str, str]:
    """Return the style sheet and its SHA-256 in base64, by which the page allows it."""
    sheet = (files("lossurf.report.web") / "style.css").read_text("utf-8")
    return sheet, base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()


def _verdict(lines: tuple[Any, ...]) -> Element | None:
    if not lines:
        return None
    first, *rest = lines
    sign = _SIGNS[tone_of(first)]
    heading = element("h1", element("span", sign, class_="sign", aria_hidden="true") if sign else None, text_of(first))
    said = [element("p", text_of(line), class_=_tone(line)) for line in rest]
    return element("div", heading, said, class_=f"verdict {tone_of(first)}")


def _tone(line: Any) -> str | None:
    return None if tone_of(line) is Tone.PLAIN else f"tone {tone_of(line)}"


def _notes(page: Page) -> Element | None:
    if not page.notes:
        return None
    items = element("ul", [element("li", note) for note in page.notes])
    return element("section", element("h2", "Notes"), items, class_="notes", aria_label="Notes")


def _main(document: Document, page: Page, style: Style) -> Iterator[Element]:
    pictures = [figure(picture) for picture in pictures_of(document)]
    shown = [block for block in (*page.read, *page.blocks) if block.level <= 1]
    folded = [block for block in (*page.read, *page.blocks) if block.level > 1]
    words = element("div", [draw_block(block) for block in shown], class_="words")
    drawn = element("section", pictures, class_="pictures", aria_label="Pictures") if pictures else None
    beside = pictures and not any(isinstance(block, Grid) and len(block.header) > _NARROW for block in shown)
    yield element("div", words, drawn, class_="whole drawn" if beside else "whole")
    if page.next_steps:
        yield element("h2", "Next")
        yield element("ul", [element("li", _step(step)) for step in page.next_steps], class_="next")
    if folded:
        yield element("h2", "In detail")
        yield from (_folded(titled(block), [draw_block(block, titled=False)], style.verbosity > 1) for block in folded)
    yield from _single_ones(document)
    found = explanations(document)
    if found:
        yield element("h2", "What the words mean")
        yield from found
    yield element("h2", "Every number", class_="numbers")
    text = Verbatim(json_text.render({name: value for name, value in document.items() if name != "beside"}, style))
    numbers = element("pre", text, tabindex="0", role="region", aria_label="The document as JSON")
    yield element("details", element("summary", "The document, as --format json writes it"), numbers, class_="numbers")


def _step(step: str | Step) -> Iterator[Element | str]:
    if isinstance(step, Step):
        yield f"{step.why}: "
        yield command_line(step.command)
    else:  # commands in a sentence stand between backticks
        yield from (command_line(part) if k % 2 else part for k, part in enumerate(step.split("`")))


def _folded(summary: str, parts: list[Element], unfolded: bool) -> Element:
    return element("details", element("summary", summary), parts, open=unfolded)


def _single_ones(document: Document) -> Iterator[Element]:
    """Return what a report of each of many checkpoints alone would show, folded."""
    results = document.get("results", [])
    if document["command"] != "classify" or len(results) < 2:
        return
    yield element("h2", "Every checkpoint")
    for result in results:
        alone: Document = {**document, "results": [result], "notes": [], "beside": {}}
        page = page_of(alone)
        said = [element("p", text_of(line), class_=_tone(line)) for line in page.verdict]
        verdict = Cell("unreadable", Tone.BAD) if is_unreadable(result) else verdict_cell(result["verdict"])
        name = element("summary", f"{result['checkpoint']}: ", element("span", text_of(verdict), class_=_tone(verdict)))
        blocks = [draw_block(block) for block in page.blocks if block.level <= 1]
        drawn = [figure(picture) for picture in pictures_of(alone)]
        pictures = element("div", drawn, class_="pictures") if drawn else None
        yield element("details", name, said, blocks, pictures)


def _footer(document: Document) -> Element:
    beside = document.get("beside", {})
    versions = ", ".join(f"{name} {version}" for name, version in beside.get("versions", {}).items())
    made = f"Made by lossurf {document['lossurf_version']}{f' with {versions}' if versions else ''}"
    refresh = _refresh(document)
    again = f" but itself, every {refresh} seconds while it is being written," if refresh else ""
    typed = beside.get("typed") or f"lossurf {document['command']}"
    return element(
        "footer",
        element("p", command_line(typed)),
        element("p", f"{made}; document format {document['format_version']}."),
        element("p", f"This page holds everything it shows: it loads nothing{again} and runs nothing."),
    )
