"""Trusted channel: the same samples in one array, read from memory."""

from itertools import pairwise

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables.data import as_dataset, open_dataset
from lossurf.reduction.data import reduce_data

GENERATOR = np.random.default_rng(11)
X, Y = GENERATOR.standard_normal((1000, 3)), GENERATOR.standard_normal((1000, 2))
CUTS = [0, 1, 400, 403, 1000]
PARTS = [slice(start, stop) for start, stop in pairwise(CUTS)]


def write_pairs(directory, separator="-"):
    for number, part in enumerate(PARTS, 8):  # 8, 9, 10, 11: natural order is not that of the letters
        np.save(directory / f"X{separator}{number}.npy", X[part])
        np.save(directory / f"Y{separator}{number}.npy", Y[part])


def write_tables(directory, names="a,b,c,y,z"):
    for number, part in enumerate(PARTS, 8):
        rows = "\n".join(",".join(map(repr, map(float, row))) for row in np.hstack([X, Y])[part])
        (directory / f"part-{number}.csv").write_text(f"{names}\n{rows}\n")


def same_as_in_memory(data):
    whole = as_dataset(X, Y)
    read = [np.vstack(side) for side in zip(*((x.copy(), y.copy()) for x, y in data.blocks(37)), strict=True)]
    assert np.array_equal(read[0], X)
    assert np.array_equal(read[1], Y)
    assert [len(x) for x, _ in data.blocks(300)] == [300, 300, 300, 100]
    assert np.array_equal(reduce_data(data, threads=2).r, reduce_data(whole).r)


@pytest.mark.parametrize("separator", ["-", "_", ".", ""])
def test_numbered_pairs_in_a_directory(tmp_path, separator):
    write_pairs(tmp_path, separator)
    data = open_dataset(tmp_path)
    assert data.samples == 1000
    assert data.by_position() is not None
    same_as_in_memory(data)


def test_patterns_of_x_and_y(tmp_path):
    write_pairs(tmp_path)
    same_as_in_memory(open_dataset(None, x=tmp_path / "X-*.npy", y=tmp_path / "Y-*.npy"))


def test_more_shards_than_are_held_open(tmp_path):
    for number in range(100):
        rows = slice(10 * number, 10 * number + 10)
        np.savez(tmp_path / f"{number}.npz", X=X[rows], Y=Y[rows])
    same_as_in_memory(open_dataset(tmp_path / "*.npz"))


def test_tables_with_targets(tmp_path):
    write_tables(tmp_path)
    data = open_dataset(tmp_path / "part-*.csv", targets=("y", "z"))
    assert (data.x_names, data.y_names) == (("a", "b", "c"), ("y", "z"))
    same_as_in_memory(data)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    np.savez(tmp_path / "w[1].npz", X=X, Y=Y)
    assert open_dataset(tmp_path / "w[1].npz").samples == 1000


def test_an_exact_pair_goes_before_numbered_ones(tmp_path):
    write_pairs(tmp_path)
    np.save(tmp_path / "X.npy", X[:5])
    np.save(tmp_path / "Y.npy", Y[:5])
    assert open_dataset(tmp_path).samples == 5


def test_a_pattern_without_a_match(tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        open_dataset(tmp_path / "part-*.csv", targets=("y",))


def test_a_shard_without_its_partner_is_named(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "Y-9.npy").rename(tmp_path / "Y-12.npy")
    for where in ({"path": tmp_path}, {"path": None, "x": tmp_path / "X-*.npy", "y": tmp_path / "Y-*.npy"}):
        with pytest.raises(InputError, match=r"X-9\.npy: no Y file has the same name"):
            open_dataset(**where)


def test_a_pair_of_different_length_is_named(tmp_path):
    write_pairs(tmp_path)
    np.save(tmp_path / "Y-10.npy", Y[:2])
    with pytest.raises(InputError, match=r"X has 3 samples and Y has 2 .*X-10\.npy"):
        open_dataset(tmp_path)


def test_other_columns_are_named(tmp_path):
    write_pairs(tmp_path)
    np.save(tmp_path / "X-10.npy", X[:3, :2])
    with pytest.raises(InputError, match=r"2 inputs and 2 outputs .*X-10\.npy"):
        open_dataset(tmp_path)


def test_columns_in_another_order_are_named(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "part-9.csv").write_text("b,a,c,y,z\n1,2,3,4,5\n")
    with pytest.raises(InputError, match=r"column 'b' stands where .* has 'a'"):
        open_dataset(tmp_path / "part-*.csv", targets=("y", "z"))


def test_a_directory_of_tables(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".hidden.csv").write_text("not,read\n")
    same_as_in_memory(open_dataset(tmp_path, targets=("y", "z")))


def test_a_parquet_dataset(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for number, part in enumerate(PARTS):
        columns = dict(zip("abcyz", np.hstack([X, Y])[part].T, strict=True))
        parquet.write_table(pyarrow.table(columns), tmp_path / f"part-{number}.parquet")
    same_as_in_memory(open_dataset(tmp_path, targets=("y", "z")))


def test_a_directory_of_several_formats(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "more.tsv").write_text("a\tb\tc\ty\tz\n1\t2\t3\t4\t5\n")
    with pytest.raises(InputError, match=r"several formats: \.csv, \.tsv"):
        open_dataset(tmp_path, targets=("y", "z"))
