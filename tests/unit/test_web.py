"""The page of `--format html`, read back with the standard library's parser, and the parts it is drawn with.

Trusted: the document the page was made of; closed forms of areas for outlines; WCAG 2.2's formula for contrast.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from process import ROOT

import lossurf
from lossurf.report import json_text
from lossurf.report.render import RENDERERS, Style
from lossurf.report.web.contours import on_rim, outlines
from lossurf.report.web.elements import Verbatim, command_line, element, markup
from lossurf.report.web.page import style_sheet
from lossurf.report.web.pictures import pictures_of
from lossurf.report.web.scales import Scale, level_text, power_text, spanning, spanning_decades, tick_text

STORED = sorted((ROOT / "tests" / "data" / "documents").glob("*.json"))
VOID = {"meta", "link"}
CLOSES_ITSELF = {"path", "line", "circle", "rect", "polyline"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;</title></style>\u202egnp\u2066\x1b[31m\udcff"


class Tree(HTMLParser):
    """The elements of a page as (tag, attributes), the text within each tag, and a check that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.text[tag] = self.text.get(tag, "") + data

    def attributes(self, name):
        return [values[name] for _, values in self.elements if name in values]


def rendered(document, **style):
    return RENDERERS["html"](document, Style(**style))


def stored(path):
    return json.loads(path.read_text("utf-8"))


def infected(part):
    """A document with every text replaced that a user may have chosen: names of files, layers, outputs, notes."""
    if isinstance(part, dict):
        chosen = {"checkpoint", "output", "x", "y", "certificate", "name", "first", "last", "minimum_file", "run"}
        return {
            key: HOSTILE + value if key in chosen and isinstance(value, str) else infected(value)
            for key, value in part.items()
        }
    return [infected(item) for item in part] if isinstance(part, list) else part


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_page_holds_every_number_and_loads_and_runs_nothing(path):
    document = stored(path)
    page = Tree(rendered(document))
    assert page.text["pre"] == json_text.render(document, Style())
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "input", "base", "audio", "video", "a"}
    names = {name for _, values in page.elements for name in values}
    assert not {name for name in names if name.startswith("on")} | (names & {"style", "src", "srcset", "action"})
    assert page.attributes("href") == ["data:,"]
    assert "url(" not in page.text["style"]
    assert "@import" not in page.text["style"]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_page_says_its_verdict_first_and_has_one_heading_of_the_first_rank(path):
    page = Tree(rendered(stored(path)))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == tags.count("main") == tags.count("header") == tags.count("footer") == 1
    assert tags.index("h1") < tags.index("main")
    ranks = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in pairwise(ranks))
    assert dict(page.elements)["html"]["lang"] == "en"
    for tag, values in page.elements:
        if tag == "svg":
            assert values.get("aria-label") or values.get("aria-hidden") == "true"


def test_the_policy_names_the_style_sheet_by_its_hash_and_allows_nothing_else():
    page = Tree(rendered(stored(STORED[0])))
    policy = next(values["content"] for _, values in page.elements if values.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.text["style"].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_no_name_becomes_markup_or_turns_the_text(path):
    document = infected(stored(path))
    document["notes"] = [HOSTILE]
    text = rendered(document)
    clean, page = Tree(rendered({**stored(path), "notes": ["a note"]})), Tree(text)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in clean.elements]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", text)
    assert "<script>alert(1)</script>" in page.text["body"]
    text.encode("utf-8")


def test_a_page_that_is_still_being_written_says_that_it_loads_itself_again():
    document = stored(ROOT / "tests" / "data" / "documents" / "watch.json")
    page = Tree(rendered({**document, "beside": {"refresh": 7}}))
    assert [values["content"] for _, values in page.elements if values.get("http-equiv") == "refresh"] == ["7"]
    assert "loads nothing but itself, every 7 seconds" in page.text["footer"]
    whole = Tree(rendered(document))
    assert "refresh" not in [values.get("http-equiv") for _, values in whole.elements]
    assert "loads nothing and runs nothing" in whole.text["footer"]


def test_a_page_is_the_same_each_time():
    document = stored(STORED[0])
    assert rendered(document) == rendered(stored(STORED[0]))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_quiet_leaves_the_verdict_and_the_notes(path):
    document = {**stored(path), "notes": ["X.csv: column 1 is left out"]}
    page = Tree(rendered(document, verbosity=0))
    assert "X.csv: column 1 is left out" in page.text["section"]
    assert "table" not in page.text
    assert "pre" not in page.text
    assert page.text["h1"]
    assert rendered(document, verbosity=-1) == ""


def test_verbose_unfolds_what_is_folded_for_its_detail():
    document = stored(ROOT / "tests" / "data" / "documents" / "check-holds.json")
    opened = [
        sum(tag == "details" and "open" in values for tag, values in Tree(rendered(document, verbosity=level)).elements)
        for level in (1, 2)
    ]
    assert opened[0] == 0
    assert opened[1] > 0


