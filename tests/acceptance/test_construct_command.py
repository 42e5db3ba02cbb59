"""`lossurf construct` as a process. Trusted channels: the loss on the stored samples, and the theorems' exclusions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from process import ROOT
from schemas import check_output

from lossurf.words import CRITICAL, DType

SAMPLES = ROOT / "sample_data"
WINE = ("--data", SAMPLES / "wine", "--widths", "10,4,2,3")


def wine_loss(path):
    X, Y = (np.loadtxt(SAMPLES / "wine" / f"{name}.csv", delimiter=",", skiprows=1) for name in "XY")
    with np.load(path) as archive:
        product = archive["W3"].astype(float) @ archive["W2"].astype(float) @ archive["W1"].astype(float)
    return 0.5 * np.sum((X @ product.T - Y) ** 2)


@pytest.mark.parametrize("kind", CRITICAL)
@pytest.mark.parametrize("dtype", tuple(DType)[:2])
def test_what_is_written_is_classified_as_asked_for(lossurf, tmp_path, kind, dtype):
    made = lossurf("construct", kind, *WINE, "--dtype", dtype, "-o", "point.npz", "-f", "json")
    document = json.loads(made.stdout)
    check_output(made.stdout)
    assert (made.returncode, made.stderr) == (0, "")
    assert (document["kind"], document["verdict"], document["output"]) == (kind, kind, "point.npz")
    assert document["loss"] == pytest.approx(wine_loss(tmp_path / "point.npz"), rel=1e-12)
    with np.load(tmp_path / "point.npz") as archive:
        assert archive.files == ["W1", "W2", "W3"]
        assert {str(archive[name].dtype) for name in archive.files} == {dtype}
    again = lossurf("classify", "point.npz", *WINE[:2], "--expect", kind)
    assert (again.returncode, again.stderr) == (0, "")


def test_the_report_says_what_was_written(lossurf):
    made = lossurf("construct", "strict-saddle", *WINE, "--eigen-set", "1,3", "-o", "point.npz")
    assert (made.returncode, made.stderr) == (0, "")
    assert "point.npz is a strict-saddle on these data." in made.stdout
    assert "2, eigenvectors {1, 3} of Sigma" in made.stdout
    assert "wrong-eigenset" in made.stdout


def test_an_output_bias_is_written_and_read_again(lossurf, tmp_path):
    made = lossurf("construct", "bad-saddle", *WINE, "--bias", "-o", "point.npz")
    assert (made.returncode, made.stderr) == (0, "")
    assert np.load(tmp_path / "point.npz").files == ["W1", "W2", "W3", "b3"]
    assert lossurf("classify", "point.npz", *WINE[:2], "--expect", "bad-saddle").returncode == 0


def test_two_runs_write_the_same_bytes(lossurf, tmp_path):
    for name in ("a.npz", "b.npz"):
        assert lossurf("construct", "strict-saddle", *WINE, "--seed", "3", "-o", name, "-qq").returncode == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason", "where"),
    [
        (("bad-saddle", *WINE[:3], "10,4,3"), "Corollary 2.4", "KIND"),
        (("strict-saddle", *WINE, "--rank", "3"), "rank at most 2", "--rank"),
        (("global-minimum", *WINE, "--eigen-set", "1,3"), "Theorem 2.3 (iii)", "--eigen-set"),
        (("bad-saddle", *WINE, "--eigen-set", "2"), "Achour", "--eigen-set"),
        (("global-minimum", *WINE[:3], "9,4,3"), "do not lead", "--widths"),
        (("global-minimum", *WINE[:2]), "widths of the network are not said", "--widths"),
        (("global-minimum", *WINE, "--eigen-set", "one"), "not a list of numbers", "--eigen-set"),
        (("saddle", *WINE), "'saddle' is not one of", "KIND"),
    ],
)
def test_the_impossible_is_refused_and_nothing_is_written(lossurf, tmp_path, arguments, reason, where):
    refused = lossurf("construct", *arguments, "-o", "point.npz")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert reason in refused.stderr
    assert where in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_leaves_the_old_file_alone(lossurf, tmp_path):
    refused = lossurf("construct", "bad-saddle", *WINE, "-o", "missing/point.npz")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "make the directory" in refused.stderr
    assert list(tmp_path.iterdir()) == []
