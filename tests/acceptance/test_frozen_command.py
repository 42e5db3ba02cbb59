"""`classify --frozen` as a process. The trusted channel: least squares on what the frozen layer gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
from process import python
from schemas import check_document

from lossurf.report.pages.verify import page

rng = np.random.default_rng(4)
X, Y = rng.normal(size=(30, 4)), rng.normal(size=(30, 3))
F = rng.normal(size=(2, 4))
HEAD = np.linalg.lstsq(X @ F.T, Y)[0].T
LEAST = 0.5 * float(np.linalg.norm(X @ F.T @ HEAD.T - Y) ** 2)


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    np.savez(tmp_path / "probe.npz", encoder=F, head=HEAD)
    np.savez(tmp_path / "half.npz", encoder=F.astype("f4"), head=(HEAD @ F @ F.T / 9.0).astype("f4"))
    np.savez(tmp_path / "other.npz", W1=F, W2=HEAD)
    return tmp_path


def classify(folder, *arguments):
    return python("-m", "lossurf", "classify", "--data", "data.npz", *arguments, cwd=folder)


def test_several_checkpoints_each_with_its_own_frozen_layer(folder):
    done = classify(folder, "probe.npz", "half.npz", "other.npz", "--frozen", "encoder", "--format", "json")
    assert done.returncode == 2
    probe, half, other = json.loads(done.stdout)["results"]
    assert (probe["verdict"], half["verdict"]) == ("global-minimum", "not-critical")
    assert probe["frozen"] == half["frozen"] == ["encoder"]
    assert probe["optimal_loss"] == pytest.approx(LEAST, rel=1e-12)
    assert half["optimal_loss"] == pytest.approx(LEAST, rel=1e-6)
    assert probe["inertia"]["positive"] == HEAD.size
    assert "no layer 'encoder' to freeze" in other["error"]["what"]


def test_a_report_names_what_is_frozen_and_the_way_down_beside_it(folder):
    np.savez(folder / "zero.npz", encoder=F, middle=np.zeros((2, 2)), head=np.zeros((3, 2)))
    done = classify(folder, "zero.npz", "--frozen", " encoder ")
    assert done.returncode == 0
    assert "Frozen      encoder" in done.stdout
    assert "strict-saddle" in done.stdout
    assert "lossurf escape zero.npz --data data.npz --frozen encoder -o better.npz" in done.stdout
    down = [
        *[
            "-m",
            "lossurf",
            "escape",
            "zero.npz",
            "--data",
            "data.npz",
            "--frozen",
            "encoder",
            "--to-minimum",
            "-o",
            "better.npz",
        ]
    ]
    moved = python(*down, "--format", "json", cwd=folder)
    document = json.loads(moved.stdout)
    check_document(document)
    assert (moved.returncode, document["frozen"]) == (0, ["encoder"])
    assert document["loss_after"] == pytest.approx(LEAST, rel=1e-9)
    with np.load(folder / "better.npz") as arrays:
        assert np.array_equal(arrays["encoder"], F)
        product = arrays["head"] @ arrays["middle"] @ F
    assert 0.5 * np.linalg.norm(X @ product.T - Y) ** 2 == pytest.approx(LEAST, rel=1e-9)
    assert classify(folder, "probe.npz", "--frozen", "encoder", "--format", "html").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frozen", "encodr"], "did you mean 'encoder'?"),
        (["--frozen", ","], "no layer '' to freeze"),
        (["--frozen", "encoder,head"], "all layers are frozen"),
        (["--frozen", "encoder", "--descents"], "written with a certificate"),
        (["--frozen", "encoder", "--tied"], "without --"),
        (["--frozen", "encoder", "--weight-decay", "0.1"], "without --weight-decay"),
    ],
)
def test_what_is_not_answered_is_refused(folder, arguments, message):
    done = classify(folder, "probe.npz", *arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace("\n", " ")
    assert not (folder / "c.npz").exists()


def test_its_certificate_is_valid_for_these_data_and_no_others(folder):
    assert classify(folder, "probe.npz", "--frozen", "encoder", "--certificate", "c.npz", "-qq").returncode == 0
    claim = json.loads((folder / "c.json").read_text())
    check_document(claim)
    assert claim["frozen"] == ["encoder"]
    with np.load(folder / "c.npz") as arrays:
        assert np.array_equal(arrays["W1"], F)
        assert np.allclose(arrays["R11"].T @ arrays["R11"], F @ X.T @ X @ F.T, rtol=1e-10)
    done = verify(folder, "--data", "data.npz", "--format", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["valid"]) == (0, "", True)
    ids = {check["id"] for check in document["checks"]}
    assert {"frozen-blocks", "seen-layers", "frozen-rank-max", "data-x", "data-residual"} <= ids
    np.savez(folder / "other.npz", X=X @ np.diag([1.0, 1.0, 1.0, 1.001]), Y=Y)
    refused = verify(folder, "--data", "other.npz")
    assert refused.returncode == 1
    assert "Not valid for these data: global-minimum" in refused.stdout
    assert python("-m", "lossurf", "reduce", "data.npz", "-o", "summary.npz", cwd=folder).returncode == 0
    assert verify(folder, "--data", "summary.npz").returncode == 0


def verify(folder, *arguments):
    return python("-m", "lossurf", "verify", "c.npz", *arguments, cwd=folder)


def test_every_check_beside_frozen_layers_has_words_for_its_failure():
    for identifier in (
        "frozen-blocks",
        "frozen-factors",
        "frozen-rank",
        "frozen-rank-max",
        "seen-layers",
        "seen-biases",
    ):
        document = {"command": "verify", "certificate": "c", "claim": "bad-saddle", "valid": False}
        document |= {"tolerance": 1e-8, "default_tolerance": 1e-8, "gap": None}
        drawn = page({**document, "checks": [{"id": identifier, "ok": False, "value": None, "bound": None}]})
        assert len(drawn.cases[0].message) > 10
