"""The page of `construct`: what was written, and what it is."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.page import Case, Facts, Outcome, Page, Step, Text
from lossurf.report.pages.classify import certificate_of, directions_of, lower
from lossurf.report.pages.common import data_facts
from lossurf.report.pages.steps import repeated
from lossurf.report.pages.weight_decay import penalty_facts
from lossurf.report.text import number


def page(document: Document) -> Page:
    """Lay out the document of `construct`."""
    widths = ",".join(map(str, document["widths"]))
    penalty, carried = document.get("weight_decay"), ", ".join(map(str, document["eigen_indices"]))
    of_sigma = f", {'from ' if penalty else ''}eigenvectors {{{carried}}} of Sigma" if carried or not penalty else ""
    end = "" if document["stable_to"] is None else f" to {number(document['stable_to'])}"
    inertia = document["inertia"]
    directions = (("Directions", directions_of(inertia)),) if inertia is not None else ()
    items: tuple[tuple[str, Text], ...] = (
        ("Network", f"widths {widths}, {document['dtype']}, seed {document['seed']}"),
        *((penalty_facts(penalty),) if penalty else ()),
        ("Rank", f"{document['rank']}{of_sigma}"),
        ("Loss", number(document["loss"])),
        ("Lower bound" if penalty else "Optimal loss", number(document["optimal_loss"])),
        ("Certificate", document["certificate"]["kind"]),
        *directions,
        ("Holds for", f"every tolerance from {number(document['stable_from'])}{end}"),
    )
    return Page(
        title="lossurf construct",
        read=(data_facts(document["data"]),),
        verdict=(f"{_name(document)} is a {document['verdict']} on these data.",),
        blocks=(Facts(items),),
        next_steps=_next_steps(document),
        cases=(Case(_name(document), Outcome.PASSED, f"{document['verdict']} written"),),
    )


def _name(document: Document) -> str:
    """Return the file, or what stands for it in Python, where none was written."""
    return document["output"] or "The network"


def _next_steps(document: Document) -> tuple[Step, ...]:
    if document["output"] is None:
        return ()
    full = certificate_of(document, document["output"], "The verdict in full")
    if document["verdict"].endswith("-minimum"):
        return (full,)
    return full, lower(document, document["output"], repeated(document, "loss"))
