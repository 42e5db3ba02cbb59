"""`lossurf classify`: what kind of point each checkpoint is at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lossurf.cli.certificate_file import write_certificate
from lossurf.cli.checkpoint_file import require_npz
from lossurf.cli.loading import CheckpointSource, LoadedData, Unreadable, expand_globs, load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_arguments,
    data_option,
    loss_options,
    report_options,
    tolerance_option,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE
from lossurf.cli.reporting import Reporter
from lossurf.cli.samples import load_for_loss
from lossurf.errors import ExitCode, InputError, MissingExtraError, UsageError
from lossurf.words import Verdict

if TYPE_CHECKING:
    from lossurf.api.losses import LossData
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint
    from lossurf.landscape.verdict import Classification
    from lossurf.reduction.problem import ReducedProblem


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
@click.option("--lemmas", is_flag=True, help="Also hold the paper's lemmas and the theorems against each checkpoint.")
@loss_options
@report_options
def command(
    *,
    checkpoints: CheckpointSource,
    source: DataSource,
    expect: tuple[str, ...],
    tolerance: float | None,
    certificate: Path | None,
    lemmas: bool,
    loss: str | None,
    delta: float | None,
    report: Reporter,
) -> ExitCode:
    """Decide what kind of point of the loss, squared by default, each CHECKPOINT is at, with a certificate.

    The verdict is global-minimum, strict-saddle, bad-saddle, not-critical or undetermined, with the range of
    tolerances on which it stands. CHECKPOINT is an .npz or another file of layers; - reads an .npz from standard input.
    One that cannot be read is told as such beside the others, and the exit code is then 2.
    """
    from lossurf.api import data_facts, loss_facts
    from lossurf.report.document import make_document
    from lossurf.report.unreadable import unreadable_result

    if loss is not None and certificate is not None:
        raise UsageError(
            "certificates are written for the squared loss only",
            where="--certificate",
            remedy="leave out one of the two",
        )
    data, prepared = (load_data(source, report), None) if loss is None else load_for_loss(source, report, loss, delta)
    judge = _Judge(data, prepared, checkpoints, source.max_memory, tolerance=tolerance, expect=expect, lemmas=lemmas)
    results = [judge(path) for path in expand_globs(checkpoints.paths)]
    unreadable = [result for result in results if isinstance(result, Unreadable)]
    if unreadable and (certificate is not None or (len(results) == 1 and not report.for_programs)):
        raise unreadable[0].error
    problem = judge.problem or data.problem(bias=False)
    facts = data_facts(problem, data.dataset.x, data.dataset.y)
    ok = not unreadable and all(result.ok for result in results if not isinstance(result, Unreadable))
    if certificate is not None:
        _require_one(results)
        result, checkpoint = judge.last()
        if not write_certificate(certificate, result, problem, checkpoint, facts):
            report.note(f"no certificate was written: {result.verdict} claims nothing")
            ok = False
    other = None if prepared is None else loss_facts(prepared, bias=problem.bias)
    told = [unreadable_result(*result) if isinstance(result, Unreadable) else result for result in results]
    document = make_document("classify", data=facts, results=told, ok=ok, other_loss=other)
    if report.format == "html" and len(results) == 1 and not unreadable and loss is None:
        document["beside"] = {"surface": judge.surface()}
    code = report(document, ok=ok)
    return report.tell_unreadable(result.error for result in unreadable) if unreadable else code


def _require_one(results: Sequence[object]) -> None:
    if len(results) > 1:
        raise UsageError(
            f"a certificate is about one checkpoint and {len(results)} were named",
            where="--certificate",
            remedy="name one checkpoint",
        )


_POINTS_ON_A_PAGE: Final = 41  # along each axis: contours that are smooth, in some 40 kB


class _Judge:
    """Reads and classifies checkpoints one by one; `problem` is that of the last one that could be."""

    def __init__(
        self,
        data: LoadedData,
        prepared: LossData | None,
        checkpoints: CheckpointSource,
        max_memory: int | None,
        **options: Any,
    ) -> None:
        self._data, self._prepared = data, prepared
        self._checkpoints, self._max_memory, self._options = checkpoints, max_memory, options
        self._last: tuple[Classification, Checkpoint] | None = None
        self.problem: ReducedProblem | None = None

    def __call__(self, path: Path) -> Classification | Unreadable:
        try:
            return self._classify(self._checkpoints.read(path, self._data, self._max_memory))
        except (InputError, MissingExtraError) as error:
            return Unreadable(str(path), error)

    def last(self) -> tuple[Classification, Checkpoint]:
        """Return the last result with its checkpoint."""
        assert self._last is not None
        return self._last

    def surface(self) -> dict[str, Any]:
        """Return the loss around the last checkpoint, which a page draws."""
        from lossurf.landscape.views.surface import surface
        from lossurf.report.document import plain
        from lossurf.report.surface import surface_fields

        checkpoint = self.last()[1]
        assert self.problem is not None
        fields: dict[str, Any] = plain(surface_fields(surface(checkpoint, self.problem, points=_POINTS_ON_A_PAGE)))
        return fields

    def _classify(self, checkpoint: Checkpoint) -> Classification:
        from lossurf.api import classify_problem

        bias = checkpoint.has_bias
        problem = self._data.problem(bias=bias)
        study = None if self._prepared is None else self._prepared.study(bias=bias)
        result = classify_problem(checkpoint, problem, other_loss=study, **self._options)
        self.problem, self._last = problem, (result, checkpoint)
        return result
