"""`lossurf verify`: a written certificate's claim, derived again."""

from __future__ import annotations

from pathlib import Path

import click

from lossurf.cli.options import Command, DataSource, data_option, report_options
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode


@click.command(
    "verify",
    cls=Command,
    examples=(
        (
            "lossurf classify sample_data/wine/checkpoints/bad-saddle.npz --data sample_data/wine "
            "--certificate c.npz -q && lossurf verify c.npz --data sample_data/wine"
        ),
    ),
)
@click.argument("certificate", type=click.Path(path_type=Path, dir_okay=False), metavar="CERTIFICATE")
@data_option
@click.option("--any-tolerance", is_flag=True, help="Accept a tolerance easier than the default of the weights' dtype.")
@report_options
def command(*, certificate: Path, source: DataSource, any_tolerance: bool, report: Reporter) -> ExitCode:
    """Derive again what a CERTIFICATE written by classify --certificate claims: valid or not.

    The check is a short computation of its own with the certificate's matrices, given by either of its two files. With
    --data the matrices are also held against the data. A tolerance is part of a claim, and is said with it: 1e-8 for
    weights stored as float64, 1e-6 for float32, 1e-2 for half precision; a claim that needs an easier one is not valid
    without --any-tolerance. Of a tied autoencoder --data may name X alone. Exit code 1 says that the claim does not
    follow.
    """
    from lossurf.api.verify import is_about_tied, verify
    from lossurf.report.document import make_document

    data = None
    if source.named:
        data = (source.mirrored() if is_about_tied(certificate) else source).open()
    result = verify(certificate, data, any_tolerance=any_tolerance, max_memory=source.max_memory)
    report.note(*result.notes)
    return report(make_document("verify", result), ok=result.valid)
