"""Trusted: the documents: what stands in a picture is read back from matplotlib's objects and compared."""

from __future__ import annotations

import io
import json
import re
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from process import ROOT

from lossurf.errors import MissingExtraError, UsageError
from lossurf.report.figures import canvas, levels, run, spectrum, surface
from lossurf.report.figures.canvas import MARKS, draw, require_form, spread
from lossurf.report.figures.heights import shown_heights
from lossurf.words import PLAIN_VERDICTS

STORED = ROOT / "tests" / "data" / "documents"
PAINTERS = {"watch": run, "watch-runs": run, "plot-spectrum": spectrum, "plot-levels": levels, "plot-surface": surface}


def document(name):
    return json.loads((STORED / f"{name}.json").read_text("utf-8"))


def painted(name):
    figure = Figure(figsize=(8.0, 5.0))
    PAINTERS[name].paint(figure, canvas.in_readable_units(document(name)))
    return figure


def texts(axes):
    return [text.get_text() for text in axes.texts]


def points_of(axes, kind):
    """Positions of the marks of one kind, by their shape and colour."""
    look = MARKS[kind]
    lines = [line for line in axes.get_lines() if line.get_marker() == look.marker and line.get_color() == look.color]
    return [(x, y) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "svg") for name in PAINTERS), *(("plot-levels", form) for form in ("png", "pdf"))],
)
def test_the_same_document_gives_the_same_bytes_of_the_right_kind(name, form):
    files = [draw(PAINTERS[name].paint, document(name), form, (6.0, 4.0)) for _ in range(2)]
    assert files[0] == files[1]
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[form]
    assert files[0].startswith(magic)


def test_the_users_own_style_and_backend_do_not_matter(monkeypatch):
    import matplotlib

    plain = draw(levels.paint, document("plot-levels"), "svg", (6.0, 4.0))
    monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "pink")
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30.0)
    assert draw(levels.paint, document("plot-levels"), "svg", (6.0, 4.0)) == plain
    assert matplotlib.rcParams["font.size"] == 30.0


def test_size_is_in_inches():
    png = draw(run.paint, document("watch"), "png", (5.0, 3.0))
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (1000, 600)  # 200 dots an inch


def test_a_run_shows_each_loss_at_its_step_between_labelled_levels():
    told = document("watch")
    axes, left, gradients, ways = painted("watch").axes
    assert ways.get_ylabel() == "ways\ndown"
    steps = [int(result["checkpoint"][-9:-4]) for result in told["results"]]
    for kind in MARKS:
        pairs = zip(steps, told["results"], strict=True)
        expected = [(step, result["loss"]) for step, result in pairs if result["verdict"] == kind]
        assert points_of(axes, kind) == expected
    assert texts(axes) == [f"$L_{{{level['rank']}}}$ = {level['loss']:.5g}" for level in told["levels"]]
    least = told["levels"][-1]["loss"]
    unresolved = 1e-13 * (told["levels"][0]["loss"] - least)
    assert left.get_yscale() == gradients.get_yscale() == "log"
    expected = [max(result["loss"] - least, unresolved) for result in told["results"]]
    assert left.get_lines()[0].get_ydata().tolist() == pytest.approx(expected, rel=1e-12, abs=0.0)
    assert "1e-06" in texts(gradients)[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["run/step-00010.npz", "run/step-00200.npz"], [10, 200]),
        (["epoch3-v2.npz", "epoch4-v2.npz"], [1, 2]),  # the last number does not grow: no step
        (["a.npz", "b.npz", "c.npz"], [1, 2, 3]),
        (["2024/a1.npz", "2024/a2.npz"], [1, 2]),
        (["9.npz", "10.npz"], [9, 10]),
    ],
)
def test_steps_are_read_from_names_that_count(names, expected):
    assert run.steps(names)[0] == expected


def test_losses_far_apart_are_drawn_on_a_logarithmic_scale():
    told = document("watch")
    told["results"][0]["loss"] = 1e6
    figure = Figure()
    run.paint(figure, canvas.in_readable_units(told))
    assert figure.axes[0].get_yscale() == "log"
    assert painted("watch").axes[0].get_yscale() == "linear"


