"""`lossurf escape`: from a saddle to a checkpoint of lower loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lossurf.cli.checkpoint_file import named_arrays, output_option, write_checkpoint
from lossurf.cli.loading import CheckpointSource, load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_argument,
    data_option,
    require_number,
    stdout_report_options,
    tolerance_option,
    words_of,
)
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, OutputError, UsageError
from lossurf.words import DType

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.landscape.points.escape import Escape


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
@stdout_report_options
def command(
    *,
    checkpoints: CheckpointSource,
    source: DataSource,
    output: Path | None,
    to_minimum: bool,
    at_least: float | None,
    directory: Path | None,
    tolerance: float | None,
    dtype: str | None,
    report: Reporter,
) -> ExitCode:
    """Write a checkpoint of strictly lower loss than the saddle CHECKPOINT.

    A strict saddle is left along its direction of negative curvature, a bad one by a closed-form path on which the loss
    never rises; --to-minimum follows that path to L*. Exit code 1, and nothing written, where there is no saddle.
    """
    if output is None and directory is None:
        raise UsageError("nothing says where to write", where="lossurf escape", remedy="give -o FILE or --path DIR")
    from lossurf.api import data_facts
    from lossurf.landscape.points.escape import escape_point
    from lossurf.report.document import make_document

    data = load_data(source, report)
    checkpoint = checkpoints.read_one(data, source.max_memory)
    problem = data.problem(bias=checkpoint.has_bias)
    dtypes = _written_dtypes(checkpoint, dtype)
    result = escape_point(
        checkpoint, problem, to_minimum=to_minimum, at_least=at_least, tolerance=tolerance, dtypes=dtypes
    )
    files = _write(result, checkpoint, dtypes, output, directory) if result.moved else []
    facts = data_facts(problem, data.dataset.x, data.dataset.y)
    document = make_document(
        "escape",
        result,
        data=facts,
        output=output if result.moved else None,
        files=files,
        dtypes=dtypes,
        to_minimum=to_minimum,
        notes=checkpoint.notes,
    )
    return report(document, ok=result.moved)


def _written_dtypes(checkpoint: Checkpoint, dtype: str | None) -> tuple[str, ...]:
    """Return the precision of each layer: the one asked for, or the stored one where numpy has it."""
    if dtype is not None:
        return (dtype,) * len(checkpoint.dtypes)
    known = {**{str(name): str(name) for name in DType}, "bfloat16": "float32"}
    return tuple(known.get(stored, "float64") for stored in checkpoint.dtypes)


def _write(
    result: Escape, checkpoint: Checkpoint, dtypes: tuple[str, ...], output: Path | None, directory: Path | None
) -> list[Path]:
    """Write the path's checkpoints, then the end; return the files of the path."""
    files = []
    if directory is not None:
        _make_directory(directory)
        stops = [("start", result.start), *((str(segment.kind), segment.end) for segment in result.segments)]
        for number, (name, weights) in enumerate(stops):
            files.append(directory / f"{number:02d}-{name}.npz")
            precision = dtypes if number else ("float64",) * len(dtypes)  # the start loses nothing of what was read
            write_checkpoint(files[-1], named_arrays(weights.layers, weights.biases, precision, checkpoint))
    if output is not None:
        write_checkpoint(output, named_arrays(result.end.layers, result.end.biases, dtypes, checkpoint))
    return files


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the directory cannot be made: {error.strerror or error}",
            where=str(directory),
            remedy="name a directory whose parent exists",
        ) from error
