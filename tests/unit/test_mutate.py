"""The mutants that tests/tools/mutate.py makes, and that each file it changes and each test it runs is there."""

from __future__ import annotations

import ast

import pytest
from mutate import FILES, ROOT, importing, mutants

SOURCE = """
def decide(value, bound):
    if value <= bound:
        return -min(value, 2.0 * bound) + 1
    return 0.5 < value < bound and not True
"""


def test_each_mutant_changes_one_thing():
    made = list(mutants(SOURCE))
    assert len({mutant.source for mutant in made}) == len(made)
    assert ast.unparse(ast.parse(SOURCE)) not in {mutant.source for mutant in made}
    changes = {(mutant.was, mutant.now) for mutant in made}
    assert {
        ("value <= bound", "value < bound"),
        ("value <= bound", "value > bound"),
        ("if value <= bound:", "if False:"),
        ("min", "max"),
        ("2.0 * bound", "2.0 / bound"),
        ("2.0", "4.0"),
        ("2.0", "1.0"),
        ("1", "2"),
        ("0.5 < value < bound", "0.5 <= value < bound"),
        ("0.5 < value < bound", "0.5 < value <= bound"),
        ("0.5 < value < bound and (not True)", "0.5 < value < bound or not True"),
        ("True", "False"),
    } <= changes
    assert all(mutant.line in {3, 4, 5} for mutant in made)


@pytest.mark.parametrize("name", FILES)
def test_files_and_their_tests_are_there(name):
    file, tests = FILES[name]
    assert next(mutants((ROOT / "lossurf" / file).read_text("utf-8")))
    assert all((ROOT / "tests" / "unit" / f"test_{test}.py").is_file() for test in tests)


def test_what_decides_nothing_is_left_alone():
    source = """
@dataclass(frozen=True)
class A:
    size: Annotated[int, limited(minimum=0)]

    @cache
    def b(self, c: Literal[1]) -> Literal[2]:
        return zip(self, c, strict=True)
"""
    assert list(mutants(source)) == []


def test_a_module_is_imported_again_with_all_that_imports_it():
    found = importing(ROOT / "lossurf" / "certificates" / "claim.py", ROOT / "lossurf")
    assert {f"lossurf.certificates.{name}" for name in ("claim", "verify", "minimum", "index")} <= found
    assert "lossurf.api.verify" in found
    assert not found & {"lossurf.certificates.rounding", "lossurf.numerics", "lossurf.landscape.levels"}
