"""Formats that are refused with the line that converts them. The trusted channel: the arrays that were written.

Each line is run as the message gives it, and what it writes is read.
"""

from __future__ import annotations

import gzip
import json
import pickle
import re
import shlex
import subprocess
import sys
import warnings

import numpy as np
import pytest
from process import clean_environment

from lossurf.errors import InputError
from lossurf.inputs.checkpoints.open import read_checkpoint
from lossurf.inputs.tables.data import open_dataset

rng = np.random.default_rng(3)
X, Y = rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
W1, W2 = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
TABLE = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "u": Y[:, 0], "v": Y[:, 1]}
BOTH = {"X": X, "Y": Y}
STATE = {"net": {"0": {"weight": W1}, "2": {"weight": W2}}}


def frame():
    return pytest.importorskip("pandas").DataFrame(TABLE)


def refused(function, *args, **options):
    with pytest.raises(InputError) as caught:
        function(*args, **options)
    return caught.value


def converted(error, directory, shell=False):
    """Run the line of a message; return the one file it wrote."""
    found = re.search(r"python -c (.+)$", error.remedy)
    assert found, error
    [code] = shlex.split(found[1])
    before = set(directory.iterdir())
    if shell:
        command = f"{shlex.quote(sys.executable)} -W ignore -c {found[1]}"
        done = subprocess.run(command, shell=True, env=clean_environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries, about their own plans
            exec(code, {"__name__": "__main__"})
    [written] = set(directory.iterdir()) - before
    return written


def save_joblib(value):
    return lambda path: pytest.importorskip("joblib").dump(value() if callable(value) else value, path)


def save_pickle(value):
    return lambda path: path.write_bytes(pickle.dumps(value() if callable(value) else value))


def save_text(text):
    return lambda path: path.write_text(text)


def save_gzip(text):
    return lambda path: path.write_bytes(gzip.compress(text.encode()))


def save_matlab(values):
    return lambda path: pytest.importorskip("scipy.io").savemat(path, values)


def save_hdf5(path, values=BOTH, transposed=False):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512 if transposed else 0) as file:
        for name, value in values.items():
            file[name] = value.T if transposed else value
    if transposed:  # as MATLAB writes them
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(512, b" "))


def save_tensors(value):
    def save(path):
        torch = pytest.importorskip("torch")
        made = {k: torch.tensor(v) for k, v in value.items()} if isinstance(value, dict) else torch.tensor(value)
        torch.save(made, path)

    return save


def save_excel(path):
    pytest.importorskip("openpyxl")
    frame().to_excel(path, index=False)


def records(lists=False):
    rows = [{k: float(v[i]) for k, v in TABLE.items()} for i in range(12)]
    return [{"X": x.tolist(), "Y": y.tolist()} for x, y in zip(X, Y, strict=True)] if lists else rows


def json_lines(lists):
    return save_text("\n".join(map(json.dumps, records(lists))))


PLAIN_JSON = {"X": X.tolist(), "Y": Y.tolist()}
DATA = {
    "spreadsheet": ("d.xlsx", save_excel),
    "JSON lines": ("d.jsonl", json_lines(False)),
    "JSON lines of vectors": ("d.ndjson", json_lines(True)),
    "compressed JSON lines": ("d.jsonl.gz", save_gzip("\n".join(map(json.dumps, records())))),
    "compressed JSON lines of vectors": ("d.jsonl.gz", save_gzip("\n".join(map(json.dumps, records(True))))),
    "JSON records": ("d.json", save_text(json.dumps(records()))),
    "JSON records of vectors": ("d.json", save_text(json.dumps(records(True)))),
    "JSON of columns": ("d.json", save_text(json.dumps({k: v.tolist() for k, v in TABLE.items()}))),
    "JSON of matrices": ("d.json", save_text(json.dumps(PLAIN_JSON))),
    "Stata": ("d.dta", lambda path: frame().to_stata(path, write_index=False)),
    "compressed": ("d.csv.xz", lambda path: frame().to_csv(path, index=False)),
    "compressed with semicolons": ("d.csv.bz2", lambda path: frame().to_csv(path, index=False, sep=";")),
    "compressed in a zip": ("d.csv.zip", lambda path: frame().to_csv(path, index=False)),
    "MATLAB": ("d.mat", save_matlab(BOTH)),
    "MATLAB 7.3": ("d.mat", lambda path: save_hdf5(path, transposed=True)),
    "HDF5": ("d.h5", save_hdf5),
    "joblib of a dict": ("d.joblib", save_joblib(BOTH)),
    "joblib of a pair": ("d.joblib", save_joblib((X, Y))),
    "joblib of a table": ("d.joblib", save_joblib(frame)),
    "pickle": ("d.pkl", save_pickle(BOTH)),
    "pickle of a table": ("d.pickle", save_pickle(frame)),
    "tensors": ("d.pt", save_tensors(BOTH)),
    "a name with quotes": ('it\'s "OUT" & $HOME.pkl', save_pickle(BOTH)),
}


