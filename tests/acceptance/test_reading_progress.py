"""Progress on standard error: drawn on a terminal and taken away, silent elsewhere."""

import os
import re
import sys
from io import StringIO

import numpy as np
import pytest
import readme
from process import ROOT, clean_environment

from lossurf.cli.progress import ERASE, StageLine

pexpect = pytest.importorskip("pexpect")


@pytest.fixture
def large(tmp_path):
    """Files of 500 MB in name only: zeros that no disk holds."""
    for name, columns in (("X", 60), ("Y", 2)):
        header = np.lib.format.magic(1, 0) + b"\x76\x00"
        fields = f"{{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, {columns}), }}"
        path = tmp_path / f"{name}.npy"
        path.write_bytes(header + fields.ljust(117).encode() + b"\n")
        os.truncate(path, 128 + 8_000_000 * columns)
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="pexpect.spawn needs a POSIX terminal")
def test_progress_is_drawn_on_a_terminal(large):
    command = f'"{sys.executable}" -m lossurf check "{large}" >"{large}/report.txt"'
    child = pexpect.spawn("/bin/sh", ["-c", command], encoding="utf-8", timeout=60)
    child.expect(r"MiB of 473 MiB, .*/s, \d+ s left")
    child.expect(pexpect.EOF)
    assert child.before.endswith("\r\x1b[K")
    assert "lossurf" not in (large / "report.txt").read_text()[:20]


def test_nothing_is_drawn_into_a_pipe(lossurf, large):
    finished = lossurf("check", large)
    assert finished.returncode == 1  # zeros meet no hypothesis
    assert finished.stderr == ""


WINE = ["--data", "sample_data/wine"]
LONG = {
    "audit": (["audit", "sample_data/linnerud", "--widths", "3,2,2,3"], r"lossurf: levels \d+%"),
    "check": (["check", "sample_data/wine"], "lossurf: spectrum"),
    "classify of many": (["classify", "sample_data/wine/run/*.npz", *WINE], r"lossurf: checkpoints 9\d%"),
    "spurious": (["spurious", "sample_data/diabetes"], "lossurf: search for a better point"),
    "watch with curvature": (
        ["watch", "sample_data/wine/run/*.npz", *WINE, "--curvature"],
        r"lossurf: checkpoints 9\d%",
    ),
}
_AT_ONCE = """
from lossurf.cli import progress, main
progress.FIRST_AFTER = 0
progress._tick = lambda line, done: line.draw()
main({!r})
"""


@pytest.mark.skipif(os.name == "nt", reason="pexpect.spawn needs a POSIX terminal")
@pytest.mark.parametrize("name", LONG)
def test_what_may_take_long_says_how_far_it_is_and_takes_it_away(name, tmp_path):
    """With no delay, which a short run would not outlast."""
    arguments, said = LONG[name]
    where = readme.clone(tmp_path / "clone")
    environment = clean_environment(TERM="xterm", PYTHONPATH=str(ROOT))
    program = [*arguments, "--format", "json"]
    child = pexpect.spawn(sys.executable, ["-c", _AT_ONCE.format(program)], env=environment, cwd=where, timeout=60)
    shown = child.read().decode()
    child.close()
    assert re.search(said, shown)
    assert shown.rindex(ERASE) > shown.rindex("lossurf: ")
    assert child.exitstatus in {0, 1}


def test_a_stage_is_drawn_after_half_a_second_with_its_share_and_the_seconds():
    now, stream = [0.0], StringIO()
    line = StageLine("levels", stream, lambda: now[0])
    line("levels", 0.1)
    now[0] = 0.4
    line.draw()
    assert stream.getvalue() == ""
    now[0] = 0.6
    line.draw()
    line.draw()
    now[0] = 3.2
    line("levels", 0.25)
    line.erase()
    line("levels", 0.5)
    assert stream.getvalue() == f"{ERASE}lossurf: levels 10%{ERASE}lossurf: levels 25%, 3 s{ERASE}"
