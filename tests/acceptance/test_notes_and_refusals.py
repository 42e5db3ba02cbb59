"""What no format may lose: notes on how data were read, and checkpoints that cannot be read.

Trusted: the elements and attributes of Jenkins' xUnit schema (junit-10.xsd), written down from its text, and the
verdicts that the sample checkpoints are named after.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from process import ROOT, python
from schemas import check_output

from lossurf.report.render import RENDERERS

WINE = ROOT / "sample_data" / "wine"
POINTS = WINE / "checkpoints"
FORMATS = sorted(RENDERERS)

_COUNTS = {"name", "tests", "failures", "errors", "time"}
_SUITE = {"group", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}
SCHEMA = {  # element: (its children, its attributes, those it must have)
    "testsuites": ({"testsuite"}, _COUNTS, set()),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        _COUNTS | _SUITE,
        _COUNTS - {"time"},
    ),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name", "time", "classname", "group"},
        {"name"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def junit(text: str) -> ElementTree.Element:
    """Parse a JUnit report and hold it against the schema; counts must be those of its cases."""
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes, required = SCHEMA[element.tag]
        assert {child.tag for child in element} <= children
        assert required <= set(element.attrib) <= attributes
        assert TIME.fullmatch(element.get("time", ""))
        if element.tag in {"testcase", "failure", "error", "system-out"}:
            continue
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.get(count)) == len(list(element.iter(tag)))
    return root


def run(*args, **options):
    return python("-m", "lossurf", *args, **options)


@pytest.fixture
def indexed(tmp_path):
    """Data as pandas writes them with their index, and networks for them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 3))
    Y = X @ rng.standard_normal((3, 2)) + 0.1 * rng.standard_normal((20, 2))
    for name, array in (("X", X), ("Y", Y)):
        lines = [",".join(["", *(f"{name}{j}" for j in range(array.shape[1]))])]
        lines += [",".join([str(i), *map(repr, map(float, row))]) for i, row in enumerate(array)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    least = np.linalg.lstsq(X, Y, rcond=None)[0].T
    np.savez(tmp_path / "best.npz", W1=least, W2=np.eye(2))
    np.savez(tmp_path / "zero.npz", W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    np.savez(
        tmp_path / "relu.npz", **{"0.weight": rng.standard_normal((4, 3)), "2.weight": rng.standard_normal((2, 4))}
    )
    return tmp_path


COMMANDS = {
    "check": ["check", "."],
    "classify": ["classify", "best.npz", "--data", "."],
    "classify many": ["classify", "best.npz", "zero.npz", "--data", "."],
    "construct": ["construct", "strict-saddle", "--widths", "3,2,2", "--data", ".", "-o", "new.npz"],
    "escape": ["escape", "zero.npz", "--data", ".", "-o", "new.npz"],
    "audit": ["audit", ".", "--widths", "3,2,2"],
    "watch": ["watch", "best.npz", "--data", "."],
    "reduce": ["reduce", ".", "-o", "new.lossurf.npz"],
    "relu": ["relu", "relu.npz", "--data", "."],
    "verify": ["verify", "proof.npz", "--data", "."],
    "check huber": ["check", ".", "--loss", "huber"],
}


def one_line(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("indexed")
def test_every_command_says_in_its_report_what_was_left_out_of_the_data(inside, name):
    inside("classify", "best.npz", "--data", ".", "--certificate", "proof.npz", "-qq")
    for style in (["-q"], ["--format", "json"], []):
        done = inside(*COMMANDS[name], *style)
        assert done.returncode in (0, 1), done.stderr
        for file in ("X.csv", "Y.csv"):
            assert f"{file}: column 1 is left out as row names" in one_line(done.stdout), (style, done.stdout)


@pytest.mark.parametrize("quiet", [[], ["-q"]])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["check", "classify", "classify many", "watch"])
@pytest.mark.usefixtures("indexed")
def test_every_format_has_the_notes(inside, name, form, quiet):
    done = inside(*COMMANDS[name], "--format", form, *quiet)
    note = "X.csv: column 1 is left out as row names"
    assert note in one_line(done.stdout)
    if form == "github":
        assert any(line.startswith("::notice") and note in line for line in done.stdout.splitlines())
    if form == "junit":
        assert note in junit(done.stdout).findtext("testsuite/system-out")
    if form == "json":
        assert any(found.startswith(note) for found in json.loads(done.stdout)["notes"])
    if form == "jsonl" and name != "check":
        assert all(
            any(found.startswith(note) for found in json.loads(line)["notes"]) for line in done.stdout.splitlines()
        )


def test_notes_on_the_checkpoint_are_under_quiet_too(inside, indexed):
    array = np.load(indexed / "best.npz")
    np.savez(indexed / "turned.npz", W1=array["W1"].T, W2=array["W2"].T)
    for form in FORMATS:
        for names in (["turned.npz"], ["turned.npz", "best.npz"]):
            done = inside("classify", *names, "--data", ".", "-q", "--format", form)
            assert "(in, out)" in one_line(done.stdout), (form, done.stdout, done.stderr)


BROKEN = {
    "cut": lambda path: path.write_bytes((POINTS / "bad-saddle.npz").read_bytes()[:300]),
    "other widths": lambda path: np.savez(path, W1=np.ones((4, 9)), W2=np.ones((3, 4))),
    "not finite": lambda path: np.savez(path, W1=np.full((4, 10), np.nan), W2=np.ones((3, 4))),
    "missing": lambda path: None,  # noqa: ARG005
    "too large a loss": lambda path: np.savez(path, W1=np.full((4, 10), 1e300), W2=np.full((3, 4), 1e300)),
    "text": lambda path: path.write_text("hello"),
}


def test_a_name_that_a_note_or_an_error_begins_with_is_said_once(inside, tmp_path):
    shutil.copy(POINTS / "bad-saddle.npz", tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", W1=np.ones((4, 9)), W2=np.ones((3, 4)))
    np.savez(tmp_path / "turned.npz", W1=np.ones((10, 4)), W2=np.ones((4, 3)))
    said = one_line(inside("classify", "a.npz", "b.npz", "turned.npz", "--data", WINE).stdout)
    assert "b.npz: unreadable: " in said
    assert "(b.npz)" not in said
    assert "turned.npz: turned.npz" not in said


@pytest.fixture(params=BROKEN)
def files(request, tmp_path):
    shutil.copy(POINTS / "bad-saddle.npz", tmp_path / "a.npz")
    shutil.copy(POINTS / "strict-saddle.npz", tmp_path / "c.npz")
    BROKEN[request.param](tmp_path / "b.npz")
    return tmp_path


@pytest.mark.usefixtures("files")
def test_a_bad_file_among_many_is_a_result_of_its_own(inside):
    done = inside("classify", "a.npz", "b.npz", "c.npz", "--data", WINE, "--format", "json")
    document = json.loads(done.stdout)
    first, bad, last = document["results"]
    assert (done.returncode, document["ok"]) == (2, False)
    assert (first["verdict"], last["verdict"]) == ("bad-saddle", "strict-saddle")
    assert (set(bad), bad["checkpoint"], set(bad["error"])) == (
        {"checkpoint", "error"},
        "b.npz",
        {"what", "where", "remedy"},
    )
    assert f"lossurf: error: {bad['error']['what']}" in done.stderr
    assert "  where: b.npz" in done.stderr or "'b.npz'" in bad["error"]["what"]
    about_sizes = "too large" in bad["error"]["what"]  # no chapter tells of them
    assert ("see 'lossurf help checkpoints'" in done.stderr) != about_sizes
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("quiet", [[], ["-q"]])
@pytest.mark.usefixtures("files")
def test_every_format_tells_the_bad_file_and_judges_the_others(inside, form, quiet):
    done = inside("classify", "a.npz", "b.npz", "c.npz", "--data", WINE, "--format", form, *quiet)
    assert done.returncode == 2
    assert "b.npz" in done.stdout
    assert "bad-saddle" in done.stdout
    assert "strict-saddle" in done.stdout
    if form == "junit":
        cases = {case.get("name"): [child.tag for child in case] for case in junit(done.stdout).iter("testcase")}
        assert cases == {"a.npz": ["system-out"], "b.npz": ["error"], "c.npz": ["system-out"]}
    if form == "github":
        assert [line.partition(" ")[0] for line in done.stdout.splitlines()[:3]] == ["::notice", "::error", "::notice"]


@pytest.mark.usefixtures("files")
def test_an_only_file_that_is_bad_is_told_to_programs_too(inside):
    for form in ("json", "jsonl", "junit", "github"):
        done = inside("classify", "b.npz", "--data", WINE, "--format", form)
        assert done.returncode == 2
        assert "lossurf: error:" in done.stderr
        if form == "junit":
            assert [child.tag for child in junit(done.stdout).find("testsuite/testcase")] == ["error"]
        elif form == "github":
            assert done.stdout.startswith("::error ")
        else:
            (result,) = json.loads(done.stdout).get("results", [json.loads(done.stdout)])
            assert result["error"]["remedy"]
    done = inside("classify", "b.npz", "--data", WINE)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_run_is_told_without_the_bad_file(inside, files):
    for form in FORMATS:
        done = inside("watch", "a.npz", "b.npz", "--data", WINE, "--format", form)
        assert done.returncode == 2
        assert "b.npz" in done.stdout
        if form == "junit":
            assert [child.tag for child in junit(done.stdout).findall("testsuite/testcase/*")] == [
                "system-out",
                "error",
            ]
    done = inside("watch", "a.npz", "b.npz", "--data", WINE, "--figure", "run.svg", "-q")
    assert done.returncode == 2
    assert (files / "run.svg").exists()
    done = inside("watch", "b.npz", "--data", WINE, "--format", "junit")
    assert (done.returncode, [child.tag for child in junit(done.stdout).find("testsuite/testcase")]) == (2, ["error"])


def test_data_that_cannot_be_read_are_an_error_in_the_formats_of_ci(inside, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n3,red\n")
    check = ("check", "t.csv", "--target", "y")
    done = inside(*check, "--format", "junit", "-o", "report.xml")
    assert (done.returncode, done.stdout) == (2, "")
    error = junit((tmp_path / "report.xml").read_text("utf-8")).find("testsuite/testcase/error")
    assert "t.csv, line 3, column 2 (y)" in error.get("message")
    done = inside(*check, "--format", "github")
    assert done.stdout.startswith("::error title=lossurf check")
    for form in ("table", "json", "jsonl", "markdown"):
        done = inside(*check, "--format", form, "-o", "none.txt")
        assert (done.returncode, done.stdout) == (2, "")
        assert not (tmp_path / "none.txt").exists()
    done = inside(
        "construct",
        "global-minimum",
        "--data",
        "t.csv",
        "--target",
        "y",
        "--widths",
        "1,1",
        "-o",
        "w.npz",
        "-f",
        "junit",
    )
    assert len(list(junit(done.stdout).iter("error"))) == 1
    assert not (tmp_path / "w.npz").exists()


def test_quiet_names_every_file_that_is_not_as_expected(inside):
    names = ["bad-saddle", "strict-saddle", "global-minimum"]
    paths = [POINTS / f"{name}.npz" for name in names]
    done = inside("classify", *paths, "--data", WINE, "--expect", "global-minimum", "-q")
    assert done.returncode == 1
    summary, *unmet = [line for line in done.stdout.splitlines() if not line.startswith("Note:")]
    assert "2 not as expected" in summary
    said = one_line(" ".join(unmet))
    for path, name in zip(paths[:2], names[:2], strict=True):
        assert f"{path}: {name}, expected global-minimum" in said
    assert str(paths[2]) not in said


def test_a_followed_run_ends_with_the_file_that_never_became_whole(tmp_path):
    shutil.copy(POINTS / "bad-saddle.npz", tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(Path(tmp_path / "a.npz").read_bytes()[:300])
    for form in ("table", "jsonl"):
        done = run(
            *("watch", str(tmp_path / "*.npz"), "--data", WINE, "--follow", "--timeout", "0.5", "--interval", "0.05"),
            *("--format", form),
        )
        check_output(done.stdout)
        assert done.returncode == 2
        assert "b.npz" in done.stdout
        assert "passed over for now" in done.stderr
