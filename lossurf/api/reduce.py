"""`reduce`: data of any size as one small file."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import reduce as fold
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Protocol

from lossurf.adjustments import KINDS, option
from lossurf.api.parts.result import Result
from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.fields import Size, Written, limited
from lossurf.inputs.faults import fault, listing
from lossurf.inputs.memory import memory_limit
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.pairing import Wanted, summarised
from lossurf.inputs.tables.parts import openers
from lossurf.inputs.tables.shards import join, require_same_columns
from lossurf.inputs.tables.summary import Summary, is_summary_file, summary_bytes
from lossurf.reduction.data import merge_triangles
from lossurf.reduction.triangle import Triangle

Place = Mapping[str, Any]
"""Where one DATA is: arguments of `Data.open`."""


class Shown(Protocol):
    """What shows how far the work is."""

    def reading(self, dataset: Dataset) -> AbstractContextManager[Callable[[int], None] | None]:
        """Give a function to tell the number of samples read so far."""
        ...

    def parts(self) -> AbstractContextManager[Callable[[int, int], None] | None]:
        """Give a function to tell how many of how many parts are done."""
        ...


class Unseen:
    """Nobody watches."""

    def reading(self, dataset: Dataset) -> AbstractContextManager[None]:  # noqa: ARG002 - as in Shown
        """Give nothing to tell."""
        return nullcontext()

    def parts(self) -> AbstractContextManager[None]:
        """Give nothing to tell."""
        return nullcontext()


@dataclass(frozen=True)
class ReducedData:
    """What the file holds beside the triangle.

    Attributes
    ----------
    x, y : str
        Where X and Y came from.
    x_names, y_names : tuple of str or None
        Column names, where the files have them.
    samples, dx, dy : int
        Samples, inputs and outputs.
    dtype : str
        The coarsest of the stored number types.
    data_eps : float
        Relative precision of the stored numbers.
    """

    x: str
    y: str
    x_names: tuple[str, ...] | None
    y_names: tuple[str, ...] | None
    samples: Size
    dx: Size
    dy: Size
    dtype: str
    data_eps: Annotated[float, limited(exclusiveMinimum=0)]


@dataclass(frozen=True)
class Source:
    """One DATA.

    Attributes
    ----------
    name : str
        As it was given.
    summary : bool
        Whether it was reduced before.
    """

    name: str
    summary: bool


@dataclass(frozen=True)
class Reduction(Result):
    """Data as one small file.

    Attributes
    ----------
    output : Path or None
        The file it was written to.
    data : ReducedData
    bytes : int
        Size of the file.
    sources : tuple of Source
    notes : tuple of str
        What was assumed in reading.
    content : bytes
        Of the file.
    """

    command: ClassVar[str] = "reduce"

    output: Written
    data: ReducedData
    bytes: Size
    sources: Annotated[tuple[Source, ...], limited(minItems=1)]
    notes: tuple[str, ...]
    content: builtins.bytes = field(repr=False)


def reduce(batches: Iterable[Any], *, samples: Samples = "rows") -> Data:
    """Reduce batches of samples in one pass, as a DataLoader or a generator gives them: no more than one is held.

    Parameters
    ----------
    batches : iterable of (X, Y)
        Arrays, tensors or data frames of the same columns: X (rows, dx), Y (rows, dy) or (rows,). Further items of a
        batch are refused.
    samples : {"rows", "columns"}
        Which axis of every batch counts samples.

    Returns
    -------
    Data
        Their triangular factor, which every question takes that needs no single sample.

    Raises
    ------
    InputError
        If there is no batch, one holds something else, or their columns differ.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> batches = ((X[start : start + 2], Y[start : start + 2]) for start in (0, 2))
    >>> data = lossurf.reduce(batches)
    >>> print(lossurf.check(data).data.samples)
    4
    """
    triangle: Triangle | None = None
    first: Dataset | None = None
    for number, batch in enumerate(batches, 1):
        pair = tuple(batch) if isinstance(batch, list | tuple) else ()
        if len(pair) != 2:
            raise fault("no-batch", f"batch {number}", kind=type(batch).__name__, items=len(pair) or "other")
        dataset = as_dataset(*pair, samples=samples)
        part = Data.of(dataset).reduce()
        triangle = part if triangle is None else merge_triangles(triangle, part)
        first = first or dataset
    if triangle is None or first is None:
        raise fault("no-batches")
    summary = _summary(triangle, {"x": "X", "y": "Y", "x_names": first.x_names, "y_names": first.y_names})
    return Data.of(summarised(summary, "batches", Wanted(memory_limit(None))))


_ADJUSTMENTS: Final = (*KINDS, "base_layer")


class _Reduced(NamedTuple):
    triangle: Triangle
    names: dict[str, Any]
    notes: tuple[str, ...]


def reduce_files(
    places: Sequence[Place],
    *,
    threads: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    shown: Shown | None = None,
) -> Reduction:
    """Reduce data to their triangular factor; several are joined, summaries after samples.

    Parameters
    ----------
    places : sequence of mappings
        Arguments of `Data.open`, one mapping for each.
    threads : int, optional
        The cores at hand by default; does not change the result.
    engine : {"local", "dask"}
        dask spreads the work over processes or machines.
    scheduler : str, optional
        Address of a running dask cluster; a local one by default.
    workers : int, optional
        Processes of the local cluster; the cores by default.
    shown : Shown, optional
        Shows how far the work is.

    Returns
    -------
    Reduction

    Raises
    ------
    InputError
        If data cannot be read or do not have the same columns.
    UsageError
        If options do not go together.
    MissingExtraError
        Without the extra that dask needs.
    """
    for place in places:
        _require_as_read(place)
    places = [_wanted(place) for place in places]
    summaries = [_is_summary(place) for place in places]
    if engine == "dask":
        found = _on_cluster(places, scheduler, workers, shown or Unseen())
    else:
        _require_dask(scheduler=scheduler, workers=workers)
        found = _here(places, threads, shown or Unseen())
    triangle, names, notes = found
    content = summary_bytes(_summary(triangle, names))
    return Reduction(
        output=None,
        data=ReducedData(**names, **_facts(triangle)),
        bytes=len(content),
        sources=tuple(Source(_name(place), summary) for place, summary in zip(places, summaries, strict=True)),
        notes=(*_repeats(places), *notes),
        content=content,
    )


def _summary(triangle: Triangle, names: dict[str, Any]) -> Summary:
    return Summary(triangle.r, triangle.shift, triangle.norms, **_facts(triangle), **names)


def _facts(triangle: Triangle) -> dict[str, Any]:
    return {name: getattr(triangle, name) for name in ("samples", "dx", "dy", "dtype", "data_eps")}


def _require_dask(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} is for a dask cluster", where="--engine local", remedy="add --engine dask")


def _here(places: Sequence[Place], threads: int | None, shown: Shown) -> _Reduced:
    opened = [Data.open(**place).dataset for place in places]
    parts = _parts(opened)
    triangles = []
    for part in parts:
        with shown.reading(part) as progress:
            triangles.append(Data.of(part).reduce(threads=threads, progress=progress))
    notes = tuple(note for part in parts for note in part.notes)
    return _Reduced(fold(merge_triangles, triangles), _names(parts), notes)


def _on_cluster(places: Sequence[Place], scheduler: str | None, workers: int | None, shown: Shown) -> _Reduced:
    from lossurf.reduction.cluster import connect, reduce_on_cluster, split_into_parts

    if scheduler is not None and workers is not None:
        raise UsageError("--scheduler names a cluster that has its workers", where="--workers", remedy="leave one out")
    if any(place.get("standardize") or place.get("intercept") for place in places):
        raise UsageError(
            "--standardize and --intercept need all data in one place",
            where="--engine dask",
            remedy="leave them out: `check --bias` centres, and no verdict depends on units",
        )
    opened = [opener for place in places for opener in openers(**_reading(place), remote=True)]
    with connect(scheduler, workers) as client, shown.parts() as progress:
        triangle = reduce_on_cluster(split_into_parts(opened), client, progress=progress)
    with opened[0]() as first:
        columns = {"x_names": first.x_names, "y_names": first.y_names}
        notes = first.notes
    given = listing(dict.fromkeys(map(_name, places)))
    return _Reduced(triangle, {"x": given, "y": given, **columns}, notes)


def _reading(place: Place) -> dict[str, Any]:
    """Return the arguments of `open_dataset`, which knows nothing of changed columns."""
    kept = {
        name: value
        for name, value in place.items()
        if name not in {"standardize", "intercept", "target", *_ADJUSTMENTS}
    }
    return {"path": None, **kept, "targets": place.get("target", ())}


def _wanted(place: Place) -> Place:
    """Leave out what is for the tables among the data where one is a summary."""
    return {**place, "target": (), "autoencoder": False} if _is_summary(place) else place


def _require_as_read(place: Place) -> None:
    """Refuse weights, a base and a ridge: a summary holds data as they are, and later questions change them."""
    given = [name for name in _ADJUSTMENTS if place.get(name) not in (None, False)]
    if given:
        raise UsageError(
            "a summary holds data as they are, without weights, base or ridge",
            where=", ".join(map(option, given)),
            remedy="give them where the summary is used; --sample-weights and predictions need the samples",
        )


def _is_summary(place: Place) -> bool:
    path = place.get("path")
    return path is not None and is_summary_file(Path(path))


def _name(place: Place) -> str:
    path, x, y = (place.get(name) for name in ("path", "x", "y"))
    if path is None and x is not None:
        return f"{x}" if y is None else f"{x} and {y}"
    return str(path or "data")


def _repeats(places: Sequence[Place]) -> list[str]:
    counts = Counter(map(_name, places))
    return [
        f"{name} is named {times} times: its samples are counted as often"
        for name, times in counts.items()
        if times > 1
    ]


def _parts(opened: list[Dataset]) -> list[Dataset]:
    """Join what holds samples, in the order given, and put the summaries after it."""
    for other in opened[1:]:
        require_same_columns(opened[0], other)
    samples = [data for data in opened if data.summary is None]
    joined = [join(samples, _listed([data.x for data in samples]))] if len(samples) > 1 else samples
    return joined + [data for data in opened if data.summary is not None]


def _names(parts: list[Dataset]) -> dict[str, Any]:
    named = next((part for part in parts if part.x_names is not None), parts[0])
    return {
        "x": _listed([part.x for part in parts]),
        "y": _listed([part.y for part in parts]),
        "x_names": named.x_names,
        "y_names": named.y_names,
    }


def _listed(names: list[str]) -> str:
    return listing(dict.fromkeys(names))


DOCUMENT = Reduction
