"""How much memory a reader may take, and the refusal when a file asks for more."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Final

from lossurf.inputs.faults import fault
from lossurf.sizes import parse_size, size_text

_FALLBACK: Final = 2 << 30  # where the system tells nothing: what any machine that runs numpy comfortably has

_ASKED_A_SECOND: Final = 10  # what a file takes in the time between is small beside what is left


def memory_limit(max_memory: int | str | None) -> int:
    """Return the bytes a reader may take: what the user said, else what the system has left for this process.

    Raises
    ------
    UsageError
        If the user said something that is not a size.
    """
    if isinstance(max_memory, str):
        return parse_size(max_memory)
    if max_memory is not None:
        return max_memory
    return _system_limit(int(_ASKED_A_SECOND * monotonic()))


@lru_cache(maxsize=1)  # of hundreds of small checkpoints each takes a few milliseconds, a tenth of them this question
def _system_limit(moment: int) -> int:  # noqa: ARG001  # it is what makes an answer old
    known = [left for left in (_machine_memory(), _control_group_memory(), _address_space()) if left is not None]
    return max(min(known, default=_FALLBACK), 0)


def require_memory(name: str, needed: int, limit: int, where: str | None = None) -> None:
    """Refuse before memory is taken.

    Raises
    ------
    InputError
        If `needed` bytes are more than `limit`.
    """
    if needed > limit:
        raise fault("too-big", where, name=name, needed=size_text(needed), limit=size_text(limit))


def _first_line(path: str) -> str:
    try:
        with Path(path).open() as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _machine_memory() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _control_group_memory() -> int | None:
    most, used = _first_line("/sys/fs/cgroup/memory.max"), _first_line("/sys/fs/cgroup/memory.current")
    return max(int(most) - int(used), 0) if most.isdigit() and used.isdigit() else None


def _address_space() -> int | None:
    """Return what `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:  # not a Unix system
        return None
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _first_line("/proc/self/statm").split()
    if most == resource.RLIM_INFINITY or not pages:
        return None
    return max(int(most) - int(pages[0]) * resource.getpagesize(), 0)
