"""Inputs that must be refused: each case breaks one thing in a directory that is otherwise sound.

Run as a program it tries every case in one process under a limit of address space, and prints what happened as JSON.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import resource
import signal
import stat
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ADDRESS_SPACE = 2 << 30
SECONDS = 5.0

rng = np.random.default_rng(11)
X = rng.standard_normal((20, 3))
Y = rng.standard_normal((20, 2))
W1, W2 = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
ADAPTER = {"fc.lora_A.weight": W1[:1], "fc.lora_B.weight": W2[:, :1]}


@dataclass(frozen=True)
class Case:
    """Files to write into the directory, the command line, and what the message must say (what, where)."""

    argv: tuple[str, ...]
    parts: tuple[str, ...]
    write: Callable[[Path], None] = lambda directory: None  # noqa: ARG005
    env: tuple[tuple[str, str], ...] = ()
    stdin: str = os.devnull  # opened in the directory


def sound(directory: Path) -> None:
    """Write the data and a checkpoint that every case starts from."""
    np.save(directory / "X.npy", X)
    np.save(directory / "Y.npy", Y)
    np.savez(directory / "w.npz", W1=W1, W2=W2)


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda directory: (directory / name).write_bytes(data) and None


def array(name: str, value: object) -> Callable[[Path], None]:
    return lambda directory: np.save(directory / name, np.asarray(value))


def arrays(name: str, compressed: bool = False, **values: object) -> Callable[[Path], None]:
    save = np.savez_compressed if compressed else np.savez
    return lambda directory: save(directory / name, **values)


def npy_header(shape: str, descr: str = "'<f8'", body: bytes = b"", extra: str = "") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {extra}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def cut(name: str, count: int) -> Callable[[Path], None]:
    return lambda directory: (directory / name).write_bytes((directory / name).read_bytes()[:count]) and None


def flipped(name: str, where: int) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        data = bytearray((directory / name).read_bytes())
        data[where] ^= 0xFF
        (directory / name).write_bytes(data)

    return write


def archive(
    name: str, entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED
) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        import warnings

        with warnings.catch_warnings(), zipfile.ZipFile(directory / name, "w", compression) as file:
            warnings.simplefilter("ignore")  # zipfile warns about the duplicate names that a case is about
            for entry, data in entries:
                file.writestr(entry, data)

    return write


def npy_bytes(value: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(value))
    return stream.getvalue()


def bomb(directory: Path) -> None:
    """A file of kilobytes whose one array declares 3 GiB, and would unpack to it for a reader that went on."""
    with zipfile.ZipFile(directory / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("W1.npy", npy_header("(402653184, 1)", body=b"\0" * (1 << 22)))
    data = bytearray((directory / "bomb.npz").read_bytes())
    entry = data.rfind(b"PK\x01\x02")  # the archive's directory, which readers believe
    data[entry + 24 : entry + 28] = (3 << 30).to_bytes(4, "little")
    (directory / "bomb.npz").write_bytes(data)


def compressed_table(name: str) -> Callable[[Path], None]:
    """Kilobytes that unpack to 30 MB at once: a batch of Feather, or columns of Parquet that are one page each."""

    def write(directory: Path) -> None:
        import pyarrow
        from pyarrow import feather, parquet

        table = pyarrow.table(dict.fromkeys("aby", np.zeros(1_300_000)))
        if name.endswith(".feather"):
            feather.write_feather(table, directory / name, compression="zstd", chunksize=len(table))
            return
        options = {"use_dictionary": False, "data_page_size": 1 << 30, "write_batch_size": len(table)}
        with contextlib.suppress(TypeError):  # where rows of a page are not limited, and cannot be
            parquet.write_table(table, directory / name, max_rows_per_page=len(table), **options)
            return
        parquet.write_table(table, directory / name, **options)

    return write


def elsewhere(file: object) -> None:
    """A weight whose numbers stand in another file."""
    import h5py

    layout = h5py.VirtualLayout(shape=(4, 3), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "secret", shape=(4, 3))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def hole(name: str) -> Callable[[Path], None]:
    """An archive's beginning and 64 MB of nothing."""

    def write(directory: Path) -> None:
        with (directory / name).open("wb") as file:
            file.write(b"PK\3\4")
            file.truncate(64 << 20)

    return write


def deep(directory: Path) -> None:
    """Two hundred directories in one another."""
    (directory / "/".join(["d"] * 200)).mkdir(parents=True)


