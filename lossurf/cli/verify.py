"""`lossurf verify`: a written certificate's claim, derived again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from lossurf.cli.options import Command, DataSource, data_option, report_options
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode

if TYPE_CHECKING:
    from lossurf.certificates.against_data import Rows
    from lossurf.inputs.tables.dataset import Dataset
    from lossurf.numerics import Matrix

    class _Data(TypedDict):
        rows: Iterable[Rows]
        shift: Matrix | None
        eps: float


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

        further = data_checks(stored, **_rows(source, report))
        result = replace(
            result, valid=result.valid and all(check.ok for check in further), checks=result.checks + further
        )
    return report(make_document("verify", result), ok=result.valid)


def _rows(source: DataSource, report: Reporter) -> _Data:
    """Return the rows [1 x y] of the data, or of the triangular factor that a summary of them holds."""
    dataset = source.open()
    if dataset.summary is None:
        return {"rows": _samples(dataset, report), "shift": None, "eps": dataset.data_eps}
    R, first = dataset.summary.triangle, 1 + dataset.dx
    rows = [(R[:, 0], R[:, 1:first], R[:, first:])]
    return {"rows": rows, "shift": dataset.summary.shift[1:], "eps": dataset.data_eps}


def _samples(dataset: Dataset, report: Reporter) -> Iterator[Rows]:
    import numpy as np

    for X, Y in dataset.blocks():
        yield np.ones(len(X)), X, Y
    for note in dataset.notes:
        report.note(note)
