"""`lossurf check`: what the data allow."""

from __future__ import annotations

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    bias_option,
    data_argument,
    decay_options,
    loss_options,
    report_options,
    widths_option,
)
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode
from lossurf.words import LossName, Status


@click.command(
    "check",
    cls=Command,
    examples=("lossurf check sample_data/linnerud", "lossurf check sample_data/linnerud --widths 3,2,3 --format json"),
)
@data_argument
@widths_option
@bias_option
@loss_options
@decay_options
@report_options
def command(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    loss: str,
    delta: float | None,
    weight_decay: float | None,
    reduction: str,
    report: Reporter,
) -> ExitCode:
    """Check what DATA allow a deep linear network: hypotheses, spectrum of Sigma, optimal loss for every rank.

    DATA is a directory with one X.* and one Y.*, an .npz with arrays X and Y, or one table with --target COLUMN;
    ./data if left out. Exit code 1 says that a hypothesis of the theory fails or is undecided on these data.
    With another --loss: its least value over all linear maps, with a dual bound, and whether any weights have it.
    With --weight-decay: the least loss of one hidden layer under that penalty, with a dual bound.
    """
    from lossurf.api.check import check
    from lossurf.report.document import make_document

    data = load_data(source, report, whole=loss != LossName.SQUARED)
    with shown_progress(report, "spectrum"):
        result = check(
            data, widths=widths, bias=bias, loss=loss, delta=delta, weight_decay=weight_decay, reduction=reduction
        )
    report.note(*result.notes)
    return report(make_document("check", result), ok=result.status is Status.HOLDS)
