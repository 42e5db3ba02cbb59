"""How large the files behind data are, and how far into them reading has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from lossurf.inputs.arrays import MatrixSource
from lossurf.inputs.files import file_size
from lossurf.inputs.tables.text import TextTable


class Extent(TypedDict):
    """Fields of a `Dataset`: bytes of its files, and how to ask for the bytes read where rows do not tell."""

    size: int | None
    _position: Callable[[], int] | None


def extent(*sources: MatrixSource) -> Extent:
    """Describe the files that sources are read from; arrays in memory have none."""
    paths = [path for source in sources if (path := getattr(source, "path", None)) is not None]
    size = sum(file_size(path) for path in paths) if len(paths) == len(sources) else None
    tables = [source for source in sources if isinstance(source, TextTable)]
    if size is None or len(tables) < len(sources):
        return Extent(size=size, _position=None)
    return Extent(size=size, _position=lambda: sum(table.position for table in tables))
