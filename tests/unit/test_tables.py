"""Every report, character for character, and what tables do with hostile text, colour and few characters.

The stored pictures were read by a person; `python tests/tools/make_snapshots.py` draws them again for the next reading.
"""

from __future__ import annotations

import re

import pytest
from make_snapshots import DOCUMENTS, PICTURES, SNAPSHOTS, STORED, WIDTHS, draw

from lossurf.report.page import Cell, Facts, Grid, Lines, Page, Tone
from lossurf.report.render import Style
from lossurf.report.table import draw_page
from lossurf.report.text import number, percent, printable


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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_at_any_width_lines_fit_and_no_number_is_broken(name):
    """A number split over two lines would read as two others."""
    known = numbers_in(draw(name, 400))
    for width in (*range(40, 130, 6), *WIDTHS):
        drawn = draw(name, width)
        assert numbers_in(drawn) <= known, width
        assert max(map(len, drawn.splitlines())) <= width


@pytest.mark.parametrize("name", DOCUMENTS)
def test_in_ascii_the_same_lines_fit(name):
    for width in WIDTHS:
        drawn = draw(name, width, ascii_only=True)
        assert drawn.isascii()
        assert max(map(len, drawn.splitlines())) <= width
        assert numbers_in(drawn) == numbers_in(draw(name, width))


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
