"""Result objects to one plain document: only dict, list, str, int, finite float, bool and None."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from types import NoneType
from typing import Any, Final

from lossurf._version import __version__
from lossurf.fields import documented, left_out, name_of

Document = dict[str, Any]

FORMAT_VERSION: Final = "1.0"
"""Fields are added freely; one is renamed or removed only with a new major version."""


def make_document(command: str, *results: object, **extra: object) -> Document:
    """Return the document of a command: its head, the fields of the results, then further fields.

    Parameters
    ----------
    command : str
        The command's name.
    *results : dataclass or mapping
        Their fields become the document's.
    **extra
        Further fields.

    Returns
    -------
    dict
    """
    document: Document = {"format_version": FORMAT_VERSION, "lossurf_version": __version__, "command": command}
    for result in (*results, extra):
        document.update(plain(result))
    return document


def plain(value: Any) -> Any:
    """Return a value in the types of JSON.

    Dataclasses become objects, their fields standing there as `lossurf.fields` says; arrays become lists; infinities
    and NaN, which JSON has no word for, become None.
    """
    known = _SCALARS.get(type(value))
    if known is not None:
        return known(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and scalars, without importing numpy
        return plain(value.tolist())
    return _scalar(value)


def _object(value: Any) -> Document:
    found: Document = {}
    kind: Any = type(value)
    for name, said, without in _form(kind):
        part = plain(getattr(value, name))
        if without is None:
            found[said] = part
        else:
            found.update((key, item) for key, item in part.items() if key not in without)
    return found


@cache
def _form(kind: Hashable) -> tuple[tuple[str, str, frozenset[str] | None], ...]:
    """Return the fields of a dataclass: their names, those in the document, and what a merged one leaves out."""
    return tuple((field.name, name_of(field), left_out(field)) for field in documented(kind))


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, (int, str)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a document")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _same(value: Any) -> Any:
    return value


_SCALARS: Final[dict[type, Callable[[Any], Any]]] = {
    float: _finite,
    **dict.fromkeys((bool, int, str, NoneType), _same),
}
"""Most of a document, which is told by its type alone."""
