"""The configuration file: what it may say, and that nothing else gets through."""

from __future__ import annotations

import pytest

from lossurf.errors import ConfigError
from lossurf.inputs.config import read_config

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
    found = read_config(path)
    checkpoints = found.pop("checkpoints")
    assert checkpoints() == (str(tmp_path / "run" / "w9.npz"), str(tmp_path / "run" / "w10.npz"))
    assert found == {
        "x": str(tmp_path / "X.npy"),
        "y": str(tmp_path / "sub" / "Y.npy"),
        "samples": "columns",
        "widths": "5,3,2",
        "bias": True,
        "expect": ("global-minimum",),
        "tolerance": 1e-7,
        "format": "json",
    }


def test_default_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_config() == {}
    (tmp_path / "lossurf.yaml").write_text("data: set\n")
    assert read_config() == {"data": "set"}
    (tmp_path / "lossurf.yaml").write_text("# only a comment\n")
    assert read_config() == {}


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
    "format: 3": "name of a format",
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
    "? [a, b]\n: 1": "cannot be read",
    "\x00": "cannot be read",
    "x" * (1 << 21): "larger than 1 MiB",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30].encode("unicode_escape").decode())
def test_everything_else_is_refused(tmp_path, text):
    path = tmp_path / "lossurf.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
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
    found = read_config(path)["checkpoints"]
    if pattern == "a**/*.npz":  # the shell's reading: one star
        with pytest.raises(ConfigError, match="no checkpoint matches"):
            found()
    else:
        assert found() == (str(tmp_path / "a" / "deep" / "w.npz"),)


def test_globs_that_match_nothing(tmp_path):
    path = tmp_path / "lossurf.yaml"
    path.write_text("checkpoints: ['*.pt']")
    with pytest.raises(ConfigError, match=r"no checkpoint matches '\*\.pt'"):
        read_config(path)["checkpoints"]()
