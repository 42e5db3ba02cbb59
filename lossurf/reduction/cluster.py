"""The same reduction spread over a dask cluster: parts are factored where they lie, and only triangles travel.

Where parts begin and in which order triangles merge depends on the data alone, so that the result is the same to the
bit for every number of workers, and after any of them was lost: dask repeats its tasks elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

import numpy as np

from lossurf.errors import InputError, LossurfError, MissingExtraError, UsageError
from lossurf.numerics import Matrix
from lossurf.reduction.blocks import RandomAccessSource, ReadRows
from lossurf.reduction.data import Rows, merge_triangles, reduce_data
from lossurf.reduction.engine import reduce_source
from lossurf.reduction.triangle import Triangle

_PART_BYTES: Final = 256 * 2**20
"""Of float64 a task: about a second of work, so that a lost worker costs seconds and scheduling nothing."""

_MOST_PARTS: Final = 2**16
"""Scheduler and client take about a millisecond and some kilobytes a task: of 17 TB on, parts are larger instead."""

_RETRIES: Final = 3  # of a part whose reading failed: a mount that was away for a moment

_SECONDS_TO_CONNECT: Final = 6  # a scheduler answers in one; with the start of the process under ten

Opener = Callable[[], AbstractContextManager[Rows]]
"""Opens one file, or pair of files, of the data, and lets go of them; it is sent to the workers."""


@dataclass(frozen=True)
class Part:
    """Samples `start` to `stop` of the data that `open` opens, in whatever process it is called; all where None."""

    open: Opener
    start: int = 0
    stop: int | None = None


def split_into_parts(openers: Sequence[Opener], *, part_bytes: int | None = None) -> list[Part]:
    """Cut data that can be read by position into parts; what cannot is one part a file.

    Parameters
    ----------
    openers : sequence of Opener
    part_bytes : int, optional
        Of float64, that a part has at most; `part_size` of the data by default, so that it depends on them alone.

    Returns
    -------
    list of Part
    """
    sizes = [_size(opener) for opener in openers]
    most = part_bytes or part_size(sum(samples * width for samples, width in sizes))
    return [part for opener, size in zip(openers, sizes, strict=True) for part in _split(opener, *size, most)]


def part_size(data_bytes: int) -> int:
    """Return how many bytes of float64 a part has of so many in all that can be read by position."""
    return max(_PART_BYTES, -(-data_bytes // _MOST_PARTS))


def _size(opener: Opener) -> tuple[int, int]:
    """Return the samples that can be read by position, 0 where none can, and the bytes of float64 that one takes."""
    with opener() as data:
        samples = 0 if data.samples is None or data.by_position() is None else data.samples
        return samples, 8 * (data.dx + data.dy)


def _split(opener: Opener, samples: int, width: int, part_bytes: int) -> Iterator[Part]:
    if not samples:
        yield Part(opener)
    rows = max(1, part_bytes // width)
    for start in range(0, samples, rows):
        yield Part(opener, start, min(start + rows, samples))


def reduce_part(part: Part) -> Triangle:
    """Reduce one part, in the worker that has it."""
    with part.open() as data:
        opened = data.by_position()
        if part.stop is None or opened is None:
            return reduce_data(data, threads=1)
        with opened as read:
            source = RandomAccessSource(part.stop - part.start, _from(read, part.start))
            return reduce_source(source, data.dx, data.dy, dtype=data.dtype, data_eps=data.data_eps, threads=1)


def _from(read: ReadRows, first: int) -> ReadRows:
    def shifted(start: int, X: Matrix, Y: Matrix, *, check: bool = True) -> None:
        read(first + start, X, Y, check=check)

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
        If no scheduler answers there, or no local one can be started.
    """
    try:
        distributed: Any = import_module("distributed")  # without types, whether it is installed or not
    except ImportError:
        raise MissingExtraError("dask", needed_for="--engine dask") from None
    if scheduler is None:
        with _quiet(), _closing(_local_cluster(distributed, workers)) as cluster, distributed.Client(cluster) as client:
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no dask scheduler answers: {error}",
            where=f"--scheduler {scheduler}",
            remedy="give the address that `dask scheduler` prints, such as tcp://10.0.0.1:8786",
        ) from error
    with _quiet(), client:
        yield client


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from standard error what dask and its event loop say of a lost connection: the error tells it."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _closing(cluster: Any) -> Iterator[Any]:
    """Close a local cluster; workers that a busy machine does not let end in time end with this process, as daemons."""
    try:
        yield cluster
    finally:
        with suppress(TimeoutError):
            cluster.close()


def _local_cluster(distributed: Any, workers: int | None) -> Any:
    """Start processes on this machine; one that is killed as it starts ends the attempt."""
    try:
        return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    except (OSError, RuntimeError, TimeoutError) as error:
        reason = (str(error) or type(error).__name__).rstrip(".").partition("\n")[0]
        raise UsageError(
            f"no local dask cluster can be started: {reason}",
            where="--engine dask",
            remedy="run again with fewer --workers, or leave out --engine dask",
        ) from error
