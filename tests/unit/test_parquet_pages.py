"""Pages of Parquet files are held to the memory limit before they are unpacked.

Trusted channel: the sizes that pyarrow, which wrote the files, gives for whole columns, and what it allocates.
"""

from __future__ import annotations

import inspect
import time

import numpy as np
import pytest
from damage import refusals_of_damaged
from process import ROOT

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset

pyarrow = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402  # after the question whether it is there

from lossurf.inputs.tables.parquet_pages import bytes_of_pages, pages  # noqa: E402

ROWS = 500_000


def write(path, table, **options):
    parquet.write_table(table, path, row_group_size=len(table), compression="zstd", **options)
    return path


def one_page(path, table, **options):
    """Write each column as one page, in versions of pyarrow that would cut it after so many rows too."""
    if "max_rows_per_page" in inspect.signature(parquet.write_table).parameters or (
        "max_rows_per_page" in inspect.signature(parquet.ParquetWriter.__init__).parameters
    ):
        options["max_rows_per_page"] = len(table)
    size = {"data_page_size": 1 << 30, "write_batch_size": len(table)}
    return write(path, table, use_dictionary=False, **size, **options)


def numbers(rows=ROWS):
    return pyarrow.table({"a": np.zeros(rows), "b": np.zeros(rows), "y": np.zeros(rows)})


def sizes(path):
    """Bytes of all pages of every column, without their headers."""
    metadata = parquet.ParquetFile(path).metadata
    chunks = [metadata.row_group(0).column(k) for k in range(metadata.num_columns)]
    found = []
    with path.open("rb") as file:
        for chunk in chunks:
            first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            found.append(list(pages(file, first, first + chunk.total_compressed_size)))
    return chunks, found


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["zstd", "snappy", "none"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_all_pages_are_found(tmp_path, version, codec, dictionary):
    rng = np.random.default_rng(1)
    table = pyarrow.table({"a": rng.integers(0, 99, 9000), "w": ["long " * 200] * 9000, "n": [None, 1.5, 2.0] * 3000})
    path = tmp_path / "t.parquet"
    options = {"data_page_version": version, "compression": codec, "use_dictionary": dictionary}
    parquet.write_table(table, path, data_page_size=2000, write_batch_size=100, write_page_checksum=True, **options)
    for chunk, found in zip(*sizes(path), strict=True):
        headers = chunk.total_uncompressed_size - sum(size for _, size in found)
        assert len(found) > 1
        assert 10 * len(found) <= headers <= 3000 * len(found)  # those of words hold the least and the largest
        assert [kind for kind, _ in found].count(2) == dictionary == chunk.has_dictionary_page


def test_a_column_that_is_one_page_is_refused_before_it_is_unpacked(tmp_path):
    path = one_page(tmp_path / "t.parquet", numbers())
    assert path.stat().st_size < 50_000
    before = pyarrow.total_allocated_bytes()
    dataset = open_dataset(path, targets=["y"], max_memory="5M")
    with pytest.raises(InputError, match=r"unpacked would take 11\.4 MiB of memory and 5 MiB may be used"):
        next(dataset.blocks())
    assert pyarrow.total_allocated_bytes() == before
    blocks = open_dataset(path, targets=["y"], max_memory="12M").blocks(1000)
    assert len(next(blocks)[0]) == 1000
    taken = pyarrow.total_allocated_bytes() - before
    assert bytes_of_pages(path, ["a", "b", "y"]) <= taken < 1.2 * (12 << 20)


def test_columns_that_are_not_read_do_not_count(tmp_path):
    path = one_page(tmp_path / "t.parquet", numbers())
    assert len(next(open_dataset(path, targets=["y"], columns=["b"], max_memory="8M").blocks(10))[0]) == 10


def test_the_worst_row_group_counts(tmp_path):
    path = tmp_path / "t.parquet"
    table = numbers(300)
    with parquet.ParquetWriter(path, table.schema, use_dictionary=False) as writer:
        for rows in (100, 300, 200):
            writer.write_table(table.slice(0, rows))
    needed = bytes_of_pages(path, ["a", "y"])
    assert 2 * 300 * 8 <= needed <= 2 * 300 * 8 + 100


def test_a_table_of_very_many_columns_is_refused_soon(tmp_path):
    path = tmp_path / "wide.parquet"
    parquet.write_table(pyarrow.table({f"c{k}": [0.5] for k in range(5_000)}), path)
    started = time.process_time()
    with pytest.raises(InputError, match="need a triangular factor of"):
        open_dataset(path, targets=["c7"], max_memory="100M")
    assert time.process_time() - started < 3.0


@pytest.mark.parametrize("data", [b"", b"\x15", b"\xff" * 300, b"\x0c" * 2000, b"\x19\xff" + b"\xff" * 8 + b"\x7f"])
def test_what_is_no_header_ends_the_pages(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert not list(pages(file, 0, 10_000))


def test_damage_anywhere_is_told_or_harmless(tmp_path):
    assert refusals_of_damaged(one_page(tmp_path / "t.parquet", numbers(60))) > 100


def test_a_summary_on_which_the_library_s_accessors_end_the_process_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    for damaged in (ROOT / "tests" / "data" / "corpus" / "parquet").iterdir():
        path.write_bytes(damaged.read_bytes())
        with pytest.raises(InputError, match="not a readable"):
            list(open_dataset(path, targets=["y"]).blocks())
