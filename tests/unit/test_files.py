"""Files are written whole or not at all, whatever stops the writing."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from lossurf.errors import OutputError
from lossurf.output.files import write_file


def test_a_new_file_has_the_rights_that_the_user_gives_new_files(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", b"text")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"text"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_the_longest_name_is_no_obstacle(tmp_path):
    path = tmp_path / ("\u65e5" * 85)  # 255 bytes
    write_file(path, b"text")
    assert path.read_bytes() == b"text"


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_the_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, stop):
    path = tmp_path / "report"
    path.write_text("old")

    def fsync(descriptor: int) -> None:  # noqa: ARG001
        raise stop

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_file(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]
    assert path.read_text() == "old"


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write_file(path, b"text")
    reader.join(timeout=10)
    assert read == [b"text"]
    assert path.is_fifo()


def told_on(path: Path, data: bytes = b"text") -> OutputError:
    with pytest.raises(OutputError) as caught:
        write_file(path, data)
    return caught.value


@pytest.mark.parametrize(("size", "taken"), [(100, 0), (100, 99), (65_536, 65_535), (300_000, 1)])
def test_a_reader_that_leaves_a_pipe_is_told(tmp_path, size, taken):
    """Even of what the system's buffer takes whole: a write alone would not notice."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            left = taken
            while left:
                left -= len(file.read(left))

    reader = threading.Thread(target=read)
    reader.start()
    error = told_on(path, b"x" * size)
    reader.join(timeout=10)
    assert "its reader left before the end" in error.what
    assert "reader" in error.remedy


def test_a_slow_reader_of_a_pipe_is_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []

    def slow() -> None:
        with path.open("rb", buffering=0) as file:
            while part := file.read(40_000):
                time.sleep(0.1)
                read.append(part)

    reader = threading.Thread(target=slow)
    reader.start()
    write_file(path, b"x" * 100_000)
    reader.join(timeout=10)
    assert b"".join(read) == b"x" * 100_000


def test_a_reader_that_reads_after_the_command_is_not_waited_for(tmp_path):
    """As a shell does that holds the pipe open for both: `exec 3<>pipe; lossurf ... -o pipe; read <&3`."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    write_file(path, b"text")
    assert os.read(descriptor, 100) == b"text"
    os.close(descriptor)


def test_links_are_followed_to_a_file_there_is_and_to_one_there_is_not(tmp_path):
    (tmp_path / "there").write_text("old")
    for name in ("there", "new"):
        (tmp_path / f"link-{name}").symlink_to(name)
        (tmp_path / f"link-link-{name}").symlink_to(f"link-{name}")
        write_file(tmp_path / f"link-link-{name}", b"text")
        assert (tmp_path / name).read_bytes() == b"text"
        assert (tmp_path / f"link-link-{name}").is_symlink()
        assert (tmp_path / f"link-{name}").is_symlink()
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("place", ["a", "a/report"])
def test_a_loop_of_links_is_refused_and_stays(tmp_path, place):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    error = told_on(tmp_path / place)
    assert "symbolic links" in error.what
    assert "remove the links" in error.remedy
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_symlink()) == ["a", "b"]


@pytest.mark.parametrize("flags", [os.O_APPEND, 0])
@pytest.mark.parametrize("linked", [False, True])
def test_an_open_descriptor_is_written_where_it_stands(tmp_path, flags, linked):
    log = tmp_path / "log"
    log.write_text("before\n")
    descriptor = os.open(log, os.O_WRONLY | flags)
    path = Path(f"/dev/fd/{descriptor}")
    if linked:
        (tmp_path / "link").symlink_to(path)
        path = tmp_path / "link"
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        write_file(path, b"text")
        write_file(path, b"more")
    finally:
        os.close(descriptor)
    assert log.read_text() == "before\ntextmore"


def test_a_pipe_behind_a_descriptor_is_written(tmp_path):
    reading, writing = os.pipe()
    write_file(Path(f"/dev/fd/{writing}"), b"text")
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert file.read() == b"text"
    assert list(tmp_path.iterdir()) == []


def test_a_closed_descriptor_is_told():
    assert "Bad file descriptor" in told_on(Path("/dev/fd/987")).what


def test_the_file_is_synced_before_it_is_renamed_and_its_directory_after(tmp_path, monkeypatch):
    path = tmp_path / "report"
    seen = []

    def fsync(descriptor: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_file(path, b"text")
    assert seen == [(False, False), (True, True)]


@pytest.mark.parametrize(("number", "told"), [(22, False), (5, True)])
def test_a_directory_that_cannot_be_synced_is_told_only_where_the_disk_fails(tmp_path, monkeypatch, number, told):
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    if told:
        assert "Input/output error" in told_on(tmp_path / "report").what
    else:
        write_file(tmp_path / "report", b"text")
    assert (tmp_path / "report").read_bytes() == b"text"


@pytest.mark.parametrize(
    "path", [Path("a\0b"), Path("/dev/full"), Path("/proc/none/at/all"), Path("x" * 300), Path("/")]
)
def test_the_impossible_is_told_with_its_place_and_a_remedy(path):
    with pytest.raises(OutputError) as caught:
        write_file(path, b"text")
    assert caught.value.where == str(path)
    assert caught.value.remedy
