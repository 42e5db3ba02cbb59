"""One process for every exit code; standard output holds the report only."""

from __future__ import annotations

from pathlib import Path

import pytest
from process import python

_BROKEN = """
import lossurf.api.check, os, signal, sys
from lossurf.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background inherits it ignored
def broken(*args, **kwargs): {action}
lossurf.api.check.check = broken
main(["check", sys.argv[1], *sys.argv[2:]])
"""


def run_broken(action: str, *args: str | Path):
    return python("-c", _BROKEN.format(action=action), *args)


def test_0_when_every_hypothesis_holds(lossurf, data):
    done = lossurf("check", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every hypothesis holds" in done.stdout


def test_1_when_a_hypothesis_fails(lossurf, tied_data):
    done = lossurf("check", tied_data)
    assert (done.returncode, done.stderr) == (1, "")
    assert "distinct-eigenvalues fail" in done.stdout


def test_2_for_a_mistyped_option(lossurf, data):
    done = lossurf("check", data, "--fromat", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "lossurf: error: no such option --fromat",
        "  where: lossurf check",
        "  next:  did you mean --format?",
    ]


def test_2_for_a_mistyped_command(lossurf):
    done = lossurf("chekc")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'check'?" in done.stderr


def test_2_for_no_command_with_the_help_on_stderr(lossurf):
    done = lossurf()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: lossurf" in done.stderr


@pytest.mark.parametrize(
    ("env", "where"),
    [({"LOSSURF_FORMAT": "tabel"}, "LOSSURF_FORMAT"), ({"LOSSURF_CHECK_FORMAT": "tabel"}, "LOSSURF_CHECK_FORMAT")],
)
def test_2_for_a_bad_variable_names_it_and_the_nearest_choice(lossurf, data, env, where):
    done = lossurf("check", data, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"environment variable {where}" in done.stderr
    assert "did you mean 'table'?" in done.stderr


def test_70_for_a_bug_and_how_to_report_it(data):
    done = run_broken("raise ZeroDivisionError('deep')", data)
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.splitlines()[0] == "lossurf: a bug in lossurf: ZeroDivisionError: deep"
    assert "--traceback" in done.stderr
    assert "Traceback" not in done.stderr


def test_70_for_an_unforeseen_end_of_file_which_click_would_call_an_abort(data):
    assert run_broken("raise EOFError('deep')", data).returncode == 70


def test_traceback_only_when_asked_for(data):
    done = run_broken("raise ZeroDivisionError('deep')", data, "--traceback")
    assert done.returncode == 70
    assert "Traceback (most recent call last)" in done.stderr


def test_130_when_interrupted(data):
    done = run_broken("signal.raise_signal(signal.SIGINT)", data)  # os.kill may reach another thread first
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "lossurf: interrupted"


def test_help_and_version_are_0(lossurf):
    assert lossurf("--help").returncode == 0
    assert lossurf("check", "-h").returncode == 0
    assert lossurf("--version").stdout.startswith("lossurf ")
