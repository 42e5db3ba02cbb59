"""Cost of a checkpoint among many against its verdict alone: python tests/benchmarks/many_checkpoints.py [d ...].

The command `classify` is run on 400 checkpoints and on one, in this process; the difference, a checkpoint, is what
reading it, judging it, making its part of the document and writing that take, here as a multiple of the verdict alone:
`classify_network` of the same networks in memory. CPU time, one BLAS thread, least of three.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from classify_cost import cpu
from points import KINDS, point, rotation

from lossurf import Data
from lossurf.cli import group
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.reduction.blas_threads import SingleThreadHold

CHECKPOINTS = 400
DEPTH = 3
FORMATS = ("table", "json", "jsonl", "junit")


def written(d: int, home: Path) -> tuple[Path, list[list[np.ndarray]]]:
    """Write data of d inputs and outputs and a run of networks at all kinds of points; return data and layers."""
    generator = np.random.default_rng(d)
    U, V, values = rotation(generator, d), rotation(generator, d), np.linspace(2.0, 1.0, d)
    Q = np.linalg.qr(generator.standard_normal((10 * d, 2 * d)))[0]
    X, Y = Q[:, :d], Q[:, :d] @ (U * values @ V.T).T + 0.1 * Q[:, d:]
    np.savez(home / "data.npz", X=X, Y=Y)
    kinds = [KINDS[n % len(KINDS)] for n in range(CHECKPOINTS)]
    run = [point(kind, d, DEPTH, (U, values, V), seed=n) for n, kind in enumerate(kinds)]
    for n, layers in enumerate(run):
        np.savez(home / f"{n:03}.npz", **{f"W{k}": W for k, W in enumerate(layers, 1)})
    return home / "data.npz", run


def verdicts(run: list[list[np.ndarray]], data: Path) -> None:
    """Judge networks in memory."""
    problem = Data.open(data).problem(bias=False)
    for layers in run:
        classify_network(Checkpoint.of(layers), problem)


def command(data: Path, count: int, form: str, home: Path) -> None:
    """Run the command on the first checkpoints."""
    paths = [str(home / f"{n:03}.npz") for n in range(count)]
    words = ["classify", *paths, "--data", str(data), "--format", form, "-o", str(home / "report"), "--quiet"]
    group.main(words, standalone_mode=False, obj=tuple(words))


def main() -> None:
    """Print the table."""
    print("| d | verdict alone, ms | " + " | ".join(FORMATS) + " |")
    print("|---|---|" + "---|" * len(FORMATS))
    for d in [int(argument) for argument in sys.argv[1:]] or [4, 64]:
        with tempfile.TemporaryDirectory() as name, SingleThreadHold():
            home = Path(name)
            data, run = written(d, home)
            alone = (cpu(3, verdicts, run, data) - cpu(3, verdicts, run[:1], data)) / (CHECKPOINTS - 1)
            cells = []
            for form in FORMATS:
                many, one = (cpu(3, command, data, count, form, home) for count in (CHECKPOINTS, 1))
                cells.append(f"{(many - one) / (CHECKPOINTS - 1) / alone:.2f}")
            print(f"| {d} | {1e3 * alone:.2f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
