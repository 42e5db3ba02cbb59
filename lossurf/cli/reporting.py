"""Where a report goes: standard output or a file, in the form and width that suit it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lossurf.cli.again import again
from lossurf.cli.chapters import remedy_of
from lossurf.cli.output_file import write_file
from lossurf.cli.streams import write_error, write_stderr, write_stdout
from lossurf.cli.terminal import said_columns, terminal_columns
from lossurf.errors import ExitCode, LossurfError, OutputError
from lossurf.report.document import Document
from lossurf.report.render import RENDERERS, Style
from lossurf.report.text import printable

if TYPE_CHECKING:
    from lossurf.api.parts.unreadable import Unreadable

_DEFAULT_WIDTH = 120
_FOR_CI = frozenset({"junit", "github"})
_NUMBERS_ALONE = frozenset({"json", "jsonl"})
_NARROWEST = 40  # below this a label and a number no longer fit side by side; the terminal wraps what it must


class Reporter(NamedTuple):
    """The options of a report, and the way to make it.

    Attributes
    ----------
    format : str
        A key of `report.render.RENDERERS`.
    output : Path or None
        A file; None or "-" is standard output.
    color : str
        "auto", "always" or "never".
    verbosity : int
        1 + how often --verbose minus how often --quiet was given.
    notes : list of str
        What the report must say of how the data were read.
    """

    format: str
    output: Path | None
    color: str
    verbosity: int
    notes: list[str]

    def __call__(self, document: Document, ok: bool = True) -> ExitCode:
        """Render the document, with the notes, where the options want it, and return the exit code for `ok`."""
        document = {**document, "notes": list(dict.fromkeys([*self.notes, *document.get("notes", ())]))}
        if self.format not in _NUMBERS_ALONE:
            document = {**document, "beside": {**_beside(self.format), **document.get("beside", {})}}
        text = RENDERERS[self.format](document, self._style())
        if self.to_file:
            write_file(Path(str(self.output)), text.encode("utf-8", "backslashreplace"))
        else:
            write_stdout(text)
        if self.format == "github":
            _append_summary(document)
        return ExitCode.OK if ok else ExitCode.NOT_MET

    def note(self, *texts: str) -> None:
        """Say in the report, and on standard error, what must be known to trust it; once."""
        for text in texts:
            if text not in self.notes:
                self.notes.append(text)
                self.say(text)

    def say(self, text: str) -> None:
        """Say something on standard error alone."""
        if self.verbosity >= 1:
            write_stderr(f"lossurf: {printable(text)}")

    def tell_unreadable(self, refused: Iterable[Unreadable]) -> ExitCode:
        """Tell files that were refused beside the report, and return the exit code of that."""
        for result in refused:
            write_error(result.error.what, result.error.where, remedy_of(result.exception))
        return ExitCode.USAGE

    @contextmanager
    def telling_errors(self, command: str) -> Iterator[None]:
        """Report an error in the formats that a CI system reads, too, before it ends the command."""
        try:
            yield
        except LossurfError as error:
            if self.format in _FOR_CI:
                from lossurf.api.parts.unreadable import ErrorFacts
                from lossurf.report.document import make_document

                self(make_document(command, error=ErrorFacts.of(error)))
            raise

    @property
    def for_programs(self) -> bool:
        """Whether programs, which look for every result in it, read the report."""
        return self.format not in {"table", "markdown", "html"}

    @property
    def to_file(self) -> bool:
        """Whether the report goes to a file."""
        return self.output is not None and str(self.output) != "-"

    def _style(self) -> Style:
        return text_style(self.color, to_file=self.to_file, verbosity=self.verbosity)


def text_style(color: str = "auto", *, to_file: bool = False, verbosity: int = 1) -> Style:
    """Return the layout of text on standard output or in a file."""
    return Style(
        width=_width(on_terminal=not to_file),
        color=_wants_color(color, on_terminal=not to_file),
        ascii=not to_file and not _shows_unicode(),
        verbosity=verbosity,
    )


def _beside(form: str) -> dict[str, Any]:
    """Return what a page tells beside the document: what was typed and, in a file to be kept, by which versions."""
    ctx = click.get_current_context()
    beside: dict[str, Any] = {"again": again(ctx)}
    if form == "html":
        from importlib.metadata import version
        from platform import python_version

        beside["typed"] = shlex.join(["lossurf", *(ctx.find_root().obj or ())])
        beside["versions"] = {"Python": python_version(), "numpy": version("numpy"), "scipy": version("scipy")}
    return beside


def _append_summary(document: Document) -> None:
    """Append the report to the job's summary page, if this runs in a GitHub workflow."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = RENDERERS["markdown"](document, Style())
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")
    except OSError as error:
        raise OutputError(
            f"the job summary cannot be written: {error.strerror}",
            where=f"GITHUB_STEP_SUMMARY = {path}",
            remedy="point the variable at a file that can be written, or unset it",
        ) from error


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _width(*, on_terminal: bool) -> int:
    columns = said_columns() or (terminal_columns() if on_terminal else None)
    return max(columns or _DEFAULT_WIDTH, _NARROWEST)


def _wants_color(choice: str, *, on_terminal: bool) -> bool:
    """Decide on colour: the option, then NO_COLOR (no-color.org), then FORCE_COLOR, then what standard output is."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return on_terminal and _is_terminal() and os.environ.get("TERM") != "dumb"


def _shows_unicode() -> bool:
    """Whether standard output takes Unicode: its encoding and, where that is a guess, the locale behind it.

    Python calls the bare C locale UTF-8 (PEP 540), which says nothing about the terminal or log that shows the report.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    if "utf" not in encoding:
        return False
    if os.name == "nt" or os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return True
    names = ["LC_ALL", "LANG"] if sys.flags.utf8_mode else ["LC_ALL", "LC_CTYPE", "LANG"]  # PEP 538 sets LC_CTYPE then
    locale = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "utf" in locale.lower()
