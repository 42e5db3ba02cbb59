"""The page of `plot`: what was drawn, where to, and the numbers a reader looks for first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Facts, Grid, Page
from lossurf.report.pages.classify import verdict_cell
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.weight_decay import penalty_facts
from lossurf.report.text import count, number, span

_ROWS_SHOWN = 12


def page(document: Document) -> Page:
    """Lay out the document of `plot`."""
    penalty = document.get("weight_decay")
    said, blocks = _PARTS[document["kind"]](document)
    name = document["output"]  # none in Python
    return Page(
        title=f"lossurf plot {document['kind']}",
        read=(data_facts(document["data"]), *((Facts((penalty_facts(penalty),)),) if penalty else ())),
        verdict=(f"{said[0].upper()}{said[1:]}." if name is None else f"{name}: {said}.",),
        blocks=blocks,
    )


def _spectrum(document: Document) -> tuple[str, tuple[Block, ...]]:
    rows = tuple(
        (str(item["index"]), number(item["value"]), f"+- {number((item['high'] - item['low']) / 2.0)}")
        for item in document["eigenvalues"]
    )
    grid = Grid(("i", "eigenvalue l_i", "error bar"), rows, frozenset({"i", "eigenvalue l_i"}), brief=_ROWS_SHOWN)
    rank = document["rank_max"]
    best = number(document["loss_by_rank"][rank])
    return f"eigenvalues of Sigma and the best loss of every rank; L* = {best} at rank {rank}", (grid,)


def _levels(document: Document) -> tuple[str, tuple[Block, ...]]:
    values = document["critical_values"]
    rows = tuple(
        (
            number(value["loss"]),
            str(value["rank"]),
            "{" + ", ".join(map(str, value["eigen_indices"])) + "}",
            verdict_cell(value["kinds"][0]) if len(value["kinds"]) == 1 else ", ".join(value["kinds"]),
            _ways_down(value),
        )
        for value in values
    )
    header = ("loss", "rank", "eigenvectors", "kinds of point", "ways down")
    grid = Grid(header, rows, frozenset({"loss", "rank"}), brief=_ROWS_SHOWN)
    partly = "as many as were found" if document.get("weight_decay") else "the leading ones and their exchanges"
    which = "" if document["complete"] else f", {partly}"
    return f"{count(len(values), 'critical value')}{which}", (grid,)


def _ways_down(value: dict[str, Any]) -> str:
    """Return the Morse indices of a level, and whether the largest is proved or the largest that was found."""
    said = span(value["index_least"], value["index_most"])
    return said if value["index_most"] is None else f"{said} ({'proved' if value['index_most_proved'] else 'found'})"


def _surface(document: Document) -> tuple[str, tuple[Block, ...]]:
    lowest = min(loss for row in document["losses"] for loss in row if loss is not None)
    items: list[tuple[str, Any]] = [
        ("Checkpoint", document["checkpoint"]),
        ("Verdict", verdict_cell(document["verdict"])),
        ("Loss", number(document["loss"])),
        ("Lowest loss shown", number(lowest)),
        ("Across", _axis(document["x"])),
        ("Up", _axis(document["y"])),
    ]
    return f"the loss around {document['checkpoint']}", (Facts(tuple(items)),)


def _axis(axis: dict[str, Any]) -> str:
    return f"{axis['name']}, to {number(axis['distances'][-1])} times the size of the weights"


_PARTS: dict[str, Callable[[Document], tuple[str, tuple[Block, ...]]]] = {
    "spectrum": _spectrum,
    "levels": _levels,
    "surface": _surface,
}