@pytest.mark.parametrize("case", [pytest.param(c, marks=[pytest.mark.torch] * (c == "tensors")) for c in DATA])
def test_the_line_for_data_works(tmp_path, case):
    name, save = DATA[case]
    save(tmp_path / name)
    error = refused(open_dataset, tmp_path / name)
    assert repr(str(tmp_path / name)) in error.what
    assert ("your own" in error.remedy) == (tmp_path / name).suffix.startswith((".joblib", ".pkl", ".pickle"))
    written = converted(error, tmp_path, shell="quotes" in case)
    dataset = open_dataset(written, targets=["u", "v"] if written.suffix == ".csv" else [])
    x, y = (np.concatenate(part) for part in zip(*dataset.blocks(5), strict=True))
    assert x == pytest.approx(X, rel=1e-15)
    assert y == pytest.approx(Y, rel=1e-15)


def test_the_packages_that_a_line_needs_are_named(tmp_path):
    needs = {
        "d.xlsx": "pandas and openpyxl",
        "d.xls": "pandas and xlrd",
        "d.jsonl": "pandas",
        "d.joblib": "joblib",
        "d.pkl": "Python",
        "d.mat": "Python",
        "d.csv.zst": "zstandard",
        "d.libsvm": "scikit-learn",
        "d.rds": "R",
    }
    for name, packages in needs.items():
        (tmp_path / name).write_text("x")
        assert f"convert it with {packages}: " in refused(open_dataset, tmp_path / name).remedy


def test_svmlight(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    datasets.dump_svmlight_file(X, Y[:, 0], str(tmp_path / "d.libsvm"))
    dataset = open_dataset(converted(refused(open_dataset, tmp_path / "d.libsvm"), tmp_path))
    x, y = next(dataset.blocks(20))
    assert x == pytest.approx(X, rel=1e-14)  # the writer keeps 16 digits
    assert y[:, 0] == pytest.approx(Y[:, 0], rel=1e-14)


def test_a_spreadsheet_without_a_header_keeps_its_first_row(tmp_path):
    pytest.importorskip("openpyxl")
    numbers = np.hstack([X, Y])
    numbers[0] = 1.0  # which a reader of headers would call 1.0, 1.0.1, 1.0.2, ...
    pytest.importorskip("pandas").DataFrame(numbers).to_excel(tmp_path / "d.xlsx", header=False, index=False)
    dataset = open_dataset(converted(refused(open_dataset, tmp_path / "d.xlsx"), tmp_path), targets=["4", "5"])
    assert np.hstack(next(dataset.blocks(20))) == pytest.approx(numbers, rel=1e-15)  # a sheet keeps 16 digits


def test_two_files_of_a_directory(tmp_path):
    for name, value in BOTH.items():
        save_pickle(value)(tmp_path / f"{name}.pkl")
    for name in BOTH:
        error = refused(open_dataset, tmp_path)
        assert f"{name}.pkl" in error.what
        assert converted(error, tmp_path).name == f"{name}.npz"
    x, y = next(open_dataset(tmp_path).blocks(20))
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


def test_compressed_arrays(tmp_path):
    for name, value in BOTH.items():
        with gzip.open(tmp_path / f"{name}.npy.gz", "wb") as file:
            np.save(file, value)
        assert converted(refused(open_dataset, tmp_path), tmp_path).name == f"{name}.npy"
    x, y = next(open_dataset(tmp_path).blocks(20))
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)


def test_files_of_r_name_rscript(tmp_path):
    for ending, function in {"rds": "readRDS", "rda": "load", "RData": "load"}.items():
        (tmp_path / f"d.{ending}").write_bytes(b"\x1f\x8b")
        remedy = refused(open_dataset, tmp_path / f"d.{ending}").remedy
        assert f"Rscript -e 'write.csv({'get(' * (function == 'load')}{function}(" in remedy
        assert 'd.csv", row.names = FALSE)' in remedy


def test_files_of_r_as_checkpoints_become_tables_of_their_layers(tmp_path):
    for ending, function in {"rds": "readRDS", "rda": "load", "RData": "load"}.items():
        (tmp_path / f"net.{ending}").write_bytes(b"\x1f\x8b")
        error = refused(read_checkpoint, tmp_path / f"net.{ending}", 3, 2)
        assert "a file of R" in error.what
        assert f"{function}(" in error.remedy
        assert 'net-", k, ".csv"), row.names = FALSE)' in error.remedy


