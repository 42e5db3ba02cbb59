"""`lossurf help`: the manual, a chapter at a time."""

from __future__ import annotations

import sys

import click

from lossurf.cli.options import Command
from lossurf.cli.reporting import text_style
from lossurf.cli.streams import write_stdout


def _complete_topic(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's
    from lossurf.report.manual import chapters

    return [topic for topic in chapters() if topic.startswith(incomplete)]


@click.command("help", cls=Command, examples=("lossurf help", "lossurf help security"))
@click.argument("topic", metavar="[TOPIC]", required=False, shell_complete=_complete_topic)
def command(topic: str | None) -> None:
    """Show a chapter of the manual, or list the chapters.

    On a terminal a chapter is shown by a pager: the one that PAGER names, or less.
    """
    from lossurf.report.manual import draw_chapter, draw_contents

    style = text_style()
    if topic is None:
        write_stdout(draw_contents(style))
    elif sys.stdout is not None and sys.stdout.isatty():
        click.echo_via_pager(draw_chapter(topic, style), color=style.color)
    else:
        write_stdout(draw_chapter(topic, style))
