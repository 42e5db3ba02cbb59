"""`lossurf plot`: pictures of the spectrum, of the critical levels, and of the loss around a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    bias_option,
    checkpoint_argument,
    data_argument,
    data_option,
    stdout_report_options,
    widths_option,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from lossurf.api.parts.nouns import CheckpointFiles
    from lossurf.api.plot import Picture

_LEAST_INCHES, _MOST_INCHES = 1.0, 50.0


@click.group("plot", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Draw pictures that print and that a colour-blind reader can tell apart: .png, .svg or .pdf (extra plot).

    They are drawn from the document that --format json prints, and need no display.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(int(ExitCode.USAGE))


def _parse_size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    parts = value.lower().replace(",", "x").split("x")
    try:
        width, height = (float(part) for part in parts)
    except ValueError:
        raise click.BadParameter(f"'{value}' is not a size such as 7x4", ctx, param) from None
    if not all(_LEAST_INCHES <= side <= _MOST_INCHES for side in (width, height)):
        raise click.BadParameter(f"'{value}' is not between 1x1 and 50x50 inches", ctx, param)
    return width, height


def picture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add where the picture goes and how large it is."""
    output = click.option(
        "-o",
        "--output",
        required=True,
        type=OUTPUT_FILE,
        metavar="FILE",
        help="Picture to write: .png, .svg or .pdf.",
    )
    size = click.option("--size", callback=_parse_size, metavar="WxH", help="Width and height in inches, such as 7x4.")
    return output(size(function))


def _drawn(found: Picture, output: Path, form: str, size: tuple[float, float], report: Reporter) -> ExitCode:
    """Draw the picture, and report what it shows."""
    from lossurf.report.document import make_document
    from lossurf.report.figures.canvas import draw

    document = make_document("plot", replace(found, output=output))
    painter = import_module(f"lossurf.report.figures.{found.kind}").paint
    write_file(output, draw(painter, document, form, size))
    return report(document)


@command.command(
    "spectrum", cls=Command, examples=("lossurf plot spectrum sample_data/wine --widths 10,4,2,3 -o spectrum.png",)
)
@data_argument
@widths_option
@bias_option
@picture_options
@stdout_report_options
def spectrum(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    output: Path,
    size: tuple[float, float] | None,
    report: Reporter,
) -> ExitCode:
    """Draw the eigenvalues of Sigma with their error bars, and the best loss of every rank."""
    from lossurf.api.plot import spectrum as gather
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    found = gather(load_data(source, report), widths=widths, bias=bias)
    return _drawn(found, output, form, size or (7.5, 3.4), report)


@command.command(
    "levels", cls=Command, examples=("lossurf plot levels sample_data/wine --widths 10,4,3,3 -o levels.png",)
)
@data_argument
@widths_option
@bias_option
@picture_options
@stdout_report_options
def levels(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    output: Path,
    size: tuple[float, float] | None,
    report: Reporter,
) -> ExitCode:
    """Draw every critical value of a network of these widths, with the kinds of point that are found there."""
    if widths is None:
        raise UsageError("the widths of the network are not said", where="--widths", remedy="give --widths DX,...,DY")
    from lossurf.api.plot import levels as gather
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    found = gather(load_data(source, report), widths=widths, bias=bias)
    return _drawn(found, output, form, size or (6.4, 4.4), report)


@command.command(
    "surface",
    cls=Command,
    examples=(
        "lossurf plot surface sample_data/wine/checkpoints/strict-saddle.npz --data sample_data/wine -o surface.png",
    ),
)
@checkpoint_argument
@data_option
@click.option("--points", type=click.IntRange(11, 501), default=61, help="Along each axis. Default: 61.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of random directions. Default: 0.")
@picture_options
@stdout_report_options
def surface(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    points: int,
    seed: int,
    output: Path,
    size: tuple[float, float] | None,
    report: Reporter,
) -> ExitCode:
    """Draw the loss on a plane through CHECKPOINT, with the critical levels as dashed lines.

    The first direction is the certificate's at a strict saddle, the way of `escape` at a bad one, steepest descent
    where the gradient is not zero, and random at a minimum. Every value is exact, from the reduced problem.
    """
    from lossurf.api.plot import surface as gather
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    data = load_data(source, report)
    found = gather(checkpoints.read_one(data.dx, data.dy), data, points=points, seed=seed)
    report.note(*found.notes)
    return _drawn(found, output, form, size or (9.0, 4.0), report)
