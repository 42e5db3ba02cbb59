"""Start-up stays light. The exact ratios are tests/benchmarks/startup.py's; this guards against losing them unseen."""

from __future__ import annotations

import sys

import pytest
from process import ROOT, python

sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
from startup import LIMITS, medians

_SLACK = 1.25  # a busy machine moves a median of few runs by so much


@pytest.mark.slow
def test_the_ratios_are_kept():
    found = medians(7)
    for (command, base), limit in LIMITS.items():
        assert found[command] / found[base] < _SLACK * limit, (command, found)


_SAID_TO_NUMPY = """
import os, sys
from lossurf.cli import main
def heard(event, args):
    if event == "import" and args[0] == "numpy":
        print(os.environ.get("OPENBLAS_THREAD_TIMEOUT"), file=sys.stderr)
sys.addaudithook(heard)
main(["check", sys.argv[1]])
"""


@pytest.mark.parametrize("own", [None, "26"])
def test_threads_of_blas_are_told_not_to_spin_before_numpy_starts_them(data, own):
    """OpenBLAS reads the variable when it is loaded, never again; what a user has set stays."""
    done = python("-c", _SAID_TO_NUMPY, data, env={"OPENBLAS_THREAD_TIMEOUT": own} if own else {})
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == [own or "20"]
