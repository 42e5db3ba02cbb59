"""The reduction from a warm file, beside others that compute the same: python reduction.py [GB] [n ...]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import alone

GOAL_GRAM = {20: 1.0, 80: 1.35, 288: 1.6, 1088: 1.8}
GOAL_LSTSQ = {20: 12.0, 80: 7.0, 288: 3.8, 1088: 1.7}


def write_data(folder: Path, samples: int, n: int) -> None:
    """Write X.npy and Y.npy of that many columns together, block by block."""
    generator = np.random.default_rng(n)
    dy = max(1, n // 10)
    for name, columns in (("X", n - dy), ("Y", dy)):
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", "float64", (samples, columns))
        for first in range(0, samples, 8192):
            array[first : first + 8192] = generator.standard_normal((min(8192, samples - first), columns))


def load(folder: Path):
    return np.load(folder / "X.npy"), np.load(folder / "Y.npy")


def ours(folder: Path, threads: int):
    from lossurf.inputs.tables.data import open_dataset
    from lossurf.reduction.data import reduce_data

    return reduce_data(open_dataset(folder), threads=threads)


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
    samples = int(gigabytes * 1e9 / 8 / n)
    write_data(folder, samples, n)
    fast = alone(ours, folder, 2, repeats=3)
    single = alone(ours, folder, 1, repeats=2)
    reference = in_memory(gram, folder, 3)
    others = [in_memory(call, folder, 1) for call in (lstsq_and_spectrum, normal_equations, scikit_learn, numpy_qr)]
    lstsq = others[0]
    cells = [
        f"{n}",
        f"{fast.cpu:.2f} / {fast.wall:.2f}",
        f"{single.cpu:.2f}",
        f"{reference.cpu:.2f}",
        *(f"{cost.cpu:.2f}" for cost in others),
        f"**{fast.wall / reference.wall:.2f}** ({fast.cpu / 2 / reference.cpu:.2f}); {GOAL_GRAM.get(n, '-')}",
        f"**{lstsq.cpu / single.cpu:.1f}**; {GOAL_LSTSQ.get(n, '-')}",
        f"{fast.peak:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


HEADER = """\
| n | lossurf, 2 threads: CPU / wall s | lossurf, 1 thread: CPU s | Gram (dsyrk) | lstsq + eigvalsh | normal equations \
| scikit-learn | numpy.linalg.qr | wall : Gram's wall (half the CPU : Gram's CPU); goal | lstsq : lossurf, CPU; goal \
| lossurf peak MB |
|---|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.07
    sizes = [int(argument) for argument in sys.argv[2:]] or list(GOAL_GRAM)
    print(HEADER)
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder), n, gigabytes), flush=True)


if __name__ == "__main__":
    main()
