"""The configuration file: what it may say, and that nothing else gets through."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click
import pytest
from click.core import ParameterSource
from make_reference import DATA
from settings import commands, context, said

from lossurf.cli import COMMANDS
from lossurf.cli.config import DATA_OPTIONS, GROUPS, NOT_IN_A_FILE, keys_of
from lossurf.cli.output_file import OUTPUT_FILE
from lossurf.errors import ConfigError
from lossurf.inputs.config import find_config, read_config

WHOLE = """
data: {x: X.npy, y: sub/Y.npy, samples: columns}
network:
  widths: [5, 3, 2]
  bias: true
checkpoints: ["run/*.npz"]
expect: global-minimum
tolerance: 1e-7
format: json
"""


def test_whole_file(tmp_path):
    path = tmp_path / "lossurf.yaml"
    path.write_text(WHOLE)
    (tmp_path / "run").mkdir()
    for name in ("w10.npz", "w9.npz"):
        (tmp_path / "run" / name).touch()
    found = said(path, "classify")
    checkpoints = found.pop("checkpoints")
    assert checkpoints() == (str(tmp_path / "run" / "w9.npz"), str(tmp_path / "run" / "w10.npz"))
    assert found == {
        "x": str(tmp_path / "X.npy"),
        "y": str(tmp_path / "sub" / "Y.npy"),
        "samples": "columns",
        "expect": ("global-minimum",),
        "tolerance": 1e-7,
        "format": "json",
    }
    assert said(path, "check").keys() == {"x", "y", "samples", "widths", "bias", "format"}
    assert said(path, "check")["widths"] == "5,3,2"
    assert said(path, "check")["bias"] is True


BAD = {
    "widhts: [3]": "unknown key 'widhts'",
    "tolerence: 1e-3": "did you mean 'tolerance'",
    "network: {widhts: [3]}": "did you mean 'widths'",
    "data: {X: a, Y: b}": "unknown key 'data.X'",
    "data: 3": "data must be a path",
    "data: [a, b]": "data must be a path, not a list",
    "data: {samples: cols}": "data.samples must be one of rows, columns",
    "network: [3, 2]": "network must be a mapping",
    "network: {widths: [3, 0]}": "positive whole numbers",
    "network: {widths: [3, 2.5]}": "positive whole numbers",
    "network: {bias: 1}": "true or false",
    "tolerance: -1": "between 0 and 1",
    "tolerance: .nan": "between 0 and 1",
    "tolerance: often": "between 0 and 1",
    "expect: []": "a name",
    "format: 3": "format must be one of table",
    "- a\n- b": "must be a mapping",
    "just text": "must be a mapping",
    "data: a\ndata: b": "given twice",
    "a: &x [1]\nb: *x": "aliases are not allowed",
    "data: [": "cannot be read",
    "tolerance: !!int ''": "the tag !!int",
    "data: !!binary a": "the tag !!binary",
    "data: !own a": "the tag !own",
    "data: ! a": "the tag !",
    "network: !!set {bias}": "line 1",
    "tolerance: 0b_": "cannot be read",
    "tolerance: 2024-13-45": "cannot be read",
    "tolerance: -1_:9_": "between 0 and 1",
    "network: {<<: {bias: true}}": "merge keys are not allowed",
    'network: {"<<": 1}': "unknown key 'network.<<'",
    "? 0x" + "f" * 900 + "\n: 1": "64 bits",
    'data: {y: "a\\0b"}': "no file name",
    "data: !!python/object/apply:os.system ['true']": "cannot be read",
    "data: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}": "nested more than",
    "[" * 5000: "nested more than",
    "1: 2": "unknown key '1'",
    "classify: {tolerence: 1}": "unknown key 'classify.tolerence'",
    "classify: [1]": "classify must be a mapping",
    "classify: {lemmas: 1}": "classify.lemmas must be true or false",
    "check: {lemmas: true}": "unknown key 'check.lemmas'",
    "check: {check: {}}": "unknown key 'check.check'",
    "seed: 1.5": "seed must be a whole number of at least 0, not 1.5",
    "seed: true": "seed must be a whole number",
    "seed: -1": "of at least 0",
    "delta: [1]": "delta must be a number, not a list",
    "interval: 0": "interval must be a number",
    "quiet: -1": "quiet must be true, or how often",
    "max-memory: [1G]": "max-memory must be one value",
    "columns: []": "columns must be a name, or a list of names",
    "columns: [{}]": "columns must be a name",
    "samples: rows\ndata: {samples: columns}": "data.samples says again what samples says",
    "max_memory: 1G\nmax-memory: 2G": "says again what",
    "output: report.txt": "output would be a file of",
    "plot: {output: a.png}": "plot.output would be a file of 4 commands",
    "config: other.yaml": "unknown key 'config'",
    "traceback: true": "unknown key 'traceback'",
    "schema: {document: chekc}": "did you mean 'check'?",
    "? [a, b]\n: 1": "cannot be read",
    "\x00": "cannot be read",
    "x" * (1 << 21): "larger than 1 MiB",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30].encode("unicode_escape").decode())
def test_everything_else_is_refused(tmp_path, text):
    path = tmp_path / "lossurf.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        said(path, "check")
    assert BAD[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_billion_laughs(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    path = tmp_path / "lossurf.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="aliases are not allowed"):
        read_config(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="no file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="directory"):
        read_config(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"data: \xff\xfe\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "b.yaml")


@pytest.mark.parametrize("pattern", ["**/**/**/*.npz", "**/deep/**/*.npz", "a**/*.npz", "*/deep/*.npz"])
def test_stars_find_each_file_once_and_in_time(tmp_path, pattern):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "w.npz").touch()
    path = tmp_path / "lossurf.yaml"
    path.write_text(f"checkpoints: ['{pattern}']")
    found = said(path, "classify")["checkpoints"]
    if pattern == "a**/*.npz":  # the shell's reading: one star
        with pytest.raises(ConfigError, match="no checkpoint matches"):
            found()
    else:
        assert found() == (str(tmp_path / "a" / "deep" / "w.npz"),)


def test_globs_that_match_nothing(tmp_path):
    path = tmp_path / "lossurf.yaml"
    path.write_text("checkpoints: ['*.pt']")
    with pytest.raises(ConfigError, match=r"no checkpoint matches '\*\.pt'"):
        said(path, "classify")["checkpoints"]()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


COMMAND_NAMES = list(commands())
OPTIONS = [
    (names, parameter)
    for names in COMMAND_NAMES
    for parameter in context(*names).command.params
    if parameter.name not in NOT_IN_A_FILE
]


def example(parameter):
    """A value that the parameter has not by default, as a file would say it."""
    kind = parameter.type
    if getattr(parameter, "count", False):
        return 2
    if getattr(parameter, "is_flag", False):
        return True
    if isinstance(kind, click.Choice):
        return next(str(choice) for choice in reversed(kind.choices) if str(choice) != str(parameter.default))
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return 0.25 if getattr(kind, "max", None) == 1.0 else (getattr(kind, "min", None) or 0) + 2
    known = {
        "widths": [7, 5, 3],
        "eigen_set": [1, 3],
        "slopes": [1, 0.5],
        "max_memory": "2G",
        "size": "5x3",
        "directory": "steps",
    }
    return known.get(parameter.name, "w1.npz")


def given(parameter):
    """What the command line must give of a parameter that is required."""
    value = next(iter(parameter.type.choices)) if isinstance(parameter.type, click.Choice) else "given.npz"
    return [max(parameter.opts, key=len), str(value)] if isinstance(parameter, click.Option) else [str(value)]


def file_at(place, names, parameter):
    """Write a file that sets one option: at its top, in the section of the command, or in a pyproject.toml."""
    key, value = max(parameter.opts, key=len).lstrip("-"), json.dumps(example(parameter))
    if place == "top":
        return "lossurf.yaml", f"{parameter.name.replace('_', '-')}: {value}\n"
    if place == "section":
        opened = "".join(f"{{{name}: " for name in names)
        return "lossurf.yaml", f"{opened}{{{key}: {value}{'}' * (len(names) + 1)}"
    return "pyproject.toml", f"[tool.lossurf.{'.'.join(names)}]\n{key} = {value}\n"


@pytest.mark.parametrize("place", ["top", "section", "pyproject"])
@pytest.mark.parametrize("names", COMMAND_NAMES, ids="-".join)
def test_every_option_of_a_command_can_be_set_in_a_file(tmp_path, monkeypatch, names, place):
    """What the help promises. Trusted: click, which is asked where each value came from."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w1.npz").touch()
    for parameter in (parameter for owner, parameter in OPTIONS if owner == names):
        shared = sum(other.name == parameter.name for _, other in OPTIONS) > 1
        if place == "top" and parameter.type is OUTPUT_FILE and shared:
            continue  # refused: each command would overwrite what another wrote
        name, text = file_at(place, names, parameter)
        (tmp_path / name).write_text(text)
        here = context(*names)
        beside = [
            other for other in here.command.params if isinstance(other, click.Argument) and other is not parameter
        ]
        if isinstance(parameter, click.Argument) and beside:
            continue  # of two words the command line takes the first for the first
        needed = [other for other in here.command.params if other.required and other is not parameter]
        needed.sort(key=lambda other: isinstance(other, click.Argument))  # arguments stand in their order
        arguments = [word for other in needed for word in given(other)]
        ctx = here.command.make_context(names[-1], arguments, parent=here.parent)
        assert ctx.get_parameter_source(parameter.name) is ParameterSource.DEFAULT_MAP, text
        assert ctx.params[parameter.name] not in (parameter.default, None, (), False), text


