"""`lossurf audit`: Theorem 2.3 and Corollary 2.4 shown on data."""

from __future__ import annotations

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import Command, DataSource, bias_option, data_argument, report_options, widths_option
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError


@click.command("audit", cls=Command, examples=("lossurf audit sample_data/linnerud --widths 3,2,2,3",))
@data_argument
@widths_option
@bias_option
@click.option(
    "--limit", type=click.IntRange(1), default=64, metavar="N", help="Build at most N critical levels. Default: 64."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, metavar="N", help="Of the bases points are written in. Default: 0."
)
@report_options
def command(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    limit: int,
    seed: int,
    report: Reporter,
) -> ExitCode:
    """Show Theorem 2.3 (i)-(iv) and Corollary 2.4 on DATA for a network of the given widths, level by level.

    Points of every critical level up to the limit are built, classified, left downhill and shown not to be maxima.
    Exit code 1 says that a statement was not shown.
    """
    if widths is None:
        raise UsageError("audit needs the network's widths", where="--widths", remedy="give --widths DX,HIDDEN,...,DY")
    from lossurf.api.audit import audit
    from lossurf.report.document import make_document

    data = load_data(source, report)
    with shown_progress(report, "levels") as progress:
        result = audit(data, widths=widths, bias=bias, limit=limit, seed=seed, progress=progress)
    return report(make_document("audit", result), ok=result.ok)
