"""`lossurf construct`: a checkpoint that is a critical point of the wanted kind on the user's data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from lossurf.cli.checkpoint_file import output_option, write_checkpoint
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    bias_option,
    data_option,
    decay_options,
    stdout_report_options,
    widths_option,
    words_of,
)
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError
from lossurf.words import CONSTRUCTED, STRICT_WAYS, DType


def _parse_eigen_set(ctx: click.Context, param: click.Parameter, value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    try:
        return tuple(int(part) for part in parts)  # type: ignore[attr-defined]  # a TypeError is told below
    except (TypeError, ValueError):
        raise click.BadParameter(f"'{value}' is not a list of numbers such as 1,3", ctx, param) from None


@click.command(
    "construct",
    cls=Command,
    examples=(
        "lossurf construct bad-saddle --data sample_data/wine --widths 10,4,2,3 -o saddle.npz",
        "lossurf construct strict-saddle --data sample_data/wine --widths 10,4,2,3 --eigen-set 1,3 -o saddle.npz",
    ),
)
@click.argument("kind", type=words_of(CONSTRUCTED), metavar="KIND")
@data_option
@widths_option
@click.option("--rank", type=click.IntRange(min=0), metavar="R", help="Rank of the product. Default: what KIND allows.")
@click.option(
    "--eigen-set",
    type=click.UNPROCESSED,
    callback=_parse_eigen_set,
    metavar="I,J,...",
    help="Eigenvectors of Sigma that the product carries, from 1. Default: the leading ones.",
)
@click.option(
    "--by",
    type=words_of(STRICT_WAYS),
    help="What makes a strict saddle strict: a larger eigenvalue left out, or inner tails at a best fit.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Of the random change of basis. Default: 0."
)
@click.option("--dtype", type=words_of(DType), default="float64", help="Stored precision. Default: float64.")
@bias_option
@decay_options
@output_option(required=True)
@stdout_report_options
def command(
    *,
    kind: str,
    source: DataSource,
    widths: tuple[int, ...] | None,
    rank: int | None,
    eigen_set: tuple[int, ...] | None,
    by: str | None,
    seed: int,
    dtype: str,
    bias: bool,
    weight_decay: float | None,
    reduction: str,
    output: Path,
    report: Reporter,
) -> ExitCode:
    """Write a checkpoint that is a critical point of KIND on the data: its loss is known, its type is proved.

    KIND is global-minimum, strict-saddle or bad-saddle; with --weight-decay local-minimum takes the place of the last.
    The point is classified before it is written; what no network of these widths can have is refused with the theorem
    that forbids it.
    """
    if widths is None:
        raise UsageError("the widths of the network are not said", where="--widths", remedy="give --widths DX,...,DY")
    from lossurf.api.construct import construct
    from lossurf.report.document import make_document

    data = load_data(source, report)
    made = construct(
        data,
        widths=widths,
        kind=kind,
        rank=rank,
        eigen_set=eigen_set,
        by=by,
        seed=seed,
        dtype=dtype,
        bias=bias,
        weight_decay=weight_decay,
        reduction=reduction,
    )
    write_checkpoint(output, made.checkpoint)
    return report(make_document("construct", replace(made, output=output)))
