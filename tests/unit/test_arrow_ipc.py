"""Arrow's IPC formats. The trusted channel: the arrays that pyarrow was given."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset

pyarrow = pytest.importorskip("pyarrow")

rng = np.random.default_rng(5)
X, Y = rng.standard_normal((50, 2)), rng.standard_normal((50, 1))
TABLE = pyarrow.table({"a": X[:, 0], "b": X[:, 1], "y": Y[:, 0]})
WRITERS = {"file": pyarrow.ipc.new_file, "stream": pyarrow.ipc.new_stream}


def write(path, kind, table=TABLE, compression=None, batch=7):
    options = pyarrow.ipc.IpcWriteOptions(compression=compression)
    with path.open("wb") as file, WRITERS[kind](file, table.schema, options=options) as writer:
        for part in table.to_batches(max_chunksize=batch):
            writer.write_batch(part)
    return path


def arrays(dataset, rows=11):
    return [np.concatenate(part) for part in zip(*dataset.blocks(rows), strict=True)]


def message(path):
    with pytest.raises(InputError) as caught:
        arrays(open_dataset(path, targets=["y"]))
    return str(caught.value)


@pytest.mark.parametrize("ending", [".arrow", ".arrows", ".ipc", ".feather"])
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_either_format_under_every_ending(tmp_path, ending, kind, compression):
    dataset = open_dataset(write(tmp_path / f"t{ending}", kind, compression=compression), targets=["y"])
    assert (dataset.x_names, dataset.y_names, dataset.samples) == (("a", "b"), ("y",), 50)
    for rows in (3, 7, 11, 50, 1000):
        x, y = arrays(dataset, rows)
        assert np.array_equal(x, X)
        assert np.array_equal(y, Y)


def test_a_pair_in_a_directory_and_a_directory_of_tables(tmp_path):
    write(tmp_path / "X.arrow", "stream", TABLE.select(["a", "b"]))
    write(tmp_path / "Y.ipc", "file", TABLE.select(["y"]))
    x, y = arrays(open_dataset(tmp_path))
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    parts = tmp_path / "parts"
    parts.mkdir()
    for i in range(2):  # as the shards of a dataset are named
        write(parts / f"data-0000{i}-of-00002.arrow", "stream", TABLE.slice(25 * i, 25))
    x, _ = arrays(open_dataset(parts, targets=["y"]))
    assert np.array_equal(x, X)


def test_a_stream_cut_between_two_batches_is_not_read_as_a_shorter_one(tmp_path):
    path = write(tmp_path / "t.arrows", "stream", TABLE.slice(0, 9), batch=3)
    whole = path.read_bytes()
    lengths = set()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        lengths.add("end mark" in message(path))
    assert lengths == {True, False}  # some cuts are for the library to see, those between batches are not


def test_what_follows_the_stream_is_not_passed_over(tmp_path):
    path = write(tmp_path / "t.arrow", "stream")
    path.write_bytes(path.read_bytes() * 2)
    assert "follow the array" in message(path)


def test_cells_that_are_no_numbers_are_named(tmp_path):
    table = TABLE.set_column(0, "a", pyarrow.array([1.0] * 30 + [None] * 20))
    assert "row 31" in message(write(tmp_path / "t.arrow", "stream", table))
    table = TABLE.set_column(0, "a", pyarrow.array([[1.0, 2.0]] * 50))
    assert "list<" in message(write(tmp_path / "t.arrow", "stream", table))
    (tmp_path / "u.arrow").write_text("a,y\n1,2\n")
    assert "not a readable .arrow file" in message(tmp_path / "u.arrow")


@pytest.mark.filterwarnings("ignore:Feather V1:DeprecationWarning")
def test_the_first_version_of_feather_is_read_by_a_process_that_imported_nothing_yet(tmp_path, lossurf):
    from pyarrow import feather

    feather.write_feather(TABLE, tmp_path / "t.feather", version=1)
    done = lossurf("check", "t.feather", "--target", "y", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    # least squares by numpy on the arrays that pyarrow was given
    rest = Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    assert json.loads(done.stdout)["optimal_loss"] == pytest.approx(0.5 * float(np.sum(rest**2)), rel=1e-12)
