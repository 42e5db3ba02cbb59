"""A slice of the campaign of tests/faults/campaign.py: whatever fails, a run is done, or refuses in three lines.

Trusted channel: the same command undisturbed, byte for byte, and the operating system, which says how a process ended
and what lies in a directory.
"""

from __future__ import annotations

import errno
from collections import Counter

import command_lines
import command_lines_at_random
import failing_calls
import full_disk
import pytest
import signals_at_random
from hypothesis import HealthCheck, given, settings

pytestmark = pytest.mark.faults

SOME = ["check-report", "check-csv", "classify", "escape", "verify", "reduce"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("faults").resolve() / "home"
    command_lines.make_home(place)
    return place


@pytest.fixture(scope="module")
def server(home):
    if not failing_calls.SUPPORTED:
        pytest.skip(failing_calls.WHY_NOT)
    library = failing_calls.build(home.parent)
    with failing_calls.Server(library, home.parent, to_the_end=False) as started:  # the campaign goes to the end
        yield started


@pytest.mark.parametrize("kind", failing_calls.KINDS)
def test_a_call_that_fails_is_told_and_nothing_is_lost(server, home, kind):
    counts = Counter()
    some = SOME[sorted(failing_calls.KINDS).index(kind) % 2 :: 2]  # each half of the commands for every other call
    assert not list(failing_calls.attack(server, home, some, [kind], most=3, counts=counts))
    assert counts[kind] >= (1 if kind == "mmap" else 3)  # arenas: a command takes one where the server left none free


@pytest.mark.parametrize("to_the_end", [True, False])
def test_the_layer_makes_the_call_fail_that_was_meant(server, home, monkeypatch, to_the_end):
    monkeypatch.setattr(server, "to_the_end", to_the_end)
    it = command_lines.LINES["check-report"]
    whole, counted = server.run(home, it, "fsync", 0, 0, there=False)
    assert (whole.code, counted["calls"], counted["hits"]) == (0, 2, 0)  # the file and its directory
    for at, left in ((1, set()), (2, {"r.json"})):
        found, answer = server.run(home, it, "fsync", at, errno.EIO, there=False)
        assert (found.code, answer["hits"], set(found.written)) == (2, 1, left)
        assert "Input/output error" in found.stderr


def test_what_is_broken_is_seen():
    whole = command_lines.Outcome(0, b"answer", "", {"r": b"whole"}, ())
    good = command_lines.Outcome(2, b"", "lossurf: error: x\n  where: y\n  next:  z\n", {}, ())
    assert not command_lines.broken(good, whole, there=False)
    for change in (
        {"code": 70},
        {"code": -11},
        {"stderr": "Traceback (most recent call last):"},
        {"written": {"r": b"who"}},
        {"written": {"r": command_lines.OLD}},
        {"code": 0},
        {"others": ("out/.lossurf-1.tmp",)},
    ):
        found = command_lines.Outcome(**{**vars(good), **change})
        assert command_lines.broken(found, whole, there=False), change


def test_signals_at_random_moments(home):
    counts = Counter()
    assert not list(signals_at_random.attack(home, 8, 2, counts, ["check-report", "construct"]))
    assert sum(counts[name] for name in signals_at_random.SIGNALS) == 8


@pytest.mark.skipif(failing_calls.sys.platform == "win32", reason="limits of POSIX")
def test_writing_at_a_full_disk(home):
    counts = Counter()
    assert not list(full_disk.at_every_size(home, ["check-report", "reduce"], 2, counts))
    assert counts["full disk"] == 4


def test_writing_to_a_full_file_system(home):
    counts = Counter()
    assert not list(full_disk.on_a_full_file_system(home, ["check-report"], counts))
    skipped = next((name for name in counts if name.startswith("skipped")), None)
    if skipped:
        pytest.skip(skipped)
    assert counts["full file system"] == 2


def test_random_command_lines(home):
    @settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(command_lines_at_random.command_lines())
    def attack(argv):
        before = command_lines.names(home)
        code, told = command_lines_at_random.said(home, argv)
        assert code in command_lines.RIGHT, (argv, told)
        assert "Traceback" not in told or "--traceback" in argv
        assert not [name for name in command_lines.names(home) - before if ".lossurf-" in name]

    attack()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    pytest.importorskip("distributed")
    import dask_kills

    place = tmp_path_factory.mktemp("dask")
    dask_kills.make_parts(place)
    return place


@pytest.mark.slow  # each run starts an interpreter, a scheduler and two workers: 8 s for one that is killed
def test_workers_and_schedulers_that_are_killed(parts):
    import dask_kills

    counts = Counter()
    assert not list(dask_kills.attack(parts, 5, 1, counts))
    assert counts["runs of dask"] == 5
    assert counts["workers killed"]
    assert counts["schedulers killed"] == 1


@pytest.mark.parametrize("patience", [1.0, pytest.param(None, marks=pytest.mark.slow)])
def test_an_address_where_nobody_listens_is_told_soon(parts, patience):
    import dask_kills

    code, seconds, told = dask_kills.unreachable(parts, patience)
    assert code == 2, told
    assert "127.0.0.1:9" in told
    assert "Traceback" not in told
    assert seconds < 3 * dask_kills.SECONDS_TO_CONNECT  # start-up on a busy machine beside it
