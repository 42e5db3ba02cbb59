"""X and Y from files or arrays: validated, described, and read in row blocks as often as needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from numpy.typing import ArrayLike

from lossurf.inputs.arrays import ArraySource, as_numbers, require_dimensions
from lossurf.inputs.faults import fault
from lossurf.inputs.files import file_size, is_directory
from lossurf.inputs.memory import memory_limit
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.formats import TABLES, data_ending, find_one, find_pair, named_array, open_source
from lossurf.inputs.tables.pairing import Samples, Wanted, alone, one_table, pair, summarised
from lossurf.inputs.tables.shards import Place, find_shards, find_tables, join

__all__ = ["Samples", "as_dataset", "open_dataset"]

DEFAULT_DIRECTORY: Final = "data"


def open_dataset(
    path: Path | None,
    *,
    x: Path | None = None,
    y: Path | None = None,
    targets: Sequence[str] = (),
    samples: Samples = "rows",
    columns: Sequence[str] = (),
    drop: Sequence[str] = (),
    index: Sequence[str] = (),
    no_index: bool = False,
    autoencoder: bool = False,
    max_memory: int | str | None = None,
) -> Dataset:
    """Open X and Y from files.

    Parameters
    ----------
    path : Path or None
        A directory with one X.* and one Y.*, an .npz with X and Y, or one table with `targets`; None means `x` and
        `y`, or the directory "data".
    x, y : Path, optional
        The two files.
    targets : sequence of str
        Names or numbers, from 1, of the columns of one table that are Y.
    samples : {"rows", "columns"}
        Which axis counts samples.
    columns, drop : sequence of str
        Names or numbers, from 1, of X's columns to keep, or to leave out.
    index : sequence of str
        Names or numbers, from 1, of columns of row names to leave out of X and Y; "x:1" means X's alone.
    no_index : bool
        Read every column as data, and look for no row names.
    autoencoder : bool
        Take X, or the one array or table that is named, as Y too.
    max_memory : int or str, optional
        Bytes that may be taken, or a size such as "4G"; what the machine has left by default.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If the files are not there, not readable, or do not go together.
    """
    wanted = Wanted(memory_limit(max_memory), samples, columns, drop, index, no_index)
    places = find_places(path, x, y, tables=bool(targets), alone=autoencoder)
    if autoencoder:
        shards = [_open_alone(place, targets, wanted) for place in places]
    else:
        shards = [_open_one(place, targets, wanted) for place in places]
    return (
        shards[0] if len(shards) == 1 else join(shards, str(path or DEFAULT_DIRECTORY) if x is None else f"{x} and {y}")
    )


def _open_one(place: Place, targets: Sequence[str], wanted: Wanted) -> Dataset:
    path, x, y = place
    if path is not None:
        if data_ending(path) in TABLES or targets:
            return one_table(path, targets, wanted)
        if data_ending(path) == ".npy":
            raise fault("no-target-array", name=str(path))
        return _one_archive(path, wanted)
    assert x is not None
    assert y is not None
    if targets:
        raise fault("stray-target", name=f"{x} and {y}")
    return pair(open_source(x, "X", wanted.limit), open_source(y, "Y", wanted.limit), wanted)


def _open_alone(place: Place, targets: Sequence[str], wanted: Wanted) -> Dataset:
    path = place[0]
    assert path is not None
    if targets:
        raise fault("stray-target", name=str(path))
    if data_ending(path) == ".npz":
        from lossurf.inputs.npz import npz_file
        from lossurf.inputs.tables.summary import is_summary

        if is_summary(npz_file(path)):
            raise fault("summary-alone", str(path))
    return alone(open_source(path, "X", wanted.limit), wanted)


def _one_archive(path: Path, wanted: Wanted) -> Dataset:
    from lossurf.inputs.npz import npz_file
    from lossurf.inputs.tables.summary import is_summary, read_summary

    members = npz_file(path)
    if is_summary(members):
        return summarised(read_summary(members, str(path), wanted.limit), str(path), wanted)
    sources = [named_array(members, letter, str(path)).source(letter, wanted.limit) for letter in ("X", "Y")]
    return pair(sources[0], sources[1], wanted)


def find_places(
    path: Path | None, x: Path | None, y: Path | None, *, tables: bool = False, alone: bool = False
) -> list[Place]:
    """Resolve the ways of naming data to one file or pair of files, or to several that are read as one.

    With `tables` a directory is one of tables, such as a Parquet dataset; with `alone` X is also Y.
    """
    if alone:
        return _places_of_one(path, x, y)
    if x is not None or y is not None:
        if path is not None:
            raise fault("data-twice", name=str(path))
        if x is None or y is None:
            given, missing = ("x", "y") if y is None else ("y", "x")
            raise fault("half-pair", given=given, missing=missing)
        return find_shards(None, x, y) or [(None, x, y)]
    if path is None:
        path = Path(DEFAULT_DIRECTORY)
        if not is_directory(path):
            raise fault("no-data", name=DEFAULT_DIRECTORY)
    shards = find_tables(path, TABLES) if tables else find_shards(path, None, None)
    if shards is not None:
        return shards
    if is_directory(path):
        return [(None, *find_pair(path))]
    file_size(path)
    return [(path, None, None)]


def _places_of_one(path: Path | None, x: Path | None, y: Path | None) -> list[Place]:
    if y is not None:
        raise fault("two-for-one", name=str(y))
    if path is not None and x is not None:
        raise fault("data-twice", name=str(path))
    found = x or path or Path(DEFAULT_DIRECTORY)
    if is_directory(found):
        return [(find_one(found, "X"), None, None)]
    shards = find_shards(found, None, None)
    if shards is None:
        file_size(found)
    return shards or [(found, None, None)]


def as_dataset(X: ArrayLike, Y: ArrayLike, *, samples: Samples = "rows") -> Dataset:
    """Validate arrays as `open_dataset` validates files.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
        Integers, booleans or real floating-point numbers; a data frame's column names are kept.
    samples : {"rows", "columns"}
        Which axis counts samples.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If they are not finite numbers, or do not go together.
    """
    return pair(as_source(X, "X"), as_source(Y, "Y"), Wanted(memory_limit(None), samples))


def as_source(array: ArrayLike, letter: str) -> ArraySource:
    """Validate the kind and the shape of one array."""
    numbers = as_numbers(array, letter)
    require_dimensions(numbers.shape, letter, None)
    names = tuple(str(name) for name in getattr(array, "columns", ())) or None
    matrix = numbers.reshape(numbers.shape[0], -1)
    return ArraySource(matrix, letter, letter, names if names and len(names) == matrix.shape[1] else None, numbers.ndim)