def test_keys_are_told_apart():
    keys = keys_of(context().command)
    names = {max(parameter.opts, key=len).lstrip("-") for _, parameter in OPTIONS}
    assert names <= set(keys)
    assert not names & set(COMMANDS)  # a key is an option or a section
    assert set(GROUPS["data"].values()) == {"data", *DATA_OPTIONS} == {name.replace("_", "-") for name in DATA}


def test_a_section_comes_before_the_top_and_its_places_replace_all(tmp_path):
    text = "data: set\ntolerance: 1e-3\nclassify: {x: X.npy, y: Y.npy, tolerance: 1e-4}\nwatch: {tolerance: 1e-5}\n"
    path = write(tmp_path / "lossurf.yaml", text)
    found = said(path, "classify")
    assert found == {"x": str(tmp_path / "X.npy"), "y": str(tmp_path / "Y.npy"), "tolerance": 1e-4}
    assert said(path, "watch") == {"data": str(tmp_path / "set"), "tolerance": 1e-5}
    assert said(path, "escape")["tolerance"] == 1e-3


def test_a_group_of_commands_has_sections_within_its_section(tmp_path):
    path = write(tmp_path / "lossurf.yaml", "plot: {size: 5x3, levels: {size: 6x4, output: a.png}}\n")
    assert said(path, "plot", "spectrum") == {"size": "5x3"}
    assert said(path, "plot", "levels") == {"size": "6x4", "output": str(tmp_path / "a.png")}
    assert said(path, "check") == {}


