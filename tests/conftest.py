"""What tests share: lossurf run as a process, and small data to run it on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

# before numpy is imported: workers of pytest side by side, whose BLAS threads would only wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from process import clean_environment, python
from schemas import check_output

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lossurf(tmp_path: Path) -> Run:
    """`lossurf(*args, env={}, input=...)` runs the command in a directory of its own."""

    def run(*args: str | Path, cwd: Path = tmp_path, **options: object) -> subprocess.CompletedProcess[str]:
        return python("-m", "lossurf", *args, cwd=cwd, **options)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Data of 12 samples, dx = 3, dy = 2, on which every hypothesis holds."""
    generator = np.random.default_rng(7)
    X = generator.standard_normal((12, 3))
    Y = X @ np.array([[2.0, 0.5], [-1.0, 1.0], [0.3, 0.7]]) + 0.1 * generator.standard_normal((12, 2))
    path = tmp_path / "data.npz"
    np.savez(path, X=X, Y=Y)
    return path


@pytest.fixture
def tied_data(tmp_path: Path) -> Path:
    """Data on which distinct-eigenvalues fails: two outputs that are zero, and one that nothing in X explains."""
    path = tmp_path / "tied.npz"
    np.savez(path, X=np.eye(4)[:, :3], Y=np.outer(np.eye(4)[3], [1.0, 0.0, 0.0]))
    return path


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`lossurf` without a process of its own, for what does not depend on one: thirty times as fast."""
    from lossurf.cli import group
    from lossurf.cli.boundary import run as run_command

    def run(
        *args: str | Path, env: dict[str, str] | None = None, cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            patch.setattr("os.environ", clean_environment(**(env or {})))
            patch.chdir(cwd)
            capsys.readouterr()
            code = run_command(group, [str(arg) for arg in args])
        shown = capsys.readouterr()
        check_output(shown.out)
        return subprocess.CompletedProcess(args, code, shown.out, shown.err)

    return run
