"""Files of settings: a strict lossurf.yaml, or the table [tool.lossurf] of a pyproject.toml, and where they are found.

What the keys mean is for the command line to say (cli/config.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from lossurf.errors import ConfigError, InputError
from lossurf.inputs.files import exists, file_size
from lossurf.inputs.strict_yaml import VALUES_OF_NO_KIND, line_of, load_yaml, refuse_large, unreadable

CONFIG_NAME: Final = "lossurf.yaml"
PROJECT_NAME: Final = "pyproject.toml"
_TABLE: Final = "tool.lossurf"
_BOUNDARIES: Final = (".git", ".hg")
_LARGEST: Final = 1 << 20  # a configuration is a page; a megabyte is a mistake or an attack
_MOST_PARTS: Final = 10**7  # sum of squares of the dots in a line, which bounds what tomllib takes: 0.14 s for 10^7


class Settings(NamedTuple):
    """What a configuration file says.

    Attributes
    ----------
    path : Path
        The file; paths in it are relative to its directory.
    values : dict
        Keys to values, of the kinds that YAML and TOML know.
    text : str
        The file as it is written, to find lines in.
    """

    path: Path
    values: Mapping[Any, Any]
    text: str = ""

    def where(self, *keys: str) -> str:
        """Name the place of a key, given with those that lead to it: the file and its table or line."""
        if self.path.suffix == ".toml":
            table = ".".join([_TABLE, *keys[:-1]]) if self.path.name == PROJECT_NAME else ".".join(keys[:-1])
            return f"{self.path}, [{table}]" if table else str(self.path)
        line = line_of(self.text, keys)
        return f"{self.path}, line {line}" if line else str(self.path)


def find_config() -> Path | None:
    """Find the configuration of the working directory: the nearest one there or above.

    In each directory a lossurf.yaml comes before a pyproject.toml, which counts only if it has a table [tool.lossurf].
    The first file found is the only one that is used: what it does not say keeps its default, so that one page shows
    all that is set. The search ends, as mypy's does, with the directory that holds .git or .hg, since what lies above
    a repository is not part of the project, and with the home directory, above which nothing is the user's.

    Returns
    -------
    Path or None
        Relative to the working directory, as a report may show it on any machine.

    Raises
    ------
    ConfigError
        If the file is above the working directory and belongs to another user: whoever may write to /tmp would
        otherwise choose what a command run below it reads and writes. Also if a pyproject.toml cannot be read.
    """
    try:
        here = Path.cwd()
    except OSError:  # the directory was removed
        return None
    up = Path()
    for directory in (here, *here.parents):
        for found in (up / CONFIG_NAME, up / PROJECT_NAME):
            if os.path.lexists(found) and (found.name == CONFIG_NAME or _is_for_lossurf(found)):
                return found if directory == here else _own(found)
        if directory == _home() or any(exists(directory / name) for name in _BOUNDARIES):
            return None
        up /= ".."
    return None


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):  # no HOME, and no such user
        return None


def _own(path: Path) -> Path:
    if hasattr(os, "getuid") and path.stat().st_uid not in {os.getuid(), 0}:
        raise ConfigError(
            "the configuration found above the working directory belongs to another user",
            where=str(path),
            remedy=f"if you trust it, name it: --config {path}",
        )
    return path


def _is_for_lossurf(path: Path) -> bool:
    """Whether a pyproject.toml has our table; one that is broken or no file matters only if it speaks of lossurf."""
    if not path.is_file():
        return False
    text = _read(path)
    return "lossurf" in text and _table(_toml(text, path)) is not None


def read_config(path: Path) -> Settings:
    """Read a configuration file: YAML, or TOML where its name ends in .toml.

    Raises
    ------
    ConfigError
        If the file cannot be read, holds what a page of settings does without, or is a pyproject.toml without a table
        [tool.lossurf].
    """
    text = _read(path)
    if path.suffix != ".toml":
        return _required(Settings(path, load_yaml(text, path), text))
    values = _toml(text, path)
    table = _table(values)
    if table is None and path.name == PROJECT_NAME:
        remedy = "add it, or name another file with --config"
        raise ConfigError(f"there is no table [{_TABLE}]", where=str(path), remedy=remedy)
    return _required(Settings(path, values if table is None else table, text))


def _required(settings: Settings) -> Settings:
    values = settings.values
    if not isinstance(values, Mapping):
        shown = f"{values!r:.60}" if isinstance(values, str | int | float | bool) else f"a {type(values).__name__}"
        what = f"the file must be a mapping of keys to values, not {shown}"
        raise ConfigError(what, where=str(settings.path), remedy="correct it, or name another with --config")
    return settings


def _table(values: Any) -> Any:
    for name in _TABLE.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _read(path: Path) -> str:
    try:
        size = file_size(path)
        text = path.read_text(encoding="utf-8-sig") if size <= _LARGEST else ""
    except InputError as error:
        raise ConfigError(error.what, where="configuration", remedy=error.remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, str(error)) from None
    if size > _LARGEST:
        raise unreadable(path, "it is larger than 1 MiB")
    return text


def _toml(text: str, path: Path) -> dict[str, Any]:
    import tomllib

    if sum(line.count(".") ** 2 for line in text.split("\n")) > _MOST_PARTS:
        raise unreadable(path, "it has lines with thousands of dots")
    try:
        values = tomllib.loads(text)
    except (RecursionError, *VALUES_OF_NO_KIND) as error:
        raise unreadable(path, " ".join(str(error).split()) or type(error).__name__) from None
    refuse_large(_table(values), path)
    return values


def expand(patterns: Iterable[str], settings: Settings, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files that globs relative to a configuration file match, in natural order within each.

    The keys lead to the patterns, for a message.

    Raises
    ------
    ConfigError
        If one matches nothing.
    """
    from lossurf.inputs.order import natural_key

    found: list[str] = []
    for pattern in patterns:
        matches = sorted(_matches(pattern, settings, keys), key=natural_key)
        if not matches:
            remedy = "correct the pattern, or name the checkpoints on the command line"
            raise ConfigError(f"no checkpoint matches {pattern!r}", where=settings.where(*keys), remedy=remedy)
        found += matches
    return tuple(dict.fromkeys(found))


def _matches(pattern: str, settings: Settings, keys: tuple[str, ...]) -> list[str]:
    from glob import glob

    from lossurf.inputs.patterns import bounded_pattern

    where = settings.where(*keys)
    try:
        return glob(bounded_pattern(str(settings.path.parent / pattern)), recursive=True)  # noqa: PTH207 - absolute too
    except InputError as error:
        raise ConfigError(error.what, where=where, remedy=error.remedy) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"the pattern {pattern!r:.60} cannot be followed: {error}", where=where, remedy="correct the pattern"
        ) from None
