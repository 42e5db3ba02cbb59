"""X and Y, read once: the noun that every question about data takes, whether it came from files or from arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from lossurf.adjusting import BaseGiven, WantedAdjustments, without_weights
from lossurf.adjustments import Adjusted, Adjustments, Rows
from lossurf.errors import UsageError
from lossurf.fields import Count, Size
from lossurf.inputs.memory import memory_limit, require_memory
from lossurf.inputs.tables.data import Samples, as_dataset, open_dataset
from lossurf.inputs.tables.dataset import Dataset
from lossurf.inputs.tables.weighting import (
    Given,
    names_column,
    require_weights,
    weights_of_table,
)
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle

if TYPE_CHECKING:
    from lossurf.inputs.checkpoints.checkpoint import Checkpoint

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
    adjusted : Adjusted or None
        What they were changed by; None where they are as they were read.
    """

    x: str
    y: str
    samples: Size
    dx: Size
    dy: Size
    dtype: str
    bias: bool
    rank_x: Count
    adjusted: Adjusted | None = None


class Data:
    """X and Y; they are read when the first answer needs them, once, and what was made of them is kept.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
        Finite real numbers in any units.
    samples : {"rows", "columns"}
        Which axis counts samples.
    sample_weights, output_weights, base, base_layer, residual, ridge
        As in `Data.open`.

    Attributes
    ----------
    dataset : Dataset
        X and Y as they are read, in blocks; nothing is weighted or subtracted there.
    adjustments : Adjustments
        What the loss is beside 1/2 ||P X - Y||^2.

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    """

    def __init__(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        samples: Samples = "rows",
        sample_weights: Given | None = None,
        output_weights: Given | None = None,
        base: BaseGiven | None = None,
        base_layer: str | None = None,
        residual: bool = False,
        ridge: float | None = None,
    ) -> None:
        dataset, weights = without_weights(as_dataset(X, Y, samples=samples), sample_weights)
        wanted = WantedAdjustments(weights, output_weights, base, base_layer, residual, ridge)
        self._keep(dataset, None, wanted.on(dataset, dataset.dx, None))

    def _keep(self, dataset: Dataset, max_memory: int | str | None, adjustments: Adjustments | None = None) -> None:
        self.adjustments = adjustments or Adjustments()
        self.adjusted = self.adjustments.facts
        self.dataset = dataset
        self._max_memory = max_memory
        self._made: dict[Hashable, object] = {}

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        *,
        max_memory: int | str | None = None,
        adjustments: Adjustments | None = None,
        adjusted: Adjusted | None = None,
    ) -> Data:
        """Return the data of a dataset that was opened before: to be adjusted, or which have been already."""
        data = cls.__new__(cls)
        data._keep(dataset, max_memory, adjustments)  # noqa: SLF001 - of its own class
        data.adjusted = adjusted or data.adjusted
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
        sample_weights: Given | None = None,
        output_weights: Given | None = None,
        base: BaseGiven | None = None,
        base_layer: str | None = None,
        residual: bool = False,
        ridge: float | None = None,
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
        sample_weights : str, path or array_like, shape (m,), optional
            Not negative, not all zero: the squares of a sample's residuals are multiplied by its weight, and means are
            weighted means. A text that names no kind of data file is a column of the table or of X, which is left out
            of X.
        output_weights : str, path or array_like, shape (dy,), optional
            Above zero: the squares of an output's residuals are multiplied by its weight. Networks are read with
            diag(sqrt v) W_N as their last layer.
        base : path or array_like, shape (dy, dx) or (m, dy), optional
            A frozen weight, or the predictions of a frozen network: it is subtracted from Y, and the network is what
            is added to it.
        base_layer : str, optional
            Name of the frozen weight in a file of several.
        residual : bool
            The network is added to X itself: its base is the identity.
        ridge : float, optional
            Above zero: the loss has 1/2 ridge ||P||_F^2 beside, P the product of all layers; a column of ones that
            `intercept` adds is left out of it.
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

        def open_with(targets: Sequence[str]) -> Dataset:
            return open_dataset(
                _path(path),
                x=_path(x),
                y=_path(y),
                targets=targets,
                samples=samples,
                columns=_names(columns),
                drop=_names(drop),
                index=_names(index),
                no_index=no_index,
                autoencoder=autoencoder,
                max_memory=max_memory,
            )

        if _names(target) and names_column(sample_weights):
            dataset, found = weights_of_table(open_with, _names(target), sample_weights)
            weights: tuple[str, Matrix] | None = (f"column {sample_weights}", require_weights(found, dataset.x))
        else:
            dataset, weights = without_weights(open_with(_names(target)), sample_weights, max_memory)
            dataset = dataset.mirrored() if autoencoder and dataset.dy != dataset.dx else dataset
        penalised = dataset.dx
        if standardize or intercept:
            from lossurf.inputs.tables.prepare import prepared

            dataset = prepared(dataset, standardize=standardize)
            dataset = dataset.mirrored() if autoencoder and standardize else dataset
            dataset = prepared(dataset, intercept=intercept)
        wanted = WantedAdjustments(weights, output_weights, base, base_layer, residual, ridge)
        return cls.of(dataset, max_memory=max_memory, adjustments=wanted.on(dataset, penalised, max_memory))

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
        return (*self.dataset.notes, *self.adjustments.notes)

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
        return self.once("triangle", lambda: self.adjustments.reduce(self.dataset, threads=threads, progress=progress))

    def problem(self, *, bias: bool) -> ReducedProblem:
        """Return the reduced problem, centred for networks with an output bias; each is made once."""
        return self.once(("problem", bias), lambda: reduced_problem(self.reduce(), bias=bias))

    def samples(self) -> tuple[Matrix, Matrix]:
        """Return all samples, X (m, dx) and Y (m, dy), for analyses that no triangular factor can stand in for.

        Raises
        ------
        InputError
            If an analysis of so many samples would take more memory than allowed, or the data hold no samples.
        UsageError
            If the data are weighted, or have a ridge: no sample then stands for itself.
        """
        if not self.adjustments.of_residuals:
            raise UsageError(
                "weights and ridge go with the squared loss of linear networks",
                where=self.adjustments.options,
                remedy="leave them out here",
            )
        return self.once("samples", self._read_samples)

    def rows(self) -> Rows:
        """Yield the rows (ones, X, Y) of which `reduce` gives the triangle, summed by no one yet."""
        return self.adjustments.rows(self.dataset)

    def require_as_read(self, question: str) -> None:
        """Refuse weights, a base and a ridge for a question that is about the data as they are.

        Raises
        ------
        UsageError
        """
        if self.adjusted is not None:
            raise UsageError(
                f"{question} takes data as they are, without weights, base or ridge",
                where=self.adjustments.options,
                remedy="leave them out here; questions about linear networks under the squared loss take them",
            )

    def seen(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return a network as the loss sees it; itself but for weights of outputs."""
        return self.adjustments.seen(checkpoint)

    def _read_samples(self) -> tuple[Matrix, Matrix]:
        limit, blocks, size = memory_limit(self._max_memory), [], 0
        for X, Y in self.dataset.blocks():
            size += X.nbytes + Y.nbytes
            require_memory("the analysis of all samples", _COPIES * size, limit, self.dataset.x)
            blocks.append((X.copy(), Y.copy()))  # a reader may use its buffer again
        X, Y = (np.vstack([block[side] for block in blocks]) for side in (0, 1))
        return X, self.adjustments.left(X, Y)

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
            adjusted=self.adjusted,
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
            remedy = "give the data alone, and what follows by its name, such as widths="
            raise UsageError("Y is given beside data that hold theirs", where="Y", remedy=remedy)
        return X
    if Y is None:
        remedy = "give X and Y, lossurf.Data(X, Y), or lossurf.reduce(batches)"
        raise UsageError("X is given without Y", where="Y", remedy=remedy)
    return Data(X, Y, samples=samples)


def _path(path: str | PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


def _names(names: str | Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names
