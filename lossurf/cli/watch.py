"""`lossurf watch`: a training run followed from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.curvature_options import curvature_options
from lossurf.cli.headings import Heading, option_under
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_arguments,
    data_option,
    report_options,
    require_number,
    tolerance_option,
    weight_decay_option,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.polling import settled_files
from lossurf.cli.progress import shown_progress
from lossurf.cli.reporting import Reporter
from lossurf.cli.streams import write_stdout
from lossurf.errors import ExitCode, InputError, UsageError
from lossurf.report.document import Document, make_document, plain
from lossurf.words import Reduction, Verdict

if TYPE_CHECKING:
    from lossurf.api.parts.networks import CheckpointFiles
    from lossurf.api.parts.unreadable import Unreadable
    from lossurf.api.watch import Run, Step, WatchResult

STREAMS = ("table", "jsonl")


@click.command(
    "watch",
    cls=Command,
    examples=(
        "lossurf watch 'sample_data/wine/run/*.npz' --data sample_data/wine",
        "lossurf watch 'sample_data/wine/run/*.npz' --data sample_data/wine --follow --timeout 3 --format jsonl",
    ),
)
@checkpoint_arguments
@data_option
@click.option("--follow", is_flag=True, help="Keep looking for new or changed checkpoints, one line as each comes.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.0, min_open=True),
    callback=require_number,
    metavar="SECONDS",
    help="With --follow: stop after this time. Default: when --expect is met, or on Ctrl-C.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    callback=require_number,
    default=1.0,
    metavar="SECONDS",
    help="With --follow: time between two looks. Default: 1.",
)
@click.option(
    "--expect",
    multiple=True,
    type=words_of(Verdict),
    help="Exit with 1 unless the last verdict is this, or another that is named; --follow stops there.",
)
@tolerance_option
@click.option(
    "--figure",
    type=OUTPUT_FILE,
    metavar="FILE",
    help="Draw loss against checkpoint with the critical levels: .png, .svg or .pdf (extra plot).",
)
@curvature_options
@click.option(
    "--step",
    type=click.FloatRange(min=0.0, min_open=True),
    callback=require_number,
    metavar="ETA",
    help="With --curvature: the step of gradient descent; the largest eigenvalue is put beside 2 / ETA.",
)
@weight_decay_option
@option_under(Heading.LOSS)(
    "--reduction",
    type=words_of(Reduction),
    help="With --step or --weight-decay: what that loss makes of the squares: mean (default), sum, or half the sum.",
)
@report_options
def command(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    follow: bool,
    timeout: float | None,
    interval: float,
    expect: tuple[str, ...],
    tolerance: float | None,
    figure: Path | None,
    curvature: bool | float,
    step: float | None,
    weight_decay: float | None,
    reduction: str | None,
    report: Reporter,
) -> ExitCode:
    """Follow a training run from its CHECKPOINTs, in the order of their names: losses, plateaus and verdicts.

    A plateau is a stretch of checkpoints that rest on the best loss L_k of some rank. Quote a pattern, such as
    'run/*.npz', so that --follow also finds the checkpoints that are still to come.
    """
    from lossurf.api.watch import Run

    _require_stream(report, follow=follow, timeout=timeout)
    if reduction is not None and step is None and weight_decay is None:
        raise UsageError(
            "no step or weight decay is said whose loss that is",
            where="--reduction",
            remedy="add --step ETA or --weight-decay WD",
        )
    form = None
    if figure is not None:
        from lossurf.report.figures.canvas import require_form

        form = require_form(figure)
    run = Run(
        checkpoints,
        load_data(source, report),
        tolerance=tolerance,
        curvature=curvature,
        step=step,
        weight_decay=weight_decay,
        reduction=reduction or Reduction.MEAN,
    )
    edge = None if run.edge is None else run.edge.curvature
    stream = _Stream(report, curved=curvature is not False, edge=edge) if follow and not report.to_file else None
    if follow:
        files = settled_files(checkpoints, interval=interval, timeout=timeout)
        steps = list(_until(_steps_while_written(run, files, report), expect, stream))
    else:
        steps = steps_of(run, checkpoints, report)
    result = gathered(run, steps, expect, figure, report)
    document = make_document("watch", result)
    if figure is not None and form is not None:
        from lossurf.report.figures.canvas import draw, size_of
        from lossurf.report.figures.run import extra_height, paint

        width, height = size_of("run")
        write_file(figure, draw(paint, document, form, (width, height + extra_height(document))))
    code = stream.close(document) if stream else report(document, ok=result.ok)
    return report.tell_unreadable(result.unreadable) if result.unreadable else code


def steps_of(run: Run, checkpoints: CheckpointFiles, report: Reporter) -> list[Step | Unreadable]:
    """Judge the checkpoints that are there, one by one."""
    found = list(checkpoints.found())
    steps: list[Step | Unreadable] = []
    with shown_progress(report, "checkpoints") as progress:
        for path in found:
            if progress is not None:
                progress("checkpoints", len(steps) / len(found))
            steps.append(run.step_or_refuse(path))
    return steps


def gathered(
    run: Run, steps: list[Step | Unreadable], expect: tuple[str, ...], figure: Path | None, report: Reporter
) -> WatchResult:
    """Return what a run is; where no checkpoint could be read the first refusal ends the command, and all are told."""
    from lossurf.api.watch import Step

    try:
        return run.result(steps, expect=expect, figure=figure)
    except InputError:
        report.tell_unreadable(step for step in steps[1:] if not isinstance(step, Step))  # the first ends the command
        raise


def _require_stream(report: Reporter, *, follow: bool, timeout: float | None) -> None:
    if follow and not report.to_file and report.format not in STREAMS:
        raise UsageError(
            f"the format {report.format} is written whole, and --follow writes a line at a time",
            where="--format",
            remedy=f"use {' or '.join(STREAMS)}, or -o FILE",
        )
    if timeout is not None and not follow:
        raise UsageError("without --follow nothing is waited for", where="--timeout", remedy="add --follow")


def _steps_while_written(run: Run, files: Iterator[Path], report: Reporter) -> Iterator[Step | Unreadable]:
    """Yield steps, passing over files that are not whole yet; those that still are not come at the end."""
    from lossurf.api.parts.unreadable import Unreadable

    broken: dict[Path, Unreadable] = {}
    for path in files:
        step = run.step_or_refuse(path)
        if isinstance(step, Unreadable):  # perhaps in the middle of being written: it will change and come again
            report.say(f"passed over for now: {step.exception}")
            broken[path] = step
            continue
        broken.pop(path, None)
        yield step
    yield from broken.values()


def _until(
    steps: Iterator[Step | Unreadable], expect: tuple[str, ...], stream: _Stream | None
) -> Iterator[Step | Unreadable]:
    """Show each step as it comes, and stop at an expected verdict or where nobody reads on."""
    from lossurf.api.parts.unreadable import Unreadable

    for step in steps:
        yield step
        reads_on = stream is None or stream.show(step)
        if not reads_on or (not isinstance(step, Unreadable) and str(step.classification.verdict) in expect):
            return


class _Stream:
    """The lines of a run that is still going on."""

    def __init__(self, report: Reporter, *, curved: bool, edge: float | None) -> None:
        self._report = report
        self._begun = False
        self._steepness: dict[str, Any] = {"curved": curved, "edge": edge}

    def show(self, step: Step | Unreadable) -> bool:
        """Write a checkpoint's line; False where its reader has gone."""
        from lossurf.report.run import line_of, stream_head

        form = self._report.format
        head = "" if self._begun else stream_head(form, **self._steepness)
        self._begun = True
        return self._report.verbosity < 1 or write_stdout(
            head + line_of(plain(step), form, self._report.notes, **self._steepness)
        )

    def close(self, document: Document) -> ExitCode:
        """Say how a table ended in the words of its verdict; JSON lines have said it already."""
        if self._report.format == "table":
            return self._report._replace(verbosity=min(self._report.verbosity, 0))(document, ok=document["ok"])
        return ExitCode.OK if document["ok"] else ExitCode.NOT_MET
