"""How long lossurf takes to start, as ratios taken in one run: `python tests/benchmarks/startup.py [--json] [repeats]`.

CPU time of whole processes (user and system), median of interleaved repeats: other work on the machine moves it less
than wall-clock time. The limits are what each command is promised to stay below.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MAIN = "from lossurf.__main__ import main; main()"  # what the installed script does
IMPORTS = "import click, rich.console, rich.table, yaml, numpy"
WINE = "sample_data/wine"

COMMANDS = {
    "bare python": ["-c", ""],
    "import click": ["-c", "import click"],
    "lossurf --help": ["-c", MAIN, "--help"],
    "imports of check": ["-c", IMPORTS],
    "lossurf check": ["-c", MAIN, "check", "sample_data/linnerud"],
    "lossurf check --format json": ["-c", MAIN, "check", "sample_data/linnerud", "--format", "json"],
    "lossurf classify": ["-c", MAIN, "classify", f"{WINE}/checkpoints/bad-saddle.npz", "--data", WINE],
}
LIMITS = {
    ("lossurf --help", "import click"): 1.6,
    ("lossurf check", "imports of check"): 1.3,
    ("lossurf check --format json", "imports of check"): 1.3,
}


def cpu_milliseconds(arguments: list[str]) -> float:
    """CPU time of one run of the interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    usage = os.wait4(process.pid, 0)[2]
    return 1000.0 * (usage.ru_utime + usage.ru_stime)


def medians(repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of every command, runs interleaved so that a busy spell hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats + 1):
        for name, arguments in COMMANDS.items():
            times[name].append(cpu_milliseconds(arguments))
    return {name: statistics.median(values[1:]) for name, values in times.items()}  # the first run fills caches


def main() -> None:
    """Measure and print; exit with 1 if a limit is exceeded."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    found = medians(numbers[0] if numbers else 15)
    ratios = {pair: found[pair[0]] / found[pair[1]] for pair in LIMITS}
    if "--json" in sys.argv:
        print(json.dumps({"cpu_ms": found, "ratios": {" / ".join(pair): ratio for pair, ratio in ratios.items()}}))
    else:
        for name, value in found.items():
            print(f"{name:30} {value:7.1f} ms CPU")
        for pair, ratio in ratios.items():
            print(f"{' / '.join(pair):50} {ratio:5.2f}   limit {LIMITS[pair]}")
    sys.exit(any(ratio > LIMITS[pair] for pair, ratio in ratios.items()))


if __name__ == "__main__":
    main()
