"""Write the man pages from the chapters of the manual: `lossurf.1` from the command reference, the others in section 7.

A test compares; the wheel installs them in share/man. The parser of markdown is the one that comes with rich.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lossurf import __version__

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "lossurf" / "manual"
PAGES = MANUAL / "man"
REFERENCE = "commands"
_PARSER = MarkdownIt("commonmark").enable("table")


def name_of(chapter: str) -> str:
    """Return the file name of a chapter's page."""
    return "lossurf.1" if chapter == REFERENCE else f"lossurf-{chapter}.7"


def path_of(chapter: str) -> Path:
    """Return where a chapter's page lies: in the folder of its section, as `man -M` wants it."""
    name = name_of(chapter)
    return PAGES / f"man{name[-1]}" / name


def page(chapter: str) -> str:
    """Return a chapter as a man page."""
    text = (MANUAL / f"{chapter}.md").read_text("utf-8")
    title, _, summary, *_ = text.splitlines()
    name, _, section = name_of(chapter).rpartition(".")
    about = summary.rstrip(".") if chapter != REFERENCE else "what kind of point a trained linear network is at"
    heading = title.removeprefix("# ")
    head = [
        f'.TH {escaped(name.upper())} {section} "" "lossurf {__version__}" "{heading}"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(about.replace('`', ''))}",
    ]
    if chapter == REFERENCE:
        head += [".SH SYNOPSIS", ".B lossurf", "COMMAND [OPTIONS] [ARGUMENTS]"]
    head += [".SH DESCRIPTION"]
    others = [
        f"\\fB{escaped(Path(name_of(other)).stem)}\\fR({name_of(other)[-1]})"
        for other in chapters()
        if other != chapter
    ]
    lines = [*head, *body(_PARSER.parse(text)[6:]), ".SH SEE ALSO", ",\n".join(others)]
    return "\n".join(line for line in lines if line) + "\n"


def chapters() -> list[str]:
    """Return the names of all chapters."""
    return sorted(path.stem for path in MANUAL.glob("*.md"))


def stored() -> list[Path]:
    """Return every page that is there."""
    return [path for path in PAGES.rglob("*") if path.is_file()]


def body(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the lines of a chapter's blocks."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open":
            yield f"{'.SH' if token.tag == 'h2' else '.SS'} {inline(tokens[at + 1], bold=False)}"
            at += 2
        elif token.type == "paragraph_open" and not token.hidden:
            yield f".PP\n{inline(tokens[at + 1])}" if token.level == 0 else inline(tokens[at + 1])
            at += 2
        elif token.type == "paragraph_open":
            yield inline(tokens[at + 1])
            at += 2
        elif token.type == "list_item_open":
            yield ".IP \\(bu 2"
        elif token.type == "fence":
            yield ".PP\n.RS 4\n.nf"
            yield "\n".join(escaped(line) for line in token.content.rstrip("\n").split("\n"))
            yield ".fi\n.RE"
        elif token.type == "table_open":
            end = next(k for k in range(at, len(tokens)) if tokens[k].type == "table_close")
            yield from table(tokens[at:end])
            at = end
        at += 1


def table(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield a table as tagged paragraphs: the first cell is the tag, the others follow with their column's name."""
    rows: list[list[Token]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token)
    names = [cell.content for cell in rows[0]]
    if " " in names[0]:
        yield f".SS {escaped(names[0])}"
    for row in rows[1:]:
        yield f".TP\n{inline(row[0])}" if row[0].content else ".TP\n\\&"
        told = [(name, cell) for name, cell in zip(names[1:], row[1:], strict=True) if cell.content]
        for index, (name, cell) in enumerate(told):
            said = inline(cell)
            yield said if index == 0 else f".br\n{escaped(name.capitalize())}: {said}" if name else said
        if not told:
            yield "\\&"


def inline(token: Token, *, bold: bool = True) -> str:
    """Return text with its emphasis."""
    fonts = {"strong_open": "\\fB", "em_open": "\\fI", "strong_close": "\\fR", "em_close": "\\fR"}
    parts = []
    for child in token.children or ():
        if child.type == "text":
            parts.append(escaped(child.content))
        elif child.type == "code_inline":
            parts.append(f"\\fB{escaped(child.content)}\\fR" if bold else escaped(child.content))
        elif child.type in fonts:
            parts.append(fonts[child.type] if bold else "")
        elif child.type == "softbreak":
            parts.append("\n")
    return "\n".join(guarded(line) for line in "".join(parts).split("\n"))


def escaped(text: str) -> str:
    """Return text that troff prints as it is."""
    return guarded(text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga"))


def guarded(line: str) -> str:
    """Return a line that does not begin as a request."""
    return f"\\&{line}" if line[:1] in {".", "'"} else line


def main() -> None:
    """Write every page, and take away those of chapters that are gone."""
    kept = {path_of(chapter) for chapter in chapters()}
    for path in stored():
        if path not in kept:
            path.unlink()
    for chapter in chapters():
        path_of(chapter).parent.mkdir(parents=True, exist_ok=True)
        path_of(chapter).write_text(page(chapter), "utf-8")


if __name__ == "__main__":
    main()
