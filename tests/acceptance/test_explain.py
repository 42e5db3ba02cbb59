"""`lossurf explain` as a process."""

import json

import pytest
from process import python


def lossurf(*args, **env):
    return python("-m", "lossurf", *args, env=env)


def test_one_entry_is_told_whole():
    ended = lossurf("explain", "distinct-eigenvalues")
    assert (ended.returncode, ended.stderr) == (0, "")
    for part in ("What it says", "Why it matters", "What to do", "Theorems that assume it", "arXiv:1605.07110"):
        assert part in ended.stdout


def test_without_an_id_everything_is_listed():
    ended = lossurf("explain", "--format", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr, document["command"], document["id"]) == (0, "", "explain", None)
    kinds = {entry["kind"] for entry in document["entries"]}
    assert kinds == {"hypothesis", "theorem", "lemma", "verdict", "certificate", "status", "subject", "exit-code"}
    listed = lossurf("explain").stdout
    assert all(entry["id"] in listed for entry in document["entries"])


@pytest.mark.parametrize("identifier", ["0", "bad-saddle", "lemma-4.6", "kawaguchi-kaelbling"])
def test_the_json_holds_the_same_entry(identifier):
    document = json.loads(lossurf("explain", identifier, "-f", "json").stdout)
    (entry,) = document["entries"]
    assert entry["id"] == document["id"] == identifier
    assert set(entry) >= {"kind", "title", "statement", "matters", "action", "reference", "hypotheses", "needed_by"}


def test_an_unknown_id_is_a_usage_error_that_names_the_nearest():
    ended = lossurf("explain", "bad-sadle")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "did you mean bad-saddle?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_narrow_terminal_is_respected():
    ended = lossurf("explain", "lemma-4.4", COLUMNS="60")
    assert max(map(len, ended.stdout.splitlines())) <= 60
