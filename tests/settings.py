"""What a configuration file says to a command, as click is handed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from lossurf.cli import group
from lossurf.cli.config import defaults
from lossurf.inputs.config import read_config


def context(*names: str) -> click.Context:
    """Return the context of a command, such as ("plot", "levels"), before it is parsed."""
    found = click.Context(group, info_name="lossurf")
    for name in names:
        command = found.command.get_command(found, name)
        found = click.Context(command, info_name=name, parent=found)
    return found


def commands(command: click.Command = group, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to every command."""
    if not isinstance(command, click.Group):
        yield names
        return
    within = click.Context(command)
    for name in command.list_commands(within):
        yield from commands(command.get_command(within, name), (*names, name))


def said(path: Path, *names: str) -> dict[str, Any]:
    """Return the values that a file gives to the parameters of a command."""
    return {name: found.value for name, found in defaults(read_config(path), context(*names)).items()}
