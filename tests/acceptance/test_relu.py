"""`lossurf relu` as a process."""

from __future__ import annotations

import json
import sys

import numpy as np
import pexpect
import pytest
from process import ROOT, clean_environment, python

DIGITS = ROOT / "sample_data" / "digits"
NETWORK = DIGITS / "relu.npz"


def relu(*args, **options):
    return python("-m", "lossurf", "relu", *args, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """120 samples, a ReLU network on them, and one whose units are all on."""
    folder = tmp_path_factory.mktemp("relu")
    generator = np.random.default_rng(1)
    X = generator.random((120, 3))
    np.savez(folder / "data.npz", X=X, Y=np.sin(3.0 * X[:, :2]))
    weights = {"0.weight": generator.standard_normal((6, 3)), "2.weight": generator.standard_normal((2, 6))}
    np.savez(folder / "net.npz", **weights)
    np.savez(folder / "on.npz", **{name: np.abs(W) for name, W in weights.items()})
    return folder


@pytest.fixture(scope="module")
def of_digits():
    return relu(NETWORK, "--data", DIGITS, "--format", "json")


def test_the_deep_digits_network_fails_both_assumptions(of_digits):
    done = of_digits
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert {item["id"]: item["status"] for item in document["assumptions"]} == {
        "a1p-m": "fails",
        "a5u-m": "fails",
        "reduction": "fails",
    }
    assert (document["literal"], document["status"]) == (False, "fails")
    assert document["sampling"]["samples"] == 1797
    assert document["simulation"]["status"] == "holds"
    assert document["simulation"]["slope_error"] <= 0.02
    low, high = document["rho"]["interval"]
    assert low < document["rho"]["value"] < high


def test_the_table_says_the_literal_verdict_first(small):
    done = relu(small / "net.npz", "--data", small / "data.npz")
    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    places = [words.index(part) for part in ("To the letter: A5u-m does not hold", "As measured:", "path_cv", "L*")]
    assert places == sorted(places)


def test_all_units_on_holds_everything(small):
    done = relu(small / "on.npz", "--data", small / "data.npz", "--expect", "holds", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "To the letter: A5u-m holds, every hidden unit is constant on these data.",
        "As measured: a1p-m holds, a5u-m holds, reduction holds.",
    ]


@pytest.mark.parametrize(("expected", "code"), [("holds", 1), ("fails", 0)])
def test_expect_decides_the_exit_code(small, expected, code):
    args = (small / "net.npz", "--data", small / "data.npz", "--expect", expected, "--format", "json")
    done = relu(*args)
    assert done.returncode == code
    document = json.loads(done.stdout)
    assert (document["expected"], document["ok"]) == ([expected], code == 0)


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_the_same_seed_gives_the_same_bytes(small, form):
    runs = [
        relu(small / "net.npz", "--data", small / "data.npz", "--format", form, "--seed", seed, env=env).stdout
        for seed, env in (("3", {}), ("3", {"OPENBLAS_NUM_THREADS": "2"}))
    ]
    assert runs[0] == runs[1]
    assert runs[0]


def test_progress_only_on_a_terminal(small):
    arguments = ["relu", str(small / "net.npz"), "--data", str(small / "data.npz")]
    assert relu(*arguments[1:]).stderr == ""
    at_once = f"from lossurf.cli import progress, main; progress.FIRST_AFTER = 0; main({arguments!r})"
    environment = {**clean_environment(), "TERM": "xterm"}
    child = pexpect.spawn(sys.executable, ["-c", at_once], env=environment, timeout=60, encoding="utf-8")
    child.expect("lossurf: decomposition")
    child.expect("distance covariance")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["--seed", "-1"], "--seed"),
        (["--expect", "hold"], "did you mean 'holds'?"),
        (["--layers", "0.weight"], "0.weight"),
    ],
)
def test_bad_options_are_refused_by_name(small, args, fault):
    done = relu(small / "net.npz", "--data", small / "data.npz", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr


def test_a_pattern_of_several_files_is_refused(small):
    done = relu(small / "*.npz", "--data", small / "data.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert "matches 3 files" in done.stderr


def test_outputs_beyond_float64_are_refused(small, tmp_path):
    np.savez(tmp_path / "huge.npz", W1=np.full((6, 3), 1e200), W2=np.full((2, 6), 1e100))
    done = relu(tmp_path / "huge.npz", "--data", small / "data.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert "range of float64" in done.stderr
    assert "Warning" not in done.stderr