def test_a_spectrum_shows_values_with_bars_and_zeros_apart():
    told = document("plot-spectrum")
    left, right = painted("plot-spectrum").axes
    sure = [item for item in told["eigenvalues"] if item["low"] > 0.0]
    bars = left.collections[0].get_segments()
    for bar, item in zip(bars, sure, strict=True):
        assert bar[:, 1].tolist() == pytest.approx([item["low"], item["high"]], rel=1e-12)
    zeros = [line for line in left.get_lines() if line.get_marker() == "v"]
    assert zeros[0].get_xdata().tolist() == [item["index"] for item in told["eigenvalues"] if item["low"] <= 0.0]
    assert right.get_lines()[0].get_ydata().tolist() == told["loss_by_rank"]
    assert f"{told['loss_by_rank'][told['rank_max']]:.5g}" in texts(right)[0]


def test_levels_show_each_value_at_its_rank_with_the_mark_of_its_worst_kind():
    told = document("plot-levels")
    axes = painted("plot-levels").axes[0]
    for kind in ("global-minimum", "bad-saddle", "strict-saddle"):
        expected = [(value["rank"], value["loss"]) for value in told["critical_values"] if value["kinds"][0] == kind]
        assert sorted(points_of(axes, kind)) == sorted(expected)


def test_a_crowd_of_values_is_drawn_as_lines_that_do_not_cover_each_other():
    told = document("plot-levels")
    told["critical_values"] += [
        {
            "rank": 1,
            "eigen_indices": [k],
            "loss": 200.0 + k,
            "kinds": ["strict-saddle"],
            "index_least": 1,
            "index_most": 2,
            "index_most_proved": False,
        }
        for k in range(60)
    ]
    figure = Figure()
    levels.paint(figure, canvas.in_readable_units(told))
    assert points_of(figure.axes[0], "strict-saddle") == []
    assert sum(len(line.get_xdata()) for line in figure.axes[0].get_lines() if line.get_marker() == "_") > 60


def test_a_surface_shows_the_point_in_the_middle_the_cut_and_its_levels():
    told = document("plot-surface")
    plane, cut = painted("plot-surface").axes[:2]
    assert points_of(plane, told["verdict"]) == [(0.0, 0.0)]
    assert points_of(cut, told["verdict"]) == [(0.0, told["loss"])]
    assert cut.get_lines()[0].get_ydata().tolist() == told["cut"]["losses"]
    low, high = cut.get_ylim()
    shown = [f"$L_{{{level['rank']}}}$ = {level['loss']:.5g}" for level in told["levels"] if low < level["loss"] < high]
    assert len(shown) >= 2
    assert texts(cut) == shown


def test_labels_are_moved_apart_and_keep_their_order():
    assert spread([1.0, 5.0, 9.0], 2.0) == [1.0, 5.0, 9.0]
    assert spread([5.0, 5.0], 2.0) == [4.0, 6.0]
    crowded = [3.0, 3.1, 3.2, 10.0, 2.9]
    moved = spread(crowded, 2.0)
    order = sorted(range(5), key=lambda k: crowded[k])
    heights = [moved[k] for k in order]
    assert all(b - a >= 2.0 - 1e-12 for a, b in pairwise(heights))
    assert spread([], 1.0) == []


@pytest.mark.parametrize("name", ["picture.jpg", "picture", "picture.png.gz"])
def test_other_forms_are_refused(name, tmp_path):
    with pytest.raises(UsageError, match=r"no form of a picture.*\.png, \.svg, \.pdf"):
        require_form(tmp_path / name)


def test_without_matplotlib_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"lossurf\[plot\]"):
        require_form(tmp_path / "picture.png")


def test_marks_differ_without_colour():
    assert len({(look.marker, look.filled) for look in MARKS.values()}) == len(MARKS)
    plain = [MARKS[kind].color for kind in PLAIN_VERDICTS]  # those with weight decay never stand beside bad saddles
    assert len(set(plain)) == len(plain)
    assert canvas.FORMS.keys() == {"png", "svg", "pdf"}


