"""The page of `watch` where several runs are compared: a row each, and their checkpoints for who asks for more."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Case, Cell, Facts, Grid, Outcome, Page, Step, Text, Tone
from lossurf.report.pages.classify import TONE_BY_VERDICT, unreadable_case, unreadable_line, verdict_cell
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.steps import on_data, path_word, repeated, step
from lossurf.report.run import gap_text, is_told, short_names
from lossurf.report.text import count, number
from lossurf.report.unreadable import is_unreadable
from lossurf.words import Verdict

_ROWS_SHOWN = 40


def of_runs(document: Document, facts: Facts, checkpoints: Grid, below: tuple[Any, ...]) -> Page:
    """Lay out the comparison; `checkpoints` is the table of all of them, `below` what must stand under the tables."""
    runs = document["runs"]
    refused = [result for result in document["results"] if is_unreadable(result)]
    return Page(
        title="lossurf watch",
        read=(data_facts(document["data"]), facts),
        verdict=(_verdict(document), _lowest(document)),
        blocks=(_grid(document), checkpoints._replace(level=2), *below),
        next_steps=(_one_by_one(document),),
        cases=(*(_case(document, run) for run in runs), *map(unreadable_case, refused)),
        brief=(*_short(document), *map(unreadable_line, refused)),
    )


def _one_by_one(document: Document) -> Step:
    """Ask for the checkpoints of the first run that is not at a minimum, or of the first."""
    runs = document["runs"]
    run = next((run for run in runs if not run["verdict"].endswith("-minimum")), runs[0])
    why = "The checkpoints of one of them"
    if is_told(run["last"]):
        return step(why, "lossurf watch", path_word(run["name"]))
    last, options = PurePath(run["last"]), repeated(document, "network", "loss", "tolerance")
    return step(why, "lossurf watch", path_word(str(last.parent / f"*{last.suffix}")), on_data(document), options)


def with_short_run(result: dict[str, Any], document: Document) -> dict[str, Any]:
    """Return a checkpoint's result with its run under the name that the table has for it."""
    run = result.get("run")
    return result if run is None else {**result, "run": short_names(document)[run]}


def is_met(document: Document, run: dict[str, Any]) -> bool:
    """Tell whether a run is where it was expected to be."""
    return not document["expected"] or run["verdict"] in document["expected"]


def _verdict(document: Document) -> Cell:
    runs = document["runs"]
    tally = Counter(run["verdict"] for run in runs)
    said = ", ".join(f"{tally[word]} {word}" for word in map(str, Verdict) if word in tally)
    missed = sum(not is_met(document, run) for run in runs)
    asked = f" Expected was {' or '.join(document['expected'])}; {count(missed, 'run')} short of it." if missed else ""
    tones = {TONE_BY_VERDICT[word] for word in tally}
    tone = next(tone for tone in (Tone.BAD, Tone.UNSURE, Tone.GOOD) if tone in tones)
    return Cell(f"{count(len(runs), 'run')}, by the last checkpoint of each: {said}.{asked}", tone)


def _lowest(document: Document) -> Text:
    runs, names = document["runs"], short_names(document)
    best, worst = min(runs, key=lambda run: run["loss"]), max(runs, key=lambda run: run["loss"])
    lowest = f"The lowest loss is {number(best['loss'])}, of {names[best['name']]}"
    if number(best["loss"]) == number(worst["loss"]):
        return f"{lowest}; the others agree with it to six digits." if len(runs) > 1 else f"{lowest}."
    return f"{lowest}; the highest {number(worst['loss'])}, of {names[worst['name']]}."


def _short(document: Document) -> tuple[Text, ...]:
    """Return the runs that are not where they were expected to be."""
    return tuple(
        Cell(f"{run['name']}: {run['verdict']}", TONE_BY_VERDICT[run["verdict"]])
        for run in document["runs"]
        if not is_met(document, run)
    )


def _grid(document: Document) -> Grid:
    names = short_names(document)
    stays: dict[str, list[str]] = {}
    for plateau in document["plateaus"]:
        stays.setdefault(plateau["run"], []).append(f"L_{plateau['rank']} {plateau['checkpoints']}")
    header = ("run", "checkpoints", "loss", "gap", "gradient", "rested on", "on level", "for", "arrived", "verdict")
    rows = tuple(
        (
            names[run["name"]],
            str(run["checkpoints"]),
            number(run["loss"]),
            gap_text(run),
            number(run["gradient"]),
            ", ".join(stays.get(run["name"], ["-"])),
            "-" if run["on_level"] is None else f"L_{run['on_level']}",
            str(run["for_checkpoints"] or "-"),
            "-" if run["arrived"] is None else PurePath(run["arrived"]).name,
            verdict_cell(run["verdict"]),
        )
        for run in document["runs"]
    )
    return Grid(
        title="Runs",
        header=header,
        rows=rows,
        numeric=frozenset({"checkpoints", "loss", "gap", "gradient", "for"}),
        brief=_ROWS_SHOWN,
        optional=("rested on", "on level", "for", "gradient", "checkpoints"),
    )


def _case(document: Document, run: dict[str, Any]) -> Case:
    outcome = Outcome.PASSED if is_met(document, run) else Outcome.FAILED
    said = f"{run['verdict']} at {PurePath(run['last']).name}, loss {number(run['loss'])}, gap {gap_text(run)}"
    return Case(run["name"], outcome, said, file=run["name"] if is_told(run["last"]) else run["last"])
