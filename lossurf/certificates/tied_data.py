"""Whether a certificate about a tied autoencoder speaks of given data: X as in every certificate, and Y is X."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from lossurf.certificates.against_data import Rows, data_checks, rounding_of_sums
from lossurf.certificates.check import Check, at_most
from lossurf.certificates.stored import StoredCertificate
from lossurf.numerics import EPS, Matrix, column_norms

_OF_X: Final = ("data-shape", "data-x", "data-x-directions", "data-x-beside")
"""What is asked; of a Y that is X the others ask the same again."""


def tied_data_checks(
    stored: StoredCertificate, rows: Iterable[Rows], *, shift: Matrix | None = None, eps: float = EPS
) -> tuple[Check, ...]:
    """Hold a certificate about a tied autoencoder against data.

    Parameters
    ----------
    stored : StoredCertificate
    rows : iterable of (ones, X, Y)
    shift : ndarray, shape (dx + dy,), optional
    eps : float
        As in `data_checks`.

    Returns
    -------
    tuple of Check
    """
    dx = stored.arrays["R11"].shape[1]
    if shift is not None and len(shift) != 2 * dx:
        return (Check("data-shape", False),)
    # what best fits X is X: a network whose T is R11^T, and which least squares leaves nothing of
    network = replace(stored, arrays={**stored.arrays, "T": stored.arrays["R11"].T})
    given = _Mirrored(dx, None if shift is None else shift[dx:] - shift[:dx])
    both = None if shift is None else np.append(shift[:dx], shift[:dx])
    found = data_checks(network, given.rows(rows), shift=both, eps=eps)
    if given.of_other_width:
        return (Check("data-shape", False),)
    samples = stored.claim["data"]["samples"]
    counted = () if shift is not None else (at_most("data-rows", abs(given.count - samples), 0.0),)
    return (*(check for check in found if check.id in _OF_X), *counted, at_most("data-y-is-x", given.excess(), 1.0))


class _Mirrored:
    """Rows with X as Y, and how far what stood there is from X."""

    def __init__(self, dx: int, apart: Matrix | None) -> None:
        self._apart = np.zeros(dx) if apart is None else apart
        self._off, self._size, self.count = np.zeros(dx), np.zeros(dx), 0
        self.of_other_width = False

    def rows(self, rows: Iterable[Rows]) -> Iterator[Rows]:
        """Yield the rows."""
        for ones, X, Y in rows:
            if X.shape != Y.shape or X.shape[1] != len(self._off):
                self.of_other_width = True
                return
            off = Y - X + np.outer(ones, self._apart)
            self._off = np.hypot(self._off, column_norms(off))
            self._size = np.hypot(self._size, np.maximum(column_norms(X), column_norms(Y)))
            self.count += len(ones)
            yield ones, X, X

    def excess(self) -> float:
        """How far Y is from X, as a share of what reducing the two may lose."""
        bounds = rounding_of_sums(self.count, 2 * len(self._off)) * self._size
        shares = np.divide(self._off, bounds, out=np.where(self._off > 0.0, np.inf, 0.0), where=bounds > 0.0)
        return float(np.max(shares, initial=0.0))
