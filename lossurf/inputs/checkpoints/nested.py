"""Nested mappings of arrays, as programs hold a network, made flat under dotted names; what lies beside it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lossurf.inputs.faults import listing

# Where training frameworks keep the state dict among other things, Lightning's first.
WRAPPERS: Final = (
    *("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params"),
)
_PART_OF_IT: Final = ("batch_stats", "buffers")  # beside the parameters, and the function depends on them
_DEEPEST: Final = 16

Named = list[tuple[str, Any]]


def state_dict(values: Mapping[Any, Any], name: str) -> tuple[Named, tuple[str, ...]]:
    """Find a network's arrays, and say what beside them was not read.

    Parameters
    ----------
    values : mapping
        A state dict, flat or nested, or what a training framework keeps around one.
    name : str
        Where it came from, for the note.

    Returns
    -------
    list of (str, value), tuple of str
        The arrays under the names on the way to them, other values among them; notes.
    """
    key = None if any(_is_matrix(value) for value in values.values()) else _wrapper(values)
    if key is None:
        return list(flat(values)), ()
    parts = [part for part in _PART_OF_IT if isinstance(values.get(part), Mapping)]
    found = [*flat(values[key]), *(named for part in parts for named in flat(values[part], f"{part}."))]
    beside = [other for other in values if other not in (key, *parts)]
    note = f"{name}: read from its {key!r}; not read: {listing(beside)}"
    return found, (note,) if beside else ()


def _wrapper(values: Mapping[Any, Any]) -> str | None:
    return next((key for key in WRAPPERS if isinstance(values.get(key), Mapping)), None)


def flat(values: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what nested mappings, and lists of arrays, hold, under the keys on the way to it, joined by dots."""
    for key, value in values.items() if isinstance(values, Mapping) else enumerate(values):
        if depth < _DEEPEST and (isinstance(value, Mapping) or _lists_arrays(value)):
            yield from flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _is_matrix(value: Any) -> bool:
    return len(getattr(value, "shape", ())) > 0


def _lists_arrays(value: Any, depth: int = 0) -> bool:
    """Tell a list of arrays, or of pairs of them, from one that is an array itself, row by row."""
    if not isinstance(value, list | tuple) or depth > _DEEPEST:
        return False
    return any(
        isinstance(item, Mapping) or len(getattr(item, "shape", ())) > 1 or _lists_arrays(item, depth + 1)
        for item in value
    )
