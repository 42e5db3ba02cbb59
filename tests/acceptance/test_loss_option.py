"""`--loss` on `check` and `classify` as a process.

Trusted channels: the measured count of separable margins on iris, weights whose kind is known, scikit-learn's labels.
"""

import json
from itertools import pairwise

import numpy as np
import pytest
from process import ROOT
from sklearn.datasets import load_iris

SAMPLES = ROOT / "sample_data"


@pytest.fixture
def iris(tmp_path):
    X, y = load_iris(return_X_y=True)
    np.savez(tmp_path / "iris.npz", X=X, Y=y)
    return "iris.npz"


def zero_network(path, *widths):
    layers = {f"W{k}": np.zeros((b, a)) for k, (a, b) in enumerate(pairwise(widths), 1)}
    np.savez(path, **layers)


def test_iris_softmax_is_not_attained(lossurf, iris):
    done = lossurf("check", iris, "--loss", "softmax", "--format", "json")
    found = json.loads(done.stdout)
    other = found["other_loss"]
    assert (done.returncode, found["status"], other["attained"]) == (1, "fails", "no")
    assert (other["separable"], other["margins"], other["classes"]) == (200, 300, [0, 1, 2])
    assert "Y holds labels: the outputs stand for 0, 1, 2" in done.stderr
    table = lossurf("check", iris, "--loss", "softmax")
    assert table.returncode == 1
    assert "separable margins 200 of 300" in table.stdout


@pytest.mark.parametrize("name", ["huber", "logcosh"])
def test_regression_losses_are_attained_with_a_closed_gap(lossurf, name):
    done = lossurf("check", SAMPLES / "linnerud", "--loss", name, "--bias", "--format", "json")
    other = json.loads(done.stdout)["other_loss"]
    assert (done.returncode, other["status"], other["attained"]) == (0, "holds", "yes")
    assert other["relative_gap"] < 1e-8
    assert other["lower_bound"] <= other["optimal_loss"] < other["loss_at_zero"]


def test_a_bottleneck_fails(lossurf):
    done = lossurf("check", SAMPLES / "linnerud", "--loss", "huber", "--widths", "3,2,3")
    assert done.returncode == 1
    assert "narrower than min(dx, dy)" in " ".join(done.stdout.split())


def test_zero_weights_are_saddles_at_every_depth(lossurf, iris, tmp_path):
    for hidden in (1, 2, 3):
        zero_network(tmp_path / f"zero-{hidden}.npz", 4, *[5] * hidden, 3)
    files = [f"zero-{hidden}.npz" for hidden in (1, 2, 3)]
    done = lossurf("classify", *files, "--loss", "softmax", "--data", iris, "--format", "json")
    document = json.loads(done.stdout)
    assert [result["verdict"] for result in document["results"]] == ["strict-saddle", "bad-saddle", "bad-saddle"]
    assert all(result["certificate"]["loss_decrease"] > 0.0 for result in document["results"])
    assert document["other_loss"]["name"] == "softmax"
    one = lossurf("classify", "zero-1.npz", "--loss", "softmax", "--data", iris, "--expect", "strict-saddle")
    assert one.returncode == 0
    assert "separable margins" in one.stdout
    assert "lossurf escape" not in one.stdout


def test_the_huber_bottleneck_is_a_spurious_local_minimum(lossurf, tmp_path):
    np.savez(tmp_path / "data.npz", X=np.eye(2), Y=np.diag([5.0, 2.0]))
    np.savez(tmp_path / "point.npz", W1=[[0.0, 1.0]], W2=[[0.0], [2.0]])
    asked = ("classify", "point.npz", "--data", "data.npz", "--loss", "huber", "--delta", "1", "-f", "json")
    done = lossurf(*asked, "--expect", "local-minimum")
    (result,) = json.loads(done.stdout)["results"]
    assert (done.returncode, result["verdict"], result["loss"]) == (0, "local-minimum", 4.5)
    assert result["certificate"]["kind"] == "hessian"
    refused = lossurf(*asked, "--expect", "degenerate")
    assert refused.returncode == 2
    assert "'degenerate' is no verdict of the huber loss" in refused.stderr


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--loss", "hinge"), "hinge"),
        (("--delta", "1"), "the squared loss has no delta"),
        (("--loss", "huber", "--delta", "-1"), "not a length"),
        (("--loss", "softmax", "--delta", "1"), "has no delta"),
        (("--loss", "logistic"), "logistic targets lie between 0 and 1"),
    ],
)
def test_requests_that_make_no_sense_are_usage_errors(lossurf, args, part):
    done = lossurf("check", SAMPLES / "linnerud", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr
