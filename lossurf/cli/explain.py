"""`lossurf explain`: any id that a report prints, in plain words."""

from __future__ import annotations

import click

from lossurf.cli.options import Command, report_options
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode


def _complete_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's
    from lossurf.api.explain import ids

    return [identifier for identifier in ids() if identifier.startswith(incomplete)]


@click.command(
    "explain",
    cls=Command,
    examples=("lossurf explain", "lossurf explain bad-saddle", "lossurf explain kawaguchi-2.3 --format json"),
)
@click.argument("identifier", metavar="[ID]", required=False, shell_complete=_complete_id)
@report_options
def command(identifier: str | None, report: Reporter) -> ExitCode:
    """Explain ID: a hypothesis, theorem, lemma, verdict, kind of certificate, status or exit code.

    Says what it states, why it matters, what to do, and where it comes from. Without ID, lists all.
    """
    from lossurf.api.explain import explained
    from lossurf.report.document import make_document

    return report(make_document("explain", explained(identifier)))
