"""The form of every entry that `explain` prints and that reports quote."""

from __future__ import annotations

from dataclasses import dataclass

from lossurf.words import Kind


@dataclass(frozen=True)
class Explanation:
    """One id in plain words.

    Attributes
    ----------
    id : str
        As reports print it.
    kind : Kind
    title : str
        One line.
    statement : str
        What it says.
    matters : str
        Why a user should care.
    action : str
        What to do about it.
    reference : str
        Where it comes from; empty for lossurf's own conventions.
    hypotheses : tuple of str
        For theorems: the ids of what must hold.
    """

    id: str
    kind: Kind
    title: str
    statement: str
    matters: str
    action: str
    reference: str = ""
    hypotheses: tuple[str, ...] = ()
