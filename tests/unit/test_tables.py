"""Every report, character for character, and what tables do with hostile text, colour and few characters.

The stored pictures were read by a person; `python tests/tools/make_snapshots.py` draws them again for the next reading.
"""

from __future__ import annotations

import random
import re
import shlex

import pytest
from make_snapshots import DOCUMENTS, PICTURES, SNAPSHOTS, STORED, WIDTHS, draw
from rich.padding import Padding

from lossurf.report.page import Cell, Facts, Grid, Lines, Page, Tone
from lossurf.report.pages.classify import notes_of
from lossurf.report.render import Style
from lossurf.report.table import draw_page
from lossurf.report.text import command_lines, number, percent, printable


@pytest.mark.parametrize("picture", PICTURES)
def test_a_report_looks_as_it_was_read(picture):
    name, style = PICTURES[picture]
    assert draw(name, **style) == (SNAPSHOTS / picture).read_text("utf-8")


def test_every_picture_and_document_is_one_that_is_compared():
    assert {path.name for path in SNAPSHOTS.iterdir()} == set(PICTURES)
    assert {path.stem for path in STORED.iterdir()} == set(DOCUMENTS)


HOSTILE = Page(
    title="t",
    read=(Facts((("file", "w[/a].npz"), ("escape", "\x1b[31mred\x07"), ("line", "a\nb"))),),
    verdict=(Cell("[bold]kept[/bold] :smile:", Tone.BAD),),
    blocks=(Grid(("[red]h",), (("[/]",), ("\u65e5\u672c\u2026",))), Lines(("[link=x]y",))),
)


def test_user_text_is_never_markup_and_never_obeyed():
    drawn = draw_page(HOSTILE, Style(width=60))
    for kept in ("w[/a].npz", "[bold]kept[/bold] :smile:", "[red]h", "[/]", "[link=x]y", "\\x1b[31mred\\x07", "a b"):
        assert kept in drawn
    assert "\x1b" not in drawn


def test_ascii_shows_what_it_cannot_print():
    drawn = draw_page(HOSTILE, Style(width=60, ascii=True))
    assert drawn.isascii()
    assert "\\u65e5\\u672c..." in drawn


def test_colour_marks_the_tone_and_nothing_else_changes():
    coloured = draw_page(HOSTILE, Style(width=60, color=True))
    assert "\x1b[1;31m[bold]kept" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).replace(" ", "") == draw_page(HOSTILE, Style(width=60)).replace(
        " ", ""
    )


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w.,-])-?\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w.])", text))


def foldable(text: str) -> list[str]:
    """The lines of a report, but for those of a command that hold a single word with its option: a path stays whole."""
    return [line for line in text.splitlines() if not re.fullmatch(r" {4,}(lossurf )?(-+[a-z]+ )?\S+( \\)?", line)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_at_any_width_lines_fit_and_no_number_is_broken(name):
    """A number split over two lines would read as two others."""
    known = numbers_in(draw(name, 400))
    for width in (*range(40, 130, 6), *WIDTHS):
        drawn = draw(name, width)
        assert numbers_in(drawn) <= known, width
        assert max(map(len, foldable(drawn))) <= width


@pytest.mark.parametrize("name", DOCUMENTS)
def test_in_ascii_the_same_lines_fit(name):
    for width in WIDTHS:
        drawn = draw(name, width, ascii_only=True)
        assert drawn.isascii()
        assert max(map(len, foldable(drawn))) <= width
        assert numbers_in(drawn) == numbers_in(draw(name, width))


WORDS = ("W1", "a sentence of words", "\u03a3 = 2", "\u5c64\u5c64", "-1.5e-07", "", "file  name.npz", "[bold]x[/]")


def any_page(chance, *, titled):
    """A page of a table and of lines, some as wide as a terminal of 40 to 90 columns."""
    toned = lambda: Cell(chance.choice(WORDS), chance.choice(list(Tone)))  # noqa: E731 - drawn anew for every cell
    columns = chance.randrange(1, 5)
    header = tuple(f"column {i}" for i in range(columns))
    rows = tuple(tuple(toned() for _ in header) for _ in range(chance.randrange(1, 6)))
    lines = tuple(" ".join(chance.choices(WORDS, k=chance.randrange(9))) for _ in range(3))
    numeric = frozenset(chance.sample(header, chance.randrange(columns + 1)))
    titles = chance.sample(("", "A title", "Another"), 2)
    grid = Grid(header, rows, numeric=numeric, title=titles[0] if titled else "")
    blocks = (grid, Lines((*lines, toned()), titles[1]))
    return Page(title="t", read=(), verdict=(toned(),), blocks=blocks)


def test_what_fits_is_drawn_as_rich_draws_it(monkeypatch):
    """Trusted channel: rich, which looks for a place to break every line, and finds none."""
    chance = random.Random(2)
    for _ in range(150):
        color = chance.random() < 0.5
        style = Style(width=chance.randrange(40, 90), color=color, ascii=not color and chance.random() < 0.5)
        page = any_page(chance, titled=not color)  # rich leaves out that a table's title is slanted
        drawn = draw_page(page, style)
        with monkeypatch.context() as patched:
            patched.setattr("lossurf.report.table.as_lines", lambda *_, **__: None)
            patched.setattr("lossurf.report.table._indented", lambda line, _: Padding(line, (0, 0, 0, 2)))
            by_rich = draw_page(page, style)
        assert seen(drawn) == seen(by_rich)


def seen(text: str) -> list[list[tuple[str, str]]]:
    """Every line's characters at their columns, each in its colour but for blanks."""
    lines, colour = [], ""
    for line in text.splitlines():
        shown: list[tuple[str, str]] = []
        for code, character in re.findall(r"\x1b\[([\d;]*)m|(.)", line):
            colour = colour if character else code.removeprefix("0")
            shown += [(character, "" if character == " " else colour)] if character else []
        while shown and shown[-1][0] == " ":
            shown.pop()
        lines.append(shown)
    return lines


def test_quiet_is_the_verdict_and_silence_is_nothing():
    assert draw_page(HOSTILE, Style(width=60, verbosity=0)) == "[bold]kept[/bold] :smile:\n"
    assert draw_page(HOSTILE, Style(width=60, verbosity=-1)) == ""


def test_of_many_rows_the_middle_is_left_out_unless_asked_for():
    grid = Grid(("k",), tuple((str(k),) for k in range(100)), brief=5)
    assert [row[0] for row in grid.shown_rows(1)] == ["0", "1", "2", "...", "98", "99"]
    assert len(grid.shown_rows(2)) == 100


@pytest.mark.parametrize(
    ("value", "text"),
    [(1 / 3, "0.333333"), (1e-300, "1e-300"), (12345678.0, "1.23457e+07"), (None, "-"), (7, "7"), (0.0, "0")],
)
def test_numbers_have_six_significant_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100 %"),
        (1.0 - 2e-16, "100 %"),
        (1.0 - 1e-12, ">99.9999 %"),
        (0.5, "50 %"),
        (None, "-"),
        (1e-9, "1e-07 %"),
    ],
)
def test_almost_everything_never_reads_as_all(value, text):
    assert percent(value) == text


