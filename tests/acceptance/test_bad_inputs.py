"""Bad input ends with exit code 2 and two or three lines on standard error: what, where, and the next step.

Every case runs under 2 GiB of address space; all in one process, and some again as the command a user types.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from bad_inputs import ADDRESS_SPACE, CASES, SECONDS, sound
from process import python

PROCESSES = [
    "no such directory",
    "pipe",
    "device",
    "objects",
    "NaN",
    "header promises a terabyte",
    "missing cell",
    "zip bomb",
    "Feather bomb",
    "numbers in another HDF5 file",  # HDF5 itself ended with a crash
    "terabyte of weights",
    "empty standard input",
    "convolution",
    "billion laughs",
    "environment",
    "unknown option",
]


@pytest.fixture(scope="module")
def outcomes():
    # under a limit of address space, of which every thread's stack and arena takes a share
    few = {"OPENBLAS_NUM_THREADS": "1", "ARROW_IO_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    done = python("-W", "error", Path(__file__).with_name("bad_inputs.py"), env=few)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def judge(case, code, out, err):
    assert "Traceback" not in err
    assert "Warning" not in err
    assert code == 2, err
    assert out == ""
    lines = err.splitlines()
    assert 2 <= len(lines) <= 3, err
    assert lines[0].startswith("lossurf: error: ")
    assert lines[-1].startswith("  next: ")
    for part in case.parts:
        assert part in err


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(outcomes, name):
    outcome = outcomes[name]
    judge(CASES[name], outcome["code"], outcome["out"], outcome["err"])
    assert outcome["seconds"] < SECONDS
    assert not outcome["written"]


@pytest.mark.parametrize("name", PROCESSES)
def test_bad_input_is_refused_by_the_command(tmp_path, name):
    case = CASES[name]
    sound(tmp_path)
    case.write(tmp_path)
    done = python(
        "-m",
        "lossurf",
        *case.argv,
        cwd=tmp_path,
        env=dict(case.env),
        input="",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
    )
    judge(case, done.returncode, done.stdout, done.stderr)


def test_what_the_cases_start_from_is_sound(tmp_path, lossurf):
    sound(tmp_path)
    assert lossurf("check", ".").returncode in (0, 1)
    done = lossurf("classify", "w.npz", "--data", ".")
    assert done.returncode == 0, done.stderr


def test_there_are_many_cases():
    assert len(CASES) >= 100
