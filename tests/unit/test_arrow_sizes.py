"""What compressed Arrow tables take is known, and held to the limit, before any of them is unpacked.

Trusted channel: what pyarrow itself says that it has allocated once it has read the same batch.
"""

from __future__ import annotations

import gc

import numpy as np
import pytest
from damage import refusals_of_damaged

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset

pyarrow = pytest.importorskip("pyarrow")

ROWS = 400_000
WRITERS = {"file": pyarrow.ipc.new_file, "stream": pyarrow.ipc.new_stream}


@pytest.fixture(scope="module", autouse=True)
def spared():
    """Leave what the process holds already out of the collections here, each of which would go through all of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def write(path, kind, table, compression="zstd", batch=ROWS):
    options = pyarrow.ipc.IpcWriteOptions(compression=compression)
    with path.open("wb") as file, WRITERS[kind](file, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=batch)
    return path


def numbers(rows=ROWS):
    return pyarrow.table({"a": np.zeros(rows), "b": np.zeros(rows, np.float32), "y": np.arange(rows) % 2})


def needed(path, wanted):
    from lossurf.inputs.tables import arrow_sizes

    with pyarrow.memory_map(str(path)) as file:
        if file.read(6) == b"ARROW1":
            with pyarrow.ipc.open_file(file) as reader:
                return arrow_sizes.bytes_unpacked(arrow_sizes.file_batches(file), reader.schema.types, wanted)
        file.seek(0)
        schema = pyarrow.ipc.read_schema(file)
        file.seek(0)
        return arrow_sizes.bytes_unpacked(arrow_sizes.stream_batches(file), schema.types, wanted)


def allocated(path, kind, wanted):
    """Bytes that the library has taken when it has read the first batch of these columns."""
    opened = pyarrow.ipc.open_file if kind == "file" else pyarrow.ipc.open_stream
    options = pyarrow.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
    gc.collect()  # what earlier tests left is not to be let go of in between
    before = pyarrow.total_allocated_bytes()
    with pyarrow.memory_map(str(path)) as file, opened(file, options=options) as reader:
        batch = reader.get_batch(0) if kind == "file" else reader.read_next_batch()
        assert batch.num_rows
        return pyarrow.total_allocated_bytes() - before


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("wanted", [[0], [1, 2], [0, 1, 2]])
def test_it_is_what_the_library_takes(tmp_path, kind, compression, wanted):
    table = numbers().append_column("words", pyarrow.array(["word"] * ROWS))
    table = table.append_column("again", pyarrow.array([None, "word"] * (ROWS // 2)).dictionary_encode())
    path = write(tmp_path / "t.arrow", kind, table, compression)
    taken = allocated(path, kind, wanted)
    assert 0 <= taken - needed(path, wanted) < 10_000  # and a few objects beside the buffers


@pytest.mark.parametrize("kind", WRITERS)
def test_two_batches_are_there_while_one_follows_the_other(tmp_path, kind):
    path = write(tmp_path / "t.arrow", kind, numbers(), batch=ROWS // 4)
    assert needed(path, [0]) == 2 * allocated(path, kind, [0]) == 2 * 8 * ROWS // 4


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_not_compressed_takes_nothing_and_is_read(tmp_path, kind):
    path = write(tmp_path / "t.arrow", kind, numbers(), compression=None)
    assert needed(path, [0, 1, 2]) == 0
    dataset = open_dataset(path, targets=["y"], max_memory="100K")
    assert sum(len(X) for X, _ in dataset.blocks(4096)) == ROWS


def test_beside_nested_columns_all_of_a_batch_counts(tmp_path):
    table = numbers().append_column("lists", pyarrow.array([[1.0, 2.0]] * ROWS))
    path = write(tmp_path / "t.arrow", "file", table)
    assert needed(path, [1]) > 8 * 2 * ROWS > allocated(path, "file", [1])


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("ending", [".feather", ".arrow"])
def test_a_batch_beyond_the_limit_is_refused_before_it_is_unpacked(tmp_path, kind, ending):
    path = write(tmp_path / f"t{ending}", kind, numbers())
    assert path.stat().st_size < 100_000
    gc.collect()  # what earlier tests left is not to be let go of in between
    before = pyarrow.total_allocated_bytes()
    dataset = open_dataset(path, targets=["y"], max_memory="2M")
    with pytest.raises(InputError, match=r"unpacked would take 7\.63 MiB of memory and 2 MiB may be used"):
        next(dataset.blocks())
    assert pyarrow.total_allocated_bytes() == before
    assert len(next(open_dataset(path, targets=["y"], max_memory="10M").blocks(10))[0]) == 10


def test_columns_that_are_not_read_do_not_count(tmp_path):
    path = write(tmp_path / "t.arrow", "file", numbers())
    with pytest.raises(InputError, match=r"unpacked would take 7\.63 MiB"):
        next(open_dataset(path, targets=["y"], max_memory="5M").blocks())
    next(open_dataset(path, targets=["y"], columns=["b"], max_memory="5M").blocks())


@pytest.mark.parametrize("kind", WRITERS)
def test_dictionaries_count_though_their_column_is_dropped(tmp_path, kind):
    words = pyarrow.array(["x" * 4_000_000]).dictionary_encode()
    small = pyarrow.table({"a": [1.0], "y": [2.0], "w": words})
    path = write(tmp_path / "t.arrow", kind, small)
    with pytest.raises(InputError, match=r"unpacked would take 3\.81 MiB"):
        next(open_dataset(path, targets=["y"], drop=["w"], max_memory="3M").blocks())


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("declared", [1 << 40, (1 << 63) - 1])
def test_a_length_that_only_the_file_claims_is_refused_as_it_stands(tmp_path, kind, declared):
    path = write(tmp_path / "t.arrow", kind, numbers())
    stored = path.read_bytes()
    length = (8 * ROWS).to_bytes(8, "little")
    assert length in stored
    path.write_bytes(stored.replace(length, declared.to_bytes(8, "little")))
    dataset = open_dataset(path, targets=["y"], max_memory="1G")
    with pytest.raises(InputError, match="unpacked would take"):
        next(dataset.blocks())


@pytest.mark.parametrize("kind", WRITERS)
def test_damage_anywhere_is_told_or_harmless(tmp_path, kind):
    assert refusals_of_damaged(write(tmp_path / "t.arrow", kind, numbers(60), batch=20)) > 100
