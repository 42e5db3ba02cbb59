"""Whether a certificate speaks of given data: the samples in the coordinates of its R11 and T, summed.

In z = R11^{-T} x the samples must be uncorrelated with unit sums of squares, and y must be T z but for a residual of
the claimed size. Sums of such coordinates see the small directions of ill-conditioned data, which X X^T itself does
not. Every column is measured in its own norm, so that no unit of the data makes a difference small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lossurf.certificates.check import Check, at_most
from lossurf.certificates.stored import StoredCertificate, is_weighted, output_weights, total_weight
from lossurf.decompositions import pseudo_inverse, singular_values
from lossurf.numerics import EPS, Matrix, column_norms, frobenius_norm

_FACTORISED: Final = 30.0
"""Times order * eps: the error of R11 and T after three factorisations, of panels, of their factors and by singular
values, the constant of each bound being known to a decimal digit (Higham 2002, sections 19.3 and 19.6)."""

_LEAST_KNOWN: Final = 0.1
"""Errors of a direction beyond this say nothing about it: then only the directions that are known are compared."""

Rows = tuple[Matrix, Matrix, Matrix]


@dataclass
class Units:
    """A certificate's R11 and T with what its data are measured in: its columns' norms, and the size of Y."""

    x: Matrix  # (dx,); 1 for a column that is said to be zero
    zero: NDArray[np.bool_]  # (dx,): the columns that are
    y: float
    mean_x: Matrix
    mean_y: Matrix
    factor: Matrix  # R11 with columns of norm 1
    inverse: Matrix  # (dx, rank)
    amplified: float  # how much longer an error of x may be in z
    T: Matrix
    rest: float  # what least squares leaves of Y

    @classmethod
    def of(cls, stored: StoredCertificate) -> Units:
        """Return those of a certificate."""
        R11, T = stored.arrays["R11"], stored.arrays["T"]
        norms = column_norms(R11)
        x = np.where(norms > 0.0, norms, 1.0)
        rest = np.sqrt(2.0) * np.sqrt(max(float(stored.claim["residual_loss"]), 0.0))
        y = float(np.hypot(frobenius_norm(T), rest)) or 1.0
        factor = R11 / x
        s = singular_values(factor)
        return cls(
            x=x,
            zero=norms == 0.0,
            y=y,
            mean_x=stored.arrays.get("mean_x", np.zeros(len(x))),
            mean_y=stored.arrays.get("mean_y", np.zeros(len(T))),
            factor=factor,
            inverse=np.asarray(pseudo_inverse(factor, rcond=0.0) if s.size else factor.T, dtype=np.float64),
            amplified=max(1.0, float(1.0 / s[-1])) if s.size and s[-1] > 0.0 else 1.0 if not s.size else np.inf,
            T=T / y,
            rest=rest / y,
        )


class Sums:
    """Sums over the samples of x, y, z, and of their products and squares, in the certificate's units."""

    def __init__(self, units: Units) -> None:
        (rank, dx), dy = units.factor.shape, len(units.T)
        self.samples, self.rows = 0.0, 0  # weights of the samples, and how many rows were added
        self.x, self.y = np.zeros(dx), np.zeros(dy)
        self.xx, self.zz = np.zeros((dx, dx)), np.zeros((rank, rank))
        self.yx, self.yz = np.zeros((dy, dx)), np.zeros((dy, rank))
        self.off_x, self.off_y, self.yy = np.zeros(dx), 0.0, np.zeros(dy)
        self.left_x, self.left_y = np.zeros(dx), np.zeros(dy)  # sums of what off_x and off_y sum the squares of
        # from the means to what was subtracted before factorising, at most
        self.far_x, self.far_y = np.zeros(dx), np.zeros(dy)
        self.long_x, self.long_y = np.zeros(dx), np.zeros(dy)  # largest numbers as they are given
        self.rounded_x, self.rounded_y = np.zeros(dx), np.zeros(dy)  # what weighting rounds them by
        self.taken_y = np.zeros(dy)  # norms of what was subtracted from Y
        self.outside, self.size_outside = 0.0, 0.0  # squares of Y where frozen last layers do not reach, and a norm
        self.nothing = 0.0  # of a column of zeros its error is left, times this

    def add(self, ones: Matrix, X: Matrix, Y: Matrix, units: Units, shift: Matrix | None) -> None:
        """Add some rows [1 x y], from which `shift` has been taken."""
        dx = X.shape[1]
        away_x, away_y = (0.0, 0.0) if shift is None else (shift[:dx], shift[dx:])
        centred_x = (X - np.outer(ones, units.mean_x - away_x)) / units.x
        centred_y = (Y - np.outer(ones, units.mean_y - away_y)) / units.y
        Z = centred_x @ units.inverse
        self.samples, self.rows = self.samples + float(ones @ ones), self.rows + len(ones)
        self.x, self.y = self.x + ones @ centred_x, self.y + ones @ centred_y
        self.xx, self.zz = self.xx + centred_x.T @ centred_x, self.zz + Z.T @ Z
        self.yx, self.yz = self.yx + centred_y.T @ centred_x, self.yz + centred_y.T @ Z
        left_x, left_y = centred_x - Z @ units.factor, centred_y - Z @ units.T.T
        self.left_x, self.left_y = self.left_x + ones @ left_x, self.left_y + ones @ left_y
        self.off_x, self.off_y = self.off_x + np.sum(left_x**2, axis=0), self.off_y + float(np.sum(left_y**2))
        self.yy += np.sum(centred_y**2, axis=0)
        share = np.ones((1, 1))  # what makes a sample of its row; those of a triangle are none
        if shift is None:
            share = np.divide(1.0, ones, out=np.zeros_like(ones), where=ones > 0.0)[:, None]
            self.far_x, self.far_y = _larger(self.far_x, share * centred_x), _larger(self.far_y, share * centred_y)
        else:
            self.far_x, self.far_y = np.abs(units.mean_x - away_x) / units.x, np.abs(units.mean_y - away_y) / units.y
        self.long_x = np.maximum(_larger(self.long_x, share * X / units.x), np.abs(away_x / units.x))
        self.long_y = np.maximum(_larger(self.long_y, share * Y / units.y), np.abs(away_y / units.y))

    def subtract(self, taken: Callable[[Matrix], Matrix], units: Units) -> None:
        """Note the norms of what was subtracted from Y, from those of the columns of [1 X] about zero."""
        root = np.sqrt(self.samples)
        norms = units.x * np.sqrt(np.diag(self.xx)) + root * np.abs(units.mean_x)
        self.taken_y = taken(np.append(root, norms)) / units.y

    def weigh(self, data: Mapping[str, Any]) -> None:
        """Note what samples and outputs are rounded by where they are multiplied by the roots of weights."""
        of_samples = is_weighted(data)
        self.rounded_x = EPS * of_samples * self.long_x
        self.rounded_y = EPS * (of_samples or output_weights(data) is not None) * self.long_y

    def errors(self, unit: float) -> tuple[Matrix, Matrix]:
        """Bound what factorising and summing loses of every column, in the certificate's units.

        `unit` times the norm of the column as it was factorised: about the shift, or where that is not known a number
        among its own, no farther from the mean than the farthest of them. What is left of Y has the rounding of what
        was subtracted and of Y itself, which is no longer than both together. Numbers that are multiplied by the root
        of a weight are rounded before the mean is taken from them.
        """
        x = np.sqrt(np.diag(self.xx) + self.samples * self.far_x**2)
        y = np.sqrt(self.yy + self.samples * self.far_y**2) + 2.0 * self.taken_y
        root = np.sqrt(self.samples)
        return np.asarray(unit * x + root * self.rounded_x), np.asarray(unit * y + root * self.rounded_y)


