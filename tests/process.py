"""Processes as the tests start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import forked

ROOT = Path(__file__).resolve().parent.parent


def clean_environment(**changes: str) -> dict[str, str]:
    """The caller's environment without what changes lossurf's output, with this repository importable.

    Linear algebra has one thread: a second, beside other tests, mostly waits for a processor, and takes one to wait.
    Malloc has its own ways: dask, once a test has started a worker, leaves others behind for every process to come.
    """
    hidden = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_STEP_SUMMARY")
    changing = ("LOSSURF_", "MALLOC_")
    kept = {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith(changing)}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**kept, "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", **changes}


def python(*args: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, **options: object):
    """Run the interpreter of the tests, text in, text out; documents it prints are held against their schemas."""
    from schemas import check_output

    env = env or {}
    if args[:2] == ("-m", "lossurf") and options.keys() <= {"input"} and forked.may_fork(env):
        line, variables = [str(arg) for arg in args[2:]], clean_environment(**env)
        done = forked.run(line, cwd=str(cwd or Path.cwd()), env=variables, text=options.get("input"))
        check_output(done.stdout)
        return done
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=clean_environment(**env),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        **options,
    )
    check_output(done.stdout)
    return done


def shell_words(error: BaseException) -> str:
    """What the command line says of an error: in Python its options read as arguments."""
    return f"{error.what} ({error.where}); {error.remedy}"