def test_what_relu_expects_is_another_thing_than_what_classify_does(tmp_path):
    path = write(tmp_path / "lossurf.yaml", "expect: bad-saddle\nrelu: {expect: holds}\n")
    assert said(path, "relu") == {"expected_status": ("holds",)}
    assert said(path, "classify") == {"expect": ("bad-saddle",)}


def test_one_path_is_the_data_of_a_command_that_takes_many(tmp_path):
    path = write(tmp_path / "lossurf.yaml", "data: set\n")
    assert said(path, "reduce") == {"data": (str(tmp_path / "set"),)}
    write(path, "reduce: {data: [a, 's3://bucket/b-*.csv', '-']}\n")
    assert said(path, "reduce") == {"data": (str(tmp_path / "a"), "s3://bucket/b-*.csv", "-")}


@pytest.mark.parametrize(
    ("text", "keys", "where"),
    [
        ("format: json\nseed: x\n", "seed", "lossurf.yaml, line 2"),
        ("relu:\n\n  seed: x\n", "relu.seed", "lossurf.yaml, line 3"),
        ("network:\n  bias: 1\n", "network.bias", "lossurf.yaml, line 2"),
    ],
)
def test_a_wrong_value_is_told_with_file_line_and_key(tmp_path, text, keys, where):
    with pytest.raises(ConfigError, match=f"^{keys} must be") as caught:
        said(write(tmp_path / "lossurf.yaml", text), "relu")
    assert caught.value.where == str(tmp_path / where)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.lossurf]\nseed = 1.0", "seed must be a whole number"),
        ("[tool.lossurf.relu]\nseed = 'a'", "relu.seed must be a whole number"),
        ("[tool.lossurf]\nsede = 1", "did you mean 'seed'?"),
        ("[tool.lossurf]\ntolerance = 1979-05-27", "between 0 and 1"),
        ("[tool.lossurf]\ndata = 07:32:00", "data must be a path, not a time"),
        ("[tool.lossurf]\nseed = " + "9" * 30, "64 bits"),
        ("[tool.lossurf]\nseed = 0x" + "f" * 9000, "64 bits"),
        ("[tool.lossurf]\nseed = " + "9" * 9000, "cannot be read"),
        ("[tool.lossurf]\nseed = nan", "whole number"),
        ("[tool.lossurf]\ntolerance = nan", "between 0 and 1"),
        ("[tool.lossurf]\nseed = 1\nseed = 2", "cannot be read"),
        ("[tool.lossurf]\na" + ".a" * 9 + " = 1", "nested more than"),
        ("[tool.lossurf]\na" + ".a" * 260000 + " = 1", "thousands of dots"),
        ("[tool.lossurf]\nx = " + "[" * 100000, "cannot be read"),
        ("[tool]\nlossurf = 3", "must be a mapping"),
        ("[tool.other]\nx = 1", "no table [tool.lossurf]"),
        ("seed = 1\nseed\n", "line 2"),
        ("x = 1\n" * 300000, "larger than 1 MiB"),
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_toml_is_as_strict(tmp_path, text, told):
    start = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        said(write(tmp_path / "pyproject.toml", text), "relu")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 20.0  # dotted keys would take minutes


