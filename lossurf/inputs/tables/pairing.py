"""X and Y brought together: the same samples in the same order, whichever sources they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from lossurf.errors import UsageError
from lossurf.inputs.arrays import MatrixSource, coarser
from lossurf.inputs.faults import fault
from lossurf.inputs.tables.columns import find_columns, input_columns
from lossurf.inputs.tables.dataset import Dataset, Pairs, ReadRows
from lossurf.inputs.tables.extent import extent
from lossurf.inputs.tables.formats import TABLES, data_ending, open_source
from lossurf.inputs.tables.row_names import left_out
from lossurf.inputs.tables.text import TextTable
from lossurf.numerics import Matrix, data_eps
from lossurf.sizes import size_text

if TYPE_CHECKING:
    from lossurf.inputs.tables.summary import Summary

Samples = Literal["rows", "columns"]

_FACTOR_COPIES: Final = 6  # square arrays of the factor's order alive at once while it is merged, split and decomposed


@dataclass(frozen=True)
class Wanted:
    """Which axis counts samples, which columns are X and which row names, and how much memory may be taken."""

    limit: int
    samples: Samples = "rows"
    columns: Sequence[str] = ()
    drop: Sequence[str] = ()
    index: Sequence[str] = ()
    no_index: bool = False

    def __post_init__(self) -> None:
        if self.samples not in ("rows", "columns"):
            raise UsageError(f"samples lie in rows or columns, not {self.samples!r}", remedy="give one of the two")
        if self.index and self.no_index:
            raise UsageError("--index and --no-index contradict each other", remedy="leave one of them out")


def one_table(path: Path, targets: Sequence[str], wanted: Wanted) -> Dataset:
    """Take Y from the target columns of one table, and X from the others.

    Raises
    ------
    InputError
    """
    if data_ending(path) not in TABLES:
        raise fault("stray-target", name=str(path))
    if not targets:
        raise fault("no-target", name=str(path))
    where = str(path)
    table = open_source(path, "the table", wanted.limit)
    if wanted.samples == "columns":
        (table,) = _turned([table], wanted)
    x, y = _split_columns(table, targets, wanted)
    if isinstance(table, TextTable):
        table.targets = frozenset(y)
    both, dx = table.select(x + y), len(x)

    def pairs(rows: int) -> Pairs:
        for block in both.blocks(rows):
            yield np.ascontiguousarray(block[:, :dx]), np.ascontiguousarray(block[:, dx:])

    _require_factor(where, len(x + y), wanted.limit)
    dtype = coarser(both.dtype, both.dtype)
    names = both.columns
    x_names, y_names = (names[:dx], names[dx:]) if names else (None, None)
    return Dataset(
        x=where,
        y=where,
        dx=dx,
        dy=len(y),
        dtype=dtype,
        data_eps=data_eps(dtype),
        x_names=x_names,
        y_names=y_names,
        _pairs=pairs,
        _notes=(table.notes, both.notes),
        samples=both.rows,
        **extent(both),
    )


def _split_columns(
    table: MatrixSource, targets: Sequence[str], wanted: Wanted
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    width, names, where = table.width, table.columns, table.name
    y = tuple(dict.fromkeys(index for _, index in find_columns(targets, width, names, where)))
    (index,) = left_out([table], wanted.index, keep=wanted.no_index, explicit=[_named_inputs(table, wanted) | {*y}])
    _require_no_name_as_target(table, y, index)
    return input_columns(
        width, names, where, targets=y, columns=wanted.columns, drop=wanted.drop, index=tuple(index)
    ), y


def _named_inputs(source: MatrixSource, wanted: Wanted) -> frozenset[int]:
    """Return the columns that the user named as X's, or dropped: nothing need be guessed of them.

    Where X's columns are named, no other is read, and none can be taken for data by mistake.
    """
    if wanted.columns:
        return frozenset(range(source.width))
    return frozenset(i for _, i in find_columns(wanted.drop, source.width, source.columns, source.name))


def _require_no_name_as_target(table: MatrixSource, targets: Sequence[int], index: frozenset[int]) -> None:
    for column in targets:
        if column in index:
            raise fault("target-is-index", table.name, column=table.columns[column] if table.columns else column + 1)


def _turned(sources: Sequence[MatrixSource], wanted: Wanted) -> list[MatrixSource]:
    """Exchange rows and columns, after leaving out the columns of names that would then stand for samples."""
    nothing = [frozenset[int]()] * len(sources)
    found = left_out(sources, wanted.index, keep=wanted.no_index, explicit=nothing)
    turned = []
    for source, index in zip(sources, found, strict=True):
        kept = source.select(_rest(source, index)) if index else source
        turned.append(kept.transposed(wanted.limit) if source.ndim == 2 else kept)  # a vector is one output either way
        turned[-1].notes = source.notes
    return turned


def _rest(source: MatrixSource, index: frozenset[int]) -> tuple[int, ...]:
    return tuple(i for i in range(source.width) if i not in index)


def pair(x: MatrixSource, y: MatrixSource, wanted: Wanted) -> Dataset:
    """Read X and Y side by side.

    Raises
    ------
    InputError
        If they differ in length, at once or where reading finds it.
    """
    samples = wanted.samples
    if samples == "columns":
        x, y = _turned([x, y], wanted)
    x_index, y_index = _row_names(x, y, wanted) if samples == "rows" else (frozenset(), frozenset())
    y_notes = y.notes
    y = y.select(_rest(y, y_index)) if y_index else y
    _require_same_length(x.rows, y.rows, (x, y), samples)
    kept = _inputs(x, wanted, x_index)

    def pairs(rows: int) -> Pairs:
        return _in_step(kept.blocks(rows), y.blocks(rows), lambda m, n: _require_same_length(m, n, (x, y), samples))

    _require_factor(x.name, kept.width + y.width, wanted.limit)
    dtype = coarser(x.dtype, y.dtype)
    return Dataset(
        x=x.name,
        y=y.name,
        dx=kept.width,
        dy=y.width,
        dtype=dtype,
        data_eps=data_eps(dtype),
        x_names=kept.columns,
        y_names=y.columns,
        _pairs=pairs,
        _notes=(x.notes, kept.notes, y_notes, y.notes),
        samples=x.rows if y.rows is not None else None,
        _open_rows=_rows_by_position(kept, y),
        **extent(kept, y),
    )


def _row_names(x: MatrixSource, y: MatrixSource, wanted: Wanted) -> list[frozenset[int]]:
    explicit = [_named_inputs(x, wanted), frozenset[int]()]
    return left_out([x, y], wanted.index, keep=wanted.no_index, explicit=explicit)


def _inputs(x: MatrixSource, wanted: Wanted, index: frozenset[int]) -> MatrixSource:
    if not (wanted.columns or wanted.drop or index):
        return x
    return x.select(
        input_columns(x.width, x.columns, x.name, columns=wanted.columns, drop=wanted.drop, index=tuple(index))
    )


def alone(x: MatrixSource, wanted: Wanted) -> Dataset:
    """Offer one source as X and as Y too: what a linear autoencoder learns.

    Raises
    ------
    InputError
    """
    if wanted.samples == "columns":
        (x,) = _turned([x], wanted)
        index = frozenset[int]()
    else:
        (index,) = left_out([x], wanted.index, keep=wanted.no_index, explicit=[_named_inputs(x, wanted)])
    kept = _inputs(x, wanted, index)
    _require_factor(x.name, 2 * kept.width, wanted.limit)
    dtype = coarser(x.dtype, x.dtype)
    return Dataset(
        x=x.name,
        y=x.name,
        dx=kept.width,
        dy=kept.width,
        dtype=dtype,
        data_eps=data_eps(dtype),
        x_names=kept.columns,
        y_names=kept.columns,
        _pairs=lambda rows: ((block, block) for block in kept.blocks(rows)),
        _notes=(x.notes, kept.notes),
        samples=kept.rows,
        **extent(kept),
    )


def _rows_by_position(x: MatrixSource, y: MatrixSource) -> Callable[[], AbstractContextManager[ReadRows]] | None:
    """Return how to read rows in any order; only arrays with a header can, and only they need that module."""
    if not (hasattr(x, "header") and hasattr(y, "header")):
        return None
    from lossurf.inputs.tables.npy_rows import rows_of_pair

    return rows_of_pair(x, y)


def _in_step(x: Iterator[Matrix], y: Iterator[Matrix], require: Callable[[int, int], None]) -> Pairs:
    """Pair blocks of the same rows; where one side ends first, count the other's rest and have it refused."""
    m = n = 0
    while True:
        block_x, block_y = next(x, None), next(y, None)
        rows_x, rows_y = (0 if block is None else block.shape[0] for block in (block_x, block_y))
        m, n = m + rows_x, n + rows_y
        if rows_x != rows_y:
            require(m + sum(block.shape[0] for block in x), n + sum(block.shape[0] for block in y))
        if block_x is None or block_y is None:
            return
        yield block_x, block_y


