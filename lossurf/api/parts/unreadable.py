"""A checkpoint that could not be judged: it stands among the others with the reason, and does not stop them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lossurf.errors import InputError, LossurfError, MissingExtraError

REFUSED: Final = (InputError, MissingExtraError)
"""What is wrong with one checkpoint alone; everything else ends the command."""


@dataclass(frozen=True)
class ErrorFacts:
    """An error in its three parts.

    Attributes
    ----------
    what : str
        What is wrong.
    where : str or None
        The file, array, key or option it is about.
    remedy : str
        One thing to do next.
    """

    what: str
    where: str | None
    remedy: str

    @classmethod
    def of(cls, error: LossurfError) -> ErrorFacts:
        """Return the parts of an error."""
        return cls(error.what, error.where, error.remedy)


@dataclass(frozen=True)
class Unreadable:
    """A checkpoint that was refused.

    Attributes
    ----------
    checkpoint : str
        The file.
    error : ErrorFacts
        Why.
    exception : LossurfError
        The error itself.
    """

    checkpoint: str
    error: ErrorFacts
    exception: LossurfError = field(repr=False, compare=False)

    @classmethod
    def of(cls, checkpoint: str, error: LossurfError) -> Unreadable:
        """Return the result of a checkpoint that an error is about."""
        return cls(checkpoint, ErrorFacts.of(error), error)
