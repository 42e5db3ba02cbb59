"""`lossurf spurious`: a bad local minimum of a ReLU-like network on the user's data, and a better point."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.options import (
    Command,
    DataSource,
    data_argument,
    require_countable,
    stdout_report_options,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError
from lossurf.words import PIECEWISE_LINEAR_NAMES, ActivationName

if TYPE_CHECKING:
    from lossurf.nonlinear.spurious.counterexample import Counterexample
    from lossurf.nonlinear.spurious.shallow import ShallowNetwork
    from lossurf.report.document import Document


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
@click.option("--activation", type=words_of(PIECEWISE_LINEAR_NAMES), help="Default: relu.")
@click.option(
    "--slopes",
    type=click.UNPROCESSED,
    callback=_parse_slopes,
    metavar="S+,S-",
    help="Slopes right and left of the kink, instead of --activation.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of random directions and starts. Default: 0.")
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
    from lossurf.report.document import plain

    _require_consistent(source, activation, slopes, (output, better, dataset), counterexample)
    if counterexample is not None:
        from lossurf.nonlinear.spurious.counterexample import counterexample as construct

        shown = construct(counterexample, hidden_width or 2)
        if dataset is not None:
            _write_npz(dataset, {"X": shown.X, "Y": shown.Y})
        document: Document = _counterexample_document(shown, seed)
        minimum: ShallowNetwork | None = shown.minimum
        found = shown.better
    else:
        document, minimum, found = _analyse(source, report, (activation or "relu", slopes), hidden_width, seed)
    points = {"minimum_file": (output, minimum), "better_file": (better, found)}
    written = {name: path for name, (path, network) in points.items() if path is not None and network is not None}
    for path, network in points.values():
        if path is not None and network is not None:
            _write_npz(path, network.state_dict())
    asked = [name for name, (path, _) in points.items() if path is not None]
    files = {"minimum_file": None, "better_file": None, **written, "dataset_file": dataset}
    return report({**document, **plain(files)}, ok=len(written) == len(asked))


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


def _analyse(
    source: DataSource,
    report: Reporter,
    activation: tuple[str, tuple[float, float] | None],
    hidden_width: int | None,
    seed: int,
) -> tuple[Document, ShallowNetwork | None, ShallowNetwork | None]:
    from lossurf.api import DataFacts
    from lossurf.cli.samples import load_samples
    from lossurf.nonlinear.spurious.activations import piecewise_linear
    from lossurf.nonlinear.spurious.decide import find_spurious
    from lossurf.report.document import make_document

    function = piecewise_linear(*activation)
    data, X, Y = load_samples(source, report)
    result = find_spurious(X, Y, function, hidden_width=hidden_width, seed=seed)
    facts = DataFacts(data.x, data.y, X.shape[0], data.dx, data.dy, data.dtype, True, result.rank_x)
    document = make_document(
        "spurious",
        {"data": facts},
        result,
        activation={"name": function.name, "slopes": function.slopes},
        counterexample=None,
        seed=seed,
    )
    return document, result.minimum, result.better


def _counterexample_document(shown: Counterexample, seed: int) -> Document:
    from lossurf.api import DataFacts
    from lossurf.report.document import make_document

    name = f"counterexample of {shown.activation.name}"
    return make_document(
        "spurious",
        data=DataFacts(name, name, 3, 2, 1, "float64", True, 1),
        activation={"name": shown.activation.name, "slopes": None},
        hidden_width=shown.hidden_width,
        rank=0,  # the best affine map is the constant 1/3
        verdict=shown.verdict,
        reason=shown.reason,
        linear_loss=shown.linear_loss,
        loss=shown.loss,
        radius=shown.radius,
        relative_radius=shown.relative_radius,
        defect=shown.loss_error,
        groups=3,
        attainable=shown.linear_loss,
        better_loss=shown.better_loss,
        better_kind=None if shown.better is None else "zero-loss",
        drop=shown.drop,
        relative_drop=shown.relative_drop,
        minimal_drop=None,
        counterexample={"X": shown.X, "Y": shown.Y, "convex_interval": shown.convex_interval},
        seed=seed,
    )


def _write_npz(path: Path, arrays: dict[str, Any]) -> None:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_file(path, buffer.getvalue())
