"""Change one thing at a time in the files that decide, and print what no test notices.

    nice -n 15 python tests/tools/mutate.py                                   every file below
    nice -n 15 python tests/tools/mutate.py plain rounding --every 3 --seconds 600
    nice -n 15 python tests/tools/mutate.py numerics --lines 90-132

A mutant changes one comparison, constant, sign, operator, condition, or min to max. The tests that concern its file are
run on it in a copy of the repository, the quickest first, until one fails. A mutant that all of them pass is printed:
it changes no answer, or a test is missing. One that never ends is stopped by the processor time that it took, so that a
busy machine makes no mutant look noticed.

Each mutant has a process of its own, forked from one that has imported everything; there the changed module and those
that import it are imported again. The file as it is must pass that way first.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "numerics": ("numerics.py", ("numerics", "norms", "sensitivity", "few_samples", "critical_values", "precision")),
    "sensitivity": ("landscape/sensitivity.py", ("sensitivity", "type_test_edges", "norms", "biases_by_place")),
    "type_test": (
        "landscape/type_test.py",
        ("type_test_edges", "type_test_wide", "wide", "depth", "type_test", "biases_by_place"),
    ),
    "plain": (
        "certificates/plain.py",
        (
            "verification_bounds",
            "verification_edges",
            "verification_stairs",
            "verification_units",
            "verification",
            "decay_certificates",
        ),
    ),
    "claim": (
        "certificates/claim.py",
        (
            "verification_means",
            "verification_bounds",
            "verification_edges",
            "verification_units",
            "verification",
            "certificates_tampered",
            "certificates_honest",
        ),
    ),
    "rounding": (
        "certificates/rounding.py",
        ("verification_rounding", "verification_units", "verification", "certificates_tampered"),
    ),
    "levels": (
        "landscape/levels.py",
        ("levels", "eigen_groups", "critical_values", "few_samples", "audit", "precision"),
    ),
    "chain": ("inputs/checkpoints/chain.py", ("chain", "chain_readings", "checkpoint", "autoencoders", "lora")),
}
"""Files under lossurf, and the tests of tests/unit that concern each, the quickest first."""

_OF_TESTS = ("scipy.linalg", "scipy.optimize", "mpmath", "hypothesis", "jsonschema", "_hypothesis_pytestplugin")
"""What tests import beside lossurf, imported once."""

_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")

_BOUNDARY: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPPOSITE: dict[type, type] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}


class Mutant(NamedTuple):
    """A changed module, and where it was changed."""

    line: int
    was: str
    now: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, but for what decides nothing: decorators, annotations and strict=."""
    tree = ast.parse(source)
    for node in _deciding(tree):
        field, others = _others(node)
        was, before = _first(ast.unparse(node)) if others else "", getattr(node, field, None)
        for other in others:
            setattr(node, field, other)
            yield Mutant(node.lineno, was, _first(ast.unparse(node)), ast.unparse(tree))
            setattr(node, field, before)


