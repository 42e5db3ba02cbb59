"""Which documents are the claim of a certificate: every field on the edge of what it may be, and named where it is not.

Independent channel: a document written by hand.
"""

from __future__ import annotations

import copy
import json

import pytest

from lossurf.certificates.stored import read_claim
from lossurf.errors import InputError

PLAIN = {
    "format_version": "1.0",
    "checkpoint": "net.npz",
    "layers": [{"name": "A", "norm": 1.0}, {"name": "B", "norm": 2}, {"name": "C", "norm": 0.5}],
    "claim": "strict-saddle",
    "kind": "tails",
    "tolerance": 1e-8,
    "gradient": 0.0,
    "loss": 2.5,
    "optimal_loss": 0,
    "residual_loss": 0.0,
    "rank": 0,
    "rank_max": 2,
    "pair": [2, 1],
    "curvature": -1.0,
    "loss_decrease": 0.5,
    "step": 1.0,
    "staircase": [],
    "next_level": None,
    "nearest": {"distance": 0.0, "gradient": 0.0},
    "index": {
        "negative": 1,
        "resolution": 1e-9,
        "ranks": [{"factor": "product", "layers": [3, 1], "rank": 0, "margin": None}],
    },
    "data": {"samples": 4},
    "digest": "sha256:0",
}
STAIR = {"factor": "residual", "layers": [2, 1], "value": 0.0, "threshold": 1e-8}
RANK = PLAIN["index"]["ranks"][0]
WEIGHTED = {"samples": 4, "adjusted": {"output_weights": [1.0, 2], "total_weight": 0.5}}
FROZEN = {"frozen": ["A"], "pair": [2, 1], "index": None}


