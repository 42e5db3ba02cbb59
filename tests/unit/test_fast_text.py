"""Trusted channel: Python's float(), which rounds correctly, cell by cell; and the exact reader's error messages."""

import gzip
import random
from importlib.util import find_spec

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables import fast_text
from lossurf.inputs.tables.data import open_dataset

INSTALLED = [name for name in fast_text.READERS if find_spec(name) is not None]


@pytest.fixture(params=INSTALLED)
def reader(request, monkeypatch):
    """Read by this library, small tables too, in pieces of a few lines."""
    monkeypatch.setattr(fast_text, "fastest_reader", lambda: fast_text.READERS[request.param])
    monkeypatch.setattr(fast_text, "WORTH_IT", 0)
    monkeypatch.setattr(fast_text, "PIECE", 300)
    return request.param


def exactly(monkeypatch):
    monkeypatch.setattr(fast_text, "WORTH_IT", 1 << 60)


def read(path, targets=("1",), **options):
    X, Y = zip(
        *((X.copy(), Y.copy()) for X, Y in open_dataset(path, targets=targets, **options).blocks(7)), strict=True
    )
    return np.hstack([np.concatenate(Y), np.concatenate(X)])


def numbers(count, seed=0):
    """Numbers whose shortest, long and awkward spellings are hard to round: ties, subnormals, extremes."""
    generator = random.Random(seed)
    spellings = ["0", "-0", "1", "+1", ".5", "5.", "1e5", "1E-5", "4.9e-324", "1.7976931348623157e308", "1e-400"]
    spellings += ["9007199254740993", "2.2250738585072011e-308", "0.1000000000000000055511151231257827021181583404541"]
    while len(spellings) < count:
        value = generator.uniform(-1, 1) * 10.0 ** generator.randint(-300, 300)
        spellings.append(generator.choice([repr(value), f"{value:.25e}", f"{value:.17g}", f"{value:.3g}"]))
    return spellings


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_bit_is_as_python_rounds_it(tmp_path, delimiter, end):
    cells = numbers(900)
    rows = [cells[i : i + 3] for i in range(0, 900, 3)]
    path = tmp_path / "table.csv"
    path.write_text("a,b,c".replace(",", delimiter) + end + end.join(delimiter.join(row) for row in rows), newline="")
    assert np.array_equal(read(path).view(np.int64), np.array([[float(c) for c in r] for r in rows]).view(np.int64))


@pytest.mark.usefixtures("reader")
def test_each_reader_takes_plain_numbers_by_itself():
    piece = "\n".join(f"{i},{i / 7!r}" for i in range(50)).encode()
    assert np.array_equal(fast_text.read_plain(piece, ",", 2), [[i, i / 7] for i in range(50)])


@pytest.mark.usefixtures("reader")
def test_gzip_and_chosen_columns(tmp_path):
    rows = [[i, i / 3, -i, 2.5] for i in range(200)]
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress("\n".join(",".join(map(repr, row)) for row in rows).encode()))
    assert np.array_equal(read(path, targets=("4",), columns=("2",)), np.array(rows)[:, [3, 1]])


ODD = {
    "a missing cell": "1,,3",
    "a word": "1,two,3",
    "not a number": "1,nan,3",
    "infinity": "1,inf,3",
    "too large": "1,1e400,3",
    "too few": "1,2",
    "too many": "1,2,3,4",
    "an exponent without digits": "1,1e,3",
    "two points": "1,1.2.3,3",
    "a sign alone": "1,-,3",
    "signs inside": "1,2-3,3",
    "two signs": "1,--2,3",
    "a point alone": "1,.,3",
    "hexadecimal": "1,0x10,3",
    "underscores": "1,1_0,3",
    "other digits": "1,\u0663,3",
    "quoted": '1,"2",3',
    "blanks": " 1 , 2 ,3",
    "a comment": "# 1,2,3",
    "a comment behind": "1,2,3 # as it was",
    "blank": "",
    "commas for points": "1,2;3,4",
    "a null character": "1,\0,3",
    "a carriage return": "1,2\r,3",
    "too few, then too many": "1,2\n1,2,3,4",
    "bytes that are no text": b"1,\xff,3",
}


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("header", [True, False])
def test_what_is_not_plain_is_read_or_refused_as_the_exact_reader_does(tmp_path, monkeypatch, kind, header):
    odd = ODD[kind] if isinstance(ODD[kind], bytes) else ODD[kind].encode()
    lines = [f"{i},{i}.5,{-i}".encode() for i in range(100)]
    path = tmp_path / "table.csv"
    path.write_bytes(b"\n".join([b"a,b,c"] * header + lines[:60] + [odd] + lines[60:]) + b"\n")
    found = outcome(path)
    exactly(monkeypatch)
    assert found == outcome(path)


def outcome(path):
    try:
        return read(path).tolist()
    except InputError as error:
        return str(error)


@pytest.mark.usefixtures("reader")
def test_random_damage_reads_or_fails_as_the_exact_reader_does(tmp_path, monkeypatch):
    generator = random.Random(1)
    path = tmp_path / "table.csv"
    table = "\n".join(f"{i},{i / 7!r},-{i}e-3" for i in range(60))
    tables = []
    for _ in range(150):
        characters = list(table)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(characters))
            characters[at] = generator.choice("0123456789.+-eE,\n\r nai#\"';_x") * generator.randint(0, 2)
        tables.append("".join(characters).encode())
    found = []
    for text in tables:
        path.write_bytes(text)
        found.append(outcome(path))
    exactly(monkeypatch)
    for text, result in zip(tables, found, strict=True):
        path.write_bytes(text)
        assert result == outcome(path), text


def test_small_tables_import_no_reader(tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("1,2\n3,4\n")
    monkeypatch.setattr(fast_text, "fastest_reader", lambda: pytest.fail("a small table asked for a reader"))
    assert np.array_equal(read(tmp_path / "table.csv"), [[1, 2], [3, 4]])
