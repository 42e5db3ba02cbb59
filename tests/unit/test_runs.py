"""Several runs beside each other. Trusted: each of them watched alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from process import ROOT
from schemas import check_document

import lossurf
from lossurf.callbacks import Monitor
from lossurf.errors import InputError, UsageError
from lossurf.report.figures import run as figure
from lossurf.report.figures.canvas import draw
from lossurf.report.json_text import lines_of

mpl.use("Agg")
from matplotlib import pyplot as plt

WINE = ROOT / "sample_data" / "wine"
SAVED = sorted((WINE / "run").glob("*.npz"))
DATA = lossurf.read(WINE)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three runs in directories: one that ends, one that was stopped early, and one that rests on L_1."""
    folder = tmp_path_factory.mktemp("runs")
    for name, files in {"seed-1": SAVED, "seed-2": SAVED[:3], "seed-10": SAVED[3:6]}.items():
        (folder / name).mkdir()
        for file in files:
            shutil.copy(file, folder / name)
    return folder


@pytest.fixture(scope="module")
def compared(seeds):
    return lossurf.watch(seeds / "*", DATA, runs=True)


def test_a_run_is_told_as_it_is_told_alone(compared):
    assert [Path(run.name).name for run in compared.runs] == ["seed-1", "seed-2", "seed-10"]
    alone = [lossurf.watch(f"{run.name}/*.npz", DATA) for run in compared.runs]
    for run, one in zip(compared.runs, alone, strict=True):
        last = one.results[-1]
        assert run.checkpoints == len(one.results)
        assert (run.last, run.verdict) == (last.classification.checkpoint, last.classification.verdict)
        assert (run.loss, run.gap, run.gradient) == (
            last.classification.loss,
            last.classification.gap,
            last.classification.gradient,
        )
        assert (run.on_level, run.for_checkpoints) == (last.on_level, last.for_checkpoints)
    assert [run.arrived and Path(run.arrived).name for run in compared.runs] == ["step-04500.npz", None, None]
    assert compared.levels == alone[0].levels
    drifts = [step.drift for one in alone for step in one.results]
    assert [step.drift for step in compared.results] == drifts
    assert [(p.first, p.last) for p in compared.plateaus] == [(p.first, p.last) for o in alone for p in o.plateaus]
    assert {p.run for p in compared.plateaus} == {run.name for run in compared.runs}


def test_a_pattern_of_files_gives_the_same_runs_and_names_may_be_given(seeds, compared):
    by_files = lossurf.watch(seeds / "*" / "*.npz", DATA, runs=True)
    assert by_files.to_dict() == compared.to_dict()
    named = lossurf.watch({"sgd": seeds / "seed-1" / "*.npz", "adam": f"{seeds}/seed-2/*.npz"}, DATA)
    assert [(run.name, run.checkpoints) for run in named.runs] == [("sgd", 11), ("adam", 3)]
    assert {step.run for step in named.results} == {"sgd", "adam"}


def test_one_run_says_of_itself_what_it_said_before(seeds):
    alone = lossurf.watch(seeds / "seed-2" / "*.npz", DATA).to_dict()
    assert alone["runs"] is None
    assert {result["run"] for result in alone["results"]} == {None}


def test_the_document_and_its_lines_are_those_of_the_schema(compared):
    document = compared.to_dict()
    check_document(document)
    for line in lines_of(document):
        check_document(line, is_line=True)


@pytest.mark.parametrize(("expect", "ok"), [((), True), (("global-minimum",), False), (("not-critical",), False)])
def test_every_run_must_be_where_it_is_expected(seeds, expect, ok):
    assert lossurf.watch(seeds / "*", DATA, runs=True, expect=expect).ok is ok
    assert lossurf.watch(seeds / "seed-2", DATA, runs=True, expect=["not-critical"]).ok


def test_the_table_has_a_row_a_run_and_the_rest_stands_in_detail(compared):
    text = " ".join(compared.report().split())
    assert "3 runs, by the last checkpoint of each: 1 global-minimum, 2 not-critical." in text
    assert "The lowest loss is 147.089, of seed-1; the highest 203.227, of seed-2." in text
    assert "L_0 2, L_1 3, L_2 4" in text
    assert "step-01500" not in text
    assert "seed-1: step-01500.npz" in compared.report("markdown", verbosity=2)
    junit = lossurf.watch([run.name for run in compared.runs], DATA, runs=True, expect=["global-minimum"])
    assert 'tests="3" failures="2"' in junit.report("junit")