def many(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        for writer in writers:
            writer(directory)

    return write


def pipe(name: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / name).unlink(missing_ok=True)
        os.mkfifo(directory / name)

    return write


def link(name: str, target: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to(target)

    return write


def removed(*names: str) -> Callable[[Path], None]:
    return lambda directory: [(directory / name).unlink() for name in names] and None


def hdf5(name: str, fill: Callable[[object], None]) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        import h5py

        with h5py.File(directory / name, "w") as file:
            fill(file)

    return write


def with_value(value: float) -> np.ndarray:
    changed = X.copy()
    changed[6, 1] = value
    return changed


CHECK = ("check", ".")
ONE = ("check", "t.csv", "--target", "y")
CLASSIFY = ("classify", "c.npz", "--data", ".")
LAUGHS = "\n".join(["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)])

CASES: dict[str, Case] = {
    # where the data are
    "no such directory": Case(("check", "nowhere"), ("no file 'nowhere'",)),
    "near miss of a file": Case(("check", "--x", "x.npy", "--y", "Y.npyy"), ("no file", "did you mean")),
    "no default data": Case(("check",), ("no directory 'data'",)),
    "empty directory": Case(("check", "e"), ("holds no X file", "found: nothing"), lambda d: (d / "e").mkdir()),
    "no Y": Case(CHECK, ("holds no Y file",), removed("Y.npy")),
    "two candidates for X": Case(CHECK, ("more than one X file", "X.npy", "x.csv"), text("x.csv", "1,2,3\n")),
    "x without y": Case(("check", "--x", "X.npy"), ("--x was given without --y",)),
    "y without x": Case(("check", "--y", "Y.npy"), ("--y was given without --x",)),
    "data and x": Case(("check", ".", "--x", "X.npy", "--y", "Y.npy"), ("named twice",)),
    "one array": Case(("check", "X.npy"), ("X.npy", "both X and Y are needed")),
    "unknown ending": Case(("check", "--x", "X.xlsx", "--y", "Y.npy"), ("X.xlsx", ".csv"), text("X.xlsx", "PK")),
    "no ending": Case(("check", "data_file"), ("data_file", "known endings"), text("data_file", "1,2\n")),
    "directory for a file": Case(("check", "--x", ".", "--y", "Y.npy"), ("is a directory",)),
    "a file named as a directory": Case(("check", "X.npy/inside.npz"), ("cannot be read",)),
    "pipe": Case(CHECK, ("X.npy", "is a pipe"), pipe("X.npy")),
    "pipe as a table": Case(ONE, ("t.csv", "is a pipe"), pipe("t.csv")),
    "device": Case(CHECK, ("X.npy", "is a device"), link("X.npy", "/dev/zero")),
    "broken link": Case(CHECK, ("no file",), link("X.npy", "gone.npy")),
    "circle of links": Case(CHECK, ("cannot be read",), link("X.npy", "X.npy")),
    "name too long": Case(("check", "x" * 5000 + ".npz"), ("cannot be read",)),
    # .npy
    "empty file": Case(CHECK, ("X.npy", "is empty"), text("X.npy", "")),
    "garbage": Case(CHECK, ("X.npy", "not a readable .npy"), text("X.npy", os.urandom(500))),
    "text named .npy": Case(CHECK, ("X.npy", "not a readable .npy"), text("X.npy", "1,2,3\n" * 20)),
    "cut in the header": Case(CHECK, ("X.npy", "inside the header"), cut("X.npy", 50)),
    "cut in the numbers": Case(CHECK, ("X.npy", "promises", "cut short"), cut("X.npy", 300)),
    "two arrays in one file": Case(CHECK, ("X.npy", "follow the array"), text("X.npy", npy_bytes(X) + npy_bytes(X))),
    "header promises a terabyte": Case(
        CHECK, ("X.npy", "promises"), text("X.npy", npy_header("(45813246000, 3)", body=b"12345678"))
    ),
    "header promises more than an integer": Case(
        CHECK, ("X.npy", "promises"), text("X.npy", npy_header(f"({10**30}, {10**30})"))
    ),
    "negative shape": Case(CHECK, ("X.npy", "not a description"), text("X.npy", npy_header("(-20, 3)"))),
    "shape with a float": Case(CHECK, ("X.npy", "not a description"), text("X.npy", npy_header("(20.0, 3)"))),
    "shape with True": Case(CHECK, ("X.npy", "not a description"), text("X.npy", npy_header("(True, 3)"))),
    "header with code": Case(CHECK, ("not a description",), text("X.npy", npy_header("__import__('os').getcwd()"))),
    "header nested without end": Case(CHECK, ("X.npy", "not a description"), text("X.npy", npy_header("(" * 9000))),
    "header with another key": Case(CHECK, ("not a description",), text("X.npy", npy_header("(2,)", extra="'a': 1"))),
    "header too long": Case(CHECK, ("X.npy",), text("X.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 99)),
    "version of the future": Case(CHECK, ("unknown version",), text("X.npy", b"\x93NUMPY\x09\x00\x10\x00" + b" " * 99)),
    "unknown number type": Case(CHECK, ("number type", "f5"), text("X.npy", npy_header("(2,)", "'<f5'"))),
    "no number type": Case(CHECK, ("X.npy", "no number type"), text("X.npy", npy_header("(2,)", "7"))),
    "objects": Case(CHECK, ("X.npy", "unpickling"), array("X.npy", np.array([[1, "a"]] * 20, dtype=object))),
    "text array": Case(CHECK, ("X.npy", "holds text"), array("X.npy", [["a", "b"]] * 20)),
    "bytes array": Case(CHECK, ("X.npy", "holds text"), array("X.npy", [[b"a", b"b"]] * 20)),
    "complex": Case(CHECK, ("X.npy", "complex"), array("X.npy", X * 1j)),
    "dates": Case(CHECK, ("X.npy", "dates"), array("X.npy", np.full((20, 2), "2020", dtype="M8[D]"))),
    "records": Case(CHECK, ("X.npy", "record"), array("X.npy", np.zeros(20, dtype=[("a", "f8"), ("b", "f8")]))),
    "three dimensions": Case(CHECK, ("X has 3 dimensions",), array("X.npy", X.reshape(20, 3, 1))),
    "no dimension": Case(CHECK, ("Y has 0 dimensions",), array("Y.npy", 3.0)),
    "vector of inputs": Case(CHECK, ("X has 1 dimension ", "reshape"), array("X.npy", X[:, 0])),
    "no samples": Case(CHECK, ("X has no sample", "(0, 3)"), many(array("X.npy", X[:0]), array("Y.npy", Y[:0]))),
    "no inputs": Case(CHECK, ("X has no column",), array("X.npy", X[:, :0])),
    "no outputs": Case(CHECK, ("Y has no column",), array("Y.npy", Y[:, :0])),
    "NaN": Case(CHECK, ("X holds NaN", "row 7, column 2"), array("X.npy", with_value(np.nan))),
    "infinity": Case(CHECK, ("X holds infinity", "row 7, column 2"), array("X.npy", with_value(-np.inf))),
    "NaN in columns": Case(CHECK, ("row 7, column 2",), array("X.npy", np.asfortranarray(with_value(np.nan)))),
    "half NaN": Case(CHECK, ("X holds NaN",), array("X.npy", with_value(np.nan).astype("f2"))),
    "long double beyond": Case(CHECK, ("too large",), array("X.npy", np.full((20, 3), np.longdouble("1e4000")))),
    "different lengths": Case(CHECK, ("X has 20 samples and Y has 19",), array("Y.npy", Y[:19])),
    "samples in columns": Case(CHECK, ("--samples columns",), many(array("X.npy", X.T), array("Y.npy", Y.T))),
    "Y transposed": Case(CHECK, ("transpose Y",), array("Y.npy", Y.T)),
    "X transposed": Case(CHECK, ("transpose X",), array("X.npy", X.T)),
    "squares overflow": Case(CHECK, ("Y is so large",), array("Y.npy", Y * 1e200)),
    "squares underflow": Case(CHECK, ("Y is so small",), array("Y.npy", Y * 1e-200)),
    "more columns than memory": Case(
        CHECK, ("triangular factor",), many(array("X.npy", np.zeros((1, 30000))), array("Y.npy", [[1.0]]))
    ),
    # .npz
    "npz without X": Case(("check", "d.npz"), ("no array named X", "x_train, Y"), arrays("d.npz", x_train=X, Y=Y)),
    "npz with x and X": Case(("check", "d.npz"), ("more than one X",), arrays("d.npz", x=X, X=X, Y=Y)),
    "npz cut": Case(
        ("check", "d.npz"), ("d.npz", "not a readable .npz"), many(arrays("d.npz", X=X, Y=Y), cut("d.npz", 400))
    ),
    "npz with a broken checksum": Case(
        ("check", "d.npz"), ("d.npz", "CRC"), many(arrays("d.npz", X=X, Y=Y), flipped("d.npz", 300))
    ),
    "npz of text": Case(("check", "d.npz"), ("not a readable .npz",), text("d.npz", "not a zip")),
    "npz with a name twice": Case(
        ("check", "d.npz"), ("holds 'X' twice",), archive("d.npz", [("X.npy", npy_bytes(X)), ("X.npy", npy_bytes(X))])
    ),
    "npz with a stray entry": Case(
        ("check", "d.npz"), ("'X'", "not an array"), archive("d.npz", [("X", b"1"), ("Y.npy", npy_bytes(Y))])
    ),
    "npz with a name that climbs": Case(
        ("check", "d.npz"),
        ("no array named X",),
        archive("d.npz", [("../../X.npy", npy_bytes(X)), ("Y.npy", npy_bytes(Y))]),
    ),
    "npz, compressed and lying": Case(
        ("check", "d.npz"),
        ("promises",),
        archive("d.npz", [("X.npy", npy_header("(99999999, 3)")), ("Y.npy", npy_bytes(Y))], zipfile.ZIP_DEFLATED),
    ),
    "npz beyond max-memory": Case(
        ("check", "d.npz", "--max-memory", "1M"),
        ("1 MiB", "--max-memory"),
        arrays("d.npz", compressed=True, X=np.zeros((100000, 3)), Y=np.zeros(100000)),
    ),
    "zip bomb": Case(("classify", "bomb.npz", "--data", "."), ("bomb.npz", "--max-memory"), bomb),
    # text tables
    "missing cell": Case(ONE, ("line 3, column 1 (a)", "missing value"), text("t.csv", "a,y\n1,2\n,4\n")),
    "NA": Case(ONE, ("line 3, column 1 (a)", "'NA'"), text("t.csv", "a,y\n1,2\nNA,4\n")),
    "text cell": Case(ONE, ("line 3, column 2 (y)", "'four'"), text("t.csv", "a,y\n1,2\n3,four\n")),
    "nan cell": Case(ONE, ("line 3, column 2 (y)", "not finite"), text("t.csv", "a,y\n1,2\n3,NaN\n")),
    "infinite cell": Case(ONE, ("line 3, column 2 (y)", "not finite"), text("t.csv", "a,y\n1,2\n3,-inf\n")),
    "cell beyond float64": Case(ONE, ("line 3, column 2 (y)", "too large"), text("t.csv", "a,y\n1,2\n3,1e400\n")),
    "complex cell": Case(ONE, ("line 3, column 2 (y)", "'1+2j'"), text("t.csv", "a,y\n1,2\n3,1+2j\n")),
    "ragged, short": Case(ONE, ("line 3", "1 cell where"), text("t.csv", "a,y\n1,2\n3\n")),
    "ragged, long": Case(ONE, ("line 3", "3 cells"), text("t.csv", "a,y\n1,2\n3,4,5\n")),
    "two decimal marks": Case(ONE, ("line 3", "decimal mark"), text("t.csv", "a;y\n1,5;2\n1.5;2\n")),
    "open quote": Case(ONE, ("line 3", "quotes"), text("t.csv", 'a,y\n1,2\n"3,4\n')),
    "header alone": Case(ONE, ("t.csv", "no row"), text("t.csv", "a,y\n")),
    "comments alone": Case(ONE, ("t.csv", "no row"), text("t.csv", "# a\n# b\n")),
    "blank table": Case(ONE, ("t.csv", "no row"), text("t.csv", "\n\n\n")),
    "names and fractions": Case(ONE, ("line 1", "mixes"), text("t.csv", "1.5,y\n1,2\n")),
    "header too short": Case(ONE, ("line 2", "3 cells where 2"), text("t.csv", "a,y\n1,2,3\n")),
    "binary named .csv": Case(ONE, ("t.csv", "not text"), text("t.csv", bytes(range(256)) * 4)),
    "null characters": Case(ONE, ("line 1", "null"), text("t.csv", "a,y\0\n1,2\n")),
    "Latin-1": Case(ONE, ("t.csv", "UTF-8"), text("t.csv", "a\xe9,y\n1,2\n".encode("latin-1"))),
    "UTF-16 cut": Case(ONE, ("t.csv", "not text"), text("t.csv", "a,y\n1,2\n".encode("utf-16")[:-1])),
    "gzip cut": Case(
        ("check", "t.csv.gz", "--target", "y"),
        ("t.csv.gz", "gzip"),
        text("t.csv.gz", gzip.compress(b"a,y\n1,2\n" * 99)[:30]),
    ),
    "gzip that is not": Case(
        ("check", "t.csv.gz", "--target", "1"), ("t.csv.gz",), text("t.csv.gz", b"\x1f\x8bgarbage")
    ),
    "gzip checksum": Case(
        ("check", "t.csv.gz", "--target", "y"),
        ("t.csv.gz",),
        many(text("t.csv.gz", gzip.compress(b"a,y\n1,2\n3,4\n")), flipped("t.csv.gz", -6)),
    ),
    "one endless line": Case(ONE, ("t.csv", "longer than"), text("t.csv", b"1" * ((1 << 25) + 10))),
    "no target": Case(("check", "t.csv"), ("t.csv", "--target"), text("t.csv", "a,y\n1,2\n")),
    "unknown target": Case(
        ("check", "t.csv", "--target", "yy"), ("no column 'yy'", "did you mean 'y'"), text("t.csv", "a,y\n1,2\n")
    ),
    "unknown target beside row names": Case(
        ("check", "t.csv", "--target", "Y"), ("the columns are a, y",), text("t.csv", ",a,y\nu,1,2\n")
    ),
    "target out of range": Case(("check", "t.csv", "--target", "3"), ("no column '3'",), text("t.csv", "a,y\n1,2\n")),
    "target zero": Case(("check", "t.csv", "--target", "0"), ("no column '0'",), text("t.csv", "a,y\n1,2\n")),
    "target by name without header": Case(ONE, ("'y'", "no header"), text("t.csv", "1,2\n3,4\n")),
    "target twice named": Case(ONE, ("2 columns are named 'y'",), text("t.csv", "a,y,y\n1,2,3\n")),
    "everything a target": Case(
        ("check", "t.csv", "--target", "1", "--target", "2"), ("every column",), text("t.csv", "1,2\n")
    ),
    "target beside X and Y": Case(("check", ".", "--target", "1"), ("--target",)),
    "columns unknown": Case(("check", ".", "--columns", "9"), ("no column '9'", "1 to 3")),
    "all dropped": Case(("check", ".", "--drop", "1,2,3"), ("no column of X is left",)),
    "text column": Case(ONE, ("line 2, column 1 (id)", "--drop"), text("t.csv", "id,a,y\nu,1,2\nv,3,4\n")),
    "tables of different lengths": Case(
        ("check", "--x", "x.csv", "--y", "y.csv"),
        ("X has 3 samples and Y has 2",),
        many(text("x.csv", "1,2\n3,4\n5,6\n"), text("y.csv", "1\n2\n")),
    ),
    "Feather bomb": Case(
        ("check", "t.feather", "--target", "y", "--max-memory", "20M"),
        ("t.feather unpacked", "29.8 MiB", "--max-memory"),
        compressed_table("t.feather"),
    ),
    "Parquet bomb": Case(
        ("check", "t.parquet", "--target", "y", "--max-memory", "20M"),
        ("t.parquet unpacked", "--max-memory"),
        compressed_table("t.parquet"),
    ),
    "numbers in another HDF5 file": Case(
        ("classify", "v.weights.h5", "--data", "."), ("vars/0", "link"), hdf5("v.weights.h5", elsewhere)
    ),
    "parquet of text": Case(("check", "t.parquet", "--target", "y"), ("t.parquet",), text("t.parquet", "a,y\n1,2\n")),
    "feather of garbage": Case(
        ("check", "t.feather", "--target", "y"), ("t.feather",), text("t.feather", os.urandom(300))
    ),
    "LFS pointer for Y": Case(("check", "."), ("Y.npy", "a Git LFS pointer", "git lfs pull"), text("Y.npy", LFS)),
    "LFS pointer for a table": Case(ONE, ("t.csv", "a Git LFS pointer", "git lfs pull"), text("t.csv", LFS)),
    "spreadsheet": Case(
        ("check", "t.xlsx", "--target", "y"), ("a spreadsheet", "python -c", "read_excel"), text("t.xlsx", "PK")
    ),
    "JSON lines": Case(
        ("check", "t.jsonl", "--target", "y"), ("JSON", "python -c", "lines=True"), text("t.jsonl", '{"a": 1, "y": 2}')
    ),
    "pickle for X": Case(
        ("check", "."), ("X.pkl", "can run code", "python -c"), lambda d: (d / "X.npy").rename(d / "X.pkl") and None
    ),
    # checkpoints
    "LFS pointer for a checkpoint": Case(CLASSIFY, ("c.npz", "a Git LFS pointer", "git lfs pull"), text("c.npz", LFS)),
    "pattern without a match": Case(
        ("classify", "w.npz", "--data", ".", "--layers", "encoder.*"), ("matches 'encoder.*'", "W1, W2")
    ),
    "nested dictionaries": Case(
        CLASSIFY, ("nested dictionaries", "python -c"), lambda d: np.savez(d / "c.npz", model={"0": {"weight": W1}})
    ),
    "one shard of two": Case(
        ("classify", "m-00001-of-00002.npz", "--data", "."),
        ("shard 1 of 2", "'m.npz.index.json'"),
        arrays("m-00001-of-00002.npz", W1=W1, W2=W2),
    ),
    "shard outside": Case(
        ("classify", "m.index.json", "--data", "."),
        ("'../w.npz'", "outside its directory"),
        text("m.index.json", '{"weight_map": {"W1": "../w.npz", "W2": "w.npz"}}'),
    ),
    "shard gone": Case(
        ("classify", "m.index.json", "--data", "."),
        ("no file 'v.npz'", "did you mean 'w.npz'"),
        text("m.index.json", '{"weight_map": {"W1": "w.npz", "W2": "v.npz"}}'),
    ),
    "adapter without a scale": Case(CLASSIFY, ("scale", "adapter_config.json", "--scale"), arrays("c.npz", **ADAPTER)),
    "adapter of two modules": Case(
        CLASSIFY,
        ("2 modules", "fc, q", "--module"),
        arrays("c.npz", **ADAPTER, **{f"q{k[2:]}": v for k, v in ADAPTER.items()}),
    ),
    "scale without an adapter": Case(("classify", "w.npz", "--data", ".", "--scale", "2"), ("--scale", "leave")),
    "directory for a checkpoint": Case(("classify", ".", "--data", "."), ("is a directory", "such as")),
    "no checkpoint": Case(("classify", "gone.npz", "--data", "."), ("no file 'gone.npz'",)),
    "checkpoint of unknown kind": Case(
        ("classify", "c.tflite", "--data", "."), ("c.tflite", ".safetensors"), text("c.tflite", "1")
    ),
    "checkpoint cut": Case(CLASSIFY, ("c.npz",), many(arrays("c.npz", W1=W1, W2=W2), cut("c.npz", 200))),
    "checkpoint of data": Case(("classify", "X.npy", "--data", "."), ("do not chain", "20x3")),
    "no weights": Case(CLASSIFY, ("no weight matrix",), archive("c.npz", [])),
    "does not chain": Case(
        CLASSIFY, ("do not chain from 3 inputs to 2", "W1 4x3"), arrays("c.npz", W1=W1, W2=W2[:, :3])
    ),
    "wrong inputs": Case(CLASSIFY, ("do not chain from 3",), arrays("c.npz", W1=W1[:, :2], W2=W2)),
    "layer of no width": Case(
        CLASSIFY, ("'W1' has shape (0, 3)",), arrays("c.npz", W1=np.zeros((0, 3)), W2=np.zeros((2, 0)))
    ),
    "bias of a hundred dimensions": Case(
        ("classify", "c.npz", "--data", ".", "--layers", "W1"),
        ("not a description",),
        archive("c.npz", [("W1.npy", npy_bytes(W2 @ W1)), ("b1.npy", npy_header(f"({'1, ' * 99}2)", body=b"0" * 16))]),
    ),
    "wrong order": Case(CLASSIFY, ("--layers W2,W1",), arrays("c.npz", W1=W2, W2=W1)),
    "object weights": Case(CLASSIFY, ("unpickling",), arrays("c.npz", W1=np.array([W1, None], dtype=object), W2=W2)),
    "complex weights": Case(CLASSIFY, ("W1", "complex"), arrays("c.npz", W1=W1 * 1j, W2=W2)),
    "NaN weights": Case(
        CLASSIFY, ("layer W1, row 2, column 3",), arrays("c.npz", W1=np.where(W1[1, 2] == W1, np.nan, W1), W2=W2)
    ),
    "infinite weights": Case(CLASSIFY, ("layer W2", "infinity"), arrays("c.npz", W1=W1, W2=np.full((2, 4), np.inf))),
    "convolution": Case(
        CLASSIFY, ("'conv1.weight'", "convolution"), arrays("c.npz", **{"conv1.weight": np.zeros((2, 3, 3, 3))})
    ),
    "normalisation": Case(
        CLASSIFY, ("'1.weight'", "vector"), arrays("c.npz", **{"0.weight": W1, "1.weight": W1[:, 0], "2.weight": W2})
    ),
    "embedding": Case(CLASSIFY, ("'embedding.weight'",), arrays("c.npz", **{"embedding.weight": W1, "out.weight": W2})),
    "optimiser state": Case(
        CLASSIFY, ("'optimizer.exp_avg'",), arrays("c.npz", W1=W1, W2=W2, **{"optimizer.exp_avg": W1})
    ),
    "a scalar beside the layers": Case(CLASSIFY, ("'step'", "--layers W1,W2"), arrays("c.npz", W1=W1, W2=W2, step=3)),
    "inner bias alone": Case(
        CLASSIFY, ("W1 has a bias", "output layer 'W2'"), arrays("c.npz", W1=W1, W2=W2, b1=np.zeros(4))
    ),
    "bias of another width": Case(CLASSIFY, ("'b2'", "shape (5,)"), arrays("c.npz", W1=W1, W2=W2, b2=np.zeros(5))),
    "bias of no layer": Case(CLASSIFY, ("'b7'", "no weight matrix"), arrays("c.npz", W1=W1, W2=W2, b7=np.zeros(4))),
    "unknown layer": Case(("classify", "w.npz", "--data", ".", "--layers", "W1,W3"), ("no layer 'W3'", "are W1, W2")),
    "layer twice": Case(("classify", "w.npz", "--data", ".", "--layers", "W1,W1"), ("'W1' is listed twice",)),
    "orientation that does not chain": Case(
        ("classify", "w.npz", "--data", ".", "--orientation", "in-out"), ("do not chain", "--orientation out-in")
    ),
    "unknown orientation": Case(("classify", "w.npz", "--data", ".", "--orientation", "rows"), ("--orientation",)),
    "terabyte of weights": Case(
        CLASSIFY, ("promises",), archive("c.npz", [("W1.npy", npy_header("(1000000, 1000000)"))])
    ),
    "empty standard input": Case(("classify", "-", "--data", "."), ("standard input", "is empty")),
    "standard input that never ends": Case(
        ("classify", "-", "--data", "."), ("standard input", "does not begin as one"), stdin="/dev/zero"
    ),
    "standard input of text": Case(
        ("classify", "-", "--data", "."), ("does not begin as one",), text("t.csv", "a,y\n"), stdin="t.csv"
    ),
    "standard input that is a directory": Case(
        ("classify", "-", "--data", "."), ("standard input", "directory"), stdin="."
    ),
    "standard input of an archive beyond max-memory": Case(
        ("classify", "-", "--data", ".", "--max-memory", "4M"), ("standard input", "4 MiB"), hole("c"), stdin="c"
    ),
    "standard input whose header promises a terabyte": Case(
        ("classify", "-", "--data", "."),
        ("standard input", "TiB"),
        text("c", npy_header("(1000000, 1000000)")),
        stdin="c",
    ),
    "standard input that goes on behind its array": Case(
        ("classify", "-", "--data", "."), ("follow the array",), text("c", npy_bytes(W1) + b"0" * (1 << 22)), stdin="c"
    ),
    "3,000 layers": Case(
        CLASSIFY,
        ("3000 layers", "at most 2000"),
        lambda d: np.savez(d / "c.npz", W1=W1, **{f"W{k}": np.eye(4) for k in range(2, 3000)}, W3000=W2),
    ),
    "more arrays than layers": Case(
        CLASSIFY, ("holds 15000 arrays",), archive("c.npz", [(f"W{k}.npy", b"") for k in range(15000)])
    ),
    "safetensors cut": Case(
        ("classify", "c.safetensors", "--data", "."),
        ("c.safetensors",),
        text("c.safetensors", (1 << 40).to_bytes(8, "little") + b'{"a": 1}'),
    ),
    "safetensors of text": Case(
        ("classify", "c.safetensors", "--data", "."), ("c.safetensors",), text("c.safetensors", "none")
    ),
    "HDF5 of garbage": Case(
        ("classify", "c.h5", "--data", "."), ("c.h5",), text("c.h5", b"\x89HDF\r\n\x1a\n" + b"\7" * 99)
    ),
    "HDF5 that declares a terabyte": Case(
        ("classify", "c.h5", "--data", "."),
        ("c.h5",),
        hdf5(
            "c.h5",
            lambda file: file.create_dataset("d/kernel", (3, 10**11), "f8", chunks=(3, 1000), compression="gzip"),
        ),
    ),
    "keras of garbage": Case(("classify", "c.keras", "--data", "."), ("c.keras",), text("c.keras", "none")),
    "pickle named .pt": Case(
        ("classify", "c.pt", "--data", "."), ("c.pt",), text("c.pt", b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    ),
    # configuration, environment, options
    "unknown key": Case(CHECK, ("'tolerence'", "did you mean 'tolerance'"), text("lossurf.yaml", "tolerence: 1e-3\n")),
    "wrong value": Case(CHECK, ("network.widths",), text("lossurf.yaml", "network: {widths: [3, -2]}\n")),
    "broken YAML": Case(CHECK, ("lossurf.yaml", "cannot be read"), text("lossurf.yaml", "a: [1, 2\n")),
    "YAML that builds objects": Case(
        CHECK, ("cannot be read",), text("lossurf.yaml", "data: !!python/name:os.system\n")
    ),
    "billion laughs": Case(CHECK, ("aliases",), text("lossurf.yaml", LAUGHS)),
    "deep YAML": Case(CHECK, ("nested",), text("lossurf.yaml", "[" * 100000)),
    "binary YAML": Case(CHECK, ("cannot be read",), text("lossurf.yaml", os.urandom(200) + b"\xff")),
    "no such configuration": Case(("check", ".", "--config", "other.yaml"), ("no file 'other.yaml'",)),
    "a tag without a value": Case(CHECK, ("line 1", "!!int"), text("lossurf.yaml", "tolerance: !!int ''\n")),
    "a timestamp that is none": Case(CHECK, ("!!timestamp",), text("lossurf.yaml", "format: !!timestamp x\n")),
    "a boolean that is none": Case(CHECK, ("!!bool",), text("lossurf.yaml", "network: {bias: !!bool maybe}\n")),
    "a day that no month has": Case(CHECK, ("cannot be read",), text("lossurf.yaml", "format: 2024-13-45\n")),
    "a merge key": Case(CHECK, ("merge keys",), text("lossurf.yaml", "network: {<<: {bias: true}}\n")),
    "a number without end": Case(CHECK, ("64 bits",), text("lossurf.yaml", f"tolerance: 0x{'f' * 9000}\n")),
    "a null character in a path": Case(CHECK, ("data.x", "no file name"), text("lossurf.yaml", 'data: {x: "a\\0b"}')),
    "half a character in a path": Case(CHECK, ("no file name",), text("lossurf.yaml", 'data: "a\\ud800"')),
    "a null character in a pattern": Case(
        ("classify", "--data", "."), ("null character",), text("lossurf.yaml", 'checkpoints: ["a\\0*"]')
    ),
    "a pattern that searches for ever": Case(
        ("classify", "--data", "."), ("'**'",), many(deep, text("lossurf.yaml", f"checkpoints: ['{'**/x*/' * 200}']"))
    ),
    "the same on the command line": Case(("classify", "**/d*/" * 99 + "w", "--data", "."), ("'**'",), deep),
    "the same as data": Case(("check", "**/d*/" * 99 + "w.csv"), ("'**'",), deep),
    "two stars again and again": Case(("classify", "**/" * 200 + "v*.npz", "--data", "."), ("no file",), deep),
    "key given twice": Case(CHECK, ("'format' is given twice",), text("lossurf.yaml", "format: json\nformat: table\n")),
    "glob that matches nothing": Case(
        ("classify", "--data", "."), ("'run/*.npz'",), text("lossurf.yaml", "checkpoints: ['run/*.npz']\n")
    ),
    "environment": Case(CHECK, ("LOSSURF_WIDTHS",), env=(("LOSSURF_WIDTHS", "three"),)),
    "unknown option": Case(("check", ".", "--widht", "3,2"), ("--widht", "did you mean --widths")),
    "unknown command": Case(("chekc", "."), ("'chekc'", "did you mean 'check'")),
    "unknown format": Case(("check", ".", "--format", "jsn"), ("jsn", "did you mean 'json'")),
    "widths that are not numbers": Case(("check", ".", "--widths", "3,a,2"), ("--widths",)),
    "widths of other data": Case(("check", ".", "--widths", "5,4,2"), ("widths",)),
    "widths beyond counting": Case(("check", ".", "--widths", f"3,{10**30},2"), ("--widths", "1000000000")),
    "units beyond counting": Case(("spurious", ".", "--hidden-width", f"{10**30}"), ("--hidden-width",)),
    "a time that is no number": Case(
        ("watch", "w.npz", "--data", ".", "--follow", "--timeout", "nan"), ("--timeout", "nan")
    ),
    "curvature with weight decay": Case(
        ("watch", "w.npz", "--data", ".", "--curvature", "--weight-decay", "0.1"), ("curvature", "squared loss alone")
    ),
    "reduction of no loss": Case(
        ("watch", "w.npz", "--data", ".", "--reduction", "sum"), ("--reduction", "--weight-decay WD")
    ),
    "bad saddle with weight decay": Case(
        ("construct", "bad-saddle", "--data", ".", "--widths", "3,2,2,2", "--weight-decay", "0.1", "-o", "o.npz"),
        ("KIND", "bad-saddle"),
    ),
    "tails with weight decay": Case(
        (
            *("construct", "strict-saddle", "--by", "tails", "--data", ".", "--widths", "3,2,2,2"),
            *("--weight-decay", "0.1", "-o", "o.npz"),
        ),
        ("--by", "--weight-decay"),
    ),
    "local minimum without weight decay": Case(
        ("construct", "local-minimum", "--data", ".", "--widths", "3,2,2", "-o", "o.npz"), ("KIND", "local-minimum")
    ),
    "an amount that is no number": Case(("escape", "w.npz", "--data", ".", "--at-least", "nan"), ("--at-least", "nan")),
    "widths of nothing": Case(("check", ".", "--widths", "3,0,2"), ("--widths",)),
    "samples of another kind": Case(("check", ".", "--samples", "column"), ("--samples", "did you mean 'columns'")),
    "max-memory that is no size": Case(("check", ".", "--max-memory", "lots"), ("'lots' is not a size",)),
    "max-memory of nothing": Case(("check", ".", "--max-memory", "0"), ("'0' is not a size",)),
    "tolerance out of range": Case(("classify", "w.npz", "--data", ".", "--tolerance", "2"), ("--tolerance",)),
    "tolerance that is no number": Case(("classify", "w.npz", "--data", ".", "--tolerance", "nan"), ("tolerance nan",)),
    "expectation unknown": Case(("classify", "w.npz", "--data", ".", "--expect", "minimum"), ("--expect",)),
    "no checkpoint named": Case(("classify", "--data", "."), ("CHECKPOINT",)),
    "one argument too many": Case(("check", ".", "."), ("unexpected",)),
}


def unchecked_input() -> io.TextIOWrapper:
    """Standard input as Python makes it; `open` itself would refuse a directory before lossurf can."""

    class Descriptor(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def fileno(self) -> int:
            return 0

        def readinto(self, buffer: memoryview) -> int:
            return os.readv(0, [buffer])

    return io.TextIOWrapper(io.BufferedReader(Descriptor()))


@contextlib.contextmanager
def captured(directory: Path, stdin: str) -> Iterator[None]:
    """Standard output and error of this very process into files, whoever writes to them."""
    saved = [os.dup(fd) for fd in (0, 1, 2)]
    sources = [os.open(stdin, os.O_RDONLY)]
    sources += [os.open(directory / f"std{fd}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for fd in (1, 2)]
    try:
        for fd, source in enumerate(sources):
            os.dup2(source, fd)
        sys.stdin = open(0, closefd=False) if stat.S_ISREG(os.fstat(0).st_mode) else unchecked_input()  # noqa: SIM115
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, (old, source) in enumerate(zip(saved, sources, strict=True)):
            os.dup2(old, fd)
            os.close(old)
            os.close(source)


def attempt(case: Case) -> dict[str, object]:
    """Run one case in a directory of its own."""
    from lossurf.cli import group
    from lossurf.cli.boundary import run

    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as other, contextlib.chdir(name):
        directory, streams = Path(name), Path(other)
        sound(directory)
        case.write(directory)
        before = sorted(entry.name for entry in directory.iterdir())
        os.environ.update(case.env)
        start = time.process_time()  # of the processor: how busy the machine is says nothing about lossurf
        signal.setitimer(signal.ITIMER_REAL, 12 * SECONDS)  # of the clock: what hangs takes no processor
        with captured(streams, case.stdin):
            code = run(group, case.argv)
        out, err = ((streams / f"std{fd}").read_text("utf-8", "replace") for fd in (1, 2))
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.process_time() - start
        for variable, _ in case.env:
            del os.environ[variable]
        after = sorted(entry.name for entry in directory.iterdir())
        return {"code": int(code), "out": out, "err": err, "seconds": seconds, "written": after != before}


def main() -> None:
    """Try the named cases, or all, under the limit of address space, and print the outcomes."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    outcomes = {name: attempt(CASES[name]) for name in sys.argv[1:] or CASES}
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
