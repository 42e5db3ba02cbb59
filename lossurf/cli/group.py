"""The group of commands: each is imported when it is run, and a mistyped one is answered with the nearest."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from lossurf.cli.terminal import help_width
from lossurf.errors import UsageError


class LazyGroup(click.Group):
    """A click group that lists its commands without importing them.

    Parameters
    ----------
    summaries : dict of str to str
        One line for each command, in the order of the list.
    """

    def __init__(self, *args: object, summaries: dict[str, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed through unchanged
        self.summaries = summaries

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Begin a context, and with it those of the commands, that knows how wide its help is."""
        return super().make_context(info_name, args, parent, **{"terminal_width": help_width(), **extra})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of the commands."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        """Import a command."""
        if cmd_name not in self.summaries:
            return None
        command: click.Command = import_module(f"lossurf.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command named first, or say which name is near."""
        if args[0] in self.summaries or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from lossurf.cli.boundary import nearest

        near = nearest(args[0], self.summaries)
        raise UsageError(
            f"no such command '{args[0]}'",
            remedy=f"did you mean '{near}'?" if near else "run 'lossurf --help' for the list",
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's
        """Write the list of commands from their one-line summaries."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))
