"""Every write at a full disk: under a limit on the size of files, and on a file system of a few pages."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_lines import Line, Outcome, available, broken, outcome, prepare
from process import clean_environment

WRITING = [name for name, it in available().items() if it.targets]


def run(home: Path, it: Line, before: set[str], largest: int | None = None) -> Outcome:
    """Run a command; no file that it writes may grow beyond `largest` bytes."""

    def limited() -> None:
        if largest is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then write fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    done = subprocess.run(
        [sys.executable, "-B", "-m", "lossurf", *it.argv],
        cwd=home,
        env=clean_environment(),
        capture_output=True,
        timeout=120,
        check=False,
        preexec_fn=limited,
    )
    return outcome(home, it, (done.returncode, done.stdout, done.stderr.decode(errors="replace")), before)


def at_every_size(home: Path, names: list[str], most: int, counts: Counter) -> Iterator[str]:
    """Yield what breaks where files may only grow to a number of bytes, `most` numbers a command."""
    for name in names:
        it = available()[name]
        whole = run(home, it, prepare(home, it, there=False))
        size = max(map(len, whole.written.values()))
        for k in range(most):
            found = run(home, it, prepare(home, it, there=k % 2 == 1), k * (size - 1) // max(most - 1, 1))
            counts["full disk"] += 1
            wrong = broken(found, whole, there=k % 2 == 1)
            wrong += [f"exit {found.code} where nothing fits"] if found.code != 2 else []
            yield from (f"{name}: file size {k}: {story}: {found.stderr[-300:]!r}" for story in wrong)


@contextmanager
def little_disk(place: Path, size: int) -> Iterator[str | None]:
    """Mount a file system of `size` bytes; yields why it cannot be."""
    place.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        yield "needs the right to mount a file system"
        return
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"no file system can be mounted here: {done.stderr.strip()}"
        return
    try:
        yield None
    finally:
        subprocess.run([str(shutil.which("umount")), str(place)], check=True)


def on_a_full_file_system(home: Path, names: list[str], counts: Counter) -> Iterator[str]:
    """Yield what breaks where `out` is full but for a page, or to the last byte; what cannot be mounted is skipped."""
    for name in names:
        it = available()[name]
        whole = run(home, it, prepare(home, it, there=False))
        for left in (0, 4096):
            prepare(home, it, there=False)
            with little_disk(home / "out", 1 << 16) as reason:
                if reason:
                    counts[f"skipped: {reason}"] += 1
                    return
                (home / "out" / "ballast").write_bytes(bytes((1 << 16) - left))
                before = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
                found = run(home, it, before)
            counts["full file system"] += 1
            yield from (f"{name}: {left} bytes left: {story}" for story in broken(found, whole, there=False))
