"""`lossurf classify --certificate` and `lossurf verify` as processes.

Trusted channel: the loss of the certificate's matrices on the stored samples, by numpy.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from process import ROOT
from schemas import check_document

from lossurf.certificates.stored import digest_of
from lossurf.report.pages.verify import page

SAMPLES = ROOT / "sample_data"
POINTS = SAMPLES / "wine" / "checkpoints"
WINE = ("--data", SAMPLES / "wine")

CLAIMS = {
    "global-minimum": "global-minimum",
    "strict-saddle": "strict-saddle",
    "strict-saddle-tails": "strict-saddle",
    "bad-saddle-float32": "bad-saddle",
    "early-float32": "not-critical",
}


def wine():
    return [np.loadtxt(SAMPLES / "wine" / f"{name}.csv", delimiter=",", skiprows=1) for name in "XY"]


def write(lossurf, name):
    done = lossurf("classify", POINTS / f"{name}.npz", *WINE, "--certificate", "c.npz", "-qq")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", CLAIMS)
def test_what_classify_writes_verify_finds_valid(lossurf, tmp_path, name):
    write(lossurf, name)
    claim = json.loads((tmp_path / "c.json").read_text())
    check_document(claim)
    done = lossurf("verify", "c.npz", *WINE, "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (document["claim"], document["valid"], document["certificate"]) == (CLAIMS[name], True, "c.npz")
    assert {"digest", "loss", "data-x", "data-xy", "data-y"} <= {check["id"] for check in document["checks"]}
    with np.load(tmp_path / "c.npz") as arrays:
        X, Y = wine()
        P = arrays["W3"] @ arrays["W2"] @ arrays["W1"]
        assert np.allclose(arrays["R11"].T @ arrays["R11"], X.T @ X, rtol=1e-10)
        inside = 0.5 * np.sum((P @ arrays["R11"].T - arrays["T"]) ** 2)
        assert claim["loss"] == pytest.approx(0.5 * np.sum((X @ P.T - Y) ** 2), rel=1e-12)
        assert inside + claim["residual_loss"] == pytest.approx(claim["loss"], rel=1e-12)


def test_the_table_says_valid_and_with_verbose_why(lossurf):
    write(lossurf, "bad-saddle")
    done = lossurf("verify", "c.json", "-v")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Valid: bad-saddle follows from the matrices, by 29 checks." in done.stdout
    assert "pair-3-1-at-rank-1" in done.stdout


def change(path: Path, name: str) -> None:
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays[name] = arrays[name] * 1.001
    np.savez(path, **arrays)


@pytest.mark.parametrize("name", ["W1", "W2", "W3", "R11", "T", "V1", "V3"])
def test_a_changed_array_is_not_valid(lossurf, tmp_path, name):
    write(lossurf, "strict-saddle")
    change(tmp_path / "c.npz", name)
    done = lossurf("verify", "c.npz")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not valid: strict-saddle does not follow" in done.stdout
    failed = done.stdout.partition("Failed\n")[2].partition("\n\n")[0].splitlines()
    assert failed[0].strip() == "digest: the files are not as they were written"
    assert len(failed) > 1  # something besides the digest


def test_a_changed_claim_is_not_valid(lossurf, tmp_path):
    write(lossurf, "bad-saddle")
    claim = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps({**claim, "loss": claim["loss"] * 0.99}))
    done = lossurf("verify", "c.npz", "-f", "json")
    assert done.returncode == 1
    failed = {check["id"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}
    assert failed == {"digest", "loss"}


def forge(directory: Path, **changes) -> None:
    """Change the claim and sign it again, as the digest is no secret."""
    claim = {**json.loads((directory / "c.json").read_text()), **changes}
    with np.load(directory / "c.npz") as arrays:
        claim["digest"] = digest_of(claim, dict(arrays))
    (directory / "c.json").write_text(json.dumps(claim))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("early-float32", {"claim": "global-minimum", "kind": "gap", "tolerance": 0.5}),
        ("bad-saddle", {"claim": "global-minimum", "kind": "gap", "tolerance": 0.5}),
        ("bad-saddle", {"tolerance": 1e-7}),
        ("bad-saddle-float32", {"tolerance": 1e-5}),
        ("global-minimum", {"claim": "not-critical", "kind": "gradient", "tolerance": 1e-300}),
    ],
)
def test_a_claim_at_an_easier_tolerance_is_refused_with_its_tolerance_and_gap_said(lossurf, tmp_path, name, changes):
    write(lossurf, "global-minimum")
    following = json.loads((tmp_path / "c.json").read_text())["next_level"]
    write(lossurf, name)
    forge(tmp_path, **changes, next_level=following)
    done = lossurf("verify", "c.npz", "-f", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["valid"]) == (1, False)
    assert "tolerance" in {check["id"] for check in document["checks"] if not check["ok"]}
    assert document["tolerance"] == changes["tolerance"]
    assert document["default_tolerance"] == (1e-6 if "float32" in name else 1e-8)
    X, Y = wine()
    with np.load(tmp_path / "c.npz") as arrays:
        P = arrays["W3"] @ arrays["W2"] @ arrays["W1"]
    best = 147.08924881811276  # channel: reduced-rank regression by numpy's SVD, as the README shows
    assert document["gap"] == pytest.approx(0.5 * np.sum((X @ P.T - Y) ** 2) - best, rel=1e-9, abs=1e-9)
    told = lossurf("verify", "c.npz")
    assert f"At tolerance {changes['tolerance']:g}" in told.stdout
    assert "above L*" in told.stdout


def test_a_tolerance_that_was_asked_for_is_accepted_when_asked_for_again(lossurf):
    done = lossurf("classify", POINTS / "bad-saddle.npz", *WINE, "--tolerance", "1e-6", "--certificate", "c.npz", "-qq")
    assert done.returncode == 0
    refused = lossurf("verify", "c.npz")
    assert refused.returncode == 1
    assert "The claim at its own tolerance:\n    lossurf verify c.npz --any-tolerance" in refused.stdout
    assert lossurf("verify", "c.npz", "--any-tolerance", "-qq").returncode == 0


def test_a_coarse_dtype_is_not_believed_of_weights_that_never_had_it(lossurf, tmp_path):
    write(lossurf, "bad-saddle")
    layers = json.loads((tmp_path / "c.json").read_text())["layers"]
    for dtype in ("float32", "float16", "bfloat16"):
        forge(tmp_path, layers=[{**layer, "dtype": dtype} for layer in layers])
        done = lossurf("verify", "c.npz", "-f", "json")
        assert done.returncode == 1
        assert "dtypes" in {check["id"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}


def test_other_data_are_not_the_certificate_s(lossurf, tmp_path):
    write(lossurf, "bad-saddle")
    X, Y = wine()
    X[5, 2] += 0.01
    np.savez(tmp_path / "other.npz", X=X, Y=Y)
    done = lossurf("verify", "c.npz", "--data", "other.npz", "-f", "json")
    assert done.returncode == 1
    failed = {check["id"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}
    assert {"data-x", "data-xy"} <= failed
    assert all(name.startswith("data-") for name in failed)
    assert lossurf("verify", "c.npz", "--data", SAMPLES / "linnerud", "-qq").returncode == 1


def test_a_summary_stands_for_its_data(lossurf, tmp_path):
    # with a bias on the output, which asks for the means too
    assert lossurf("construct", "bad-saddle", *WINE, "--widths", "10,4,2,3", "--bias", "-o", "p.npz").returncode == 0
    assert lossurf("classify", "p.npz", *WINE, "--certificate", "c.npz", "-qq").returncode == 0
    assert lossurf("reduce", SAMPLES / "wine", "-o", "summary.npz").returncode == 0
    for data in (SAMPLES / "wine", "summary.npz"):
        done = lossurf("verify", "c.npz", "--data", data, "-f", "json")
        assert (done.returncode, done.stderr) == (0, "")
        assert "data-means" in {check["id"] for check in json.loads(done.stdout)["checks"]}
    X, Y = wine()
    np.savez(tmp_path / "shifted.npz", X=X + 1e-3, Y=Y)
    assert lossurf("verify", "c.npz", "--data", "shifted.npz", "-qq").returncode == 1


def test_two_runs_write_the_same_bytes(lossurf, tmp_path):
    write(lossurf, "strict-saddle-tails")
    first = [(tmp_path / name).read_bytes() for name in ("c.npz", "c.json")]
    write(lossurf, "strict-saddle-tails")
    assert first == [(tmp_path / name).read_bytes() for name in ("c.npz", "c.json")]


CERTIFICATES = ROOT / "tests" / "data" / "certificates"


@pytest.mark.parametrize("kind", ["global-minimum", "strict-saddle", "bad-saddle"])
def test_certificates_of_format_1_stay_valid(lossurf, kind):
    done = lossurf("verify", CERTIFICATES / f"{kind}.npz", *WINE, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Valid: {kind} follows" in done.stdout


def test_a_stored_certificate_with_another_t_stays_invalid(lossurf):
    done = lossurf("verify", CERTIFICATES / "changed.npz", "-f", "json")
    failed = {check["id"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}
    assert (done.returncode, done.stderr) == (1, "")
    assert {"digest", "loss", "optimal-loss"} <= failed


def test_every_check_has_words_for_its_failure(lossurf):
    ids = set()
    for name in CLAIMS:
        write(lossurf, name)
        done = lossurf("verify", "c.npz", *WINE, "-f", "json")
        ids |= {check["id"] for check in json.loads(done.stdout)["checks"]}
    for identifier in ids | {"data-means", "direction"}:
        document = {"command": "verify", "certificate": "c", "claim": "bad-saddle", "valid": False}
        document |= {"tolerance": 1e-8, "default_tolerance": 1e-8, "gap": None}
        check = {"id": identifier, "ok": False, "value": None, "bound": None}
        drawn = page({**document, "checks": [check]})
        assert len(drawn.cases[0].message) > 10


def test_an_undetermined_point_has_no_certificate(lossurf, tmp_path):
    done = lossurf("classify", POINTS / "nearly-float32.npz", *WINE, "--certificate", "c.npz", "-q")
    assert done.returncode == 1
    assert "undetermined" in done.stdout
    assert list(tmp_path.iterdir()) == []
    told = lossurf("classify", POINTS / "nearly-float32.npz", *WINE, "--certificate", "c.npz")
    assert told.stderr == "lossurf: no certificate was written: undetermined claims nothing\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("classify", POINTS / "bad-saddle.npz", POINTS / "strict-saddle.npz", *WINE, "--certificate", "c.npz"), "one"),
        (("classify", POINTS / "bad-saddle.npz", *WINE, "--certificate", "c.txt"), "does not end in .npz"),
        (("verify", "missing.npz"), "there is no file"),
        (("verify", POINTS / "bad-saddle.npz"), "there is no file"),
        (("verify", ROOT / "README.md"), "there is no file"),
    ],
)
def test_what_cannot_be_done_is_told(lossurf, tmp_path, arguments, reason):
    refused = lossurf(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert reason in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "/", "./"])
def test_a_name_that_has_no_last_part_is_refused(inside, name):
    done = inside("verify", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "directory" in done.stderr