def test_tables_of_several_layers_become_one_checkpoint(tmp_path):
    for name, weight in (("W1", W1), ("W2", W2)):
        np.savetxt(tmp_path / f"{name}.csv", weight, delimiter=",")
    error = refused(read_checkpoint, tmp_path / "W1.csv", 3, 2)
    assert "files of other layers in the list" in error.remedy
    first = json.dumps(str(tmp_path / "W1.csv"))
    error.remedy = error.remedy.replace(f"[{first}]", f"[{first}, {first.replace('W1', 'W2')}]")
    weights = read_checkpoint(converted(error, tmp_path), 3, 2).weights
    assert [W.tolist() for W in weights] == [W1.tolist(), W2.tolist()]


def save_model(kind):
    def save(path):
        models = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.neural_network")
        if kind == "linear":
            model = models[0].LinearRegression().fit(X, Y)
            model.coef_, model.intercept_ = W2 @ W1, np.zeros(2)
        else:
            model = models[1].MLPRegressor(hidden_layer_sizes=4, activation="identity", max_iter=1)
            model.partial_fit(X, Y)
            model.coefs_, model.intercepts_ = [W1.T, W2.T], [np.zeros(4), np.zeros(2)]
        pytest.importorskip("joblib").dump(model, path)

    return save


def save_onnx(path):
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    tensors = [numpy_helper.from_array(w, name) for name, w in (("0.weight", W1), ("1.weight", W2))]
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [], tensors)), path)


def save_sheets(path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl")
    with pandas.ExcelWriter(path) as file:
        for name, weight in (("W1", W1), ("W2", W2)):
            pandas.DataFrame(weight).to_excel(file, sheet_name=name, header=False, index=False)


CHECKPOINTS = {
    "pickle of a nested dict": ("c.pkl", save_pickle(STATE)),
    "pickle of a list": ("c.pickle", save_pickle([W1, W2])),
    "joblib of a network": ("c.joblib", save_model("deep")),
    "joblib of a linear model": ("c.joblib", save_model("linear")),
    "MATLAB": ("c.mat", save_matlab({"W1": W1, "W2": W2})),
    "JSON": ("c.json", save_text(json.dumps({"W1": W1.tolist(), "W2": W2.tolist()}))),
    "ONNX": ("c.onnx", save_onnx),
    "spreadsheet": ("c.xlsx", save_sheets),
    "text": ("c.csv", lambda path: np.savetxt(path, W2 @ W1, delimiter=",")),
    "text of write.csv": (
        "c.csv",
        lambda path: np.savetxt(path, W2 @ W1, delimiter=",", header='"V1","V2"', comments=""),
    ),
    "nested dict in an .npz": ("c.npz", lambda path: np.savez(path, params=STATE)),
    "dicts in an .npz": ("c.npz", lambda path: np.savez(path, **{"1": {"weight": W1}, "2": {"weight": W2}})),
    "list in an .npz": ("c.npz", lambda path: np.savez(path, w=np.array([W1, W2], dtype=object))),
    "dict in an .npy": ("c.npy", lambda path: np.save(path, STATE)),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_the_line_for_checkpoints_works(tmp_path, case):
    name, save = CHECKPOINTS[case]
    save(tmp_path / name)
    written = converted(refused(read_checkpoint, tmp_path / name, 3, 2), tmp_path)
    checkpoint = read_checkpoint(written, 3, 2)
    product = np.linalg.multi_dot(checkpoint.weights) if len(checkpoint.weights) > 2 else checkpoint.weights[-1]
    product = product @ checkpoint.weights[0] if len(checkpoint.weights) == 2 else product
    assert product == pytest.approx(W2 @ W1, rel=1e-13)


def test_objects_beside_weights_are_no_reason_to_leave_them_out(tmp_path):
    np.savez(tmp_path / "c.npz", **{"0.weight": W1}, rest={"1.weight": W2})
    error = refused(read_checkpoint, tmp_path / "c.npz", 3, 2)
    assert "nested dictionaries" in error.what
    assert "--layers" not in str(error)


def test_a_missing_file_is_told_as_missing(tmp_path):
    for name in ("d.xlsx", "d.mat", "d.rds", "d.jsonl"):
        assert "there is no file" in refused(open_dataset, tmp_path / name).what
        assert "there is no file" in refused(open_dataset, None, x=tmp_path / name, y=tmp_path / name).what
