"""Data readers. The trusted channels: numpy's own writers and readers, and Python's float on the text of each cell."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from process import shell_words

from lossurf.errors import InputError, UsageError
from lossurf.inputs.tables.data import as_dataset, open_dataset

rng = np.random.default_rng(1)
X = rng.standard_normal((30, 4))
Y = rng.standard_normal((30, 2))


def read(dataset, rows=None):
    blocks = list(dataset.blocks(rows))
    assert all(x.dtype == y.dtype == np.float64 and x.flags.c_contiguous for x, y in blocks)
    return np.concatenate([x for x, _ in blocks]), np.concatenate([y for _, y in blocks])


def message(*args, **kwargs):
    with pytest.raises(InputError) as caught:
        read(open_dataset(*args, **kwargs))
    assert caught.value.remedy
    return shell_words(caught.value)


def write_csv(path, array):
    path.write_text("".join(",".join(map(repr, row)) + "\n" for row in array.tolist()))


def test_directory_of_npy(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "README.md").write_text("about")
    dataset = open_dataset(tmp_path)
    assert (dataset.dx, dataset.dy, dataset.dtype) == (4, 2, "float64")
    x, y = read(dataset)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert np.array_equal(read(dataset)[0], X)  # callable again


@pytest.mark.parametrize("rows", [1, 7, 30, 100])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_have_the_asked_rows(tmp_path, rows, order):
    np.save(tmp_path / "X.npy", np.asarray(X, order=order))
    write_csv(tmp_path / "Y.csv", Y)
    dataset = open_dataset(tmp_path)
    assert [x.shape[0] for x, _ in dataset.blocks(rows)][:-1] == [rows] * (-(-30 // rows) - 1)
    x, y = read(dataset, rows)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", ">f8", "<i8", ">i2", "|u1", "|b1", "<f16", ">f16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_number_types_and_byte_orders(tmp_path, dtype, order):
    stored = np.asarray(np.abs(X) * 10, order=order).astype(dtype)
    np.save(tmp_path / "X.npy", stored)
    np.save(tmp_path / "Y.npy", Y)
    dataset = open_dataset(tmp_path)
    assert np.array_equal(read(dataset)[0], stored.astype(np.float64))
    precision = {"float16": 2.0**-10, "float32": 2.0**-23}.get(dataset.dtype, 2.0**-52)
    assert dataset.data_eps == precision
    assert any("rounded" in note for note in dataset.notes) == ("f16" in dtype)


def test_integers_beyond_float64_are_read_and_said(tmp_path):
    np.savez(tmp_path / "d.npz", X=np.array([[2**53 + 1], [3]]), Y=np.array([[1], [2]], dtype=np.uint64))
    dataset = open_dataset(tmp_path / "d.npz")
    assert read(dataset)[0][0, 0] == float(2**53 + 1)
    assert "2**53" in " ".join(dataset.notes)
    np.savez(tmp_path / "e.npz", X=np.array([[2**53], [3]]), Y=np.array([[1], [2]]))
    dataset = open_dataset(tmp_path / "e.npz")
    read(dataset)
    assert dataset.notes == ()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_npz(tmp_path, save, order, samples):
    stored = (X, Y) if samples == "rows" else (X.T, Y.T)
    save(tmp_path / "d.npz", x=np.asarray(stored[0], order=order), Y=np.asarray(stored[1], order=order))
    x, y = read(open_dataset(tmp_path / "d.npz", samples=samples), 7)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


def test_vector_is_one_output(tmp_path):
    np.savez(tmp_path / "d.npz", X=X, Y=Y[:, 0])
    assert read(open_dataset(tmp_path / "d.npz"))[1].shape == (30, 1)
    np.savez(tmp_path / "t.npz", X=X.T, Y=Y[:, 0])
    assert read(open_dataset(tmp_path / "t.npz", samples="columns"))[1].shape == (30, 1)
    assert "--samples columns" in message(tmp_path / "t.npz")
    np.savez(tmp_path / "v.npz", X=X[:, 0], Y=Y)
    assert "X.reshape(-1, 1)" in message(tmp_path / "v.npz")


def test_wrong_axis_names_the_option(tmp_path):
    np.savez(tmp_path / "d.npz", X=X.T, Y=Y.T)
    assert "--samples columns" in message(tmp_path / "d.npz")
    np.savez(tmp_path / "e.npz", X=X, Y=Y.T)
    assert "transpose Y" in message(tmp_path / "e.npz")
    write_csv(tmp_path / "X.csv", X.T)
    write_csv(tmp_path / "Y.csv", Y.T)
    assert "--samples columns" in message(tmp_path)
    x, _ = read(open_dataset(tmp_path, samples="columns"))
    assert np.array_equal(x, X)


DIALECTS = {
    "plain": "a,b,c\n1.5,-2,3e-1\n4,5,6\n",
    "no header": "1.5,-2,3e-1\n4,5,6\n",
    "semicolon": "a;b;c\n1.5;-2;0.3\n4;5;6\n",
    "decimal comma": "a;b;c\n1,5;-2;0,3\n4;5;6\n",
    "decimal comma, tab": "a\tb\tc\n1,5\t-2\t0,3\n4\t5\t6\n",
    "tab": "1.5\t-2\t.3\n4\t5.\t6\n",
    "blanks": " 1.5   -2 3e-1\n 4 5 6\n",
    "pipe": "a|b|c\n1.5|-2|0.3\n4|5|6\n",
    "quotes": '"a","b, c","d"\n"1.5","-2","0.3"\n"4","5","6"\n',
    "comments": "# made today\na,b,c\n# more\n1.5,-2,0.3\n  % and more\n4,5,6\n",
    "crlf": "a,b,c\r\n1.5,-2,0.3\r\n4,5,6\r\n",
    "old mac": "a,b,c\r1.5,-2,0.3\r4,5,6\r",
    "bom": "\ufeffa,b,c\n1.5,-2,0.3\n4,5,6\n",
    "trailing": "a,b,c,\n1.5,-2,0.3,\n4,5,6,\n",
    "trailing in rows": "a,b,c\n1.5,-2,0.3,\n4,5,6,\n",
    "trailing, no header": "1.5;-2;0.3;\n4;5;6;\n",
    "trailing, several": "a;b;c;;\n1,5;-2;0,3;;\n4;5;6;;\n",
    "note of a spreadsheet": "sep=;\na;b;c\n1,5;-2;0,3\n4;5;6\n",
    "no last newline": "1.5,-2,0.3\n4,5,6",
    "blank lines": "\n\na,b,c\n\n1.5,-2,0.3\n\n4,5,6\n\n",
    "blanks around": "a, b, c\n 1.5, -2 , 0.3\n4,5,6\n",
    "names with a hash": "a#1,b,c\n1.5,-2,0.3\n4,5,6\n",
    "names that are numbers": "id,2019,2020\n1.5,-2,0.3\n4,5,6\n",
    "accents": "temp\u00e9rature,b,c\n1.5,-2,0.3\n4,5,6\n",
}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be-bom", "gzip"])
def test_dialects(tmp_path, name, encoding):
    text = DIALECTS[name]
    codec = {"gzip": "utf-8", "utf-16-be-bom": "utf-16-be"}.get(encoding, encoding)
    if name == "bom" and codec != "utf-8":
        text = text.removeprefix("\ufeff")
    data = (b"\xfe\xff" if encoding == "utf-16-be-bom" else b"") + text.encode(codec)
    path = tmp_path / ("t.csv.gz" if encoding == "gzip" else "t.csv")
    path.write_bytes(gzip.compress(data) if encoding == "gzip" else data)
    x, y = read(open_dataset(path, targets=["3"]))
    assert x.tolist() == [[1.5, -2.0], [4.0, 5.0]]
    assert y.tolist() == [[0.3], [6.0]]


def test_targets_and_columns_by_name_and_number(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,a,b,c,d\nx,1,2,3,4\ny,5,6,7,8\n")
    dataset = open_dataset(path, targets=["d", "2"], drop=["id"])
    x, y = read(dataset)
    assert x.tolist() == [[2, 3], [6, 7]]
    assert y.tolist() == [[4, 1], [8, 5]]
    assert (dataset.x_names, dataset.y_names) == (("b", "c"), ("d", "a"))
    x, _ = read(open_dataset(path, targets=["d"], columns=["c", "a"]))
    assert x.tolist() == [[3, 1], [7, 5]]
    assert "did you mean 'd'" in message(path, targets=["D"])
    assert "line 2, column 1 (id)" in message(path, targets=["d"])
    assert "both a target" in message(path, targets=["d"], columns=["d", "a"])
    assert "no column of X is left" in message(path, targets=["d"], columns=["a"], drop=["a"])


def test_every_float_is_exact(tmp_path):
    values = np.concatenate([rng.standard_normal(400) * 10.0 ** rng.integers(-300, 300, 400), [5e-324, 1.7e308]])
    cells = [repr(float(value)) for value in values] + ["0.1000000000000000055511151231257827021181583404541015625"]
    path = tmp_path / "t.csv"
    for quote in ("", '"'):  # the fast way and the careful one
        path.write_text("a,b\n" + "".join(f"{quote}{cell}{quote},1\n" for cell in cells))
        x, _ = read(open_dataset(path, targets=["b"]))
        assert x[:, 0].tolist() == [float(cell) for cell in cells]


def test_decimal_commas_are_exact_and_hold_for_the_whole_table(tmp_path):
    path = tmp_path / "t.csv"
    lines = [";".join(map(repr, row)).replace(".", ",") for row in X.tolist()]
    for delimiter in (";", "\t"):
        path.write_text("a;b;c;y\n".replace(";", delimiter) + "\n".join(lines).replace(";", delimiter) + "\n")
        assert np.array_equal(read(open_dataset(path, targets=["y"]), 8)[0], X[:, :3])
        assert np.array_equal(read(open_dataset(path, targets=["y"], columns=["c"]), 8)[0], X[:, 2:3])
    path.write_text("a;b;c;y\n" + "\n".join(lines) + "\n" + "1;2;3;4\n" * 20000 + "1.5;2;3;4\n" * 20000)
    with pytest.raises(InputError, match=r"decimal mark.*line 20032, column 1 \(a\)"):
        read(open_dataset(path, targets=["y"]))  # far apart, so that no block holds both
    path.write_text("a;b;c;y\n" + "\n".join(lines) + "\n1.5;2;3;4\n")
    with pytest.raises(InputError, match=r"decimal mark.*line 32, column 1 \(a\)"):
        read(open_dataset(path, targets=["y"]), 10)


BAD_CELLS = {
    "a,b\n1,2\n3,\n": ("line 3, column 2 (b)", "missing value"),
    "a,b\n1,2\nNA,4\n": ("line 3, column 1 (a)", "'NA'"),
    "a,b\n1,2\n3,nan\n": ("line 3, column 2 (b)", "not finite"),
    "a,b\n1,2\n3,-inf\n": ("line 3, column 2 (b)", "not finite"),
    "a,b\n1,2\n3,1e999\n": ("line 3, column 2 (b)", "too large"),
    "a,b\n1,2\n3,red\n": ("line 3, column 2 (b)", "'red' is not a number", "classes as 0, 1, 2"),
    "a,b\n1,2\nred,3\n": ("column 1 (a)", "'red' is not a number", "categories as columns of 0 and 1"),
    "a,b\n1,2\n3,1_0\n": ("line 3, column 2 (b)", "'1_0'"),
    "a,b\n1,2\n3,0x10\n": ("line 3, column 2 (b)", "'0x10'"),
    "a,b\n1,2\n3,\u0661\n": ("line 3, column 2 (b)", "is not a number"),
    "a,b\n1,2\n3,1+2j\n": ("line 3, column 2 (b)", "is not a number"),
    "a,b\n1,2\n3\n": ("line 3", "1 cell where 2 are expected"),
    "a,b\n1,2\n3,4,5\n": ("line 3", "3 cells where 2 are expected"),
    "1,2\n3,4\n5,6,7\n": ("line 3", "3 cells"),
    "a;b\n1,5;2\n3;2.5\n": ("line 3, column 2 (b)", "decimal mark"),
    "a\tb\n1,234\t2\n3\t2\n": ("line 2, column 1 (a)", "thousands"),
    'a,b\n1,2\n3,"4\n': ("line 3", "quotes"),
    'a,b\n1,2\n3,"4"5\n': ("line 3", "quotes"),
    "a,b\n": ("t.csv", "no row"),
    "a,b": ("t.csv", "no row"),
    "# nothing\n\n": ("t.csv", "no row"),
    "1.5,b\n1,2\n": ("line 1", "mixes names and numbers"),
    "a,b,c\n1,2\n3,4\n": ("line 2", "2 cells where 3"),
    "a,b\n1,2\n3,4\0\n": ("line 3", "null characters"),
    "1,2,\n3,4,5\n": ("line 1, column 3", "missing value"),
    "a,b,,\n1,2,,\n3,4,,5\n": ("line 2, column 3", "missing value"),
    "a,b,,\n" + "1,2,,\n" * 30 + "3,4,,5\n": ("line 32", "4 cells where 2"),
}


@pytest.mark.parametrize("text", BAD_CELLS)
def test_bad_cells_are_named(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    found = message(path, targets=["2"])
    for part in BAD_CELLS[text]:
        assert part in found


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path, pack):
    path = tmp_path / "t.csv"
    path.write_bytes(pack(b"a,b\n" + b"1,2\n" * 9000 + b"3,\xe94\n"))
    assert "0xe9" in (found := message(path, targets=["2"]))
    assert "line 9002" in found
    assert "CSV UTF-8" in found
    path.write_bytes(pack("a,b\n1,2\n".encode("utf-16")[:-1]))
    assert "not text" in message(path, targets=["2"])


def test_blank_line_in_one_column_is_a_missing_value(tmp_path):
    write_csv(tmp_path / "X.csv", X[:3])
    (tmp_path / "Y.csv").write_text("1\n\n2\n3\n\n")
    assert "line 2, column 1" in message(tmp_path)
    (tmp_path / "Y.csv").write_text("\n\ny\n1\n2\n3\n\n")
    assert read(open_dataset(tmp_path))[1].tolist() == [[1], [2], [3]]


def test_different_lengths_of_text_are_found_at_the_end(tmp_path):
    write_csv(tmp_path / "X.csv", X)
    write_csv(tmp_path / "Y.csv", Y[:20])
    assert "X has 30 samples and Y has 20" in message(tmp_path)
    with pytest.raises(InputError, match="30 samples and Y has 20"):
        read(open_dataset(tmp_path), 7)


def test_pandas_headers_are_said(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("0,1,2\n1.5,2,3\n")
    assert "counts 0 to 2" in open_dataset(path, targets=["1"]).notes[0]
    path.write_text(",a,b\n0,2,3\n1,2,3\n")
    assert "no name" in open_dataset(path, targets=["b"]).notes[0]
    path.write_text(",0,1\n0,2,3\n1,2,3\n")
    assert open_dataset(path, targets=["1"]).x_names == ("0",)


def test_naming_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no directory 'data'" in message(None)
    assert "no file 'nothing.npz'" in message(Path("nothing.npz"))
    np.save("X.npy", X)
    assert "holds no Y file" in message(Path())
    np.save("Y.npy", Y)
    (tmp_path / "y.csv").write_text("1\n")
    found = message(Path())
    assert "Y.npy" in found
    assert "y.csv" in found
    assert "did you mean 'X.npy'" in message(Path("x.npyy"))
    assert "without --y" in message(None, x=Path("X.npy"))
    assert "named twice" in message(Path("X.npy"), x=Path("X.npy"), y=Path("Y.npy"))
    assert "one array" in message(Path("X.npy"))
    assert "--target" in message(Path("y.csv"))
    (tmp_path / "a.quux").write_bytes(b"PK")
    assert "known endings" in message(Path("a.quux"))
    (tmp_path / "sub").mkdir()
    assert "is a directory" in message(None, x=Path("sub"), y=Path("Y.npy"))


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (X.astype(complex), "complex"),
        (np.array([["a", "b"]] * 30), "text"),
        (np.array([[1, None]] * 30, dtype=object), "objects"),
        (np.array(["2020-01-01"] * 30, dtype="M8[D]").reshape(30, 1), "dates"),
        (np.zeros(30, dtype=[("a", float)]), "record"),
        (np.zeros((30, 2, 2)), "3 dimensions"),
        (np.zeros(()), "0 dimensions"),
        (np.zeros((0, 3)), "no sample"),
        (np.zeros((30, 0)), "no column"),
        (np.where(X > 1.5, np.nan, X), "row"),
        (np.where(X > 1.5, -np.inf, X), "infinity"),
        (np.full((30, 1), np.longdouble("1e4000")), "too large"),
    ],
)
@pytest.mark.parametrize("form", ["npy", "npz", "array"])
def test_arrays_that_are_refused(tmp_path, array, part, form):
    if form == "array":
        with pytest.raises(InputError, match=part):
            read(as_dataset(array, Y))
        return
    (np.save if form == "npy" else np.savez)(tmp_path / f"X.{form}", array)
    np.save(tmp_path / "Y.npy", Y)
    assert part in message(tmp_path)


def test_not_finite_counts_from_the_start(tmp_path):
    bad = X.copy()
    bad[17, 2] = np.nan
    np.savez(tmp_path / "d.npz", X=bad, Y=Y)
    with pytest.raises(InputError, match="row 18, column 3"):
        read(open_dataset(tmp_path / "d.npz"), 5)


def test_arrays_of_python():
    x, y = read(as_dataset(X.tolist(), Y[:, 0].tolist()))
    assert np.array_equal(x, X)
    assert y.shape == (30, 1)
    with pytest.raises(InputError, match="not an array"):
        as_dataset([[1, 2], [3]], [1, 2])
    with pytest.raises(InputError, match="masked"):
        as_dataset(np.ma.masked_less(X, 0), Y)
    with pytest.raises(UsageError, match="not 'cols'"):
        as_dataset(X, Y, samples="cols")
    with pytest.raises(InputError, match="30 samples and Y has 29"):
        as_dataset(X, Y[:29])


def test_lying_and_damaged_headers(tmp_path):
    np.save(tmp_path / "Y.npy", Y)
    path = tmp_path / "X.npy"
    np.save(path, X)
    whole = path.read_bytes()
    for data, part in [
        (whole[:-8], "the file holds"),
        (whole + b"12345678", "follow the array"),
        (whole[:60], "inside the header"),
        (b"", "is empty"),
        (b"garbage garbage", "does not begin"),
        (whole.replace(b"(30, 4), ", b"(10**9,) "), "not a description"),
        (whole.replace(b"(30, 4), }       ", b"(3000000000, 4)} "), "promises"),
        (whole.replace(b"'<f8'", b"'|O8'"), "unpickling"),
        (whole.replace(b"30, 4", b"-3, 4"), "not a description"),
    ]:
        path.write_bytes(data)
        assert part in message(tmp_path), (data[:100], part)


def test_memory_is_asked_for_before_it_is_taken(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", X=np.zeros((1000, 100)), Y=np.zeros(1000))
    assert "--max-memory" in message(tmp_path / "d.npz", max_memory=100_000)
    np.savez(tmp_path / "wide.npz", X=np.zeros((1, 5000)), Y=np.zeros(1))
    assert "triangular factor" in message(tmp_path / "wide.npz", max_memory=100_000_000)


@pytest.fixture(params=["parquet", "feather"])
def save_arrow(request, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    def save(columns, name="t", **options):
        path = tmp_path / f"{name}.{request.param}"
        table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
        if request.param == "parquet":
            parquet.write_table(table, path, row_group_size=7, **options)
        else:
            feather.write_feather(table, path, chunksize=7)
        return path

    return save


def test_arrow_tables(tmp_path, save_arrow):
    text = ["red"] * 30
    path = save_arrow(
        {"a": X[:, 0], "b": X[:, 1].astype("float32"), "colour": text, "y": np.arange(30), "z": X[:, 2] > 0}
    )
    dataset = open_dataset(path, targets=["y"], drop=["colour"])
    assert dataset.x_names == ("a", "b", "z")
    assert dataset.dtype == "float32"
    for rows in (4, 100):
        x, y = read(dataset, rows)
        assert np.array_equal(x, np.column_stack([X[:, 0], X[:, 1].astype("float32"), X[:, 2] > 0]))
        assert y[:, 0].tolist() == list(range(30))
    assert "'colour' has type string" in message(path, targets=["y"])
    assert "did you mean 'colour'" in message(path, targets=["color"])
    save_arrow({"a": X[:, 0], "b": X[:, 1]}, "X")
    path = save_arrow({"y": Y[:, 0]}, "Y")
    x, y = read(open_dataset(tmp_path))
    assert np.array_equal(x, X[:, :2])
    assert np.array_equal(y, Y[:, :1])
    path.write_bytes(path.read_bytes()[:-9])
    assert "not a readable" in message(tmp_path)


def test_arrow_tables_that_are_refused(save_arrow):
    import pyarrow

    cells = {"a": X[:, 0], "y": Y[:, 0]}
    path = save_arrow(cells | {"b": pyarrow.array([1.0] * 11 + [None] + [2.0] * 18)})
    assert "row 12); fill it in" in message(path, targets=["y"])
    path = save_arrow(cells | {"b": np.where(np.arange(30) == 17, np.nan, 1.0)})
    assert "row 18, column 2 (b)" in message(path, targets=["y"])
    path = save_arrow(cells | {"b": pyarrow.array(["u", "v"] * 15).dictionary_encode()})
    assert "dictionary" in message(path, targets=["y"])
    path = save_arrow({"a": X[:0, 0], "y": Y[:0, 0]})
    assert "no row" in message(path, targets=["y"])


def test_index_of_pandas_is_not_a_column(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": X[:, 0], "y": Y[:, 0]}, index=[f"row {i}" for i in range(30)])
    frame.to_parquet(tmp_path / "t.parquet")
    dataset = open_dataset(tmp_path / "t.parquet", targets=["y"])
    assert dataset.x_names == ("a",)
    assert "index" in dataset.notes[0]
    x, _ = read(as_dataset(frame[["a"]], frame["y"]))
    assert np.array_equal(x[:, 0], X[:, 0])
