"""`lossurf demo`: what it shows is what the commands print, and it leaves nothing that was not asked for.

Trusted: the same commands typed in a shell, and the directories after it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal

import pytest
import readme
from process import ROOT, python

COMMANDS = ("check", "classify", "escape")


def demo(cwd, *arguments, **environment):
    place = cwd / "temporary"
    place.mkdir(exist_ok=True)
    done = python("-m", "lossurf", "demo", *arguments, cwd=cwd, env={"TMPDIR": str(place), **environment})
    assert list(place.iterdir()) == []
    return done


def test_it_shows_what_its_commands_print_in_the_copy_that_it_keeps(tmp_path):
    (tmp_path / "lossurf.yaml").write_text("format: json\n")  # of the user's project, which the copy is no part of
    done = demo(tmp_path, "--keep", "shown")
    assert (done.returncode, done.stderr) == (0, "")
    *steps, farewell = re.split(r"^# \d of \d: .*\n", done.stdout, flags=re.MULTILINE)[1:]
    last, told = farewell.split("\n\n")
    blocks = [step.rstrip("\n") + "\n" for step in (*steps, last)]
    assert {block.split()[2] for block in blocks} == set(COMMANDS)
    assert told == "shown holds the data, the checkpoints, better.npz and report.html.\n"

    where = tmp_path / "shown"
    made = {path.name for path in where.iterdir()}
    assert made == {"wine", "lossurf.yaml", "better.npz", "report.html"}
    assert (where / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    readme.launcher(where)
    for block in blocks:
        assert readme.with_outputs(block, where) == block


def test_without_a_directory_nothing_stays(tmp_path):
    before = set(tmp_path.iterdir()) | {tmp_path / "temporary"}
    done = demo(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "global-minimum: the loss is the least" in done.stdout
    assert done.stdout.endswith("The files are gone again. To keep them: lossurf demo --keep DIR\n")
    assert set(tmp_path.iterdir()) == before


def test_the_copy_is_that_of_the_repository(tmp_path):
    demo(tmp_path, "--keep", tmp_path / "shown")
    copy, source = tmp_path / "shown" / "wine", ROOT / "sample_data" / "wine"
    names = {path.relative_to(source) for path in source.rglob("*")}
    assert {path.relative_to(copy) for path in copy.rglob("*")} == names
    for name in names:
        assert (source / name).is_dir() or (copy / name).read_bytes() == (source / name).read_bytes()


@pytest.mark.parametrize(
    ("keep", "told"), [("there", "the directory exists already"), ("no/where", "the directory cannot be made")]
)
def test_a_directory_that_is_there_or_cannot_be_is_refused(tmp_path, keep, told):
    (tmp_path / "there").mkdir()
    done = demo(tmp_path, "--keep", keep)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lossurf: error: {told}")
    assert f"where: {keep}" in done.stderr
    assert list((tmp_path / "there").iterdir()) == []
    assert not (tmp_path / "no").exists()


def test_a_command_that_fails_ends_it_and_nothing_is_kept(tmp_path):
    done = demo(tmp_path, "--keep", "shown", LOSSURF_TOLERANCE="7")
    assert done.returncode == 2
    assert "TOLERANCE" in done.stderr
    assert done.stdout.count("\n$ lossurf ") == 2  # the check, which has no tolerance, and the one that failed
    assert {path.name for path in tmp_path.iterdir()} == {"temporary"}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_takes_the_copy_away(tmp_path):
    program = (
        "import signal\nfrom lossurf.output.sample import sample_copy\n"
        "with sample_copy(None) as place:\n"
        "    assert (place / 'wine' / 'X.csv').is_file()\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
    )
    done = python("-c", program, env={"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("head"), reason="needs head")
def test_a_reader_who_leaves_ends_it_quietly(tmp_path):
    where = readme.launcher(tmp_path)
    (shown,) = readme.printed(["lossurf demo | head -n 2; echo ${PIPESTATUS[0]}\n"], where)
    first, second, code = shown.splitlines()
    assert first.startswith("# 1 of ")
    assert second == "$ lossurf check wine --widths 10,4,2,3"
    assert code == "0"
