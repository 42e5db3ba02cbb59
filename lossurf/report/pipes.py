"""A named pipe holds what its reader has not taken yet: only when that is nothing has a report arrived."""

from __future__ import annotations

import errno
import os
import select
import struct
from pathlib import Path

_WAIT = 20  # milliseconds between two looks


def write_to_pipe(path: Path, data: bytes) -> None:
    """Write to a named pipe, wait until everything has been read, and return.

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
    while True:
        gone = poll.poll(0 if not _unread(descriptor) else _WAIT)
        if not _unread(descriptor):
            return
        if gone:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _unread(descriptor: int) -> int:
    """Return how many bytes a pipe still holds; 0 where the system does not tell a writer."""
    import fcntl
    import termios

    try:
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0)))[0])
    except OSError:
        return 0
