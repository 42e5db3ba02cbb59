"""A named pipe holds what its reader has not taken yet; a reader that leaves it there has not got the report."""

from __future__ import annotations

import errno
import os
import select
import struct
from pathlib import Path
from typing import Final

_WAIT: Final = 20  # milliseconds between two looks
_PATIENCE: Final = 50  # looks, one second, at a reader that takes nothing: a shell may read after the command has ended


def write_to_pipe(path: Path, data: bytes) -> None:
    """Write to a named pipe, and return when everything has been read or waits for a reader that is still there.

    The system takes up to 64 KiB without a reader having seen them, so that a write alone may not notice one that
    leaves.

    Raises
    ------
    BrokenPipeError
        If the reader leaves before the end.
    """
    try:
        with path.open("wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) or 0 :]
            _drain(file.fileno())
    except BrokenPipeError as error:
        raise BrokenPipeError(errno.EPIPE, "its reader left before the end") from error


def _drain(descriptor: int) -> None:
    if not hasattr(select, "poll"):  # Windows, which has no named pipes in its file system
        return
    poll = select.poll()
    poll.register(descriptor, 0)  # errors alone, which are told unasked: that the last reader has gone
    left, looks = _unread(descriptor), 0
    while left and looks < _PATIENCE:
        gone = poll.poll(_WAIT)
        before, left = left, _unread(descriptor)  # after the look: who has read everything may leave
        if left and gone:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        looks = looks + 1 if left == before else 0


def _unread(descriptor: int) -> int:
    """Return how many bytes a pipe still holds; 0 where the system does not tell a writer."""
    import fcntl
    import termios

    try:
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0)))[0])
    except OSError:
        return 0
