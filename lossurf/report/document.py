"""Result objects to one plain document: only dict, list, str, int, finite float, bool and None."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PurePath
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
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and scalars, without importing numpy
        return plain(value.tolist())
    return _scalar(value)


def _object(value: Any) -> Document:
    found: Document = {}
    for field in documented(value):
        part, without = plain(getattr(value, field.name)), left_out(field)
        found |= {name_of(field): part} if without is None else {k: v for k, v in part.items() if k not in without}
    return found


def _scalar(value: Any) -> str | int | float | None:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a document")
