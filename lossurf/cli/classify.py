"""`lossurf classify`: what kind of point each checkpoint is at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lossurf.cli.certificate_file import write_certificate
from lossurf.cli.checkpoint_file import require_npz
from lossurf.cli.curvature_options import curvature_options
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_arguments,
    data_option,
    decay_options,
    frozen_option,
    loss_options,
    report_options,
    tied_option,
    tolerance_option,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError
from lossurf.words import LossName, Verdict

if TYPE_CHECKING:
    from lossurf.api.classify import ClassifyResult
    from lossurf.api.parts.data import Data
    from lossurf.api.parts.networks import CheckpointFiles


_POINTS_ON_A_PAGE: Final = 41  # along each axis: contours that are smooth, in some 40 kB


@click.command(
    "classify",
    cls=Command,
    examples=(
        "lossurf classify sample_data/wine/checkpoints/*.npz --data sample_data/wine",
        "lossurf classify sample_data/wine/run/step-08000.npz --data sample_data/wine --expect global-minimum -q",
    ),
)
@checkpoint_arguments
@data_option
@click.option(
    "--expect",
    multiple=True,
    type=words_of(Verdict),
    help="Exit with 1 unless the verdict is this; repeat it for any of several.",
)
@tolerance_option
@click.option(
    "--certificate",
    type=OUTPUT_FILE,
    callback=require_npz,
    metavar="FILE",
    help="Write what a reader needs to check the verdict: matrices as this .npz, the claim as .json beside it.",
)
@click.option(
    "--descents",
    is_flag=True,
    help="With --certificate: also as many independent directions as lead down from a strict saddle.",
)
@curvature_options
@click.option("--lemmas", is_flag=True, help="Also hold the paper's lemmas and the theorems against each checkpoint.")
@loss_options
@decay_options
@tied_option
@frozen_option
@report_options
def command(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    expect: tuple[str, ...],
    tolerance: float | None,
    certificate: Path | None,
    descents: bool,
    curvature: bool | float,
    lemmas: bool,
    loss: str,
    delta: float | None,
    weight_decay: float | None,
    reduction: str,
    tied: bool,
    frozen: tuple[str, ...],
    report: Reporter,
) -> ExitCode:
    """Decide what kind of point of the loss, squared by default, each CHECKPOINT is at, with a certificate.

    The verdict is global-minimum, strict-saddle, bad-saddle, not-critical or undetermined, with the range of
    tolerances on which it stands; with --weight-decay local-minimum and degenerate take the place of bad-saddle, and
    with --loss local-minimum is one more, with --tied it takes that place.
    CHECKPOINT is an .npz or another file of layers; - reads an .npz from standard input.
    One that cannot be read is told as such beside the others, and the exit code is then 2.
    """
    from lossurf.api.classify import classify_files
    from lossurf.report.document import make_document

    _require_plain(certificate, loss)
    if descents and certificate is None:
        raise UsageError(
            "directions are written with a certificate", where="--descents", remedy="add --certificate FILE"
        )
    data = load_data(source.mirrored() if tied else source, report, whole=loss != LossName.SQUARED)
    with shown_progress(report, "checkpoints") as progress:
        result = classify_files(
            checkpoints,
            data,
            tolerance=tolerance,
            expect=expect,
            lemmas=lemmas,
            curvature=curvature,
            index=certificate is not None,
            descents=descents,
            loss=loss,
            delta=delta,
            weight_decay=weight_decay,
            reduction=reduction,
            tied=tied,
            frozen=frozen,
            progress=progress,
        )
    report.note(*result.notes)
    unreadable = result.unreadable
    if unreadable and (certificate is not None or (len(result.results) == 1 and not report.for_programs)):
        raise unreadable[0].exception
    if certificate is not None and not _write_certificate(certificate, result, data):
        report.note("no certificate was written: undetermined claims nothing")
        result = replace(result, ok=False)
    document = make_document("classify", result)
    has_surface = loss == LossName.SQUARED and weight_decay is None and not tied and not frozen  # the one that is drawn
    if report.format == "html" and len(result.results) == 1 and not unreadable and has_surface:
        document["beside"] = {"surface": _surface(result, data)}
    code = report(document, ok=result.ok)
    return report.tell_unreadable(unreadable) if unreadable else code


def _surface(result: ClassifyResult, data: Data) -> dict[str, Any]:
    """Return the loss around the only checkpoint, which a page draws."""
    from lossurf.api.plot import surface
    from lossurf.report.document import plain

    assert result.last is not None
    drawn: dict[str, Any] = plain(surface(result.last, data, points=_POINTS_ON_A_PAGE))
    return drawn


def _require_plain(certificate: Path | None, loss: str) -> None:
    if loss != LossName.SQUARED and certificate is not None:
        raise UsageError(
            "certificates are written for the squared loss only",
            where="--certificate",
            remedy="leave out one of the two",
        )


def _write_certificate(path: Path, result: ClassifyResult, data: Data) -> bool:
    """Write the certificate of the only result; False, and nothing written, where the verdict claims nothing."""
    from lossurf.api.certificate import evidence
    from lossurf.api.parts.unreadable import Unreadable

    if len(result.results) > 1:
        raise UsageError(
            f"a certificate is about one checkpoint and {len(result.results)} were named",
            where="--certificate",
            remedy="name one checkpoint",
        )
    (found,), checkpoint = result.results, result.last
    assert not isinstance(found, Unreadable)
    assert checkpoint is not None
    penalty = result.weight_decay
    written = evidence(found, checkpoint, data, decay=None if penalty is None else penalty.lambda_)
    if written is not None:
        write_certificate(path, written)
    return written is not None
