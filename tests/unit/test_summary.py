"""Trusted channel: the in-memory triangle that was saved, and numpy.linalg.lstsq on the data themselves."""

import hashlib
import io
import json

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset
from lossurf.inputs.tables.summary import Summary, summary_bytes
from lossurf.reduction.data import merge_triangles, reduce_data
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import reduced_problem

GENERATOR = np.random.default_rng(3)
X = GENERATOR.standard_normal((40, 3))
Y = X @ np.array([[1.0, 0.0], [2.0, 1.0], [0.0, -1.0]]) + 0.1 * GENERATOR.standard_normal((40, 2))


def summary(rows=slice(None)):
    triangle = reduce_blocks([(X[rows], Y[rows])], 3, 2)
    return Summary(
        triangle.r,
        triangle.shift,
        triangle.norms,
        triangle.samples,
        3,
        2,
        "float64",
        2.0**-52,
        "X.npy",
        "Y.npy",
        ("a", "b", "c"),
        None,
    )


def saved(tmp_path, held):
    path = tmp_path / "data.lossurf.npz"
    path.write_bytes(summary_bytes(held))
    return path


def least_squares_loss(inputs):
    design = np.hstack([np.ones((40, 1)), X[:, inputs]])
    return 0.5 * np.sum(np.linalg.lstsq(design, Y, rcond=None)[1])


def test_a_saved_summary_is_the_triangle_to_the_bit(tmp_path):
    held = summary()
    data = open_dataset(saved(tmp_path, held))
    triangle = reduce_data(data)
    assert np.array_equal(triangle.r, held.triangle)
    assert np.array_equal(triangle.shift, held.shift)
    assert np.array_equal(triangle.norms, held.norms)
    assert (triangle.samples, data.samples, data.x, data.y) == (40, 40, "X.npy", "Y.npy")
    assert (data.x_names, data.y_names) == (("a", "b", "c"), None)


def test_the_same_summary_has_the_same_bytes():
    assert summary_bytes(summary()) == summary_bytes(summary())


def test_columns_can_be_chosen_by_name(tmp_path):
    path = saved(tmp_path, summary())
    for chosen, inputs in (({"columns": ("c", "a")}, [2, 0]), ({"drop": ("b",)}, [0, 2])):
        problem = reduced_problem(reduce_data(open_dataset(path, **chosen)), bias=True)
        assert problem.loss_by_rank[-1] == pytest.approx(least_squares_loss(inputs), rel=1e-12)


def test_merged_halves_are_the_whole():
    parts = [reduce_blocks([(X[rows], Y[rows])], 3, 2) for rows in (slice(2), slice(2, 30), slice(30, 40))]
    whole = merge_triangles(merge_triangles(parts[0], parts[1]), parts[2])
    assert whole.samples == 40
    assert reduced_problem(whole, bias=True).loss_by_rank[-1] == pytest.approx(least_squares_loss([0, 1, 2]), rel=1e-12)


@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_is_known_as_well_as_its_coarser_part(turned):
    # channel: float32 numbers are known to 2^-23 of themselves, and so is the distance of Y from its fits
    fine = reduce_blocks([(X[:20], Y[:20])], 3, 2)
    coarse = reduce_blocks([(X[20:], Y[20:])], 3, 2, dtype="float32", data_eps=2.0**-23)
    whole = merge_triangles(coarse, fine) if turned else merge_triangles(fine, coarse)
    assert (whole.dtype, whole.data_eps) == ("float32", 2.0**-23)
    assert reduced_problem(whole).loss_by_rank_error[0] >= 2.0**-23 * np.sum(Y**2) / 2.0


@pytest.mark.parametrize("turned", [False, True])
def test_the_rounding_of_parts_far_apart_is_a_share_of_what_was_factored(turned):
    # channel: distances from the kept reference, by hand: the parts lie 2^30 apart, and no reference is in both
    parts = [reduce_blocks([(x, x)], 1, 1) for x in (np.array([[-1.0], [1.0]]), np.array([[2.0**30], [2.0**30 + 2.0]]))]
    whole = merge_triangles(*(parts[::-1] if turned else parts))
    assert whole.norms[1:] == pytest.approx(2.0**30.5, rel=1e-8)
    assert whole.norms[0] == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("turned", [False, True])