def test_losses_at_the_ends_of_float64_are_drawn_in_a_unit_that_the_axis_names():
    told = document("watch")
    for factor, unit in ((1e300, "1e+302"), (1e-300, "1e-298")):
        far = canvas._scaled(told, -round(np.log10(factor)))
        assert far["results"][0]["loss"] == pytest.approx(told["results"][0]["loss"] * factor, rel=1e-12, abs=0.0)
        figure = Figure()
        run.paint(figure, canvas.in_readable_units(far))
        assert unit in figure.axes[0].get_ylabel()
        drawn = [y for kind in MARKS for _, y in points_of(figure.axes[0], kind)]
        assert max(drawn) == pytest.approx(told["results"][0]["loss"] / 100.0, rel=1e-12, abs=0.0)
    assert canvas.in_readable_units(told)["results"] == told["results"]


SIZES = [(3.3, 2.4), (3.3, 3.6), (7.0, 4.5), (12.0, 6.0)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", PAINTERS)
def test_words_are_legible_and_nothing_runs_off_the_sheet(name, size):
    """By the picture itself: its outermost pixels are ground; and no word is smaller than 5.8 points."""
    points = []

    def paint(figure, told):
        PAINTERS[name].paint(figure, told)
        points.extend(text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip())

    theme = "dark" if size[0] > 5.0 else "light"
    png = draw(paint, document(name), "png", size, theme=theme)
    pixels = imread(io.BytesIO(png))[:, :, :3]
    ground = [int(canvas.THEMES[theme]["ground"][at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert np.abs(edge - ground).max() < 0.02
    assert min(points) >= 5.8


def words_of(svg):
    return re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)


def test_the_picture_in_the_readme_is_the_one_that_is_drawn_today():
    """By its words; the bytes are matplotlib's and change with its versions."""
    kept = (ROOT / "lossurf" / "manual" / "run.svg").read_text("utf-8")
    drawn = draw(run.paint, document("watch"), "svg", (7.5, 5.7)).decode()
    assert [re.sub(r"<[^>]*>", "", word) for word in words_of(kept)] == [
        re.sub(r"<[^>]*>", "", word) for word in words_of(drawn)
    ]


def test_text_in_an_svg_is_text():
    svg = draw(spectrum.paint, document("plot-spectrum"), "svg", (7.0, 4.0)).decode()
    assert "explained" in svg
    assert svg.count("<text") > 15


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-6, 1e-3])
def test_around_a_trained_minimum_the_surroundings_decide_what_is_shown(gap):
    """A point within rounding of L* is not drawn on a scale of rounding: the level above it is in the picture."""
    told = document("plot-surface")
    levels_told = [level["loss"] for level in told["levels"]]
    gain = levels_told[0] - levels_told[-1]
    told["loss"] = levels_told[-1] + gap * gain
    told["losses"] = [[told["loss"] + gain * (i * i + j * j) / 50.0 for i in range(-5, 6)] for j in range(-5, 6)]
    told["cut"]["losses"] = [told["loss"] + gain * (k / 10.0) ** 2 for k in range(-10, 11)]
    low, high = shown_heights(told)
    assert low == pytest.approx(levels_told[-1])
    above = min(level for level in levels_told if level > told["loss"] + 0.05 * gain)
    assert above < high <= max(told["cut"]["losses"])


def test_a_low_figure_of_a_run_keeps_the_losses_and_a_high_one_has_every_panel():
    names = {}
    for height in (2.0, 2.9, 3.6, 4.5):
        figure = Figure(figsize=(6.0, height))
        run.paint(figure, canvas.in_readable_units(document("watch")))
        names[height] = [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]
    assert names == {
        2.0: ["loss"],
        2.9: ["loss", "left above $L^*$"],
        3.6: ["loss", "left above $L^*$", "gradient measure"],
        4.5: ["loss", "left above $L^*$", "gradient measure", "ways down"],
    }


@pytest.mark.parametrize("theme", canvas.THEMES)
def test_marks_stand_out_from_the_ground_of_every_theme(theme):
    """WCAG 2.2, 1.4.11: 3 to 1."""
    ground = canvas.THEMES[theme]["ground"]
    for look in MARKS.values():
        assert contrast(look.color, ground) >= 2.7, look
    assert contrast(canvas.THEMES[theme]["ink"], ground) >= 7.0


def contrast(one, other):
    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
