"""Results on matplotlib's axes. Trusted: the stored documents and the results, read back from what is on the axes."""

from __future__ import annotations

import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from process import ROOT

import lossurf
from lossurf.errors import MissingExtraError, UsageError
from lossurf.report.figures.canvas import MARKS

mpl.use("Agg")
from matplotlib import pyplot as plt

WINE = ROOT / "sample_data" / "wine"


@pytest.fixture(scope="module")
def data():
    return lossurf.read(WINE)


@pytest.fixture(scope="module")
def run(data):
    return lossurf.watch(WINE / "run" / "*.npz", data)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def points_of(axes, kind):
    look = MARKS[kind]
    lines = [line for line in axes.get_lines() if line.get_marker() == look.marker and line.get_color() == look.color]
    return [(x, y) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_a_panel_is_drawn_on_the_given_axes_and_no_figure_is_made(data):
    figure, (left, right) = plt.subplots(1, 2)
    checked = lossurf.check(data, widths=(10, 4, 2, 3))
    assert checked.plot(left) is left
    assert checked.plot(right, panel="losses") is right
    assert plt.get_fignums() == [figure.number]
    bars = left.collections[0].get_segments()
    expected = [
        [value - error, value + error]
        for value, error in zip(checked.eigenvalues, checked.eigenvalues_error, strict=True)
    ]
    assert [bar[:, 1].tolist() for bar in bars] == [pytest.approx(ends) for ends in expected]
    assert right.get_lines()[0].get_ydata().tolist() == checked.loss_by_rank.tolist()
    assert right.get_legend() is not None


def test_without_axes_a_new_figure_holds_the_panel(run):
    axes = run.plot()
    assert plt.get_fignums() == [axes.figure.number]
    assert axes.figure.axes == [axes]
    losses = [step.classification.loss for step in run.results]
    assert axes.get_lines()[0].get_ydata().tolist() == losses
    assert axes.get_xlabel() == "step, from the checkpoints' names"
    assert [text.get_text()[:5] for text in axes.texts] == ["$L_{0", "$L_{1", "$L_{2"]


def test_every_panel_of_every_picture_is_drawn(data, run):
    steep = lossurf.watch([WINE / "run" / "step-05000.npz", WINE / "run" / "step-06000.npz"], data, curvature=True)
    for result, panels in (
        (lossurf.plot.spectrum(data), ("eigenvalues", "losses")),
        (lossurf.plot.levels(data, widths=[10, 4, 3]), ("levels", "indices")),
        (lossurf.plot.surface(WINE / "checkpoints" / "bad-saddle.npz", data, points=11), ("plane", "cut")),
        (lossurf.audit(data, widths=[10, 4, 3]), ("levels",)),
        (run, ("losses", "left", "gradients", "indices")),
        (steep, ("curvatures",)),
    ):
        for panel in panels:
            axes = result.plot(panel=panel)
            assert axes.get_ylabel(), panel
            assert axes.has_data(), panel
            axes.figure.canvas.draw()


def test_points_of_several_results_gather_on_the_same_axes_and_each_kind_is_named_once(data):
    files = lossurf.classify_files(WINE / "checkpoints" / "*.npz", data)
    zero = lossurf.classify([np.zeros((4, 10)), np.zeros((3, 4))], data)
    axes = files.plot(panel="indices")
    assert zero.plot(axes, panel="indices") is axes
    expected = [(found.loss, found.inertia.negative) for found in (*files.results, zero) if found.inertia]
    assert sorted(point for kind in MARKS for point in points_of(axes, kind)) == sorted(expected)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(names) == len(set(names))
    assert set(names) == {str(found.verdict) for found in (*files.results, zero) if found.inertia}


def test_what_is_left_to_gain_is_drawn_against_the_gradient_measure_down_to_rounding(data):
    files = lossurf.classify_files(WINE / "checkpoints" / "*.npz", data)
    axes = files.plot()
    drawn = sorted(point for kind in MARKS for point in points_of(axes, kind))
    expected = sorted((max(found.gradient, 1e-16), max(found.relative_gap, 1e-16)) for found in files.results)
    assert drawn == expected
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_axes_on_a_part_of_a_figure_are_drawn_on(run):
    axes = plt.figure().subfigures(1, 2)[0].subplots()
    assert run.plot(axes) is axes
    assert len(axes.texts) == 3


def test_what_cannot_be_drawn_is_refused_and_leaves_no_figure(data, run):
    with pytest.raises(UsageError, match=r"'loss' is no panel of this picture.*losses, left, gradients"):
        run.plot(panel="loss")
    with pytest.raises(UsageError, match="nothing for the panel 'curvatures'"):
        run.plot(panel="curvatures")
    early = replace(run, results=run.results[:2], plateaus=())
    with pytest.raises(UsageError, match="nothing for the panel 'left'"):
        early.plot(panel="left")
    far = lossurf.classify([np.ones((4, 10)), np.ones((3, 4))], data)
    with pytest.raises(UsageError, match="nothing for the panel 'indices'"):
        far.plot(panel="indices")
    huber = lossurf.check(data, loss="huber")
    with pytest.raises(UsageError, match="nothing for the panel 'eigenvalues'"):
        huber.plot()
    assert plt.get_fignums() == []
    with pytest.raises(UsageError, match=r"a ndarray is no Axes of matplotlib.*axes\[0\]"):
        run.plot(plt.subplots(1, 2)[1])


def test_without_matplotlib_one_line_says_how_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError) as told:
        run.plot()
    assert str(told.value) == (
        "drawing a picture needs the optional extra 'plot'; install it with: pip install 'lossurf[plot]'"
    )
