"""`lossurf plot` as a process, without a display."""

from __future__ import annotations

import json

import pytest
from process import ROOT, python
from schemas import check_output

WINE = ROOT / "sample_data" / "wine"
SADDLE = WINE / "checkpoints" / "bad-saddle.npz"
KINDS = {
    "spectrum": ("spectrum", WINE, "--widths", "10,4,2,3"),
    "levels": ("levels", WINE, "--widths", "10,4,3,3"),
    "surface": ("surface", SADDLE, "--data", WINE, "--points", "21"),
    "run": ("run", WINE / "run" / "*.npz", "--data", WINE),
}


def plot(*args, **options):
    done = python("-m", "lossurf", "plot", *args, **options)
    check_output(done.stdout)
    return done


def drawn(kind, path, form):
    """Draw a picture whatever display there is, and return its bytes and the document beside it."""
    done = plot(*KINDS[kind], "-o", path, "--format", form, env={"MPLBACKEND": "TkAgg", "DISPLAY": ""})
    assert (done.returncode, done.stderr) == (0, "")
    return path.read_bytes(), done.stdout.replace(str(path), "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_every_kind_has_its_document(kind, tmp_path):
    picture, document = drawn(kind, tmp_path / "a.png", "json")
    assert picture.startswith(b"\x89PNG")
    assert json.loads(document).get("kind", "run") == kind


def test_the_same_input_gives_the_same_picture_and_document(tmp_path):
    assert drawn("levels", tmp_path / "a.png", "json") == drawn("levels", tmp_path / "b.png", "json")
    assert drawn("levels", tmp_path / "c.svg", "table")[0].startswith(b"<?xml")


def test_levels_tell_the_kinds_of_point(tmp_path):
    done = plot(*KINDS["levels"], "-o", tmp_path / "levels.pdf")
    assert "8 critical values" in done.stdout
    assert "bad-saddle, strict-saddle" in done.stdout
    assert (tmp_path / "levels.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (("spectrum", WINE, "-o", "picture.gif"), "no form of a picture"),
        (("spectrum", WINE), "--output"),
        (("spectrum", WINE, "--widths", "9,3", "-o", "p.png"), "dx = 10"),
        (("levels", WINE, "-o", "p.png"), "--widths"),
        (("levels", WINE, "--widths", "10,4,2", "-o", "p.png"), "dy = 3"),
        (("surface", SADDLE, "--data", WINE, "--points", "5", "-o", "p.png"), "--points"),
        (("surface", WINE / "none.npz", "--data", WINE, "-o", "p.png"), "none.npz"),
        (("spectrum", WINE, "--size", "7by3", "-o", "p.png"), "7x4"),
        (("spectrum", WINE, "--size", "7x300", "-o", "p.png"), "50x50"),
        (("spectrum", WINE, "--size", "7x3x2", "-o", "p.png"), "7x4"),
        (("spectrum", WINE, "--size", "nan", "-o", "p.png"), "50x50"),
        (("spectrum", WINE, "--theme", "pink", "-o", "p.png"), "light"),
        (("run", "none*.npz", "--data", WINE, "-o", "p.png"), "none"),
        (("spectrum", WINE, "-o", "no-such-folder/p.png"), "no-such-folder"),
        (("specturm", WINE, "-o", "p.png"), "specturm"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(args, fault, tmp_path):
    done = plot(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_without_a_kind_the_help_goes_to_standard_error():
    done = plot()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: lossurf plot")
    assert "spectrum" in done.stderr


def test_without_matplotlib_the_extra_is_named(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from lossurf.cli import main; main(sys.argv[1:])"
    done = python("-c", code, "plot", *KINDS["spectrum"], "-o", tmp_path / "p.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert "lossurf[plot]" in done.stderr


@pytest.mark.parametrize(("size", "pixels"), [("3.3", (660, 726)), ("5x2", (1000, 400)), ("6", (1200, 544))])
def test_a_width_alone_gives_a_height_that_suits_the_picture(tmp_path, size, pixels):
    done = plot(*KINDS["spectrum"], "-o", tmp_path / "p.png", "--size", size)
    assert (done.returncode, done.stderr) == (0, "")
    png = (tmp_path / "p.png").read_bytes()
    assert tuple(int.from_bytes(png[at : at + 4], "big") for at in (16, 20)) == pixels  # 200 dots an inch


def test_the_dark_theme_is_drawn_on_a_dark_ground(tmp_path):
    plot(*KINDS["spectrum"], "-o", tmp_path / "p.svg", "--theme", "dark")
    svg = (tmp_path / "p.svg").read_text("utf-8")
    assert "#1b1e24" in svg
    assert "#ffffff" not in svg


def test_a_run_is_reported_as_watch_reports_it(tmp_path):
    done = plot(*KINDS["run"], "-o", tmp_path / "run.png", "--format", "json")
    watched = json.loads(
        python("-m", "lossurf", "watch", WINE / "run" / "*.npz", "--data", WINE, "--format", "json").stdout
    )
    assert json.loads(done.stdout) == {**watched, "figure": str(tmp_path / "run.png")}


def test_a_checkpoint_of_a_run_that_cannot_be_read_is_told_and_the_others_are_drawn(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"no")
    done = plot("run", SADDLE, tmp_path / "broken.npz", "--data", WINE, "-o", tmp_path / "run.png")
    assert done.returncode == 2
    assert "broken.npz" in done.stderr
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