def summarised(summary: Summary, where: str, wanted: Wanted) -> Dataset:
    """Offer a summary as data, with the columns of X that are wanted."""
    if wanted.samples == "columns":
        raise fault("stray-samples", where)
    if wanted.columns or wanted.drop:
        kept = input_columns(summary.dx, summary.x_names, where, columns=wanted.columns, drop=wanted.drop)
        summary = summary.select(kept)
    return Dataset(
        x=summary.x,
        y=summary.y,
        dx=summary.dx,
        dy=summary.dy,
        dtype=summary.dtype,
        data_eps=summary.data_eps,
        x_names=summary.x_names,
        y_names=summary.y_names,
        _pairs=lambda _rows: iter(()),
        samples=summary.samples,
        summary=summary,
    )


def _require_same_length(
    x_rows: int | None, y_rows: int | None, sources: tuple[MatrixSource, MatrixSource], samples: Samples
) -> None:
    x, y = sources
    if x_rows is None or y_rows is None or x_rows == y_rows:
        return
    other = "columns" if samples == "rows" else "rows"
    y_other = y.width if y.ndim == 2 else y_rows
    if x.width == y_other:
        remedy = f"both have {x.width} {other}: give --samples {other} if samples are {other}"
    elif x_rows == y_other:
        remedy = f"Y has {y_other} {other}: transpose Y"
    elif x.width == y_rows:
        remedy = f"X has {x.width} {other}: transpose X"
    else:
        remedy = "give both files the same samples in the same order"
    where = f"{x.name}: {x_rows} x {x.width}; {y.name}: {y_rows} x {y.width}"
    raise fault("mismatch", where, x=x_rows, y=y_rows, remedy=remedy)


def _require_factor(where: str, columns: int, limit: int) -> None:
    """Refuse more columns than a triangular factor of them has room for."""
    needed = _FACTOR_COPIES * 8 * (1 + columns) ** 2
    if needed > limit:
        raise fault("factor-too-big", where, n=columns, needed=size_text(needed), limit=size_text(limit))
