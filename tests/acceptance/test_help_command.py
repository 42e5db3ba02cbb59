"""The manual on the command line, and what its chapter on security says held against the code.

Trusted channel: the source of the package, read as text, and the constants of the readers.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.resources import files

import click
import pytest
from process import ROOT, clean_environment

from lossurf.certificates import stored
from lossurf.cli.chapters import CHAPTERS
from lossurf.cli.help import _complete_topic, command
from lossurf.errors import UsageError
from lossurf.inputs import archives, config
from lossurf.inputs.checkpoints import assemble, readers
from lossurf.report.manual import chapter, chapters, draw_chapter
from lossurf.report.render import Style

SOURCE = {path.relative_to(ROOT / "lossurf").as_posix(): path.read_text() for path in (ROOT / "lossurf").rglob("*.py")}
SECURITY = (ROOT / "lossurf" / "manual" / "security.md").read_text()


def test_the_chapters_are_listed_with_a_line_each(lossurf):
    done = lossurf("help")
    assert (done.returncode, done.stderr) == (0, "")
    stored = [path.name for path in (files("lossurf") / "manual").iterdir()]
    assert {name.removesuffix(".md") for name in stored if name.endswith(".md")} == set(chapters())
    for name, line in chapters().items():
        assert name in done.stdout
        assert line.split()[0] in done.stdout
        assert len(line) < 120


@pytest.mark.parametrize("topic", chapters())
@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_chapter_is_laid_out_at_every_width(topic, width):
    text = draw_chapter(topic, Style(width=width))
    assert max(map(len, text.splitlines())) <= min(width, 100)
    assert chapter(topic).startswith("# ")
    words = re.findall(r"[a-z]{4,}", chapter(topic))
    shown = text.replace("\n", " ")
    assert sum(word in shown for word in words) > 0.9 * len(words)
    assert "\x1b" not in text
    assert "\x1b" in draw_chapter(topic, Style(width=width, color=True))


def test_a_chapter_goes_to_a_pipe_as_plain_text(lossurf):
    done = lossurf("help", "security", env={"PAGER": "false"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "What is never executed" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("topic", "hint"), [("securty", "did you mean 'security'?"), ("zzz", "lossurf help")])
def test_a_topic_that_is_not_there_is_answered_with_the_nearest(lossurf, topic, hint):
    done = lossurf("help", topic)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lossurf: error: the manual has no chapter '{topic}'\n  where: TOPIC\n")
    assert hint in done.stderr


@pytest.mark.parametrize("topic", ["../security", "/etc/passwd", "", ".", "security.md", "a\\b", "a\0b"])
def test_a_topic_is_no_path(topic):
    with pytest.raises(UsageError, match="the manual has no chapter"):
        chapter(topic)


def test_topics_are_completed():
    assert _complete_topic(click.Context(command), command.params[0], "secu") == ["security"]


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_on_a_terminal_a_chapter_is_shown_by_the_pager():
    import pty

    shown, terminal = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.dup2(terminal, 1)
        os.dup2(terminal, 0)
        environment = clean_environment(PAGER="sed s/^/paged:/", TERM="dumb")
        os.execve(sys.executable, [sys.executable, "-m", "lossurf", "help", "security"], environment)
    os.close(terminal)
    text = b""
    try:
        while part := os.read(shown, 4096):
            text += part
    except OSError:  # the other end is closed
        pass
    assert os.waitpid(pid, 0)[1] == 0
    assert b"paged:" in text


def test_nothing_of_the_package_loads_a_pickle_or_runs_what_it_reads():
    for name, text in SOURCE.items():
        code = re.sub(r'"""[\s\S]*?"""|"[^"\n]*"|\'[^\'\n]*\'|#.*', "", text)
        assert not re.search(r"\bpickle\.loads?\(|np\.load\(|numpy\.load\(|\bjoblib\b", code), name
        assert not re.search(r"(?<![.\w])(eval|exec|compile|__import__)\(", code), name
        assert not re.search(r"yaml\.(unsafe_|full_)?load(_all)?\(", code), name
        assert not re.search(r"\bsubprocess\b|os\.system|os\.popen|\burllib\b|import socket|import http\b", code), name
        if "torch.load(" in code:
            assert code.count("torch.load(") == code.count("weights_only=True"), name


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (r"more than ([\d,]+) entries", archives.MOST_ENTRIES),
        (r"more than ([\d,]+) arrays", readers._MOST_ARRAYS),
        (r"more than ([\d,]+) layers", assemble._MOST_LAYERS),
        (r"configuration of more than (\d+) MiB", config._LARGEST >> 20),
        (r"claim of more than (\d+) MiB", stored._LARGEST >> 20),
    ],
)
def test_the_limits_that_are_told_are_those_that_are_held(said, held):
    assert int(re.search(said, SECURITY)[1].replace(",", "")) == held


def test_every_option_that_writes_is_told():
    from lossurf.cli import COMMANDS, group

    writing = set()
    for name in COMMANDS:
        found = group.get_command(click.Context(group), name)
        leaves = found.commands.values() if isinstance(found, click.Group) else [found]
        for leaf in leaves:
            for param in leaf.params:
                text = getattr(param, "help", None) or ""
                if re.search(r"\b[Ww]rite\b.*(to|as|there)|to write|Draw loss", text):
                    writing.add(max(param.opts, key=len))
    told = set(re.findall(r"`(--?[a-z]+)`", SECURITY.split("## What is written")[1].split("##")[0]))
    assert writing - {"--output", "--dtype"} <= told
    assert "-o" in told


def test_every_chapter_that_an_error_names_is_there():
    assert set(CHAPTERS.values()) <= set(chapters())
    for room in CHAPTERS:
        assert room.split(".", 1)[1].replace(".", "/") in {
            name.removesuffix(".py").removesuffix("/__init__") for name in SOURCE
        }


@pytest.mark.parametrize(
    ("arguments", "topic"),
    [
        (["check", "nothing-here"], "data"),
        (["classify", "nothing-here.npz", "--data", "sample_data/wine"], "checkpoints"),
        (["check", "sample_data/wine", "--config", "nothing-here.yaml"], "ci"),
        (["check", "sample_data/wine", "--loss", "logistic"], "losses"),
        (["check", "sample_data/wine", "--widths", "3,3"], None),
        (["chek"], None),
    ],
)
def test_an_error_ends_in_the_chapter_that_helps(arguments, topic, lossurf):
    done = lossurf(*arguments, cwd=ROOT)
    assert done.returncode == 2
    *_, last = done.stderr.splitlines()
    assert last.startswith("  next:  ")
    assert last.endswith(f"; see 'lossurf help {topic}'") if topic else "lossurf help" not in last
