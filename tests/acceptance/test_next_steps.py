"""What a report says comes next can be typed as it stands: each command is run where the report was made.

Trusted: the shell's own splitting of lines into words (shlex), and what the commands then answer.
"""

from __future__ import annotations

import re
import shlex
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import readme
from make_snapshots import COMMANDS

from lossurf.cli import group
from lossurf.cli.boundary import run

SADDLE = "sample_data/wine/checkpoints/bad-saddle.npz"
WINE = "--data sample_data/wine"
X_Y = "--x sample_data/wine/X.csv --y sample_data/wine/Y.csv"
TABLE = "table.csv --target y --target z --standardize"
BLANKS = "--data 'my runs/data' --layers W1,W2,W3 --orientation out-in"
BEST = "sample_data/wine/checkpoints/global-minimum.npz"
DECAY = "--weight-decay 0.001"
WIDTHS = "--widths 10,4,2,3"
DIABETES = "sample_data/diabetes"
EASY = f"classify {SADDLE} {WINE} --tolerance 0.01 --certificate easy.npz -q"

EXPECTED = {
    f"check {TABLE}": f"classify CHECKPOINT --data {TABLE}",
    "check sample_data/linnerud --loss huber --delta 3": "explain laurent-von-brecht",
    f"classify {SADDLE} {X_Y} --tolerance 1e-7": f"escape {SADDLE} {X_Y} --tolerance 1e-07 -o better.npz",
    f"classify 'my runs/-b.npz' {BLANKS}": f"escape 'my runs/-b.npz' {BLANKS} -o better.npz",
    "classify -- -b.npz": "escape ./-b.npz -o better.npz",  # the data are the default's
    f"classify {BEST} {SADDLE} {WINE}": f"classify {SADDLE} {WINE}",
    f"classify {BEST} {SADDLE} {WINE} --expect bad-saddle": f"classify {BEST} {WINE}",
    f"classify zeros.npz {WINE} --weight-decay 1e-3": f"escape zeros.npz {WINE} {DECAY} -o better.npz",
    f"escape zeros.npz {WINE} --weight-decay 1e-3 -o w.npz": f"classify w.npz {WINE} {DECAY}",
    f"construct local-minimum {WINE} {WIDTHS} {DECAY} -o w.npz": f"classify w.npz {WINE} {DECAY}",
    f"construct bad-saddle {WINE} {WIDTHS} -o better.npz": f"escape better.npz {WINE} -o lower.npz",
    f"escape {SADDLE} {WINE} -o down.npz": f"escape {SADDLE} {WINE} --to-minimum -o best.npz",
    f"audit sample_data/wine --bias {WIDTHS}": f"construct bad-saddle {WINE} {WIDTHS} --bias -o point.npz",
    f"watch {SADDLE} {WINE} --reduction sum {DECAY}": f"classify {SADDLE} {WINE} {DECAY} --reduction sum",
    f"{EASY} && lossurf verify easy.npz": "verify easy.npz --any-tolerance",
    f"spurious {DIABETES} --seed 2": f"spurious {DIABETES} --seed 2 -o minimum.npz --better better.npz",
}
"""A command, and what its report says to go on with."""

CHECKPOINTS = {"wine": SADDLE, "linnerud": "linnerud.npz", "digits": "digits.npz", "table": "table.npz"}
"""What a reader may have in mind who reads CHECKPOINT, by a word of the data's name."""

WITHOUT = {"explain-one", "plot-levels", "plot-spectrum", "plot-surface", "verify", "verify-other-data"}
"""Reports that say all there is to say, or name no command."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the sample data, data under the default's name, and names that need quotes."""
    made = readme.clone(tmp_path_factory.mktemp("next") / "clone")
    (made / "my runs").mkdir()
    for link in (made / "data", made / "my runs" / "data"):
        link.symlink_to(made / "sample_data" / "wine")
    for copy in ("-b.npz", "my runs/-b.npz"):
        (made / copy).write_bytes((made / SADDLE).read_bytes())
    for name, widths in {"linnerud": (3, 3), "digits": (64, 10), "table": (3, 2), "zeros": (10, 3)}.items():
        np.savez(made / f"{name}.npz", W1=np.zeros((3, widths[0])), W2=np.zeros((widths[1], 3)))
    rows = np.random.default_rng(1).normal(size=(30, 5))
    np.savetxt(made / "table.csv", rows, delimiter=",", header="a,b,c,y,z", comments="")
    return made


@pytest.fixture
def ask(place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")

    def asked(line):
        """Run commands in this process; what the last one printed, the errors of all, and its exit code."""
        with chdir(place):
            for command in line.split(" && lossurf "):
                capsys.readouterr()
                words = [found for word in shlex.split(command) for found in matching(word)]
                code = run(group, words)
        return *capsys.readouterr(), code

    return asked


def matching(word):
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def next_of(report):
    """The commands under "Next", each joined to one line, without `lossurf`."""
    lines = report.partition("\nNext\n")[2].replace(" \\\n", "").splitlines()
    return [" ".join(line.split()[1:]) for line in lines if line.startswith("    lossurf ")]


def run_all(commands, ask):
    for command in commands:
        checkpoint = next((path for word, path in CHECKPOINTS.items() if word in command), SADDLE)
        _, err, code = ask(command.replace("CHECKPOINT", checkpoint))
        assert code in {0, 1}, (command, err)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "relu"])  # ten seconds, on digits
def test_what_comes_next_on_the_sample_data_runs(name, ask):
    out, _, code = ask(COMMANDS[name])
    assert code in {0, 1}
    commands = next_of(out)
    assert (not commands) == (name in WITHOUT)
    run_all(commands, ask)


@pytest.mark.parametrize("line", EXPECTED)
def test_it_repeats_what_the_data_and_the_network_were_read_with(line, ask):
    out, err, code = ask(line)
    assert code in {0, 1}, err
    assert EXPECTED[line] in next_of(out)
    run_all(next_of(out), ask)


def test_what_the_environment_and_a_configuration_say_is_repeated_too(place, ask, monkeypatch):
    (place / "settings.yaml").write_text("data: sample_data/wine\ntolerance: 1e-7\n")
    monkeypatch.setenv("LOSSURF_STANDARDIZE", "1")
    out, err, code = ask(f"classify {SADDLE} --config settings.yaml")
    assert (code, err) == (0, "")
    wanted = f"escape {SADDLE} {WINE} --standardize --tolerance 1e-07 -o better.npz"
    assert wanted in next_of(out)
    out, _, _ = ask(f"classify {SADDLE} {X_Y} --config settings.yaml")  # the stronger names of the data alone
    assert wanted.replace(WINE, X_Y) in next_of(out)


def test_markdown_and_html_hold_the_same_command(ask):
    command = f"lossurf escape {SADDLE} {WINE} -o better.npz"
    out, _, _ = ask(f"classify {SADDLE} {WINE} --format markdown")
    assert f"- A checkpoint of lower loss: `{command}`\n" in out
    out, _, _ = ask(f"classify {SADDLE} {WINE} --format html")
    plain = re.sub(r'<span class="option">([^<]*)</span>', r"\1", out)  # around names of options
    assert f"<li>A checkpoint of lower loss: <code>{command}</code></li>" in plain
    out, _, _ = ask(f"classify {SADDLE} {WINE} --format json")
    assert "again" not in out
