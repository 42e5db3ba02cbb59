"""The inverse of `report.document.plain`: a result's dataclass from the part of a document that it became."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lossurf.fields import Form, documented, left_out, name_of

Read = TypeVar("Read")


class UnlikeError(ValueError):
    """A part of a document that is not of the form it should have; its text names the field."""


def read_back(kind: type[Read], part: Any, at: str = "") -> Read:
    """Return the dataclass whose document is `part`; what its document leaves out is empty or None.

    Raises
    ------
    UnlikeError
        If a field is missing or of another form. Further fields are no fault: later versions may add them.
    """
    if not isinstance(part, dict):
        raise UnlikeError(f"{at or 'it'} is no object")
    of: Any = kind
    hints, shown = _hints(of), {field.name for field in documented(of)}
    found: dict[str, Any] = {}
    for field in fields(of):
        hint, without = hints[field.name], left_out(field)
        if without is not None:
            found[field.name] = read_back(hint, {key: part[key] for key in part if key not in without}, at)
        elif field.name in shown and name_of(field) in part:
            found[field.name] = _value(hint, part[name_of(field)], _below(at, name_of(field)))
        else:
            found[field.name] = _absent(field, hint, at)
    return kind(**found)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _absent(field: Field[Any], hint: Any, at: str) -> Any:
    """Return the value of a field that the document does not hold: its default, or what says that there is nothing."""
    if field.default is not MISSING:
        return field.default
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(kind) is tuple:
        return ()
    if NoneType in get_args(kind):
        return None
    raise UnlikeError(f"{_below(at, name_of(field))} is missing")


def _value(hint: Any, part: Any, at: str, forms: tuple[Form, ...] = ()) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _value(arguments[0], part, at, (*forms, *(one for one in arguments[1:] if isinstance(one, Form))))
    if part is None and any(form.infinite for form in forms):
        return math.inf
    if origin in {Union, UnionType}:
        return _either(arguments, part, at, forms)
    if origin in {tuple, Mapping}:
        return _tuple(arguments, part, at) if origin is tuple else _mapping(arguments, part, at)
    if is_dataclass(hint) and isinstance(hint, type):
        return read_back(hint, part, at)
    return _within(_single(hint, part, at), forms, at)


def _either(kinds: tuple[Any, ...], part: Any, at: str, forms: tuple[Form, ...]) -> Any:
    if part is None and NoneType in kinds:
        return None
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    return _value(kind, part, at, forms)


def _tuple(kinds: tuple[Any, ...], part: Any, at: str) -> tuple[Any, ...]:
    if not isinstance(part, list) or (kinds[-1] is not Ellipsis and len(part) != len(kinds)):
        raise UnlikeError(f"{at} is no list, or not of the right length")
    several = [kinds[0]] * len(part) if kinds[-1] is Ellipsis else kinds
    return tuple(_value(kind, item, f"{at}[{n}]") for n, (kind, item) in enumerate(zip(several, part, strict=True)))


def _mapping(kinds: tuple[Any, ...], part: Any, at: str) -> dict[Any, Any]:
    """Return a dict that has every word of a vocabulary as its key."""
    words, kind = kinds
    if not isinstance(part, dict) or any(str(word.value) not in part for word in words):
        raise UnlikeError(f"{at} is no object with every word")
    return {word: _value(kind, part[str(word.value)], _below(at, str(word.value))) for word in words}


def _single(hint: Any, part: Any, at: str) -> Any:
    """Return a word, a number or a text."""
    if get_origin(hint) is Literal:
        if part in get_args(hint):
            return part
    elif issubclass(hint, Enum):
        if isinstance(part, str) and part in {word.value for word in hint}:
            return hint(part)
    elif hint is float:
        if type(part) in {int, float} and abs(part) <= sys.float_info.max:
            return float(part)
    elif type(part) is hint:
        return part
    raise UnlikeError(f"{at} is {part!r:.40}")


def _within(value: Any, forms: tuple[Form, ...], at: str) -> Any:
    for form in forms if isinstance(value, (int, float)) else ():
        if not form.keywords.get("minimum", -math.inf) <= value <= form.keywords.get("maximum", math.inf):
            raise UnlikeError(f"{at} is {value!r:.40}")
    return value
