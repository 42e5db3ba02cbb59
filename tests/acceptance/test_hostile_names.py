"""Names of files, tensors and columns are shown and never obeyed, in every format.

Trusted channel: the characters of the output itself, and independent parsers of JSON and XML.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
import pytest

CONTROLS = "\n\r\t\x0b\x07\x08\x1b[31m\x7f\x85\x9b0m\u200e\u2028\u2029\u202e\u2066\u2069\ufeff"
"""Line breaks, bell, backspace, escape sequences of 7 and 8 bits, and what turns the direction of writing."""

NAME = f"a{CONTROLS}b"
LINE = "\n::error::c\rINJECTED"  # what a reader of lines, such as GitHub's runner, would take for one of its own
FORMATS = ["table", "json", "jsonl", "markdown", "junit", "github", "html"]
_OBEYED = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def obeyed(text: str) -> list[str]:
    """The characters of a report that are obeyed and not shown, but for its own line ends."""
    return sorted({c for c in text if unicodedata.category(c) in _OBEYED and c != "\n"})


def reports(inside, *arguments: object, form: str) -> Iterator[tuple[str, str]]:
    """A report in every width and degree of detail that changes what is shown."""
    for option, columns in (("-v", "40"), ("-q", "120")) if form in {"table", "markdown"} else (("-v", "120"),):
        done = inside(*arguments, "--format", form, option, env={"COLUMNS": columns})
        assert done.returncode in {0, 1, 2}, done.stderr
        yield done.stdout, done.stderr


@pytest.fixture
def hostile(tmp_path, data):
    """Data, columns, tensors and checkpoints whose names hold every control character that a name may."""
    with np.load(data) as arrays:
        X, Y = arrays["X"], arrays["Y"]
    data.rename(tmp_path / f"{NAME}.npz")
    header = ",".join(f'"{name}{CONTROLS}"' for name in "abcyz")
    rows = "\n".join(",".join(map(repr, map(float, row))) for row in np.hstack([X, Y]))
    (tmp_path / f"{NAME}.csv").write_text(f"{header}\n{rows}\n", "utf-8", newline="")
    for end, factor in (("", 0.0), ("2", 1.0)):
        layers = {f"0.{NAME}.weight": factor * np.ones((2, 3)), f"2.{NAME}.weight": factor * np.eye(2)}
        np.savez(tmp_path / f"{NAME}{end}.ckpt.npz", **layers)
    (tmp_path / f"{NAME}.broken.npz").write_bytes(b"PK\x03\x04 not")
    return tmp_path


TARGETS = ["--target", f"y{CONTROLS}", "--target", f"z{CONTROLS}"]
COMMANDS = {
    "check": ["check", f"{NAME}.npz"],
    "check of a table": ["check", f"{NAME}.csv", *TARGETS, "--widths", "3,2"],
    "classify": ["classify", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "--lemmas"],
    "classify of many": [
        "classify",
        f"{NAME}.ckpt.npz",
        f"{NAME}2.ckpt.npz",
        f"{NAME}.broken.npz",
        "--data",
        f"{NAME}.npz",
        "--expect",
        "strict-saddle",
    ],
    "classify with another loss": ["classify", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "--loss", "huber"],
    "watch": ["watch", f"{NAME}.ckpt.npz", f"{NAME}2.ckpt.npz", f"{NAME}.broken.npz", "--data", f"{NAME}.npz"],
    "escape": ["escape", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "-o", f"{NAME}.out.npz"],
    "construct": ["construct", "bad-saddle", "--data", f"{NAME}.npz", "--widths", "3,2,2", "-o", f"{NAME}.out.npz"],
    "spurious": ["spurious", f"{NAME}.npz", "-o", f"{NAME}.out.npz"],
    "relu": ["relu", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz"],
    "reduce": ["reduce", f"{NAME}.csv", *TARGETS, "-o", f"{NAME}.out.npz"],
    "audit": ["audit", f"{NAME}.npz", "--widths", "3,2,2"],
    "plot": ["plot", "surface", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "-o", f"{NAME}.svg"],
    "a file that is missing": ["check", f"{NAME}.missing.npz"],
    "a checkpoint that is missing": ["classify", f"{NAME}.missing.npz", "--data", f"{NAME}.npz"],
    "a column that is missing": ["check", f"{NAME}.csv", "--target", f"q{CONTROLS}"],
    "a layer that is missing": ["classify", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "--layers", f"q{CONTROLS}"],
    "a layer by its name": [
        "classify", f"{NAME}.ckpt.npz", "--data", f"{NAME}.npz", "--layers", f"0.{NAME}.weight,2.{NAME}.weight",
    ],
}  # fmt: skip


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_is_obeyed(inside, command, form):
    for shown, told in reports(inside, *COMMANDS[command], form=form):
        assert obeyed(shown) == []
        assert obeyed(told) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("command", ["check", "check of a table", "classify of many", "watch", "plot"])
def test_no_name_begins_a_line_of_its_own(inside, hostile, command, form):
    arguments = [str(part).replace(NAME, NAME + LINE) for part in COMMANDS[command]]
    for path in list(hostile.iterdir()):
        path.rename(hostile / path.name.replace(NAME, NAME + LINE))
    done = inside(*arguments, "--format", form, env={"COLUMNS": "1000"})  # a name with spaces may be wrapped
    for text in (done.stdout, done.stderr):
        assert not any(line.strip(" |*-").startswith(("::error::", "INJECTED")) for line in text.splitlines())


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_tells_the_very_names(inside, form):
    done = inside(*COMMANDS["classify"], "--format", form)
    found = json.loads(done.stdout)
    result = found["results"][0] if form == "json" else found
    assert result["checkpoint"] == f"{NAME}.ckpt.npz"
    assert [layer["name"] for layer in result["layers"]] == [f"0.{NAME}.weight", f"2.{NAME}.weight"]


@pytest.mark.usefixtures("hostile")
def test_junit_is_xml_with_every_name(inside):
    suite = ElementTree.fromstring(inside(*COMMANDS["classify of many"], "--format", "junit").stdout)[0]
    names = [case.get("name") for case in suite.findall("testcase")]
    assert len(names) == len(set(names)) == 3
    assert all("\\x1b[31m" in name and "\\u202e" in name for name in names)


@pytest.mark.usefixtures("hostile")
def test_a_table_shows_what_it_does_not_obey(inside):
    shown = inside(*COMMANDS["classify"], env={"COLUMNS": "1000"}).stdout
    assert "\\x07\\x08\\x1b[31m\\x7f" in shown
    assert "\\u202e\\u2066\\u2069\\ufeff" in shown


@pytest.mark.parametrize(
    ("form", "name"),
    [("svg", NAME), ("pdf", NAME), ("png", r"$\frac{$"), ("svg", "$x_1^{$"), ("svg", "\u65e5\u672c \U0001f409")],
    ids=ascii,
)
def test_a_picture_takes_any_name(inside, data, tmp_path, form, name):
    """A warning of the drawing library would fail the command here, where warnings are errors."""
    np.savez(tmp_path / f"{name}.npz", W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    picture = tmp_path / f"{name}.{form}"
    done = inside("plot", "surface", f"{name}.npz", "--data", data, "-o", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert picture.stat().st_size > 1000
    if form == "svg":
        assert not set(obeyed(picture.read_text("utf-8"))) - {"\t"}
        ElementTree.parse(picture)


def test_a_title_is_drawn_with_what_the_font_has():
    from lossurf.report.figures.canvas import drawable

    assert drawable("gr\u00f6\u00dfe $x_1$") == "gr\u00f6\u00dfe $x_1$"
    assert drawable("a\x1b\u202e\u65e5\U0001f409") == "a\\x1b\\u202e\\u65e5\\U0001f409"
