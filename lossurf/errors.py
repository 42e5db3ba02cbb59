"""The exception tree and the exit codes; nothing else.

Every error says what is wrong, where, and one thing to do next. The library raises; only the command line turns an
error into an exit code.
"""

from __future__ import annotations

import re
from enum import IntEnum


class ExitCode(IntEnum):
    """What a shell sees when a command ends."""

    OK = 0
    NOT_MET = 1
    USAGE = 2
    INTERNAL = 70
    INTERRUPTED = 130


class LossurfError(Exception):
    """Anything lossurf refuses to do.

    Parameters
    ----------
    what : str
        The fault, as one sentence without a final full stop.
    where : str, optional
        The file, array, line, column, key or option it was found in.
    remedy : str
        One thing the user can do next.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by content: an error met in another process keeps its message and place."""
        return _restore, (type(self), self.args, dict(self.__dict__))

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return in_python(f"{self.what}{place}; {self.remedy}")


_VALUE = r"[A-Z]{2,}\b|float\d\d|tails|huber|in-out|out-in|columns|rows|local|dask|[^\s,;]+(?:,[^\s,;]+)+"
_OPTION = rf"--([a-z]+(?:-[a-z]+)*)(?: ({_VALUE}))?"  # compiled at the first error: a run without one needs none


def in_python(text: str) -> str:
    """Return a message with the options of the command line as Python's arguments: --max-memory is max_memory=."""
    return re.sub(_OPTION, lambda found: f"{found[1].replace('-', '_')}={_spelt(found[2])}", text)


def _spelt(value: str | None) -> str:
    if value is None:
        return ""
    if "," in value:
        return repr(value.split(","))
    return value if value.isupper() else repr(value)


def _restore(kind: type[LossurfError], arguments: tuple[object, ...], facts: dict[str, object]) -> LossurfError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(facts)
    return error


class InputError(LossurfError, ValueError):
    """Data or a checkpoint that cannot be used as given."""


class ConfigError(LossurfError, ValueError):
    """A configuration file or environment variable that cannot be used as given."""


class UsageError(LossurfError, ValueError):
    """Options or arguments that contradict each other or ask for the impossible."""


class OutputError(LossurfError, OSError):
    """A report or file that cannot be written where it was asked for."""


class MissingExtraError(LossurfError, ImportError):
    """A file format or command whose optional dependency is not installed; `otherwise` is another way."""

    def __init__(self, extra: str, *, needed_for: str, otherwise: str | None = None) -> None:
        super().__init__(
            f"{needed_for} needs the optional extra '{extra}'",
            remedy=f"install it with: pip install 'lossurf[{extra}]'" + (f"; or, {otherwise}" if otherwise else ""),
        )
        self.extra = extra
