"""Changes of X that the user asks for, and that the report repeats: standardised columns, an intercept column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.inputs.faults import listing
from lossurf.inputs.tables.dataset import Dataset
from lossurf.numerics import EPS, Matrix, column_norms, reference_row

INTERCEPT = "intercept"


_STANDARDISING: Final = 16.0
"""Roundings, in units of eps of a shifted column, that a standardised number carries: half of the shift's difference,
half of the mean's difference, half of the quotient, and those of the mean itself, which moves the whole column: at most
log2 of a block's 8192 rows in numpy's pairwise sum (Higham 2002, section 4.2) and a few where blocks are joined."""


@dataclass(frozen=True)
class _Moments:
    """Samples read, and mean and norm of the centred columns so far, both of samples less a reference row.

    The reference is a short number near the first block's middle (`reference_row`): without it a mean is rounded in its
    own digits and not in those of the column's spread.
    """

    reference: Matrix
    samples: int
    mean: Matrix
    norm: Matrix
    constant: NDArray[np.bool_]

    def with_block(self, X: Matrix) -> _Moments:
        """Join the moments of one more block (Chan, Golub & LeVeque 1983, "Algorithms for computing the variance")."""
        rows, shifted = X.shape[0], X - self.reference
        mean = (shifted / rows).sum(axis=0)
        total = self.samples + rows
        step = mean - self.mean
        between = np.abs(step) * (np.sqrt(self.samples / total) * np.sqrt(rows))
        return _Moments(
            reference=self.reference,
            samples=total,
            mean=self.mean + step * (rows / total),
            norm=np.hypot(np.hypot(self.norm, column_norms(shifted - mean)), between),  # squares could overflow
            constant=self.constant & (shifted == 0.0).all(axis=0),
        )

    @property
    def deviation(self) -> Matrix:
        """Standard deviations over all samples; 1 for a constant column."""
        return np.where(self.constant, 1.0, self.norm / np.sqrt(self.samples))


def prepared(dataset: Dataset, *, standardize: bool = False, intercept: bool = False) -> Dataset:
    """Return the dataset with X's columns changed as asked.

    Parameters
    ----------
    dataset : Dataset
    standardize : bool
        Bring every column of X to mean 0 and standard deviation 1 (over all samples, dividing by m); a constant
        column becomes 0. The data are read once for this.
    intercept : bool
        Add a last column of ones to X.

    Returns
    -------
    Dataset
        Named so that a report says what was done.

    Raises
    ------
    InputError
        If the data cannot be read.
    """
    if standardize:
        dataset = _standardized(dataset)
    return _with_intercept(dataset) if intercept else dataset


def _standardized(dataset: Dataset) -> Dataset:
    moments: _Moments | None = None
    for X, _ in dataset.blocks():
        if moments is None:
            zero = np.zeros(dataset.dx)
            moments = _Moments(reference_row(X), 0, zero, zero, np.ones(dataset.dx, dtype=bool))
        moments = moments.with_block(X)
    if moments is None:  # no sample: whoever reads the blocks says so
        return dataset
    reference, mean, deviation = moments.reference, moments.mean, moments.deviation
    names = dataset.x_names or tuple(str(i) for i in range(1, dataset.dx + 1))
    constant = [name for name, is_still in zip(names, moments.constant, strict=True) if is_still]
    changed = dataset.with_inputs(
        lambda X: ((X - reference) - mean) / deviation,
        x=f"{dataset.x}, standardized",
        data_eps=_standardised_eps(dataset.data_eps, moments),
    )
    return changed.with_note(f"{dataset.x}: constant columns became 0: {listing(constant)}") if constant else changed


def _standardised_eps(stored: float, moments: _Moments) -> float:
    """Relative precision of standardised numbers, that of the worst column; at most 1.

    What was uncertain in the stored numbers is a share of them, means included, of which standard deviations are left.
    Float64 and integers are exact as stored: only the roundings of standardising count, a share of the shifted numbers.
    """
    deviation, varies = moments.deviation, ~moments.constant
    shifted = np.hypot(moments.mean, deviation)
    of_storage = (
        stored * np.hypot(moments.mean + moments.reference, deviation) if stored > EPS else np.zeros_like(shifted)
    )
    shares = (of_storage + _STANDARDISING * EPS * shifted)[varies] / deviation[varies]
    return min(1.0, float(np.max(shares, initial=EPS)))


def _with_intercept(dataset: Dataset) -> Dataset:
    return dataset.with_inputs(
        lambda X: np.hstack([X, np.ones((X.shape[0], 1))]),
        x=f"{dataset.x}, with an intercept column",
        dx=dataset.dx + 1,
        x_names=None if dataset.x_names is None else (*dataset.x_names, INTERCEPT),
    )
