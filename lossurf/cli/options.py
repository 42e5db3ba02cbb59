"""What commands share: their class, the options of data, checkpoints, widths and losses, and those of a report.

A command is declared as

    @click.command(cls=Command, examples=("lossurf check data",))
    @data_argument
    @report_options
    def command(source: DataSource, report: Reporter) -> ExitCode: ...

and ends with `return report(document, ok)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import wraps
from math import isnan
from pathlib import Path
from typing import Any

import click

from lossurf.cli.command import Command
from lossurf.cli.data_options import DataSource, data_argument, data_arguments, data_option
from lossurf.cli.headings import Heading, option_under, with_options
from lossurf.cli.output_file import OUTPUT_FILE
from lossurf.cli.reporting import Reporter
from lossurf.errors import UsageError
from lossurf.report.render import RENDERERS
from lossurf.words import LossName, Reduction

__all__ = [
    "Command",
    "DataSource",
    "checkpoint_argument",
    "checkpoint_arguments",
    "data_argument",
    "data_arguments",
    "data_option",
    "report_options",
    "stdout_report_options",
    "widths_option",
    "words_of",
]

Function = Callable[..., Any]

_FILE = click.Path(path_type=Path)
_of_network, _of_loss, _of_report = map(option_under, (Heading.NETWORK, Heading.LOSS, Heading.REPORT))
MOST_UNITS = 10**9  # of a layer: a matrix between two such has a size that a 64-bit machine can count


def require_number(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse nan, which no bound of an option refuses."""
    if value is not None and isnan(value):
        raise click.BadParameter("nan is no number", ctx, param)
    return value


