"""Commands that go on from a report, as they can be typed: on the same data, read in the same way.

What was typed comes with the document under `beside`, `again`; without it, as in Python, capitals stand for what only
the reader knows.
"""

from __future__ import annotations

import shlex

from lossurf.report.document import Document
from lossurf.report.page import Step


def step(why: str, *words: str) -> Step:
    """Return a command, with what it is for; empty words are left out."""
    return Step(why, " ".join(word for word in words if word))


def on_data(document: Document, option: str = "--data") -> str:
    """Return the words that name the document's data, after an option or as an argument."""
    said = _again(document)
    if said is None:
        return f"{option} DATA".lstrip()
    place = f"{option} {said['place']}".lstrip() if said["place"] else ""
    return f"{place} {said['data']}".strip()


def repeated(document: Document, *names: str) -> str:
    """Return the options under headings, such as `network`, that the command was given."""
    said = _again(document) or {}
    return " ".join(said[name] for name in names if said.get(name))


def command_again(document: Document) -> str:
    """Return the command that made the document, without what its report looks like."""
    said = _again(document)
    return f"lossurf {document['command']} ..." if said is None else said["command"]


def after_local_minimum(document: Document) -> str:
    """Return what to do at a point that nothing nearby is better than, by the loss under which it is one."""
    if document["results"][0]["tied"]:
        return (
            "Set the idle units to zero, or leave out the inputs that never vary, and train on: `lossurf explain "
            "tied-autoencoder` says what holds them."
        )
    if document.get("weight_decay"):
        return (
            "Compare the gap with what the difference is worth. Start again away from zero, or with less weight decay "
            "at first: `lossurf explain weight-decay` says why depth matters there."
        )
    return (
        "Compare the gap with what the difference is worth. Start again from several points, or widen the narrowest "
        "layer to min(dx, dy), where no such point is left: `lossurf help losses`."
    )


def path_word(path: str) -> str:
    """Return a path as one word of a shell, which is no option."""
    return shlex.quote(f"./{path}" if path[:1] == "-" != path else path)


def _again(document: Document) -> dict[str, str] | None:
    said: dict[str, str] | None = document.get("beside", {}).get("again")
    return said