def test_an_error_is_a_page_too():
    document = {"format_version": "1.0", "lossurf_version": "0", "command": "check", "notes": []}
    error = {"what": "<b>no</b>", "where": None, "remedy": "look"}
    assert "&lt;b&gt;no&lt;/b&gt;" in rendered({**document, "error": error})


def test_pictures_are_drawn_for_every_command_that_has_numbers_to_draw():
    drawn = {path.stem: len(pictures_of(stored(path))) for path in STORED}
    without = {"check-huber", "escape-stays", "explain-one", "reduce", "verify", "verify-other-data"}
    assert {name for name, count in drawn.items() if count == 0} == without


@pytest.mark.parametrize(("name", "tone"), [("classify-bad-saddle", "bad"), ("classify-strict-saddle", "bad")])
def test_the_stretch_of_a_verdict_has_the_colour_of_the_verdict(name, tone):
    page = Tree(rendered(stored(ROOT / "tests" / "data" / "documents" / f"{name}.json")))
    classes = [values.get("class") or "" for _, values in page.elements]
    assert [look for look in classes if look.startswith("here")] == [f"here {tone}"]
    assert f"verdict {tone}" in classes


def test_pictures_need_no_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    document = stored(ROOT / "tests" / "data" / "documents" / "plot-surface.json")
    assert rendered(document).count("<svg") > 2


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1.0, 1e12, 1e290])
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_losses_of_any_size_are_drawn_within_the_drawing(path, factor):
    def scaled(part, name=""):
        if isinstance(part, dict):
            return {key: scaled(value, key) for key, value in part.items()}
        if isinstance(part, list):
            return [scaled(value, name) for value in part]
        return part * factor if isinstance(part, float) and ("loss" in name or "eigenvalues" in name) else part

    for picture in pictures_of(scaled(stored(path))):
        for part in (part for drawn in picture.drawing for part in drawn.iter()):
            places = [float(part.get(name, 0)) for name in ("x", "x1", "x2", "cx")]
            assert all(0.0 <= place <= 440.0 for place in places)
            heights = [float(part.get(name, 0)) for name in ("y", "y1", "y2", "cy")]
            assert all(0.0 <= place <= picture.height for place in heights)


