"""YAML as a page of settings needs it: yaml.safe_load, and nothing that can stand for more than is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lossurf.errors import ConfigError

if TYPE_CHECKING:
    import yaml

_DEEPEST: Final = 8
_MOST_BITS: Final = 64  # of a whole number; Python refuses to write out one of more than 4,300 digits
_MERGE_KEY: Final = "<<"
VALUES_OF_NO_KIND: Final = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)
"""What a reader lets through where a plain scalar looks like a number or a date and is none."""


def load_yaml(text: str, path: Path) -> Any:
    """Load YAML, or raise ConfigError; `path` is what messages name."""
    import yaml

    try:
        _refuse_hostile(yaml.parse(text, Loader=yaml.SafeLoader), path)
        value = yaml.safe_load(text)
        refuse_large(value, path)
    except (yaml.YAMLError, RecursionError, *VALUES_OF_NO_KIND) as error:
        if isinstance(error, ConfigError):
            raise
        raise unreadable(path, " ".join(str(error).split()) or type(error).__name__) from None
    return {} if value is None else value


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line of a key in YAML that was read before."""
    import yaml

    node, line = yaml.compose(text, Loader=yaml.SafeLoader), None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node, line = next(
            ((value, name.start_mark.line + 1) for name, value in pairs if name.value == key), (None, None)
        )
    return line


def _refuse_hostile(events: Iterable[yaml.Event], path: Path) -> None:
    """Refuse what a page of settings does without.

    Aliases and merge keys, which can stand for unbounded data; tags, which ask for another kind of value than the one
    that is written; deep nesting; and a key given twice in one mapping.
    """
    import yaml

    keys: list[set[str] | None] = []  # of the open mappings; None for a sequence
    expecting: list[bool] = []  # whether the next scalar is a key
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError("aliases are not allowed", where=_line(path, event), remedy="write the value out")
        if isinstance(event, yaml.CollectionEndEvent):
            keys.pop()
            expecting.pop()
        elif isinstance(event, yaml.NodeEvent):
            _refuse_tag(event, path)
            if keys and keys[-1] is not None:
                if expecting[-1] and isinstance(event, yaml.ScalarEvent):
                    _refuse_twice(event, keys[-1], path)
                expecting[-1] = not expecting[-1]
            if isinstance(event, yaml.CollectionStartEvent):
                keys.append(set() if isinstance(event, yaml.MappingStartEvent) else None)
                expecting.append(True)
                if len(keys) > _DEEPEST:
                    raise unreadable(path, f"it is nested more than {_DEEPEST} deep")


def _refuse_tag(event: yaml.NodeEvent, path: Path) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None:
        shown = str(tag).replace("tag:yaml.org,2002:", "!!")
        raise ConfigError(
            f"the configuration cannot be read: the tag {shown:.40} is not allowed",
            where=_line(path, event),
            remedy="write the value without it",
        )


def refuse_large(value: object, path: Path, depth: int = 0) -> None:
    """Refuse values that are nested too deep, and numbers too large to be shown in a message."""
    if depth > _DEEPEST:
        raise unreadable(path, f"it is nested more than {_DEEPEST} deep")
    if isinstance(value, dict):
        for entry in (*value.keys(), *value.values()):
            refuse_large(entry, path, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            refuse_large(entry, path, depth + 1)
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise unreadable(path, f"it holds a whole number of more than {_MOST_BITS} bits")


def _refuse_twice(event: yaml.ScalarEvent, seen: set[str], path: Path) -> None:
    if event.value == _MERGE_KEY and event.style is None:  # in quotes it is a key, and an unknown one
        raise ConfigError("merge keys are not allowed", where=_line(path, event), remedy="write the values out")
    if event.value in seen:
        raise ConfigError(f"the key {event.value!r} is given twice", where=_line(path, event), remedy="keep one")
    seen.add(event.value)


def _line(path: Path, event: yaml.Event) -> str:
    return str(path) if event.start_mark is None else f"{path}, line {event.start_mark.line + 1}"


def unreadable(path: Path, reason: str) -> ConfigError:
    """Build the error of a file that cannot be used at all."""
    return ConfigError(
        f"the configuration cannot be read: {reason}",
        where=str(path),
        remedy="correct it, or name another with --config",
    )
