"""Data go one way through the rooms of the package; the imports, read from the source, show it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from process import ROOT

PACKAGE = ROOT / "lossurf"

# What each room may import. A room may always import itself, and a room within a room is one of its own.
_BASE = {
    "cores",
    "errors",
    "heap",
    "words",
    "fields",
    "sizes",
    "numerics",
    "decompositions",
    "signals",
    "output",
    "_version",
}
_DATA = {"inputs", "inputs/tables", "inputs/checkpoints", "reduction", "adjusting", "adjustments", "data", "network"}
_DATA |= {"spectral"}
_LINEAR = {"theory", "landscape"}
_ANALYSIS = _LINEAR | {
    "landscape/lemmas",
    "landscape/points",
    "landscape/views",
    "losses",
    "regularised",
    "tied",
    "nonlinear/relu",
    "nonlinear/spurious",
    "certificates",
}
ALLOWED = {
    "_version": set(),
    "cores": set(),
    "heap": set(),
    "errors": set(),
    "words": set(),
    "fields": set(),
    "sizes": {"errors"},
    "output": {"errors", "signals"},
    "signals": set(),
    "numerics": {"errors", "words"},
    "decompositions": {"numerics"},
    "inputs": _BASE,
    "inputs/tables": _BASE | {"inputs"},
    "inputs/checkpoints": _BASE | {"inputs"},
    "reduction": _BASE,
    "adjustments": _BASE | {"inputs", "inputs/tables", "inputs/checkpoints", "reduction"},
    "adjusting": _BASE | {"inputs", "inputs/tables", "inputs/checkpoints", "adjustments"},
    "data": _BASE | {"inputs", "inputs/tables", "inputs/checkpoints", "reduction", "adjusting", "adjustments"},
    "spectral": {"numerics", "decompositions"},
    "network": _BASE | {"reduction", "spectral"},
    "theory": _BASE | _DATA,
    "certificates": _BASE | {"inputs"},  # nothing of the analysis that writes what is checked there
    "landscape": _BASE | _DATA | {"theory"},
    "landscape/lemmas": _BASE | _DATA | _LINEAR,
    "landscape/points": _BASE | _DATA | _LINEAR | {"landscape/lemmas"},
    "landscape/views": _BASE | _DATA | _LINEAR | {"landscape/points"},
    "losses": _BASE | _DATA | _LINEAR,
    "regularised": _BASE | _DATA | _LINEAR | {"landscape/points", "landscape/views"},
    "tied": _BASE | _DATA | _LINEAR,
    "nonlinear": set(),
    "nonlinear/relu": _BASE | _DATA | _LINEAR,
    "nonlinear/spurious": _BASE | _DATA | _LINEAR,
    "report": _BASE | {"theory"},  # it reads documents, and explains what stands in them
    "api": _BASE | _DATA | _ANALYSIS | {"report"},
    "callbacks": _BASE | _DATA | _ANALYSIS | {"report", "api"},
    "cli": {"_version", "errors", "words", "output", "api", "report"},  # and the reader of the configuration file
    "__init__": {"_version", "errors", "data", "inputs/checkpoints", "api"} | _ANALYSIS,
    "__main__": {"cli", "signals"},
}
CONFIGURATION = ("cli", "lossurf.inputs.config")
ONLY_IN = {"click": {"cli"}, "rich": {"report"}, "yaml": {"inputs"}, "matplotlib": {"report"}}


def room_of(path: Path) -> str:
    return room_at([part.removesuffix(".py") for part in path.relative_to(PACKAGE).parts])


def room_at(parts: list[str]) -> str:
    """The innermost room of a module."""
    inner = "/".join(parts[:2])
    return inner if inner in ALLOWED else parts[0]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module with its line, wherever in the file it is."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            base = node.module or ""
            if base == "lossurf":
                yield from ((f"lossurf.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield base, node.lineno


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_knows_only_the_rooms_below_it(path):
    room = room_of(path)
    assert room in ALLOWED, f"a new room {room}: say here what it may import"
    for module, line in imports(path):
        top, *rest = module.split(".")
        if top == "lossurf" and rest and (rest[0] in ALLOWED):
            other = room_at(rest)
            allowed = other == room or other in ALLOWED[room] or (room, module) == CONFIGURATION
            assert allowed, f"{path}:{line}: {room} imports {module}"
        assert room in ONLY_IN.get(top, {room}), f"{path}:{line}: {module} belongs in {ONLY_IN[top]}"


LIGHT_ROOMS = {"cli", "__init__", "__main__", "errors", "words", "signals", "_version"}
LIGHT = [path for path in FILES if room_of(path) in LIGHT_ROOMS]


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_imports_stay_inside_functions_on_the_way_to_help(path):
    for node in ast.parse(path.read_text("utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & {"numpy", "scipy", "rich", "yaml"}, f"{path}:{node.lineno}"


def test_a_room_within_a_room_is_told_apart():
    assert room_at(["landscape", "points", "escape"]) == "landscape/points"
    assert room_at(["landscape", "classify"]) == "landscape"
    assert room_at(["report", "pages", "check"]) == "report"


def test_the_reader_of_imports_sees_those_inside_functions(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def f():\n    import scipy.linalg\n    from lossurf import api\n")
    assert [name for name, _ in imports(path)] == ["scipy.linalg", "lossurf.api"]
