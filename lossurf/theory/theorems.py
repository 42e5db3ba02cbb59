"""Theorems held against the user's data and widths (theory, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lossurf.words import Applies, Kind, Status

if TYPE_CHECKING:
    from lossurf.theory.explanation import Explanation


class Theorem(NamedTuple):
    """A published result.

    Attributes
    ----------
    id, title : str
    setting : str
        What kind of network and loss it is about, as published.
    hypotheses : tuple of str
        Ids of everything else it assumes, as published.
    conclusion : str
        What it says, in plain words.
    gives : str
        What that is worth to somebody with this data.
    reference : str
    evaluated : bool
        Whether its hypotheses can be asked of a linear network and data; False for entries that are only explained.
    """

    id: str
    title: str
    setting: str
    hypotheses: tuple[str, ...]
    conclusion: str
    gives: str
    reference: str
    evaluated: bool = True

    @property
    def explanation(self) -> Explanation:
        """The entry of `explain`."""
        from lossurf.theory.explanation import Explanation

        statement = f"{self.setting} {self.conclusion}"
        action = "Run `lossurf check DATA --widths ...` to see whether it speaks for your data and network."
        if not self.evaluated:
            action = "There is no command for it; read the paper before relying on it."
        return Explanation(
            self.id, Kind.THEOREM, self.title, statement, self.gives, action, self.reference, self.hypotheses
        )


@dataclass(frozen=True)
class TheoremFinding:
    """One theorem held against the user's data and widths.

    Attributes
    ----------
    id : str
        Of `lossurf explain`.
    applies : Applies
    because : tuple of str
        Ids of the hypotheses that decided: those that fail, else those undecided, else all of them.
    conclusion : str
        What follows.
    """

    id: str
    applies: Applies
    because: tuple[str, ...]
    conclusion: str


_APPLIES = {Status.HOLDS: Applies.YES, Status.FAILS: Applies.NO, Status.UNDECIDED: Applies.UNDECIDED}


def hold_against(theorem: Theorem, statuses: Mapping[str, Status]) -> TheoremFinding:
    """Decide whether a theorem applies: no if a hypothesis fails, else undecided if one is, else yes.

    Parameters
    ----------
    theorem : Theorem
    statuses : mapping of str to Status
        Of every hypothesis the theorem names.
    """
    for status in (Status.FAILS, Status.UNDECIDED):
        because = tuple(name for name in theorem.hypotheses if statuses[name] is status)
        if because:
            return TheoremFinding(theorem.id, _APPLIES[status], because, theorem.conclusion)
    return TheoremFinding(theorem.id, Applies.YES, theorem.hypotheses, theorem.conclusion)
