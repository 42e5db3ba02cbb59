"""What a field of a written claim can be: a number, a whole number, or text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from lossurf.inputs.faults import fault

NUMBER: Final = "a number"
COUNT: Final = "a whole number"
TEXT: Final = "text"

_LARGEST_COUNT: Final = 1 << 53  # whole numbers up to here are exact in float64


def require_kind(fields: Mapping[str, Any], key: str, kind: str, where: str) -> None:
    """Refuse a field that is missing or is not of its kind.

    Raises
    ------
    InputError
    """
    value = fields.get(key)
    whole = type(value) is int and abs(value) < _LARGEST_COUNT
    fits = {
        NUMBER: whole or (type(value) is float and math.isfinite(value)),
        COUNT: whole and value is not None and value >= 0,
        TEXT: isinstance(value, str),
    }
    if not fits[kind]:
        raise fault("not-a-certificate", where, key=key, kind=kind)
