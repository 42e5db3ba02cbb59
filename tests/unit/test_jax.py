"""The tests in tests/with_jax, in a process of their own: JAX's threads do not go with the forks of other tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from process import ROOT, clean_environment


def test_files_of_jax():
    if importlib.util.find_spec("flax") is None:
        pytest.skip("flax is not installed")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        str(ROOT / "tests" / "with_jax"),
    ]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
