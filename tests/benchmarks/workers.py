"""The dask engine with 1, 2, 4 and 8 local workers, and with one killed: python workers.py DATA [n ...]."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from lossurf.inputs.tables.parts import openers
from lossurf.reduction.cluster import connect, reduce_on_cluster, split_into_parts


def run(parts, workers: int, kill: bool = False):
    """Reduce on a new local cluster; return the triangle, wall seconds and the largest worker's peak MB."""
    with connect(None, workers=workers) as client:
        processes = list(client.run(os.getpid).values())

        def progress(done, whole):
            if kill and done == max(1, whole // 4) and processes:
                os.kill(processes.pop(), signal.SIGKILL)

        before = time.perf_counter()
        triangle = reduce_on_cluster(parts, client, progress=progress)
        seconds = time.perf_counter() - before
        return triangle, seconds, max(client.run(peak).values())


def peak() -> float:
    """Peak resident memory of the process in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    parts = split_into_parts(openers(Path(sys.argv[1])))
    counts = [int(argument) for argument in sys.argv[2:]] or [1, 2, 4, 8]
    print(f"{len(parts)} parts\n\n| workers | wall s | peak MB a worker | same bits |\n|---|---|---|---|")
    first = None
    for workers, kill in [*((count, False) for count in counts), (max(counts), True)]:
        triangle, seconds, memory = run(parts, workers, kill)
        first = triangle if first is None else first
        same = "yes" if np.array_equal(triangle.r, first.r) else "NO"
        name = f"{workers}, one killed" if kill else f"{workers}"
        print(f"| {name} | {seconds:.1f} | {memory:.0f} | {same} |", flush=True)


if __name__ == "__main__":
    main()
