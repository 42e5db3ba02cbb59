"""`lossurf --help`, completion and a command's help import neither numpy nor rich; small checks need no scipy."""

from __future__ import annotations

import pytest
from process import python

_LIST = """
import sys
from lossurf.cli import group
group.main({args!r}, standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def loaded_by(*args: str) -> set[str]:
    done = python("-c", _LIST.format(args=list(args)))
    assert done.returncode in (0, 1), done.stderr
    return set(done.stderr.splitlines()[-1].split())


def modules_after(*args: str) -> set[str]:
    return {name.split(".")[0] for name in loaded_by(*args)}


def of_lossurf(names: set[str]) -> set[str]:
    return {name.removeprefix("lossurf").lstrip(".") for name in names if name.split(".")[0] == "lossurf"}


def test_help_needs_click_and_a_handful_of_modules():
    """Whatever else is imported at the top of one of these is imported by every command's help and every completion."""
    loaded = loaded_by("--help")
    of_cli = {f"cli.{name}" for name in ("boundary", "command", "group", "headings", "streams", "terminal")}
    assert of_lossurf(loaded) == {"", "_version", "cli", "errors", *of_cli}
    assert not loaded & {"dataclasses", "pathlib", "shutil", "traceback", "json"}


@pytest.mark.parametrize("args", [("--help",), ("check", "--help"), ("--version",)])
def test_help_is_light(args):
    assert not modules_after(*args) & {"numpy", "rich", "scipy", "yaml"}


def test_a_small_check_needs_no_scipy(data):
    assert "scipy" not in modules_after("check", str(data))


_NOT_OF_DATA = ("inputs.checkpoints", "landscape", "network", "certificates", "tied", "nonlinear", "callbacks")
_OF_RESULTS = {"losses", "losses.facts", "regularised", "regularised.study", "regularised.verdict"}
_MOST_MODULES = 107  # each takes a quarter of a millisecond of a start, a frozen dataclass in it twice as much


def test_a_check_needs_what_it_does_and_no_more(data):
    loaded = of_lossurf(loaded_by("check", str(data)))
    assert [name for name in loaded if name.startswith(_NOT_OF_DATA)] == []
    assert {name for name in loaded if name.startswith(("losses", "regularised"))} <= _OF_RESULTS
    assert not {name for name in loaded if name.endswith("_texts")}  # `data` are ones on which the theory speaks
    assert len(loaded) <= _MOST_MODULES


def test_json_needs_no_rich(data):
    assert "rich" not in modules_after("check", str(data), "--format", "json")
