"""X and Y, read once: the noun that every question about data takes, whether it came from files or from arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from lossurf.errors import UsageError
from lossurf.fields import Count, Size
from lossurf.inputs.memory import memory_limit, require_memory
from lossurf.inputs.tables.data import Samples, as_dataset, open_dataset
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.prepare import prepared
from lossurf.numerics import Matrix
from lossurf.reduction.data import reduce_data
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle

_COPIES: Final = 8  # of X and Y alive at once in an analysis: standardised, factored, sorted, and temporaries

Made = TypeVar("Made")


@dataclass(frozen=True)
class DataFacts:
    """What was read.

    Attributes
    ----------
    x, y : str
        Where X and Y come from.
    samples, dx, dy : int
        Samples, inputs and outputs.
    dtype : str
        The coarser of the two stored number types.
    bias : bool
        Whether X and Y were centred, as for a network with an output bias.
    rank_x : int
        Numerical rank of X, centred where `bias`.
    """

    x: str
    y: str
    samples: Size
    dx: Size
    dy: Size
    dtype: str
    bias: bool
    rank_x: Count


class Data:
    """X and Y; they are read when the first answer needs them, once, and what was made of them is kept.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
        Finite real numbers in any units.
    samples : {"rows", "columns"}
        Which axis counts samples.

    Attributes
    ----------
    dataset : Dataset
        X and Y as they are read, in blocks.

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    """

    def __init__(self, X: ArrayLike, Y: ArrayLike, *, samples: Samples = "rows") -> None:
        self._keep(as_dataset(X, Y, samples=samples), None)

    def _keep(self, dataset: Dataset, max_memory: int | str | None) -> None:
        self.dataset = dataset
        self._max_memory = max_memory
        self._made: dict[Hashable, object] = {}

    @classmethod
    def of(cls, dataset: Dataset, *, max_memory: int | str | None = None) -> Data:
        """Return the data of a dataset that was opened before."""
        data = cls.__new__(cls)
        data._keep(dataset, max_memory)  # noqa: SLF001 - of its own class
        return data

    @classmethod
    def open(
        cls,
        path: str | PathLike[str] | None = None,
        *,
        x: str | PathLike[str] | None = None,
        y: str | PathLike[str] | None = None,
        target: str | Sequence[str] = (),
        samples: Samples = "rows",
        columns: str | Sequence[str] = (),
        drop: str | Sequence[str] = (),
        index: str | Sequence[str] = (),
        no_index: bool = False,
        autoencoder: bool = False,
        standardize: bool = False,
        intercept: bool = False,
        max_memory: int | str | None = None,
    ) -> Data:
        """Open data files; nothing but their headers is read yet, unless X is to be standardised.

        Parameters
        ----------
        path : path, optional
            A directory with one X.* and one Y.*, an .npz with X and Y, one table with `target`, or a summary that was
            written before; without it `x` and `y`, or the directory "data".
        x, y : path, optional
            The two files.
        target : str or sequence of str
            Names or numbers, from 1, of the columns of one table that are Y.
        samples : {"rows", "columns"}
            Which axis counts samples.
        columns, drop : str or sequence of str
            Names or numbers, from 1, of X's columns to keep, or to leave out.
        index : str or sequence of str
            Columns of row names to leave out of X and Y; "x:1" means X's alone.
        no_index : bool
            Read every column as data, and look for no row names.
        autoencoder : bool
            Take X, or the one array or table that is named, as Y too.
        standardize : bool
            Bring every column of X to mean 0 and standard deviation 1.
        intercept : bool
            Add a column of ones to X, after standardising.
        max_memory : int or str, optional
            Bytes that may be taken, or a size such as "4G"; what the machine has left by default.

        Returns
        -------
        Data

        Raises
        ------
        InputError
            If the files are not there, not readable, or do not go together.
        """
        dataset = open_dataset(
            _path(path),
            x=_path(x),
            y=_path(y),
            targets=_names(target),
            samples=samples,
            columns=_names(columns),
            drop=_names(drop),
            index=_names(index),
            no_index=no_index,
            autoencoder=autoencoder,
            max_memory=max_memory,
        )
        if standardize:
            dataset = prepared(dataset, standardize=True)
            dataset = dataset.mirrored() if autoencoder else dataset
        return cls.of(prepared(dataset, intercept=intercept), max_memory=max_memory)

    def __repr__(self) -> str:
        samples = "?" if self.dataset.samples is None else self.dataset.samples
        return f"Data({self.dataset.x!r}, {self.dataset.y!r}, samples={samples}, dx={self.dx}, dy={self.dy})"

    @property
    def dx(self) -> int:
        """Number of inputs, the columns of X."""
        return self.dataset.dx

    @property
    def dy(self) -> int:
        """Number of outputs, the columns of Y."""
        return self.dataset.dy

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed in reading; complete once the data were read."""
        return self.dataset.notes

    @property
    def max_memory(self) -> int | str | None:
        """Bytes that reading may take, as they were given."""
        return self._max_memory

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` returned when it was first asked for under this key."""
        if key not in self._made:
            self._made[key] = make()
        return cast(Made, self._made[key])

    def reduce(self, *, threads: int | None = None, progress: Callable[[int], None] | None = None) -> Triangle:
        """Read the data, if they were not, and return their triangular factor.

        Parameters
        ----------
        threads : int, optional
            The cores at hand by default; does not change the result.
        progress : callable, optional
            Told the number of samples read so far.

        Raises
        ------
        InputError
            If the data cannot be read.
        """
        return self.once("triangle", lambda: reduce_data(self.dataset, threads=threads, progress=progress))

    def problem(self, *, bias: bool) -> ReducedProblem:
        """Return the reduced problem, centred for networks with an output bias; each is made once."""
        return self.once(("problem", bias), lambda: reduced_problem(self.reduce(), bias=bias))

    def samples(self) -> tuple[Matrix, Matrix]:
        """Return all samples, X (m, dx) and Y (m, dy), for analyses that no triangular factor can stand in for.

        Raises
        ------
        InputError
            If an analysis of so many samples would take more memory than allowed, or the data hold no samples.
        """
        return self.once("samples", self._read_samples)

    def _read_samples(self) -> tuple[Matrix, Matrix]:
        limit, blocks, size = memory_limit(self._max_memory), [], 0
        for X, Y in self.dataset.blocks():
            size += X.nbytes + Y.nbytes
            require_memory("the analysis of all samples", _COPIES * size, limit, self.dataset.x)
            blocks.append((X.copy(), Y.copy()))  # a reader may use its buffer again
        X, Y = (np.vstack([block[side] for block in blocks]) for side in (0, 1))
        return X, Y

    def facts(self, *, bias: bool) -> DataFacts:
        """Say what was read, as every document does."""
        problem, dataset = self.problem(bias=bias), self.dataset
        return DataFacts(
            x=dataset.x,
            y=dataset.y,
            samples=problem.samples,
            dx=problem.dx,
            dy=problem.dy,
            dtype=problem.dtype,
            bias=problem.bias,
            rank_x=problem.rank_x,
        )


def as_data(X: ArrayLike | Data, Y: ArrayLike | None = None, *, samples: Samples = "rows") -> Data:
    """Return data as they are, or X and Y as data.

    Raises
    ------
    UsageError
        If Y is missing, or is given beside data that hold theirs.
    InputError
        As `Data`.
    """
    if isinstance(X, Data):
        if Y is not None:
            raise UsageError("Y is given beside data that hold theirs", where="Y", remedy="give the data alone")
        return X
    if Y is None:
        raise UsageError("X is given without Y", where="Y", remedy="give X and Y, or lossurf.Data(X, Y)")
    return Data(X, Y, samples=samples)


def _path(path: str | PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


def _names(names: str | Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names
