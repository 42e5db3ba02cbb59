"""Standard output and standard error, which may be closed, full, or read by somebody who leaves."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from lossurf.errors import OutputError


def write_stdout(text: str) -> bool:
    """Write to standard output; where its reader has gone return False: the exit code still tells the answer."""
    if sys.stdout is None:  # started with standard output closed
        return False
    encoding = sys.stdout.encoding or "utf-8"
    with _stdout_errors_told():
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
        return True
    return False


def flush_stdout() -> None:
    """Flush what click printed, while a full disk can still be told."""
    if sys.stdout is not None:
        with _stdout_errors_told():
            sys.stdout.flush()


@contextmanager
def _stdout_errors_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        silence(sys.stdout)
        if error.errno != errno.EPIPE:
            raise stdout_error(error) from error


def stdout_error(error: OSError) -> OutputError:
    """Return what to tell of standard output that cannot be written."""
    return OutputError(
        f"the report cannot be written: {error.strerror}",
        where="standard output",
        remedy="free space there, or write elsewhere with -o FILE",
    )


def write_error(what: str, where: str | None, remedy: str) -> None:
    """Write an error as its three lines; control characters in user text are shown, not obeyed."""
    place = [f"  where: {where}"] if where else []
    write_lines([f"error: {what}", *place, f"  next:  {remedy}"])


def write_lines(lines: list[str]) -> None:
    """Write the lines of a message to standard error."""
    from lossurf.report.text import printable

    for index, line in enumerate(lines):
        write_stderr(printable(line if index else f"lossurf: {line}"))


def silence(stream: TextIO) -> None:
    """Point a stream at nothing, so that Python's flush at exit cannot fail a second time."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def write_stderr(text: str) -> None:
    """Write a line to standard error; where even that fails, the exit code alone has to tell."""
    if sys.stderr is None:  # started with standard error closed
        return
    encoding = sys.stderr.encoding or "ascii"
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=True)
    except OSError:
        silence(sys.stderr)
