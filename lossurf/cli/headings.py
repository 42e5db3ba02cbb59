"""The headings under which a command's help lists its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import click

Function = Callable[..., Any]


class Heading(StrEnum):
    """The headings, in their order."""

    OWN = "Options"
    DATA = "Data"
    NETWORK = "Network"
    LOSS = "Loss"
    PICTURE = "Picture"
    REPORT = "Report"
    ALWAYS = "Every command"


class Option(click.Option):
    """An option under a heading.

    Parameters
    ----------
    heading : Heading
    """

    def __init__(self, *args: Any, heading: Heading, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading = heading


def option_under(heading: Heading) -> Callable[..., Callable[[Function], Function]]:
    """Return `click.option` for options under a heading."""
    return partial(click.option, cls=Option, heading=heading)


def with_options(function: Function, options: Sequence[Callable[[Function], Function]]) -> Function:
    """Return a function that is given options, the first of which is listed first."""
    for option in reversed(options):
        function = option(function)
    return function


def heading_of(param: click.Parameter) -> Heading:
    """Return where an option is listed: without a word on it, among the command's own."""
    if isinstance(param, Option):
        return param.heading
    return Heading.ALWAYS if "--help" in param.opts else Heading.OWN


def write_options(params: list[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command's help, heading by heading."""
    for heading in Heading:
        options = [param for param in params if isinstance(param, click.Option) and heading_of(param) is heading]
        found = [option.get_help_record(ctx) for option in options]
        records = [record for record in found if record is not None]
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)
