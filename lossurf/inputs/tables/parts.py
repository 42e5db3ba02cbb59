"""Data one file, or pair of files, at a time: what is opened where it lies, by whichever process is to read it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from lossurf.errors import MissingExtraError
from lossurf.inputs.faults import fault
from lossurf.inputs.files import exists
from lossurf.inputs.tables.data import find_places, open_dataset
from lossurf.inputs.tables.dataset import Dataset

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]+):/{1,3}(.+)", re.IGNORECASE | re.DOTALL)  # Path folds // to /

Opener = Callable[[], AbstractContextManager[Dataset]]


def openers(
    path: Path | None, *, x: Path | None = None, y: Path | None = None, remote: bool = False, **options: Any
) -> list[Opener]:
    """Return how to open each file, or pair of files, that data are made of; callables that can be pickled.

    Parameters
    ----------
    path, x, y
        As in `open_dataset`; with `remote` also addresses such as s3://bucket/part-*.csv that fsspec knows.
    remote : bool
        Whether addresses of other places than this machine's files are allowed.
    **options
        The other arguments of `open_dataset`.

    Returns
    -------
    list of callables
        Each gives a context with the open dataset.

    Raises
    ------
    InputError
    MissingExtraError
        For an address without fsspec.
    """
    addresses = [address_of(place) if remote and place is not None else None for place in (path, x, y)]
    if any(addresses):
        return [partial(_open_remote, place, options) for place in _remote_places(*addresses)]
    alone = bool(options.get("autoencoder"))
    found = find_places(path, x, y, tables=bool(options.get("targets")), alone=alone)
    places = [tuple(None if part is None else part.absolute() for part in place) for place in found]
    return [partial(_open_local, place, options) for place in places]


def address_of(path: Path) -> str | None:
    """Return the address that a path of the command line spells, such as s3://bucket/key; None for a plain path."""
    match = _ADDRESS.fullmatch(str(path))
    if match is None or exists(Path(path)):
        return None
    return f"{match[1]}://{'/' if match[1].lower() == 'file' else ''}{match[2]}"


@contextmanager
def _open_local(place: tuple[Path | None, ...], options: dict[str, Any]) -> Iterator[Dataset]:
    path, x, y = place
    yield open_dataset(path, x=x, y=y, **options)


@contextmanager
def _open_remote(place: tuple[str | None, ...], options: dict[str, Any]) -> Iterator[Dataset]:
    """Copy a file, or pair of files, beside the process that reads it, for as long as it does."""
    with tempfile.TemporaryDirectory(prefix="lossurf-") as folder:
        copies = [
            None if address is None else _copied(address, Path(folder), str(i)) for i, address in enumerate(place)
        ]
        data = open_dataset(copies[0], x=copies[1], y=copies[2], **options)
        yield replace(data, x=place[0] or place[1] or data.x, y=place[0] or place[2] or data.y)


def _remote_places(path: str | None, x: str | None, y: str | None) -> list[tuple[str | None, ...]]:
    if path is not None:
        return [(address, None, None) for address in _listed(path)]
    if x is None or y is None:
        raise fault("half-address")
    pairs = _listed(x), _listed(y)
    if len(pairs[0]) != len(pairs[1]):
        counts = f"{len(pairs[0])} files match {x}, {len(pairs[1])} match {y}"
        raise fault("lone-shard", letter="X or Y", found=counts)
    return [(None, *pair) for pair in zip(*pairs, strict=True)]


def _listed(address: str) -> list[str]:
    """Return the addresses that match one, in order."""
    files, path = _file_system(address)
    with _reading(address):
        found = sorted(files.glob(path)) if re.search(r"[*?\[]", path) else [path]
    if not found:
        raise fault("no-shards", name=address)
    return [str(files.unstrip_protocol(match)) for match in found]


def _copied(address: str | None, folder: Path, prefix: str) -> Path | None:
    if address is None:
        return None
    files, path = _file_system(address)
    copy = folder / f"{prefix}-{Path(path).name}"
    with _reading(address):
        files.get_file(path, str(copy))
    return copy


def _file_system(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtraError("dask", needed_for=f"reading {address}") from None
    try:
        files, path = url_to_fs(address)
    except (ImportError, ValueError) as error:  # an unknown protocol, or one whose package is missing
        raise fault("not-readable", name=address, reason=str(error)) from None
    return files, str(path)


@contextmanager
def _reading(address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise fault("not-readable", name=address, reason=error.strerror or str(error)) from None
