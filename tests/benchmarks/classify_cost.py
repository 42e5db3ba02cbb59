"""Cost of the verdict in gradients of the reduced problem: python tests/benchmarks/classify_cost.py [d ...]."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from points import KINDS, gradient, point, problem_and_map
from run import machine

from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.reduction.blas_threads import SingleThreadHold


def cpu(repeats, call, *arguments):
    """Least CPU seconds of one call."""
    best = float("inf")
    for _ in range(repeats):
        before = time.process_time()
        call(*arguments)
        best = min(best, time.process_time() - before)
    return best


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or [128, 256, 512]
    print(f"{datetime.now(UTC):%d %B %Y}; {machine()}\n")
    print("| d | N | " + " | ".join(KINDS) + " | one gradient, ms |")
    print("|---|---|" + "---|" * (len(KINDS) + 1))
    with SingleThreadHold():
        for d in sizes:
            for depth in (3, 6):
                problem, svd = problem_and_map(d)
                repeats = max(5, 2500 // d)  # the least of as many, both of the unit and of the verdict
                cells = []
                for kind in KINDS:
                    layers = point(kind, d, depth, svd)
                    unit = cpu(repeats, gradient, layers, problem.target)
                    found = classify_network(Checkpoint.of(layers), problem).verdict
                    assert found == kind, (found, kind)
                    cells.append(f"{cpu(repeats, classify_network, Checkpoint.of(layers), problem) / unit:.1f} g")
                print(f"| {d} | {depth} | " + " | ".join(cells) + f" | {1e3 * unit:.2f} |", flush=True)


if __name__ == "__main__":
    main()
