"""The page of `watch`: where the run is now, which levels it rested on, and every checkpoint as a row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Lines, Outcome, Page, Text, Tone
from lossurf.report.pages.classify import (
    TONE_BY_VERDICT,
    certificate_of,
    notes_of,
    unreadable_case,
    unreadable_line,
    verdict_cell,
)
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.runs import of_runs, with_short_run
from lossurf.report.pages.weight_decay import penalty_facts
from lossurf.report.run import gap_text, is_told, name_of, steepness
from lossurf.report.text import count, number
from lossurf.report.unreadable import is_unreadable

_ROWS_SHOWN = 40


def page(document: Document) -> Page:
    """Lay out the document of `watch`."""
    results = document["results"]
    readable = _readable(document)
    refused = [result for result in results if is_unreadable(result)]
    notes = notes_of(readable)
    below = _told_apart(refused, notes)
    if document.get("runs") is not None:
        rows = _rows([with_short_run(result, document) for result in results], document["edge"])
        return of_runs(document, _read(document), rows, below)._replace(notes=notes)
    rows = _rows(results, document["edge"])
    blocks: list[Block] = [_plateaus(document)] if document["plateaus"] else []
    last = readable[-1]["checkpoint"]
    return Page(
        title="lossurf watch",
        read=(data_facts(document["data"]), _read(document)),
        verdict=(_verdict(document), _now(document)),
        blocks=(*blocks, rows, *below),
        next_steps=() if is_told(last) else (certificate_of(document, last, "The certificate of the last one"),),
        cases=(_case(document), *(unreadable_case(result) for result in refused)),
        brief=tuple(unreadable_line(result) for result in refused),
        notes=notes,
    )


def _read(document: Document) -> Facts:
    """Return what the run was read from, and what was asked of it."""
    results, runs, edge = document["results"], document.get("runs"), document["edge"]
    read: list[tuple[str, Text]]
    if runs is None:
        read = [("Checkpoints", f"{len(results)}{_within(result['checkpoint'] for result in results)}")]
    else:
        read = [("Runs", f"{len(runs)}{_within(run['name'] for run in runs)}"), ("Checkpoints", str(len(results)))]
    if penalty := document.get("weight_decay"):
        read.append(penalty_facts(penalty))
    if edge is not None:
        read.append(
            ("Edge of stability", f"{number(edge['curvature'])}: 2 / {number(edge['step'])} ({edge['reduction']})")
        )
    if document["figure"]:
        read.append(("Figure", document["figure"]))
    return Facts(tuple(read))


def _within(names: Iterable[str]) -> str:
    folders = {str(PurePath(name).parent) for name in names}
    return f" in {folders.pop()}" if len(folders) == 1 and folders != {"."} else ""


def _readable(document: Document) -> list[dict[str, Any]]:
    return [result for result in document["results"] if not is_unreadable(result)]


def _told_apart(refused: list[dict[str, Any]], notes: tuple[str, ...]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if refused:
        blocks.append(Lines(tuple(unreadable_line(result) for result in refused), "Unreadable"))
    if notes:
        blocks.append(Lines(notes, "Notes"))
    return tuple(blocks)


def _verdict(document: Document) -> Cell:
    last = _readable(document)[-1]
    asked = document["expected"]
    expected = "" if not asked or last["verdict"] in asked else f" Expected was {' or '.join(asked)}."
    name = PurePath(last["checkpoint"]).name
    return Cell(f"{name} is {last['verdict']}: {last['reason']}.{expected}", TONE_BY_VERDICT[last["verdict"]])


def _now(document: Document) -> Text:
    last = _readable(document)[-1]
    left = gap_text(last)
    gap = f"gap {left}." if last["relative_gap"] is None else f"{left} of the possible gain is left."
    if last["on_level"] is None:
        below, above = last["nearest_levels"]
        if (below, above) == (None, None):
            return f"Its loss {number(last['loss'])} is on no level; {gap}"
        return f"Its loss {number(last['loss'])} is between critical values {number(below)} and {number(above)}; {gap}"
    stay = count(last["for_checkpoints"], "checkpoint")
    return f"It rests on L_{last['on_level']}, the best loss of rank {last['on_level']}, for {stay}; {gap}"


def _plateaus(document: Document) -> Grid:
    return Grid(
        title="Plateaus",
        header=("level", "loss L_k", "checkpoints", "from", "to"),
        rows=tuple(
            (
                f"L_{plateau['rank']}",
                number(plateau["loss"]),
                str(plateau["checkpoints"]),
                PurePath(plateau["first"]).name,
                PurePath(plateau["last"]).name,
            )
            for plateau in document["plateaus"]
        ),
        numeric=frozenset({"loss L_k", "checkpoints"}),
    )


def _rows(results: list[dict[str, Any]], edge: dict[str, Any] | None) -> Grid:
    curved = any(not is_unreadable(result) and result["curvature"] is not None for result in results)
    curvatures = ("curvature",) * curved + ("of edge",) * (curved and edge is not None)
    header = ("checkpoint", "loss", "gap", "gradient", "on level", "for", "ways down", "drift", *curvatures)
    rows: list[tuple[Text, ...]] = []
    for result in results:
        name = name_of(result)
        if is_unreadable(result):
            rows.append((name, *["-"] * (len(header) - 1), Cell("unreadable", Tone.BAD)))
            continue
        cells = (
            name,
            number(result["loss"]),
            gap_text(result),
            number(result["gradient"]),
            "-" if result["on_level"] is None else f"L_{result['on_level']}",
            str(result["for_checkpoints"] or "-"),
            "-" if result["inertia"] is None else str(result["inertia"]["negative"]),
            drift_text(result),
            *steepness(result, None if edge is None else edge["curvature"]),
        )
        rows.append((*cells[: len(header)], verdict_cell(result["verdict"])))
    return Grid(
        title="Checkpoints",
        header=(*header, "verdict"),
        rows=tuple(rows),
        numeric=frozenset({"loss", "gap", "gradient", "for", "ways down", "drift", "curvature", "of edge"}),
        brief=_ROWS_SHOWN,
        optional=("drift", "for", "ways down", "gradient", "loss"),
    )


def drift_text(result: dict[str, Any]) -> str:
    """Return the largest drift of the balance at any hidden layer."""
    return number(max((size for size in result["drift"] if size is not None), default=None))


def _case(document: Document) -> Case:
    last = _readable(document)[-1]
    asked = document["expected"]
    outcome = Outcome.PASSED if not asked or last["verdict"] in asked else Outcome.FAILED
    return Case(last["checkpoint"], outcome, f"{last['verdict']}: {last['reason']}", file=last["checkpoint"])
