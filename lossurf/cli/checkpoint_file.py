"""The options that name a checkpoint to write, and how it is written: always an .npz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.output_file import OUTPUT_FILE, write_file

if TYPE_CHECKING:
    from lossurf.api.parts.nouns import Checkpoint


def require_npz(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a file to write whose name does not say what it will be."""
    if value is not None and value.suffix.lower() != ".npz":
        raise click.BadParameter(f"'{value}' does not end in .npz, the format that is written", ctx, param)
    return value


def output_option(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option -o, the checkpoint to write."""
    return click.option(
        "-o",
        "--output",
        required=required,
        type=OUTPUT_FILE,
        callback=require_npz,
        metavar="FILE",
        help="Checkpoint to write, an .npz.",
    )


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under the names of its layers, whole or not at all."""
    from lossurf.output.npz import npz_bytes

    write_file(path, npz_bytes(checkpoint.arrays()))
