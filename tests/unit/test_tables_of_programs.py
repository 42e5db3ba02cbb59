"""Text tables as pandas, R, spreadsheets, MATLAB, numpy and Fortran write them.

Trusted: the arrays that were written (by pandas and numpy themselves where they are the writer), and the numbers that
are spelled out beside each table.
"""

from __future__ import annotations

import numpy as np
import pytest

from lossurf.errors import InputError, UsageError
from lossurf.inputs.tables.data import as_dataset, open_dataset

rng = np.random.default_rng(5)
X = rng.standard_normal((25, 3))
Y = rng.standard_normal((25, 2))


def read(*args, **options):
    dataset = open_dataset(*args, **options)
    blocks = [(x.copy(), y.copy()) for x, y in dataset.blocks(7)]
    x, y = (np.concatenate([block[side] for block in blocks]) for side in (0, 1))
    return dataset, x, y


def said(dataset) -> str:
    return " ".join(dataset.notes)


def refused(*args, **options) -> str:
    with pytest.raises(InputError) as caught:
        read(*args, **options)
    return str(caught.value)


INDEXES = {
    "counted": lambda pd: pd.RangeIndex(25),
    "shuffled": lambda pd: pd.Index(np.random.default_rng(0).permutation(25)),
    "repeated": lambda pd: pd.Index([0, 1, 2, 3, 4] * 5),
    "words": lambda pd: pd.Index([f"s{i}" for i in range(25)]),
    "dates": lambda pd: pd.date_range("2020-01-01", periods=25),
    "two levels": lambda pd: pd.MultiIndex.from_product([range(5), list("abcde")]),
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("kind", INDEXES)
def test_the_index_that_pandas_writes_is_no_data_in_x_nor_in_y(tmp_path, kind, separator):
    pd = pytest.importorskip("pandas")
    index = INDEXES[kind](pd)
    pd.DataFrame(X, index, list("abc")).to_csv(tmp_path / "X.csv", sep=separator)
    pd.DataFrame(Y, index, list("uv")).to_csv(tmp_path / "Y.csv", sep=separator)
    dataset, x, y = read(tmp_path)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert (dataset.x_names, dataset.y_names) == (("a", "b", "c"), ("u", "v"))
    assert "X.csv: column 1 is left out" in said(dataset)
    assert "Y.csv: column 1 is left out" in said(dataset)


def test_an_index_read_and_written_again_is_none_either(tmp_path):
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X, columns=list("abc")).to_csv(tmp_path / "once.csv")
    pd.read_csv(tmp_path / "once.csv").to_csv(tmp_path / "X.csv")
    pd.DataFrame(Y).to_csv(tmp_path / "Y.csv")  # without names: 0, 1
    _, x, y = read(tmp_path)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


