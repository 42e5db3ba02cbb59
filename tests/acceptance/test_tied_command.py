"""`classify --tied` as a process. The trusted channel: numpy's singular values of the samples."""

from __future__ import annotations

import json

import numpy as np
import pytest
from process import ROOT, python
from schemas import check_document

from lossurf.report.pages.verify import page

rng = np.random.default_rng(3)
X = rng.normal(size=(30, 4)) * [0.0, 3.0, 2.0, 1.0]
S, Q = np.linalg.svd(X)[1], np.linalg.svd(X)[2].T
IDLE = np.eye(4)[:1]
NETWORKS = {
    "best": {"encoder.weight": Q[:, :2].T},
    "pair": {"W1": Q[:, :2].T, "W2": Q[:, :2]},
    "held": {"W": np.vstack([Q[:, 0], 2.0 * IDLE])},
    "worse": {"W": Q[:, [0, 2]].T},
    "free": {"W1": Q[:, :2].T, "W2": Q[:, 1:3]},
    "biased": {"0.weight": Q[:, :2].T, "0.bias": np.ones(2)},
    "other": {"W": np.ones((2, 7))},
    "deep": {"W1": np.eye(4), "W2": np.eye(4), "W3": np.eye(4)},
    "off": {"W": Q[:, :2].T + 0.1},
}
CLAIMS = {
    "best": "global-minimum",
    "pair": "global-minimum",
    "held": "local-minimum",
    "worse": "strict-saddle",
    "off": "not-critical",
}


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "data.npz", X=X, Y=X[:, :3])
    for name, arrays in NETWORKS.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
    return tmp_path


def classify(folder, *arguments):
    return python("-m", "lossurf", "classify", "--tied", *arguments, cwd=folder)


def test_many_are_judged_and_those_that_are_not_tied_told(folder):
    done = classify(folder, *(f"{name}.npz" for name in NETWORKS), "--data", "X.npy", "--format", "json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    found = {result["checkpoint"].removesuffix(".npz"): result for result in document["results"]}
    judged = {name: result["verdict"] for name, result in found.items() if "verdict" in result}
    assert judged == CLAIMS
    least = 0.5 * float(np.sum(S[2:] ** 2))
    for name, loss in (("best", least), ("held", 0.5 * float(np.sum(S[1:] ** 2)))):
        assert found[name]["optimal_loss"] == pytest.approx(least, rel=1e-12)
        assert found[name]["loss"] == pytest.approx(loss, rel=1e-12)
    assert found["held"]["tied"]["idle_weights"] == pytest.approx([2.0])
    assert found["worse"]["certificate"]["curvature"] == pytest.approx(S[2] ** 2 - S[1] ** 2, rel=1e-12)
    told = {name: result["error"]["what"] for name, result in found.items() if "error" in result}
    assert told.keys() == {"free", "biased", "other", "deep"}
    assert "not the transpose of 'W1'" in told["free"]
    assert "bias at 0.weight" in told["biased"]
    assert "2x7 and X has 4 columns" in told["other"]
    assert "3 layers" in told["deep"]


def test_a_report_says_what_holds_the_idle_unit(folder):
    done = classify(folder, "held.npz", "--data", "X.npy", "--expect", "global-minimum")
    assert done.returncode == 1
    assert "eigenvectors {1} of X X^T" in done.stdout
    assert "1, with weights 2 on the 1 direction that X lacks" in done.stdout


@pytest.mark.parametrize(("name", "claim"), CLAIMS.items())
def test_what_classify_writes_verify_finds_valid_and_another_not(inside, folder, name, claim):
    done = inside("classify", "--tied", f"{name}.npz", "--data", "X.npy", "--certificate", "c.npz", "-qq")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = json.loads((folder / "c.json").read_text())
    check_document(written)
    valid = inside("verify", "c.npz", "--data", "X.npy", "--format", "json")
    document = json.loads(valid.stdout)
    assert (valid.returncode, valid.stderr, document["claim"]) == (0, "", claim)
    told = {check["id"] for check in document["checks"]}
    assert "data-y-is-x" in told
    for identifier in told:
        check = {"id": identifier, "ok": False, "value": None, "bound": None}
        assert len(page({**document, "valid": False, "checks": [check]}).cases[0].message) > 10
    with np.load(folder / "c.npz") as archive:
        arrays = dict(archive)
    W = arrays["W1"]
    assert written["loss"] == pytest.approx(0.5 * np.sum((X @ W.T @ W - X) ** 2))
    assert arrays["R11"].T @ arrays["R11"] == pytest.approx(X.T @ X)
    np.savez(folder / "c.npz", **{**arrays, "W1": 1.001 * W})
    other = inside("verify", "c.npz")
    assert other.returncode == 1
    assert "digest: the files are not as they were written" in other.stdout
    assert "weights: a layer has not the norm that is claimed" in other.stdout


def test_a_certificate_is_held_against_x_alone_or_a_table_of_both(inside, folder):
    assert inside("classify", "--tied", "pair.npz", "--data", "X.npy", "--certificate", "c.npz", "-qq").returncode == 0
    np.savez(folder / "both.npz", X=X, Y=X)
    np.save(folder / "other.npy", X[::-1] + 1e-3)
    for data, code in (("both.npz", 0), ("other.npy", 1)):
        assert inside("verify", "c.npz", "--data", data, "-qq").returncode == code, data
    assert inside("reduce", "both.npz", "-o", "summary.npz", "-qq").returncode == 0
    assert inside("verify", "c.json", "--data", "summary.npz", "-qq").returncode == 0


def test_a_certificate_of_format_1_stays_valid(inside):
    stored = ROOT / "tests" / "data" / "certificates" / "tied-local-minimum.npz"
    done = inside("verify", stored, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Valid: local-minimum follows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["best.npz", "--data", "X.npy", "--certificate", "c.npz", "--descents"], "without --descents"),
        (["best.npz", "--data", "X.npy", "--weight-decay", "0.1"], "without --weight-decay"),
        (["best.npz", "--data", "X.npy", "--curvature"], "without --curvature"),
        (["best.npz", "--x", "X.npy", "--y", "X.npy", "--residual"], "without weights of outputs, base or ridge"),
        (["free.npz", "--data", "X.npy"], "their entries differ by up to"),
    ],
)
def test_what_has_no_answer_is_refused_in_three_lines(folder, arguments, message):
    done = classify(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert not (folder / "c.npz").exists()
