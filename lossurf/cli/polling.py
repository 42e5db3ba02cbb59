"""Files that appear while a command runs: each is told once it has stopped changing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossurf.api.parts.nouns import CheckpointFiles

_LONGEST_SLEEP = 3600.0

State = tuple[int, int]  # bytes, modification time in nanoseconds


def settled_files(files: CheckpointFiles, *, interval: float, timeout: float | None) -> Iterator[Path]:
    """Yield files that match, oldest names first, and again whenever one has changed, until the time is up.

    A file is taken when two looks in a row find it the same, so that one that is still being written is left alone.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    seen: dict[Path, State] = {}
    taken: dict[Path, State] = {}
    while True:
        for path in files.found():
            state = _state(path)
            if state is not None and state == seen.get(path) != taken.get(path):
                taken[path] = state
                yield path
            elif state is not None:
                seen[path] = state
        left = interval if deadline is None else min(interval, deadline - time.monotonic())
        if left <= 0.0:
            return
        _wait(left)


def _wait(seconds: float) -> None:
    """Sleep however long: the system's own call refuses more than its clock can count."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0.0:
        time.sleep(min(left, _LONGEST_SLEEP))


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
