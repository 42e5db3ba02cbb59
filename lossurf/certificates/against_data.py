"""Whether a certificate speaks of given data: sums of products over the samples, held against its R11 and T."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.certificates.check import Check
from lossurf.certificates.stored import StoredCertificate
from lossurf.numerics import Matrix

_AGREE: Final = 1e-9
"""Sums over m samples lose at most m eps relative to the norms: 1e-9 up to millions of samples."""


@dataclass(frozen=True)
class _Sums:
    """m, and sums over the samples of x, y, x x^T, y x^T and y^2, centred at the certificate's means."""

    samples: float
    x: Matrix
    y: Matrix
    xx: Matrix
    yx: Matrix
    yy: Matrix


def data_checks(stored: StoredCertificate, rows: Iterable[tuple[Matrix, Matrix, Matrix]]) -> tuple[Check, ...]:
    """Hold a certificate against the data it is said to be about.

    Parameters
    ----------
    stored : StoredCertificate
    rows : iterable of (ones, X, Y)
        Of shapes (rows,), (rows, dx) and (rows, dy): samples with ones, or the rows of a triangular factor of
        [1 X Y], which has the same sums of products.

    Returns
    -------
    tuple of Check
        The number of samples and columns, the means with an output bias, X X^T, Y X^T and ||Y||^2.
    """
    R11, T = stored.arrays["R11"], stored.arrays["T"]
    centre = stored.arrays.get("mean_x", np.zeros(R11.shape[1])), stored.arrays.get("mean_y", np.zeros(len(T)))
    with np.errstate(all="ignore"):
        sums = _sums(rows, *centre)
        if sums is None:
            return (Check("data-shape", False),)
        x, y = np.sqrt(np.diag(sums.xx)), np.sqrt(sums.yy)
        size, samples = float(np.linalg.norm(y)), float(stored.claim["data"]["samples"])
        explained = float(np.sum(T**2)) + 2.0 * float(stored.claim["residual_loss"])
        checks = [
            _agree("data-shape", np.array([(sums.samples - samples) / max(samples, 1.0)])),
            _agree("data-x", _over(R11.T @ R11 - sums.xx, x, x)),
            _agree("data-xy", _over(T @ R11 - sums.yx, np.full(len(T), size), x)),
            _agree("data-y", np.array([(explained - size**2) / (size**2 or 1.0)])),
        ]
        if "mean_x" in stored.arrays:
            root = np.sqrt(sums.samples)
            sizes = np.append(root * x, np.full(len(T), root * size)) + sums.samples * np.abs(np.concatenate(centre))
            off = np.append(sums.x, sums.y)
            checks.append(_agree("data-means", np.divide(off, sizes, out=off.copy(), where=sizes > 0.0)))
    return tuple(checks)


def _sums(rows: Iterable[tuple[Matrix, Matrix, Matrix]], mean_x: Matrix, mean_y: Matrix) -> _Sums | None:
    """Return the sums; None where the data have other columns than the certificate."""
    dx, dy = len(mean_x), len(mean_y)
    samples, x, y = 0.0, np.zeros(dx), np.zeros(dy)
    xx, yx, yy = np.zeros((dx, dx)), np.zeros((dy, dx)), np.zeros(dy)
    for ones, X, Y in rows:
        if (X.shape[1], Y.shape[1]) != (dx, dy):
            return None
        X, Y = X - np.outer(ones, mean_x), Y - np.outer(ones, mean_y)  # noqa: PLW2901  # as the certificate centres
        samples += float(ones @ ones)
        x, y = x + ones @ X, y + ones @ Y
        xx, yx, yy = xx + X.T @ X, yx + Y.T @ X, yy + (Y**2).sum(axis=0)
    return _Sums(samples, x, y, xx, yx, yy)


def _over(difference: Matrix, rows: Matrix, columns: Matrix) -> Matrix:
    """Divide by the sizes of rows and columns, so that units do not matter; what is zero must agree exactly."""
    sizes = np.outer(np.where(rows > 0.0, rows, 1.0), np.where(columns > 0.0, columns, 1.0))
    return np.asarray(difference / sizes)


def _agree(name: str, differences: Matrix) -> Check:
    value = float(np.max(np.abs(differences), initial=0.0))
    return Check(name, value <= _AGREE, value, _AGREE)
