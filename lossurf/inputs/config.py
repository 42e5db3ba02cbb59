"""lossurf.yaml: a small, strict file of defaults for the command line. Loaded with yaml.safe_load only."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from os import fsencode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lossurf.errors import ConfigError, InputError
from lossurf.inputs.files import exists, file_size

if TYPE_CHECKING:
    import yaml

CONFIG_NAME: Final = "lossurf.yaml"
_LARGEST: Final = 1 << 20  # a configuration is a page; a megabyte is a mistake or an attack
_DEEPEST: Final = 8
_MOST_BITS: Final = 64  # of a whole number; Python refuses to write out one of more than 4,300 digits
_MERGE_KEY: Final = "<<"
# what PyYAML lets through where a plain scalar looks like a number or a date and is none
_VALUES_OF_NO_KIND: Final = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


def read_config(path: Path | None = None) -> dict[str, Any]:
    """Read a configuration file as defaults for the options of every command.

    Parameters
    ----------
    path : Path, optional
        The file; by default `lossurf.yaml` in the working directory, if it is there.

    Returns
    -------
    dict
        Option names (data, x, y, target, samples, widths, bias, checkpoints, expect, tolerance, format) to values, for
        click's `default_map`. Paths are made relative to the file; `checkpoints` is a function that expands the globs
        when it is called, since only some commands want them.

    Raises
    ------
    ConfigError
        If the file is not readable YAML, or holds an unknown key or a value of the wrong kind.
    """
    if path is None:
        path = Path(CONFIG_NAME)
        if not exists(path):
            return {}
    raw = _load(path)
    defaults: dict[str, Any] = {}
    for key, value in _known(raw, _TOP, str(path), "").items():
        defaults |= _TOP[key](value, path, key)
    return defaults


def _load(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        size = file_size(path)
        text = path.read_text(encoding="utf-8-sig") if size <= _LARGEST else ""
    except InputError as error:
        raise ConfigError(error.what, where="configuration", remedy=error.remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from None
    if size > _LARGEST:
        raise _unreadable(path, "it is larger than 1 MiB")
    try:
        _refuse_hostile(yaml.parse(text, Loader=yaml.SafeLoader), path)
        value = yaml.safe_load(text)
        _refuse_huge(value, path)
    except (yaml.YAMLError, RecursionError, *_VALUES_OF_NO_KIND) as error:
        if isinstance(error, ConfigError):
            raise
        raise _unreadable(path, " ".join(str(error).split()) or type(error).__name__) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(path, "the file", "a mapping of keys to values", value)
    return value


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
                    raise _unreadable(path, f"it is nested more than {_DEEPEST} deep")


def _refuse_tag(event: yaml.NodeEvent, path: Path) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None:
        shown = str(tag).replace("tag:yaml.org,2002:", "!!")
        raise ConfigError(
            f"the configuration cannot be read: the tag {shown:.40} is not allowed",
            where=_line(path, event),
            remedy="write the value without it",
        )


def _refuse_huge(value: object, path: Path) -> None:
    if isinstance(value, dict):
        for entry in (*value.keys(), *value.values()):
            _refuse_huge(entry, path)
    elif isinstance(value, list):
        for entry in value:
            _refuse_huge(entry, path)
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise _unreadable(path, f"it holds a whole number of more than {_MOST_BITS} bits")


def _refuse_twice(event: yaml.ScalarEvent, seen: set[str], path: Path) -> None:
    if event.value == _MERGE_KEY and event.style is None:  # in quotes it is a key, and an unknown one
        raise ConfigError("merge keys are not allowed", where=_line(path, event), remedy="write the values out")
    if event.value in seen:
        raise ConfigError(f"the key {event.value!r} is given twice", where=_line(path, event), remedy="keep one")
    seen.add(event.value)


def _line(path: Path, event: yaml.Event) -> str:
    return str(path) if event.start_mark is None else f"{path}, line {event.start_mark.line + 1}"


def _unreadable(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"the configuration cannot be read: {reason}",
        where=str(path),
        remedy="correct it, or name another with --config",
    )


def _wrong(path: Path, key: str, wanted: str, value: object) -> ConfigError:
    shown = f"{value!r:.60}" if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    return ConfigError(f"{key} must be {wanted}, not {shown}", where=str(path), remedy="correct the value")


def _known(raw: Mapping[Any, Any], known: Mapping[str, Any], where: str, prefix: str) -> Mapping[str, Any]:
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            what = f"unknown key {prefix + str(key)!r:.60}"
            raise ConfigError(what, where=where, remedy=f"did you mean {near!r}? the keys are {', '.join(known)}")
    return raw


def _path(value: object, path: Path, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(path, key, "a path", value)
    try:
        usable = b"\0" not in fsencode(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        usable = False
    if not usable:
        raise _wrong(path, key, "a path, without characters that no file name can have", value)
    return str(path.parent / value)


def _data(value: object, path: Path, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"data": _path(value, path, key)}
    fields = _known(value, dict.fromkeys(("path", "x", "y", "target", "samples")), str(path), "data.")
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if name == "target":
            found["target"] = _texts(field, path, "data.target")
        elif name == "samples":
            found |= _one_of("samples", "rows", "columns")(field, path, "data.samples")
        else:
            found["data" if name == "path" else name] = _path(field, path, f"data.{name}")
    return found


def _network(value: object, path: Path, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, key, "a mapping with widths and bias", value)
    fields = _known(value, dict.fromkeys(("widths", "bias")), str(path), "network.")
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if name == "bias":
            if not isinstance(field, bool):
                raise _wrong(path, "network.bias", "true or false", field)
            found["bias"] = field
        else:
            found["widths"] = _widths(field, path)
    return found


def _widths(value: object, path: Path) -> str:
    widths = value if isinstance(value, list) else [value]
    if not widths or any(type(width) is not int or width < 1 for width in widths):
        raise _wrong(path, "network.widths", "a list of positive whole numbers", value)
    return ",".join(str(width) for width in widths)


def _texts(value: object, path: Path, key: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items or any(not isinstance(item, str | int) or isinstance(item, bool) or item == "" for item in items):
        raise _wrong(path, key, "a name, or a list of names", value)
    return tuple(str(item) for item in items)


def _expect(value: object, path: Path, key: str) -> dict[str, Any]:
    return {"expect": _texts(value, path, key)}


def _checkpoints(value: object, path: Path, key: str) -> dict[str, Any]:
    patterns = _texts(value, path, key)
    return {"checkpoints": lambda: expand(patterns, path)}


def expand(patterns: Iterable[str], path: Path) -> tuple[str, ...]:
    """Return the files that globs relative to a configuration file match, in natural order within each.

    Raises
    ------
    ConfigError
        If one matches nothing.
    """
    from lossurf.inputs.order import natural_key

    found: list[str] = []
    for pattern in patterns:
        matches = sorted(_matches(pattern, path), key=natural_key)
        if not matches:
            remedy = "correct the pattern, or name the checkpoints on the command line"
            raise ConfigError(f"no checkpoint matches {pattern!r}", where=f"{path}, checkpoints", remedy=remedy)
        found += matches
    return tuple(dict.fromkeys(found))


def _matches(pattern: str, path: Path) -> list[str]:
    from glob import glob

    from lossurf.inputs.patterns import bounded_pattern

    where = f"{path}, checkpoints"
    try:
        return glob(bounded_pattern(str(path.parent / pattern)), recursive=True)  # noqa: PTH207 - absolute too
    except InputError as error:
        raise ConfigError(error.what, where=where, remedy=error.remedy) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"the pattern {pattern!r:.60} cannot be followed: {error}", where=where, remedy="correct the pattern"
        ) from None


def _tolerance(value: object, path: Path, key: str) -> dict[str, Any]:
    number = value
    if isinstance(value, str):  # YAML 1.1 reads 1e-8 as text
        try:
            number = float(value)
        except ValueError:
            number = None
    if not isinstance(number, int | float) or isinstance(number, bool) or not 0.0 < number < 1.0:
        raise _wrong(path, key, "a number between 0 and 1", value)
    return {"tolerance": float(number)}


def _one_of(option: str, *choices: str) -> Callable[[object, Path, str], dict[str, Any]]:
    def read(value: object, path: Path, key: str) -> dict[str, Any]:
        if value not in choices:
            raise _wrong(path, key, "one of " + ", ".join(choices), value)
        return {option: value}

    return read


def _format(value: object, path: Path, key: str) -> dict[str, Any]:
    if not isinstance(value, str) or not value:
        raise _wrong(path, key, "the name of a format", value)
    return {"format": value}


_TOP: Final[dict[str, Callable[[object, Path, str], dict[str, Any]]]] = {
    "data": _data,
    "network": _network,
    "checkpoints": _checkpoints,
    "expect": _expect,
    "tolerance": _tolerance,
    "format": _format,
}
