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


def modules_after(*args: str) -> set[str]:
    done = python("-c", _LIST.format(args=list(args)))
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize("args", [("--help",), ("check", "--help"), ("--version",)])
def test_help_is_light(args):
    assert not modules_after(*args) & {"numpy", "rich", "scipy", "yaml"}


def test_a_small_check_needs_no_scipy(data):
    assert "scipy" not in modules_after("check", str(data))


def test_a_check_needs_nothing_that_reads_networks(data):
    done = python("-c", _LIST.format(args=["check", str(data)]))
    assert done.returncode in (0, 1), done.stderr
    loaded = done.stderr.splitlines()[-1].split()
    assert [name for name in loaded if name.startswith(("lossurf.inputs.checkpoints", "lossurf.landscape"))] == []


def test_json_needs_no_rich(data):
    assert "rich" not in modules_after("check", str(data), "--format", "json")
