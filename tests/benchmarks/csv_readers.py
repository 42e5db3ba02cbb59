"""Reading a CSV of 20 columns with each reader, in a process of its own: python csv_readers.py [MB]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import alone


def write_table(path: Path, megabytes: float) -> None:
    """Write standard normal numbers with 17 digits and a header."""
    generator = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(19)) + ",y\n")
        while file.tell() < megabytes * 1e6:
            np.savetxt(file, generator.standard_normal((2000, 20)), "%.17g", ",")


def read(path: Path, reader: str | None) -> int:
    """Read the table with one reader, or with none of them."""
    from lossurf.inputs.tables import fast_text
    from lossurf.inputs.tables.data import open_dataset

    fast_text.fastest_reader = lambda: None if reader is None else fast_text.READERS[reader]
    return sum(len(X) for X, _ in open_dataset(path, targets=("y",)).blocks())


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 310.0
    print("| reader | CPU s | peak MB |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, megabytes)
        for reader in ("polars", "pyarrow", "pandas", None):
            cost = alone(read, path, reader)
            print(f"| {reader or 'none (numpy)'} | {cost.cpu:.2f} | {cost.peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
