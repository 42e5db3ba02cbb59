"""The lines in which a run is told while it goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from lossurf.report.document import Document, make_document
from lossurf.report.json_text import HEAD, lines_of
from lossurf.report.text import number, percent, printable
from lossurf.report.unreadable import is_unreadable

_RESOLVED = 1e-10  # relative gaps below are made of rounding: the loss itself is known to some 1e-13
_COLUMNS = (("loss", 12), ("gap", 12), ("gradient", 12), ("on", 5), ("for", 4), ("down", 5))
_VERDICT = 15  # the width of the longest
_CURVATURES = (("curvature", 12), ("of edge", 11))


def head_line(head: object) -> str:
    """Return the line above a run's JSON lines: what they are about."""
    return json.dumps(make_document("watch", head), allow_nan=False, separators=(",", ":")) + "\n"


def line_of(
    result: dict[str, Any], form: str, notes: Sequence[str] = (), *, curved: bool = False, edge: float | None = None
) -> str:
    """Return a checkpoint's line, as JSON with the notes on the data, or as a row under `stream_head`.

    Rows of a run that is asked for its curvature are `curved`, and `edge` is what it is held against.
    """
    if form == "jsonl":
        head = {name: make_document("watch")[name] for name in HEAD}
        (line,) = lines_of({**head, "results": [result], "notes": list(notes)})
        return json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n"
    columns = _columns(curved=curved, edge=edge)
    name = printable(name_of(result))
    if is_unreadable(result):
        width = sum(width for _, width in columns) + 2 * (len(columns) - 1)
        return f"{'-'.rjust(width)}  {'unreadable':<{_VERDICT}}  {name}\n"
    cells = (
        number(result["loss"]),
        gap_text(result),
        number(result["gradient"]),
        "-" if result["on_level"] is None else f"L_{result['on_level']}",
        str(result["for_checkpoints"] or "-"),
        "-" if result["inertia"] is None else str(result["inertia"]["negative"]),
        *steepness(result, edge),
    )
    row = "  ".join(cell.rjust(width) for cell, (_, width) in zip(cells, columns, strict=False))
    return f"{row}  {result['verdict']:<{_VERDICT}}  {name}\n"


def _columns(*, curved: bool, edge: float | None) -> tuple[tuple[str, int], ...]:
    return (*_COLUMNS, *_CURVATURES[: curved + (curved and edge is not None)])


def steepness(result: dict[str, Any], edge: float | None) -> tuple[str, str]:
    """Return the largest eigenvalue, and its share of the edge of stability."""
    found = result["curvature"]
    if found is None:
        return "-", "-"
    return number(found["largest"]), "-" if edge is None else percent(found["largest"] / edge)


def name_of(result: dict[str, Any]) -> str:
    """Return what a checkpoint's row is called: its file, after its run where there are several."""
    name = PurePath(result["checkpoint"]).name
    return f"{result['run']}: {name}" if result.get("run") else name


def is_told(checkpoint: str) -> bool:
    """Tell whether a checkpoint is a step in a monitor's lines, and no file."""
    return re.fullmatch(r"step \d+", checkpoint) is not None


def short_names(document: Document) -> dict[str, str]:
    """Return the names of the runs without the directory that they are all in."""
    names = [run["name"] for run in document["runs"]]
    together = len({PurePath(name).parent for name in names}) == 1
    return {name: PurePath(name).name if together and PurePath(name).name else name for name in names}


def gap_text(result: dict[str, Any]) -> str:
    """Return what is left of the possible gain; what float64 cannot resolve is not told in digits."""
    share = result["relative_gap"]
    if share is None:
        return number(result["gap"])
    return percent(share) if share >= _RESOLVED else f"< {percent(_RESOLVED)}"


def stream_head(form: str, *, curved: bool = False, edge: float | None = None) -> str:
    """Return the line above the rows of a table; JSON lines have none."""
    if form == "jsonl":
        return ""
    names = "  ".join(name.rjust(width) for name, width in _columns(curved=curved, edge=edge))
    return f"{names}  {'verdict':<{_VERDICT}}  checkpoint\n"
