"""What was typed, as words that a report can repeat in the commands that it says come next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import Any

import click
from click.core import ParameterSource

from lossurf.cli.headings import Heading, heading_of

_PLACES = ("data", "x", "y")  # of the data, each of which names them in its way
_APART = ("data", "widths", "bias")  # the path is told apart; a checkpoint has its shape


def weaker_places(ctx: click.Context) -> set[str]:
    """Return the ways of naming the data that do not count, since a stronger source names others.

    The command line beats the environment, which beats the configuration.
    """
    sources = {name: ctx.get_parameter_source(name) for name in _PLACES if ctx.params.get(name) is not None}
    strongest = min((source.value for source in sources.values() if source), default=None)
    return {name for name, source in sources.items() if source and source.value != strongest}


def again(ctx: click.Context) -> dict[str, str]:
    """Return what a command was told, quoted for a shell, whether it was typed or is set elsewhere.

    Returns
    -------
    dict of str to str
        `command`: all of it but what its report and picture look like. `place`: the path of the data. `data`, `network`
        and `loss`: the options under these headings, but for those that only say a network's shape. `tolerance`.
    """
    said = dict(_said(ctx))
    params = {param.name: param for param in ctx.command.params}
    arguments = [words for name, words in said.items() if isinstance(params[name], click.Argument)]
    options = [
        words for name, words in said.items() if isinstance(params[name], click.Option) and _is_kept(params[name])
    ]
    under: dict[Heading, list[str]] = {heading: [] for heading in (Heading.DATA, Heading.NETWORK, Heading.LOSS)}
    for name, words in said.items():
        if name not in _APART and isinstance(params[name], click.Option) and heading_of(params[name]) in under:
            under[heading_of(params[name])].append(words)
    return {
        "command": " ".join([ctx.command_path, *arguments, *options]),
        "place": said.get("data", "").removeprefix("--data "),
        "tolerance": said.get("tolerance", ""),
        **{heading.lower(): " ".join(words) for heading, words in under.items()},
    }


def _is_kept(param: click.Parameter) -> bool:
    return heading_of(param) not in {Heading.PICTURE, Heading.REPORT, Heading.ALWAYS}


def _said(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield every parameter that does not have its default, with the words that give it its value."""
    unsaid = {None, ParameterSource.DEFAULT}
    weaker = weaker_places(ctx)
    for param in ctx.command.params:
        name = str(param.name)
        if name in ctx.params and name not in weaker and ctx.get_parameter_source(name) not in unsaid:
            yield name, " ".join(_words(param, ctx.params[name]))


def _words(param: click.Parameter, value: Any) -> Iterator[str]:
    if isinstance(param, click.Option) and param.is_flag:
        yield from (param.opts if value else param.secondary_opts)[-1:]
        return
    for one in value if param.multiple or param.nargs == -1 else [value]:
        if isinstance(param, click.Option):
            yield max(param.opts, key=len)
        yield _quoted(one)


def _quoted(value: Any) -> str:
    if isinstance(value, tuple):  # widths
        return ",".join(map(str, value))
    text = f".{os.sep}{value}" if isinstance(value, os.PathLike) and str(value)[:1] == "-" != str(value) else str(value)
    return shlex.quote(text)
