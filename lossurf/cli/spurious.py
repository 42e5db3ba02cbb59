"""`lossurf spurious`: a bad local minimum of a ReLU-like network on the user's data, and a better point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    data_argument,
    require_countable,
    stdout_report_options,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError
from lossurf.words import PIECEWISE_LINEAR_NAMES, ActivationName

if TYPE_CHECKING:
    from lossurf.api.spurious import SpuriousResult


def _parse_slopes(ctx: click.Context, param: click.Parameter, value: object) -> tuple[float, float] | None:
    """Return slopes given as "1,0.1" on the command line or as a list in the configuration."""
    if value is None:
        return None
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    try:
        positive, negative = (float(part) for part in parts)  # type: ignore[attr-defined]  # a TypeError is told below
    except (TypeError, ValueError):
        raise click.BadParameter(f"'{value}' is not a pair of slopes such as 1,0.1", ctx, param) from None
    return positive, negative


@click.command(
    "spurious",
    cls=Command,
    examples=(
        "lossurf spurious sample_data/diabetes",
        "lossurf spurious sample_data/diabetes --hidden-width 8 -o minimum.npz --better better.npz",
        "lossurf spurious --counterexample tanh --format json",
    ),
)
@data_argument
@click.option(
    "--hidden-width",
    type=click.IntRange(min=1),
    callback=require_countable,
    metavar="N",
    help="Hidden units. Default: rank + 1.",
)
@click.option("--activation", type=words_of(PIECEWISE_LINEAR_NAMES), help="Of the hidden units. Default: relu.")
@click.option(
    "--slopes",
    type=click.UNPROCESSED,
    callback=_parse_slopes,
    metavar="S+,S-",
    help="Slopes right and left of the kink, instead of --activation.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Of random directions and starts. Default: 0."
)
@click.option("-o", "--output", type=OUTPUT_FILE, metavar="FILE", help="Write the least-squares point to this .npz.")
@click.option("--better", type=OUTPUT_FILE, metavar="FILE", help="Write the better point to this .npz.")
@click.option(
    "--counterexample",
    type=words_of(ActivationName),
    help="Show three samples on which this activation has a spurious minimum, instead of DATA.",
)
@click.option("--dataset", type=OUTPUT_FILE, metavar="FILE", help="Write the counterexample's X and Y to this .npz.")
@stdout_report_options
def command(
    *,
    source: DataSource,
    hidden_width: int | None,
    activation: str | None,
    slopes: tuple[float, float] | None,
    seed: int,
    output: Path | None,
    better: Path | None,
    counterexample: str | None,
    dataset: Path | None,
    report: Reporter,
) -> ExitCode:
    """Find a spurious local minimum that a network with one hidden layer has on DATA, and a better point.

    The network is W2 h(W1 x + b1) + b2 with h ReLU-like. Its least-squares point is written down, certified as a local
    minimum by a radius, and compared with a better point in exact arithmetic. Both files hold float64 arrays under the
    names of torch.nn.Sequential(Linear, activation, Linear). Exit code 1 says that a file was asked for and not
    written: no better point was found, or rounding to float64 takes the least-squares point off its loss.
    """
    from lossurf.report.document import make_document

    files = {"minimum_file": output, "better_file": better, "dataset_file": dataset}
    _require_consistent(source, activation, slopes, tuple(files.values()), counterexample)
    if counterexample is not None:
        from lossurf.api.spurious import counterexample as show

        result = show(counterexample, hidden_width=hidden_width or 2, seed=seed)
    else:
        from lossurf.api.spurious import spurious

        data, chosen = load_data(source, report, whole=True), activation or "relu"
        with shown_progress(report, "search for a better point"):
            result = spurious(data, hidden_width=hidden_width, activation=chosen, slopes=slopes, seed=seed)
    written = dict(_write(result, files))
    asked = [path for path in files.values() if path is not None]
    return report(make_document("spurious", replace(result, **written)), ok=len(written) == len(asked))


def _write(result: SpuriousResult, files: dict[str, Path | None]) -> Iterator[tuple[str, Any]]:
    """Write what was asked for and is there; yield the names of the files' fields, and the files."""
    from lossurf.output.npz import npz_bytes

    of = result.counterexample
    arrays = {
        "dataset_file": None if of is None else {"X": of.X, "Y": of.Y},
        "minimum_file": None if result.minimum is None else result.minimum.state_dict(),
        "better_file": None if result.better is None else result.better.state_dict(),
    }
    for name, found in arrays.items():
        path = files[name]
        if path is not None and found is not None:
            write_file(path, npz_bytes(found))
            yield name, path


def _require_consistent(
    source: DataSource,
    activation: str | None,
    slopes: tuple[float, float] | None,
    files: tuple[Path | None, ...],
    counterexample: str | None,
) -> None:
    if activation is not None and slopes is not None:
        raise UsageError("--activation and --slopes both say what the activation is", remedy="give one of them")
    if counterexample is not None and (activation is not None or slopes is not None or _names_data(source)):
        raise UsageError(
            "--counterexample brings its own activation and data",
            where="lossurf spurious",
            remedy="leave out DATA, --activation and --slopes",
        )
    if counterexample is None and files[2] is not None:
        raise UsageError("--dataset writes the data of --counterexample", remedy="add --counterexample ACTIVATION")
    named = [path.resolve() for path in files if path is not None]
    if len(set(named)) < len(named):
        raise UsageError("two files to write have the same name", where=str(named[0]), remedy="name different files")


def _names_data(source: DataSource) -> bool:
    context = click.get_current_context()
    given = (name for name in ("data", "x", "y") if getattr(source, "path" if name == "data" else name) is not None)
    return any(context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE for name in given)
