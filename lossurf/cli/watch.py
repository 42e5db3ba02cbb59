"""`lossurf watch`: a training run followed from its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.loading import CheckpointSource, LoadedData, Unreadable, expand_globs, load_data
from lossurf.cli.options import (
    Command,
    DataSource,
    checkpoint_arguments,
    data_option,
    report_options,
    require_number,
    tolerance_option,
    words_of,
)
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.polling import settled_files
from lossurf.cli.reporting import Reporter
from lossurf.cli.run import RunReader
from lossurf.cli.streams import write_error, write_stdout
from lossurf.errors import ExitCode, InputError, UsageError
from lossurf.report.document import Document
from lossurf.words import Verdict

if TYPE_CHECKING:
    from lossurf.landscape.views.trajectory import Visit

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
@report_options
def command(
    *,
    checkpoints: CheckpointSource,
    source: DataSource,
    follow: bool,
    timeout: float | None,
    interval: float,
    expect: tuple[str, ...],
    tolerance: float | None,
    figure: Path | None,
    report: Reporter,
) -> ExitCode:
    """Follow a training run from its CHECKPOINTs, in the order of their names: losses, plateaus and verdicts.

    A plateau is a stretch of checkpoints that rest on the best loss L_k of some rank. Quote a pattern, such as
    'run/*.npz', so that --follow also finds the checkpoints that are still to come.
    """
    _require_stream(report, follow=follow, timeout=timeout)
    form = None
    if figure is not None:
        from lossurf.report.figures.canvas import require_form

        form = require_form(figure)
    data = load_data(source, report)
    reader = RunReader(data, checkpoints, tolerance=tolerance, max_memory=source.max_memory)
    stream = _Stream(report) if follow and not report.to_file else None
    if follow:
        files = settled_files(checkpoints, interval=interval, timeout=timeout)
        visits = list(_until(reader.visits_while_written(files, report), expect, stream))
    else:
        visits = [reader.visit_or_refuse(path) for path in expand_globs(checkpoints.paths)]
    document = document_of(reader, data, visits, expect, figure)
    if figure is not None and form is not None:
        from lossurf.report.figures.canvas import draw, size_of
        from lossurf.report.figures.run import paint

        write_file(figure, draw(paint, document, form, size_of("run")))
    code = stream.close(document) if stream else report(document, ok=document["ok"])
    errors = [visit.error for visit in visits if isinstance(visit, Unreadable)]
    return report.tell_unreadable(errors) if errors else code


def _require_stream(report: Reporter, *, follow: bool, timeout: float | None) -> None:
    if follow and not report.to_file and report.format not in STREAMS:
        raise UsageError(
            f"the format {report.format} is written whole, and --follow writes a line at a time",
            where="--format",
            remedy=f"use {' or '.join(STREAMS)}, or -o FILE",
        )
    if timeout is not None and not follow:
        raise UsageError("without --follow nothing is waited for", where="--timeout", remedy="add --follow")


def _until(
    visits: Iterator[Visit | Unreadable], expect: tuple[str, ...], stream: _Stream | None
) -> Iterator[Visit | Unreadable]:
    """Show each visit as it comes, and stop at an expected verdict or where nobody reads on."""
    for visit in visits:
        yield visit
        reads_on = stream is None or stream.show(visit)
        if not reads_on or (not isinstance(visit, Unreadable) and str(visit.classification.verdict) in expect):
            return


def document_of(
    reader: RunReader,
    data: LoadedData,
    found: list[Visit | Unreadable],
    expect: tuple[str, ...],
    figure: Path | None,
) -> Document:
    """Return the document of a run; where no checkpoint could be read, the first refusal ends the command."""
    from lossurf.api import data_facts
    from lossurf.landscape.views.trajectory import plateaus
    from lossurf.report.run import run_document

    visits = [visit for visit in found if not isinstance(visit, Unreadable)]
    refused = [visit.error for visit in found if isinstance(visit, Unreadable)]
    if reader.problem is None or not visits:
        for error in refused[1:]:  # the first ends the command
            write_error(error.what, error.where, error.remedy)
        if refused:
            raise refused[0]
        raise InputError("no checkpoint came", remedy="check the pattern, or allow a longer --timeout")
    return run_document(
        data_facts(reader.problem, data.dataset.x, data.dataset.y),
        reader.levels,
        [_result(visit) for visit in found],
        plateaus(visits, reader.levels),
        figure=figure,
        expected=list(expect) or None,
        ok=not refused and (not expect or str(visits[-1].classification.verdict) in expect),
    )


def _result(visit: Visit | Unreadable) -> dict[str, Any]:
    from lossurf.report.run import visit_result
    from lossurf.report.unreadable import unreadable_result

    return unreadable_result(*visit) if isinstance(visit, Unreadable) else visit_result(visit)


class _Stream:
    """The lines of a run that is still going on."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._begun = False

    def show(self, visit: Visit | Unreadable) -> bool:
        """Write a checkpoint's line; False where its reader has gone."""
        from lossurf.report.run import line_of, stream_head

        head = "" if self._begun else stream_head(self._report.format)
        self._begun = True
        return self._report.verbosity < 1 or write_stdout(
            head + line_of(_result(visit), self._report.format, self._report.notes)
        )

    def close(self, document: Document) -> ExitCode:
        """Say how a table ended in the words of its verdict; JSON lines have said it already."""
        if self._report.format == "table":
            return self._report._replace(verbosity=min(self._report.verbosity, 0))(document, ok=document["ok"])
        return ExitCode.OK if document["ok"] else ExitCode.NOT_MET
