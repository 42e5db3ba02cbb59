"""A CSV of 20 columns with each reader, and reduced, in processes of their own: python csv_readers.py [MB].

`itself` is the reader alone on the same pieces of the file, of which nothing is made; `blocks` is reading as lossurf
does, with every check; `reduced` is the whole triangle, as `lossurf reduce` makes it, on the cores at hand; `by_hand`
is what a user would write: the file read whole by that library, and the normal equations in numpy. The last columns are
`reduced` over `itself`, in CPU and in wall time, and over `by_hand`, in CPU time.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Cost, alone

READERS = ("polars", "pyarrow", "pandas", "numpy")


def write_table(path: Path, megabytes: float) -> None:
    """Write standard normal numbers with 17 digits and a header: the same 8 MB again and again."""
    generator = np.random.default_rng(0)
    rows = "\n".join(",".join(f"{x:.17g}" for x in row) for row in generator.standard_normal((20_000, 20)).tolist())
    text = f"{rows}\n".encode()
    with path.open("wb") as file:
        file.write((",".join(f"x{i}" for i in range(19)) + ",y\n").encode())
        for _ in range(max(1, round(megabytes * 1e6 / len(text)))):
            file.write(text)


def write_parquet(table: Path, path: Path) -> None:
    """Write the numbers of a table as Parquet."""
    from pyarrow import csv, parquet

    parquet.write_table(csv.read_csv(table), path)


def itself(path: Path, reader: str) -> None:
    """Let a reader read the pieces, or all of a Parquet file."""
    from lossurf.inputs.tables import fast_text

    if path.suffix == ".parquet":
        from pyarrow import parquet

        for batch in parquet.ParquetFile(path).iter_batches(65_536):
            np.stack([column.to_numpy() for column in batch.columns], axis=1)
        return
    with path.open("rb") as file:
        file.readline()
        for piece in fast_text.pieces(file):
            fast_text.READERS[reader](piece, ",", 20)


def blocks(path: Path, reader: str) -> None:
    """Read the table in blocks with one reader."""
    for _ in _opened(path, reader).blocks():
        pass


def reduced(path: Path, reader: str) -> None:
    """Reduce the table."""
    from lossurf.reduction.data import reduce_data

    reduce_data(_opened(path, reader))


def by_hand(path: Path, reader: str) -> None:
    """Read all of the table with a library, then solve the normal equations and measure the residual in numpy."""
    numbers = _whole(path, reader)
    X, Y = numbers[:, :-1], numbers[:, -1:]
    np.linalg.norm(Y - X @ np.linalg.solve(X.T @ X, X.T @ Y))


def _whole(path: Path, reader: str) -> np.ndarray:
    if path.suffix == ".parquet":
        import pandas

        return pandas.read_parquet(path).to_numpy()
    if reader == "polars":
        import polars

        return polars.read_csv(path).to_numpy()
    if reader == "pandas":
        import pandas

        return pandas.read_csv(path).to_numpy()
    if reader == "pyarrow":
        from pyarrow import csv

        return np.stack([column.to_numpy() for column in csv.read_csv(path).columns], axis=1)
    return np.loadtxt(path, delimiter=",", skiprows=1)


def _opened(path: Path, reader: str):
    from lossurf.inputs.tables import fast_text
    from lossurf.inputs.tables.data import open_dataset

    fast_text.fastest_reader = lambda: fast_text.READERS[reader]
    return open_dataset(path, targets=("y",))


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 310.0
    ways = (itself, blocks, reduced, by_hand)
    heads = [f"{way.__name__}: {what}" for way in ways for what in ("CPU s", "wall s", "MB")]
    print("| reader | " + " | ".join(heads) + " | CPU ratio | wall ratio | CPU : by hand |")
    print("|---|" + "---|" * (len(heads) + 3))
    with tempfile.TemporaryDirectory() as folder:
        path, binary = Path(folder) / "table.csv", Path(folder) / "table.parquet"
        write_table(path, megabytes)
        alone(write_parquet, path, binary)
        for table, reader in (*((path, reader) for reader in READERS), (binary, "pyarrow")):
            costs: list[Cost] = [alone(way, table, reader) for way in ways]
            cells = [text for cost in costs for text in (f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{cost.peak:.0f}")]
            ratios = [costs[2].cpu / costs[0].cpu, costs[2].wall / costs[0].wall, costs[2].cpu / costs[3].cpu]
            name = f"{reader}{', Parquet' if table is binary else ''}"
            print(f"| {name} | " + " | ".join([*cells, *(f"{ratio:.2f}" for ratio in ratios)]) + " |", flush=True)


if __name__ == "__main__":
    main()