def test_printable_keeps_letters_of_every_script():
    assert printable("Größe \u65e5\u672c") == "Größe \u65e5\u672c"


def grid_of(rows, **more):
    return Grid(("k",), tuple((str(row),) for row in range(rows)), **more)


def drawn_bars(block, width=60, *, ascii_only=False):
    page = Page("t", (), (), (block,))
    lines = draw_page(page, Style(width=width, ascii=ascii_only)).splitlines()
    rule = next(index for index, line in enumerate(lines) if set(line) & set("\u2500-"))
    return [line[1:].strip(" |") for line in lines[rule + 1 :]]


def test_bars_have_the_length_of_their_shares_to_an_eighth_of_a_letter():
    shares = (0.0, 1e-6, 0.25, 0.5, 1.0)
    drawn = drawn_bars(grid_of(5, bars=shares, bars_of="share"))
    eighths = [
        8 * text.count("\u2588") + sum("\u258f\u258e\u258d\u258c\u258b\u258a\u2589".find(c) + 1 for c in text)
        for text in drawn
    ]
    assert eighths == [0, 1, 48, 96, 192]
    assert [len(text) for text in drawn_bars(grid_of(5, bars=shares, bars_of="share"), ascii_only=True)] == [
        0,
        1,
        6,
        12,
        24,
    ]


def test_bars_are_left_out_where_the_width_is_short_and_in_other_formats():
    block = grid_of(2, bars=(0.5, 1.0), bars_of="share")
    assert drawn_bars(block, width=12) == ["", ""]
    assert "\u2588" not in draw("check-holds", 120, form="markdown")
    assert "\u2588" in draw("check-holds", 120)


def test_no_bar_stands_beside_the_dots_of_rows_that_are_left_out():
    block = grid_of(20, bars=tuple(k / 20 for k in range(20)), bars_of="share", brief=5)
    assert block.shown_bars(1) == (0.0, 0.05, 0.1, 0.0, 0.9, 0.95)
    assert len(block.shown_bars(1)) == len(block.shown_rows(1))
    assert block.shown_bars(2) == block.bars


def test_a_note_on_every_checkpoint_is_told_once_and_one_on_some_of_them_with_their_names():
    notes = {"a": ["a: read", "raised"], "b": ["b: read", "raised"], "c": ["c: read", "c: rounded"]}
    results = [{"checkpoint": name, "notes": said} for name, said in notes.items()]
    assert notes_of(results) == ("3 checkpoints: read", "2 checkpoints: raised", "c: rounded")
    refused = {"checkpoint": "d", "error": {"what": "damaged"}}
    assert notes_of([*results, refused])[0] == "3 checkpoints: read"
    assert notes_of([*results, {"checkpoint": "e", "notes": []}])[:3] == ("a: read", "b: read", "c: read")


def test_a_table_says_which_columns_it_leaves_out():
    block = Grid(
        ("name", "first", "second"),
        (("a", "1" * 20, "2" * 20),),
        numeric=frozenset({"first", "second"}),
        optional=("second",),
    )
    page = Page("t", (), (), (block,))
    assert "not shown at this width: second" in " ".join(draw_page(page, Style(width=36)).split())
    assert "not shown" not in draw_page(page, Style(width=12))  # every column, one under the other
    assert "not shown" not in draw_page(page, Style(width=80))


@pytest.mark.parametrize("width", [1, 20, 40, 80, 200])
@pytest.mark.parametrize(
    "command",
    [
        "lossurf escape sample_data/wine/checkpoints/bad-saddle.npz --data sample_data/wine -o better.npz",
        "lossurf classify 'a b/c d.npz' 'it'\"'\"'s.npz' ./-x.npz --data \"of the\" --layers W1,W2 -q",
    ],
)
def test_a_command_in_lines_is_the_command_to_a_shell(command, width):
    lines = command_lines(command, width)
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(
        command
    )  # what POSIX says a shell does first
    for line in lines:
        assert len(line) <= width or len(shlex.split(line.removesuffix(" \\"))) <= 2
    assert (len(lines) == 1) == (len(command) <= width)
