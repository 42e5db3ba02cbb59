"""`lossurf reduce`: data of any size as a small file."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lossurf.cli.options import Command, DataSource, data_arguments, stdout_report_options
from lossurf.cli.output_file import OUTPUT_FILE, write_file
from lossurf.cli.reading import show_parts, show_reading
from lossurf.cli.reporting import Reporter
from lossurf.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from lossurf.inputs.tables.dataset import Dataset
    from lossurf.reduction.triangle import Triangle


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
@click.option("--threads", type=click.IntRange(min=1), help="Default: the cores at hand. Does not change the result.")
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="dask spreads the work over processes or machines (extra: dask). Default: local.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a running dask cluster. Default: a local one, for this run.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes of the local dask cluster. Default: the cores.")
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
    from lossurf.inputs.tables.summary import Summary, summary_bytes
    from lossurf.reduction.data import merge_triangles
    from lossurf.report.document import make_document

    _note_repeats(sources, report)
    if engine == "dask":
        triangle, names, summaries = _reduce_on_cluster(sources, scheduler, workers, report)
    else:
        _require_dask(scheduler=scheduler, workers=workers)
        opened = [_open(source) for source in sources]
        parts = _parts(opened)
        triangle = reduce(merge_triangles, (_triangle(part, threads, report) for part in parts))
        names, summaries = _names(parts), [data.summary is not None for data in opened]
    facts = {name: getattr(triangle, name) for name in ("samples", "dx", "dy", "dtype", "data_eps")}
    data = summary_bytes(Summary(triangle.r, triangle.shift, triangle.norms, **facts, **names))
    write_file(output, data)
    return report(
        make_document(
            "reduce",
            output=output,
            data={**names, **facts},
            bytes=len(data),
            sources=[
                {"name": _name(source), "summary": is_summary}
                for source, is_summary in zip(sources, summaries, strict=True)
            ],
        )
    )


def _require_dask(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} is for a dask cluster", where="--engine local", remedy="add --engine dask")


def _reduce_on_cluster(
    sources: tuple[DataSource, ...], scheduler: str | None, workers: int | None, report: Reporter
) -> tuple[Triangle, dict[str, Any], list[bool]]:
    from lossurf.inputs.tables.parts import openers
    from lossurf.reduction.cluster import connect, reduce_on_cluster, split_into_parts

    if scheduler is not None and workers is not None:
        raise UsageError("--scheduler names a cluster that has its workers", where="--workers", remedy="leave one out")
    if any(source.standardize or source.intercept for source in sources):
        raise UsageError(
            "--standardize and --intercept need all data in one place",
            where="--engine dask",
            remedy="leave them out: `check --bias` centres, and no verdict depends on units",
        )
    opened = [opener for source in sources for opener in openers(source.path, **_reading(source))]
    with connect(scheduler, workers) as client, show_parts(report) as progress:
        triangle = reduce_on_cluster(split_into_parts(opened), client, progress=progress)
    with opened[0]() as first:
        for note in first.notes:
            report.note(note)
        columns = {"x_names": first.x_names, "y_names": first.y_names}
    given = _listed([_name(source) for source in sources])
    return triangle, {"x": given, "y": given, **columns}, [_is_summary(source) for source in sources]


def _reading(source: DataSource) -> dict[str, Any]:
    """Options of `openers` for one DATA."""
    return {**_wanted(source).reading(), "remote": True}


def _wanted(source: DataSource) -> DataSource:
    """Leave out what is for the tables among DATA where one is a summary."""
    return source._replace(target=(), autoencoder=False) if _is_summary(source) else source


def _is_summary(source: DataSource) -> bool:
    from lossurf.inputs.tables.summary import is_summary_file

    return source.path is not None and is_summary_file(source.path)


def _open(source: DataSource) -> Dataset:
    """Open one DATA."""
    return _wanted(source).open()


def _name(source: DataSource) -> str:
    if source.path is None and source.x is not None:
        return f"{source.x}" if source.y is None else f"{source.x} and {source.y}"
    return str(source.path or "data")


def _note_repeats(sources: tuple[DataSource, ...], report: Reporter) -> None:
    counts = Counter(_name(source) for source in sources)
    for name, times in counts.items():
        if times > 1:
            report.note(f"{name} is named {times} times: its samples are counted as often")


def _parts(opened: list[Dataset]) -> list[Dataset]:
    """Join what holds samples, in the order given, and put the summaries after it."""
    from lossurf.inputs.tables.shards import join, require_same_columns

    for other in opened[1:]:
        require_same_columns(opened[0], other)
    samples = [data for data in opened if data.summary is None]
    joined = [join(samples, _listed([data.x for data in samples]))] if len(samples) > 1 else samples
    return joined + [data for data in opened if data.summary is not None]


def _triangle(data: Dataset, threads: int | None, report: Reporter) -> Triangle:
    from lossurf.reduction.data import reduce_data

    with show_reading(data, report) as progress:
        triangle = reduce_data(data, threads=threads, progress=progress)
    for note in data.notes:
        report.note(note)
    return triangle


def _names(parts: list[Dataset]) -> dict[str, Any]:
    named = next((part for part in parts if part.x_names is not None), parts[0])
    return {
        "x": _listed([part.x for part in parts]),
        "y": _listed([part.y for part in parts]),
        "x_names": named.x_names,
        "y_names": named.y_names,
    }


def _listed(names: list[str]) -> str:
    from lossurf.inputs.faults import listing

    return listing(dict.fromkeys(names))
