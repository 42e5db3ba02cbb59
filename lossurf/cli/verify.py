"""`lossurf verify`: a written certificate's claim, derived again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lossurf.cli.options import Command, DataSource, data_option, report_options
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode

if TYPE_CHECKING:
    from lossurf.numerics import Matrix


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
    without --any-tolerance. Exit code 1 says that the claim does not follow.
    """
    from lossurf.certificates.stored import read_certificate
    from lossurf.certificates.verify import verify_certificate
    from lossurf.report.document import make_document

    stored = read_certificate(certificate, max_memory=source.max_memory)
    result = verify_certificate(stored, any_tolerance=any_tolerance)
    if any(place is not None for place in (source.path, source.x, source.y)) or source.autoencoder:
        from lossurf.certificates.against_data import data_checks

        further = data_checks(stored, _rows(source, report))
        result = replace(
            result, valid=result.valid and all(check.ok for check in further), checks=result.checks + further
        )
    return report(make_document("verify", result), ok=result.valid)


def _rows(source: DataSource, report: Reporter) -> Iterator[tuple[Matrix, Matrix, Matrix]]:
    """Yield the rows [1 x y] of the data, or of the triangular factor that a summary of them holds."""
    import numpy as np

    dataset = source.open()
    if dataset.summary is not None:
        held, dx = dataset.summary, dataset.dx
        rows = held.triangle + np.outer(held.triangle[:, 0], held.shift)
        yield rows[:, 0], rows[:, 1 : 1 + dx], rows[:, 1 + dx :]
        return
    for X, Y in dataset.blocks():
        yield np.ones(len(X)), X, Y
    for note in dataset.notes:
        report.note(note)
