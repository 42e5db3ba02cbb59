"""Random tables in the spellings that programs choose: read as the numbers that were written or refused, nothing else.

Trusted: the numbers before they were spelled.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from lossurf.errors import InputError
from lossurf.inputs.tables.data import open_dataset

NUMBERS = {
    "float": lambda draw: draw.gauss(0, 10),
    "whole": lambda draw: float(draw.randint(0, 30)),
    "bit": lambda draw: float(draw.randint(0, 1)),
    "wide": lambda draw: draw.gauss(0, 1) * 10.0 ** draw.randint(-20, 20),
}
SPELLINGS = {
    "shortest": repr,
    "whole": lambda value: str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value),
    "long": lambda value: f"{value:.17g}",
    "exponent": lambda value: f"{value:.17e}",
    "fortran": lambda value: f"{value:.17E}".replace("E", "D"),
}
LABELS = {
    "from 0": lambda m, draw: [str(i) for i in range(m)],  # noqa: ARG005
    "from 1": lambda m, draw: [str(i + 1) for i in range(m)],  # noqa: ARG005
    "quoted": lambda m, draw: [f'"{i}"' for i in draw.sample(range(99), m)],
    "words": lambda m, draw: [f"r{i}x" for i in draw.sample(range(99), m)],
    "shuffled": lambda m, draw: [str(i) for i in draw.sample(range(99), m)],
}


def spelled(draw: random.Random) -> tuple[str, list[list[float]], str]:
    """A table, its numbers, and how its rows are named: "none", "pandas" (a nameless column), "r" (a short header)."""
    rows, width = draw.choice([3, 5, 30, 60]), draw.choice([2, 3, 5])
    number = NUMBERS[draw.choice(list(NUMBERS))]
    values = [[number(draw) for _ in range(width)] for _ in range(rows)]
    separator = draw.choice([",", ";", "\t", "|", " ", "  "])
    comma = separator in ";\t|" and draw.random() < 0.3
    spell = SPELLINGS[draw.choice(list(SPELLINGS))]
    cells = [[spell(value).replace(".", "," if comma else ".") for value in row] for row in values]
    named, way = draw.choice(["plain", "quoted", "comment", "none"]), draw.choice(["none", "pandas", "r"])
    way = "none" if named in {"comment", "none"} else way
    names = [f'"c {i}"' if named == "quoted" else f"c{i}" for i in range(width)]
    if way != "none":
        labels = LABELS[draw.choice(list(LABELS))](rows, draw)
        cells = [[label, *row] for label, row in zip(labels, cells, strict=True)]
    if way == "pandas":
        names = ['""' if named == "quoted" or separator.isspace() else "", *names]
    lines = ["# made by me today: 3, 4"] * (draw.random() < 0.2)
    lines += [] if named == "none" else [("# " if named == "comment" else "") + separator.join(names)]
    for row in cells:
        lines += ["# note"] * (draw.random() < 0.02) + [""] * (draw.random() < 0.02) + [separator.join(row)]
    text = draw.choice(["", "\ufeff"]) + draw.choice(["\n", "\r\n"]).join(lines) + "\n" * (draw.random() < 0.8)
    return text, values, way


@pytest.mark.parametrize("seed", range(8))
def test_a_table_is_read_as_written_or_refused(tmp_path, seed):
    draw = random.Random(seed)
    path, refused = tmp_path / "t.csv", 0
    for _ in range(100):
        text, values, way = spelled(draw)
        path.write_bytes(text.encode())
        try:
            dataset = open_dataset(path, targets=[str(len(values[0]) + (way != "none"))])
            blocks = [np.hstack(block) for block in dataset.blocks(draw.choice([7, 4096]))]
        except InputError as error:
            asks = "row numbers and not data" in str(error) or "as many as the header has names" in str(error)
            assert asks, (text, str(error))  # a first column that counts, or row names that R would quote
            refused += 1
            continue
        assert np.array_equal(np.concatenate(blocks), values), text
        assert way == "none" or any("left out as row names" in note for note in dataset.notes), text
    assert refused <= 15