def data_checks(
    stored: StoredCertificate,
    rows: Iterable[Rows],
    *,
    shift: Matrix | None = None,
    taken: Callable[[Matrix], Matrix] | None = None,
    eps: float = EPS,
    widen: Callable[[Sums, Units], None] | None = None,
) -> tuple[Check, ...]:
    """Hold a certificate against the data it is said to be about.

    Parameters
    ----------
    stored : StoredCertificate
    rows : iterable of (ones, X, Y)
        Of shapes (rows,), (rows, dx) and (rows, dy): samples with ones, or the rows of a triangular factor of
        [1 X Y], which has the same sums of products.
    shift : ndarray, shape (dx + dy,), optional
        What has been subtracted from every sample; a large mean is then not added only to be taken away again.
    taken : callable, optional
        Where Y is what a base left: from norms of the columns of [1 X], shape (1 + dx,), to bounds on
        those of what was subtracted, (dy,).
    eps : float
        Relative precision of the stored numbers: directions of X below it are not in the certificate.
    widen : callable, optional
        Where the rows are what frozen layers make of the data: adds what their products cost to the sums.

    Returns
    -------
    tuple of Check
        The number of samples and columns, the means with an output bias, X X^T also direction by direction, Y X^T
        also in those directions, ||Y||^2 and the residual of least squares.

    Notes
    -----
    R11 and T come from a factorisation of the data about a reference row, with an error of order * eps relative to
    each column as it was factorised; a sum over m samples adds m eps. A difference from the stored means is rounded to
    eps of itself, and what they are off by is seen in the sums and taken out. A direction of X is known to that times
    the norm of the inverse of R11 with columns of norm 1.
    """
    with np.errstate(all="ignore"):  # what overflows agrees with nothing
        units = Units.of(stored)
        sums = Sums(units)
        for ones, X, Y in rows:
            if (X.shape[1], Y.shape[1]) != (len(units.x), len(units.T)):
                return (Check("data-shape", False),)
            sums.add(ones, X, Y, units, shift)
        if taken is not None:
            sums.subtract(taken, units)
        if widen is not None:
            widen(sums, units)
        elif shift is None:
            sums.weigh(stored.claim["data"])
        return tuple(_checks(stored, units, sums, eps))