def test_text_and_attributes_are_escaped_and_controls_are_shown():
    made = markup(element("p", HOSTILE, data_name=HOSTILE, title=None, hidden=False, open=True))
    page = Tree(made)
    assert [tag for tag, _ in page.elements] == ["p"]
    assert set(page.elements[0][1]) == {"data-name", "open"}
    assert page.text["p"].strip() == page.elements[0][1]["data-name"]
    assert "\\u202e" in made
    assert Tree(markup(element("pre", Verbatim("a\n<b>")))).text["pre"] == "a\n<b>"
    assert "1.5" in markup(element("line", x1=1.5, x2=2.0)) and 'x2="2"' in markup(element("line", x2=2.0))


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_every_ground_in_both_themes(theme):
    """WCAG 2.2, 1.4.3 and 1.4.11: 4.5 to 1 for text, 3 to 1 for what a picture is understood by."""
    blocks = re.findall(r":root \{(.*?)\}", style_sheet()[0], re.DOTALL)
    colors = {}
    for block in blocks[: theme + 1]:
        colors.update(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for ground in ("ground", "card", "code"):
        for ink in ("ink", "soft", "good", "bad", "unsure"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for tone in ("good", "bad", "unsure", "plain"):
        assert contrast(colors["ink"], colors[f"{tone}-ground"]) >= 4.5
        if tone != "plain":
            assert contrast(colors[tone], colors[f"{tone}-ground"]) >= 4.5
    for mark in ("blue", "green", "vermillion", "purple", "grey"):
        assert contrast(colors[mark], colors["card"]) >= 3.0, mark


def area(loop):
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(loop, loop[1:] + loop[:1], strict=True)) / 2.0


@pytest.mark.parametrize("height", [0.3, 2.0, 4.75, 7.9])
def test_outlines_enclose_the_part_of_the_grid_where_a_plane_is_high(height):
    """Closed form: the part of the square [0, 4]^2 with x + y >= h."""
    values = [[float(i + j) for i in range(5)] for j in range(5)]
    low = height**2 / 2.0 if height <= 4.0 else 16.0 - (8.0 - height) ** 2 / 2.0
    assert sum(map(area, outlines(values, height))) == pytest.approx(16.0 - low, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_outlines_are_closed_and_hold_the_high_corners_alone(seed):
    """By the definition: a corner is inside, by crossings of a ray, exactly where its value is at the height."""
    rng = random.Random(seed)
    values = [[rng.choice([0.0, 0.5, 1.0, rng.random()]) for _ in range(7)] for _ in range(6)]
    loops = outlines(values, 0.5)
    for j, row in enumerate(values):
        for i, value in enumerate(row):
            if value == 0.5:
                continue  # on the outline itself
            x, y = i + 1e-7, j + 2e-7 if j + 1 < len(values) else j - 2e-7
            x = x if i + 1 < len(row) else i - 1e-7
            inside = (
                sum(crosses(a, b, x, y) for loop in loops for a, b in zip(loop, loop[1:] + loop[:1], strict=True)) % 2
            )
            assert inside == (value > 0.5), (i, j)


def crosses(a, b, x, y):
    return (a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])


def test_outlines_of_all_and_of_nothing():
    flat = [[1.0] * 4 for _ in range(3)]
    (loop,) = outlines(flat, 0.5)
    assert area(loop) == pytest.approx(6.0)
    assert all(on_rim(a, b, (3, 2)) for a, b in pairwise(loop))
    assert outlines(flat, 2.0) == []


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (147.09, 183.12, [150.0, 160.0, 170.0, 180.0]),
        (-1.0, 1.0, [-1.0, -0.5, 0.0, 0.5, 1.0]),
        (1e-300, 3e-300, [1e-300, 1.5e-300, 2e-300, 2.5e-300, 3e-300]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert Scale(low, high, 0.0, 1.0).ticks() == pytest.approx(expected, rel=1e-12, abs=1e-320)


def test_ticks_by_decades_and_whole_ones():
    assert Scale(0.3, 4e6, 0.0, 1.0, logarithmic=True).ticks() == [1.0, 100.0, 10000.0, 1000000.0]
    assert Scale(0.9, 12.0, 0.0, 1.0, logarithmic=True).ticks() == [1.0, 2.0, 5.0, 10.0]
    assert Scale(-0.3, 2.5, 0.0, 1.0, whole=True).ticks() == [0.0, 1.0, 2.0]
    assert [label for _, label in Scale(1e-9, 10.0, 0.0, 1.0, logarithmic=True).labels()][:2] == ["10⁻⁸", "10⁻⁶"]


def test_scales_keep_their_ends_and_what_lies_beyond():
    scale = spanning([2.0, 4.0], 100.0, 0.0, margin=0.0)
    assert (scale(2.0), scale(3.0), scale(4.0), scale(9.0)) == pytest.approx((100.0, 50.0, 0.0, 0.0))
    decades = spanning_decades([1e-8, 1.0], 0.0, 100.0)
    assert decades(1e-4) == pytest.approx(50.0)
    assert spanning([5.0], 0.0, 1.0)(5.0) == pytest.approx(0.5)


def test_numbers_as_labels():
    assert [tick_text(value) for value in (0.0, -0.5, 1500.0, 300000.0, 2.5e8, 1e-7)] == [
        "0", "\u22120.5", "1500", "300\u2009000", "2.5·10⁸", "10⁻⁷",
    ]  # fmt: skip
    assert power_text(1.0) == "1"
    assert level_text(12) == "L₁₂"


def test_a_command_is_code_in_which_options_stay_whole():
    text = "lossurf classify 'a -b.npz' --weight-decay 0.01 -o x-y.html"
    code = command_line(text)
    assert (code.tag, "".join(code.itertext())) == ("code", text)
    assert [span.text for span in code] == ["-b", "--weight-decay", "-o"]
    assert {span.get("class") for span in code} == {"option"}


@pytest.mark.parametrize("tied", [True, False])
def test_what_to_do_at_a_local_minimum_is_about_the_loss_it_is_one_of(tied):
    if tied:
        X, held = np.diag([3.0, 2.0, 0.0]), np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
        found = lossurf.classify([held], X, tied=True)
    else:
        higher = [np.array([[0.0, 1.0]]), np.array([[0.0], [2.0]])]
        found = lossurf.classify(higher, np.eye(2), np.diag([5.0, 2.0]), loss="huber")
    assert found.verdict == "local-minimum"
    page = found.report("html")
    command = "lossurf explain tied-autoencoder" if tied else "lossurf help losses"
    assert f"<code>{command}</code>" in page
    assert "`" not in page.partition("<h2>Next</h2>")[2].partition("<h2>")[0]
    assert "less weight decay" not in page.partition("<h2>Next</h2>")[2].partition("<h2>")[0]


def test_a_folded_table_is_called_what_it_shows():
    weights = [np.zeros((4, 2)), np.zeros((4, 4)), np.zeros((2, 4))]
    page = lossurf.classify(weights, np.eye(2), np.diag([3.0, 2.0])).report("html")
    assert "<summary>Why no pair of layers leads down</summary>" in page
