"""One call after the other fails, of every kind, in every command, until there is none left to fail."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from command_lines import Line, Outcome, available, broken, outcome, prepare
from process import clean_environment

HERE = Path(__file__).parent
COMPILER = shutil.which("cc")
SUPPORTED = COMPILER is not None and sys.platform == "linux"
WHY_NOT = "needs a C compiler on Linux"

KINDS = {
    "open": (errno.EIO, errno.EMFILE),
    "read": (errno.EIO,),
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO,),
    "rename": (errno.EACCES,),
    "mmap": (errno.ENOMEM,),
    "stat": (errno.EIO,),
    "lseek": (errno.ESTALE,),
    "close": (errno.EIO,),
    "malloc": (errno.ENOMEM,),
}
AT_LEAST = 2048
"""Bytes of an allocation that counts. Smaller ones are the interpreter's own, in which it ends itself."""


def build(directory: Path) -> Path:
    """Compile the fault layer."""
    library = directory / "fault_layer.so"
    command = [COMPILER, "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, HERE / "fault_layer.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


class Server:
    """The process that runs are forked from; `to_the_end`: each takes its modules down too, as an interpreter does."""

    def __init__(self, library: Path, scratch: Path, *, to_the_end: bool = True) -> None:
        self.stdout, self.stderr, self.to_the_end = scratch / "stdout", scratch / "stderr", to_the_end
        self._whole: dict[str, Outcome] = {}
        environment = clean_environment(LD_PRELOAD=str(library), OPENBLAS_NUM_THREADS="1", MPLCONFIGDIR=str(scratch))
        self.process = subprocess.Popen(
            [sys.executable, HERE / "fork_server.py"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closes both pipes, and waits

    def undisturbed(self, home: Path, name: str) -> Outcome:
        """Return what a command leaves in which nothing fails; it is run once."""
        if name not in self._whole:
            self._whole[name], _ = self.run(home, available()[name], "none", 0, 0, there=False)
            assert self._whole[name].code in (0, 1), (name, self._whole[name])
        return self._whole[name]

    def run(self, home: Path, it: Line, kind: str, at: int, error: int, *, there: bool) -> tuple[Outcome, dict]:
        """Run a command line with the at-th call of a kind failing; 0 for none."""
        before = prepare(home, it, there=there)
        request = {
            "argv": it.argv, "cwd": str(home), "kind": kind, "at": at, "error": error, "at_least": AT_LEAST,
            "to_the_end": self.to_the_end, "stdout": str(self.stdout), "stderr": str(self.stderr),
        }  # fmt: skip
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        told = self.stderr.read_text(errors="replace")
        return outcome(home, it, (answer["code"], self.stdout.read_bytes(), told), before), answer


def attack(
    server: Server, home: Path, names: list[str], kinds: list[str], *, most: int | None = None, counts: Counter
) -> Iterator[str]:
    """Yield what breaks; `most` runs of a kind in a command, spread over its calls, all where it is None."""
    for name in names:
        it, whole = available()[name], server.undisturbed(home, name)
        for kind in kinds:
            there = kind in ("write", "rename", "fsync")
            calls = server.run(home, it, kind, 0, 0, there=there)[1]["calls"]
            for error in KINDS[kind]:
                for at in spread(calls, most):
                    found, answer = server.run(home, it, kind, at, error, there=there)
                    counts["runs"] += 1
                    counts[kind] += answer["hits"] != 0
                    for wrong in broken(found, whole, there=there) + _unnamed(found, kind, answer["path"]):
                        told = found.stderr.strip().partition("\n")[0]
                        yield f"{name}: {kind} {at} of {calls} with {os.strerror(error)}: {wrong}: {told[:200]}"


def _unnamed(found: Outcome, kind: str, path: str) -> list[str]:
    """Ask that a refusal names the input that could not be read."""
    name = Path(path).name
    about_input = kind in ("read", "lseek", "close") and name and ".lossurf-" not in name and "/out" not in path
    return [f"{name} is not named"] if about_input and found.code == 2 and name not in found.stderr else []


def spread(calls: int, most: int | None) -> list[int]:
    """Numbers of calls from 1, all or `most` of them from the first to the last."""
    if most is None or calls <= most:
        return list(range(1, calls + 1))
    return sorted({1 + round(k * (calls - 1) / max(most - 1, 1)) for k in range(most)})
