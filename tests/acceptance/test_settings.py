"""Options beat the environment, which beats lossurf.yaml, which beats the defaults; each wrong one is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def zeros(tmp_path: Path) -> Path:
    """A checkpoint for `data` that is a strict saddle: both layers zero."""
    path = tmp_path / "zeros.npz"
    np.savez(path, W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    return path


def configure(tmp_path: Path, text: str, name: str = "lossurf.yaml") -> None:
    (tmp_path / name).write_text(text, "utf-8")


def test_each_source_beats_the_one_below(inside, data, tmp_path):
    def form(*args: str, **env: str) -> str:
        out = inside("check", data, *args, env=env).stdout
        return {"X": "table", "{\n": "json", "##": "markdown", "<?": "junit", "::": "github"}.get(
            out[:2].strip(" "), out
        )

    assert form() == "table"
    configure(tmp_path, "format: json\n")
    assert form() == "json"
    assert form(LOSSURF_FORMAT="markdown") == "markdown"
    assert form(LOSSURF_FORMAT="markdown", LOSSURF_CHECK_FORMAT="junit") == "junit"
    assert form("--format", "github", LOSSURF_CHECK_FORMAT="junit", LOSSURF_FORMAT="markdown") == "github"


@pytest.mark.parametrize("place", ["before", "after"])
def test_another_configuration_is_named_before_or_after_the_command(inside, data, tmp_path, place):
    configure(tmp_path, "format: markdown\n")
    configure(tmp_path, "format: json\n", "other.yaml")
    option = ["--config", "other.yaml"]
    args = [*option, "check", data] if place == "before" else ["check", data, *option]
    assert inside(*args).stdout.startswith("{")


def test_the_configuration_gives_data_widths_and_bias(inside, data, tmp_path):
    configure(tmp_path, f"data: {data.name}\nnetwork:\n  widths: [3, 2, 2]\n  bias: true\nformat: json\n")
    document = json.loads(inside("check").stdout)
    assert document["network"]["widths"] == [3, 2, 2]
    assert document["data"]["bias"] is True
    assert json.loads(inside("check", "--no-bias", "--widths", "3 1 2").stdout)["network"]["p"] == 1


def test_the_configuration_gives_checkpoints_and_what_to_expect(inside, data, zeros, tmp_path):
    configure(tmp_path, f"data: {data.name}\ncheckpoints: ['*s.npz']\nexpect: strict-saddle\ntolerance: 1e-7\n")
    done = inside("classify", "--format", "json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert (Path(result["checkpoint"]).name, result["tolerance"]) == (zeros.name, 1e-7)
    assert inside("classify", "--expect", "bad-saddle", "-qq").returncode == 1
    assert inside("classify", "-qq", env={"LOSSURF_EXPECT": "bad-saddle global-minimum"}).returncode == 1
    assert inside("classify", "-qq", env={"LOSSURF_EXPECT": "bad-saddle strict-saddle"}).returncode == 0


def test_a_variable_names_data_and_checkpoints(inside, data, zeros):
    done = inside("classify", "-q", env={"LOSSURF_DATA": str(data), "LOSSURF_CHECKPOINTS": str(zeros)})
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "strict-saddle")
    assert inside("check", env={"LOSSURF_DATA": str(data)}).returncode == 0


def test_data_on_the_command_line_replaces_the_configured_files(inside, data, tmp_path):
    configure(tmp_path, "data:\n  x: nowhere.npy\n  y: nowhere-either.npy\n")
    assert inside("check").returncode == 2
    assert inside("check", data).returncode == 0


def test_two_files_on_the_command_line_replace_the_configured_directory(inside, tmp_path):
    configure(tmp_path, "data: nowhere\n")
    generator = np.random.default_rng(3)
    for name, columns in (("a.npy", 3), ("b.npy", 2)):
        np.save(tmp_path / name, generator.standard_normal((9, columns)))
    assert inside("check", "--x", "a.npy", "--y", "b.npy").returncode in {0, 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fromat: json\n", "did you mean 'format'?"),
        ("format: jsno\n", "did you mean 'json'?"),
        ("expect: bad-sadle\n", "did you mean 'bad-saddle'?"),
        ("tolerance: 2\n", "tolerance"),
        ("network: {widths: [3, 0, 2]}\n", "network.widths"),
        ("data: [1]\n", "data"),
        ("format: &a [*a]\n", "aliases"),
        ("{", "configuration cannot be read"),
    ],
)
@pytest.mark.usefixtures("zeros")
def test_a_wrong_configuration_is_told(inside, data, tmp_path, text, said):
    configure(tmp_path, text)
    done = inside("classify", "zeros.npz", "--data", data)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_a_section_beats_the_top_and_a_variable_beats_both(inside, data, tmp_path):
    configure(tmp_path, "format: markdown\ncheck: {format: json}\n")
    assert inside("check", data).stdout.startswith("{")
    assert inside("check", data, env={"LOSSURF_FORMAT": "junit"}).stdout.startswith("<?")
    assert inside("explain", "bad-saddle").stdout.startswith("#")


@pytest.mark.usefixtures("data")
def test_a_file_above_is_found_and_named_where_it_decides(inside, tmp_path):
    configure(tmp_path, "[tool.lossurf]\ndata = 'data.npz'\n[tool.lossurf.check]\nformat = 'json'\n", "pyproject.toml")
    done = inside("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["data"]["x"].startswith("data.npz")
    below = tmp_path / "runs" / "one"
    below.mkdir(parents=True)
    done = inside("check", cwd=below)
    assert (done.returncode, done.stderr) == (0, "lossurf: options from ../../pyproject.toml\n")
    assert json.loads(done.stdout)["data"]["x"].startswith("../../data.npz")
    assert inside("check", "-q", "--format", "table", cwd=below).stderr == ""
    assert inside("explain", "bad-saddle", cwd=below).stderr == ""  # nothing of it is used
    assert inside("check", "--config", "../../pyproject.toml", cwd=below).stderr == ""


def test_a_value_that_only_the_command_can_judge_is_told_with_its_file(inside, data, tmp_path):
    configure(tmp_path, "format: json\nmax-memory: much\n")
    done = inside("check", data)
    assert done.returncode == 2
    assert "not a size" in done.stderr
    configure(tmp_path, "network:\n  widths: [3]\n")
    done = inside("check", data)
    assert "--widths, set by the configuration file lossurf.yaml, line 2" in done.stderr


def test_a_configuration_that_is_not_there_is_told(inside, data):
    done = inside("check", data, "--config", "missing.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "missing.yaml" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "--widths", "3,x,2"], "'3,x,2' is not a list of widths"),
        (["check", "--widths", "3"], "must hold dx"),
        (["check", "--widths", "3,0,2"], "each at least 1"),
        (["check", "--widths", "4,2,2"], "do not lead from dx = 3 to dy = 2"),
        (["check", "a", "b"], "unexpected extra argument"),
        (["check", "--format"], "--format"),
        (["check", "--max-memory", "much"], "not a size"),
        (["classify"], "missing argument CHECKPOINT"),
        (["classify", "zeros.npz", "--tolerance", "0"], "--tolerance"),
        (["classify", "zeros.npz", "--tolerance", "nan"], "tolerance nan"),
        (["classify", "zeros.npz", "--expect", "global"], "did you mean 'global-minimum'?"),
        (["classify", "zeros*.npy"], "zeros*.npy"),
        (["classify", "zeros.npz", "--layers", "W3"], "W3"),
        (["classify", "zeros.npz", "--tolerance", "small"], "'small' is not a number"),
        (["--format", "json", "check"], "options after its name"),
        (["plot", "spektrum"], "did you mean 'spectrum'?"),
        (["schema", "chekc"], "did you mean 'check'?"),
    ],
)
@pytest.mark.usefixtures("zeros")
def test_a_wrong_option_is_told_in_three_lines(inside, data, args, said):
    done = inside(*args, env={"LOSSURF_DATA": str(data)})
    assert (done.returncode, done.stdout) == (2, "")
    assert said.lower() in done.stderr.lower()
    assert 2 <= len(done.stderr.splitlines()) <= 3
    assert done.stderr.startswith("lossurf: error: ")
    assert "\n  next:  " in done.stderr
