"""Parts that several pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lossurf.report.page import Cell, Facts, Outcome, Tone
from lossurf.report.text import count, number

TONE_BY_STATUS = {
    "holds": Tone.GOOD,
    "yes": Tone.GOOD,
    "fails": Tone.BAD,
    "no": Tone.PLAIN,
    "undecided": Tone.UNSURE,
}

OUTCOME_BY_STATUS = {"holds": Outcome.PASSED, "fails": Outcome.FAILED, "undecided": Outcome.UNDECIDED}


_SHOWN: Final = 6  # weights of outputs on a line


def status_cell(status: str) -> Cell:
    """Return a three-valued status in its tone."""
    return Cell(status, TONE_BY_STATUS[status])


def data_facts(data: dict[str, Any]) -> Facts:
    """Say what data were read."""
    shape = f"{count(data['samples'], 'sample')}, dx = {data['dx']}, dy = {data['dy']}, {data['dtype']}"
    rank = f"rank(X) = {data['rank_x']}" + (" after centring, as an output bias does" if data["bias"] else "")
    items = [("X", data["x"]), ("Y", data["y"])] if data["x"] != data["y"] else [("Data", data["x"])]
    return Facts((*items, ("Read", f"{shape}; {rank}"), *_adjusted(data.get("adjusted"))))


def _adjusted(adjusted: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Say what the loss is beside half the squared distance of P X and Y."""
    if adjusted is None:
        return
    if adjusted["sample_weights"] is not None:
        total = number(adjusted["total_weight"])
        yield "Weighted", f"samples, by {adjusted['sample_weights']}, whose weights add up to {total}"
    if adjusted["output_weights"] is not None:
        weights = ", ".join(map(number, adjusted["output_weights"][:_SHOWN]))
        more = ", ..." if len(adjusted["output_weights"]) > _SHOWN else ""
        yield "Weighted", f"outputs, by {weights}{more}; a last layer W is read as diag(sqrt v) W"
    if adjusted["residual"]:
        yield "Base", "the input itself, subtracted from Y"
    if adjusted["base"] is not None:
        yield "Base", f"{adjusted['base']}, subtracted from Y"
    if adjusted["ridge"] is not None:
        yield "Ridge", f"{number(adjusted['ridge'])} times 1/2 ||P||^2 is part of every loss"
