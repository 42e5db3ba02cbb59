"""Where reports go and what they look like there: files, pipes, terminals, colours, widths, languages."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from process import ROOT, clean_environment, python
from schemas import check_output

WINE = ROOT / "sample_data" / "wine"
POINTS = sorted((WINE / "checkpoints").glob("*.npz"))
SADDLE = WINE / "checkpoints" / "bad-saddle.npz"
FORMATS = ["table", "json", "jsonl", "markdown", "junit", "github", "html"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_what_standard_output_would(inside, data, tmp_path, form):
    printed = inside("check", data, "--format", form)
    done = inside("check", data, "--format", form, "-o", "report.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = without_marks((tmp_path / "report.txt").read_text("utf-8"))
    assert written.replace(" -o report.txt", "") == without_marks(printed.stdout)  # HTML ends with the command as typed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "report.txt"]


def without_marks(page):
    """A page whose commands have no marks around their options."""
    return re.sub(r'<span class="option">([^<]*)</span>', r"\1", page)


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_two_runs_give_the_same_bytes(form):
    """In two processes: nothing may depend on the order of a set or the place of an object."""
    command = ["-m", "lossurf", "classify", *POINTS, "--data", WINE, "--format", form]
    first, second = (python(*command).stdout for _ in range(2))
    assert first == second != ""


def test_dash_is_standard_output(inside, data):
    assert inside("check", data, "-o", "-", "--format", "json").stdout.startswith("{")


def test_an_existing_file_is_replaced_whole_and_keeps_its_mode(inside, data, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("x" * 100_000)
    path.chmod(0o640)
    inside("check", data, "--format", "json", "-o", path)
    check_output(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(inside, data, tmp_path):
    (tmp_path / "real.json").write_text("")
    (tmp_path / "link.json").symlink_to("real.json")
    inside("check", data, "--format", "json", "-o", "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["command"] == "check"


@pytest.mark.parametrize(
    ("target", "next_step"),
    [
        ("/dev/full", "free space"),
        ("missing/report.json", "make the directory"),
        (".", "name a file in it"),
        ("/proc/report.json", "check permissions"),
    ],
)
def test_what_cannot_be_written_is_told_and_leaves_nothing(inside, data, tmp_path, target, next_step):
    done = inside("check", data, "--format", "json", "-o", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert next_step in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory_is_told(inside, data, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = inside("check", data, "-o", closed / "report.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("target", ["x/", "there", "data.npz/."])
@pytest.mark.parametrize(
    "command",
    [
        ("check", "data.npz", "-o"),
        ("schema", "check", "-o"),
        ("reduce", "data.npz", "-o"),
        ("spurious", "data.npz", "-o"),
        ("spurious", "data.npz", "--better"),
        ("spurious", "--counterexample", "tanh", "--dataset"),
        ("plot", "spectrum", "data.npz", "-o"),
        ("construct", "global-minimum", "--data", "data.npz", "--widths", "3,2", "-o"),
        ("escape", SADDLE, "--data", WINE, "-o"),
        ("classify", SADDLE, "--data", WINE, "--certificate"),
        ("watch", SADDLE, "--data", WINE, "--figure"),
    ],
    ids=lambda command: " ".join(map(str, (command[0], command[-1]))),
)
def test_no_file_is_written_where_a_directory_is_named(inside, data, tmp_path, command, target):
    (tmp_path / "there").mkdir()
    done = inside(*command, target)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"'{target}' names a directory, not a file" in done.stderr
    assert f"where: {'--output' if command[-1] == '-o' else command[-1]}\n" in done.stderr
    assert "name a file in it" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [data.name, "there"]


def test_a_failed_report_leaves_the_old_one(inside, tmp_path):
    (tmp_path / "report.txt").write_text("old")
    done = inside("check", "missing.npz", "-o", "report.txt")
    assert done.returncode == 2
    assert (tmp_path / "report.txt").read_text() == "old"


def shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = command.replace("lossurf ", f"{sys.executable} -m lossurf ")
    return subprocess.run(
        ["bash", "-c", command], env=clean_environment(**env), capture_output=True, encoding="utf-8", timeout=60
    )


def test_dev_stdout_is_standard_output_of_any_kind(data, tmp_path):
    printed = shell(f"lossurf check {data}").stdout
    assert shell(f"lossurf check {data} -o /dev/stdout | cat").stdout == printed
    assert shell(f"lossurf check {data} -o >(cat); sleep 0.5").stdout == printed
    log = tmp_path / "log"
    log.write_text("before\n")
    done = shell(f"lossurf check {data} -o /dev/stdout >> {log}")
    assert (done.returncode, done.stderr, log.read_text()) == (0, "", f"before\n{printed}")


def test_a_fifo_whose_reader_leaves_is_told(data, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = shell(f"head -c 10 {pipe} > /dev/null & lossurf check {data} -o {pipe}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "its reader left before the end" in done.stderr


@pytest.mark.parametrize("command", ["lossurf check {data}", "lossurf --help", "lossurf schema check"])
def test_a_reader_that_has_gone_is_no_error(data, command):
    done = shell(f"{command.format(data=data)} 2>err.txt | true; cat err.txt; rm err.txt; exit ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("", "")


def test_the_exit_code_still_tells_the_answer_to_a_closed_pipe(tied_data):
    done = shell(f"set -o pipefail; lossurf check {tied_data} --format json | head -c 1")
    assert (done.returncode, done.stdout, done.stderr) == (1, "{", "")


def test_a_full_disk_behind_standard_output_is_told(data):
    for arguments in (f"check {data}", "--help", "schema check"):
        done = shell(f"lossurf {arguments} > /dev/full")
        assert done.returncode == 2, arguments
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_survived(data, closed):
    assert shell(f"lossurf check {data} {closed}").returncode == 0


def test_standard_error_on_a_full_disk_keeps_the_exit_code():
    assert shell("lossurf check missing.npz 2>/dev/full").returncode == 2


ESCAPE = "\x1b["


@pytest.mark.parametrize(
    ("arguments", "env", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ((), {"FORCE_COLOR": "0"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        ((), {"LOSSURF_COLOR": "always"}, True),
    ],
)
def test_colour_of_piped_tables(inside, data, arguments, env, coloured):
    assert (ESCAPE in inside("check", data, *arguments, env=env).stdout) is coloured


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "table"])
def test_other_formats_are_never_coloured(inside, data, form):
    assert ESCAPE not in inside("check", data, "--format", form, "--color", "always").stdout


def above_next(report: str) -> list[str]:
    """The lines of a report but for the commands at its end, whose paths no width breaks."""
    return report.partition("Next")[0].splitlines()


def on_terminal(*arguments: object, **env: str) -> str:
    """What lossurf shows on a terminal of 80 columns."""
    import pexpect

    command = [sys.executable, "-m", "lossurf", *map(str, arguments)]
    child = pexpect.spawn(command[0], command[1:], env=clean_environment(**env), dimensions=(24, 80), encoding="utf-8")
    shown = child.read()
    child.close()
    return shown


def test_a_terminal_shows_colour_and_its_own_width(data):
    shown = on_terminal("check", data, TERM="xterm")
    assert ESCAPE in shown
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in above_next(shown)) <= 80


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_terminal_without_colour_shows_none(data, env):
    assert ESCAPE not in on_terminal("check", data, **env)


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("100", 100), ("", 120), ("0", 120), ("wide", 120)])
def test_the_width_of_a_pipe_is_columns_or_120(inside, data, columns, width):
    lines = above_next(inside("check", data, "--widths", "3,2,2", env={"COLUMNS": columns}).stdout)
    longest = max(map(len, lines))
    assert width - 20 < longest <= width


@pytest.mark.parametrize(
    ("env", "ascii_only"),
    [
        ({"LC_ALL": "C.UTF-8"}, False),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "", "LANG": ""}, True),
        ({"PYTHONIOENCODING": "latin-1"}, True),
    ],
)
def test_without_a_unicode_locale_tables_are_ascii(lossurf, data, env, ascii_only):
    done = lossurf("check", data, env=env)
    assert done.returncode == 0
    assert done.stdout.isascii() is ascii_only


@pytest.mark.parametrize("name", ["w[/a].npz", "gr\u00f6\u00dfe \u65e5\u672c.npz", "[red]x.npz"])
def test_names_in_any_script_and_with_markup_are_shown(inside, data, tmp_path, name):
    (tmp_path / "w[").mkdir()
    data.rename(tmp_path / name)
    assert name in inside("check", name).stdout
    assert json.loads(inside("check", name, "--format", "json").stdout)["data"]["x"].startswith(name)
    assert inside("check", name, env={"LC_ALL": "C"}).stdout.isascii()


def test_a_name_that_is_no_unicode_is_shown(data):
    name = os.fsdecode(b"\xff\x1b[31m.npz")
    data.replace(data.with_name(name))
    for form in FORMATS:
        command = [sys.executable, "-m", "lossurf", "check", name, "--format", form]
        done = subprocess.run(command, cwd=data.parent, env=clean_environment(), capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b""), form
        assert b"\x1b" not in done.stdout


def test_quiet_says_the_verdict_quieter_nothing_verbose_more(inside, data):
    def lines(*options: str) -> int:
        return len(inside("check", data, *options).stdout.splitlines())

    assert inside("check", data, "-q").stdout == "Every hypothesis holds on these data.\n"
    assert inside("check", data, "-qq").stdout == ""
    assert lines() < lines("-v")
    assert lines("-v", "-q") == lines()


def test_junit_counts_what_a_ci_system_counts(inside):
    done = inside("classify", *POINTS, "--data", WINE, "--expect", "global-minimum", "--format", "junit")
    suite = ElementTree.fromstring(done.stdout)[0]
    cases = suite.findall("testcase")
    failures = suite.findall("testcase/failure")
    assert done.returncode == 1
    assert (int(suite.get("tests")), int(suite.get("failures"))) == (len(cases), len(failures))
    assert {case.get("name") for case in cases} == {str(path) for path in POINTS}
    assert 0 < len(failures) < len(cases)
    assert {suite.get("time"), *(case.get("time") for case in cases)} == {"0"}  # the same input, the same bytes


def test_github_annotates_and_appends_the_summary(inside, tied_data, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    done = inside("check", tied_data, "--format", "github", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert done.returncode == 1
    assert re.search(r"^::error title=lossurf check%3A distinct-eigenvalues::fails: ", done.stdout, re.MULTILINE)
    assert summary.read_text().startswith("before\n## lossurf check\n")


def test_github_escapes_what_would_end_the_command(data):
    name = "a,b:c%0A::error::x.npz"
    data.replace(data.with_name(name))
    np.savez(data.parent / "w,:%.npz", W1=np.ones((2, 3)))
    done = python("-m", "lossurf", "classify", "w,:%.npz", "--data", name, "--format", "github", cwd=data.parent)
    (line,) = done.stdout.splitlines()
    properties = line.split("::")[1]
    assert properties.startswith("notice file=w%2C%3A%25.npz,title=lossurf classify%3A w%2C%3A%25.npz")


def test_jsonl_has_a_line_for_every_checkpoint(inside):
    done = inside("classify", *POINTS, "--data", WINE, "--format", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["checkpoint"] for line in lines] == [str(path) for path in POINTS]
    assert {line["verdict"] for line in lines} == {
        "global-minimum", "strict-saddle", "bad-saddle", "not-critical", "undetermined",
    }  # fmt: skip


def test_markdown_cells_cannot_break_the_table(inside, data, tmp_path):
    name = "a|b`c<d>.npz"
    np.savez(tmp_path / name, W1=np.ones((2, 3)))
    other = tmp_path / "other.npz"
    np.savez(other, W1=np.zeros((2, 3)))
    text = inside("classify", name, other, "--data", data, "--format", "markdown").stdout
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "a\\|b\\`c&lt;d&gt;.npz" in text


def test_a_page_tells_the_command_as_it_was_typed_and_draws_the_surface_around_a_checkpoint(inside, data, tmp_path):
    np.savez(tmp_path / "it's <b>.npz", W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    done = inside("classify", "it's <b>.npz", "--data", data, "--format", "html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lossurf classify 'it'\"'\"'s &lt;b&gt;.npz' --data" in without_marks(done.stdout)
    assert f"numpy {np.__version__}" in done.stdout
    assert "The loss around the point" in done.stdout
    told = done.stdout.partition("<pre")[2].partition(">")[2].partition("</pre>")[0]
    document = json.loads(html.unescape(told))
    assert document == json.loads(inside("classify", "it's <b>.npz", "--data", data, "--format", "json").stdout)


def test_a_page_about_weight_decay_draws_no_surface_of_the_loss_without(inside, data, tmp_path):
    np.savez(tmp_path / "zero.npz", W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    done = inside("classify", "zero.npz", "--data", data, "--weight-decay", "0.1", "--format", "html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The loss around the point" not in done.stdout
    assert "How far the verdict carries" in done.stdout