def test_a_toml_of_another_name_is_ours_as_a_whole(tmp_path):
    path = write(tmp_path / "ours.toml", "seed = 3\n[relu]\nseed = 4\n")
    assert said(path, "audit") == {"seed": 3}
    assert said(path, "relu") == {"seed": 4}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository, with the working directory two levels down."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    below = tmp_path / "repository" / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path / "repository"


def test_the_nearest_file_is_found_and_no_other(project):
    assert find_config() is None
    write(project / "pyproject.toml", "[tool.lossurf]\nformat = 'json'\n")
    assert find_config() == Path("..", "..", "pyproject.toml")
    assert said(find_config(), "check") == {"format": "json"}
    write(project / "a" / "pyproject.toml", "[tool.other]\n")
    assert find_config() == Path("..", "..", "pyproject.toml")
    write(project / "lossurf.yaml", "data: set\n")
    assert said(find_config(), "check") == {"data": str(Path("..", "..", "set"))}
    write(project / "a" / "b" / "lossurf.yaml", "# nothing\n")
    assert str(find_config()) == "lossurf.yaml"
    assert said(find_config(), "check") == {}


def test_a_repository_is_not_left_nor_the_home_directory(project, monkeypatch):
    write(project.parent / "lossurf.yaml", "format: json\n")
    assert find_config() is None
    (project / ".git").rmdir()
    assert find_config() is not None
    monkeypatch.setenv("HOME", str(project))
    assert find_config() is None
    write(project / "lossurf.yaml", "format: json\n")
    assert find_config() is not None  # the home directory's own


def test_a_file_of_somebody_else_above_is_no_setting_of_ours(project, monkeypatch):
    path = write(project / "lossurf.yaml", "format: json\n")
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 12345)
    if path.stat().st_uid == 0:  # root's own files are everybody's
        os.chown(path, 54321, -1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        find_config()
    monkeypatch.chdir(project)
    assert str(find_config()) == "lossurf.yaml"  # here it was asked for


def test_a_project_file_that_is_not_ours_is_left_alone(project):
    for text in ("not toml [", "a" + ".a" * 260000 + " = 1", "[tool.lossurfer]\nx = 1\n", "tool = 3\n# lossurf"):
        write(project / "pyproject.toml", text)
        assert find_config() is None, text
    write(project / "pyproject.toml", "[tool.lossurf\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        find_config()
    (project / "pyproject.toml").unlink()
    (project / "pyproject.toml").mkdir()
    assert find_config() is None
