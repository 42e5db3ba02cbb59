"""Values of a configuration file, each of the kind that its parameter takes; a wrong one is named with file and key."""

from __future__ import annotations

import math
from collections.abc import Iterable
from os import fsencode
from typing import Any, Final, NamedTuple

import click

from lossurf.errors import ConfigError
from lossurf.inputs.config import Settings, expand

_SHOWN: Final = 60  # characters of a wrong value or key in a message
_NUMBERS: Final = (click.types.IntParamType, click.types.FloatParamType)


class Place(NamedTuple):
    """Where a value stands: its file, and the keys that lead to it."""

    settings: Settings
    keys: tuple[str, ...]

    def inside(self, key: str) -> Place:
        """Return the place of a key in a mapping that stands here."""
        return self._replace(keys=(*self.keys, key))

    @property
    def where(self) -> str:
        """The file and, where it is known, the table or line."""
        return self.settings.where(*self.keys)

    def error(self, what: str, remedy: str) -> ConfigError:
        """Build an error that names the place."""
        return ConfigError(what, where=self.where, remedy=remedy)

    def wrong(self, wanted: str, value: object, remedy: str = "correct the value") -> ConfigError:
        """Build the error of a value of the wrong kind."""
        plain = isinstance(value, str | int | float | bool | None)
        shown = f"{value!r:.{_SHOWN}}" if plain else f"a {type(value).__name__}"
        return self.error(f"{self} must be {wanted}, not {shown}", remedy)

    def __str__(self) -> str:
        return f"{'.'.join(self.keys):.{_SHOWN}}" or "the file"


def nearest_key(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest to another one, however far."""
    import difflib

    return difflib.get_close_matches(word[:_SHOWN], list(known), n=1, cutoff=0.0)[0]


def value_of(parameter: click.Parameter, value: object, place: Place) -> Any:
    """Return a value of a file as click takes it from its `default_map`.

    Paths are made relative to the file's directory; checkpoints are a function that expands the patterns when it is
    called.

    Raises
    ------
    ConfigError
        If it is of the wrong kind or out of the parameter's range.
    """
    if parameter.name == "checkpoints":
        patterns = _words(value, place)
        return lambda: expand(patterns, place.settings, place.keys)
    if parameter.name == "widths":
        return _widths(value, place)
    if isinstance(value, list) and "," in (getattr(parameter, "metavar", None) or ""):  # A,B,... on the command line
        return ",".join(_words(value, place))
    if parameter.nargs == -1 or getattr(parameter, "multiple", False):
        items = value if isinstance(value, list) else [value]
        if not items:
            raise place.wrong("a name, or a list of names", value)
        return tuple(_one(parameter, item, place) for item in items)
    return _one(parameter, value, place)


def _one(parameter: click.Parameter, value: object, place: Place) -> Any:
    kind = parameter.type
    if getattr(parameter, "count", False):
        return _count(value, place)
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise place.wrong("true or false", value)
        return value
    if isinstance(kind, click.Path):
        return _path(value, place)
    if isinstance(kind, click.Choice):
        return _choice(kind, value, place)
    if isinstance(kind, _NUMBERS):
        return _number(kind, value, place)
    if isinstance(value, list):
        raise place.wrong("one value", value)
    return _words(value, place)[0]


def _count(value: object, place: Place) -> int:
    if not isinstance(value, int) or value < 0:  # true is once
        raise place.wrong("true, or how often", value)
    return int(value)


def _number(kind: Any, value: object, place: Place) -> Any:
    whole = isinstance(kind, click.types.IntParamType)
    number = value
    if isinstance(value, str) and not whole:  # YAML 1.1 reads 1e-8 as text
        try:
            number = float(value)
        except ValueError:
            number = None
    wanted = ("a whole number" if whole else "a number") + _range(kind)
    if isinstance(number, bool) or not isinstance(number, int if whole else int | float) or math.isnan(number):
        raise place.wrong(wanted, value)
    try:
        return kind.convert(number, None, None)
    except (click.BadParameter, OverflowError):
        raise place.wrong(wanted, value) from None


def _range(kind: Any) -> str:
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if least is not None and most is not None:
        return f" between {least:g} and {most:g}"
    if least is not None:
        return f" {'above' if getattr(kind, 'min_open', False) else 'of at least'} {least:g}"
    return ""


def _choice(kind: click.Choice[Any], value: object, place: Place) -> Any:
    choices = [str(choice) for choice in kind.choices]
    if isinstance(value, str) and value in choices:
        return value
    remedy = f"did you mean {nearest_key(value, choices)!r}?" if isinstance(value, str) else "correct the value"
    raise place.wrong("one of " + ", ".join(choices), value, remedy)


def _path(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value:
        raise place.wrong("a path", value)
    try:
        usable = b"\0" not in fsencode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        usable = False
    if not usable:
        raise place.wrong("a path, without characters that no file name can have", value)
    if value == "-" or "://" in value:  # a stream, or an address that fsspec knows
        return value
    return str(place.settings.path.parent / value) + ("/" if value.endswith("/") else "")


def _widths(value: object, place: Place) -> str:
    widths = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    widths = widths if isinstance(widths, list) else [widths]
    numbers = [int(width) if isinstance(width, str) and width.isdecimal() else width for width in widths]
    if not numbers or any(type(number) is not int or number < 1 for number in numbers):
        raise place.wrong("a list of positive whole numbers", value)
    return ",".join(str(number) for number in numbers)


def _words(value: object, place: Place) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items or any(
        not isinstance(item, str | int | float) or isinstance(item, bool) or item == "" for item in items
    ):
        raise place.wrong("a name, or a list of names", value)
    return tuple(str(item) for item in items)
