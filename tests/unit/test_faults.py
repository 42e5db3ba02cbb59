"""The catalogue of failures and the code that raises them, held against each other by reading the source."""

from __future__ import annotations

import ast
from functools import cache
from string import Formatter

from process import ROOT

from lossurf.inputs.faults import FAULTS, count, hint, listing, place
from lossurf.sizes import size_text


@cache
def raised():
    """Every fault("identifier", field=...) of the package: identifier, fields given, place."""
    found = []
    for path in sorted((ROOT / "lossurf").rglob("*.py")):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if "fault" in source else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fault":
                assert node.args, f"{path}:{node.lineno}"
                names = [n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant) and n.value in FAULTS]
                fields = {keyword.arg for keyword in node.keywords}
                found.append((names, fields, node.args[0], f"{path.name}:{node.lineno}"))
    return found


def test_every_failure_is_in_the_catalogue_with_its_fields():
    assert len(raised()) > 80
    for names, fields, argument, spot in raised():
        if not names:  # an identifier looked up in a table, whose values the next test finds
            assert not isinstance(argument, ast.Constant), f"{spot}: {ast.unparse(argument)} is not in the catalogue"
        for name in names:
            wanted = {field for text in FAULTS[name] for _, field, _, _ in Formatter().parse(text) if field}
            assert wanted <= fields, f"{spot}: {name} needs {wanted - fields}"


def test_every_entry_is_used_and_says_what_and_what_next():
    sources = [path.read_text("utf-8") for path in (ROOT / "lossurf").rglob("*.py") if path.name != "faults.py"]
    for name, (what, remedy) in FAULTS.items():
        assert any(f'"{name}"' in source for source in sources), f"nothing raises {name}"
        assert what
        assert remedy
        assert not what.endswith(".")
        assert "\n" not in what + remedy


def test_words_of_messages():
    assert place("X.csv", line=3, column="2 (age)", row=None) == "X.csv, line 3, column 2 (age)"
    assert hint("tolerence", ["format", "tolerance"]) == "did you mean 'tolerance'? "
    assert hint("x.npy", ["X.npy"]) == "did you mean 'X.npy'? "
    assert hint("something", ["else"]) == ""
    assert listing([]) == "nothing"
    assert listing(range(10), most=2) == "0, 1, ... (10 in all)"
    assert [size_text(size) for size in (100, 1536, 3 << 30, 1 << 60)] == [
        "100 bytes",
        "1.5 KiB",
        "3 GiB",
        "1.02e+03 PiB",
    ]
    assert [count(1, "cell"), count(0, "cell")] == ["1 cell", "0 cells"]