def _deciding(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("decorator_list", "annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _deciding(child)


def _first(text: str) -> str:
    return text.split("\n", maxsplit=1)[0]


def _others(node: Any) -> tuple[str, list[Any]]:
    """What a node has in one of its fields, and what a mutant has there instead."""
    kind = type(node)
    field, change = _CHANGES.get(kind, ("", lambda _: []))
    return field, change(node)


def _compared(node: ast.Compare) -> list[Any]:
    if len(node.ops) > 1:  # a < b < c: each comparison the other way at its edge
        return [
            [*node.ops[:at], _BOUNDARY[type(op)](), *node.ops[at + 1 :]]
            for at, op in enumerate(node.ops)
            if type(op) in _BOUNDARY
        ]
    return [[table[type(node.ops[0])]()] for table in (_BOUNDARY, _OPPOSITE) if type(node.ops[0]) in table]


def _number(node: ast.Constant) -> list[Any]:
    value = node.value
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    return sorted({2.0 * value, 1.0} - {value}) if isinstance(value, float) else []


def _either(_: ast.AST) -> list[Any]:
    return [ast.Constant(False), ast.Constant(True)]


_CHANGES: dict[type, tuple[str, Callable[[Any], list[Any]]]] = {
    ast.Compare: ("ops", _compared),
    ast.BinOp: ("op", lambda node: [_OPERATORS[type(node.op)]()] if type(node.op) in _OPERATORS else []),
    ast.BoolOp: ("op", lambda node: [ast.And() if isinstance(node.op, ast.Or) else ast.Or()]),
    ast.UnaryOp: ("op", lambda node: [ast.UAdd()] if isinstance(node.op, ast.USub) else []),
    ast.Name: ("id", lambda node: [_EXTREMES[node.id]] if node.id in _EXTREMES else []),
    ast.Attribute: ("attr", lambda node: [_EXTREMES[node.attr]] if node.attr in _EXTREMES else []),
    ast.Constant: ("value", _number),
    ast.If: ("test", _either),
    ast.IfExp: ("test", _either),
}


def survives(mutant: Mutant, path: Path, trial: Trial) -> bool:
    """Whether every test passes on a mutant."""
    sound = path.read_text("utf-8")
    path.write_text(mutant.source, "utf-8")
    try:
        return trial.passes()
    finally:
        path.write_text(sound, "utf-8")


class Trial(NamedTuple):
    """Tests of a copy of the repository, the modules they must import again, and the processor time they have."""

    where: Path
    tests: list[str]
    again: set[str]
    seconds: int

    def passes(self) -> bool:
        """Whether every test passes on the files as they are on the disk, in a process of its own."""
        child = os.fork()
        if not child:
            self._run()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def _run(self) -> NoReturn:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (self.seconds, self.seconds))
            os.chdir(self.where)
            _forget(self.again)
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
            # one file after the other, so that what the first notices waits for no import of the others
            codes = (int(pytest.main([*_OPTIONS, test])) for test in self.tests)
            code = next((found for found in codes if found), 0)
        finally:
            os._exit(code)


def _forget(modules: set[str]) -> None:
    for name in modules & sys.modules.keys():
        above, _, last = name.rpartition(".")
        del sys.modules[name]
        with contextlib.suppress(KeyError, AttributeError):
            delattr(sys.modules[above], last)


def importing(path: Path, package: Path) -> set[str]:
    """Return a module of a package, and every one there that imports it at its own import."""
    imports = {_name(file, package): set(_imported(file)) for file in package.rglob("*.py")}
    found: set[str] = set()
    more = {_name(path, package)}
    while more:
        found |= more
        more = {name for name, taken in imports.items() if taken & found} - found
    return found


def _name(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(file: Path) -> Iterator[str]:
    """Modules that a file imports when it is imported, and the names that it takes from packages."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def copied(directory: Path) -> Path:
    """Copy what the tests read."""
    where = directory / "repository"
    leave = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT, where, ignore=leave)
    return where


def import_everything(where: Path) -> None:
    """Import what tests import, lossurf from a copy of the repository."""
    sys.path[:0] = [str(where), *(str(where / folder) for folder in ("tests", "tests/tools", "tests/faults"))]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import forked

    forked.import_everything(_OF_TESTS)


def main() -> None:
    """Print the survivors of the files that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", choices=[*FILES, []], metavar="FILE", help=", ".join(FILES))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one mutant of N")
    parser.add_argument("--lines", type=_lines, default=(1, 10**9), metavar="A-B", help="those of these lines")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after that time")
    parser.add_argument("--limit", type=int, default=200, metavar="SECONDS", help="processor time of one mutant")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = directory  # for as many runs pytest would tidy up those of others
        where = copied(Path(directory))
        import_everything(where)
        for name in options.files or FILES:
            print(_attack(name, where, options, end), flush=True)


def _lines(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _attack(name: str, where: Path, options: argparse.Namespace, end: float) -> str:
    file, names = FILES[name]
    path, tests = where / "lossurf" / file, [f"tests/unit/test_{test}.py" for test in names]
    sys.dont_write_bytecode = False  # of the tests, for the mutants
    trial = Trial(where, tests, importing(path, where / "lossurf"), options.limit)
    if not trial.passes():
        return f"{file}: its tests fail on the file as it is"
    for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
        stale.unlink()
    sys.dont_write_bytecode = True
    first, last = options.lines
    made = [one for one in sorted(mutants(path.read_text("utf-8"))) if first <= one.line <= last][:: options.every]
    tried = alive = 0
    for mutant in made:
        if time.monotonic() > end:
            break
        tried += 1
        if survives(mutant, path, trial):
            alive += 1
            print(f"{file}:{mutant.line}: {mutant.was}  ->  {mutant.now}", flush=True)
    return f"{file}: {tried} of {len(made)} mutants tried, {alive} passed every test"


if __name__ == "__main__":
    main()
