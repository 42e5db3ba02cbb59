"""The same reduction spread over a dask cluster: parts are factored where they lie, and only triangles travel.

Where parts begin and in which order triangles merge depends on the data alone, so that the result is the same to the
bit for every number of workers, and after any of them was lost: dask repeats its tasks elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

import numpy as np

from lossurf.errors import InputError, LossurfError, MissingExtraError, UsageError
from lossurf.numerics import Matrix
from lossurf.reduction.blocks import RandomAccessSource
from lossurf.reduction.data import ReadRows, Rows, merge_triangles, reduce_data
from lossurf.reduction.engine import reduce_source
from lossurf.reduction.triangle import Triangle

_PART_BYTES: Final = 256 * 2**20
"""Of float64 a task: about a second of work, so that a lost worker costs seconds and scheduling nothing."""

_RETRIES: Final = 3  # of a part whose reading failed: a mount that was away for a moment

Opener = Callable[[], AbstractContextManager[Rows]]
"""Opens one file, or pair of files, of the data, and lets go of them; it is sent to the workers."""


@dataclass(frozen=True)
class Part:
    """Samples `start` to `stop` of the data that `open` opens, in whatever process it is called; all where None."""

    open: Opener
    start: int = 0
    stop: int | None = None


def split_into_parts(openers: Sequence[Opener], *, part_bytes: int = _PART_BYTES) -> list[Part]:
    """Cut data that can be read by position into parts; what cannot is one part a file.

    Parameters
    ----------
    openers : sequence of Opener
    part_bytes : int
        Of float64, that a part has at most.

    Returns
    -------
    list of Part
    """
    return [part for opener in openers for part in _split(opener, part_bytes)]


def _split(opener: Opener, part_bytes: int) -> Iterator[Part]:
    with opener() as data:
        samples, by_position = data.samples, data.by_position() is not None
        rows = max(1, part_bytes // (8 * (data.dx + data.dy)))
    if samples is None or not by_position:
        yield Part(opener)
        return
    for start in range(0, samples, rows):
        yield Part(opener, start, min(start + rows, samples))


def reduce_part(part: Part) -> Triangle:
    """Reduce one part, in the worker that has it."""
    with part.open() as data:
        opened = data.by_position()
        if part.stop is None or opened is None:
            return reduce_data(data, threads=1)
        with opened as read:
            source = RandomAccessSource(part.stop - part.start, data.dx, _from(read, part.start))
            return reduce_source(source, data.dx, data.dy, dtype=data.dtype, data_eps=data.data_eps, threads=1)


def _from(read: ReadRows, first: int) -> ReadRows:
    def shifted(start: int, X: Matrix, Y: Matrix) -> None:
        read(first + start, X, Y)

    return shifted


def reduce_on_cluster(
    parts: Sequence[Part], client: Any, *, progress: Callable[[int, int], None] | None = None
) -> Triangle:
    """Reduce parts on a dask cluster and merge their triangles in a balanced tree.

    Parameters
    ----------
    parts : sequence of Part
    client : distributed.Client
    progress : callable, optional
        Told how many of how many parts are reduced.

    Returns
    -------
    Triangle

    Raises
    ------
    InputError
        Of the first part, in the order of the data, that cannot be read.
    """
    leaves = [client.submit(reduce_part, part, pure=False, retries=_RETRIES) for part in parts]
    level = list(leaves)
    while len(level) > 1:
        odd = level[len(level) // 2 * 2 :]
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [client.submit(merge_triangles, first, second, pure=False) for first, second in pairs] + odd
    try:
        _watch(leaves, progress)
        triangle: Triangle = level[0].result()
    except LossurfError:
        raise
    except Exception as error:
        raise _cluster_fault(error) from error
    finally:
        # not cancelled by force: that runs on to the merges, which nobody holds any more, and the scheduler may then
        # drop the client; what is released and not done is not begun either
        for future in (*leaves, *level):
            future.release()
    r, shift, norms = (np.asarray(array) for array in (triangle.r, triangle.shift, triangle.norms))
    return replace(triangle, r=r, shift=shift, norms=norms)


def _watch(leaves: Sequence[Any], progress: Callable[[int, int], None] | None) -> None:
    """Wait for the parts in the order of the data, so that the first error told is the first in the data."""
    for number, leaf in enumerate(leaves, 1):
        error = leaf.exception()
        if error is not None:
            raise error
        if progress is not None:
            progress(number, len(leaves))


def _cluster_fault(error: Exception) -> InputError:
    kind = type(error).__name__
    return InputError(
        f"the cluster could not reduce the data: {kind}: {error}",
        remedy="see the workers' logs; --engine local reduces on this machine",
    )


@contextmanager
def connect(scheduler: str | None, workers: int | None = None) -> Iterator[Any]:
    """Give a client of an existing cluster, or of a local one made for the occasion.

    Parameters
    ----------
    scheduler : str, optional
        Address such as tcp://10.0.0.1:8786.
    workers : int, optional
        Processes of the local cluster; by default one a core.

    Raises
    ------
    MissingExtraError
        Without dask.distributed.
    UsageError
        If no scheduler answers there.
    """
    try:
        distributed: Any = import_module("distributed")  # without types, whether it is installed or not
    except ImportError:
        raise MissingExtraError("dask", needed_for="--engine dask") from None
    if scheduler is None:
        with (
            distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no dask scheduler answers: {error}",
            where=f"--scheduler {scheduler}",
            remedy="give the address that `dask scheduler` prints, such as tcp://10.0.0.1:8786",
        ) from error
    with client:
        yield client
