"""The manual's snippets for CI are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import readme
import yaml
from process import clean_environment

TEXT = (readme.MANUAL / "ci.md").read_text("utf-8")
YAML = {block.splitlines()[0].removeprefix("# "): block for block in readme.fenced(TEXT, "yaml")}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return readme.clone(tmp_path / "clone")


def run(command: str, clone: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=clone,
        env=clean_environment(PATH=path, **env),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_workflow_runs_and_writes_the_summary(clone):
    workflow = yaml.safe_load(YAML[".github/workflows/landscape.yml"])
    steps = [step["run"] for step in workflow["jobs"]["landscape"]["steps"] if "run" in step]
    assert steps[0] == "pip install lossurf"  # what the clone's bin/lossurf stands for
    summary = clone / "summary.md"
    for step in steps[1:]:
        done = run(step, clone, GITHUB_STEP_SUMMARY=str(summary))
        assert (done.returncode, done.stderr) == (0, ""), step
        assert all(line.startswith("::notice ") for line in done.stdout.splitlines())
    assert summary.read_text("utf-8").count("## lossurf ") == 2


def test_the_workflow_fails_where_a_checkpoint_is_no_minimum(clone):
    last = yaml.safe_load(YAML[".github/workflows/landscape.yml"])["jobs"]["landscape"]["steps"][-1]["run"]
    done = run(last.replace("trained-*", "bad-saddle"), clone)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=sample_data/wine/checkpoints/bad-saddle.npz,")


@pytest.mark.parametrize(("changed", "code"), [("trained-*.npz", 0), ("*-saddle.npz", 1)])
def test_the_hook_judges_the_files_that_a_commit_changes(clone, changed, code):
    (hook,) = yaml.safe_load(YAML[".pre-commit-config.yaml"])["repos"][0]["hooks"]
    files = sorted(str(path.relative_to(clone)) for path in clone.glob(f"sample_data/wine/checkpoints/{changed}"))
    assert [bool(re.search(hook["files"], file)) for file in files] == [code == 0] * len(files)
    assert run(f"{hook['entry']} {' '.join(files)}", clone).returncode == code


def test_the_make_target_runs(clone):
    (block,) = readme.fenced(TEXT, "make")
    (clone / "Makefile").write_text(block, "utf-8")
    done = run("make landscape", clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 checkpoints: 2 global-minimum." in done.stdout


def test_the_readme_shows_the_same_workflow():
    (block,) = readme.fenced(readme.README.read_text("utf-8"), "yaml")
    assert block == YAML[".github/workflows/landscape.yml"]
