"""`lossurf` of a shell script, run in a fork of the process of forked.py: `forked_program.py ADDRESS [ARGUMENT...]`.

Where that process refuses, or a standard stream is closed, it becomes lossurf in an interpreter of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys

_ANSWER = 100


def forked(address: str, argv: list[str]) -> int | None:
    """Return the exit code of a run on these standard streams, negative for a signal; None where there was none."""
    request = {"argv": argv, "cwd": os.getcwd(), "env": dict(os.environ)}  # noqa: PTH109  # pathlib is slow to import
    try:
        for descriptor in range(3):
            os.fstat(descriptor)
    except OSError:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.connect(address)
        socket.send_fds(asked, [json.dumps(request).encode()], [0, 1, 2])
        answer = asked.recv(_ANSWER)
    return int(answer) if answer.removeprefix(b"-").isdigit() else None


if __name__ == "__main__":
    code = forked(sys.argv[1], sys.argv[2:])
    if code is None:
        os.execv(sys.executable, [sys.executable, "-m", "lossurf", *sys.argv[2:]])
    if code < 0:
        with contextlib.suppress(OSError):  # KILL has no other action
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
