"""The page of `explain`: one entry in full, or the list of all."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Block, Cell, Facts, Grid, Lines, Page
from lossurf.report.pages.steps import step

_PLURALS = {
    "hypothesis": "Hypotheses",
    "theorem": "Theorems",
    "lemma": "Lemmas",
    "verdict": "Verdicts",
    "certificate": "Certificates",
    "status": "Statuses",
    "exit-code": "Exit codes",
    "subject": "Subjects",
}


def page(document: Document) -> Page:
    """Lay out the document of `explain`."""
    return _one(document["entries"][0]) if document["id"] is not None else _all(document["entries"])


def _one(entry: dict[str, Any]) -> Page:
    blocks: list[Block] = [
        Lines((entry["statement"],), "What it says"),
        Lines((entry["matters"],), "Why it matters"),
        Lines((entry["action"],), "What to do"),
    ]
    if entry["hypotheses"]:
        blocks.append(Lines((", ".join(entry["hypotheses"]),), "It assumes"))
    if entry["needed_by"]:
        blocks.append(Lines((", ".join(entry["needed_by"]),), "Theorems that assume it"))
    if entry["reference"]:
        blocks.append(Lines((entry["reference"],), "Reference"))
    return Page(
        title=f"lossurf explain {entry['id']}",
        read=(Facts(((entry["kind"].replace("-", " ").capitalize(), entry["id"]),)),),
        verdict=(Cell(entry["title"]),),
        blocks=tuple(blocks),
    )


def _all(entries: list[dict[str, Any]]) -> Page:
    grids = tuple(
        Grid(("id", "in short"), tuple((entry["id"], entry["title"]) for entry in group), title=_PLURALS[kind])
        for kind, group in groupby(entries, key=lambda entry: entry["kind"])
    )
    return Page(
        title="lossurf explain",
        read=(),
        verdict=("Everything that can be explained.",),
        blocks=grids,
        next_steps=(step("What one of them says, and what to do", "lossurf explain", entries[0]["id"]),),
    )
