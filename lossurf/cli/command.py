"""The class of every command, and the options that may stand before or after a command's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from lossurf.cli.headings import Heading, option_under, write_options
from lossurf.cli.streams import write_stderr

Function = Callable[..., Any]

_option = option_under(Heading.ALWAYS)
_CONFIG = "lossurf.config"
_FOUND = "lossurf.found"
DEFAULTS = "lossurf.defaults"
"""Of a context's `meta`: what the configuration file gives to the command's parameters."""

_NO_VARIABLE = {"help", "version", "traceback"}  # they ask for something once; a variable would ask for ever


class Command(click.Command):
    """A command whose options can also be set by `LOSSURF_...` variables and by the configuration file.

    Parameters
    ----------
    examples : tuple of str
        Command lines for the help; a test runs each.
    """

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        common_options(self)
        for param in self.params:
            if param.name not in _NO_VARIABLE and param.envvar is None:
                param.envvar = variables(str(self.name), str(param.name))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where a file from above the working directory decides an option, say which."""
        path = ctx.meta.get(_FOUND)
        if path is not None and len(path.parts) > 1 and not ctx.params.get("quiet") and _is_used(ctx):
            from lossurf.report.text import printable

            write_stderr(f"lossurf: options from {printable(str(path))}")
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        write_options(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            from lossurf.report.text import command_lines

            with formatter.section("Examples"):
                for example in self.examples:
                    room = formatter.width - formatter.current_indent
                    for line in command_lines(example, room):
                        formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


def variables(command: str, parameter: str) -> list[str]:
    """Return the environment variables of an option, the one for this command alone first."""
    return [f"LOSSURF_{command}_{parameter}".upper(), f"LOSSURF_{parameter}".upper()]


def common_options(target: Function | click.Command) -> Any:
    """Add `--config` and `--traceback`, which may stand before or after the command's name."""
    options = (
        _option(
            "--config",
            type=click.Path(dir_okay=False),
            is_eager=True,  # the values it holds are defaults of the options that are read after it
            expose_value=False,
            callback=_load_config,
            help="Configuration file instead of the nearest lossurf.yaml or pyproject.toml.",
        ),
        _option("--traceback", is_flag=True, expose_value=False, help="Show where in the code an error arose."),
    )
    if isinstance(target, click.Command):
        holder: Any = lambda: None  # noqa: E731  # click's decorators want a function to collect options on
        for option in options:
            holder = option(holder)
        target.params.extend(holder.__click_params__)
        return target
    for option in options:
        target = option(target)
    return target


def _is_used(ctx: click.Context) -> bool:
    return any(ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP for name in ctx.meta[DEFAULTS])


def _load_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001  # click's
    """Keep the group's file for the command; in a command, make the file's values the defaults."""
    if isinstance(ctx.command, click.Group):
        ctx.meta[_CONFIG] = value
        return
    if ctx.resilient_parsing:  # completion: a broken file must not silence it
        return
    named = value or ctx.meta.get(_CONFIG)
    from pathlib import Path

    from lossurf.inputs.config import find_config, read_config

    path = Path(named) if named else find_config()
    if path is None:
        return
    from lossurf.cli.config import defaults

    found = defaults(read_config(path), ctx)
    ctx.default_map = {name: default.value for name, default in found.items()}
    ctx.meta[DEFAULTS] = found
    ctx.meta[_FOUND] = None if named else path