def test_networks_of_other_widths_are_compared_on_the_same_levels(tmp_path):
    for name, width in (("narrow", 1), ("wide", 3)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "step-0.npz", W1=np.zeros((width, 10)), W2=np.zeros((3, width)))
    run = lossurf.watch(tmp_path / "*", DATA, runs=True)
    assert [level.rank for level in run.levels] == [0, 1, 2, 3]
    assert [step.classification.rank_max for step in run.results] == [1, 3]


def test_a_run_on_other_data_is_refused_by_name_and_the_others_are_told(tmp_path, seeds):
    (tmp_path / "biased").mkdir()
    network = {"0.weight": np.zeros((4, 10)), "1.weight": np.zeros((3, 4)), "1.bias": np.zeros(3)}
    np.savez(tmp_path / "biased" / "step-0.npz", **network)
    other = Monitor(lossurf.Data(*(2.0 * part for part in DATA.samples())), path=tmp_path / "other.jsonl")
    other.step(np.load(SAVED[0]), 0)
    run = lossurf.watch([seeds / "seed-2", tmp_path / "biased", tmp_path / "other.jsonl"], DATA, runs=True)
    assert [Path(one.name).name for one in run.runs] == ["seed-2"]
    assert [Path(one.checkpoint).name for one in run.unreadable] == ["step-0.npz", "other.jsonl"]
    assert all("other data than the first run" in one.error.what for one in run.unreadable)
    assert not run.ok


def test_a_directory_without_checkpoints_is_not_passed_over(tmp_path, seeds):
    (tmp_path / "empty").mkdir()
    run = lossurf.watch([seeds / "seed-2", tmp_path / "empty"], DATA, runs=True)
    assert [Path(one.checkpoint).name for one in run.unreadable] == ["empty"]
    with pytest.raises(InputError, match="directory"):
        lossurf.watch(tmp_path / "empty", DATA, runs=True)


def test_checkpoints_of_several_networks_in_one_run_are_told_of_runs(tmp_path):
    np.savez(tmp_path / "other.npz", W1=np.zeros((3, 10)), W2=np.zeros((3, 3)))
    run = lossurf.watch([SAVED[0], tmp_path / "other.npz"], DATA)
    assert "runs= where each directory holds one" in str(run.unreadable[0].exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expect": ["fine"]}, "not a verdict"),
        ({"step": 0.0, "curvature": True}, "no positive"),
        ({"step": 1.0, "reduction": "x"}, "no reduction"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        lossurf.watch(SAVED[0], DATA, **options)


def test_the_picture_has_a_line_a_run_with_the_mark_of_its_last_verdict(compared):
    axes = compared.plot()
    lines = [line for line in axes.get_lines() if line.get_label() in {"seed-1", "seed-2", "seed-10"}]
    assert [line.get_label() for line in lines] == ["seed-1", "seed-2", "seed-10"]
    assert len({line.get_linestyle() + str(line._dash_pattern) for line in lines}) == 3  # without colour
    for line, run in zip(lines, compared.runs, strict=True):
        losses = [step.classification.loss for step in compared.results if step.run == run.name]
        assert line.get_ydata().tolist() == losses
    marks = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    ends = sorted(y for line in marks for y in line.get_ydata())
    assert ends == sorted(run.loss for run in compared.runs)
    left = compared.plot(panel="left").get_lines()
    assert [len(line.get_xdata()) for line in left if line.get_linestyle() != "None"] == [11, 3, 3]
    plt.close("all")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_line_of_the_picture_stands_out_from_its_ground(compared, theme):
    svg = draw(figure.paint, compared.to_dict(), "svg", (7.0, 5.0), theme=theme).decode().lower()
    ink = {"light": "#000000", "dark": "#e7e9ed"}[theme]
    assert f"stroke: {ink}; stroke-width" in svg
    assert "seed-10" in svg


def test_steps_and_counts_are_not_put_on_one_axis(tmp_path, seeds):
    for name in ("a", "b"):
        shutil.copy(SAVED[0], tmp_path / f"{name}.npz")
    axes = lossurf.watch([seeds / "seed-2", tmp_path], DATA, runs=True).plot()
    assert axes.get_xlabel() == "checkpoint"
    assert [list(line.get_xdata()) for line in axes.get_lines() if line.get_label() == "seed-2"] == []
    assert list(axes.get_lines()[0].get_xdata()) == [1, 2, 3]
    plt.close("all")


def test_the_page_draws_and_names_every_run(compared):
    page = compared.report("html")
    assert all(f'class="run-{number}"' in page for number in range(3))
    assert page.count("seed-10") >= 3
    assert json.dumps(compared.to_dict()["runs"][0]["loss"]) in page
