"""The page of `reduce`: what was reduced to what, and how to use it."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.page import Cell, Facts, Page, Tone
from lossurf.report.pages.steps import path_word, step
from lossurf.report.text import count


def page(document: Document) -> Page:
    """Lay out the document of `reduce`."""
    data, output = document["data"], document["output"]
    names = [("X", data["x"]), ("Y", data["y"])] if data["x"] != data["y"] else [("Data", data["x"])]
    shape = f"{count(data['samples'], 'sample')}, dx = {data['dx']}, dy = {data['dy']}, {data['dtype']}"
    joined = [("Joined", ", ".join(source["name"] for source in document["sources"]))]
    return Page(
        title="lossurf reduce",
        read=(Facts((*names, *(joined if len(document["sources"]) > 1 else ()), ("Read", shape))),),
        verdict=(Cell(f"{output} stands for these data in every command.", Tone.GOOD),),
        blocks=(Facts((("Written", f"{output}, {count(document['bytes'], 'byte')}"),)),),
        next_steps=(
            step("What the data allow", "lossurf check", path_word(output)),
            step("What kind of point a network is at on them", "lossurf classify CHECKPOINT --data", path_word(output)),
        ),
    )
