"""What `check`, `classify` and `escape` say of how sure a number is, and of what a reader should hear, as processes.

Trusted channels: fractions of the stored numbers, and zeros whose Hessian can be written down.
"""

import json
from fractions import Fraction

import numpy as np
import pytest


@pytest.fixture
def coarse(tmp_path):
    """Ten points of float32 with means of 50 times their spread, and the exact L* of a line through them."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(10) + 50.0).astype(np.float32)
    y = (x + 0.1 * rng.standard_normal(10)).astype(np.float32)
    np.savez(tmp_path / "data.npz", X=x[:, None], Y=y[:, None])
    xs, ys = ([Fraction(float(v)) for v in values] for values in (x, y))
    xs, ys = ([v - sum(values) / 10 for v in values] for values in (xs, ys))
    slope = sum(a * b for a, b in zip(xs, ys, strict=True)) / sum(a * a for a in xs)
    return float(sum((b - slope * a) ** 2 for a, b in zip(xs, ys, strict=True)) / 2)


def test_a_bar_holds_the_exact_value_and_is_shown_where_digits_are_uncertain(lossurf, coarse):
    document = json.loads(lossurf("check", "data.npz", "--bias", "-f", "json").stdout)
    assert abs(document["optimal_loss"] - coarse) <= document["optimal_loss_error"] < 0.1 * coarse
    assert len(document["eigenvalues_error"]) == len(document["eigenvalues"])
    assert len(document["loss_by_rank_error"]) == len(document["loss_by_rank"])
    shown = f"{document['optimal_loss']:.6g} ± {document['optimal_loss_error']:.2g}"
    assert f"Optimal loss L*  {shown}, mean" in lossurf("check", "data.npz", "--bias").stdout


@pytest.mark.usefixtures("coarse")
def test_a_bar_is_written_in_ascii_where_the_terminal_has_no_more(lossurf):
    plain = lossurf("check", "data.npz", "--bias", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}).stdout
    assert " +/- " in plain
    assert "\\x" not in plain


def test_a_number_that_is_certain_has_no_bar(lossurf, tmp_path):
    np.savez(tmp_path / "exact.npz", X=np.eye(4)[:, :2], Y=np.eye(4)[:, [0, 2]] + 2.0 * np.eye(4)[:, [1, 3]])
    assert "±" not in lossurf("check", "exact.npz", "--drop", "2").stdout


@pytest.fixture
def near_zero(tmp_path):
    """Two layers of zeros, and zeros around a layer of 1e-10, for T = diag(3, 2, 1) and two hidden units."""
    np.savez(tmp_path / "data.npz", X=np.eye(3), Y=np.diag([3.0, 2.0, 1.0]))
    np.savez(tmp_path / "zero.npz", W1=np.zeros((2, 3)), W2=np.zeros((3, 2)))
    np.savez(tmp_path / "tiny.npz", W1=np.zeros((2, 3)), W2=1e-10 * np.eye(2), W3=np.zeros((3, 2)))


@pytest.mark.usefixtures("near_zero")
def test_the_ways_down_are_counted(lossurf):
    # channel: at zero the Hessian is -T (x) I between the two layers: 3 singular values, 2 units, both signs
    arguments = ("classify", "zero.npz", "--data", "data.npz")
    (result,) = json.loads(lossurf(*arguments, "-f", "json").stdout)["results"]
    assert [result["inertia"][key] for key in ("negative", "zero", "positive")] == [6, 0, 6]
    assert "Directions        6 independent ways down, 0 flat, 6 up" in lossurf(*arguments).stdout


@pytest.mark.usefixtures("near_zero")
def test_layers_that_have_to_grow_a_millionfold_are_spoken_of(lossurf):
    arguments = ("escape", "tiny.npz", "--data", "data.npz", "-o", "end.npz")
    growth = json.loads(lossurf(*arguments, "-f", "json").stdout)["growth"]
    assert growth > 1e6
    assert f"the largest grew by a factor of {growth:.6g}." in lossurf(*arguments).stdout
