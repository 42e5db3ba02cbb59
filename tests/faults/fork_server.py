"""Runs of lossurf with one failing call each, forked from a process that has imported everything.

A process of its own, started with the fault layer loaded; it reads one request a line and answers with one, as JSON:

    {"argv": [...], "cwd": ..., "kind": "read", "at": 3, "error": 5, "at_least": 0, "to_the_end": false, "stdout": ...,
     "stderr": ...}
    {"code": 2, "calls": 3, "hits": 1, "path": ".../X.npy"}

`calls` counts those of the kind up to where the run ended; a run that was killed has the negative signal as its code.
What a run left is collected at its end; the interpreter and its modules are taken down too where `"to_the_end": true`,
which takes three times as long as most runs.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from forked import import_everything

SECONDS = 60
LAYER = ctypes.CDLL(None)


def child(request: dict, counts: int) -> None:
    """Become lossurf, armed; what it counted is written behind it, whatever ends it."""
    signal.alarm(SECONDS)
    for target, name in ((1, "stdout"), (2, "stderr")):
        opened = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, target)
        os.close(opened)
    os.chdir(request["cwd"])
    sys.argv = ["lossurf", *request["argv"]]

    def disarm() -> None:
        told = f"{LAYER.fault_calls()} {LAYER.fault_hits()} ".encode() + LAYER.fault_path()
        LAYER.fault_arm(None, 0, 0, b"/", 0)
        os.write(counts, told)

    atexit.register(disarm)
    LAYER.fault_path.restype = ctypes.c_char_p
    LAYER.fault_arm.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
    from lossurf.__main__ import main

    kind, under = request["kind"].encode(), os.fsencode(request["cwd"])
    LAYER.fault_arm(kind, request["at"], request["error"], under, request["at_least"])
    code: object = 0
    try:
        main()
    except SystemExit as ending:
        if request["to_the_end"]:
            raise
        code = ending.code
    _end(code)  # here, where nothing holds the exception and what it passed through


def _end(code: object) -> None:
    """End the process after what a run left, but not its modules, is destroyed."""
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    os._exit(code or 0)


def serve() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(request, writing)
            return
        os.close(writing)
        status = os.waitpid(pid, 0)[1]
        calls, hits, path = (os.read(reading, 5000).decode(errors="replace") or "0 -1 ").split(" ", 2)
        os.close(reading)
        told = {"code": os.waitstatus_to_exitcode(status), "calls": int(calls), "hits": int(hits), "path": path}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    import_everything()
    gc.freeze()
    serve()
