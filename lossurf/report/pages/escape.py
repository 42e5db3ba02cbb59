"""The page of `escape`: how far down, by which way, and what was written."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Case, Cell, Facts, Grid, Outcome, Page, Step, Text, Tone
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.steps import on_data, path_word, repeated, step
from lossurf.report.pages.weight_decay import penalty_facts
from lossurf.report.text import count, number, percent

_LARGE_GROWTH = 1e6  # layers so much larger that a reader should hear of it


def page(document: Document) -> Page:
    """Lay out the document of `escape`."""
    moved = bool(document["segments"])
    return Page(
        title="lossurf escape",
        read=(data_facts(document["data"]), Facts(_read(document))),
        verdict=_moved(document) if moved else _stayed(document),
        blocks=tuple(_way(document)) if moved else (),
        next_steps=_next_steps(document, moved=moved),
        cases=(Case(document["checkpoint"], Outcome.PASSED if moved else Outcome.FAILED, document["reason"]),),
    )


def _read(document: Document) -> tuple[tuple[str, Text], ...]:
    penalty = document.get("weight_decay")
    frozen = document.get("frozen")
    return (
        ("Checkpoint", document["checkpoint"]),
        *((("Frozen", ", ".join(frozen)),) if frozen else ()),
        *((penalty_facts(penalty),) if penalty else ()),
    )


def _moved(document: Document) -> tuple[Text, ...]:
    before, after, optimum = (document[key] for key in ("loss_before", "loss_after", "optimal_loss"))
    share = document["drop"] / (before - optimum) if before > optimum else None
    gained = f"{percent(share)} of what {'the lower bound leaves' if document.get('weight_decay') else 'can be gained'}"
    fall = f"The loss falls from {number(before)} to {number(after)}, {gained}."
    reached = document.get("verdict_after")
    start = f"The start is a {document['verdict']}: {document['reason']}."
    start += f" The end is {reached}." if reached else ""
    growth = document["growth"]
    if growth is None or growth <= _LARGE_GROWTH:
        return (Cell(fall, Tone.GOOD), start)
    return (
        Cell(fall, Tone.GOOD),
        start,
        f"Its layers are near zero: the largest grew by a factor of {number(growth)}.",
    )


def _stayed(document: Document) -> tuple[Text, ...]:
    reasons = {
        "global-minimum": "there is nothing below a global minimum",
        "local-minimum": "nothing lower than this minimum was found, nor excluded",
        "degenerate": "no way leads down to second order, and nothing lower was found",
        "not-critical": "the point is not critical, so training itself still leads down",
        "undetermined": "what kind of point this is cannot be told",
    }
    said = f"Nothing was written: {reasons[document['verdict']]}."
    return (Cell(said, Tone.UNSURE), f"{document['verdict']}: {document['reason']}.")


def _way(document: Document) -> list[Block]:
    grid = Grid(
        header=("segment", "what it does", "order", "loss before", "loss after"),
        rows=tuple(
            (
                f"{position} {segment['kind']}",
                _described(segment),
                number(segment["order"]),
                number(segment["loss_before"]),
                number(segment["loss_after"]),
            )
            for position, segment in enumerate(document["segments"], 1)
        ),
        numeric=frozenset({"order", "loss before", "loss after"}),
        title="The way down",
    )
    least = "Lower bound" if document.get("weight_decay") else "Optimal loss L*"
    written: list[tuple[str, Text]] = [(least, number(document["optimal_loss"]))]
    if document["output"] is not None:
        dtypes = ", ".join(dict.fromkeys(document["dtypes"]))
        written.append(("Written", f"{document['output']}, {dtypes}"))
    if document["files"]:
        written.append(("Path", f"{count(len(document['files']), 'file')}, {document['files'][0]} first"))
    return [grid, Facts(tuple(written))]


def _described(segment: dict[str, Any]) -> str:
    gained, lost = (
        "a mixture of eigenvectors" if segment[key] is None else f"eigenvector {segment[key]}"
        for key in ("gained", "lost")
    )
    if segment["kind"] == "rotate":
        settled = segment["gained"] is None and segment["lost"] is None
        return "turns onto the leading eigenvectors" if settled else f"turns from {lost} to {gained}"
    return {
        "tails": "removes what does not carry the product",
        "grow": f"gains {gained}, to rank {segment['rank']}",
        "direction": "follows the certificate's direction to its lowest point",
        "descend": "descends to a critical point" + ("" if segment["rank"] is None else f" of rank {segment['rank']}"),
        "lower": f"takes up another point, of rank {segment['rank']}, which is known to be lower",
    }[segment["kind"]]


def _next_steps(document: Document, *, moved: bool) -> tuple[Step, ...]:
    if not moved:
        return (step("What that means and what to do", "lossurf explain", document["verdict"]),)
    written = [document["output"]] if document["output"] is not None else document["files"][-1:]  # neither in Python
    told = on_data(document), repeated(document, "loss")
    steps = [step("What kind of point it is now", "lossurf classify", path_word(end), *told) for end in written]
    if not document["to_minimum"]:
        options = repeated(document, "network", "loss", "tolerance")
        words = (path_word(document["checkpoint"]), on_data(document), options, "--to-minimum -o best.npz")
        goal = "Down to a minimum" if document.get("weight_decay") else "All the way to L*"
        steps.append(step(goal, "lossurf escape", *words))
    return tuple(steps)
