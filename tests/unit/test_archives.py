"""Archives are refused by the number of their entries before the standard library lists them.

Trusted channel: `zipfile` itself counts the entries of the archives that it wrote.
"""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.archives import open_archive
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.npz import npz_members
from lossurf.inputs.tables.data import open_dataset


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def listing_archive(count, *, large=False, comment=b"", name=b"W%d.npy"):
    """An archive of one array that its directory lists `count` times under as many names."""
    array = npy(np.eye(3))
    first = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, len(array), len(array), 6, 0) + b"W0.npy" + array
    entries = []
    for i in range(count):
        label = name % i
        sizes = (0, len(array), len(array), len(label), 0, 0, 0, 0, 0, 0)
        entries.append(struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, *sizes) + label)
    directory = b"".join(entries)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0, 0, len(directory), len(first), len(comment)) + comment
    if large:
        at = len(first) + len(directory)
        end = (
            struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(first))
            + struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
            + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, len(comment))
            + comment
        )
    return first + directory + end


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("comment", [b"", b"a comment", b"x" * 60_000])
def test_an_archive_at_the_limit_is_listed_and_one_beyond_is_not(monkeypatch, large, comment):
    monkeypatch.setattr("lossurf.inputs.archives.MOST_ENTRIES", 200)
    whole = io.BytesIO(listing_archive(200, large=large, comment=comment))
    with open_archive("a.npz", whole) as archive:
        assert len(archive.infolist()) == 200
    with pytest.raises(InputError, match="lists more than 200 entries"):
        open_archive("a.npz", io.BytesIO(listing_archive(201, large=large, comment=comment)))


def test_what_zipfile_writes_is_counted_as_zipfile_counts_it(monkeypatch):
    rng = np.random.default_rng(0)
    for _ in range(60):
        stream, count = io.BytesIO(b"before" if rng.random() < 0.3 else b""), int(rng.integers(1, 30))
        stream.seek(0, io.SEEK_END)
        with zipfile.ZipFile(stream, "a") as archive:
            for i in range(count):
                with archive.open(
                    zipfile.ZipInfo(f"{i}" + "x" * int(rng.integers(1, 9))), "w", force_zip64=True
                ) as entry:
                    entry.write(bytes(int(rng.integers(0, 9))))
            archive.comment = bytes(rng.integers(65, 90, int(rng.integers(0, 9))).tolist())
        for most in (count - 1, count):
            monkeypatch.setattr("lossurf.inputs.archives.MOST_ENTRIES", most)
            if most < count:
                with pytest.raises(InputError, match="lists more than"):
                    open_archive("a.npz", stream)
            else:
                assert len(open_archive("a.npz", stream).infolist()) == count


def test_a_directory_of_very_many_entries_is_refused_before_it_is_listed(tmp_path):
    path = tmp_path / "many.npz"
    path.write_bytes(listing_archive(100_000))
    tracemalloc.start()
    started = time.process_time()
    for read in (lambda: read_checkpoint(path, 3, 3), lambda: open_dataset(path)):
        with pytest.raises(InputError, match="lists more than"):
            read()
    spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 2.0
    assert peak < 60_000_000  # the directory's bytes and no objects


@pytest.mark.parametrize("size", [2**40, 2**63])
def test_a_directory_that_says_it_is_enormous(size):
    data = listing_archive(3, large=True)
    at = data.rindex(b"PK\6\6") + 40
    lying = data[:at] + struct.pack("<Q", size) + data[at + 8 :]
    with pytest.raises(InputError, match="lists more than"):
        open_archive("a.npz", io.BytesIO(lying))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", b"PK\5\6" + bytes(17), bytes(100)])
def test_what_is_no_archive_is_left_to_zipfile(data):
    with pytest.raises(zipfile.BadZipFile):
        open_archive("a.npz", io.BytesIO(data))


def damaged(whole, chance):
    """An archive with some bytes changed, most often in its headers, or cut off, or with something before it."""
    kind, data = chance.integers(8), bytearray(whole)
    if kind == 0:
        return bytes(data[: chance.integers(len(data))])
    if kind == 1:
        return chance.bytes(chance.integers(1, 20)) + bytes(data)
    start = data.rfind(b"PK\1\2") if kind < 4 else 0
    for at in chance.integers(start, len(data), chance.integers(0, 3)):
        data[at] = chance.integers(256)
    return bytes(data)


def found_in(archive):
    """What reading each array of an archive says, or the archive."""
    try:
        members = npz_members("a.npz", archive)
    except InputError as error:
        return str(error)
    found = []
    for name, member in members.items():
        for read in (lambda member: member.header(10**9), lambda member: member.array(10**9).tobytes()):
            try:
                found.append((name, read(member)))
            except InputError as error:
                found.append((name, str(error)))
    return found


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_in_memory_is_read_and_refused_as_zipfile_does_it(monkeypatch, save):
    chance = np.random.default_rng(3)
    stream, refused = io.BytesIO(), 0
    arrays = {"W1": chance.standard_normal((3, 2)), "\u03a32": np.arange(4), "c": np.eye(2, dtype=">f4")[::-1]}
    save(stream, **arrays)
    for _ in range(1500):
        data = damaged(stream.getvalue(), chance)
        found = found_in(data)
        with monkeypatch.context() as patched:
            patched.setattr("lossurf.inputs.npz._content", lambda *_: None)
            assert found == found_in(data)
        refused += isinstance(found, str) or any(isinstance(said, str) for _, said in found)
    assert 300 < refused < 1400


def test_what_is_stored_as_it_is_needs_no_zipfile(monkeypatch):
    stream = io.BytesIO()
    arrays = {"W1": np.eye(3), "\u03a32": np.arange(4)}
    np.savez(stream, **arrays)
    monkeypatch.setattr("lossurf.inputs.npz._opened", None)
    assert [said.shape for _, said in found_in(stream.getvalue())[::2]] == [(3, 3), (4,)]


def test_layers_whose_analysis_is_beyond_the_memory_are_refused(tmp_path):
    path = tmp_path / "deep.npz"
    np.savez(path, **{f"W{k}": np.eye(2) for k in range(1, 601)})
    with pytest.raises(InputError, match="the analysis of 600 layers would take"):
        read_checkpoint(path, 2, 2, max_memory="40M")
    assert len(read_checkpoint(path, 2, 2, max_memory="50M").weights) == 600


def test_a_row_group_that_is_the_whole_file_is_read_in_little_memory(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    constant = pyarrow.array(np.full(3_000_000, 1.5))
    table = pyarrow.table({"a": constant, "b": constant, "y": constant})
    path = tmp_path / "one-group.parquet"
    parquet.write_table(table, path, row_group_size=len(constant))
    assert parquet.ParquetFile(path).metadata.num_row_groups == 1
    before = pyarrow.total_allocated_bytes()
    rows, most = 0, 0
    for X, _ in open_dataset(path, targets=("y",), max_memory="16M").blocks(4096):
        rows += len(X)
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert rows == 3_000_000
    assert most < 16 << 20
