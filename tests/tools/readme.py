"""Code blocks of the README and the manual, and what their commands print: as a program it writes the outputs again."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import forked
from process import ROOT, clean_environment

README = ROOT / "README.md"
MANUAL = ROOT / "lossurf" / "manual"
TEXTS = (README, *sorted(MANUAL.glob("*.md")))
_MARK = "-- next command --"


def fenced(text: str, language: str) -> list[str]:
    """Contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> list[tuple[str, str]]:
    """Pairs of a command after `$ `, with the lines it goes on over, and what is shown below it."""
    shown: list[tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            shown.append((line[2:], ""))
        elif shown[-1][0].endswith("\\\n"):
            shown[-1] = (shown[-1][0] + line, "")
        else:
            shown[-1] = (shown[-1][0], shown[-1][1] + line)
    return shown


def clone(directory: Path, *, anew: bool = False) -> Path:
    """Copy what the README's commands read, so that they may write beside it, and put `lossurf` in its bin/."""
    shutil.copytree(ROOT / "sample_data", directory / "sample_data")
    return launcher(directory, anew=anew)


def launcher(directory: Path, *, anew: bool = False) -> Path:
    """Put `lossurf` in the bin/ of a directory, where `printed` looks for it: forked, or started `anew` each time."""
    program = directory / "bin" / "lossurf"
    program.parent.mkdir()
    lines = [f'exec "{sys.executable}" -m lossurf "$@"']
    if not anew and forked.may_fork({}):
        run = f'exec "{sys.executable}" -I -S "{ROOT / "tests" / "forked_program.py"}" "{forked.address()}" "$@"'
        lines.insert(
            0, f'[ "$LC_ALL" != "{clean_environment()["LC_ALL"]}" ] || {run}'
        )  # without it Python sets LC_CTYPE
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    program.chmod(0o755)
    return directory


def printed(commands: list[str], clone: Path) -> list[str]:
    """Run the commands in one shell, as a reader would type them, and return what each printed."""
    script = "".join(f"{command}s=$?; echo '{_MARK}'; (exit $s)\n" for command in commands)
    path = os.pathsep.join([str(clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=clone,
        env=clean_environment(PATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
    )
    return done.stdout.split(f"{_MARK}\n")[:-1]


def with_outputs(block: str, clone: Path) -> str:
    """Return a console block with what its commands print now."""
    commands = [command for command, _ in commands_of(block)]
    outputs = printed(commands, clone)
    assert len(outputs) == len(commands), f"the shell stopped after {outputs}"
    pairs = zip(commands, outputs, strict=True)
    return "".join(f"$ {command}{_without_trailing_space(output)}" for command, output in pairs)


def _without_trailing_space(output: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in output.rstrip().splitlines())


def alike(shown: str, now: str) -> bool:
    """Whether two outputs say the same on any machine.

    Processors round differently: numbers may differ from the sixth digit on, those that are rounding errors altogether,
    margins that count such errors from the third digit on, and the width of a column with them.
    """
    pairs = list(zip_longest(shown.split(), now.split(), fillvalue=""))
    return all(_same_word(a.strip("[]<>%,;:."), b.strip("[]<>%,;:.")) for a, b in pairs)


def _same_word(a: str, b: str) -> bool:
    if a == b or (a and b and not (a + b).strip("─")):
        return True
    try:
        first, second = float(a), float(b)
        return math.isclose(first, second, rel_tol=2e-5 if abs(first) < 1e10 else 1e-2, abs_tol=1e-8)
    except ValueError:
        return False


def update(path: Path) -> None:
    """Write a text again with the outputs of today where they say something else."""
    text = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        where = clone(Path(directory))
        for block in fenced(text, "console"):
            now = with_outputs(block, where)
            if not alike(block, now):
                text = text.replace(f"```console\n{block}```", f"```console\n{now}```")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in TEXTS:
        update(name)
