"""INT, TERM, HUP and KILL at random moments of every command."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from command_lines import Line, available, broken, outcome, prepare
from process import clean_environment

SIGNALS = {"INT": 130, "TERM": -15, "HUP": -1, "KILL": -9}
"""Each with the status that a run ends with which it ends."""


def start(home: Path, it: Line) -> subprocess.Popen[bytes]:
    """Start lossurf with the signals' own actions, whatever the tests were started with."""

    def disposed() -> None:
        for name in SIGNALS:
            if name != "KILL":
                signal.signal(getattr(signal, f"SIG{name}"), signal.SIG_DFL)

    command = [sys.executable, "-m", "lossurf", *it.argv]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=home, env=clean_environment(), preexec_fn=disposed, **pipes)  # noqa: PLW1509  # no threads here


def attack(home: Path, rounds: int, seed: int, counts: Counter, names: list[str] | None = None) -> Iterator[str]:
    """Yield what breaks in `rounds` runs, of each command and signal in turn."""
    choose, lines = random.Random(seed), available()
    names = names or list(lines)
    whole, took = {}, {}
    for turn in range(rounds):
        name = names[turn % len(names)]
        it = lines[name]
        if name not in whole:
            before, began = prepare(home, it, there=False), time.monotonic()
            process = start(home, it)
            out, err = process.communicate(timeout=120)
            took[name] = time.monotonic() - began
            whole[name] = outcome(home, it, (process.returncode, out, err.decode()), before)
            assert whole[name].code in (0, 1), whole[name]
        sent = choose.choice(list(SIGNALS))
        before = prepare(home, it, there=True)
        process = start(home, it)
        time.sleep(choose.random() * 1.1 * took[name])
        process.send_signal(getattr(signal, f"SIG{sent}"))
        out, err = process.communicate(timeout=120)
        found = outcome(home, it, (process.returncode, out, err.decode(errors="replace")), before)
        counts[sent] += 1
        counts["ended"] += found.code == SIGNALS[sent]
        wrong = broken(found, whole[name], there=True, ended=(SIGNALS[sent],))
        if sent == "INT" and not _begun(found.stderr):  # Python's own end, before a line of lossurf's was run
            wrong = [story for story in wrong if story not in ("a traceback", f"exit {-signal.SIGINT}")]
        if sent == "KILL":  # it leaves what the next run there clears
            left = [other for other in found.others if ".lossurf-" in other]
            wrong = [story for story in wrong if not (left and story.startswith("left behind"))]
            wrong += _not_cleared(home, it, left)
        for story in wrong:
            yield f"{name}: SIG{sent}: {story}: {found.stderr[:400]!r}"


def _begun(told: str) -> bool:
    """Whether the interpreter had started, and lossurf with it; `site` has a function of the name `main` too."""
    return ", in main\n" in told and "Failed to import the site module" not in told


def _not_cleared(home: Path, it: Line, left: list[str]) -> list[str]:
    if not left:
        return []
    process = start(home, it)
    err = process.communicate(timeout=120)[1].decode()
    still = [other for other in left if (home / other).exists()]
    for other in still:
        (home / other).unlink()
    told = all(Path(other).name in err for other in left)
    return [f"{still} stayed"] if still else [] if told else ["cleared without a word"]
