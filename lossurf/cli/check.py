"""`lossurf check`: what the data allow."""

from __future__ import annotations

import click

from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    bias_option,
    data_argument,
    loss_options,
    report_options,
    widths_option,
)
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode


@click.command(
    "check",
    cls=Command,
    examples=("lossurf check sample_data/linnerud", "lossurf check sample_data/linnerud --widths 3,2,3 --format json"),
)
@data_argument
@widths_option
@bias_option
@loss_options
@report_options
def command(
    *,
    source: DataSource,
    widths: tuple[int, ...] | None,
    bias: bool,
    loss: str | None,
    delta: float | None,
    report: Reporter,
) -> ExitCode:
    """Check what DATA allow a deep linear network: hypotheses, spectrum of Sigma, optimal loss for every rank.

    DATA is a directory with one X.* and one Y.*, an .npz with arrays X and Y, or one table with --target COLUMN;
    ./data if left out. Exit code 1 says that a hypothesis of the theory fails or is undecided on these data.
    With another --loss: its least value over all linear maps, with a dual bound, and whether any weights have it.
    """
    from lossurf.api import check_problem
    from lossurf.report.document import make_document
    from lossurf.theory.samples import sample_facts
    from lossurf.words import Status

    if loss is not None:
        return _other_loss(source, widths, bias, (loss, delta), report)
    data = load_data(source, report)
    facts = sample_facts(data.dataset, data.problem(bias=True)) if data.dataset.dy == 1 else None
    result = check_problem(data.problem(bias=bias), widths, x=data.dataset.x, y=data.dataset.y, facts=facts)
    return report(make_document("check", result, other_loss=None), ok=result.status is Status.HOLDS)


def _other_loss(
    source: DataSource, widths: tuple[int, ...] | None, bias: bool, loss: tuple[str, float | None], report: Reporter
) -> ExitCode:
    from lossurf.api import check_problem, loss_facts
    from lossurf.cli.samples import load_for_loss
    from lossurf.report.document import make_document
    from lossurf.words import Status

    data, prepared = load_for_loss(source, report, *loss)
    result = check_problem(data.problem(bias=bias), widths, x=data.dataset.x, y=data.dataset.y)
    facts = loss_facts(prepared, widths, bias=bias)
    document = make_document("check", result, status=facts.status, other_loss=facts)
    return report(document, ok=facts.status is Status.HOLDS)
