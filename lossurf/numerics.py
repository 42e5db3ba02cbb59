"""Tolerances, rank and tie decisions: the only place where machine epsilon is written, each use with its reason."""

from __future__ import annotations

from math import inf, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lossurf.words import Status

Matrix = NDArray[np.float64]
"""A float64 array of one or two dimensions; the docstring that takes or gives it says its shape."""

EPS: Final = float(np.finfo(np.float64).eps)
"""Relative spacing of float64, the arithmetic of every computation here."""

UNDECIDED_FACTOR: Final = 10.0
"""A quantity between the threshold and this many times the threshold is `undecided`: the constants in backward error
bounds of Householder QR and of the SVD are known to about one decimal digit (Higham 2002, sections 19.3 and 19.6)."""

STABILITY_FACTOR: Final = 3.0
"""A verdict that would change if the tolerance moved by less than this factor is not given (theory: stability range);
half a decimal digit is the most that the choice of a tolerance can be trusted to."""


LARGEST_TOLERANCE: Final = 1e-2
"""The tolerance of half precision, and the largest at which a kind of point is named: where the layers are known to one
digit or none, every critical level of ordinary data is within their reach (theory, section 6)."""


class Decision(NamedTuple):
    """A quantity held against a threshold.

    `margin` is value / threshold: above `UNDECIDED_FACTOR` the quantity is surely non-zero, at most 1 it is zero to
    rounding. It is None where the threshold is zero and the decision exact.
    """

    status: Status
    value: float
    threshold: float
    margin: float | None


def decide_nonzero(value: float, threshold: float) -> Decision:
    """Decide whether a non-negative quantity with rounding error `threshold` is non-zero."""
    if threshold == 0.0:
        return Decision(Status.HOLDS if value > 0.0 else Status.FAILS, value, threshold, None)
    margin = value / threshold
    if value <= threshold:  # not strict: an exact zero fails whatever the threshold
        return Decision(Status.FAILS, value, threshold, margin)
    return Decision(Status.HOLDS if margin > UNDECIDED_FACTOR else Status.UNDECIDED, value, threshold, margin)


def surely_nonzero(values: Matrix, threshold: float) -> NDArray[np.bool_]:
    """Mask the values that `decide_nonzero` would call non-zero."""
    return np.asarray(values > UNDECIDED_FACTOR * threshold)


def rank_threshold(largest: float, order: int, eps: float = EPS) -> float:
    """Singular values at or below this are rounding: order * eps * largest.

    The backward error of a Householder QR or SVD of a matrix of that order is a small multiple of order * eps in the
    spectral norm (Higham 2002, Theorem 19.4; Weyl's inequality moves it to the singular values).
    """
    return order * eps * largest


def numerical_rank(singular_values: Matrix, threshold: float) -> int:
    """Count the singular values that are not rounding: those strictly above `threshold`."""
    return int(np.count_nonzero(singular_values > threshold))


def column_norms(matrix: Matrix) -> Matrix:
    """Return the Euclidean norms of the columns, without overflow or underflow of the squares."""
    largest = np.max(np.abs(matrix), axis=0, initial=0.0)
    scaled = np.divide(matrix, largest, out=np.zeros_like(matrix), where=largest > 0.0)
    return np.asarray(largest * np.linalg.norm(scaled, axis=0))


_LEAST_SQUARE: Final = 1e-200
"""A sum of squares above this misses nothing: what float64 cannot square, below 1e-150, is rounding of its root."""


def frobenius_norm(*arrays: Matrix) -> float:
    """Frobenius norm of all arrays together, no square over- or underflowing; inf where an entry is not finite."""
    square = sum(float(np.vdot(array, array)) for array in arrays)
    if _LEAST_SQUARE < square < inf:
        return sqrt(square)
    if not all(np.all(np.isfinite(array)) for array in arrays):
        return inf
    return float(column_norms(np.concatenate([array.ravel() for array in arrays])[:, None])[0])


_REFERENCE_ROWS: Final = 31  # their median is about a quarter of a standard deviation off: as good as the mean here


def reference_row(rows: Matrix) -> Matrix:
    """Return for every column a short number near its middle, which may be subtracted before sums are taken.

    The lower median of rows spread evenly over those given, rounded to a multiple of a power of two below a quarter of
    their spread, a median too: one outlier would make a mean, or the first row, useless. A short number, so that
    differences of integers are exact (as those of any numbers on a common grid are, up to 2^53 steps of it), and so
    that it tells no sample, only where the column lies; any other difference is rounded by half an eps of itself.

    Parameters
    ----------
    rows : ndarray, shape (rows, n)
        At least one row.

    Returns
    -------
    ndarray, shape (n,)
        The value itself for a column of one value, so that every difference is exactly zero.
    """
    picked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _REFERENCE_ROWS)).astype(int)]
    middle = (len(picked) - 1) // 2
    median = np.partition(picked, middle, axis=0)[middle] + 0.0  # + 0.0: not -0.0
    with np.errstate(over="ignore", invalid="ignore"):  # where the spread overflows, or is nothing, the median is kept
        spread = _median_nonzero(np.abs(picked - median))
        grid = np.ldexp(0.25, np.frexp(spread)[1] - 1)
        rounded = np.rint(median / grid) * grid
    return np.asarray(np.where((spread > 0.0) & np.isfinite(rounded), rounded, median))


def _median_nonzero(sizes: Matrix) -> Matrix:
    """Lower median of every column's entries other than zero; 0 where there is none."""
    ordered = np.sort(sizes, axis=0)
    zeros = np.count_nonzero(ordered == 0.0, axis=0)
    middle = zeros + (len(ordered) - 1 - zeros) // 2  # the last where all are zeros
    return np.asarray(np.take_along_axis(ordered, middle[None], axis=0)[0])


def data_eps(dtype: DTypeLike) -> float:
    """Relative precision to which numbers stored as `dtype` are known; integers and booleans are exact in float64."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return max(EPS, float(np.finfo(kind).eps))
    return EPS


# Training in a given precision stops making progress where one rounding of the weights moves the gradient as much as
# a step does: a relative gradient of about sqrt(eps) for float64, a few eps for float32, eps for half precision.
_TOLERANCE_BY_DTYPE: Final = {"float64": 1e-8, "float32": 1e-6, "float16": 1e-2, "bfloat16": 1e-2}


def default_tolerance(dtypes: list[str]) -> float:
    """Return the tolerance tau of the zero rule for weights stored as `dtypes` (names): the coarsest decides.

    Float64 and anything finer 1e-8, float32 1e-6, half precision 1e-2 (theory, section 6).
    """
    return max((_TOLERANCE_BY_DTYPE.get(name, 1e-8) for name in dtypes), default=1e-8)
