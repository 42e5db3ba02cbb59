"""`explain`: any hypothesis, theorem, lemma, verdict, kind of certificate, status or exit code in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lossurf.api.parts.result import Result
from lossurf.fields import limited
from lossurf.report.document import Document
from lossurf.theory.explanation import Explanation
from lossurf.theory.explanations import EXPLANATIONS, find_explanation, needed_by


@dataclass(frozen=True)
class Entry(Explanation):
    """One id in plain words, with what is built on it.

    Attributes
    ----------
    needed_by : tuple of str
        Ids of the theorems that assume it.
    """

    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explained(Result):
    """One entry, or all.

    Attributes
    ----------
    id : str or None
        None where all were asked for.
    entries : tuple of Entry
    notes : tuple of str
        Empty: nothing is assumed.
    """

    command: ClassVar[str] = "explain"

    id: str | None
    entries: Annotated[tuple[Entry, ...], limited(minItems=1)]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExplainResult(Entry, Result):
    """One id in plain words, which shows itself as the shell prints it."""

    command: ClassVar[str] = "explain"

    def to_dict(self) -> Document:
        """Return the document that `explain ID --format json` writes."""
        return Explained(self.id, (Entry(**vars(self)),)).to_dict()


def explain(identifier: str) -> ExplainResult:
    """Look up one id.

    Parameters
    ----------
    identifier : str
        As reports print it, or "Theorem 2.3", "exit 2"; case, spaces and underscores are forgiven.

    Returns
    -------
    ExplainResult

    Raises
    ------
    UsageError
        If nothing has that id, naming the nearest.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> print(lossurf.explain("bad-saddle").title)
    Stuck, with a way down that no second derivative shows
    """
    return ExplainResult(**vars(_entry(find_explanation(identifier))))


def explained(identifier: str | None = None) -> Explained:
    """Look up one id, or list all."""
    if identifier is None:
        return Explained(None, tuple(map(_entry, EXPLANATIONS.values())))
    entry = _entry(find_explanation(identifier))
    return Explained(entry.id, (entry,))


def ids() -> tuple[str, ...]:
    """Return every id that is explained, in the order of the list."""
    return tuple(EXPLANATIONS)


def _entry(found: Explanation) -> Entry:
    return Entry(**vars(found), needed_by=needed_by(found.id))


DOCUMENT = Explained
