"""Runs in JSON lines. Trusted: what the monitor that wrote them observed, and the checkpoints of the same steps."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lossurf
from lossurf.api.parts.told import Told
from lossurf.callbacks import Monitor
from lossurf.errors import InputError, LossurfError, UsageError
from lossurf.report.document import plain

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 3))
Y = X @ RNG.standard_normal((3, 2)) + 0.1 * RNG.standard_normal((40, 2))
DATA = lossurf.Data(X, Y)


def descent(steps, *, seed=0, rate=0.004):
    rng = np.random.default_rng(seed)
    W1, W2 = 1e-3 * rng.standard_normal((2, 3)), 1e-3 * rng.standard_normal((2, 2))
    for step in range(steps + 1):
        yield step, {"W1": W1.copy(), "W2": W2.copy()}
        residual = X @ W1.T @ W2.T - Y
        W1, W2 = W1 - rate * W2.T @ residual.T @ X, W2 - rate * residual.T @ X @ W1.T


def monitored(path, *, steps=150, every=10, saved=None, **options):
    monitor = Monitor(DATA, every=every, path=path, **options)
    for step, weights in descent(steps):
        if monitor.step(weights, step) is not None and saved is not None:
            np.savez(saved / f"step-{step:04}.npz", **weights)
    return monitor


def test_what_a_monitor_wrote_is_what_it_observed_and_what_the_checkpoints_say(tmp_path):
    path = tmp_path / "run.jsonl"
    monitor = monitored(path, saved=tmp_path, curvature=True)
    run = lossurf.watch(path)
    watched = lossurf.watch(tmp_path / "*.npz", DATA, curvature=True)
    assert [plain(step) for step in run.results] == [
        {**plain(seen.visit), "checkpoint": f"step {seen.step}"} for seen in monitor.observations
    ]
    assert run.levels == watched.levels
    assert run.data == watched.data
    assert [(p.rank, p.checkpoints) for p in run.plateaus] == [(p.rank, p.checkpoints) for p in watched.plateaus]
    assert run.runs is None
    told, own = run.to_dict(), watched.to_dict()
    told["results"] = [{**each, "checkpoint": ""} for each in told["results"]]
    own["results"] = [{**each, "checkpoint": ""} for each in own["results"]]
    assert {**told, "plateaus": []} == {**own, "plateaus": []}


def test_the_edge_of_stability_is_that_of_the_run(tmp_path):
    monitored(tmp_path / "run.jsonl", steps=10)
    assert lossurf.watch(tmp_path / "run.jsonl", step=0.1).edge.curvature == pytest.approx(40 * 2 / 0.1)


def test_lines_are_told_as_they_come_and_a_line_without_an_end_is_waited_for(tmp_path):
    whole, path = tmp_path / "whole.jsonl", tmp_path / "run.jsonl"
    monitored(whole, steps=30)
    head, *lines = whole.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"")
    run = Told(path)
    assert list(run.more(growing=True)) == []
    path.write_bytes(head + lines[0] + lines[1][:50])
    assert [step.classification.checkpoint for step in run.more(growing=True)] == ["step 0"]
    assert list(run.more(growing=True)) == []
    path.write_bytes(head + b"".join(lines))
    assert [step.classification.checkpoint for step in run.more(growing=True)] == ["step 10", "step 20", "step 30"]
    path.write_bytes(head)
    with pytest.raises(InputError, match="begun anew"):
        list(run.more(growing=True))


def test_a_last_line_that_was_cut_off_is_left_out_and_told(tmp_path):
    path = tmp_path / "run.jsonl"
    monitored(path, steps=30)
    path.write_bytes(path.read_bytes()[:-40])
    run = lossurf.watch(path)
    assert len(run.results) == 3
    assert run.notes == (f"{path}: the last line is not whole and is left out",)
    path.write_bytes(path.read_bytes().rpartition(b"\n")[0])  # whole, though nothing ends it
    assert (len(lossurf.watch(path).results), lossurf.watch(path).notes) == (3, ())


def changed(line, **fields):
    return json.dumps({**json.loads(line), **fields})


DAMAGES = {
    "no head": (lambda _, line: [line], r"does not say what data and levels.*run\.jsonl, line 1"),
    "no JSON": (lambda head, line: [head, "{", line], r"no JSON.*line 2"),
    "not a number": (lambda head, line: [head, line.replace('"loss":', '"loss":NaN,"x":', 1)], "no JSON"),
    "no end of brackets": (lambda head, line: [head, "[" * 100_000, line], "no JSON"),
    "another command": (lambda head, line: [head, changed(line, command="check")], "says nothing of a run"),
    "a list": (lambda head, line: [head, "[1]", line], "says nothing of a run"),
    "a later format": (lambda head, line: [head, changed(line, format_version="2.0")], "has the format '2.0'"),
    "a verdict of no kind": (lambda head, line: [head, changed(line, verdict="fine")], "verdict is 'fine'"),
    "a verdict that is none": (lambda head, line: [head, changed(line, verdict=["bad-saddle"])], "verdict is"),
    "a loss in words": (lambda head, line: [head, changed(line, loss="1.0")], "loss is '1.0'"),
    "a loss below zero": (lambda head, line: [head, changed(line, loss=-1.0)], "loss is -1.0"),
    "a loss beyond float64": (lambda head, line: [head, changed(line, loss=10**400)], "loss is 1000"),
    "a rank in parts": (lambda head, line: [head, changed(line, rank=1.5)], "rank is 1.5"),
    "a drift of one number": (lambda head, line: [head, changed(line, drift=1.0)], "drift is no list"),
    "a loss that is missing": (lambda head, line: [head, line.replace('"loss"', '"lost"', 1)], "loss is missing"),
    "levels that ascend": (
        lambda head, line: [changed(head, levels=json.loads(head)["levels"][::-1]), line],
        r"levels do not descend",
    ),
    "no levels": (lambda head, line: [changed(head, levels=[]), line], "levels do not descend"),
    "data of no samples": (
        lambda head, line: [changed(head, data={**json.loads(head)["data"], "samples": 0}), line],
        r"data\.samples is 0",
    ),
    "nothing below the head": (lambda head, _: [head], "no checkpoint came"),
}


@pytest.fixture(scope="module")
def two_lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.jsonl"
    monitored(path, steps=0)
    return path.read_text().splitlines()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_line_that_no_monitor_writes_is_refused_with_its_place(name, two_lines, tmp_path):
    damage, said = DAMAGES[name]
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join([*damage(*two_lines), ""]))
    with pytest.raises(InputError, match=said):
        lossurf.watch(path)


def test_what_a_later_version_adds_is_no_fault(two_lines, tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(changed(line, more={"a": 1}) for line in two_lines) + "\n")
    assert len(lossurf.watch(path).results) == 1


def test_damaged_lines_never_end_in_a_traceback(two_lines, tmp_path):
    path, rng = tmp_path / "run.jsonl", np.random.default_rng(0)
    text = "\n".join([*two_lines, ""]).encode()
    refused = 0
    for _ in range(400):
        damaged = bytearray(text)
        for at in rng.integers(len(text), size=rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            lossurf.watch(path).report("json")
        except LossurfError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("options", "option"), [({"data": DATA}, "data"), ({"tolerance": 1e-6}, "tolerance"), ({"curvature": True}, "curv")]
)
def test_what_the_lines_say_already_is_not_asked_again(options, option, two_lines, tmp_path):
    (tmp_path / "run.jsonl").write_text("\n".join([*two_lines, ""]))
    with pytest.raises(UsageError, match=f"judged already.*{option}"):
        lossurf.watch(tmp_path / "run.jsonl", **options)


def test_a_run_among_checkpoints_is_refused_unless_runs_are_compared(two_lines, tmp_path):
    (tmp_path / "run.jsonl").write_text("\n".join([*two_lines, ""]))
    np.savez(tmp_path / "step-0.npz", W1=np.zeros((2, 3)), W2=np.zeros((2, 2)))
    with pytest.raises(UsageError, match=r"is a whole run.*runs="):
        lossurf.watch(tmp_path / "*", DATA)
    with pytest.raises(UsageError, match="what data"):
        lossurf.watch(tmp_path / "*.npz")
