"""Signals at a known instant: no traceback, no temporary file, and the exit status that shells know.

Trusted channel: the operating system, which says how a process ended and what lies in a directory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib

import pytest
from process import ROOT, clean_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

_ENTRY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["lossurf"]
_WAYS = {
    "script": f"from {_ENTRY.split(':')[0]} import {_ENTRY.split(':')[1]}; sys.exit({_ENTRY.split(':')[1]}())",
    "module": "import runpy; runpy.run_module('lossurf', run_name='__main__', alter_sys=True)",
}
_AT_IMPORT = """
import os, signal, sys
sys.argv[0] = "lossurf"
wanted, repeats = {wanted!r}, {repeats}
def hook(event, args):
    global repeats
    if event == "import" and args[0] == wanted and repeats:
        repeats -= 1
        signal.raise_signal(signal.SIGINT)
sys.addaudithook(hook)
{way}
"""


def run(code: str, *args: object, disposition: object = signal.SIG_DFL) -> subprocess.CompletedProcess[str]:
    """Run Python with signals as a terminal's shell hands them on, whatever the tests themselves were started with."""

    def disposed() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, disposition)

    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        preexec_fn=disposed,
    )


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize(
    "wanted", ["lossurf.signals", "lossurf.cli", "click", "lossurf.cli.options", "numpy", "numpy._core", "rich.table"]
)
def test_an_interrupt_in_any_import_is_quiet(data, way, wanted):
    done = run(_AT_IMPORT.format(wanted=wanted, repeats=1, way=_WAYS[way]), "check", data)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "lossurf: interrupted\n")


def test_an_ignored_interrupt_stays_ignored(data):
    code = _AT_IMPORT.format(wanted="numpy", repeats=1, way=_WAYS["script"])
    done = run(code, "check", data, "-q", disposition=signal.SIG_IGN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


_AT_STAGE = """
import atexit, os, signal, sys, lossurf.api.check
from lossurf.__main__ import main
def interrupt(*args, **kwargs): signal.raise_signal(signal.SIGINT)
def stubborn(*args, **kwargs):
    try: interrupt()
    except KeyboardInterrupt: interrupt()
{stage}
sys.argv[0] = "lossurf"
main()
"""


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("lossurf.api.check.check = interrupt", 130),
        ("lossurf.api.check.check = stubborn", 130),  # a second one while the first is dealt with
        ("import lossurf.cli.boundary as b; sys.argv[2] = 'missing'; b._tell = interrupt", 130),
        ("import lossurf.cli.boundary as b; lossurf.api.check.check = interrupt; b.write_lines = interrupt", 130),
        ("atexit.register(interrupt)", 130),  # the answer is out, the interpreter is ending
    ],
)
def test_an_interrupt_at_any_stage_is_quiet(data, stage, code):
    done = run(_AT_STAGE.format(stage=stage), "check", data)
    assert (done.returncode, done.stderr.lstrip()) == (code, "lossurf: interrupted\n")  # after click's newline for ^C


_WHILE_WRITING = """
import os, signal, sys
from lossurf.__main__ import main
kept = os.fsync
def stop(descriptor):
    signal.raise_signal(signal.{name})
    kept(descriptor)
os.fsync = stop
sys.argv[0] = "lossurf"
main()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", -signal.SIGTERM), ("SIGHUP", -signal.SIGHUP)])
def test_a_signal_while_writing_leaves_the_old_file_and_nothing_else(data, name, code):
    report = data.with_name("report")
    report.write_text("old")
    done = run(_WHILE_WRITING.format(name=name), "check", data, "-o", report)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in data.parent.iterdir()) == ["data.npz", "report"]
    assert report.read_text() == "old"


def test_ignored_signals_stay_ignored_while_writing(data):
    report = data.with_name("report")
    done = run(_WHILE_WRITING.format(name="SIGHUP"), "check", data, "-o", report, disposition=signal.SIG_IGN)
    assert (done.returncode, done.stderr) == (0, "")
    assert report.read_text()


def test_what_a_killed_run_left_is_cleared_and_told_by_the_next(lossurf, data):
    report = data.with_name("report")
    killed = run(_WHILE_WRITING.format(name="SIGKILL"), "check", data, "-o", report)
    assert killed.returncode == -signal.SIGKILL
    (leftover,) = data.parent.glob(".lossurf-*.tmp")
    done = lossurf("check", data, "-o", report)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"lossurf: removed {leftover}, which a killed run had left unfinished\n"
    assert sorted(path.name for path in data.parent.iterdir()) == ["data.npz", "report"]