def rounding_of_sums(samples: float, columns: int) -> float:
    """Return what factorising so many samples and columns, and summing over them, loses of a column, relative to it."""
    return float((_FACTORISED * (1 + columns) + samples) * EPS)


def _checks(stored: StoredCertificate, units: Units, sums: Sums, eps: float) -> Iterator[Check]:
    samples, order = total_weight(stored.claim["data"]), 1 + len(units.x) + len(units.T)
    count = sums.rows if is_weighted(stored.claim["data"]) else sums.samples  # a triangle's rows stand for its samples
    unit = rounding_of_sums(count, order - 1)
    yield at_most("data-shape", abs(sums.samples - samples) / max(samples, 1.0), unit)
    if "mean_x" in stored.arrays:
        yield _means(units, sums, unit)
        _centre(sums, units)
    x, y = sums.errors(unit)
    # directions that are left out are below the precision of the stored numbers, or of the factorisation
    rank, known = len(units.factor), float(np.linalg.norm(np.where(units.zero, 0.0, x)))
    complete = rank == int(np.count_nonzero(~units.zero))
    left_out = 0.0 if complete else _FACTORISED * (known + eps * float(np.linalg.norm(_lengths(sums))))
    yield _inputs(units, sums, x, left_out, eps)
    direction = units.amplified * known
    neglected = 0.0 if units.T.any() else min(direction, float(np.sqrt(unit)))
    yield _products(units, sums, x, y, neglected)
    of_y = float(np.hypot(np.linalg.norm(y), unit * sums.size_outside))
    size_y = float(np.sum(sums.yy)) + sums.outside
    off_y = abs(size_y - 1.0) if size_y or units.T.any() else 0.0
    yield at_most("data-y", off_y, 2.0 * of_y + of_y**2 + unit)
    if direction < _LEAST_KNOWN:
        yield from _directions(units, sums, direction, of_y, left_out)


