"""What a configuration file may say: every parameter of every command, by the name that it has on the command line.

A key at the top sets the option for every command that has it, as LOSSURF_OPTION does; one in a section named after a
command sets it for that command alone, as LOSSURF_COMMAND_OPTION does, and comes first. Options of the data may also
stand together under `data`, those of the network under `network`. Which keys there are, and the kinds of value they
take, is read from the commands' parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import click

from lossurf.cli.config_values import Place, nearest_key, value_of
from lossurf.cli.output_file import OUTPUT_FILE
from lossurf.errors import ConfigError
from lossurf.inputs.config import Settings

NOT_IN_A_FILE: Final = frozenset({"config", "help", "traceback", "version"})
"""Parameters that ask for something once, or name the file itself."""

DATA_OPTIONS: Final = (
    *("x", "y", "target", "columns", "drop", "index", "no-index", "autoencoder", "samples"),
    *("standardize", "intercept", "max-memory"),
)
GROUPS: Final[dict[str, dict[str, str]]] = {
    "data": {"path": "data", **{name: name for name in DATA_OPTIONS}},
    "network": {"widths": "widths", "bias": "bias"},
}
"""Keys under which options may stand together: their fields, and the option that each is."""

_PLACES: Final = frozenset({"data", "x", "y"})  # a section that names one of them replaces those that stand above it


class Default(NamedTuple):
    """A value that a file gives to a parameter, and where it stands."""

    value: Any
    place: Place


def defaults(settings: Settings, ctx: click.Context) -> dict[str, Default]:
    """Read what a file says to the command that runs, and check all that it says to others.

    Parameters
    ----------
    settings : Settings
        The file.
    ctx : click.Context
        Of the command that runs.

    Returns
    -------
    dict of str to Default
        By the names of the command's parameters, for click's `default_map`.

    Raises
    ------
    ConfigError
        If a key is unknown or given twice, or a value is of the wrong kind.
    """
    way = [ctx.command]
    while ctx.parent is not None:
        ctx = ctx.parent
        way.append(ctx.command)
    return _Reader(tuple(way)).section(way[-1], Place(settings, ()), settings.values)


class _Reader(NamedTuple):
    """Reads a file for the first command on a way that leads up to the group of all."""

    way: tuple[click.Command, ...]

    def section(self, command: click.Command, place: Place, values: Any) -> dict[str, Default]:
        """Read the section of a command, or of a group of them, and those within it, which come first."""
        if not isinstance(values, Mapping):
            raise place.wrong("a mapping of options to values", values)
        found: dict[str, Default] = {}
        seen: dict[str, Place] = {}
        inner: list[tuple[click.Command, Place, Any]] = []
        for name, at, value in _entries(values, place):
            parameter = self.parameter(command, name)
            if parameter is None:
                inner.append((_inner(command, name, at), at, value))
                continue
            first = seen.setdefault(str(parameter.name), at)
            if first != at:
                raise at.error(f"{at} says again what {first} says", "keep one of them")
            _require_one_writer(command, parameter, at)
            read = Default(value_of(parameter, value, at), at)
            if any(parameter is own for own in self.way[0].params):
                found[str(parameter.name)] = read
        for below, at, value in inner:
            found = _over(found, self.section(below, at, value))
        return found

    def parameter(self, command: click.Command, name: str) -> click.Parameter | None:
        """Find what a key means in a section: to the command that runs if it has it, or to the first that has.

        A parameter's own name comes before the flag that it is given with: `expect` at the top is what classify
        expects, while that of relu, which is of another kind, is said in relu's section.
        """
        for name_of in (_own_name, _flag):
            for leaf in self.leaves(command):
                for parameter in leaf.params:
                    if parameter.name not in NOT_IN_A_FILE and name_of(parameter) == name:
                        return parameter
        return None

    def leaves(self, command: click.Command) -> Iterator[click.Command]:
        """List the commands that a section speaks to, the one that runs first; each is imported when its turn comes."""
        if any(command is passed for passed in self.way):
            yield self.way[0]
        yield from _leaves(command)


def _entries(values: Mapping[Any, Any], place: Place) -> Iterator[tuple[str, Place, Any]]:
    """Every entry of a section as the name of its option or section, its place and its value."""
    for key, value in values.items():
        name, at = _spelled(key), place.inside(str(key))
        fields = GROUPS.get(name)
        if fields is None or (name in fields.values() and not isinstance(value, Mapping)):
            yield name, at, value
            continue
        if not isinstance(value, Mapping):
            raise at.wrong(f"a mapping with {' and '.join(fields)}", value)
        for inside, field in value.items():
            if _spelled(inside) not in fields:
                raise _unknown(at.inside(str(inside)), fields)
            yield fields[_spelled(inside)], at.inside(str(inside)), field


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if not isinstance(command, click.Group):
        yield command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            yield from _leaves(inner)


def _inner(command: click.Command, name: str, at: Place) -> click.Command:
    """Return the command whose section a key is, or say which key is near."""
    inner = command.get_command(click.Context(command), name) if isinstance(command, click.Group) else None
    if inner is None:
        raise _unknown(at, keys_of(command))
    return inner


def keys_of(command: click.Command) -> list[str]:
    """Return every key that may stand in the section of a command, or of a group of them."""
    names = {
        of(parameter)
        for leaf in _leaves(command)
        for parameter in leaf.params
        for of in (_own_name, _flag)
        if parameter.name not in NOT_IN_A_FILE
    }
    sections = command.list_commands(click.Context(command)) if isinstance(command, click.Group) else []
    groups = [group for group, fields in GROUPS.items() if not names.isdisjoint(fields.values())]
    return sorted(names.union(sections, groups))


def _unknown(at: Place, known: Iterable[str]) -> ConfigError:
    near = nearest_key(at.keys[-1], known)
    return at.error(f"unknown key '{at}'", f"did you mean {near!r}?")


def _over(found: dict[str, Default], section: dict[str, Default]) -> dict[str, Default]:
    """Put what a section says over what stands above it: places of data replace all others, as on the command line."""
    if not section.keys().isdisjoint(_PLACES):
        found = {name: default for name, default in found.items() if name not in _PLACES}
    return found | section


def _require_one_writer(command: click.Command, parameter: click.Parameter, at: Place) -> None:
    """Refuse one file for several commands to write: each would overwrite what another one wrote."""
    if parameter.type is not OUTPUT_FILE or not isinstance(command, click.Group):
        return
    owners = [leaf for leaf in _leaves(command) if parameter.name in {other.name for other in leaf.params}]
    if len(owners) > 1:
        raise at.error(
            f"{at} would be a file of {len(owners)} commands",
            f"say it in the section of one command, such as {owners[0].name}.{at.keys[-1]}",
        )


def _spelled(key: object) -> str:
    return str(key).replace("_", "-")


def _own_name(parameter: click.Parameter) -> str:
    return _spelled(parameter.name)


def _flag(parameter: click.Parameter) -> str:
    return max(parameter.opts, key=len).lstrip("-")
