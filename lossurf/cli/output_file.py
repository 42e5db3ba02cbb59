"""Files that commands write: the type of the options that name them, and the one way they are written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from lossurf.cli.streams import write_lines
from lossurf.errors import OutputError


class _OutputFile(click.Path):
    """A path to write, which must not be spelt as a directory: `x/` would lose its slash and be the file x."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if os.path.split(str(value))[1] in {"", "."} or os.path.isdir(value):  # noqa: PTH112 - Path drops the slash
            where = max(param.opts, key=len) if param else None
            raise OutputError(f"'{value}' names a directory, not a file", where=where, remedy="name a file in it")
        return super().convert(value, param, ctx)


OUTPUT_FILE: Final = _OutputFile(path_type=Path)
"""The type of an option that names a file to write."""


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and say which temporary files of killed runs were removed beside it.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from lossurf.output.files import write_file as write
    from lossurf.output.leftovers import clear_leftovers

    for leftover in clear_leftovers(Path(os.path.realpath(path)).parent):
        write_lines([f"removed {leftover}, which a killed run had left unfinished"])
    write(path, data)