def test_the_reference_is_kept_that_is_nearer_to_most_samples(turned):
    # channel: distances from it, by hand: two samples lie 2^30 away, not six
    few, many = np.array([[-1.0], [1.0]]), 2.0**30 + np.array([[-1.0], [1.0]] * 3)
    parts = [reduce_blocks([(x, x)], 1, 1) for x in (few, many)]
    whole = merge_triangles(*(parts[::-1] if turned else parts))
    assert whole.shift[1:] == pytest.approx(2.0**30, rel=1e-8)
    assert whole.norms[1:] == pytest.approx(2.0**30.5, rel=1e-8)


def test_triangles_of_other_columns_do_not_merge():
    with pytest.raises(InputError, match="2 inputs and 3 outputs cannot join data of 3 and 2"):
        merge_triangles(reduce_blocks([(X, Y)], 3, 2), reduce_blocks([(Y, X)], 2, 3))


def test_samples_are_not_there(tmp_path):
    with pytest.raises(InputError, match="a summary holds no samples"):
        open_dataset(saved(tmp_path, summary())).blocks()


def test_samples_columns_makes_no_sense(tmp_path):
    with pytest.raises(InputError, match="leave samples='columns' out"):
        open_dataset(saved(tmp_path, summary()), samples="columns")


def altered(tmp_path, change, arrays=None):
    """Write a summary whose facts and triangle went through `change`, and its other arrays as they are given."""
    arrays = dict(np.load(io.BytesIO(summary_bytes(summary())))) | (arrays or {})
    facts = json.loads(arrays["lossurf_summary"].tobytes())
    triangle = change(facts, arrays["lossurf_triangle"])
    arrays["lossurf_triangle"] = arrays["lossurf_triangle"] if triangle is None else triangle
    arrays["lossurf_summary"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    path = tmp_path / "altered.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def signed(facts, *arrays):
    """Give the facts the checksum that belongs to them."""
    facts.pop("sha256", None)
    content = json.dumps(facts, sort_keys=True).encode() + b"\0" + b"".join(array.tobytes() for array in arrays)
    facts["sha256"] = hashlib.sha256(content).hexdigest()


def below_diagonal(_facts, triangle):
    triangle = triangle.copy()
    triangle[3, 1] = 1e-3
    return triangle


CHANGES = {
    "a later major version": (lambda facts, _: facts.update(format_version="3.0"), "format version 3.0"),
    "no version": (lambda facts, _: facts.pop("format_version") and None, "format version None"),
    "another number of samples": (lambda facts, _: facts.update(samples=41), "checksum"),
    "another number in the triangle": (lambda _, triangle: triangle * 2.0, "checksum"),
    "a fact gone": (lambda facts, _: facts.pop("dtype") and None, "dtype is missing"),
    "a fact of another kind": (lambda facts, _: facts.update(samples="40"), "samples is missing or of the wrong kind"),
    "a triangle of another size": (lambda facts, _: facts.update(dx=4), r"shape \(7, 7\)"),
    "a square": (below_diagonal, "not upper triangular"),
    "not a number": (lambda _, triangle: triangle * np.nan, "not upper triangular and finite"),
    "another number type": (lambda _, triangle: triangle.astype(np.float32), "float64"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_summary_is_refused(tmp_path, name):
    change, message = CHANGES[name]
    with pytest.raises(InputError, match=message):
        open_dataset(altered(tmp_path, change))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lossurf_shift", np.zeros(5)),
        ("lossurf_shift", np.full(6, np.nan)),
        ("lossurf_norms", np.ones(6, dtype=np.float32)),
        ("lossurf_norms", None),
        ("lossurf_other", np.ones(6)),
        ("lossurf_shift", np.ones(6)),
    ],
)
def test_damaged_vectors_are_refused(tmp_path, name, value):
    with pytest.raises(InputError, match="not a readable summary file"):
        open_dataset(altered(tmp_path, lambda *_: None, {name: value}))


def test_facts_added_by_a_later_minor_version_are_welcome(tmp_path):
    held = summary()

    def later(facts, triangle):
        facts |= {"format_version": "2.1", "machine": "abacus"}
        signed(facts, triangle, held.shift, held.norms)

    assert reduce_data(open_dataset(altered(tmp_path, later))).samples == 40


def of_version_1(tmp_path, X, Y):
    """Write what the first format held: R of [1 X Y] as numpy factors it, and the checksum of facts and triangle."""
    r = np.linalg.qr(np.hstack([np.ones((len(X), 1)), X, Y]), mode="r")
    facts = {"format_version": "1.0", "samples": len(X), "dx": X.shape[1], "dy": Y.shape[1], "dtype": "float64"}
    facts |= {"data_eps": 2.0**-52, "x": "X.npy", "y": "Y.npy", "x_names": None, "y_names": None}
    signed(facts, r)
    path = tmp_path / "old.npz"
    np.savez(path, lossurf_triangle=r, lossurf_summary=np.frombuffer(json.dumps(facts).encode(), np.uint8))
    return path


def test_a_summary_of_version_1_is_read_as_it_was_meant(tmp_path):
    problem = reduced_problem(reduce_data(open_dataset(of_version_1(tmp_path, X, Y))), bias=True)
    assert problem.loss_by_rank[-1] == pytest.approx(least_squares_loss([0, 1, 2]), rel=1e-12)


def test_a_summary_of_version_1_says_what_its_means_cost(tmp_path):
    """Its columns were factored with their means: the error bars must hold what that lost, and do not hide it."""
    exact = reduced_problem(reduce_blocks([(X, Y)], 3, 2), bias=True)
    old = reduced_problem(reduce_data(open_dataset(of_version_1(tmp_path, X + 2.0**27, Y + 2.0**27))), bias=True)
    off = np.abs(old.loss_by_rank - exact.loss_by_rank)
    assert np.all(off <= old.loss_by_rank_error)
    assert old.loss_by_rank_error[-1] > 1e6 * exact.loss_by_rank_error[-1]


def test_a_summary_of_version_1_joins_one_of_today(tmp_path):
    old = reduce_data(open_dataset(of_version_1(tmp_path, X[:15], Y[:15])))
    whole = merge_triangles(old, reduce_blocks([(X[15:], Y[15:])], 3, 2))
    assert reduced_problem(whole, bias=True).loss_by_rank[-1] == pytest.approx(least_squares_loss([0, 1, 2]), rel=1e-12)


def test_what_rounding_left_of_a_constant_column_is_no_input(tmp_path):
    # channel: least squares without it; the first format factored 0.1 itself, and centring it leaves rounding
    triangle = reduce_data(open_dataset(of_version_1(tmp_path, np.column_stack([X, np.full(40, 0.1)]), Y)))
    assert 0.0 < np.linalg.norm(triangle.r[1:, 4]) < 1e-14
    problem = reduced_problem(triangle, bias=True)
    assert (problem.column_norms[3], problem.rank_x) == (0.0, 3)
    assert problem.loss_by_rank[-1] == pytest.approx(least_squares_loss([0, 1, 2]), rel=1e-12)


@pytest.mark.parametrize("old_first", [False, True])
def test_what_a_summary_of_version_1_lost_stays_lost_when_it_is_joined(tmp_path, old_first):
    # channel: the same samples about their means, where nothing is lost
    exact = reduced_problem(reduce_blocks([(X, Y)], 3, 2), bias=True)
    old = reduce_data(open_dataset(of_version_1(tmp_path, X[:15] + 2.0**27, Y[:15] + 2.0**27)))
    new = reduce_blocks([(X[15:] + 2.0**27, Y[15:] + 2.0**27)], 3, 2)
    joined = reduced_problem(merge_triangles(old, new) if old_first else merge_triangles(new, old), bias=True)
    assert np.all(np.abs(joined.loss_by_rank - exact.loss_by_rank) <= joined.loss_by_rank_error)
    assert joined.loss_by_rank_error[-1] > 1e6 * exact.loss_by_rank_error[-1]


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_description_that_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "bad.npz"
    np.savez(path, lossurf_triangle=np.eye(3), lossurf_summary=np.frombuffer(text, np.uint8))
    with pytest.raises(InputError, match="not a readable summary file"):
        open_dataset(path)


@pytest.mark.parametrize("value", ["Infinity", "NaN", "1e999"])
def test_facts_that_no_summary_holds_are_damage(tmp_path, value):
    path = tmp_path / "data.lossurf.npz"
    with np.load(io.BytesIO(summary_bytes(summary()))) as members:
        arrays = {name: members[name] for name in members.files if name != "lossurf_summary"}
        text = members["lossurf_summary"].tobytes().decode()
    facts = json.loads(text)
    text = text.replace(json.dumps(facts["data_eps"]), value)
    np.savez(path, **arrays, lossurf_summary=np.frombuffer(text.encode(), np.uint8))
    with pytest.raises(InputError, match="checksum"):
        open_dataset(path)