def require_countable(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
    """Refuse more units than a layer can have."""
    if value is not None and value > MOST_UNITS:
        raise click.BadParameter(f"{value} is more than {MOST_UNITS} units", ctx, param)
    return value


def _parse_widths(ctx: click.Context, param: click.Parameter, value: object) -> tuple[int, ...] | None:
    """Return widths given as "10,4,3" on the command line or as a list in the configuration."""
    if value is None:
        return None
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    try:
        widths = tuple(int(part) for part in parts)  # type: ignore[attr-defined]  # a TypeError is told below
    except (TypeError, ValueError):
        raise click.BadParameter(f"'{value}' is not a list of widths such as 10,4,3", ctx, param) from None
    if min(widths, default=0) < 1 or len(widths) < 2:
        raise click.BadParameter(f"'{value}' must hold dx, the hidden widths and dy, each at least 1", ctx, param)
    if max(widths) > MOST_UNITS:
        raise click.BadParameter(f"'{value!s:.60}' holds a width of more than {MOST_UNITS} units", ctx, param)
    return widths


widths_option = _of_network(
    "--widths",
    type=click.UNPROCESSED,
    callback=_parse_widths,
    metavar="DX,...,DY",
    help="Widths of the network from inputs to outputs, such as 10,4,3.",
)


bias_option = _of_network(
    "--bias/--no-bias", default=False, help="The network has a bias on its output: centre X and Y."
)

tolerance_option = click.option(
    "--tolerance",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="TAU",
    help="Relative change of the layers that decides what counts as zero. Default: by the weights' precision.",
)


runs_option = click.option(
    "--runs",
    is_flag=True,
    help="Compare runs, a row each: every directory of checkpoints, or monitor's .jsonl, is one.",
)


def checkpoint_arguments(function: Function) -> Function:
    """Add the argument CHECKPOINT... and how its layers are read, handed on as `checkpoints`."""
    return _collect_checkpoints(
        function, click.argument("checkpoints", nargs=-1, required=True, type=_FILE, metavar="CHECKPOINT...")
    )


def checkpoint_argument(function: Function) -> Function:
    """Add the argument CHECKPOINT, a single one, and how its layers are read, handed on as `checkpoints`."""
    return _collect_checkpoints(function, click.argument("checkpoint", required=True, type=_FILE, metavar="CHECKPOINT"))


def _collect_checkpoints(function: Function, argument: Callable[[Function], Function]) -> Function:
    @wraps(function)
    def with_source(*args: Any, **kwargs: Any) -> Any:
        from lossurf.api.parts.networks import CheckpointFiles

        names = kwargs.pop("layers")
        layers = tuple(name.strip() for name in names.split(",")) if names else None
        paths = (kwargs.pop("checkpoint"),) if "checkpoint" in kwargs else tuple(kwargs.pop("checkpoints"))
        files = CheckpointFiles(
            paths=paths,
            layers=layers,
            orientation=kwargs.pop("orientation"),
            module=kwargs.pop("module", None),
            scale=_factor(kwargs.pop("scale", None)),
            max_memory=kwargs.get("max_memory"),  # of the data's options, which hand it on too
        )
        return function(*args, checkpoints=files, **kwargs)

    options = (
        argument,
        _of_network(
            "--layers",
            metavar="A,B,...",
            help="Names of the layers' weights, first to last, or patterns in quotes such as 'encoder.*'.",
        ),
        _of_network(
            "--orientation",
            type=click.Choice(["out-in", "in-out"]),
            help="How the files store a layer. Default: what names and shapes tell.",
        ),
        _of_network("--module", metavar="NAME", help="Module of a LoRA adapter, where it has several."),
        _of_network(
            "--scale",
            type=float,
            metavar="S",
            help="Factor of a LoRA adapter. Default: alpha / r, by its configuration.",
        ),
    )
    return with_options(with_source, options)


def _factor(scale: float | None) -> float | None:
    if scale is not None and not 1e-30 <= abs(scale) <= 1e30:
        raise UsageError(f"{scale:g} is no factor", where="--scale", remedy="give alpha / r, a number other than zero")
    return scale


def words_of(vocabulary: Iterable[StrEnum]) -> click.Choice[str]:
    """Return the choice among the words of a closed vocabulary."""
    return click.Choice([str(word) for word in vocabulary])


def loss_options(function: Function) -> Function:
    """Add `--loss` and `--delta`, handed on under these names."""
    options = (
        _of_loss(
            "--loss",
            type=words_of(LossName),
            default="squared",
            help="Loss that the network is trained on, summed over samples. Default: squared.",
        ),
        _of_loss("--delta", type=float, metavar="D", help="Error where Huber's loss becomes linear. Default: 1."),
    )
    return with_options(function, options)


tied_option = _of_loss(
    "--tied",
    is_flag=True,
    help="CHECKPOINT is the one matrix W of a tied autoencoder W^T W, or W and its transpose; Y is X.",
)

frozen_option = _of_loss(
    "--frozen",
    metavar="A,B,...",
    callback=lambda _ctx, _option, names: tuple(name.strip() for name in names.split(",")) if names else (),
    help="Names of layers that are not trained: the others alone are judged, or moved.",
)

weight_decay_option = _of_loss(
    "--weight-decay",
    type=float,
    metavar="WD",
    help="Weight decay that the optimizer was given; biases are taken as not decayed.",
)


def decay_options(function: Function) -> Function:
    """Add `--weight-decay` and `--reduction`, handed on under these names."""
    options = (
        weight_decay_option,
        _of_loss(
            "--reduction",
            type=words_of(Reduction),
            default="mean",
            help="What the optimizer's loss makes of the squares. Default: mean, as PyTorch's MSELoss.",
        ),
    )
    return with_options(function, options)


def report_options(function: Function) -> Function:
    """Add the options of a report, handed on as `report`."""

    @wraps(function)
    def collected(*args: Any, output: Path | None, **kwargs: Any) -> Any:
        report = _reporter(kwargs, output)
        with report.telling_errors(click.get_current_context().command_path.removeprefix("lossurf ")):
            return function(*args, report=report, **kwargs)

    return with_options(collected, (*_FORMAT_OPTIONS, _OUTPUT_OPTION, *_STYLE_OPTIONS))


def stdout_report_options(function: Function) -> Function:
    """Add the options of a report, without -o: for commands whose -o names the checkpoint that they write."""

    @wraps(function)
    def collected(*args: Any, **kwargs: Any) -> Any:
        report = _reporter(kwargs, None)
        with report.telling_errors(click.get_current_context().command_path.removeprefix("lossurf ")):
            return function(*args, report=report, **kwargs)

    return with_options(collected, (*_FORMAT_OPTIONS, *_STYLE_OPTIONS))


def _reporter(options: dict[str, Any], output: Path | None) -> Reporter:
    verbosity = 1 + options.pop("verbose") - options.pop("quiet")
    return Reporter(options.pop("format"), output, options.pop("color"), verbosity, [])


_FORMAT_OPTIONS = (
    _of_report(
        "--format",
        "-f",
        type=click.Choice(list(RENDERERS)),
        default="table",
        help="Form of the report. Default: table.",
    ),
)

_OUTPUT_OPTION = _of_report(
    "-o", "--output", type=OUTPUT_FILE, metavar="FILE", help="Write the report to FILE, whole or not at all."
)

_STYLE_OPTIONS = (
    _of_report(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour in tables; auto obeys NO_COLOR, FORCE_COLOR and TERM. Default: auto.",
    ),
    _of_report("-q", "--quiet", count=True, help="Say less: -q the verdict alone, -qq the exit code alone."),
    _of_report("-v", "--verbose", count=True, help="Say more."),
)
