"""`lossurf ci`: the file that a CI system wants, ready to be committed."""

from __future__ import annotations

from pathlib import Path

import click

from lossurf.cli.options import Command, words_of
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.streams import write_stdout
from lossurf.report.ci_files import SYSTEMS, Judgement
from lossurf.words import Verdict


@click.command(
    "ci",
    cls=Command,
    examples=(
        "lossurf ci github 'sample_data/wine/checkpoints/trained-*.npz' --data sample_data/wine",
        "lossurf ci gitlab 'runs/*.npz' --data data --expect global-minimum --expect undetermined -o gitlab-ci.yml",
        "lossurf ci pre-commit 'runs/*.npz'",
        "lossurf ci jenkins 'runs/*.npz'",
    ),
)
@click.argument("system", metavar="SYSTEM", type=click.Choice(list(SYSTEMS)))
@click.argument("checkpoints", metavar="CHECKPOINT...", nargs=-1, required=True)
@click.option("--data", default="data", metavar="PATH", help="Data that the checkpoints are judged on. Default: data.")
@click.option(
    "--expect",
    multiple=True,
    type=words_of(Verdict),
    default=("global-minimum",),
    help="Verdict that is accepted; repeat it for any of several. Default: global-minimum.",
)
@click.option("-o", "--output", type=OUTPUT_FILE, metavar="FILE", help="Write to FILE, whole or not at all.")
def command(system: str, checkpoints: tuple[str, ...], data: str, expect: tuple[str, ...], output: Path | None) -> None:
    """Print the file with which SYSTEM (github, gitlab, pre-commit or jenkins) judges each CHECKPOINT.

    Quote a pattern, such as 'runs/*.npz', so that it is the job that expands it. The file is complete: commit it under
    the name that its first line says.
    """
    text = SYSTEMS[system](Judgement(checkpoints, data, expect))
    if output is None or str(output) == "-":
        write_stdout(text)
    else:
        write_file(output, text.encode("utf-8", "backslashreplace"))
