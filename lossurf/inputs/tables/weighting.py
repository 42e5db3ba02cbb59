"""Weights of samples and of outputs: from a column of the data, a file, or an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Final, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from lossurf.inputs.arrays import as_numbers, to_float64
from lossurf.inputs.faults import fault, place
from lossurf.inputs.files import ending
from lossurf.inputs.memory import memory_limit
from lossurf.inputs.tables.columns import find_column
from lossurf.inputs.tables.dataset import Dataset, Pairs
from lossurf.inputs.tables.formats import OPENERS, open_source
from lossurf.numerics import Matrix

Given = str | PathLike[str] | ArrayLike

_SAMPLES: Final = "the weights"
_BLOCK: Final = 8192


def names_column(given: Given | None) -> TypeGuard[str]:
    """Tell whether weights are a column of the data: a text that no data file could be called by."""
    return isinstance(given, str) and ending(Path(given), tuple(OPENERS)) is None


def weights_of_table(
    open_with: Callable[[Sequence[str]], Dataset], targets: Sequence[str], column: str
) -> tuple[Dataset, Matrix]:
    """Take the weights from a column of the table that the targets are taken from.

    Parameters
    ----------
    open_with : callable
        Opens the table with these targets.
    targets : sequence of str
    column : str

    Returns
    -------
    Dataset
        Without that column.
    ndarray, shape (m,)

    Raises
    ------
    InputError
    """
    plain, beside = open_with(targets), open_with((*targets, column))
    if beside.dy != plain.dy + 1:
        raise fault("weights-target", beside.y, column=column)
    weights = np.concatenate([Y[:, -1] for _, Y in beside.blocks()])

    def pairs(rows: int) -> Pairs:
        for X, Y in beside.blocks(rows):
            yield X, np.ascontiguousarray(Y[:, :-1])

    names = None if beside.y_names is None else beside.y_names[:-1]
    return replace(beside, dy=plain.dy, y_names=names, _pairs=pairs, _open_rows=None), weights


def weights_of_inputs(dataset: Dataset, column: str) -> tuple[Dataset, Matrix]:
    """Take the weights from a column of X.

    Returns
    -------
    Dataset
        Without that column.
    ndarray, shape (m,)

    Raises
    ------
    InputError
        If there is no such column, or no other.
    """
    at = find_column(column, dataset.dx, dataset.x_names, dataset.x)
    if dataset.dx == 1:
        raise fault("nothing-left", dataset.x)
    weights = np.concatenate([X[:, at] for X, _ in dataset.blocks()])
    names = dataset.x_names
    rest = dataset.with_inputs(
        lambda X: np.ascontiguousarray(np.delete(X, at, axis=1)),
        dx=dataset.dx - 1,
        x_names=None if names is None else (*names[:at], *names[at + 1 :]),
    )
    return rest, weights


def numbers_of(given: Given, *, max_memory: int | str | None = None) -> tuple[str, Matrix]:
    """Return weights from a file or an array with where they are from; (n,).

    Raises
    ------
    InputError
        If they cannot be read, are not finite or not one row or column of numbers.
    """
    if isinstance(given, str | PathLike):
        path = Path(given)
        source = open_source(path, "weights", memory_limit(max_memory))
        return str(path), _vector(np.vstack([block.copy() for block in source.blocks(_BLOCK)]), str(path))
    numbers = as_numbers(given, _SAMPLES)
    shape = (len(numbers), -1) if numbers.ndim else (1, 1)
    return _SAMPLES, _vector(to_float64(numbers.reshape(shape), _SAMPLES, _SAMPLES), _SAMPLES)


def _vector(matrix: Matrix, name: str) -> Matrix:
    if 1 not in matrix.shape:
        raise fault("weights-shape", name, shape=matrix.shape)
    return matrix.ravel()


def require_weights(weights: Matrix, name: str) -> Matrix:
    """Refuse weights of samples that are negative, or all zero.

    Raises
    ------
    InputError
    """
    negative = np.flatnonzero(weights < 0.0)
    if negative.size:
        value = float(weights[negative[0]])
        raise fault("weight-negative", place(name, sample=int(negative[0]) + 1), value=f"{value:g}")
    if not weights.any():
        raise fault("weights-zero", name)
    return weights


def require_output_weights(weights: Matrix, name: str, dy: int) -> Matrix:
    """Refuse weights of outputs that are not above zero, or not as many as outputs.

    Raises
    ------
    InputError
    """
    if len(weights) != dy:
        raise fault("output-weights", name, found=len(weights), dy=dy)
    bad = np.flatnonzero(weights <= 0.0)
    if bad.size:
        value = float(weights[bad[0]])
        raise fault("output-weight", place(name, output=int(bad[0]) + 1), value=f"{value:g}")
    return weights


def output_weights_of(given: Given, *, max_memory: int | str | None = None) -> tuple[str, Matrix]:
    """Return weights of outputs, which may also be a text such as "1,2,0.5".

    Raises
    ------
    InputError
    """
    if names_column(given):
        try:
            numbers = np.array([float(part) for part in given.replace(",", " ").split()])
        except ValueError:
            raise fault("output-weights-text", given=given) from None
        if not numbers.size or not np.isfinite(numbers).all():
            raise fault("output-weights-text", given=given)
        return _SAMPLES, numbers
    return numbers_of(given, max_memory=max_memory)
