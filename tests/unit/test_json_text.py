"""JSON of documents against Python's own encoder, which is slow and the oracle."""

from __future__ import annotations

import json
import random

import pytest

from lossurf.report.json_text import render
from lossurf.report.render import Style

LEAVES = (
    None,
    True,
    False,
    0,
    -7,
    10**20,
    0.1,
    -1e-300,
    1e22,
    5e-324,
    "",
    "a, b: c\n",
    '"\\',
    "\u03a3 \U0001f600",
    [],
    {},
)


def value(chance: random.Random, depth: int) -> object:
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(LEAVES)
    inner = [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return inner if chance.random() < 0.5 else {str(chance.choice(LEAVES)): item for item in inner}


def test_it_is_what_python_writes():
    chance = random.Random(1)
    for _ in range(500):
        document = {"one": value(chance, 5), "two": value(chance, 3)}
        assert render(document, Style()) == json.dumps(document, indent=2, allow_nan=False) + "\n"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", [lambda x: x, lambda x: [x], lambda x: {"a": [1, {"b": x}]}])
def test_what_json_has_no_word_for_is_an_error(number, place):
    with pytest.raises(ValueError, match="not JSON compliant"):
        render({"value": place(number)}, Style())
