"""`lossurf demo`: the first commands on a sample, each as it is typed and with what it prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Final

import click

from lossurf.cli.options import Command
from lossurf.cli.streams import write_stdout
from lossurf.errors import ExitCode

_STUCK: Final = "wine/checkpoints/bad-saddle-float32.npz"
_STEPS: Final = (
    ("178 wines, three properties to be told from ten others: what is possible?", "check wine --widths 10,4,2,3"),
    ("Nine checkpoints of such a network: where are they?", "classify wine/checkpoints/*.npz --data wine"),
    ("One that is stuck, though no second derivative is negative.", f"classify {_STUCK} --data wine"),
    ("A way out of it, to the least loss there is.", f"escape {_STUCK} --data wine --to-minimum -o better.npz"),
    ("Is it there?", "classify better.npz --data wine --quiet"),
    ("The same as a page for a browser.", "classify better.npz --data wine --format html -o report.html"),
)
"""What is shown, in order, and why it is asked."""


@click.command("demo", cls=Command, examples=("lossurf demo", "lossurf demo --keep shown"))
@click.option(
    "-o",
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write to DIR, a new directory, and keep it. Default: a temporary one, which is taken away at the end.",
)
def command(keep: Path | None) -> int:
    """Show the first commands on data and checkpoints that come with lossurf.

    Each command stands above its report as you would type it. They run in a copy of the sample, and what they write is
    kept only where you name a directory for it.
    """
    from lossurf.output.sample import sample_copy

    with sample_copy(keep) as place:
        with chdir(place):
            code = _show()
        if code != ExitCode.OK:
            raise click.exceptions.Exit(code)
    write_stdout(_farewell(keep))
    return ExitCode.OK


def _show() -> int:
    """Run every command until one fails, and return the exit code of the last."""
    from lossurf.cli import group
    from lossurf.cli.boundary import run

    code: int = ExitCode.OK
    for number, (why, typed) in enumerate(_STEPS, start=1):
        write_stdout(f"# {number} of {len(_STEPS)}: {why}\n$ lossurf {typed}\n")
        code = run(group, list(_expanded(typed)))
        if code != ExitCode.OK:
            break
        write_stdout("\n")
    return code


def _expanded(typed: str) -> Iterator[str]:
    """Yield the words of a command, patterns as the files that they match, as a shell does."""
    for word in shlex.split(typed):
        yield from sorted(path.as_posix() for path in Path().glob(word)) if "*" in word else [word]


def _farewell(keep: Path | None) -> str:
    if keep is None:
        return "The files are gone again. To keep them: lossurf demo --keep DIR\n"
    return f"{keep} holds the data, the checkpoints, better.npz and report.html.\n"
