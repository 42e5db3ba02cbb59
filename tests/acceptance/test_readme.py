"""The README cannot drift: what it shows is run from the repository's root and compared, word by word."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
import readme
from process import ROOT

TEXT = readme.README.read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
CONSOLE = readme.fenced(TEXT, "console")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return readme.clone(tmp_path_factory.mktemp("readme") / "clone")


@pytest.mark.parametrize("block", CONSOLE, ids=[block.splitlines()[0][2:62] for block in CONSOLE])
def test_a_console_block_shows_what_its_commands_print(block: str, clone: Path) -> None:
    now = readme.with_outputs(block, clone)
    assert readme.alike(block, now), now


def test_the_comparison_sees_another_word_number_or_line() -> None:
    assert readme.alike("a  1.00000 x\n──\n1e-16", "a 1.000001 x\n───\n3.2e-15 ")
    assert not readme.alike("a 1.0", "a 1.001")
    assert not readme.alike("holds", "fails")
    assert not readme.alike("a", "a b")


@pytest.mark.parametrize("command", ["check", "classify"])
def test_both_main_commands_are_shown(command: str) -> None:
    assert any(block.startswith(f"$ lossurf {command} ") for block in CONSOLE)


def test_python_sessions_print_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sessions = readme.fenced(TEXT, "pycon")
    assert sessions
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for number, session in enumerate(sessions, start=1):
        told: list[str] = []
        runner.run(parser.get_doctest(session, {}, f"session {number}", "README.md", 0), out=told.append)
        assert told == []


def test_the_settings_in_toml_are_those_in_yaml(clone: Path) -> None:
    (settings,) = readme.fenced(TEXT, "toml")
    (clone / "pyproject.toml").write_text(settings, "utf-8")
    (printed,) = readme.printed(["lossurf classify --quiet\n"], clone)
    (clone / "pyproject.toml").unlink()
    assert printed == "2 checkpoints: 2 global-minimum.\n"


def test_the_first_command_reports_on_the_sample_data(clone: Path) -> None:
    start = readme.fenced(TEXT, "sh")[0]
    assert start.startswith("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/lossurf check ")
    main_job = start.split(" && ", 2)[2].replace(".venv/bin/", "")
    report, code = readme.printed([main_job, "echo $?\n"], clone)
    assert code == "0\n"
    assert "global-minimum" in report


def test_ci_installs_and_tests_as_the_readme_says() -> None:
    install, test = (part.strip() for part in readme.fenced(TEXT, "sh")[1].replace(".venv/bin/", "").split(" && "))
    assert install == "pip install -e '.[dev]'"
    assert "-e '.[dev]'" in CI
    assert test in CI
