"""What watching a training run costs, from the root of the repository and with one thread:

    OPENBLAS_NUM_THREADS=1 PYTHONPATH=.:tests/benchmarks python tests/benchmarks/callbacks.py [d ...]

One judgement of `Monitor` against one training step of the same network (three square layers, batches of 128, SGD in
float32), both CPU seconds of one process, and the share of a step that judging every 100 steps adds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import lossurf
from lossurf.callbacks import Monitor

BATCH, EVERY = 128, 100


def least(call: Callable[[], object], repeats: int) -> float:
    """Least CPU seconds of several calls, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        before = time.process_time()
        call()
        times.append(time.process_time() - before)
    return min(times)


def costs(width: int) -> tuple[float, float]:
    """CPU seconds of one training step and of one judgement."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4 * width, width)).astype("float32")
    Y = (X @ rng.standard_normal((width, width)) / width).astype("float32")
    network = torch.nn.Sequential(*(torch.nn.Linear(width, width, bias=False) for _ in range(3)))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    x, y = torch.tensor(X[:BATCH]), torch.tensor(Y[:BATCH])

    def train() -> None:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(x), y).backward()
        optimizer.step()

    monitor = Monitor(lossurf.Data(X, Y))
    return least(train, 50), least(lambda: monitor.step(network, 0), 5)


def main() -> None:
    """Measure and print."""
    widths = [int(argument) for argument in sys.argv[1:]] or [32, 64, 128, 256]
    print("| d | step, ms | judgement, ms | judgement / step | share of a step, every 100 |")
    print("|---|---|---|---|---|")
    for width in widths:
        step, judgement = costs(width)
        ratio = judgement / step
        print(f"| {width} | {1e3 * step:.3g} | {1e3 * judgement:.3g} | {ratio:.3g} | {ratio / EVERY:.0%} |")


if __name__ == "__main__":
    main()