def read(tmp_path, **changes):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**copy.deepcopy(PLAIN), **changes}))
    return read_claim(path)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"staircase": [STAIR, {**STAIR, "factor": "product", "layers": [3, 3]}]},
        {"nearest": None, "index": None, "next_level": 1},
        {"index": {**PLAIN["index"], "ranks": []}},
        {"index": {**PLAIN["index"], "ranks": [{**RANK, "factor": "residual", "margin": 2.0}]}},
        {"format_version": "1.99"},
        {"rank": 2**53 - 1},
        {"data": {"samples": 0, "adjusted": None}},
        {"data": WEIGHTED},
        {"data": {"samples": 4, "adjusted": {}}},
        {"claim": "global-minimum", "pair": None, "step": None, "curvature": None},
        {"claim": "not-critical", "curvature": None},
        {"curvature": None},
        FROZEN,
        {**FROZEN, "frozen": ["A", "C"], "pair": [1, 1]},
        {"lambda": 0.5, "pair": None},
        {"lambda": 0.5, "claim": "local-minimum"},
    ],
)
def test_what_may_be_written_is_read(tmp_path, changes):
    assert read(tmp_path, **changes) == {**PLAIN, **changes}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"format_version": "11.0"}, "format version"),
        ({"format_version": 1.0}, "format version"),
        ({"claim": "maximum"}, "claim must be one of"),
        ({"claim": "degenerate"}, "claim must be one of"),
        ({"lambda": 0.5, "claim": "bad-saddle"}, "claim must be one of"),
        ({"claim": 3}, "claim must be text"),
        ({"tolerance": None}, "tolerance must be a number"),
        ({"gradient": "0"}, "gradient must be a number"),
        ({"loss": True}, "loss must be a number"),
        ({"curvature": "x"}, "curvature must be a number"),
        ({"loss_decrease": []}, "loss_decrease must be a number"),
        ({"next_level": {}}, "next_level must be a number"),
        ({"lambda": "x"}, "lambda must be a number"),
        ({"rank": 0.0}, "rank must be a whole number"),
        ({"rank_max": -1}, "rank_max must be a whole number"),
        ({"rank": 2**53}, "rank must be a whole number"),
        ({"data": [4]}, "data must be an object"),
        ({"data": {}}, "samples must be a whole number"),
        ({"data": {**WEIGHTED, "adjusted": [1]}}, "adjusted must be an object"),
        ({"data": {"samples": 4, "adjusted": {"output_weights": 1.0}}}, "output_weights must be a list"),
        ({"data": {"samples": 4, "adjusted": {"output_weights": [1.0, 0.0]}}}, "output weight 2 must be above 0"),
        ({"data": {"samples": 4, "adjusted": {"output_weights": [None]}}}, "output weight 1 must be a number"),
        ({"data": {"samples": 4, "adjusted": {"total_weight": 0.0}}}, "total_weight must be above 0"),
        ({"layers": []}, "layers must be"),
        ({"layers": None}, "layers must be"),
        ({"layers": [*PLAIN["layers"], 3]}, "layers must be"),
        ({"layers": [{"name": "A"}, *PLAIN["layers"][1:]]}, "norm must be a number"),
        ({"pair": [2, 4]}, "a pair of layers must be two numbers from 1 to 3"),
        ({"pair": [0, 1]}, "a pair of layers must be"),
        ({"pair": [1]}, "a pair of layers must be"),
        ({"pair": [3, 2, 1]}, "a pair of layers must be"),
        ({"pair": [2.0, 1]}, "a pair of layers must be"),
        ({"pair": [True, 1]}, "a pair of layers must be"),
        ({"pair": "21"}, "a pair of layers must be"),
        ({"pair": None}, "step and pair must be there"),
        ({"step": None}, "step and pair must be there"),
        ({"lambda": 0.5, "curvature": None}, "step and curvature must be there"),
        ({"staircase": None}, "staircase must be"),
        ({"staircase": [1]}, "staircase must be"),
        ({"staircase": [{**STAIR, "layers": [4, 1]}]}, "a pair of layers must be"),
        ({"staircase": [{**STAIR, "value": None}]}, "value must be a number"),
        ({"staircase": [{**STAIR, "threshold": None}]}, "threshold must be a number"),
        ({"staircase": [{**STAIR, "factor": "both"}]}, "factor must be"),
        ({"nearest": [0.0]}, "nearest must be an object"),
        ({"nearest": {"distance": 0.0}}, "gradient must be a number"),
        ({"nearest": {"gradient": 0.0}}, "distance must be a number"),
        ({"index": []}, "index must be"),
        ({"index": {**PLAIN["index"], "ranks": None}}, "index must be"),
        ({"index": {**PLAIN["index"], "negative": None}}, "negative must be a whole number"),
        ({"index": {**PLAIN["index"], "resolution": None}}, "resolution must be a number"),
        ({"index": {**PLAIN["index"], "ranks": [1]}}, "ranks must be"),
        ({"index": {**PLAIN["index"], "ranks": [{**RANK, "layers": [4, 1]}]}}, "a pair of layers must be"),
        ({"index": {**PLAIN["index"], "ranks": [{**RANK, "rank": -1}]}}, "rank must be a whole number"),
        ({"index": {**PLAIN["index"], "ranks": [{**RANK, "margin": "x"}]}}, "margin must be a number"),
        ({"index": {**PLAIN["index"], "ranks": [{**RANK, "factor": None}]}}, "factor must be"),
        ({"frozen": []}, "frozen must be a list"),
        ({"frozen": "A"}, "frozen must be a list"),
        ({"frozen": ["A", 1]}, "frozen must be a list"),
        ({"frozen": ["D"]}, "frozen must be names of some"),
        ({"frozen": ["A", "B", "C"]}, "frozen must be names of some"),
        ({"frozen": ["A", "A"]}, "frozen must be names of some"),
        ({**FROZEN, "layers": [{"norm": 1.0}, *PLAIN["layers"][1:]]}, "frozen must be a list"),
        ({**FROZEN, "layers": [PLAIN["layers"][0], *PLAIN["layers"][:2]]}, "frozen must be names of some"),
        ({**FROZEN, "pair": [3, 1]}, "a pair of layers must be two numbers from 1 to 2"),
        ({**FROZEN, "lambda": 0.5}, "frozen must be left out with weight decay"),
    ],
)
def test_what_may_not_be_written_is_refused_by_its_name(tmp_path, changes, names):
    with pytest.raises(InputError, match=names):
        read(tmp_path, **changes)
    assert read(tmp_path) == PLAIN


@pytest.mark.parametrize("key", [key for key in PLAIN if key not in {"format_version", "data", "layers"}])
def test_a_field_that_is_left_out_is_named_or_none(tmp_path, key):
    optional = {"curvature", "loss_decrease", "next_level", "nearest", "index"}
    path, claim = tmp_path / "c.json", {name: value for name, value in PLAIN.items() if name != key}
    path.write_text(json.dumps(claim))
    if key in optional:
        assert read_claim(path) == claim
    else:
        with pytest.raises(InputError, match=key):
            read_claim(path)