def _inputs(units: Units, sums: Sums, x: Matrix, left_out: float, eps: float) -> Check:
    """X X^T, every column in its norm; of a column that is said to be zero what rounding leaves of its centring."""
    sizes = np.sqrt(np.diag(sums.xx))
    bounds = np.outer(x, np.maximum(sizes, 1.0))
    bounds = bounds + bounds.T + left_out**2
    off = np.abs(units.factor.T @ units.factor - sums.xx)
    live = ~units.zero
    worst = _excess(off[np.ix_(live, live)], bounds[np.ix_(live, live)])
    nothing = np.sqrt(sums.samples) * eps * sums.long_x + sums.nothing * x
    return _within("data-x", max(worst, _excess(sizes[units.zero], nothing[units.zero])))


def _products(units: Units, sums: Sums, x: Matrix, y: Matrix, neglected: float) -> Check:
    """Y X^T, row by row in the norms of Y's columns."""
    sizes = np.sqrt(sums.yy)
    # one more rounding each: of T, which is stored as a share of its norm, and of a factor
    bounds = np.outer(y, np.ones(len(x))) + np.outer(sizes, x) + neglected
    off = np.abs(units.T @ units.factor - sums.yx)[:, ~units.zero]
    return _within("data-xy", _excess(off, 2.0 * bounds[:, ~units.zero]))


def _directions(units: Units, sums: Sums, direction: float, of_y: float, left_out: float) -> Iterator[Check]:
    """X X^T and Y X^T in the coordinates z, and what is left of X and Y there."""
    off = float(np.max(np.abs(sums.zz - np.eye(len(sums.zz))), initial=0.0))
    beside = float(np.sqrt(np.max(np.where(units.zero, 0.0, sums.off_x), initial=0.0)))
    yield at_most("data-x-directions", off, 2.0 * direction + direction**2)
    yield at_most("data-x-beside", beside, direction + left_out)
    bound = 2.0 * (direction + of_y) + (0.0 if units.T.any() else direction)
    yield at_most("data-y-directions", float(np.max(np.abs(sums.yz - units.T), initial=0.0)), bound)
    yield at_most("data-residual", abs(float(np.sqrt(sums.off_y + sums.outside)) - units.rest), bound)


def _means(units: Units, sums: Sums, unit: float) -> Check:
    """Hold the sums about the stored means, known to a few eps of themselves and of what was summed for them."""
    off = np.abs(np.append(sums.x, sums.y))
    far = np.append(sums.far_x, sums.far_y + 2.0 * sums.taken_y / np.sqrt(max(sums.samples, 1.0)))
    means = np.append(np.abs(units.mean_x) / units.x, np.abs(units.mean_y) / units.y)
    return _within("data-means", _excess(off, unit * sums.samples * (far + means)))


def _centre(sums: Sums, units: Units) -> None:
    """Take out what the stored means are off by: sums about the mean of the samples themselves."""
    x, y = sums.x, sums.y
    z = x @ units.inverse
    m = max(sums.samples, 1.0)
    sums.xx, sums.zz = sums.xx - np.outer(x, x) / m, sums.zz - np.outer(z, z) / m
    sums.yx, sums.yz, sums.yy = sums.yx - np.outer(y, x) / m, sums.yz - np.outer(y, z) / m, sums.yy - y * y / m
    sums.off_x = np.maximum(sums.off_x - sums.left_x**2 / m, 0.0)
    sums.off_y = max(sums.off_y - float(np.sum(sums.left_y**2)) / m, 0.0)


def _lengths(sums: Sums) -> Matrix:
    return np.asarray(np.sqrt(sums.samples) * sums.long_x)


def _larger(largest: Matrix, rows: Matrix) -> Matrix:
    return np.asarray(np.maximum(largest, np.max(np.abs(rows), axis=0, initial=0.0)))


def _excess(off: Matrix, bounds: Matrix) -> float:
    """Largest share of its bound that anything is off by; infinite where a bound is 0 and something is."""
    shares = np.divide(off, bounds, out=np.where(off > 0.0, np.inf, 0.0), where=bounds > 0.0)
    return float(np.max(shares, initial=0.0))


def _within(name: str, share: float) -> Check:
    return at_most(name, share, 1.0)
