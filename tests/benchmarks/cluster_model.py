"""What 10^12 samples of 100 columns would take, by constants measured here: python cluster_model.py [GB] [workers ...].

Prints the constants, the model's prediction for this machine beside a run of GB gigabytes (20), and the table for more
workers than anybody has at hand. The data of the run are one warm pair of files taken as many times over: what is
measured is the reduction and the cluster, not a disk.
"""

from __future__ import annotations

import math
import os
import pickle
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from reduction import write_data
from workers import peak

from lossurf.inputs.tables.parts import openers
from lossurf.reduction import cluster
from lossurf.reduction.cluster import Part, connect, reduce_on_cluster, reduce_part, split_into_parts
from lossurf.reduction.data import merge_triangles

COLUMNS = 100
SAMPLES = 10**12
WORKERS = (1, 10, 100, 1000, 10_000)
FILE_GB = 1.0
TASKS = 2000  # of nothing, to measure what the scheduler and the client take for one


@dataclass(frozen=True)
class Constants:
    """What was measured: CPU seconds, bytes."""

    gigabyte: float  # CPU s of a worker to reduce one from the page cache
    merge: float  # s of a merge of two triangles
    triangle: int  # bytes that travel with one
    task: float  # s between two tasks that a scheduler can start
    task_memory: float  # bytes that one takes in the process of the client and the scheduler
    worker_memory: float  # bytes, peak


@dataclass(frozen=True)
class Prediction:
    """Of one reduction: seconds, and what limits them."""

    parts: int
    work: float
    scheduling: float
    tail: float

    @property
    def seconds(self) -> float:
        return max(self.work, self.scheduling) + self.tail


def predict(found: Constants, gigabytes: float, parts: int, workers: int) -> Prediction:
    """Predict a run: parts are dealt to workers that take equally long; the scheduler starts one task after the other.

    Parts are counted whole, the last round with it. Merges run beside the parts but for those of the last part: as many
    as the tree is deep, each a merge and two tasks of the scheduler.
    """
    rounds = math.ceil(parts / workers)
    part = gigabytes / parts * found.gigabyte + found.merge
    tail = math.ceil(math.log2(parts)) * (found.merge + 2.0 * found.task) if parts > 1 else 0.0
    return Prediction(parts, rounds * part, 2.0 * parts * found.task, tail)


def measure(folder: Path, gigabytes: float) -> Constants:
    """Measure every constant on this machine."""
    parts = split_into_parts(openers(folder))
    used, triangles = [], []
    for _ in range(3):
        before = time.process_time()
        triangles = [reduce_part(part) for part in parts]
        used.append(time.process_time() - before)
    merging = least(lambda: merge_triangles(triangles[0], triangles[-1]), 20)
    with connect(None, workers=1) as client:
        client.gather(client.map(abs, range(100), pure=False))
        memory, before = resident(), time.process_time()
        futures = client.map(abs, range(TASKS), pure=False)
        client.gather(futures)
        task, task_memory = (time.process_time() - before) / TASKS, (resident() - memory) / TASKS
        del futures
        reduce_on_cluster(parts, client)
        worker = max(client.run(peak).values())
    size = len(pickle.dumps(triangles[0]))
    return Constants(min(used) / gigabytes, merging, size, task, max(task_memory, 0.0), worker * 2**20)


def least(call: Callable[[], object], repeats: int) -> float:
    """CPU seconds of a call, the least of several."""
    found = math.inf
    for _ in range(repeats):
        before = time.process_time()
        call()
        found = min(found, time.process_time() - before)
    return found


