"""The manual: chapters that come with the package as Markdown, shown as text."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import Final

from lossurf.errors import UsageError
from lossurf.report.render import Style

_FOLDER: Final = "manual"
_WIDEST: Final = 100  # columns; a longer line of prose is not read to its end


def chapters() -> dict[str, str]:
    """Return every chapter's name with its one line, the paragraph below its title, in alphabetical order."""
    found = (files("lossurf") / _FOLDER).iterdir()
    names = sorted(entry.name.removesuffix(".md") for entry in found if entry.name.endswith(".md"))
    return {name: chapter(name).split("\n\n")[1].replace("\n", " ") for name in names}


def chapter(topic: str) -> str:
    """Return a chapter as Markdown.

    Raises
    ------
    UsageError
        If there is none of that name; the nearest is suggested.
    """
    entry = files("lossurf") / _FOLDER / f"{topic}.md"
    if "/" in topic or "\\" in topic or "\0" in topic or not entry.is_file():
        from difflib import get_close_matches

        near = get_close_matches(topic, list(chapters()), n=1)
        remedy = f"did you mean '{near[0]}'?" if near else "run 'lossurf help' for the list"
        raise UsageError(f"the manual has no chapter {topic!r}", where="TOPIC", remedy=remedy)
    return entry.read_text("utf-8")


def draw_chapter(topic: str, style: Style) -> str:
    """Return a chapter laid out for a terminal.

    Raises
    ------
    UsageError
    """
    from rich.markdown import Markdown

    return _drawn(Markdown(chapter(topic), hyperlinks=False), style)


def draw_contents(style: Style) -> str:
    """Return the list of chapters, a line each."""
    from rich.table import Table

    table = Table.grid(padding=(0, 3))
    for name, line in chapters().items():
        table.add_row(name, line)
    return _drawn(table, style)


def _drawn(what: object, style: Style) -> str:
    from rich.console import Console

    file = io.StringIO()
    Console(
        file=file,
        width=min(style.width, _WIDEST),
        force_terminal=style.color,
        color_system="standard" if style.color else None,
        no_color=not style.color,
        legacy_windows=False,
        emoji=False,
        highlight=False,
        safe_box=style.ascii,
        _environ={},  # width and colour were decided once, by the caller
    ).print(what)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())
