"""`lossurf watch` as a process: a finished run, and one that is still being written."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from process import ROOT, clean_environment, python
from schemas import check_output

from lossurf import Data
from lossurf.callbacks import Monitor

WINE = ROOT / "sample_data" / "wine"
RUN = sorted((WINE / "run").glob("*.npz"))
BRIEFLY = "0.5"
"""Seconds, where nothing more will come: ten looks; the first is at once, and what the second finds is judged."""


def watch(*args, **options):
    done = python("-m", "lossurf", "watch", *args, "--data", WINE, **options)
    check_output(done.stdout)
    return done


def test_a_finished_run_is_told_level_by_level():
    done = watch(WINE / "run" / "*.npz", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert [Path(result["checkpoint"]) for result in document["results"]] == RUN
    assert [(plateau["rank"], plateau["checkpoints"]) for plateau in document["plateaus"]] == [(0, 2), (1, 3), (2, 4)]
    assert Path(document["plateaus"][1]["first"]).name == "step-01500.npz"
    assert document["results"][-1]["verdict"] == "global-minimum"
    assert document["results"][2]["on_level"] is None


def test_the_table_says_where_the_run_is_now():
    done = watch(WINE / "run" / "*.npz")
    assert done.returncode == 0
    assert "step-08000.npz is global-minimum" in done.stdout
    assert "It rests on L_2, the best loss of rank 2, for 4 checkpoints" in done.stdout


@pytest.mark.parametrize(("upto", "code"), [(11, 0), (6, 1)])
def test_expect_is_held_against_the_last_checkpoint(upto, code):
    done = watch(*RUN[:upto], "--expect", "global-minimum", "-q")
    assert done.returncode == code
    assert ("Expected was global-minimum." in " ".join(done.stdout.split())) == bool(code)


def test_a_figure_is_written_beside_the_report(tmp_path):
    done = watch(*RUN, "--figure", tmp_path / "run.svg", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["figure"] == str(tmp_path / "run.svg")
    assert (tmp_path / "run.svg").read_bytes().startswith(b"<?xml")


class Following:
    """`lossurf watch --follow` on a directory that the test fills."""

    def __init__(self, folder: Path, *args: str) -> None:
        command = [sys.executable, "-m", "lossurf", "watch", str(folder / "*.npz"), "--data", str(WINE), "--follow"]
        self.process = subprocess.Popen(
            [*command, "--interval", "0.05", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            encoding="utf-8",
        )

    def line(self) -> str:
        """Wait for the next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, the rest of standard output, standard error."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_following_tells_each_checkpoint_as_it_comes_and_stops_at_the_expected_one(tmp_path):
    shutil.copy(RUN[3], tmp_path)
    following = Following(tmp_path, "--format", "jsonl", "--expect", "global-minimum", "--timeout", "60")
    first = json.loads(following.line())
    assert (Path(first["checkpoint"]).name, first["on_level"], first["for_checkpoints"]) == (RUN[3].name, 1, 1)
    (tmp_path / RUN[9].name).write_bytes(RUN[9].read_bytes()[:300])  # a checkpoint that is still being written
    shutil.copy(RUN[4], tmp_path)
    second = json.loads(following.line())
    assert (Path(second["checkpoint"]).name, second["for_checkpoints"]) == (RUN[4].name, 2)
    shutil.copy(RUN[9], tmp_path)
    third = following.line()
    assert json.loads(third)["verdict"] == "global-minimum"
    check_output(third)
    code, rest, notes = following.end()
    assert (code, rest) == (0, "")
    assert notes == "" or "passed over for now" in notes


def test_following_reads_a_file_again_when_it_has_changed(tmp_path):
    target = tmp_path / "last.npz"
    shutil.copy(RUN[3], target)
    following = Following(tmp_path, "--format", "jsonl", "--expect", "global-minimum", "--timeout", "60")
    assert json.loads(following.line())["on_level"] == 1
    shutil.copy(RUN[-1], target)
    assert json.loads(following.line())["on_level"] == 2
    assert following.end()[0] == 0


def test_following_in_a_table_writes_rows_and_ends_with_the_verdict(tmp_path):
    shutil.copy(RUN[0], tmp_path)
    following = Following(tmp_path, "--timeout", BRIEFLY)
    code, out, _ = following.end()
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split()[-1] == "checkpoint"
    assert lines[1].split()[-2:] == ["not-critical", RUN[0].name]
    assert lines[2].startswith(f"{RUN[0].name} is not-critical")


