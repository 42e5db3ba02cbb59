"""What the system refuses outside of any reader is told as such, and is no bug; tests/faults/ makes every call fail."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from lossurf.cli import group
from lossurf.cli.boundary import run


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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), 2),
        (SystemError("error return without exception set"), 2),
        (SystemError("<built-in function dot> returned NULL without setting an exception"), 2),
        (SystemError("unknown opcode"), 70),
    ],
)
def test_a_library_that_gives_up_for_want_of_memory_is_no_bug(tmp_path, monkeypatch, capfd, error, code):
    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lossurf.cli.data_options.DataSource.open", refused)
    assert run(group, ["check", "."]) == code
    assert ("not enough memory" in capfd.readouterr().err) == (code == 2)


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
