"""`lossurf escape` as a process. Trusted channel: the loss of the written layers on the stored samples."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from process import ROOT

SAMPLES = ROOT / "sample_data"
POINTS = SAMPLES / "wine" / "checkpoints"
WINE = ("--data", SAMPLES / "wine")


def wine():
    return [np.loadtxt(SAMPLES / "wine" / f"{name}.csv", delimiter=",", skiprows=1) for name in "XY"]


def product_loss(layers):
    X, Y = wine()
    output = X
    for W in layers:
        output = output @ W.astype(float).T
    return 0.5 * np.sum((output - Y) ** 2)


def stored(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize(
    ("name", "kinds", "order"),
    [("bad-saddle", ["grow"], 3), ("strict-saddle", ["direction"], 2), ("strict-saddle-tails", ["direction"], 2)],
)
def test_a_saddle_is_left_for_a_lower_loss(lossurf, tmp_path, name, kinds, order):
    done = lossurf("escape", POINTS / f"{name}.npz", *WINE, "-o", "lower.npz", "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    arrays = stored(tmp_path / "lower.npz")
    assert list(arrays) == ["W1", "W2", "W3"]
    assert [segment["kind"] for segment in document["segments"]] == kinds
    assert document["order"] == order
    assert document["loss_before"] == pytest.approx(product_loss(stored(POINTS / f"{name}.npz").values()), rel=1e-12)
    assert document["loss_after"] == pytest.approx(product_loss(arrays.values()), rel=1e-12)
    assert document["loss_after"] < document["loss_before"]


@pytest.mark.parametrize("name", ["bad-saddle", "strict-saddle", "strict-saddle-tails"])
def test_the_written_path_leads_down_to_the_optimum(lossurf, tmp_path, name):
    done = lossurf("escape", POINTS / f"{name}.npz", *WINE, "--to-minimum", "--path", "way", "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["output"]) == (0, "", None)
    files = sorted((tmp_path / "way").iterdir())
    assert document["files"] == [str(path.relative_to(tmp_path)) for path in files]
    assert files[0].name == "00-start.npz"
    assert stored(files[0])["W2"].tolist() == stored(POINTS / f"{name}.npz")["W2"].tolist()
    losses = [product_loss(stored(path).values()) for path in files]
    assert all(after <= before * (1.0 + 1e-14) for before, after in pairwise(losses))
    # channel: truncated least squares by numpy
    X, Y = wine()
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    best = 0.5 * np.sum((Y - fit) ** 2) + 0.5 * np.linalg.svd(fit, compute_uv=False)[2] ** 2
    assert losses[-1] == pytest.approx(best, rel=1e-12)
    check = lossurf("classify", files[-1], *WINE, "--expect", "global-minimum")
    assert check.returncode == 0


def test_the_table_tells_every_segment(lossurf):
    done = lossurf("escape", POINTS / "strict-saddle-tails.npz", *WINE, "--to-minimum", "-o", "best.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The loss falls from 183.118 to 147.089, 100 % of what can be gained." in done.stdout
    assert "1 tails" in done.stdout
    assert "2 grow    gains eigenvector 2, to rank 2" in done.stdout
    assert "best.npz, float64" in done.stdout


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("global-minimum", "there is nothing below a global minimum"),
        ("early-float32", "the point is not critical"),
        ("nearly-float32", "what kind of point this is cannot be told"),
    ],
)
def test_without_a_saddle_nothing_is_written(lossurf, tmp_path, name, reason):
    done = lossurf("escape", POINTS / f"{name}.npz", *WINE, "-o", "lower.npz", "--path", "way")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"Nothing was written: {reason}" in " ".join(done.stdout.split())
    assert list(tmp_path.iterdir()) == []
    document = json.loads(lossurf("escape", POINTS / f"{name}.npz", *WINE, "-o", "lower.npz", "-f", "json").stdout)
    assert (document["output"], document["segments"], document["order"]) == (None, [], None)


def test_float32_stays_float32_unless_another_is_asked_for(lossurf, tmp_path):
    for arguments, dtype in (((), "float32"), (("--dtype", "float64"), "float64")):
        done = lossurf("escape", POINTS / "bad-saddle-float32.npz", *WINE, "-o", "low.npz", "-f", "json", *arguments)
        arrays = stored(tmp_path / "low.npz")
        assert done.returncode == 0
        assert {str(W.dtype) for W in arrays.values()} == {dtype}
        assert json.loads(done.stdout)["loss_after"] == pytest.approx(product_loss(arrays.values()), rel=1e-12)


def test_names_orientation_and_biases_are_kept(lossurf, tmp_path):
    X, Y = wine()
    zeros = [np.zeros((10, 4)), np.zeros((4, 3)), np.zeros((3, 3))]
    offset = Y.mean(axis=0) + 1.0
    names = {f"coefs_{k}": W for k, W in enumerate(zeros)}
    names |= {f"intercepts_{k}": np.full(W.shape[1], 0.0) for k, W in enumerate(zeros)}
    names["intercepts_2"] = offset
    np.savez(tmp_path / "start.npz", **names)
    np.savez(tmp_path / "data.npz", X=X, Y=Y + 1.0)
    done = lossurf("escape", "start.npz", "--data", "data.npz", "--to-minimum", "-o", "best.npz", "-f", "json")
    assert done.returncode == 0, done.stderr
    arrays = stored(tmp_path / "best.npz")
    assert {name: W.shape for name, W in arrays.items()} == {name: W.shape for name, W in names.items()}
    output = X
    for k in range(3):
        output = output @ arrays[f"coefs_{k}"] + arrays[f"intercepts_{k}"]
    loss = 0.5 * np.sum((output - Y - 1.0) ** 2)
    assert json.loads(done.stdout)["loss_after"] == pytest.approx(loss, rel=1e-12)
    assert lossurf("classify", "best.npz", "--data", "data.npz", "--expect", "global-minimum").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "nothing says where to write"),
        (("-o", "lower.txt"), "none of the formats"),
        (("-o", "missing/lower.npz"), "make the directory"),
        (("--path", "missing/way"), "the directory cannot be made"),
        (("-o", "lower.npz", "--at-least", "1e6"), "the loss can fall by 36.0283 at most"),
        (("-o", "lower.npz", "--dtype", "int8"), "--dtype"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(lossurf, tmp_path, arguments, reason):
    refused = lossurf("escape", POINTS / "bad-saddle.npz", *WINE, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert reason in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []
