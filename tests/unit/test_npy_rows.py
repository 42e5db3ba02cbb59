"""Trusted channel: numpy's own reading of the same file."""

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset
from lossurf.reduction.data import reduce_data
from lossurf.reduction.engine import reduce_blocks


def saved(tmp_path, X, Y):
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "Y.npy", Y)
    return tmp_path


def table(rows, columns, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, columns))


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_every_layout_and_type(tmp_path, dtype, order, samples):
    X, Y = table(3001, 7).astype(dtype), table(3001, 2, 1).astype(dtype)
    stored = (X, Y) if samples == "rows" else (X.T, Y.T)
    data = open_dataset(saved(tmp_path, *(np.asarray(array, order=order) for array in stored)), samples=samples)
    assert data.samples == 3001
    with data.by_position() as read:
        X_out, Y_out = np.empty((100, 7), order="F"), np.empty((100, 2), order="F")
        read(1234, X_out, Y_out)
    assert np.array_equal(X_out, X[1234:1334].astype(float))
    assert np.array_equal(Y_out, Y[1234:1334].astype(float))


def test_wide_rows_and_chosen_columns(tmp_path):
    X, Y = table(50, 40000), table(50, 1, 1)
    data = open_dataset(saved(tmp_path, X, Y), columns=("40000", "3"))
    with data.by_position() as read:
        X_out, Y_out = np.empty((50, 2), order="F"), np.empty((50, 1), order="F")
        read(0, X_out, Y_out)
    assert np.array_equal(X_out, X[:, [39999, 2]])


def test_one_dimensional_outputs(tmp_path):
    X, Y = table(50, 3), table(50, 1, 1)[:, 0]
    data = open_dataset(saved(tmp_path, X, Y))
    assert np.allclose(np.abs(reduce_data(data).unshifted), np.abs(np.linalg.qr(np.c_[np.ones(50), X, Y], mode="r")))


def test_both_ways_of_reading_give_the_same_bits(tmp_path):
    data = open_dataset(saved(tmp_path, table(30000, 7), table(30000, 2, 1)))
    by_stream = reduce_blocks(data.blocks(), data.dx, data.dy, threads=2)
    assert np.array_equal(reduce_data(data, threads=2).r, by_stream.r)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_place_of_a_number_that_is_not_finite(tmp_path, order, value):
    X = np.asarray(table(20000, 7), order=order)
    X[15000, 4] = value
    data = open_dataset(saved(tmp_path, X, table(20000, 2)))
    messages = []
    for reduced in (lambda: reduce_data(data, threads=2), lambda: list(data.blocks())):
        with pytest.raises(InputError) as caught:
            reduced()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "row 15001, column 5" in messages[0]


def test_large_numbers_whose_squares_overflow_are_read(tmp_path):
    X = table(50, 3) * 1e200
    data = open_dataset(saved(tmp_path, X, table(50, 1)))
    with data.by_position() as read:
        X_out, Y_out = np.empty((50, 3), order="F"), np.empty((50, 1), order="F")
        read(0, X_out, Y_out)
    assert np.array_equal(X_out, X)


def test_a_file_that_shrinks_is_an_error(tmp_path):
    data = open_dataset(saved(tmp_path, table(20000, 7), table(20000, 2)))
    with (tmp_path / "X.npy").open("r+b") as file:
        file.truncate(10000 * 56)
    with pytest.raises(InputError, match="became shorter"):
        reduce_data(data, threads=2)


def test_integers_are_read_in_order_because_they_may_leave_a_note(tmp_path):
    data = open_dataset(saved(tmp_path, np.full((5, 2), 2**60 + 1), np.ones((5, 1))))
    assert data.by_position() is None
    reduce_data(data)
    assert "rounded" in data.notes[0]
