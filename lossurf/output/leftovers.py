"""Temporary files: named so that a later run knows its own kind, and locked so that it knows which have no writer.

A run that is killed with SIGKILL, or by the system for its memory, cannot clear its temporary file. A later one takes
it away only where that is surely what it is: the name carries the running system's own identity, so that the lock,
which the system drops when a process ends, can be trusted; it is a regular file of this user, and nobody holds its
lock.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import zlib
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl
else:
    fcntl = None

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")  # Linux: another for every start of every machine


def temporary_path(directory: Path) -> Path:
    """Return a name for a new temporary file in a directory."""
    return directory / f"{_prefix()}{os.urandom(6).hex()}.tmp"


def lock(descriptor: int) -> bool:
    """Hold the lock of a file as long as it is open; False where a run that clears leftovers was faster.

    Where the file system has no locks nothing is held, and nothing can be cleared either.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return os.fstat(descriptor).st_nlink > 0


def clear_leftovers(directory: Path) -> list[Path]:
    """Remove the temporary files that killed runs left in a directory, and return them."""
    if fcntl is None:
        return []
    name = re.compile(re.escape(_prefix()) + r"[0-9a-f]{12}\.tmp")
    try:
        with os.scandir(directory) as entries:
            found = sorted(entry.name for entry in entries if name.fullmatch(entry.name))
    except (OSError, ValueError):  # writing there will say why
        return []
    return [directory / leftover for leftover in found if _clear(directory / leftover)]


def _clear(path: Path) -> bool:
    """Remove a file that nobody writes; False where that is not certain."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_nlink != 1:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(facts, os.lstat(path)):  # renamed meanwhile: it is somebody's report
            return False
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _prefix() -> str:
    try:
        system = _BOOT.read_bytes()
    except OSError:
        import platform

        system = platform.node().encode()
    return f".lossurf-{zlib.crc32(system):08x}-"
