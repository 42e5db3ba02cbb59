"""Command lines put together at random: options with values of every shape, after the commands as click knows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import click
from hypothesis import strategies as st

from lossurf.cli import group
from lossurf.cli.boundary import run

FILES = (
    "data",
    "t.csv",
    "d.npz",
    "bad.npz",
    "c.npz",
    "s.lossurf.npz",
    "relu.npz",
    "lossurf.yaml",
    "run/*.npz",
    "out",
    ".",
)
ODD = (
    "", " ", "-", "--", "0", "-1", "1e999", "nan", "inf", "-inf", "9" * 400, "1_000", "0x10", "\x1b[31m", "a\nb",
    "\x7f", "*", "**/*", "../..", "/dev/null", "/dev/full", "~", "%s", "{}", "x" * 5000, "3,2,2", "3,2", "3,,2",
    "3,-1,2", "1,2,3", "a,b", "x:1", "5x4", "1e5x1e5", "512M", "1k", "\udcff", "é", "日本", "no such file",
    "out/new.npz", "out/new.json",
)  # fmt: skip
COMMON = (
    "--help",
    "--version",
    "-q",
    "-qq",
    "-v",
    "--traceback",
    "--format",
    "json",
    "jsonl",
    "-o",
    "--data",
    "--color",
)
_SLOW = {"dask", "--follow", "spurious", "--scheduler"}  # a cluster, a wait without end, and minutes of search


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its names."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    with click.Context(command) as context:
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))


def words() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(FILES), st.sampled_from(ODD), st.text(max_size=8).filter(lambda text: "\0" not in text)
    )


def command_lines() -> st.SearchStrategy[list[str]]:
    """Draw a command, some of its options with or without values, and arguments."""

    def of(entry: tuple[tuple[str, ...], click.Command]) -> st.SearchStrategy[list[str]]:
        path, command = entry
        options = [name for param in command.params if isinstance(param, click.Option) for name in param.opts]
        kinds = [choice for param in command.params for choice in getattr(param.type, "choices", ())]
        known = st.sampled_from([option for option in [*options, *COMMON, *map(str, kinds)] if option not in _SLOW])
        pieces = st.lists(st.one_of(known, words(), words()), max_size=7)
        return pieces.map(lambda rest: [*path, *rest])

    commands = [entry for entry in leaves(group) if entry[0][0] not in _SLOW]
    anything = st.lists(st.one_of(words(), st.sampled_from(COMMON)), max_size=4)
    return st.one_of(st.sampled_from(commands).flatmap(of), st.sampled_from(commands).flatmap(of), anything)


def said(home: Path, argv: list[str]) -> tuple[int, str]:
    """Run a command line in this process; return its exit code and what stood on standard error."""
    out, err = StringIO(), StringIO()
    with chdir(home), redirect_stdout(out), redirect_stderr(err):
        code = run(group, argv)
    return code, err.getvalue()
