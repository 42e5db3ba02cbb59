"""`lossurf ci`: the files are read back by a YAML parser or by their form, and every command in them is run.

Trusted: what the CI systems document of their files, written down here, and the shell that runs the lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import readme
import yaml
from process import clean_environment, python

from lossurf.report.ci_files import Judgement

GOOD = "sample_data/wine/checkpoints/trained-*.npz"
BAD = "sample_data/wine/checkpoints/bad-saddle.npz"
DATA = ("--data", "sample_data/wine")
HOSTILE = 'it\'s "x" $(touch owned) `touch owned`; touch owned #: {a: b} \\ é*.npz'


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return readme.clone(tmp_path_factory.mktemp("ci") / "clone")


def written(system, *arguments):
    done = python("-m", "lossurf", "ci", system, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def run(command, clone):
    path = os.pathsep.join([str(clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=clone,
        env=clean_environment(PATH=path),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def github_commands(text):
    workflow = yaml.safe_load(text)
    assert set(workflow) == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads the key `on` as true
    (job,) = workflow["jobs"].values()
    assert set(job) == {"runs-on", "steps"}
    assert all(set(step) <= {"uses", "with", "run"} and len({"uses", "run"} & set(step)) == 1 for step in job["steps"])
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
    return [step["run"] for step in job["steps"] if "run" in step]


def gitlab_commands(text):
    (job,) = yaml.safe_load(text).values()
    assert set(job) == {"image", "script", "artifacts"}
    assert job["artifacts"] == {"when": "always", "paths": ["lossurf.html"], "reports": {"junit": "lossurf.xml"}}
    assert all(isinstance(line, str) for line in job["script"])
    return job["script"]


def jenkins_commands(text):
    assert text.count("{") == text.count("}")
    assert re.search(r"^pipeline \{", text, re.MULTILINE)
    lines = re.findall(r"^ +sh '((?:[^'\\]|\\.)*)'$", text, re.MULTILINE)
    return [re.sub(r"\\(.)", r"\1", line) for line in lines]


COMMANDS = {"github": github_commands, "gitlab": gitlab_commands, "jenkins": jenkins_commands}


@pytest.mark.parametrize(("pattern", "code"), [(GOOD, 0), (BAD, 1)])
@pytest.mark.parametrize("system", COMMANDS)
def test_the_commands_of_the_file_judge_the_checkpoints(system, pattern, code, clone):
    install, *steps = COMMANDS[system](written(system, pattern, *DATA))
    assert install.endswith("pip install lossurf")  # what the clone's bin/lossurf stands for
    codes = [run(step, clone).returncode for step in steps]
    assert codes[-1] == code
    assert not any(codes[:-1])
    if system != "github":
        assert (clone / "lossurf.html").read_text("utf-8").startswith("<!DOCTYPE html>")
        failures = ElementTree.parse(clone / "lossurf.xml").getroot().get("failures")
        assert (int(failures) > 0) == bool(code)


@pytest.mark.parametrize("system", COMMANDS)
def test_no_name_becomes_a_command_or_another_key(system, clone):
    for step in COMMANDS[system](written(system, HOSTILE, "--data", HOSTILE))[1:]:
        words = shlex.split(step.removesuffix(" || true"))
        assert words[:5] == ["lossurf", "classify", HOSTILE, "--data", HOSTILE]
        assert run(step, clone).returncode in (0, 2)
    assert not (clone / "owned").exists()


@pytest.mark.parametrize(
    ("pattern", "matched", "left"),
    [
        ("runs/*.npz", ["runs/a.npz"], ["runs/x/a.npz", "other/runs/a.npz", "runs/a.npzz"]),
        ("runs/**/*.npz", ["runs/a.npz", "runs/x/y/a.npz"], ["a.npz"]),
        ("./a?[0-9].pt", ["ab1.pt"], ["a1.pt", "abx.pt"]),
        ("a[!0-9].pt", ["ax.pt"], ["a1.pt"]),
        ("a+b.(c).npz", ["a+b.(c).npz"], ["aab.c.npz"]),
    ],
)
def test_the_hook_takes_the_files_that_the_pattern_means(pattern, matched, left):
    (repository,) = yaml.safe_load(written("pre-commit", pattern))["repos"]
    (hook,) = repository["hooks"]
    assert repository["repo"] == "local"
    assert set(hook) == {"id", "name", "language", "additional_dependencies", "entry", "files"}
    assert [name for name in [*matched, *left] if re.search(hook["files"], name)] == matched


def test_the_hook_judges_the_files_that_it_is_given(clone):
    (hook,) = yaml.safe_load(written("pre-commit", GOOD, *DATA))["repos"][0]["hooks"]
    assert run(f"{hook['entry']} {GOOD}", clone).returncode == 0
    assert run(f"{hook['entry']} {BAD}", clone).returncode == 1


def test_an_expression_of_github_is_refused_and_the_file_can_be_written(tmp_path):
    done = python("-m", "lossurf", "ci", "github", "${{ secrets.x }}.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert "expression" in done.stderr
    done = python("-m", "lossurf", "ci", "gitlab", GOOD, "-o", tmp_path / "ci.yml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "ci.yml").read_text("utf-8") == written("gitlab", GOOD)


def test_several_verdicts_and_patterns_are_taken():
    steps = github_commands(written("github", "a.npz", "b.npz", "--expect", "bad-saddle", "--expect", "strict-saddle"))
    assert (
        steps[1]
        == "lossurf classify a.npz b.npz --data data --expect bad-saddle --expect strict-saddle --format github"
    )


def endings_with_extras():
    """What the manual's tables of formats say, a pair for each ending."""
    for chapter in ("checkpoints", "data"):
        text = (Path(__file__).parents[2] / "lossurf" / "manual" / f"{chapter}.md").read_text()
        for endings, extra in re.findall(r"^\| `(\.[^`]+)` \| (?:`(\w+)`)? ?\|", text, re.MULTILINE):
            yield from ((ending, extra) for ending in endings.split(", ") if " " not in ending)


def test_the_files_install_the_extras_that_read_what_they_judge():
    pairs = dict(endings_with_extras())
    assert len(pairs) > 15
    for ending, extra in pairs.items():
        for job in (Judgement((f"runs/*{ending}", "a.npz"), "data", ()), Judgement(("a.npz",), f"d{ending}", ())):
            assert job.package == (f"lossurf[{extra}]" if extra else "lossurf"), ending
    asked = ("runs/*.pt", "--data", "d.parquet")
    for system, commands in COMMANDS.items():
        install = next(line for line in commands(written(system, *asked)) if "install" in line)
        assert shlex.split(install)[-1] == "lossurf[torch,arrow]"
    (hook,) = yaml.safe_load(written("pre-commit", *asked))["repos"][0]["hooks"]
    assert hook["additional_dependencies"] == ["lossurf[torch,arrow]"]
