"""Every id that a report can print, explained: the registries of `explain` gathered."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from lossurf.errors import UsageError
from lossurf.theory.adjustment_texts import ADJUSTMENTS
from lossurf.theory.exit_texts import EXIT_CODES
from lossurf.theory.explanation import Explanation
from lossurf.theory.hypothesis_texts import HYPOTHESES
from lossurf.theory.lemma_texts import LEMMAS
from lossurf.theory.quantity_texts import QUANTITIES
from lossurf.theory.registry import THEOREMS
from lossurf.theory.verdict_texts import CERTIFICATES, STATUSES, SUBJECTS, VERDICTS

EXPLANATIONS: Final[dict[str, Explanation]] = {
    **HYPOTHESES,
    **{theorem.id: theorem.explanation for theorem in THEOREMS.values()},
    **LEMMAS,
    **VERDICTS,
    **CERTIFICATES,
    **QUANTITIES,
    **STATUSES,
    **SUBJECTS,
    **ADJUSTMENTS,
    **EXIT_CODES,
}
"""Every explained id, in the order that `explain` lists them."""

_NUMBERED: Final = {"theorem", "corollary", "lemma", "proposition", "conjecture"}


def find_explanation(identifier: str) -> Explanation:
    """Look up one id.

    Parameters
    ----------
    identifier : str
        As reports print it, or "Theorem 2.3", "exit 2"; case, spaces and underscores are forgiven.

    Raises
    ------
    UsageError
        If nothing has that id, naming the nearest.
    """
    wanted = identifier.strip().lower().replace("_", "-").replace(" ", "-")
    for name in (wanted, *_by_number(wanted)):
        if name in EXPLANATIONS:
            return EXPLANATIONS[name]
    near = nearest_ids(wanted)
    raise UsageError(
        f"nothing is called '{identifier}'",
        where="explain",
        remedy=f"did you mean {' or '.join(near)}?" if near else "run 'lossurf explain' for the list",
    )


def _by_number(wanted: str) -> list[str]:
    """Return the id that "theorem-2.3" or "exit-code-2" means, if there is one and only one."""
    kind, _, number = wanted.rpartition("-")
    if kind in {"exit", "exit-code"}:
        return [number]
    meant = [name for name in EXPLANATIONS if name.endswith(f"-{number}")]
    return meant if kind in _NUMBERED and len(meant) == 1 else []


def needed_by(identifier: str) -> tuple[str, ...]:
    """Return the ids of the theorems that assume a hypothesis."""
    return tuple(theorem.id for theorem in THEOREMS.values() if identifier in theorem.hypotheses)


def nearest_ids(wanted: str) -> tuple[str, ...]:
    """Return up to three ids that contain the text, or its number ("theorem-2.3"), or are spelled alike."""
    for piece in (wanted, wanted.rsplit("-", 1)[-1]):
        containing = [name for name in EXPLANATIONS if len(piece) > 1 and piece in name]
        if containing and (piece == wanted or "." in piece):
            return tuple(containing[:3])
    return tuple(get_close_matches(wanted, EXPLANATIONS))
