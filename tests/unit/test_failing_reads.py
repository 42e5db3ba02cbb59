"""A read, seek or close that fails in the middle of a file is a refusal that names the file.

The failures come from the C library's own calls, replaced for the process: lossurf cannot tell them from a broken disk.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from process import python

from lossurf.cli import group
from lossurf.cli.boundary import run

COMPILER = shutil.which("cc")
FILES = ("X.npy", "w.npz", "w.npy", "t.csv", "d.npz", "c.npz", "c.json", "lossurf.yaml", "w.safetensors")
FAULTS = (("read", errno.EIO), ("lseek", errno.ESTALE), ("close", errno.EIO))
MOST = 2  # calls of a kind that are made to fail, one a run, until none is left


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    if COMPILER is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    library = tmp_path_factory.mktemp("shim") / "failing_reads.so"
    source = Path(__file__).with_name("failing_reads.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((4000, 3)), rng.standard_normal((4000, 3))
    W = np.linalg.lstsq(X, Y, rcond=None)[0].T
    np.save(directory / "X.npy", X)
    np.save(directory / "Y.npy", Y)
    np.save(directory / "w.npy", W)
    np.savez(directory / "w.npz", W1=W, W2=np.eye(3))
    np.savez_compressed(directory / "d.npz", X=X, Y=Y)
    np.savetxt(directory / "t.csv", X, delimiter=",", header="a,b,c", comments="")
    (directory / "lossurf.yaml").write_text("format: table\n")
    made = python("-m", "lossurf", "classify", "w.npz", "--data", ".", "--certificate", "c.npz", cwd=directory)
    assert made.returncode == 0, made.stderr
    try:
        from safetensors.numpy import save_file
    except ImportError:
        pass
    else:
        save_file({"W1": W}, directory / "w.safetensors")
    return directory


def command(name: str) -> list[str]:
    if name in ("X.npy", "lossurf.yaml"):
        return ["check", "."]
    if name in ("t.csv", "d.npz"):
        return ["check", name, *(["--target", "c"] if name == "t.csv" else [])]
    if name in ("c.npz", "c.json"):
        return ["verify", "c.npz"]
    return ["classify", name, "--data", "."]


@pytest.mark.parametrize("name", FILES)
def test_each_failing_call_is_told(shim, folder, tmp_path, name):
    if not (folder / name).exists():
        pytest.skip("needs safetensors")
    failed = 0
    for op, number in FAULTS:
        for at in range(1, MOST + 1):
            mark = tmp_path / f"{op}{at}"
            fault = {"FAULT_OP": op, "FAULT_NAME": f"/{name}", "FAULT_AT": str(at), "FAULT_ERRNO": str(number)}
            env = {"LD_PRELOAD": str(shim), "FAULT_MARK": str(mark), **fault}
            done = python("-m", "lossurf", *command(name), cwd=folder, env=env)
            assert done.returncode in (0, 1, 2), (op, at, done.stderr)
            assert "Traceback" not in done.stderr
            assert "Exception ignored" not in done.stderr
            if not mark.exists():
                break
            failed += 1
            if done.returncode == 2:  # else the library that reads the format did not need the call
                assert name in done.stderr, (op, at, done.stderr)
                assert done.stdout == ""
    assert failed


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.ENAMETOOLONG, errno.EMFILE])
def test_what_the_system_refuses_anywhere_else_is_no_bug(tmp_path, monkeypatch, capfd, number):
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lossurf.cli.data_options.DataSource.open", refused)
    assert run(group, ["check", "."]) == 2
    told = capfd.readouterr().err
    assert os.strerror(number) in told
    assert "somewhere" in told


def test_a_working_directory_that_was_deleted(tmp_path, monkeypatch, capfd):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for argv in (
        ["check"],
        ["check", "*.csv"],
        ["classify", "run/*.npz", "--data", "."],
        ["reduce", "x", "-o", "s.npz"],
    ):
        assert run(group, argv) == 2, argv
        told = capfd.readouterr().err
        assert "bug" not in told
        assert "next:" in told


@pytest.mark.parametrize("command_name", ["classify", "watch"])
def test_checkpoints_in_a_directory_that_may_not_be_looked_into(tmp_path, monkeypatch, capfd, command_name):
    np.save(tmp_path / "X.npy", np.eye(3))
    np.save(tmp_path / "Y.npy", np.eye(3))
    closed = tmp_path / "closed"
    closed.mkdir()
    real = os.stat

    def stat(path: object, *args: object, **options: object) -> os.stat_result:  # the superuser may look into any
        if str(path).startswith(f"{closed}/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "stat", stat)
    for name in ("w.npz", "*.npz", "**/w?.npz"):
        assert run(group, [command_name, str(closed / name), "--data", str(tmp_path)]) == 2
        assert "next:" in capfd.readouterr().err


def test_a_wait_longer_than_the_clock_counts_is_a_wait(monkeypatch):
    from lossurf.cli import polling

    slept: list[float] = []
    monkeypatch.setattr(polling.time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(polling.time, "sleep", slept.append)
    polling._wait(7500.5)
    assert slept == [3600.0, 3600.0, 300.5]
    monkeypatch.setattr(polling.time, "monotonic", lambda: 0.0 if len(slept) < 6 else 1e301)
    polling._wait(1e300)
    assert max(slept) <= 3600.0
