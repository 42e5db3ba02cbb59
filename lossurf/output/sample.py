"""The sample that comes with the package, copied to where commands may write beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from lossurf.errors import OutputError
from lossurf.output.files import write_file
from lossurf.signals import cleared_by_signals

SAMPLE: Final = "wine"
_FOLDER: Final = "sample_data"  # in the installed package; in a clone beside it
_SETTINGS: Final = b"# Commands that are run in this directory heed no settings of the directories above it.\n"


@contextmanager
def sample_copy(keep: Path | None) -> Iterator[Path]:
    """Give a directory that holds a copy of the sample, and take it away at the end, or rename it.

    Parameters
    ----------
    keep : Path or None
        What the directory is called once the block has ended without an exception; it must not exist yet.

    Raises
    ------
    OutputError
        If the directory cannot be made.
    """
    if keep is not None and (keep.exists() or keep.is_symlink()):
        raise OutputError("the directory exists already", where=str(keep), remedy="name a new one")
    place = _temporary_directory(keep)
    with cleared_by_signals(lambda: shutil.rmtree(place, ignore_errors=True)):
        try:
            made = place / "lossurf"
            made.mkdir()
            write_file(made / "lossurf.yaml", _SETTINGS)
            _copy(_source(), made / SAMPLE)
            yield made
            if keep is not None:
                made.rename(keep)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _temporary_directory(keep: Path | None) -> Path:
    """Make a directory, on the same disk as the one to keep."""
    try:
        return Path(tempfile.mkdtemp(prefix=".lossurf-", dir=None if keep is None else keep.absolute().parent))
    except OSError as error:
        raise OutputError(
            f"the directory cannot be made: {error.strerror or error}",
            where=str(keep or tempfile.gettempdir()),
            remedy="name a directory whose parent exists and may be written to: --keep DIR",
        ) from error


def _source() -> Traversable:
    package = files("lossurf")
    installed = package / _FOLDER / SAMPLE
    return installed if installed.is_dir() else Path(str(package)).parent / _FOLDER / SAMPLE


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            write_file(target / entry.name, entry.read_bytes())
