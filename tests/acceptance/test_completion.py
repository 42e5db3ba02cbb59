"""Completion: bash asks in a shell; for zsh and fish the protocol that their scripts speak is checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from process import clean_environment, python

VERDICTS = {
    "global-minimum",
    "strict-saddle",
    "bad-saddle",
    "not-critical",
    "undetermined",
    "local-minimum",
    "degenerate",
}


@pytest.fixture
def bin_path(tmp_path: Path) -> str:
    """A PATH on which `lossurf` is this one."""
    script = tmp_path / "bin" / "lossurf"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m lossurf "$@"\n')
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"


def bash(line: str, path: str, cwd: Path) -> list[str]:
    """What bash offers after the words of a line."""
    words = line.split(" ")
    script = f"""
        eval "$(_LOSSURF_COMPLETE=bash_source lossurf)"
        complete -p lossurf >/dev/null || exit 9
        COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
        compopt() {{ echo "compopt $1 $2"; }}
        _lossurf_completion lossurf "${{COMP_WORDS[-1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=cwd, env=clean_environment(PATH=path), capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.strip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lossurf ch", {"check"}),
        ("lossurf check --form", {"--format"}),
        ("lossurf check --format js", {"json", "jsonl"}),
        ("lossurf classify x.npz --expect ", VERDICTS),
        ("lossurf schema classi", {"classify", "classify-line"}),
        ("lossurf explain bad", {"bad-saddle"}),
        ("lossurf explain xx", {"xxt-full-rank"}),
    ],
)
def test_bash_completes_commands_options_and_choices(bin_path, tmp_path, line, offered):
    assert set(bash(line, bin_path, tmp_path)) == offered


@pytest.mark.parametrize(
    "line", ["lossurf check ", "lossurf classify ", "lossurf classify a --data ", "lossurf check -o "]
)
def test_bash_completes_file_names_where_files_belong(bin_path, tmp_path, line):
    assert any(word == "compopt -o default" for word in bash(line, bin_path, tmp_path))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_and_answers(shell):
    source = python("-m", "lossurf", env={"_LOSSURF_COMPLETE": f"{shell}_source"})
    assert source.returncode == 0
    assert f"_LOSSURF_COMPLETE={shell}_complete" in source.stdout
    words = {"zsh": {"COMP_WORDS": "lossurf check --format js", "COMP_CWORD": "3"}}
    words["fish"] = {"COMP_WORDS": "lossurf check --format js", "COMP_CWORD": "js"}
    answers = python("-m", "lossurf", env={"_LOSSURF_COMPLETE": f"{shell}_complete", **words[shell]})
    assert {"json", "jsonl"} <= set(answers.stdout.replace(",", "\n").split())


def test_completing_reads_no_configuration_and_imports_no_numpy(tmp_path):
    (tmp_path / "lossurf.yaml").write_text("{broken")
    code = "import sys, lossurf.cli as c\ntry: c.main([])\nfinally: print(*sys.modules, file=sys.stderr)"
    env = {"_LOSSURF_COMPLETE": "bash_complete", "COMP_WORDS": "lossurf classify --exp", "COMP_CWORD": "2"}
    done = python("-c", code, cwd=tmp_path, env=env)
    assert done.stdout.split() == ["plain,--expect"]
    assert not {"numpy", "rich", "yaml"} & set(done.stderr.split())
