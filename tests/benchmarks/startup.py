"""How long lossurf takes to start, as ratios taken in one run: `python tests/benchmarks/startup.py [--json] [repeats]`.

CPU time of whole processes (user and system), median of interleaved repeats: other work on the machine moves it less
than wall-clock time. The limits are what each command is promised to stay below. Modules are compiled beforehand, as
an installer does, and the commands run in a directory of their own, without the configuration of a project.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MAIN = "from lossurf.__main__ import main; main()"  # what the installed script does
IMPORTS = "import click, rich.console, rich.table, yaml, numpy"
LINNERUD, WINE = (str(ROOT / "sample_data" / name) for name in ("linnerud", "wine"))

COMMANDS = {
    "bare python": ["-c", ""],
    "import click": ["-c", "import click"],
    "lossurf --help": ["-c", MAIN, "--help"],
    "imports of check": ["-c", IMPORTS],
    "lossurf check": ["-c", MAIN, "check", LINNERUD],
    "lossurf check --format json": ["-c", MAIN, "check", LINNERUD, "--format", "json"],
    "lossurf classify": ["-c", MAIN, "classify", f"{WINE}/checkpoints/bad-saddle.npz", "--data", WINE],
}
LIMITS = {
    ("lossurf --help", "import click"): 1.15,
    ("lossurf check", "imports of check"): 1.25,
    ("lossurf check --format json", "imports of check"): 1.15,
}


def cpu_milliseconds(arguments: list[str], directory: str) -> float:
    """CPU time of one run of the interpreter in a directory."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    usage = os.wait4(process.pid, 0)[2]
    return 1000.0 * (usage.ru_utime + usage.ru_stime)


def medians(repeats: int) -> dict[str, float]:
    """Median CPU milliseconds of every command, runs interleaved so that a busy spell hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(repeats + 1):
            for name, arguments in COMMANDS.items():
                times[name].append(cpu_milliseconds(arguments, directory))
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
