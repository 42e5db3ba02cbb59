"""Run the benchmarks one after the other and print one markdown document: `python tests/benchmarks/run.py [NAME ...]`.

Names are the programs beside this file without `.py`; by default those that need nothing but the test dependencies.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEFAULT = ("reduction", "csv_readers", "classify_cost", "many_checkpoints", "startup")
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "polars",
    "pyarrow",
    "pandas",
    "torch",
    "hessian-eigenthings",
    "curvlinops-for-pytorch",
)


def machine() -> str:
    """Describe the machine, its load and the versions that are measured."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    cores, load = os.cpu_count(), os.getloadavg()[0]
    python = f"Python {platform.python_version()}"
    return f"{platform.platform()}, {cores} cores, load {load:.1f} before the first run; {python}, {', '.join(found)}."


def main() -> None:
    """Print the tables; exit with 1 if a program failed."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    print(f"# Benchmarks\n\n{machine()}", flush=True)
    failed = False
    for name in sys.argv[1:] or DEFAULT:
        print(f"\n## {name}\n", flush=True)
        failed |= subprocess.run([sys.executable, HERE / f"{name}.py"], cwd=ROOT, env=environment).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
