"""`lossurf escape`: from a saddle to a checkpoint of lower loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lossurf.cli.checkpoint_file import output_option, write_checkpoint
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_argument,
    data_option,
    decay_options,
    frozen_option,
    require_number,
    stdout_report_options,
    tolerance_option,
    words_of,
)
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, OutputError, UsageError
from lossurf.words import DType

if TYPE_CHECKING:
    from lossurf.api.escape import EscapeResult
    from lossurf.api.parts.networks import CheckpointFiles


@click.command(
    "escape",
    cls=Command,
    examples=(
        "lossurf escape sample_data/wine/checkpoints/bad-saddle.npz --data sample_data/wine -o better.npz",
        "lossurf escape sample_data/wine/checkpoints/bad-saddle.npz --data sample_data/wine --to-minimum -o best.npz",
    ),
)
@checkpoint_argument
@data_option
@output_option(required=False)
@click.option("--to-minimum", is_flag=True, help="Walk the whole path, to the least loss of these widths.")
@click.option(
    "--at-least",
    type=click.FloatRange(min=0.0, min_open=True),
    callback=require_number,
    metavar="AMOUNT",
    help="The loss is to fall by at least this much. Default: to any lower point.",
)
@click.option(
    "--path",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the checkpoint at the end of every segment there: 00-start.npz, 01-tails.npz, ...",
)
@tolerance_option
@click.option("--dtype", type=words_of(DType), help="Precision to write. Default: the checkpoint's.")
@decay_options
@frozen_option
@stdout_report_options
def command(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    output: Path | None,
    to_minimum: bool,
    at_least: float | None,
    directory: Path | None,
    tolerance: float | None,
    dtype: str | None,
    weight_decay: float | None,
    reduction: str,
    frozen: tuple[str, ...],
    report: Reporter,
) -> ExitCode:
    """Write a checkpoint of strictly lower loss than the saddle CHECKPOINT.

    A strict saddle is left along its direction of negative curvature, a bad one by a closed-form path on which the loss
    never rises; --to-minimum follows that path to L*. Exit code 1, and nothing written, where there is no saddle.
    With --weight-decay --to-minimum descends to a point that is at least a local minimum of the regularised loss. With
    --frozen only the other layers move, to the least loss that they can reach.
    """
    if output is None and directory is None:
        raise UsageError("nothing says where to write", where="lossurf escape", remedy="give -o FILE or --path DIR")
    from lossurf.api.escape import escape
    from lossurf.report.document import make_document

    data = load_data(source, report)
    checkpoint = checkpoints.read_one(data.dx, data.dy, frozen=bool(frozen))
    with shown_progress(report, "the way down"):
        result = escape(
            checkpoint,
            data,
            to_minimum=to_minimum,
            at_least=at_least,
            tolerance=tolerance,
            dtype=dtype,
            weight_decay=weight_decay,
            reduction=reduction,
            frozen=frozen,
        )
    if result.moved:
        files = () if directory is None else tuple(_write_path(result, directory))
        if output is not None:
            write_checkpoint(output, result.lower)
        result = replace(result, output=output, files=files)
    return report(make_document("escape", result), ok=result.moved)


def _write_path(result: EscapeResult, directory: Path) -> Iterator[Path]:
    """Write the checkpoints of the path, from the start on, and yield their files."""
    _make_directory(directory)
    for number, (name, checkpoint) in enumerate(result.stops()):
        path = directory / f"{number:02d}-{name}.npz"
        write_checkpoint(path, checkpoint)
        yield path


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the directory cannot be made: {error.strerror or error}",
            where=str(directory),
            remedy="name a directory whose parent exists",
        ) from error