def resident() -> float:
    """Resident memory of this process, bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return 1024.0 * int(line.split()[1])


@dataclass(frozen=True)
class Run:
    """A run with so many workers: wall and CPU seconds, peak memory of a worker in MB, and the triangle."""

    wall: float
    cpu: float
    memory: float
    r: np.ndarray[Any, Any]


def run(parts: list[Part], workers: int) -> Run:
    with connect(None, workers=workers) as client:
        client.gather(client.map(warm_up, range(workers), pure=False))
        before, used = time.perf_counter(), sum(client.run(time.process_time).values())
        triangle = reduce_on_cluster(parts, client)
        wall, used = time.perf_counter() - before, sum(client.run(time.process_time).values()) - used
        return Run(wall, used, max(client.run(peak).values()), triangle.r)


def warm_up(_number: int) -> None:
    """Import in a worker what a reduction needs."""
    import scipy.linalg  # noqa: F401


def print_constants(found: Constants) -> None:
    print(f"| reducing a GB of {COLUMNS} columns | {found.gigabyte:.2f} CPU s |")
    print(f"| merging two triangles | {1e3 * found.merge:.1f} ms |")
    print(f"| a triangle, as it travels | {found.triangle / 1e3:.0f} kB |")
    print(f"| a task: scheduler and client, CPU | {1e3 * found.task:.2f} ms |")
    print(f"| a task: memory of scheduler and client | {found.task_memory / 1e3:.1f} kB |")
    print(f"| peak memory of a worker | {found.worker_memory / 2**20:.0f} MB |")


def print_runs(found: Constants, folder: Path, gigabytes: float, counts: list[int]) -> None:
    """Print runs on this machine beside the prediction: no more workers than cores work at once."""
    parts = split_into_parts(openers(folder) * round(gigabytes / FILE_GB))
    gigabytes, cores, first = round(gigabytes / FILE_GB) * FILE_GB, os.cpu_count() or 1, None
    print("| workers | CPU s, all workers | predicted | wall s | predicted | load | peak MB a worker | same bits |")
    print("|---|---|---|---|---|---|---|---|")
    for workers in counts:
        load = os.getloadavg()[0]
        measured = run(parts, workers)
        first = measured.r if first is None else first
        same = "yes" if np.array_equal(measured.r, first) else "NO"
        expected = predict(found, gigabytes, len(parts), min(workers, cores))
        work = gigabytes * found.gigabyte + (len(parts) - 1) * found.merge
        shared = expected.seconds + (expected.scheduling / cores if workers >= cores else 0.0)
        cells = (workers, f"{measured.cpu:.1f}", f"{work:.1f}", f"{measured.wall:.1f}", f"{shared:.1f}", f"{load:.1f}")
        print("| " + " | ".join(map(str, (*cells, f"{measured.memory:.0f}", same))) + " |", flush=True)


def print_model(found: Constants) -> None:
    """Print time, traffic, memory and cost for numbers of workers nobody has at hand, and where more do not help."""
    gigabytes = 8e-9 * SAMPLES * COLUMNS
    parts = math.ceil(8 * SAMPLES * COLUMNS / cluster.part_size(8 * SAMPLES * COLUMNS))
    traffic = 1e-9 * (parts - 1) * found.triangle
    print("| workers | hours | reading, GB/s in all | limit | machine hours |")
    print("|---|---|---|---|---|")
    for workers in WORKERS:
        expected = predict(found, gigabytes, parts, workers)
        limit = "work" if expected.work >= expected.scheduling else "scheduler"
        cells = f"{expected.seconds / 3600:.3g} | {gigabytes / expected.seconds:.3g} | {limit}"
        print(f"| {workers:,} | {cells} | {workers * expected.seconds / 3600:.0f} |")
    part, tail = gigabytes / parts * found.gigabyte, predict(found, gigabytes, parts, 1).tail
    scheduling, memory = 2 * parts * found.task, 2e-9 * parts * found.task_memory
    print(
        f"\n{gigabytes / 1e3:,.0f} TB in {parts:,} parts of {gigabytes / parts:.1f} GB, {part:.0f} s each. Over the "
        f"wire go {traffic:.1f} GB of triangles at most, {traffic / gigabytes:.0e} of the data; a worker takes "
        f"{found.worker_memory / 2**20:.0f} MB, client and scheduler {memory:.1f} GB. The scheduler takes "
        f"{scheduling:.0f} s for all tasks, as {part / (2 * found.task):,.0f} workers do for the parts: from there on "
        f"more do not help. Merges of the last part take {tail:.2f} s."
    )


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    counts = [int(argument) for argument in sys.argv[2:]] or [1, 2, 4]
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {kernels()}, ", end="")
    print(f"{datetime.now(UTC):%d %B %Y}\n\n| constant | measured |\n|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, int(FILE_GB * 1e9 / 8 / COLUMNS), COLUMNS)
        found = measure(folder, FILE_GB)
        print_constants(found)
        print(f"\n{gigabytes:g} GB here:\n")
        print_runs(found, folder, gigabytes, counts)
    print(f"\n10^{round(math.log10(SAMPLES))} samples, {COLUMNS} columns, float64:\n")
    print_model(found)


def kernels() -> str:
    """Name the kernels that the loaded BLAS libraries picked, where threadpoolctl is there to ask."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "kernel unknown (threadpoolctl is not installed)"
    return "kernel " + ", ".join(sorted({str(library.get("architecture")) for library in threadpool_info()}))


if __name__ == "__main__":
    main()