def awaited(page: Path, word: str) -> str:
    """Return the page once a word is in it; it is never a part of one."""
    for _ in range(1200):
        text = page.read_text("utf-8") if page.exists() else ""
        assert text == "" or text.rstrip().endswith("</html>")
        if word in text:
            return text
        time.sleep(0.05)
    raise AssertionError(f"{word} never came")


def test_a_page_is_written_again_as_checkpoints_come_and_rests_when_the_run_is_over(tmp_path):
    (tmp_path / "run").mkdir()
    page = tmp_path / "run.html"
    shutil.copy(RUN[0], tmp_path / "run")
    following = Following(tmp_path / "run", "--html", str(page), "--expect", "global-minimum", "--timeout", "60", "-q")
    assert 'http-equiv="refresh"' in awaited(page, RUN[0].name)
    shutil.copy(RUN[4], tmp_path / "run")
    assert 'http-equiv="refresh"' in awaited(page, RUN[4].name)
    shutil.copy(RUN[9], tmp_path / "run")
    code, _, err = following.end()
    assert (code, err) == (0, "")
    text = page.read_text("utf-8")
    assert f"{RUN[9].name} is global-minimum" in text
    assert 'http-equiv="refresh"' not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C as a signal")
def test_a_page_rests_too_when_the_watch_is_interrupted(tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(RUN[0], tmp_path / "run")
    following = Following(tmp_path / "run", "--html", str(tmp_path / "run.html"))
    awaited(tmp_path / "run.html", RUN[0].name)
    time.sleep(0.5)  # out of the imports of the first writing, where an interrupt ends the process on the spot
    following.process.send_signal(signal.SIGINT)
    assert following.end()[0] == 130
    assert 'http-equiv="refresh"' not in (tmp_path / "run.html").read_text("utf-8")


def test_a_page_of_a_run_that_is_over_is_written_beside_the_table(inside, tmp_path):
    done = inside("watch", *RUN[:3], "--data", WINE, "--html", "run.html", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "run.html").read_text("utf-8")
    assert "<table" in text
    assert 'http-equiv="refresh"' not in text


def test_following_past_the_time_without_the_expected_verdict_is_1(tmp_path):
    shutil.copy(RUN[0], tmp_path)
    following = Following(tmp_path, "--timeout", BRIEFLY, "--expect", "global-minimum", "--format", "jsonl")
    code, out, err = following.end()
    assert (code, err) == (1, "")
    assert json.loads(out)["verdict"] == "not-critical"


def test_a_file_that_never_becomes_whole_is_an_error_in_the_end(tmp_path):
    (tmp_path / "broken.npz").write_bytes(RUN[0].read_bytes()[:300])
    code, out, err = Following(tmp_path, "--timeout", BRIEFLY, "--format", "jsonl").end()
    assert code == 2
    check_output(out)
    assert json.loads(out)["error"]["remedy"]
    assert "passed over for now" in err
    assert "broken.npz" in err.splitlines()[-2]


def test_following_ends_when_nobody_reads_on(tmp_path):
    shutil.copy(RUN[0], tmp_path)
    following = Following(tmp_path, "--timeout", "50", "--format", "jsonl")
    following.line()
    assert following.process.stdout is not None
    following.process.stdout.close()
    shutil.copy(RUN[1], tmp_path)
    assert following.process.wait(timeout=30) == 0
    assert following.process.stderr is not None
    following.process.stderr.close()


def test_a_report_of_a_followed_run_can_go_to_a_file(tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(RUN[0], tmp_path / "run")
    report = tmp_path / "report.json"
    code, out, _ = Following(tmp_path / "run", "--timeout", BRIEFLY, "--format", "json", "-o", str(report)).end()
    assert (code, out) == (0, "")
    assert len(json.loads(report.read_text("utf-8"))["results"]) == 1


@pytest.fixture(scope="module")
def lines():
    """The lines of a monitor on the checkpoints of the run, the head first."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        monitor = Monitor(Data.open(WINE), path=path)
        for file in RUN:
            monitor.step(dict(np.load(file)), int(file.stem.removeprefix("step-")))
        return path.read_text("utf-8").splitlines(keepends=True)


def test_a_monitors_lines_are_watched_as_its_checkpoints_are_and_need_no_data(inside, lines, tmp_path):
    (tmp_path / "run.jsonl").write_text("".join(lines), "utf-8")
    done = inside("watch", "run.jsonl", "--expect", "global-minimum")
    assert (done.returncode, done.stderr) == (0, "")
    own = inside("watch", WINE / "run" / "*.npz", "--data", WINE).stdout
    assert [line.split()[2:] for line in done.stdout.splitlines() if line.startswith("step ")][1:-1] == [
        line.split()[1:] for line in own.splitlines() if line.startswith("step-0")
    ][1:-1]
    assert inside("watch", "run.jsonl", "--expect", "bad-saddle").returncode == 1
    assert inside("plot", "run", "run.jsonl", "-o", "run.svg").returncode == 0


def test_a_growing_file_of_lines_is_followed(lines, tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("".join(lines[:3]), "utf-8")
    arguments = ["--follow", "--interval", "0.05", "--timeout", "60", "--expect", "global-minimum", "-f", "jsonl"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lossurf", "watch", str(path), *arguments],
        stdout=subprocess.PIPE,
        env=clean_environment(),
        encoding="utf-8",
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(2)]
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(lines[3:-1]) + lines[-1][:200])
        file.flush()
        told += [process.stdout.readline() for _ in range(len(lines) - 5)]
        file.write(lines[-1][200:])
    told += process.stdout.read().splitlines()  # not `communicate`, which may miss what was read ahead of a line
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert [json.loads(line)["checkpoint"] for line in told] == [
        json.loads(line)["checkpoint"] for line in lines[1 : len(told) + 1]
    ]
    assert json.loads(told[-1])["verdict"] == "global-minimum"


def test_following_lines_without_a_head_ends_at_once(inside, lines, tmp_path):
    (tmp_path / "old.jsonl").write_text("".join(lines[1:]), "utf-8")
    done = inside("watch", "old.jsonl", "--follow", "--format", "jsonl")
    assert done.returncode == 2
    assert "does not say what data and levels" in done.stderr


def test_runs_are_compared_in_a_table_and_followed_together(inside, lines, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "told.jsonl").write_text("".join(lines), "utf-8")
    shutil.copytree(WINE / "run", tmp_path / "all" / "saved")
    (tmp_path / "all" / "to-come").mkdir()
    done = inside("watch", "all/saved", "all/told.jsonl", "--runs", "--data", WINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 runs, by the last checkpoint of each: 2 global-minimum." in done.stdout
    options = ["--runs", "--data", WINE, "--follow", "--interval", "0.05", "--timeout", BRIEFLY]
    followed = inside("watch", "all/*", *options)
    assert (followed.returncode, followed.stderr) == (0, "")
    assert len([line for line in followed.stdout.splitlines() if "all/saved: step-" in line]) == len(RUN)
    assert "all/told.jsonl: step 8000" in followed.stdout


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["run.jsonl", "--data", WINE], "leave --data out"),
        (["run.jsonl", "--layers", "a,b"], "leave --layers out"),
        (["run.jsonl", "--curvature"], "leave --curvature out"),
        (["run.jsonl", "--tolerance", "1e-6"], "leave --tolerance out"),
        (["run.jsonl", RUN[0], "--data", WINE], "add --runs"),
    ],
)
def test_what_lines_say_already_is_refused(inside, lines, tmp_path, args, fault):
    (tmp_path / "run.jsonl").write_text("".join(lines), "utf-8")
    done = inside("watch", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["none-*.npz"], "none-*.npz"),
        ([RUN[0], "--timeout", "3"], "without --follow"),
        ([RUN[0], "--follow", "--format", "json"], "a line at a time"),
        (["none-*.npz", "--follow", "--timeout", "0.3"], "no checkpoint came"),
        ([RUN[0], "--figure", "run.jpg"], "no form of a picture"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(args, fault):
    done = watch(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr


def test_a_checkpoint_of_another_network_is_refused_and_the_run_is_told_without_it(tmp_path):
    np.savez(tmp_path / "other.npz", W1=np.ones((3, 10)), W2=np.ones((3, 3)))
    done = watch(RUN[9], tmp_path / "other.npz", RUN[10], "--format", "json")
    first, other, last = json.loads(done.stdout)["results"]
    assert done.returncode == 2
    assert "differs from that of" in done.stderr
    assert "differs from that of" in other["error"]["what"]
    assert (first["for_checkpoints"], last["for_checkpoints"]) == (1, 2)
    assert [plateau["checkpoints"] for plateau in json.loads(done.stdout)["plateaus"]] == [2]


def test_without_matplotlib_the_extra_is_named_before_any_work(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from lossurf.cli import main; main(sys.argv[1:])"
    done = python("-c", code, "watch", RUN[0], "--data", WINE, "--figure", tmp_path / "run.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert "lossurf[plot]" in done.stderr
    assert list(tmp_path.iterdir()) == []
