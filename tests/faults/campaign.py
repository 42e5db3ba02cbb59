"""The whole attack on files, processes and machines, with its counts.

    nice -n 15 python tests/faults/campaign.py
    python tests/faults/campaign.py --only calls,signals --share 0.1

`--share` takes a part of every count. Exit code 1, and a line for each, where something breaks. The suite runs a slice
of each part (`pytest -m faults`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
sys.path.insert(0, str(Path(__file__).parent))

import command_lines_at_random
import failing_calls
import full_disk
import fuzz_readers
import signals_at_random
from command_lines import RIGHT, available, make_home, names
from hypothesis import HealthCheck, given, settings

SIGNALS, SIZES, LINES, KILLS, FUZZ_SECONDS = 200, 12, 20_000, 50, 60.0


def calls(home: Path, share: float, counts: Counter) -> Iterator[str]:
    """Fail every call of every kind in every command; of allocations and slow commands some."""
    if not failing_calls.SUPPORTED:
        counts[f"skipped: {failing_calls.WHY_NOT}"] += 1
        return
    library = failing_calls.build(home.parent)
    with failing_calls.Server(library, home.parent) as server:
        for name in available():
            most = max(1, round(share * (8 if name == "spurious" else 60)))
            yield from failing_calls.attack(server, home, [name], list(failing_calls.KINDS), most=most, counts=counts)


def signals(home: Path, share: float, counts: Counter) -> Iterator[str]:
    """Send signals at random moments."""
    yield from signals_at_random.attack(home, round(share * SIGNALS), 1, counts)


def disk(home: Path, share: float, counts: Counter) -> Iterator[str]:
    """Write at a full disk."""
    lines = full_disk.WRITING
    yield from full_disk.at_every_size(home, lines, max(2, round(share * SIZES)), counts)
    yield from full_disk.on_a_full_file_system(home, lines, counts)


def lines(home: Path, share: float, counts: Counter) -> Iterator[str]:
    """Run random command lines in this process."""
    wrong: list[str] = []

    @settings(max_examples=round(share * LINES), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(command_lines_at_random.command_lines())
    def attack(argv: list[str]) -> None:
        before = names(home)
        code, told = command_lines_at_random.said(home, argv)
        counts["random command lines"] += 1
        if code not in RIGHT or ("Traceback" in told and "--traceback" not in argv):
            wrong.append(f"{argv}: exit {code}: {told[-300:]!r}")
        wrong.extend(f"{argv}: left {name}" for name in names(home) - before if ".lossurf-" in name)

    attack()
    yield from wrong


def files(home: Path, share: float, counts: Counter) -> Iterator[str]:  # noqa: ARG001  # as the others
    """Throw damaged files at every reader."""
    for reader in fuzz_readers.SEEDS:
        try:
            found = fuzz_readers.run(reader, share * FUZZ_SECONDS, 1)
        except ImportError:
            counts[f"skipped: {reader}"] += 1
            continue
        counts["damaged files"] += sum(found.values())
        if found["failed"]:
            yield f"{reader}: {found['failed']} of them failed; they are in tests/data/corpus/{reader}"


def dask(home: Path, share: float, counts: Counter) -> Iterator[str]:
    """Kill workers and schedulers."""
    try:
        import dask_kills
    except ImportError:
        counts["skipped: needs dask"] += 1
        return
    place = home.parent / "dask"
    place.mkdir()
    dask_kills.make_parts(place)
    yield from dask_kills.attack(place, max(1, round(share * KILLS)), 1, counts)
    code, seconds, told = dask_kills.unreachable(place)
    if code != 2 or seconds > dask_kills.SECONDS_TO_CONNECT:
        yield f"an address where nobody listens: exit {code} after {seconds:.1f} s: {told[-200:]!r}"


PARTS = {"calls": calls, "signals": signals, "disk": disk, "lines": lines, "files": files, "dask": dask}


def run(part: str, share: float) -> tuple[int, bool]:
    """Run one part and print what it came to, an interrupted one too; return how much broke, and whether it was."""
    counts, began, wrong, stopped = Counter(), time.monotonic(), 0, False
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve() / "home"
        make_home(home)
        try:
            for story in PARTS[part](home, share, counts):
                wrong += 1
                print(f"  {story}", flush=True)
        except KeyboardInterrupt:
            stopped = True
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(
        f"{part}{' (interrupted)' if stopped else ''}: {told}; {wrong} broken; {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return wrong, stopped


def main() -> int:
    """Run the parts and print what each came to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help=", ".join(PARTS))
    parser.add_argument("--share", type=float, default=1.0, help="of every count")
    options = parser.parse_args()
    broken = 0
    for part in options.only.split(","):
        found, stopped = run(part, options.share)
        broken += found
        if stopped:
            return 130
    print("nothing lost" if not broken else f"{broken} broken")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
