"""Runs of the command line forked from one process that has imported it: a start of the interpreter costs most of one.

As a program it is that process: it takes a message for each run, as JSON with the file descriptors of standard input,
output and error beside it, and answers with the exit code. Programs of a shell send theirs through forked_program.py.
Two things differ from an interpreter of its own: variables that are read before its first line, for which `may_fork` is
asked, and the destruction of its modules at the end, which is left out.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

SECONDS = 120
ANEW = "anew"
"""The answer where a run needs an interpreter of its own."""
_MESSAGE = 1 << 17
_NEEDED_LATER = (
    "scipy.linalg", "scipy.optimize", "rich.table", "rich.console", "yaml", "h5py", "pyarrow.parquet",
    "matplotlib.figure", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg",
)  # fmt: skip
_READ_FIRST = ("PYTHON", "LC_", "LANG", "LD_", "OPENBLAS", "OMP", "MPL", "DISPLAY")


def may_fork(env: dict[str, str]) -> bool:
    """Whether a run with these variables can be forked from a process that was started without them."""
    return sys.platform == "linux" and not any(name.startswith(_READ_FIRST) for name in env)


def run(argv: list[str], *, cwd: str, env: dict[str, str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `lossurf argv` with these variables and no others."""
    pipes = [os.pipe() for _ in range(3)]
    (stdin, feed), (read_out, stdout), (read_err, stderr) = pipes
    request = {"argv": argv, "cwd": cwd, "env": env}
    server, _ = _server()
    socket.send_fds(server, [json.dumps(request).encode()], [0 if text is None else stdin, stdout, stderr])
    for descriptor in (stdin, stdout, stderr):
        os.close(descriptor)
    with ThreadPoolExecutor(2) as readers:
        out, err = (readers.submit(_all_of, descriptor) for descriptor in (read_out, read_err))
        with contextlib.suppress(BrokenPipeError), os.fdopen(feed, "wb") as stream:
            stream.write((text or "").encode())
        code = int(server.recv(_MESSAGE))
    return subprocess.CompletedProcess(["lossurf", *argv], code, out.result(), err.result())


def _all_of(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        return stream.read()


def address() -> str:
    """Return where forked_program.py finds the process: it is started if it was not."""
    return _server()[1]


@cache
def _server() -> tuple[socket.socket, str]:
    from process import clean_environment

    place = tempfile.mkdtemp()
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(f"{place}/door")
        door.listen(64)
        descriptors = [its.fileno(), door.fileno()]
        command = [sys.executable, __file__, *map(str, descriptors)]
        started = subprocess.Popen(command, env=clean_environment(), pass_fds=descriptors)

    def end() -> None:
        ours.close()
        started.wait()
        shutil.rmtree(place)

    atexit.register(end)
    return ours, f"{place}/door"


def import_everything(needed_later: Sequence[str] = _NEEDED_LATER) -> None:
    """Import lossurf and what else is named, as far as it is there: by default what its commands import when needed."""
    import lossurf

    for module in pkgutil.walk_packages(lossurf.__path__, "lossurf."):
        if module.name != "lossurf.__main__":
            importlib.import_module(module.name)
    for name in needed_later:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _serve(connection: socket.socket, door: socket.socket) -> dict | None:
    """Answer until there is nobody to answer; in a child return what it is to run."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by the end of a pipe whose other end closes with the child
    while True:
        for source in select.select([connection, door, *running], [], [])[0]:
            if source in running:
                os.close(source)
                pid, asking = running.pop(source)
                _answer(asking, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                continue
            asking = connection.dup() if source is connection else door.accept()[0]
            message, streams, _, _ = socket.recv_fds(asking, _MESSAGE, 3)
            if not message and source is connection:
                return None
            if source is door and not _as_started(message):
                _answer(asking, ANEW)
            else:
                closing, held = os.pipe()
                pid = os.fork()
                if pid == 0:
                    _take(streams, (connection, door, asking))
                    return json.loads(message)
                os.close(held)
                running[closing] = pid, asking
            for descriptor in streams:
                os.close(descriptor)


def _as_started(message: bytes) -> bool:
    """Whether a request has the variables that this process began with, of those that are read first."""
    wanted, here = (
        {name: value for name, value in env.items() if name.startswith(_READ_FIRST)}
        for env in (json.loads(message or '{"env": {}}')["env"], os.environ)
    )
    return wanted == here


def _answer(asking: socket.socket, told: int | str) -> None:
    with asking, contextlib.suppress(OSError):  # who asked may have gone
        asking.send(str(told).encode())


def _take(streams: Sequence[int], sockets: Sequence[socket.socket]) -> None:
    """Make these the standard streams, and leave the sockets to the parent."""
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
        os.close(descriptor)
    for each in sockets:
        each.close()


def _become(request: dict) -> None:
    signal.alarm(SECONDS)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [str(Path(importlib.import_module("lossurf").__file__).with_name("__main__.py")), *request["argv"]]
    sys.path[0] = request["cwd"]
    from lossurf.__main__ import main

    code: object = 0
    try:
        main()
    except SystemExit as ending:
        code = ending.code
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connected, socket.socket(fileno=int(sys.argv[2])) as opened:
        import_everything()
        gc.freeze()
        wanted = _serve(connected, opened)
    if wanted is not None:
        _become(wanted)
