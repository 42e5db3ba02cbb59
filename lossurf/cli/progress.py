"""How far a long command is, on one line of standard error, and only where a person watches a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Final, TextIO

from lossurf.cli.reporting import Reporter

Progress = Callable[[str, float], None]

FIRST_AFTER = 0.5  # seconds: what is done sooner needs no word
_EVERY: Final = 1.0  # seconds: how often the time is drawn while nothing is told
ERASE: Final = "\r\x1b[K"


def watched(report: Reporter) -> bool:
    """Tell whether a person sees standard error."""
    if report.verbosity < 1 or sys.stderr is None:
        return False
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def shown_progress(report: Reporter, stage: str) -> Iterator[Progress | None]:
    """Yield a function of a stage's name and the share of it that is done; None where nobody would see it.

    The line also counts the seconds, so that a stage that tells nothing is seen to go on.
    """
    if not watched(report):
        yield None
        return
    line = StageLine(stage, sys.stderr)
    done = Event()
    clock = Thread(target=_tick, args=(line, done), daemon=True)
    clock.start()
    try:
        yield line
    finally:
        done.set()
        line.erase()


def _tick(line: StageLine, done: Event) -> None:
    wait = FIRST_AFTER
    while not done.wait(wait):
        line.draw()
        wait = _EVERY


class StageLine:
    """A stage, its share and the time, drawn again over what was drawn before."""

    def __init__(self, stage: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._said = stage
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._shown = ""
        self._lock = Lock()  # the thread that counts the seconds draws too
        self._erased = False

    def __call__(self, stage: str, share: float) -> None:
        """Tell what is being done, and how much of it is."""
        self._said = f"{stage} {share:.0%}" if share else stage
        self.draw()

    def draw(self) -> None:
        """Draw the line if it is time to, and it would be another."""
        seconds = self._clock() - self._started
        text = f"lossurf: {self._said}" + (f", {seconds:.0f} s" if seconds >= _EVERY else "")
        with self._lock:
            if seconds >= FIRST_AFTER and text != self._shown and not self._erased:
                self._shown = text
                self._stream.write(ERASE + text)
                self._stream.flush()

    def erase(self) -> None:
        """Take the line away; nothing is drawn any more."""
        with self._lock:
            self._erased = True
            if self._shown:
                self._stream.write(ERASE)
                self._stream.flush()
