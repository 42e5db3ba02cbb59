"""`classify --curvature` and `watch --curvature --step --reduction` on the command line.

Trusted channel: with X the identity and Y = diag(3, 2, 1), two layers of zeros have the Hessian -Y (x) I between them,
of eigenvalues -3..3; and layers diag(sqrt Y) the largest eigenvalue 6, that of Y_11 (u v^T) from either layer.
"""

import json

import numpy as np
import pytest

DIAGONAL = np.diag([3.0, 2.0, 1.0])
END = np.sqrt(DIAGONAL)


@pytest.fixture
def run(tmp_path):
    """Three steps of a run: zeros, half of the way, and the minimum."""
    np.savez(tmp_path / "data.npz", X=np.eye(3), Y=DIAGONAL)
    (tmp_path / "run").mkdir()
    for step, share in enumerate((0.0, 0.5, 1.0)):
        np.savez(tmp_path / "run" / f"step-{step}.npz", W1=share * END, W2=share * END)


CLASSIFY = ("classify", "run/step-0.npz", "--data", "data.npz", "--curvature")
WATCH = ("watch", "run/*.npz", "--data", "data.npz", "--curvature")


@pytest.mark.usefixtures("run")
def test_a_saddle_tells_both_ends_the_steps_and_how_long_it_holds(lossurf):
    done = lossurf(*CLASSIFY, "-f", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["results"][0]["curvature"]
    assert abs(found["largest"] - 3.0) <= found["largest_error"] <= 1e-12
    assert abs(found["smallest"] + 3.0) <= found["smallest_error"] <= 1e-12
    # 2 / 3 for a half sum, half of that for a sum, and nine times that for a mean over nine entries
    assert found["step"] == pytest.approx({"half-sum": 2 / 3, "sum": 1 / 3, "mean": 3.0}, rel=1e-12)
    assert found["leaving"] == {"eps": 2.0**-52, "steps": pytest.approx(26 * np.log(2.0), rel=1e-12)}
    assert (found["failure"], found["method"], found["minimum"], found["flattest"]) == (0.0, "dense", None, None)


@pytest.mark.usefixtures("run")
def test_a_minimum_tells_its_condition_and_the_flattest_there_is(inside):
    done = inside("classify", "run/step-2.npz", "--data", "data.npz", "--curvature", "-f", "json")
    found = json.loads(done.stdout)["results"][0]["curvature"]
    assert found["largest"] == pytest.approx(6.0, rel=1e-12)
    # J J^T is diagonal: a_i + a_j at entry i, j
    assert found["minimum"]["least_nonzero"] == pytest.approx(2.0, rel=1e-12)
    assert found["minimum"]["condition"] == pytest.approx(3.0, rel=1e-12)
    assert found["minimum"]["rate"] == pytest.approx(0.5, rel=1e-12)
    assert found["flattest"]["sharpness"] == pytest.approx(6.0, rel=1e-12)
    assert found["flattest"]["fits"] == "holds"


@pytest.mark.usefixtures("run")
def test_the_table_says_it_in_words(inside):
    said = inside(*CLASSIFY).stdout
    assert "Largest curvature    3 +- " in said
    assert "Smallest curvature   -3 +- " in said
    assert "the whole spectrum was computed; certain" in said
    assert "Largest stable step  3 (mean), 0.333333 (sum), 0.666667 (half-sum)" in said
    assert "Time to leave        18.0218 of the largest stable steps, once off by 2.22045e-16" in said
    minimum = inside("classify", "run/step-2.npz", "--data", "data.npz", "--curvature").stdout
    assert "condition 3\n" in minimum
    assert "Linear rate          0.5 a step of the best length" in minimum
    assert "this one is 1 times as sharp as the least possible, 6\n" in minimum


@pytest.mark.usefixtures("run")
def test_many_checkpoints_have_both_ends_in_their_rows(inside):
    rows = inside("classify", "run/*.npz", "--data", "data.npz", "--curvature").stdout.splitlines()
    (head,) = (row for row in rows if row.startswith("checkpoint "))
    assert "largest curvature       smallest" in head
    (zeros,) = (row for row in rows if row.startswith("step-0.npz"))
    assert zeros.split()[-2:] == ["3", "-3"]
    assert "curvature" not in inside("classify", "run/*.npz", "--data", "data.npz").stdout


def test_the_error_that_is_asked_for_is_kept(inside, tmp_path):
    # channel: 30 units a layer are too many for the dense Hessian; zeros have the eigenvalues of Y again
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((30, 30))
    np.savez(tmp_path / "data.npz", X=np.eye(30), Y=Y)
    np.savez(tmp_path / "zero.npz", W1=np.zeros((30, 30)), W2=np.zeros((30, 30)))
    top = np.linalg.norm(Y, 2)
    arguments = ("classify", "zero.npz", "--data", "data.npz", "--curvature", "-f", "json")
    for share in (0.2, 0.02, 0.005):
        done = inside(*arguments, "--curvature-error", share)
        found = json.loads(done.stdout)["results"][0]["curvature"]
        assert found["method"] == "lanczos"
        for end, value in (("largest", top), ("smallest", -top)):
            assert abs(found[end] - value) <= found[f"{end}_error"] <= 1.1 * share * top
    assert "products with vectors; certain" in inside(*arguments[:-2]).stdout


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("reduction", "edge"), [("mean", 90.0), ("sum", 10.0), ("half-sum", 20.0)])
def test_a_run_is_held_against_the_edge_of_its_own_loss(inside, reduction, edge):
    options = () if reduction == "mean" else ("--reduction", reduction)
    document = json.loads(inside(*WATCH, "--step", "0.1", *options, "-f", "json").stdout)
    assert document["edge"] == {"step": 0.1, "reduction": reduction, "curvature": pytest.approx(edge, rel=1e-12)}
    largest = [result["curvature"]["largest"] for result in document["results"]]
    # half of the way outputs 12 and 21 are moved by two weights each, which the residuals -9/4 and -3/2 couple across:
    # [[1/2 + 9/4, sqrt(3/8)], [sqrt(3/8), 3/4 + 3/2]] on their even combinations
    assert largest == pytest.approx([3.0, 2.5 + np.sqrt(7.0) / 4.0, 6.0], rel=1e-9)
    table = inside(*WATCH, "--step", "0.1", *options).stdout
    assert f"Edge of stability  {edge:g}: 2 / 0.1 ({reduction})" in table
    (row,) = (row for row in table.splitlines() if row.startswith("step-0.npz"))
    assert f"{300.0 / edge:.6g} %" in row


