"""The manual in its other forms: man pages and a web site, made from the chapters.

Trusted: groff's warnings, and mkdocs' strict mode.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import make_man
import pytest
from make_man import chapters, page, path_of, stored
from process import ROOT


@pytest.mark.parametrize("chapter", chapters())
def test_a_chapter_has_the_man_page_of_today(chapter):
    assert path_of(chapter).read_text("utf-8") == page(chapter), "run: python tests/tools/make_man.py"


def test_there_are_no_pages_of_chapters_that_are_gone():
    assert set(stored()) == {path_of(chapter) for chapter in chapters()}


@pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")
@pytest.mark.parametrize("chapter", chapters())
def test_a_man_page_prints_without_a_warning_and_with_every_word(chapter):
    path = path_of(chapter)
    command = ["groff", "-K", "utf8", "-man", "-Tutf8", "-ww", "-P-cbou", "-rHY=0", str(path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    told = [
        line for line in done.stderr.splitlines() if not re.search("cannot adjust line|can't break line", line)
    ]  # no hyphens here
    assert (done.returncode, told) == (0, [])
    printed = set(re.findall(r"\w{4,}", done.stdout.replace("\u2010\n", "")))
    text = (make_man.MANUAL / f"{chapter}.md").read_text("utf-8")
    prose = re.sub(r"```.*?```|<!--.*?-->|\|.*?\n", "", text, flags=re.DOTALL)
    words = set(re.findall(r"\w{4,}", prose))
    assert len(words - printed) <= 0.03 * len(words), words - printed  # those that are cut at a line's end


def test_the_reference_is_a_page_of_commands():
    text = page("commands")
    assert text.startswith(".TH LOSSURF 1 ")
    assert "\\-\\-format" in text
    assert ".SH SEE ALSO" in text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a `-x` *b* **c**\n", ".PP\na \\fB\\-x\\fR \\fIb\\fR \\fBc\\fR"),
        (".TH\n", ".PP\n\\&.TH"),
        ("it's\\\\n\n", ".PP\nit\\(aqs\\en"),
        ("- one\n- two\n", ".IP \\(bu 2\none\n.IP \\(bu 2\ntwo"),
        ("```sh\n.so /etc/passwd\n```\n", ".PP\n.RS 4\n.nf\n\\&.so /etc/passwd\n.fi\n.RE"),
    ],
)
def test_markdown_becomes_what_troff_prints(markdown, expected):
    assert "\n".join(make_man.body(make_man._PARSER.parse(markdown))) == expected


@pytest.mark.skipif(not find_spec("mkdocs"), reason="needs mkdocs")
def test_one_command_makes_the_site(tmp_path):
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "-q",
        "-f",
        str(ROOT / ".ci" / "mkdocs.yml"),
        "-d",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    made = {path.stem for path in tmp_path.glob("*.html")} - {"404", "search"}
    assert made == {"index", *chapters()}
    first = (tmp_path / "index.html").read_text("utf-8")
    assert 'src="run.svg"' in first
    assert (tmp_path / "run.svg").exists()
