"""`lossurf plot`: pictures of the spectrum, of the critical levels, and of the loss around a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lossurf.cli.headings import Heading, option_under, with_options
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    bias_option,
    checkpoint_argument,
    checkpoint_arguments,
    data_argument,
    data_option,
    decay_options,
    runs_option,
    stdout_report_options,
    tolerance_option,
    widths_option,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from lossurf.api.parts.networks import CheckpointFiles
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


class Look(NamedTuple):
    """How a picture is to look.

    Attributes
    ----------
    width, height : float or None
        Inches; None is what suits the picture.
    theme : str
        A key of `canvas.THEMES`.
    """

    width: float | None
    height: float | None
    theme: str


_option = option_under(Heading.PICTURE)


def _parse_size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    parts = value.lower().replace(",", "x").split("x")
    try:
        sides = [float(part) for part in parts]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise click.BadParameter(f"'{value}' is not a size such as 7x4, or a width such as 3.3", ctx, param) from None
    if not all(_LEAST_INCHES <= side <= _MOST_INCHES for side in sides):
        raise click.BadParameter(f"'{value}' is not between 1x1 and 50x50 inches", ctx, param)
    return sides[0], sides[1] if len(sides) == 2 else None


def picture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add where the picture goes and how it looks, handed on as `output` and `look`."""

    @wraps(function)
    def collected(*args: Any, size: tuple[float | None, float | None], theme: str, **kwargs: Any) -> Any:
        return function(*args, look=Look(*size, theme), **kwargs)

    options = (
        _option(
            "--size",
            callback=_parse_size,
            metavar="W[xH]",
            help="Width and height in inches, such as 7x4, or the width alone: 3.3 is one column of a journal.",
        ),
        _option(
            "--theme",
            type=click.Choice(["light", "dark"]),
            default="light",
            help="Dark lines on a light ground, or light ones on a dark. Default: light.",
        ),
        _option(
            "-o",
            "--output",
            required=True,
            type=OUTPUT_FILE,
            metavar="FILE",
            help="Picture to write: .png, .svg or .pdf.",
        ),
    )
    return with_options(collected, options)


def _drawn(found: Picture, output: Path, form: str, look: Look, report: Reporter) -> ExitCode:
    """Draw the picture, and report what it shows."""
    from lossurf.report.document import make_document

    document = make_document("plot", replace(found, output=output))
    _draw(document, found.kind, output, form, look)
    return report(document)


def _draw(document: dict[str, Any], kind: str, output: Path, form: str, look: Look) -> None:
    from lossurf.report.figures.canvas import draw, size_of

    painter = import_module(f"lossurf.report.figures.{kind}").paint
    size = size_of(kind, look.width, look.height)
    write_file(output, draw(painter, document, form, size, theme=look.theme))


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
    look: Look,
    report: Reporter,
) -> ExitCode:
    """Draw the eigenvalues of Sigma with their error bars, and the best loss of every rank."""
    from lossurf.api.plot import spectrum as gather
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    found = gather(load_data(source, report), widths=widths, bias=bias)
    return _drawn(found, output, form, look, report)


@command.command(
    "levels", cls=Command, examples=("lossurf plot levels sample_data/wine --widths 10,4,3,3 -o levels.png",)
)
@data_argument
@widths_option
@bias_option
@decay_options
@picture_options
@stdout_report_options
def levels(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    weight_decay: float | None,
    reduction: str,
    output: Path,
    look: Look,
    report: Reporter,
) -> ExitCode:
    """Draw every critical value of a network of these widths, with the kinds of point that are found there."""
    if widths is None:
        raise UsageError("the widths of the network are not said", where="--widths", remedy="give --widths DX,...,DY")
    from lossurf.api.plot import levels as gather
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    found = gather(load_data(source, report), widths=widths, bias=bias, weight_decay=weight_decay, reduction=reduction)
    return _drawn(found, output, form, look, report)


@command.command(
    "surface",
    cls=Command,
    examples=(
        "lossurf plot surface sample_data/wine/checkpoints/strict-saddle.npz --data sample_data/wine -o surface.png",
    ),
)
@checkpoint_argument
@data_option
@click.option("--points", type=click.IntRange(11, 501), metavar="N", default=61, help="Along each axis. Default: 61.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Of random directions. Default: 0.")
@picture_options
@stdout_report_options
def surface(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    points: int,
    seed: int,
    output: Path,
    look: Look,
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
    return _drawn(found, output, form, look, report)


@command.command(
    "run", cls=Command, examples=("lossurf plot run 'sample_data/wine/run/*.npz' --data sample_data/wine -o run.svg",)
)
@checkpoint_arguments
@data_option
@runs_option
@tolerance_option
@decay_options
@picture_options
@stdout_report_options
def run(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    runs: bool,
    tolerance: float | None,
    weight_decay: float | None,
    reduction: str,
    output: Path,
    look: Look,
    report: Reporter,
) -> ExitCode:
    """Draw a training run: the loss between the critical levels, what is left above L*, and the gradient measure.

    The report is that of `watch`. A figure too low for three panels has the first two, or the losses alone.
    """
    from lossurf.cli.watch import begun, gathered, steps_of
    from lossurf.report.document import make_document
    from lossurf.report.figures.canvas import require_form

    form = require_form(output)
    watching = begun(
        checkpoints,
        source,
        report,
        runs=runs,
        tolerance=tolerance,
        weight_decay=weight_decay,
        reduction=reduction,
    )
    steps = steps_of(watching, report)
    result = gathered(watching, steps, output, report)
    document = make_document("watch", result)
    _draw(document, "run", output, form, look)
    code = report(document, ok=result.ok)
    return report.tell_unreadable(result.unreadable) if result.unreadable else code
