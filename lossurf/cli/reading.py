"""How far reading has come, on one line of standard error that is drawn again and taken away at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from lossurf.cli.progress import ERASE, watched
from lossurf.cli.reporting import Reporter
from lossurf.report.text import size_text

if TYPE_CHECKING:
    from lossurf.api.parts.data import Dataset

_FIRST_AFTER: Final = 0.3  # seconds: what is done sooner needs no word
_EVERY: Final = 0.1  # seconds: more often is not read


class Watched:
    """Shows how far reading, or the work of a cluster, has come; `lossurf.api.reduce.Shown`."""

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def reading(self, dataset: Dataset) -> AbstractContextManager[Callable[[int], None] | None]:
        """Give a function to tell the number of samples read so far."""
        return show_reading(dataset, self._report)

    def parts(self) -> AbstractContextManager[Callable[[int, int], None] | None]:
        """Give a function to tell how many of how many parts are done."""
        return show_parts(self._report)


@contextmanager
def show_reading(data: Dataset, report: Reporter) -> Iterator[Callable[[int], None] | None]:
    """Give a function to tell the number of samples read so far; None where nobody watches."""
    if not watched(report):
        yield None
        return
    line = ProgressLine(data, sys.stderr)
    try:
        yield line
    finally:
        line.erase()


@contextmanager
def show_parts(report: Reporter) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function to tell how many of how many parts are done; None where nobody watches."""
    if not watched(report):
        yield None
        return

    def show(done: int, whole: int) -> None:
        sys.stderr.write(f"{ERASE}lossurf: {done} of {whole} parts")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write(ERASE)
        sys.stderr.flush()


class ProgressLine:
    """Bytes read, rate and time left, drawn on a terminal."""

    def __init__(self, data: Dataset, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._drawn: float | None = None

    def __call__(self, samples: int) -> None:
        """Draw the line if it is time to."""
        now = self._clock()
        if now - self._started < _FIRST_AFTER or (self._drawn is not None and now - self._drawn < _EVERY):
            return
        self._drawn = now
        self._stream.write(ERASE + progress_text(self._data, samples, now - self._started))
        self._stream.flush()

    def erase(self) -> None:
        """Take the line away."""
        if self._drawn is not None:
            self._stream.write(ERASE)
            self._stream.flush()


def progress_text(data: Dataset, samples: int, seconds: float) -> str:
    """Say how much was read, how fast, and how long the rest will take."""
    done = data.bytes_read(samples)
    if done is None or data.size is None:
        return f"lossurf: {samples} samples, {samples / seconds:.3g} a second"
    left = max(data.size - done, 0) * seconds / max(done, 1)
    whole = f"{size_text(done)} of {size_text(data.size)}"
    return f"lossurf: {whole}, {size_text(done / seconds)}/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
