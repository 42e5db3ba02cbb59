"""`lossurf schema`: the form of a JSON document, for those who read it by machine."""

from __future__ import annotations

from pathlib import Path

import click

from lossurf.api.parts.schema import schema_names, schema_text
from lossurf.cli.options import Command
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.streams import write_stdout


@click.command("schema", cls=Command, examples=("lossurf schema", "lossurf schema check -o check.schema.json"))
@click.argument("document", metavar="[DOCUMENT]", required=False, type=click.Choice(schema_names()))
@click.option("-o", "--output", type=OUTPUT_FILE, metavar="FILE", help="Write to FILE, whole or not at all.")
def command(document: str | None, output: Path | None) -> None:
    """Print the JSON Schema (2020-12) of a DOCUMENT, or the names of all that have one.

    NAME is what NAME --format json writes, NAME-line one line of --format jsonl, and watch-head the line above those
    that a monitor of lossurf.callbacks writes.
    """
    text = schema_text(document) if document else "".join(f"{name}\n" for name in schema_names())
    if output is None or str(output) == "-":
        write_stdout(text)
    else:
        write_file(output, text.encode())
