"""The pipeline script in sh: each run of lossurf started as a user's is, without a terminal; forked, with one.

Started so, it has as many threads of linear algebra as it takes, and not the one of other tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import readme
from process import ROOT, clean_environment

SCRIPT = ROOT / "tests" / "acceptance" / "pipeline.sh"


def setting(tmp_path: Path, *, anew: bool) -> dict[str, object]:
    clone = readme.clone(tmp_path / "clone", anew=anew)
    path = os.pathsep.join([str(clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = clean_environment(PATH=path)
    if anew:
        del environment["OPENBLAS_NUM_THREADS"]
    return {"cwd": clone, "env": environment, "encoding": "utf-8", "timeout": 300}


def test_without_a_terminal(tmp_path):
    where = setting(tmp_path, anew=True)
    done = subprocess.run(["sh", "-eu", SCRIPT], stdin=subprocess.DEVNULL, capture_output=True, **where)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"


@pytest.mark.skipif(shutil.which("script") is None, reason="needs script(1) to make a terminal")
def test_with_a_terminal(tmp_path):
    command = ["script", "-qec", f"sh -eu {SCRIPT}", "/dev/null"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **setting(tmp_path, anew=False))
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].removeprefix("\x1b[K") == "ok"  # after progress on that terminal was erased
    assert "\x1b[1;32m" in done.stdout  # colour, as the report's reader has a terminal
