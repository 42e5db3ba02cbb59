"""Data read under the eyes of whoever waits: progress while it lasts, and what was assumed once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossurf.cli.data_options import DataSource
from lossurf.cli.reading import show_reading
from lossurf.cli.reporting import Reporter

if TYPE_CHECKING:
    from lossurf.api.parts.nouns import Data

_MANY_COLUMNS = 2000  # a dense singular value decomposition of so many takes half a minute on two cores


def load_data(source: DataSource, report: Reporter, *, whole: bool = False) -> Data:
    """Read the data and reduce them; what was assumed in reading is said on standard error.

    Parameters
    ----------
    source : DataSource
    report : Reporter
    whole : bool
        Keep all samples, for analyses that no triangular factor can stand in for, and reduce nothing.
    """
    data = source.open()
    if whole:
        data.samples()
    else:
        _tell_work(data, report)
        with show_reading(data.dataset, report) as progress:
            data.reduce(progress=progress)
    report.note(*data.notes)
    return data


def _tell_work(data: Data, report: Reporter) -> None:
    """Say beforehand that an analysis takes minutes: its time is set by the columns, which no progress shows."""
    columns, samples = data.dx + data.dy, data.dataset.samples
    if columns > _MANY_COLUMNS and (samples is None or samples > _MANY_COLUMNS):
        report.say(
            f"the analysis of {columns} columns takes minutes, eight times as long for twice as many: "
            "--columns and --drop select some"
        )
