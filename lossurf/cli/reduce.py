"""`lossurf reduce`: data of any size as a small file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from lossurf.cli.options import Command, DataSource, data_arguments, stdout_report_options
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.reading import Watched
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode


@click.command(
    "reduce",
    cls=Command,
    examples=(
        "lossurf reduce sample_data/linnerud -o linnerud.lossurf.npz",
        "lossurf reduce sample_data/linnerud sample_data/linnerud -o twice.lossurf.npz --format json",
    ),
)
@data_arguments
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    required=True,
    metavar="FILE",
    help="Write the summary to FILE, such as data.lossurf.npz.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="To read in, and to factor in; polars has its own, as many as POLARS_MAX_THREADS says. "
    "Default: the cores at hand. Does not change the result.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="dask spreads the work over processes or machines (extra: dask). Default: local.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a running dask cluster. Default: a local one, for this run.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes of the local dask cluster. Default: the cores.",
)
@stdout_report_options
def command(
    *,
    sources: tuple[DataSource, ...],
    output: Path,
    threads: int | None,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    report: Reporter,
) -> ExitCode:
    """Reduce DATA to their triangular factor, a small file that every command takes as DATA instead of the samples.

    Several DATA are joined: tables, pairs of files, patterns in quotes, and summaries made before, so that samples can
    be added to a summary and summaries of parts merged. The file holds (1 + dx + dy)^2 numbers, a rounded middle and a
    norm for every column, the number of samples, names, precision, a format version and a checksum; no sample can be
    read from it.

    With --engine dask every file, or 256 MiB of a large .npy file, is a task that reads where it runs; only triangles
    travel. DATA may then also be addresses that fsspec knows, such as 's3://bucket/part-*.csv'.
    """
    from lossurf.api.reduce import reduce_files
    from lossurf.report.document import make_document

    result = reduce_files(
        [source.place() for source in sources],
        threads=threads,
        engine=engine,
        scheduler=scheduler,
        workers=workers,
        shown=Watched(report),
    )
    report.note(*result.notes)
    write_file(output, result.content)
    return report(make_document("reduce", replace(result, output=output)))