@pytest.mark.parametrize(("x_counts", "y_counts"), [(True, True), (True, False), (False, True)])
def test_without_names_the_option_that_is_advised_leaves_out_the_index_and_nothing_else(tmp_path, x_counts, y_counts):
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X).to_csv(tmp_path / "X.csv", header=False, index=x_counts)
    pd.DataFrame(Y).to_csv(tmp_path / "Y.csv", header=False, index=y_counts)
    message = refused(tmp_path)
    advised = message.partition("leave it out with ")[2].partition(",")[0].split()
    assert advised[::2] == ["--index"] * (len(advised) // 2)
    _, x, y = read(tmp_path, index=advised[1::2])
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert "--no-index" in message
    counters = read(tmp_path, no_index=True)
    assert counters[1].shape[1] + counters[2].shape[1] == 5 + x_counts + y_counts


def test_row_numbers_under_a_name_for_them_are_left_out_and_under_another_are_data_that_is_said(tmp_path):
    path = tmp_path / "t.csv"
    for name, columns in (("id", 1), ("Index", 1), ("row_id", 1), ("obs", 1), ("t", 2), ("year", 2)):
        path.write_text(f"{name},a,y\n" + "".join(f"{i},{i}.5,2\n" for i in range(1, 30)))
        dataset, x, _ = read(path, targets=["y"])
        assert x.shape[1] == columns
        assert ("is left out" if columns == 1 else "is read as data; --index 1") in said(dataset)
        assert read(path, targets=["y"], no_index=True)[1].shape[1] == 2
        assert said(read(path, targets=["y"], columns=[name])[0]) == ""
        assert read(path, targets=["y"], drop=[name])[1].shape[1] == 1


def test_a_nameless_column_of_fractions_is_asked_about(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",a,y\n0.1,2,3\n0.2,4,5\n")
    assert "--index 1" in refused(path, targets=["y"])
    assert read(path, targets=["y"], index=["1"])[1].tolist() == [[2], [4]]
    assert read(path, targets=["y"], no_index=True)[1].tolist() == [[0.1, 2], [0.2, 4]]


@pytest.mark.parametrize("separator", [" ", ",", ";", "\t"])
@pytest.mark.parametrize("names", ['"1" "2" "3"', "1 2 3", '"Mazda RX4" "Datsun 710" "Merc 240D"', "Mazda Datsun Merc"])
def test_r_leaves_the_name_of_the_row_names_out(tmp_path, separator, names):
    import shlex

    quoted = '"' in names
    rows = [f'"{name}"' if quoted else name for name in shlex.split(names)]
    header = ['"x.1"', '"v"'] if quoted else ["x.1", "v"]
    cells = [["1.5", "1"], ["0.25", "3"], ["3e-05", "6"]]
    lines = [header, *([name, *row] for name, row in zip(rows, cells, strict=True))]
    path = tmp_path / "t.txt"
    path.write_text("".join(separator.join(line) + "\n" for line in lines))
    dataset, x, y = read(path, targets=["v"])
    assert x.tolist() == [[1.5], [0.25], [3e-05]]
    assert y.tolist() == [[1], [3], [6]]
    assert dataset.x_names == ("x.1",)
    assert "row names: the header has one name less" in said(dataset)


def test_a_header_that_is_short_for_no_such_reason_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    for cells in ("1.5,2,3", "7,2,3", "1,2,3,4"):
        path.write_text(f"a,y\n{cells}\n{cells}\n")
        assert "as many as the header has names" in refused(path, targets=["y"])
    path.write_text("v\n1 234\n5 678\n")  # thousands, not row names
    assert "2 cells where 1" in refused(path, targets=["v"])


MISSING = "NA N/A NULL null None NaT - -- ? . .. * #N/A #NA #DIV/0! #VALUE! #REF! #NAME? #NUM! #NULL! <NA> \\N -1.#IND"


@pytest.mark.parametrize("word", MISSING.split())
@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("separator", [",", " ", "\t"])
def test_words_for_missing_values_are_named_as_such_wherever_they_stand(tmp_path, word, column, separator):
    row = ["4", "6"]
    row[column] = word
    path = tmp_path / "t.csv"
    path.write_text(separator.join("ay") + "\n" + separator.join("12") + "\n" + separator.join(row) + "\n")
    message = refused(path, targets=["y"])
    assert f"the cell is {word!r}: a missing value" in message
    assert f"line 3, column {column + 1} ({'ay'[column]})" in message


def test_a_comment_begins_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# made today\na,y\n  # 9,9\n% 8,8\n1,2\n3,4\n")
    assert read(path, targets=["y"])[1].tolist() == [[1], [3]]
    path.write_text("a,y\n1,2 # two\n3,4\n")
    assert "'2 # two' holds a comment" in refused(path, targets=["y"])
    path.write_text("a#1,y #2\n1,2\n3,4\n")
    assert open_dataset(path, targets=["y #2"]).x_names == ("a#1",)


@pytest.mark.parametrize("delimiter", [" ", ",", "\t", ";"])
def test_savetxt_writes_names_into_a_comment(tmp_path, delimiter):
    path = tmp_path / "t.txt"
    np.savetxt(path, X, delimiter=delimiter, header="made by hand\n" + delimiter.join(["a", "b", "y"]))
    dataset, x, y = read(path, targets=["y"])
    assert np.array_equal(np.hstack([x, y]), X)
    assert dataset.x_names == ("a", "b")
    assert "comment above the first sample is read as column names: a, b, y" in said(dataset)
    np.savetxt(path, X, delimiter=delimiter, header="three fine columns of mine")
    assert open_dataset(path, targets=["3"]).x_names is None


def test_the_comments_of_octave_hold_no_names(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("# name: X\n# type: matrix\n# rows: 2\n# columns: 2\n 1 2\n 3 4\n")
    assert open_dataset(path, targets=["2"]).x_names is None


@pytest.mark.parametrize("header", ["a,b,y\n", ""])
@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("True", "False"), ("true", "false")])
def test_true_and_false_are_one_and_zero_and_that_is_said(tmp_path, header, words):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}1.5,{words[0]},2\n2.5,{words[1]},3\n")
    dataset, x, _ = read(path, targets=["3"])
    assert x.tolist() == [[1.5, 1.0], [2.5, 0.0]]
    assert "TRUE and FALSE in column 2" in said(dataset)


