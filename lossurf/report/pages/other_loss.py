"""What the reports of `check` and `classify` say of a loss other than the squared one."""

from __future__ import annotations

from typing import Any

from lossurf.report.document import Document
from lossurf.report.page import Case, Cell, Facts, Page
from lossurf.report.pages.common import OUTCOME_BY_STATUS, TONE_BY_STATUS, data_facts
from lossurf.report.pages.steps import on_data, repeated, step
from lossurf.report.text import number, percent

_ATTAINED = {
    "yes": "attained",
    "no": "not attained: the loss falls for ever as weights grow",
    "undecided": "undecided: the linear program did not end",
}


def loss_facts(facts: dict[str, Any]) -> Facts:
    """Say which loss it is, its least value and whether any weights have it."""
    name = facts["name"] + ("" if facts["delta"] is None else f", linear beyond {number(facts['delta'])}")
    classes = "" if facts["classes"] is None else f"; outputs stand for labels {', '.join(map(str, facts['classes']))}"
    least = f"{number(facts['optimal_loss'])}, no lower than {number(facts['lower_bound'])} by the dual bound"
    gap = f"{number(facts['relative_gap'])} of the loss at zero, {number(facts['loss_at_zero'])}"
    items = [("Loss", name + classes), ("Least value", least), ("Dual gap", gap)]
    attained = _ATTAINED[facts["attained"]]
    if facts["margins"]:
        share = percent(facts["separable"] / facts["margins"]) if facts["separable"] is not None else "unknown"
        attained += f"; separable margins {number(facts['separable'])} of {facts['margins']}, {share}"
    return Facts((*items, ("Least value is", attained)), "Over all linear maps")


def check_page(document: Document) -> Page:
    """Lay out the document of `check --loss`."""
    facts = document["other_loss"]
    status = facts["status"]
    options = repeated(document, "loss") or f"--loss {facts['name']}"
    said = {
        "holds": "Under this loss the theory gives a global minimum",
        "fails": "The theory gives no global minimum here",
        "undecided": "Whether the theory gives a global minimum here is undecided",
    }[status]
    return Page(
        title="lossurf check",
        read=(data_facts(document["data"]),),
        verdict=(Cell(f"{said}: {facts['reason']}.", TONE_BY_STATUS[status]),),
        blocks=(loss_facts(facts),),
        next_steps=(
            step("What kind of point a network is at", "lossurf classify CHECKPOINT", on_data(document), options),
            step("The theorem behind it", "lossurf explain laurent-von-brecht"),
        ),
        cases=(Case(facts["name"], OUTCOME_BY_STATUS[status], f"{status}: {facts['reason']}"),),
    )
