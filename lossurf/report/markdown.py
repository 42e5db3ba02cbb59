"""The report as GitHub-flavoured markdown, for a pull request or a job summary."""

from __future__ import annotations

import re

from lossurf.report.document import Document
from lossurf.report.page import Block, Facts, Grid, Step, Text, page_of, quiet_lines, text_of
from lossurf.report.render import Style
from lossurf.report.text import printable

_SPECIAL = re.compile(r"([\\`*\[\]|~])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")


def render(document: Document, style: Style) -> str:
    """Return the page as markdown; the verdict is its first sentence."""
    page = page_of(document)
    first, *rest = quiet_lines(page) if style.verbosity < 1 else page.verdict
    verdict = "\n".join([f"**{_inline(first)}**", *[_inline(line) for line in rest]])
    if style.verbosity < 1:
        return f"{verdict}\n" if style.verbosity == 0 else ""
    blocks = [block for block in (*page.read, *page.blocks) if block.level <= style.verbosity]
    parts = [f"## {escape(page.title)}", verdict, *_joined(blocks, style)]
    if page.next_steps:
        parts.append("**Next**\n\n" + "\n".join(f"- {_step(step)}" for step in page.next_steps))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Return user text that markdown and HTML show as it is."""
    shown = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda match: "\\" + match[0], shown)


def _step(step: str | Step) -> str:
    if not isinstance(step, Step):
        return escape(step)
    command = printable(step.command)
    fence = "`" * (1 + max(map(len, re.findall("`+", command)), default=0))
    room = " " if len(fence) > 1 else ""
    return f"{escape(step.why)}: {fence}{room}{command}{room}{fence}"


def _joined(blocks: list[Block], style: Style) -> list[str]:
    """Draw blocks; facts that follow facts join their list, which a blank line would pull apart."""
    parts: list[str] = []
    previous: Block | None = None
    for block in blocks:
        drawn = _draw(block, style)
        if parts and isinstance(block, Facts) and isinstance(previous, Facts) and not block.title:
            parts[-1] += f"\n{drawn}"
        else:
            parts.append(drawn)
        previous = block
    return parts


def _draw(block: Block, style: Style) -> str:
    title = [f"**{escape(block.title)}**"] if block.title else []
    if isinstance(block, Grid):
        body = _grid(block, style)
    elif isinstance(block, Facts):
        body = "\n".join(f"- {escape(label)}: {_inline(value)}" for label, value in block.items)
    else:
        body = "\n".join(f"- {_inline(line)}" for line in block.lines)
    return "\n\n".join([*title, body])


def _grid(block: Grid, style: Style) -> str:
    rules = ["---:" if name in block.numeric else "---" for name in block.header]
    rows = [block.header, rules, *block.shown_rows(style.verbosity)]
    cells = [[text_of(text) if row is rules else _inline(text) for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _inline(cell: Text) -> str:
    return escape(text_of(cell))
