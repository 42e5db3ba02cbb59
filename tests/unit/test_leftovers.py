"""Only what is surely a killed run's is cleared. Trusted channel: what lies in the directory afterwards."""

from __future__ import annotations

import os

import pytest

from lossurf.output import leftovers
from lossurf.output.files import write_file
from lossurf.output.leftovers import clear_leftovers, lock, temporary_path

fcntl = pytest.importorskip("fcntl")


def test_an_unlocked_file_of_this_system_is_cleared(tmp_path):
    left = temporary_path(tmp_path)
    left.write_bytes(b"half")
    assert clear_leftovers(tmp_path) == [left]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_being_written_is_left(tmp_path):
    beside = temporary_path(tmp_path)
    with beside.open("xb") as file:
        assert lock(file.fileno())
        assert clear_leftovers(tmp_path) == []
        assert beside.exists()


@pytest.mark.parametrize("name", [".lossurf-000000000000.tmp", ".lossurf-00000000-000000000000.tmp", ".lossurf-x.tmp"])
def test_files_of_other_systems_and_other_names_are_left(tmp_path, name):
    (tmp_path / name).touch()
    assert clear_leftovers(tmp_path) == []
    assert (tmp_path / name).exists()


def make_link(path):
    path.symlink_to(path.with_name("precious"))


def make_hard_link(path):
    os.link(path.with_name("precious"), path)


@pytest.mark.parametrize("make", [make_link, make_hard_link, os.mkfifo, os.mkdir])
def test_what_is_no_plain_file_of_its_own_is_left(tmp_path, make):
    (tmp_path / "precious").write_text("kept")
    odd = temporary_path(tmp_path)
    make(odd)
    assert clear_leftovers(tmp_path) == []
    assert os.path.lexists(odd)
    assert (tmp_path / "precious").read_text() == "kept"


def test_files_of_other_users_are_left(tmp_path, monkeypatch):
    left = temporary_path(tmp_path)
    left.touch()
    monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    assert clear_leftovers(tmp_path) == []


def test_a_system_without_locks_clears_nothing_and_writes(tmp_path, monkeypatch):
    left = temporary_path(tmp_path)
    left.touch()

    def flock(descriptor: int, operation: int) -> None:  # noqa: ARG001
        raise OSError(37, "No locks available")

    monkeypatch.setattr(leftovers.fcntl, "flock", flock)
    assert clear_leftovers(tmp_path) == []
    write_file(tmp_path / "report", b"text")
    assert {path.name for path in tmp_path.iterdir()} == {left.name, "report"}


@pytest.mark.parametrize("still_held", [True, False])
def test_a_writer_whose_file_was_cleared_before_it_was_locked_begins_again(tmp_path, monkeypatch, still_held):
    """The one race of the two: the other run's look falls between making the file and locking it."""
    kept = leftovers.fcntl.flock
    held = []

    def cleared_first(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(leftovers.fcntl, "flock", kept)
        (left,) = tmp_path.glob(".lossurf-*.tmp")
        if still_held:
            held.append(left.open("rb"))
            kept(held[0].fileno(), operation)
        left.unlink()
        kept(descriptor, operation)

    monkeypatch.setattr(leftovers.fcntl, "flock", cleared_first)
    write_file(tmp_path / "report", b"text")
    for file in held:
        file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report").read_bytes() == b"text"


def test_a_directory_that_cannot_be_listed_holds_none(tmp_path):
    assert clear_leftovers(tmp_path / "missing") == []
