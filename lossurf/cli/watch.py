"""`lossurf watch`: a training run followed from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lossurf.cli.curvature_options import curvature_options
from lossurf.cli.live_page import LivePage, write_page
from lossurf.cli.loading import load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_arguments,
    data_option,
    report_options,
    require_number,
    runs_option,
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
    from lossurf.api.watch import Place, Step, Watching, WatchResult

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
@runs_option
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
@click.option(
    "--html",
    type=OUTPUT_FILE,
    metavar="FILE",
    help="Also write the report as a page; with --follow again as checkpoints come, and the page loads itself again.",
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
@click.option(
    "--reduction",
    type=words_of(Reduction),
    help="With --step or --weight-decay: what that loss makes of the squares: mean (default), sum, or half the sum.",
)
@report_options
def command(
    *,
    checkpoints: CheckpointFiles,
    source: DataSource,
    runs: bool,
    follow: bool,
    timeout: float | None,
    interval: float,
    expect: tuple[str, ...],
    tolerance: float | None,
    figure: Path | None,
    html: Path | None,
    curvature: bool | float,
    step: float | None,
    weight_decay: float | None,
    reduction: str | None,
    report: Reporter,
) -> ExitCode:
    """Follow a training run from its CHECKPOINTs, in the order of their names: losses, plateaus and verdicts.

    A plateau is a stretch of checkpoints that rest on the best loss L_k of some rank. Quote a pattern, such as
    'run/*.npz', so that --follow also finds the checkpoints that are still to come.

    A CHECKPOINT that ends in .jsonl is a whole run as a monitor of lossurf.callbacks wrote it, and needs no data.
    """
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
    watching = begun(
        checkpoints,
        source,
        report,
        runs=runs,
        tolerance=tolerance,
        expect=expect,
        curvature=curvature,
        step=step,
        weight_decay=weight_decay,
        reduction=reduction or Reduction.MEAN,
    )
    edge = None if watching.edge is None else watching.edge.curvature
    stream = _Stream(report, curved=curvature is not False, edge=edge) if follow and not report.to_file else None
    if follow:
        steps = _followed(watching, report, stream, html, interval=interval, timeout=timeout)
    else:
        steps = steps_of(watching, report)
    result = gathered(watching, steps, figure, report)
    document = make_document("watch", result)
    if html is not None:
        write_page(html, report, document)
    if figure is not None and form is not None:
        from lossurf.report.figures.canvas import draw, size_of
        from lossurf.report.figures.run import extra_height, paint

        width, height = size_of("run")
        write_file(figure, draw(paint, document, form, (width, height + extra_height(document))))
    code = stream.close(document) if stream else report(document, ok=result.ok)
    return report.tell_unreadable(result.unreadable) if result.unreadable else code


def _followed(
    watching: Watching,
    report: Reporter,
    stream: _Stream | None,
    html: Path | None,
    *,
    interval: float,
    timeout: float | None,
) -> list[Step | Unreadable]:
    """Return the steps of runs that go on, told on the stream and on the page as they come."""
    found: list[Step | Unreadable] = []

    def now() -> Document:
        return make_document("watch", watching.result(found))

    page = None if html is None else LivePage(html, report, now, interval=interval)
    places = settled_files(
        lambda: watching.found(waiting=True),
        interval=interval,
        timeout=timeout,
        before_pause=page.settle if page else lambda: None,
    )
    try:
        for step in _until(_steps_while_written(watching, places, report), watching, stream):
            found.append(step)
            if page is not None and watching.has_begun:
                page.changed()
    finally:
        if page is not None:
            page.close()
    return found


def begun(checkpoints: CheckpointFiles, source: DataSource, report: Reporter, **options: Any) -> Watching:
    """Return the runs that are to be watched; a monitor's lines say themselves what data they are about."""
    from lossurf.api.watch import Watching

    if not checkpoints.are_told:
        return Watching(checkpoints, load_data(source, report), **options)
    _refuse_options(("data", "x", "y", "target", "layers", "orientation", "module", "scale"))
    return Watching(checkpoints, None, **options)


def _refuse_options(names: Iterable[str]) -> None:
    """Refuse options on the command line that a monitor's lines leave no room for; the configuration may have them."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                "a monitor's lines are judged already, on the data that they name",
                where=f"--{name}",
                remedy=f"leave --{name} out",
            )


def steps_of(watching: Watching, report: Reporter) -> list[Step | Unreadable]:
    """Judge the checkpoints that are there, one by one."""
    found = list(watching.found())
    steps: list[Step | Unreadable] = []
    with shown_progress(report, "checkpoints") as progress:
        for number, place in enumerate(found):
            if progress is not None:
                progress("checkpoints", number / len(found))
            steps += watching.steps(place)
    return steps


def gathered(watching: Watching, steps: list[Step | Unreadable], figure: Path | None, report: Reporter) -> WatchResult:
    """Return what a run is; where no checkpoint could be read the first refusal ends the command, and all are told."""
    from lossurf.api.watch import Step

    try:
        return watching.result(steps, figure=figure)
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


def _steps_while_written(watching: Watching, places: Iterator[Place], report: Reporter) -> Iterator[Step | Unreadable]:
    """Yield steps, passing over files that are not whole yet; those that still are not come at the end."""
    from lossurf.api.parts.unreadable import Unreadable

    broken: dict[Path, Unreadable] = {}
    for place in places:
        broken.pop(place.path, None)
        for step in watching.steps(place, waiting=True):
            if not isinstance(step, Unreadable):
                yield step
                continue
            if place.is_told:  # its lines are whole: none will change
                raise step.exception
            report.say(f"passed over for now: {step.exception}")  # perhaps in the middle of being written
            broken[place.path] = step
    yield from broken.values()


def _until(
    steps: Iterator[Step | Unreadable], watching: Watching, stream: _Stream | None
) -> Iterator[Step | Unreadable]:
    """Show each step as it comes, and stop where every run is at an expected verdict or nobody reads on."""
    for step in steps:
        yield step
        reads_on = stream is None or stream.show(step)
        if not reads_on or watching.has_met:
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
