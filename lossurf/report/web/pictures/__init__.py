"""The pictures of a page, each drawn from the document and from nothing else."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.web.chart import Picture


def pictures_of(document: Document) -> list[Picture]:
    """Return the pictures that a document has numbers for; none where it says of an error or has nothing to draw."""
    from lossurf.report.web.pictures import escape, levels, relu, run, spectrum, spurious, surface, verdicts

    if "error" in document:
        return []
    command = document["command"]
    name = f"plot {document['kind']}" if command == "plot" else command
    makers = {
        "check": (spectrum.of_check,),
        "classify": (verdicts.of_classify, surface.of_classify),
        "construct": (verdicts.of_construct,),
        "escape": (escape.of_escape,),
        "audit": (levels.of_audit,),
        "watch": (run.of_watch,),
        "spurious": (spurious.of_spurious,),
        "relu": (relu.of_relu,),
        "plot spectrum": (spectrum.of_plot,),
        "plot levels": (levels.of_plot,),
        "plot surface": (surface.of_plot,),
    }
    return [picture for make in makers.get(name, ()) for picture in make(document)]
