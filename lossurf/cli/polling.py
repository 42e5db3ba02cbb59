"""Files that appear while a command runs: each is told once it has stopped changing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossurf.api.watch import Place

_LONGEST_SLEEP = 3600.0

State = tuple[int, int]  # bytes, modification time in nanoseconds


def settled_files(
    find: Callable[[], Iterable[Place]], *, interval: float, timeout: float | None, before_pause: Callable[[], None]
) -> Iterator[Place]:
    """Yield files that are found, oldest names first, and again whenever one has changed, until the time is up.

    A checkpoint is taken when two looks in a row find it the same, so that one that is still being written is left
    alone; a monitor's lines are taken whenever there are new ones. `before_pause` is called after every look.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    seen: dict[Path, State] = {}
    taken: dict[Path, State] = {}
    while True:
        for place in find():
            state, path = _state(place.path), place.path
            if state is not None and (place.is_told or state == seen.get(path)) and state != taken.get(path):
                taken[path] = state
                yield place
            elif state is not None:
                seen[path] = state
        before_pause()
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
