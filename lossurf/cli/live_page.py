"""The page of a run that is still going on: written again as checkpoints come, and loaded again by who looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Final

from lossurf.cli.reporting import Reporter
from lossurf.report.document import Document

_LEAST_PAUSE: Final = 2.0  # seconds between two loads by the browser: a reader can follow


class LivePage:
    """An HTML report that is kept up to date, each time whole.

    Parameters
    ----------
    file : Path
    report : Reporter
        Whose notes and colours it has; however little that says, the page says all.
    document : callable
        Returns the report as it is now.
    interval : float
        Seconds between two writings at least, while one checkpoint follows the other.
    """

    def __init__(self, file: Path, report: Reporter, document: Callable[[], Document], *, interval: float) -> None:
        self._file = file
        self._report = report
        self._document = document
        self._interval = interval
        self._written: float | None = None
        self._is_stale = False

    def changed(self) -> None:
        """Take notice of a step."""
        self._is_stale = True
        if self._written is None or time.monotonic() - self._written >= self._interval:
            self.settle()

    def settle(self) -> None:
        """Write the page if there is anything new, before a pause."""
        if self._is_stale:
            self._written, self._is_stale = time.monotonic(), False  # first: an interrupt may fall into the writing
            pause = ceil(max(self._interval, _LEAST_PAUSE))
            write_page(self._file, self._report, {**self._document(), "beside": {"refresh": pause}})

    def close(self) -> None:
        """Write the page for the last time: it is not loaded again."""
        if self._written is not None:
            write_page(self._file, self._report, self._document())


def write_page(file: Path, report: Reporter, document: Document) -> None:
    """Write a report as a page beside the report itself."""
    report._replace(format="html", output=file, verbosity=max(report.verbosity, 1))(document)
