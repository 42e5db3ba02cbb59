"""Data as the readers hand them over, to their triangle by the shortest way; triangles merged and cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

import numpy as np

from lossurf.errors import InputError
from lossurf.numerics import Matrix
from lossurf.reduction.blocks import RandomAccessSource, ReadRows, StreamSource
from lossurf.reduction.engine import Progress, reduce_source
from lossurf.reduction.triangle import Triangle, common_shift, merge


class SummaryFacts(Protocol):
    """What a saved summary says."""

    @property
    def triangle(self) -> Matrix: ...  # noqa: D102 - as in Triangle
    @property
    def shift(self) -> Matrix: ...  # noqa: D102
    @property
    def norms(self) -> Matrix: ...  # noqa: D102
    @property
    def samples(self) -> int: ...  # noqa: D102


class Rows(Protocol):
    """Validated data: `inputs.data.Dataset`, or anything that offers the same."""

    @property
    def dx(self) -> int: ...  # noqa: D102 - as in Triangle
    @property
    def dy(self) -> int: ...  # noqa: D102
    @property
    def dtype(self) -> str: ...  # noqa: D102
    @property
    def data_eps(self) -> float: ...  # noqa: D102
    @property
    def samples(self) -> int | None:
        """Number of samples where it is known before reading."""
        ...

    @property
    def summary(self) -> SummaryFacts | None:
        """The triangle, for data that were reduced before."""
        ...

    def blocks(self) -> Iterator[tuple[Matrix, Matrix]]:
        """Yield finite float64 blocks of X and Y."""
        ...

    def by_position(self) -> AbstractContextManager[ReadRows] | None:
        """Open the data for reading rows in any order, where their files allow it."""
        ...


def reduce_data(data: Rows, *, threads: int | None = None, progress: Progress | None = None) -> Triangle:
    """Reduce data to their triangle, by the shortest way they offer.

    Parameters
    ----------
    data : Rows
        A saved summary is taken as it is; files that can be read at any position are read by all threads; anything
        else is read in order, in as many threads beside them.
    threads, progress
        As in `reduce_blocks`.

    Returns
    -------
    Triangle

    Raises
    ------
    InputError
    """
    if data.summary is not None:
        held = data.summary
        sizes = (held.samples, data.dx, data.dy)
        return Triangle(held.triangle, *sizes, held.shift, held.norms, data.dtype, data.data_eps)
    reduced = partial(
        reduce_source,
        dx=data.dx,
        dy=data.dy,
        dtype=data.dtype,
        data_eps=data.data_eps,
        threads=threads,
        progress=progress,
    )
    opened = data.by_position()
    if opened is None or data.samples is None:
        return reduced(StreamSource(data.blocks()))
    with opened as read:
        return reduced(RandomAccessSource(data.samples, read))


def merge_triangles(first: Triangle, second: Triangle) -> Triangle:
    """Merge the triangles of two sets of samples of the same variables.

    Where they were shifted differently one of the two shifts is kept, column by column, and the other triangle follows
    it. The roundings of both parts and of the merge add up to those of a factorisation of columns of the norms given.

    Raises
    ------
    InputError
        If they differ in dx or dy.
    """
    if (first.dx, first.dy) != (second.dx, second.dy):
        raise InputError(
            f"data of {second.dx} inputs and {second.dy} outputs cannot join data of {first.dx} and {first.dy}",
            remedy="merge only data with the same columns",
        )
    coarser = max(first, second, key=lambda triangle: triangle.data_eps)
    shift = common_shift(first, second)
    upper, lower = first.reshifted(shift), second.reshifted(shift)
    r = merge(upper.r, lower.r)
    return Triangle(
        r=r,
        samples=first.samples + second.samples,
        dx=first.dx,
        dy=first.dy,
        shift=shift,
        norms=np.hypot(upper.norms, lower.norms),
        dtype=coarser.dtype,
        data_eps=coarser.data_eps,
    )
