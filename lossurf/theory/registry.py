"""All theorems, and all of them asked at once about the user's data and network."""

from __future__ import annotations

from typing import Final

from lossurf.theory.hypotheses import Finding
from lossurf.theory.linear_theorems import LINEAR_THEOREMS
from lossurf.theory.nonlinear_theorems import NONLINEAR_THEOREMS
from lossurf.theory.theorems import Theorem, TheoremFinding, hold_against
from lossurf.words import Applies

THEOREMS: Final[dict[str, Theorem]] = {theorem.id: theorem for theorem in LINEAR_THEOREMS + NONLINEAR_THEOREMS}
"""Every theorem by id."""

_MAIN_THEOREM: Final = "kawaguchi-2.3"


def evaluate(findings: tuple[Finding, ...]) -> tuple[TheoremFinding, ...]:
    """Ask every theorem whether it speaks.

    Parameters
    ----------
    findings : tuple of Finding
        Of `check_hypotheses` and `check_conditions`.

    Returns
    -------
    tuple of TheoremFinding
        In the order of the registry; entries that are only explained are left out.
    """
    statuses = {finding.id: finding.status for finding in findings}
    return tuple(hold_against(theorem, statuses) for theorem in THEOREMS.values() if theorem.evaluated)


def advice(theorems: tuple[TheoremFinding, ...]) -> tuple[str, ...]:
    """Say what still holds where Theorem 2.3 does not speak, and what would have to change; empty where it does."""
    main = next(finding for finding in theorems if finding.id == _MAIN_THEOREM)
    if main.applies is Applies.YES:
        return ()
    from lossurf.theory.hypothesis_texts import HYPOTHESES

    word = "fails" if main.applies is Applies.NO else "is undecided"
    still = "Still true: the best loss of every rank and the verdicts of `classify`, which need no hypothesis."
    changes = tuple(f"{name} {word}. {HYPOTHESES[name].action}" for name in main.because)
    return (f"Theorem 2.3 does not speak here. {still}", *changes)