@pytest.mark.usefixtures("run")
def test_a_run_without_a_step_has_no_edge(inside):
    document = json.loads(inside(*WATCH, "-f", "json").stdout)
    assert document["edge"] is None
    table = inside(*WATCH).stdout
    assert "curvature" in table
    assert "of edge" not in table
    plain = inside("watch", "run/*.npz", "--data", "data.npz", "-f", "json").stdout
    assert all(result["curvature"] is None for result in json.loads(plain)["results"])


@pytest.mark.usefixtures("run")
def test_a_run_that_is_followed_has_the_curvature_in_its_lines(inside):
    said = inside(*WATCH, "--step", "0.1", "--follow", "--timeout", "0.2", "--interval", "0.05").stdout.splitlines()
    assert said[0].split()[-4:] == ["curvature", "of", "edge", "verdict", "checkpoint"][-4:]
    assert said[1].split()[-5:] == ["3", "3.33333", "%", "strict-saddle", "step-0.npz"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("value", ["0", "1", "-0.1", "nan", "x"])
def test_an_error_that_is_no_share_is_refused(inside, value):
    done = inside(*CLASSIFY, "--curvature-error", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert "where: --curvature-error" in done.stderr


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("value", ["0", "-0.1", "nan", "x", "inf", "1e-320"])
def test_a_step_that_is_none_is_refused(inside, value):
    done = inside(*WATCH, "--step", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert "where: --step" in done.stderr


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "where", "remedy"),
    [
        ((*WATCH[:-1], "--step", "0.1"), "--step", "add --curvature"),
        ((*WATCH, "--reduction", "sum"), "--reduction", "add --step ETA"),
        ((*WATCH, "--step", "0.1", "--reduction", "half"), "--reduction", "did you mean 'half-sum'?"),
        ((*CLASSIFY[:-1], "--curvature-error", "0.1"), "--curvature-error", "add --curvature"),
        ((*WATCH[:-1], "--curvature-error", "0.1"), "--curvature-error", "add --curvature"),
        ((*CLASSIFY, "--loss", "huber"), "--curvature", "leave out --curvature, or the loss"),
        ((*CLASSIFY, "--weight-decay", "0.1"), "--curvature", "leave out --curvature, or the loss"),
    ],
)
def test_options_that_need_another_are_refused(inside, arguments, where, remedy):
    done = inside(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"where: {where}" in done.stderr
    assert f"next:  {remedy}" in done.stderr