@pytest.mark.parametrize("separator", [" ", ", ", "\t"])
@pytest.mark.parametrize("count", [3, 3000])
def test_exponents_of_fortran_are_exact(tmp_path, separator, count):
    values = np.random.default_rng(1).standard_normal((count, 3)) * 1e5
    path = tmp_path / "t.txt"
    lines = [
        separator.join(f"{value:.17E}".replace("E", "Dd"[row % 2]) for value in line) for row, line in enumerate(values)
    ]
    path.write_text("\n".join(lines) + "\n")
    _, x, y = read(path, targets=["3"])
    assert np.array_equal(np.hstack([x, y]), values)


REFUSED = {
    "1,234": "separators between thousands",
    "-12,345.6": "separators between thousands",
    "1'234": "separators between thousands",
    "1 234": "separators between thousands",
    "2020-01-31": "a date or time",
    "31/01/2020": "a date or time",
    "2020-01-31T10:00:00Z": "a date or time",
    "12:30": "a date or time",
    "31-Jan-20": "a date or time",
    "12 %": "a unit",
    "$5.00": "a unit",
    "\u22121.5": "U+2212",
    "red": "is not a number",
    "1.0+100": "is not a number",
}


@pytest.mark.parametrize("cell", REFUSED)
def test_what_is_no_number_is_named_by_its_kind_and_place(tmp_path, cell):
    path = tmp_path / "t.csv"
    path.write_text(f'a,b c,y\n1,2,3\n4,"{cell}",5\n', "utf-8")
    message = refused(path, targets=["y"])
    assert REFUSED[cell] in message
    assert "line 3, column 2 (b c)" in message
    if "--drop" in message:
        assert "--drop 'b c'" in message
        assert read(path, targets=["y"], drop=["b c"])[1].tolist() == [[1], [4]]


def test_a_german_spreadsheet(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffGr\u00f6\u00dfe;Preis;y\r\n1,5;2;3\r\n4;1.234,5;6\r\n", "utf-8")
    assert "'1.234,5' has separators between thousands" in refused(path, targets=["y"])
    path.write_text("\ufeffGr\u00f6\u00dfe;Preis;y\r\n1,5;2;3\r\n4;1234,5;6\r\n", "utf-8")
    assert read(path, targets=["y"])[1].tolist() == [[1.5, 2], [4, 1234.5]]


def test_words_in_y_can_be_left_out_as_the_message_says(tmp_path):
    (tmp_path / "X.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "Y.csv").write_text("kind,v\nu,1.5\nw,2\n")
    assert "--index y:kind" in refused(tmp_path)
    assert read(tmp_path, index=["y:kind"])[2].tolist() == [[1.5], [2]]


def test_names_and_left_out_cells_in_quotes_may_hold_line_breaks(tmp_path, monkeypatch):
    from lossurf.inputs.tables import fast_text

    path = tmp_path / "t.csv"
    body = "".join(f'{i}.5,"a note\nover ""two"" lines",{i}\n' for i in range(200))
    path.write_text(f'"length\n(cm)","note\n",y\n{body}')
    for piece in (fast_text.PIECE, 60):  # whole, and in pieces that end within quotes
        monkeypatch.setattr(fast_text, "PIECE", piece)
        monkeypatch.setattr(fast_text, "WORTH_IT", 0)
        dataset, x, y = read(path, targets=["y"], drop=["note"])
        assert x[:, 0].tolist() == [i + 0.5 for i in range(200)]
        assert y[:, 0].tolist() == list(range(200))
        assert dataset.x_names == ("length (cm)",)
    path.write_text(f'"length\n(cm)","note\n",y\n{body}x,z,1\n')
    assert "line 404, column 1" in refused(path, targets=["y"], drop=["note"])


def test_one_stray_quote_never_cuts_a_table_short(tmp_path, monkeypatch):
    from lossurf.inputs.tables import fast_text

    monkeypatch.setattr(fast_text, "PIECE", 64)
    monkeypatch.setattr(fast_text, "WORTH_IT", 0)
    monkeypatch.setattr(fast_text, "_LONGEST", 256)
    path = tmp_path / "t.csv"
    path.write_text('size 12",y\n' + "".join(f"{i}.5,{i}\n" for i in range(500)))
    assert read(path, targets=["y"])[2][:, 0].tolist() == list(range(500))


def test_index_by_name_number_and_side(tmp_path):
    (tmp_path / "X.csv").write_text("name,a,b\np,1,2\nq,3,4\n")
    (tmp_path / "Y.csv").write_text("u,name,v\n1.5,p,3\n2.5,q,4\n")
    dataset, x, y = read(tmp_path, index=["name"])
    assert x.tolist() == [[1, 2], [3, 4]]
    assert y.tolist() == [[1.5, 3], [2.5, 4]]
    assert said(dataset).count("as --index says") == 2
    assert read(tmp_path, index=["x:1", "y:2"])[2].tolist() == y.tolist()
    assert "no column 'nam'" in refused(tmp_path, index=["nam"])
    assert "no column '9'" in refused(tmp_path, index=["x:9"])
    (tmp_path / "Y.csv").write_text("1\n2\n")
    assert read(tmp_path, index=["1"])[2].tolist() == [[1], [2]]  # the only column is data
    assert "--index leaves no column" in refused(tmp_path, index=["y:1"])
    with pytest.raises(UsageError, match="contradict"):
        read(tmp_path, index=["1"], no_index=True)
    assert "both a target and in --index" in refused(tmp_path / "X.csv", targets=["a"], index=["a"])


def test_names_of_rows_are_left_out_before_a_table_is_turned(tmp_path):
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X.T, list("abc"), [f"s{i}" for i in range(25)]).to_csv(tmp_path / "X.csv")
    pd.DataFrame(Y.T, list("uv"), [f"s{i}" for i in range(25)]).to_csv(tmp_path / "Y.csv")
    dataset, x, y = read(tmp_path, samples="columns")
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert said(dataset).count("left out") == 2
    pd.DataFrame(Y.T).to_csv(tmp_path / "Y.csv", header=False, index=False)
    _, x, y = read(tmp_path, samples="columns", index=["x:1"])
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


@pytest.mark.parametrize("form", ["npy", "npz", "csv", "directory", "x", "pattern"])
def test_an_autoencoder_reads_one_file_for_both(tmp_path, form):
    import csv

    if form == "csv":
        with (tmp_path / "t.csv").open("w", newline="") as file:
            csv.writer(file).writerows(X.tolist())
    elif form == "npz":
        np.savez(tmp_path / "t.npz", X=X)
    elif form == "pattern":
        np.save(tmp_path / "p1.npy", X[:10])
        np.save(tmp_path / "p2.npy", X[10:])
    else:
        np.save(tmp_path / ("t.npy" if form == "npy" else "X.npy"), X)
    named = {"directory": tmp_path, "pattern": tmp_path / "p*.npy"}.get(form, tmp_path / f"t.{form}")
    places = {"path": None, "x": tmp_path / "X.npy"} if form == "x" else {"path": named}
    dataset, x, y = read(**places, autoencoder=True)
    assert np.array_equal(x, X)
    assert np.array_equal(y, X)
    assert (dataset.dx, dataset.dy, dataset.x) == (3, 3, dataset.y)
    _, x, y = read(**places, autoencoder=True, drop=["2"])
    assert np.array_equal(x, X[:, [0, 2]])
    assert np.array_equal(y, x)


def test_one_matrix_alone_is_told_how_an_autoencoder_is_asked_for(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "t.npz", X=X)
    np.savetxt(tmp_path / "t.csv", X, delimiter=",")
    for places in (
        {"path": tmp_path},
        {"path": tmp_path / "X.npy"},
        {"path": tmp_path / "t.npz"},
        {"path": tmp_path / "t.csv"},
        {"path": None, "x": tmp_path / "X.npy"},
    ):
        assert "--autoencoder" in refused(**places)
        assert np.array_equal(read(**places, autoencoder=True)[2], X)
    assert "leave one of the two out" in refused(None, x=tmp_path / "X.npy", y=tmp_path / "X.npy", autoencoder=True)


def test_an_autoencoder_of_standardised_columns_has_them_as_outputs_too():
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from lossurf.cli.data_options import DataSource

    with TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, X)
        rest = {"target": (), "samples": "rows", "columns": (), "drop": (), "row_names": (), "no_index": False}
        source = DataSource(
            path, None, None, **rest, autoencoder=True, max_memory=None, standardize=True, intercept=True
        )
        dataset = source.open().dataset
        x, y = next(dataset.blocks(100))
        assert np.allclose(y, (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-12, atol=1e-13)
        assert np.array_equal(x, np.hstack([y, np.ones((25, 1))]))
        assert (dataset.dx, dataset.dy) == (4, 3)


def test_names_of_rows_that_differ_between_x_and_y_are_said(tmp_path):
    (tmp_path / "X.csv").write_text(",a\n0,1.5\n1,2.5\n2,4\n")
    (tmp_path / "Y.csv").write_text(",v\n0,1.5\n2,4\n1,2.5\n")
    assert "row names of sample 2 are '1' in" in said(open_dataset(tmp_path))
    (tmp_path / "Y.csv").write_text(",v\n0,1.5\n1,4\n2,2.5\n")
    assert "row names of sample" not in said(open_dataset(tmp_path))


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_nameless_columns_of_typed_tables_are_no_data(tmp_path, ending):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for name, array in (("X", X), ("Y", Y)):
        table = pd.DataFrame(array, columns=[f"c{i}" for i in range(array.shape[1])])
        table.insert(0, "Unnamed: 0", range(25))
        getattr(table, f"to_{ending}")(tmp_path / f"{name}.{ending}")
    dataset, x, y = read(tmp_path)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert said(dataset).count("is left out as row names") == 2
    table.assign(kind="u").to_parquet(tmp_path / "Y2.parquet")
    message = refused(None, x=tmp_path / f"X.{ending}", y=tmp_path / "Y2.parquet")
    assert "--index y:kind" in message
    _, _, y = read(None, x=tmp_path / f"X.{ending}", y=tmp_path / "Y2.parquet", index=["y:kind", "Unnamed: 0"])
    assert np.array_equal(y, Y)


@pytest.mark.parametrize("form", ["npy", "npz", "fortran"])
def test_index_leaves_a_column_of_arrays_out_by_its_number(tmp_path, form):
    from lossurf.reduction.data import reduce_data

    counted = [np.column_stack([np.arange(25.0), array]) for array in (X, Y)]
    if form == "npz":
        np.savez(tmp_path / "d.npz", X=counted[0], Y=counted[1])
    else:
        for name, array in zip("XY", counted, strict=True):
            np.save(tmp_path / f"{name}.npy", np.asfortranarray(array) if form == "fortran" else array)
    place = tmp_path / "d.npz" if form == "npz" else tmp_path
    dataset, x, y = read(place, index=["1"])
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    factor = reduce_data(dataset).r  # by position where the files allow it
    assert np.allclose(
        factor.T @ factor, reduce_data(as_dataset(X, Y)).r.T @ reduce_data(as_dataset(X, Y)).r, atol=1e-12
    )


@pytest.mark.parametrize("form", ["npy", "npz", "csv"])
def test_an_autoencoder_reduces_to_what_the_pair_does(tmp_path, form):
    from lossurf.reduction.data import reduce_data

    path = tmp_path / f"X.{form}"
    if form == "csv":
        np.savetxt(path, X, delimiter=",", fmt="%.17g")
    else:
        (np.save if form == "npy" else np.savez)(path, X)
    assert np.array_equal(reduce_data(open_dataset(path, autoencoder=True)).r, reduce_data(as_dataset(X, X)).r)


def test_identities_are_no_data_in_any_order_and_numbers_that_are_no_identities_are(tmp_path):
    path = tmp_path / "t.csv"
    for cells, columns in ((("7", "3", "12"), 1), (("4", "4", "1"), 1), (("0.5", "1", "2"), 2)):
        path.write_text("sample_id,a,y\n" + "".join(f"{cell},{i}.5,2\n" for i, cell in enumerate(cells)))
        assert read(path, targets=["y"])[1].shape[1] == columns
    path.write_text("obs,a,y\n7,1,2\n3,2,4\n")
    assert read(path, targets=["y"])[1].shape[1] == 2


def test_a_first_column_that_alone_is_in_quotes_is_asked_about(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"7",1.5,2\n"3",2.5,4\n')
    assert "it alone is in quotes" in refused(path, targets=["3"])
    path.write_text('"7","1.5","2"\n"3","2.5","4"\n')
    assert read(path, targets=["3"])[1].tolist() == [[7, 1.5], [3, 2.5]]


def test_bars_may_separate_decimal_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a|b|y\n1,5|2,5|3,5\n4,5|5,5|6,5\n")
    assert read(path, targets=["y"])[1].tolist() == [[1.5, 2.5], [4.5, 5.5]]
