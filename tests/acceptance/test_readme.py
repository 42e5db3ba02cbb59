"""README and manual cannot drift: what they show is run from the repository's root and compared, word by word."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import readme
from process import ROOT

TEXT = readme.README.read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
BLOCKS = [(path, block) for path in readme.TEXTS for block in readme.fenced(path.read_text("utf-8"), "console")]
LARGEST = 12_000  # bytes that a reader of the README is asked to read; the rest is the manual


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """One directory for each text: what a block writes, the next one of its text may read."""
    made: dict[Path, Path] = {}

    def clone_for(path: Path) -> Path:
        if path not in made:
            made[path] = readme.clone(tmp_path_factory.mktemp(path.stem) / "clone")
        return made[path]

    return clone_for


@pytest.fixture
def clone(clones: Callable[[Path], Path]) -> Path:
    return clones(readme.README)


@pytest.mark.parametrize(
    ("path", "block"), BLOCKS, ids=[f"{path.stem}: {block.splitlines()[0][2:62]}" for path, block in BLOCKS]
)
def test_a_console_block_shows_what_its_commands_print(path: Path, block: str, clones: Callable[[Path], Path]) -> None:
    now = readme.with_outputs(block, clones(path))
    assert readme.alike(block, now), now


def test_the_readme_is_short_and_says_first_what_it_is_not_for() -> None:
    assert len(TEXT.encode()) <= LARGEST
    assert "linear layers only" in TEXT.splitlines()[4].lower()


@pytest.mark.parametrize("path", readme.TEXTS[1:], ids=lambda path: path.stem)
def test_a_chapter_has_a_title_and_a_summary_of_one_sentence(path: Path) -> None:
    title, empty, summary, below, *_ = path.read_text("utf-8").splitlines()
    assert title.startswith("# ")
    assert (empty, below) == ("", "")
    assert summary.endswith(".")
    assert summary.count(". ") == 0
    assert len(summary) <= 120
    assert max(map(len, prose(path))) <= 130


def prose(path: Path) -> list[str]:
    """The lines of a text outside its blocks, tables and generated parts."""
    text = re.sub(r"^```.*?^```$|<!-- begin.*?<!-- end", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith("|")]


@pytest.mark.parametrize("path", readme.TEXTS, ids=lambda path: path.stem)
def test_files_that_a_text_links_to_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_the_comparison_sees_another_word_number_or_line() -> None:
    assert readme.alike("a  1.00000 x\n──\n1e-16", "a 1.000001 x\n───\n3.2e-15 ")
    assert not readme.alike("a 1.0", "a 1.001")
    assert readme.alike("1.66782e+13", "1.6683e+13")
    assert not readme.alike("1.66782e+13", "1.7e+13")
    assert not readme.alike("holds", "fails")
    assert not readme.alike("a", "a b")


@pytest.mark.parametrize("command", ["check", "classify"])
def test_both_main_commands_are_shown(command: str) -> None:
    assert any(f"$ lossurf {command} " in block for block in readme.fenced(TEXT, "console"))


def test_python_sessions_print_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sessions = [session for path in readme.TEXTS for session in readme.fenced(path.read_text("utf-8"), "pycon")]
    assert len(sessions) >= 2
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for number, session in enumerate(sessions, start=1):
        told: list[str] = []
        runner.run(parser.get_doctest(session, {}, f"session {number}", "README.md", 0), out=told.append)
        assert told == []


def test_the_settings_in_toml_are_those_in_yaml(clone: Path) -> None:
    (settings,) = readme.fenced((readme.MANUAL / "ci.md").read_text("utf-8"), "toml")
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
