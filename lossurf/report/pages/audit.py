"""The page of `audit`: each statement of the theorem with its evidence, then the levels it was shown on."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Lines, Outcome, Page, Step, Text, Tone
from lossurf.report.pages.classify import verdict_cell
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.steps import on_data, step
from lossurf.report.text import count, number, span

_ROWS_SHOWN = 24


def page(document: Document) -> Page:
    """Lay out the document of `audit`."""
    blocks: list[Block] = [_statements(document["statements"]), _levels(document["levels"])]
    return Page(
        title="lossurf audit",
        read=(data_facts(document["data"]), _network(document["network"])),
        verdict=(_verdict(document), *_claimed(document["theorem"])),
        blocks=(*blocks, Lines(_cut(document), level=1)) if _cut(document) else tuple(blocks),
        next_steps=_next_steps(document),
        cases=tuple(
            Case(item["id"], Outcome.PASSED if item["shown"] else Outcome.FAILED, f"{item['claim']} {item['evidence']}")
            for item in document["statements"]
        ),
    )


def _next_steps(document: Document) -> tuple[Step, ...]:
    """Say how to have one of the points, of the kind that is rarest."""
    found = {point["verdict"] for level in document["levels"] for point in level["points"]}
    kind = next((kind for kind in ("bad-saddle", "strict-saddle", "global-minimum") if kind in found), None)
    if kind is None:
        return ()
    widths = f"--widths {','.join(map(str, document['network']['widths']))}"
    bias = "--bias" if document["data"]["bias"] else ""
    words = ("lossurf construct", kind, on_data(document), widths, bias, "-o point.npz")
    return (step(f"A {kind} on these data as a checkpoint", *words),)


def _network(network: dict[str, Any]) -> Facts:
    widths = ",".join(map(str, network["widths"]))
    shape = f"widths {widths}; H = {network['hidden_layers']}, p = {network['p']}, rank at most {network['rank_max']}"
    return Facts((("Network", shape),))


def _verdict(document: Document) -> Cell:
    open_ones = [item["id"] for item in document["statements"] if not item["shown"]]
    points = sum(len(level["points"]) for level in document["levels"])
    where = f"{count(points, 'critical point')} on {count(len(document['levels']), 'level')}"
    if not open_ones:
        return Cell(f"Every statement of Theorem 2.3 and Corollary 2.4 was shown on these data, at {where}.", Tone.GOOD)
    return Cell(f"Not shown on these data: {', '.join(open_ones)}, at {where}.", Tone.BAD)


def _claimed(theorem: dict[str, Any]) -> tuple[Text, ...]:
    if theorem["applies"] == "yes":
        return ("The theorem's hypotheses hold, so it claims as much for every critical point.",)
    return (f"The theorem itself makes no claim here: {', '.join(theorem['because'])}.",)


def _statements(items: list[dict[str, Any]]) -> Grid:
    return Grid(
        header=("statement", "shown", "claim", "evidence"),
        rows=tuple(
            (
                item["id"],
                Cell("yes", Tone.GOOD) if item["shown"] else Cell("no", Tone.BAD),
                item["claim"],
                item["evidence"],
            )
            for item in items
        ),
    )


def _levels(levels: list[dict[str, Any]]) -> Grid:
    rows: list[tuple[Text, ...]] = []
    for level in levels:
        carried = "{" + ", ".join(map(str, level["eigen_indices"])) + "}"
        for verdict, points in _by_verdict(level["points"]).items():
            rows.append(
                (
                    str(level["rank"]),
                    carried,
                    number(level["loss"]),
                    verdict_cell(verdict),
                    str(len(points)),
                    _index(points),
                    _least(points, "decrease"),
                    _least(points, "rise"),
                )
            )
    return Grid(
        title="Levels",
        header=("rank", "carries", "loss", "type", "points", "ways down found", "falls by", "rises by"),
        rows=tuple(rows),
        numeric=frozenset({"rank", "loss", "points", "ways down found", "falls by", "rises by"}),
        brief=_ROWS_SHOWN,
        optional=("rises by", "points", "ways down found"),
    )


def _by_verdict(points: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        grouped.setdefault(point["verdict"], []).append(point)
    return grouped


def _index(points: list[dict[str, Any]]) -> str:
    """Morse indices of the points that were built, least and largest."""
    found = [point["index"] for point in points if point["index"] is not None]
    return "-" if not found else span(min(found), max(found))


def _least(points: list[dict[str, Any]], field: str) -> str:
    return number(min((point[field] for point in points if point[field] is not None), default=None))


def _cut(document: Document) -> tuple[Text, ...]:
    shown, total = len(document["levels"]), document["levels_total"]
    return (f"{shown} of {total} levels were built; --limit builds more.",) if shown < total else ()
