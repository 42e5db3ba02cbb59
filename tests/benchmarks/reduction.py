"""The reduction from a warm file, beside others that compute the same: python reduction.py [GB] [n ...].

A second table has X of condition 1e8, on which only what is unconditionally stable computes the same.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure import Cost, alone

GOAL_GRAM = {20: 1.0, 80: 0.8, 288: 0.75, 1088: 0.8}
GOAL_LSTSQ = {20: 12.0, 80: 7.0, 288: 5.0, 1088: 3.0}
ILL_CONDITIONED_GOAL = 1.5


def write_data(folder: Path, samples: int, n: int, condition: float = 1.0) -> None:
    """Write X.npy and Y.npy of that many columns together, block by block; X of that condition number, about."""
    generator = np.random.default_rng(n)
    dy = max(1, n // 10)
    mixed = np.linalg.qr(generator.standard_normal((n - dy, n - dy)))[0] * np.logspace(0, -np.log10(condition), n - dy)
    mixed = mixed @ np.linalg.qr(generator.standard_normal((n - dy, n - dy)))[0]
    for name, columns in (("X", n - dy), ("Y", dy)):
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", "float64", (samples, columns))
        for first in range(0, samples, 8192):
            rows = generator.standard_normal((min(8192, samples - first), columns))
            array[first : first + 8192] = rows @ mixed if name == "X" and condition > 1.0 else rows
        array.flush()
        del array
        _warm(folder / f"{name}.npy")


def _warm(path: Path) -> None:
    """Have a file in memory as reading brings it there: pages that were just written are copied more slowly."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(1 << 24):
            pass


def load(folder: Path):
    return np.load(folder / "X.npy"), np.load(folder / "Y.npy")


def ours(folder: Path, threads: int):
    from lossurf.inputs.tables.data import open_dataset
    from lossurf.reduction.data import reduce_data

    return reduce_data(open_dataset(folder), threads=threads)


def reflections(folder: Path, threads: int):
    """Reduce by Householder reflections alone, the first design."""
    from lossurf.reduction import engine
    from lossurf.reduction.kernels import LapackKernel

    engine.make_kernels = lambda n, width, _first, count: [LapackKernel(n, width) for _ in range(count)]
    return ours(folder, threads)


def gram(table):
    from scipy.linalg.blas import dsyrk

    return dsyrk(1.0, table.T)


def lstsq_and_spectrum(X, Y):
    W, residual, _, _ = np.linalg.lstsq(X, Y, rcond=None)
    fitted = X @ W
    return np.linalg.eigvalsh(fitted.T @ fitted), residual


def normal_equations(X, Y):
    W = np.linalg.solve(X.T @ X, X.T @ Y)
    return np.linalg.eigvalsh(W.T @ (X.T @ Y)), np.sum((X @ W - Y) ** 2)


def scikit_learn(X, Y):
    from sklearn.linear_model import LinearRegression

    return LinearRegression(fit_intercept=False, copy_X=False).fit(X, Y).coef_


def numpy_qr(X, Y):
    return np.linalg.qr(np.hstack([X, Y]), mode="r")


def in_memory(call, folder: Path, repeats: int):
    """CPU and wall seconds of call(X, Y) with the arrays in memory already."""
    return alone(_Loaded(call, folder), repeats=repeats)


class _Loaded:
    """A call whose arrays are loaded once, before the clock starts."""

    def __init__(self, call, folder):
        self.call, self.folder, self.arrays = call, folder, None

    def __setstate__(self, state):
        self.__dict__.update(state)
        X, Y = load(self.folder)
        self.arrays = (np.hstack([X, Y]),) if self.call is gram else (X, Y)

    def __call__(self):
        return self.call(*self.arrays)


def row(folder: Path, n: int, gigabytes: float) -> str:
    write_data(folder, int(gigabytes * 1e9 / 8 / n), n)
    costs = of_lossurf(folder)
    others = [in_memory(call, folder, 1) for call in (lstsq_and_spectrum, normal_equations, scikit_learn, numpy_qr)]
    cells = [*cells_of(n, *costs), *(f"{cost.cpu:.2f}" for cost in others)]
    cells += [
        goal(costs, n),
        f"**{others[0].cpu / costs[1].cpu:.1f}**; {GOAL_LSTSQ.get(n, '-')}",
        f"{costs[0].peak:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def ill_conditioned_row(folder: Path, n: int, gigabytes: float) -> str:
    write_data(folder, int(gigabytes * 1e9 / 8 / n), n, 1e8)
    costs = of_lossurf(folder)
    return "| " + " | ".join([*cells_of(n, *costs), goal(costs)]) + " |"


def of_lossurf(folder: Path) -> tuple[Cost, Cost, Cost, Cost]:
    """Costs of lossurf on two threads and on one, of its first design on one, and of the Gram matrix.

    Peak memory is that of one reduction: of several in one process malloc keeps some of the last for the next.
    """
    several, single, first = (alone(ours, folder, 2, repeats=3), *(alone(f, folder, 1, repeats=2) for f in OURS))
    several = replace(several, peak=alone(ours, folder, 2).peak)
    return several, single, first, in_memory(gram, folder, 3)


def cells_of(n: int, several: Cost, single: Cost, first: Cost, reference: Cost) -> list[str]:
    return [f"{n}", f"{several.cpu:.2f} / {several.wall:.2f}", *(f"{c.cpu:.2f}" for c in (single, first, reference))]


def goal(costs: tuple[Cost, Cost, Cost, Cost], n: int | None = None) -> str:
    """Wall to the Gram matrix's, and what it would be were the threads' work even and nobody else there."""
    several, _, _, reference = costs
    wanted = ILL_CONDITIONED_GOAL if n is None else GOAL_GRAM.get(n, "-")
    return f"**{several.wall / reference.wall:.2f}** ({several.cpu / 2 / reference.cpu:.2f}); {wanted}"


OURS = (ours, reflections)

GRAM = "wall : Gram's wall (half the CPU : Gram's CPU); goal"
LOSSURF = "lossurf, 2 threads: CPU / wall s | 1 thread: CPU s | Householder alone, 1 thread | Gram (dsyrk)"
OTHERS = "lstsq + eigvalsh | normal equations | scikit-learn | numpy.linalg.qr"
HEADER = f"| n | {LOSSURF} | {OTHERS} | {GRAM} | lstsq : lossurf, CPU; goal | lossurf peak MB |\n" + "|---" * 12 + "|"
ILL_CONDITIONED = f"| n | {LOSSURF} | {GRAM} |\n" + "|---" * 6 + "|"


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.07
    sizes = [int(argument) for argument in sys.argv[2:]] or list(GOAL_GRAM)
    print(f"Load average {os.getloadavg()[0]:.1f}.\n")
    for header, one_row in ((HEADER, row), (f"\nX of condition 1e8:\n\n{ILL_CONDITIONED}", ill_conditioned_row)):
        print(header)
        for n in sizes:
            with tempfile.TemporaryDirectory() as folder:
                print(one_row(Path(folder), n, gigabytes), flush=True)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
