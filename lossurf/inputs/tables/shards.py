"""Data in many files of the same columns: found by a pattern or in a directory, paired by name, read as one."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import accumulate
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

import numpy as np

from lossurf.inputs.arrays import coarser
from lossurf.inputs.faults import fault, listing
from lossurf.inputs.files import ending, is_directory
from lossurf.inputs.order import natural_key
from lossurf.inputs.patterns import matching_paths
from lossurf.inputs.tables.dataset import Dataset, Pairs, ReadRows
from lossurf.numerics import Matrix

_MOST_OPEN: Final = 4  # files of X that threads read at once, and as many of Y
_WILDCARDS: Final = re.compile(r"(\*\*|[*?]|\[[^]]+\])")
_ENDINGS: Final = r"(?:\.[a-z]\w*)+"

Place = tuple[Path | None, Path | None, Path | None]
"""Where one shard is: (DATA, None, None), or (None, X, Y)."""


def is_pattern(path: Path | None) -> bool:
    """Tell whether a path is a pattern such as part-*.csv and not the name of a file that exists."""
    return path is not None and _WILDCARDS.search(str(path)) is not None and not _exists(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return True  # so that opening it says why


def find_shards(path: Path | None, x: Path | None, y: Path | None) -> list[Place] | None:
    """Find the shards that patterns or a directory name, in natural order; None where one file or pair is named.

    Raises
    ------
    InputError
        If nothing matches, or shards of X and Y cannot be paired by name.
    """
    if path is not None and is_pattern(path):
        return [(match, None, None) for match in _matches(path).values()]
    if x is not None and y is not None and (is_pattern(x) or is_pattern(y)):
        return _paired(_matches(x), _matches(y), f"{x} and {y}")
    if path is None or not is_directory(path):
        return None
    names = _names(path)
    if _has_pair(names):
        return None
    found = [_numbered(path, names, letter) for letter in "xy"]
    return _paired(found[0], found[1], str(path)) if all(found) else None


def find_tables(path: Path, endings: Sequence[str]) -> list[Place] | None:
    """Find the tables that a pattern or a directory holds; None where one file is named, or no table is there.

    Hidden files, and those that begin with an underscore as a dataset's own notes do, are left alone.

    Raises
    ------
    InputError
        If a directory holds tables of several formats.
    """
    if not is_directory(path):
        return find_shards(path, None, None)
    names = _names(path)
    if _has_pair(names):
        return None
    found = [name for name in names if ending(Path(name), tuple(endings)) and name[0] not in "._"]
    formats = sorted({str(ending(Path(name), tuple(endings))) for name in found})
    if len(formats) > 1:
        raise fault("mixed-tables", name=str(path), found=listing(formats))
    return [(path / name, None, None) for name in found] or None


def _matches(pattern: Path) -> dict[str, Path]:
    """Return the files of a pattern by the text its wildcards stand for."""
    found = sorted(matching_paths(pattern), key=lambda match: natural_key(str(match)))
    if not found:
        raise fault("no-shards", name=str(pattern))
    expression = re.compile("".join(_as_group(part) for part in _WILDCARDS.split(pattern.name)), re.DOTALL)
    keys = [expression.fullmatch(match.name) for match in found]
    return {"\0".join(key.groups()) if key else match.name: match for key, match in zip(keys, found, strict=True)}


def _as_group(part: str) -> str:
    if not _WILDCARDS.fullmatch(part):
        return re.escape(part)
    if part.startswith("["):
        return f"({part.replace('[!', '[^', 1)})"
    return "(.)" if part == "?" else "(.*)"


def _names(directory: Path) -> list[str]:
    try:
        return sorted((path.name for path in directory.iterdir()), key=natural_key)
    except OSError:
        return []  # whoever looks for one pair there says so


def _has_pair(names: Sequence[str]) -> bool:
    """Tell whether there is an X.* or Y.*, which a directory is then about."""
    return any(re.fullmatch(rf"[xy]{_ENDINGS}", name, re.IGNORECASE) for name in names)


def _numbered(directory: Path, names: Sequence[str], letter: str) -> dict[str, Path]:
    """Return the files such as X-003.npy by what stands between the letter and the ending."""
    pattern = re.compile(rf"{letter}([-_.]?\d.*?){_ENDINGS}", re.IGNORECASE)
    matches = ((pattern.fullmatch(name), directory / name) for name in names)
    return {match[1]: path for match, path in matches if match}


def _paired(x: dict[str, Path], y: dict[str, Path], where: str) -> list[Place]:
    for found, other, letter in ((x, y, "Y"), (y, x, "X")):
        alone = [str(found[key]) for key in found if key not in other]
        if alone:
            raise fault("lone-shard", where, letter=letter, found=listing(alone))
    return [(None, x[key], y[key]) for key in x]


def join(shards: Sequence[Dataset], name: str) -> Dataset:
    """Offer datasets of the same columns as one, in their order.

    Raises
    ------
    InputError
        If their columns differ, or one is a summary.
    """
    first = shards[0]
    for shard in shards[1:]:
        require_same_columns(first, shard)
    if any(shard.summary is not None for shard in shards):
        raise fault("joined-summaries", name)
    coarsest = max(shards, key=lambda shard: shard.data_eps)
    counts = [shard.samples for shard in shards]
    known = [count for count in counts if count is not None]
    sizes = [shard.size for shard in shards if shard.size is not None]
    return Dataset(
        x=name,
        y=name,
        dx=first.dx,
        dy=first.dy,
        dtype=coarser(coarsest.dtype, first.dtype),
        data_eps=coarsest.data_eps,
        x_names=first.x_names,
        y_names=first.y_names,
        _pairs=lambda rows: _chained(shards, rows),
        _notes=tuple(notes for shard in shards for notes in shard._notes),  # noqa: SLF001  # a dataset made of datasets
        samples=sum(known) if len(known) == len(counts) else None,
        size=sum(sizes) if len(sizes) == len(shards) else None,
        _position=(lambda: _position(shards)) if None in counts else None,
        _open_rows=_opener(shards, known),
    )


def _position(shards: Sequence[Dataset]) -> int:
    """Bytes read of shards that know it, which a stream reads in order."""
    return sum(shard.bytes_read(0) or 0 for shard in shards)


def require_same_columns(first: Dataset, other: Dataset) -> None:
    """Refuse two datasets that do not have the same columns.

    Raises
    ------
    InputError
    """
    if (first.dx, first.dy) != (other.dx, other.dy):
        counts = f"{other.dx} inputs and {other.dy} outputs where {first.x} has {first.dx} and {first.dy}"
        raise fault("shard-columns", other.x, counts=counts)
    pairs = ((first.x_names, other.x_names), (first.y_names, other.y_names))
    for names, other_names in pairs:
        if names is not None and other_names is not None and names != other_names:
            differing = next((a, b) for a, b in zip(names, other_names, strict=True) if a != b)
            raise fault("shard-names", other.x, name=differing[1], expected=differing[0], first=first.x)


def _chained(shards: Sequence[Dataset], rows: int) -> Pairs:
    """Yield blocks of exactly `rows` rows across shards, the last one shorter."""
    held: list[tuple[Matrix, Matrix]] = []
    count = 0
    for shard in shards:
        for block in shard.blocks(rows):
            held.append(block)
            count += len(block[0])
            if count >= rows:
                X, Y = _stacked(held)
                yield X[:rows], Y[:rows]
                held, count = [(X[rows:], Y[rows:])], count - rows
    if count:
        yield _stacked(held)


def _stacked(blocks: Sequence[tuple[Matrix, Matrix]]) -> tuple[Matrix, Matrix]:
    X, Y = zip(*blocks, strict=True)
    return np.concatenate(X), np.concatenate(Y)


def _opener(shards: Sequence[Dataset], counts: Sequence[int]) -> Callable[[], AbstractContextManager[ReadRows]] | None:
    """Return how to read all shards by position, or None where one does not allow it.

    A shard is opened when rows of it are read and closed after: that takes 40 microseconds a pair, where the rows take
    milliseconds, and any number of shards can be read with few open files.
    """
    if len(counts) < len(shards) or any(shard.by_position() is None for shard in shards):
        return None
    starts = [0, *accumulate(counts)]

    @contextmanager
    def opened() -> Iterator[ReadRows]:
        turns = BoundedSemaphore(_MOST_OPEN)

        def read(start: int, X: Matrix, Y: Matrix, *, check: bool = True) -> None:
            done = 0
            while done < len(X):
                at = bisect_right(starts, start + done) - 1
                part = slice(done, done + min(len(X) - done, starts[at + 1] - start - done))
                with turns, shards[at].by_position() or nullcontext() as rows:
                    assert rows is not None
                    rows(start + done - starts[at], X[part], Y[part], check=check)
                done = part.stop

        yield read

    return opened
