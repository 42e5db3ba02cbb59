"""Workers and schedulers of dask killed with SIGKILL at random moments of a reduction."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
from process import clean_environment

SECONDS_TO_TELL = 30.0
SECONDS_TO_CONNECT = 10.0

_MAIN = "from lossurf.cli import main; main(sys.argv[1:])"
_CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    input()
"""


def make_parts(home: Path, parts: int = 8, rows: int = 20_000) -> None:
    """Write data in several files, each a task."""
    rng = np.random.default_rng(1)
    for k in range(parts):
        np.save(home / f"X-{k}.npy", rng.standard_normal((rows, 12)))
        np.save(home / f"Y-{k}.npy", rng.standard_normal((rows, 2)))


def start(home: Path, *options: str, program: tuple[str, ...] = ("-m", "lossurf")) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        *program,
        "reduce",
        "--x",
        "X-*.npy",
        "--y",
        "Y-*.npy",
        "-o",
        "s.lossurf.npz",
        "-q",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, *options], cwd=home, env=clean_environment(), start_new_session=True, **pipes)


def undisturbed(home: Path) -> bytes:
    """Return the summary of a run in which nothing is killed."""
    out, err = start(home, "--engine", "dask", "--workers", "2").communicate(timeout=120)
    assert (home / "s.lossurf.npz").exists(), (out, err)
    return (home / "s.lossurf.npz").read_bytes()


@contextmanager
def cluster() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A scheduler with two workers in processes of their own; what is left of it is ended by its session."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=clean_environment(),
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        end_session(process)


def end_session(process: subprocess.Popen[str]) -> None:
    """End what one of these processes started; its number is that of their session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the workers below a process: interpreters that were spawned to do a cluster's work."""
    try:
        below = psutil.Process(pid).children(recursive=True)
        return [child for child in below if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def attack(home: Path, rounds: int, seed: int, counts: Counter) -> Iterator[str]:
    """Yield what breaks in runs whose workers are killed, and in every fifth whose scheduler is."""
    right, choose, made = undisturbed(home), random.Random(seed), home / "s.lossurf.npz"
    for turn in range(rounds):
        made.unlink(missing_ok=True)
        if turn % 5 == 4:
            with cluster() as (scheduler, address):
                process = start(home, "--engine", "dask", "--scheduler", address)
                time.sleep(choose.uniform(0.5, 4.0))
                scheduler.kill()
                killed, counts["schedulers killed"] = time.monotonic(), counts["schedulers killed"] + 1
                yield from _told(process, made, right, ("scheduler", killed), counts)
            continue
        process = start(home, "--engine", "dask", "--workers", "2")
        killed = time.monotonic()
        for _ in range(choose.randint(1, 3)):
            time.sleep(choose.uniform(0.3, 3.0))
            found = workers_of(process.pid)
            if process.poll() is None and found:
                try:
                    choose.choice(found).kill()
                except psutil.Error:
                    continue
                killed, counts["workers killed"] = time.monotonic(), counts["workers killed"] + 1
        yield from _told(process, made, right, ("worker", killed), counts)


def _told(
    process: subprocess.Popen[str], made: Path, right: bytes, killed: tuple[str, float], counts: Counter
) -> Iterator[str]:
    """Yield what is wrong with the end of a run in which something was killed at a time."""
    what, since = killed
    counts["runs of dask"] += 1
    try:
        _, err = process.communicate(timeout=2 * SECONDS_TO_TELL)
    except subprocess.TimeoutExpired:
        end_session(process)
        yield f"{what} killed: no end after {2 * SECONDS_TO_TELL:g} s"
        return
    spent = time.monotonic() - since
    end_session(process)
    if process.returncode == 0:
        counts["same bits"] += 1
        if made.read_bytes() != right:
            yield f"{what} killed: other bits"
    else:
        counts["told"] += 1
        lines = err.strip().splitlines()
        if process.returncode != 2 or made.exists() or "Traceback" in err or len(lines) > 3:
            yield f"{what} killed: exit {process.returncode}, {err[:500]!r}"
        if spent > SECONDS_TO_TELL:
            yield f"{what} killed: told after {spent:.0f} s"
    left = [path.name for path in made.parent.iterdir() if ".lossurf-" in path.name]
    if left:
        yield f"{what} killed: left {left}"


def unreachable(home: Path, patience: float | None = None) -> tuple[int, float, str]:
    """Ask for a scheduler where none listens; return exit code, seconds and what was said.

    With `patience` the run waits that many seconds for one, and not as long as it does.
    """
    program = f"import sys; from lossurf.reduction import cluster; cluster._SECONDS_TO_CONNECT = {patience}; {_MAIN}"
    began = time.monotonic()
    options = {} if patience is None else {"program": ("-c", program)}
    process = start(home, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", **options)
    _, err = process.communicate(timeout=60)
    return process.returncode, time.monotonic() - began, err
