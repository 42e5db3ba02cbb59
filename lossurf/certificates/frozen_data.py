"""Whether a certificate beside frozen layers speaks of given data: of what those layers make of the samples.

Frozen first layers map every x, the biases of frozen last ones are taken from y, and y is seen in the coordinates of
the last frozen block's orthonormal factor U. What is outside of U is a constant of the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from lossurf.certificates.against_data import Rows, Sums, Units, data_checks
from lossurf.certificates.check import Check
from lossurf.certificates.frozen import Layers, seen_part
from lossurf.certificates.stored import StoredCertificate, held_layers
from lossurf.numerics import EPS, Matrix, reference_row

_WIDE: Final = float(np.finfo(np.longdouble).eps)


def frozen_data_checks(
    stored: StoredCertificate,
    rows: Iterable[Rows],
    *,
    shift: Matrix | None = None,
    taken: Callable[[Matrix], Matrix] | None = None,
    eps: float = EPS,
) -> tuple[Check, ...]:
    """Hold a certificate beside frozen layers against the data it is said to be about.

    Parameters, results and errors are those of `data_checks`.
    """
    with np.errstate(all="ignore"):  # what overflows agrees with nothing
        seen = _SeenRows(stored, rows, shift, taken)
        return data_checks(seen_part(stored), seen, shift=seen.shift, eps=eps, widen=seen.widen)


class _SeenRows:
    """Rows as frozen layers show them, less a reference, with the sizes of what is rounded on the way."""

    def __init__(
        self,
        stored: StoredCertificate,
        rows: Iterable[Rows],
        shift: Matrix | None,
        taken: Callable[[Matrix], Matrix] | None,
    ) -> None:
        held, weights = held_layers(stored.claim), stored.listed("W")
        biases = [stored.arrays.get(f"b{k}") for k in range(1, len(weights) + 1)]
        first, last = held.index(False), len(held) - held[::-1].index(False)
        self.data: Mapping[str, Any] = stored.claim["data"]
        self.dx, self.dy = weights[0].shape[1], len(weights[-1])
        self.first, self.taken, self.summed = weights[:first], taken, shift is not None
        self.U = stored.arrays[f"B{held.count(False) + 1}"] if last < len(held) else None
        iterator = iter(rows)
        begin = next(iterator, None)
        self.rows = iterator if begin is None else chain([begin], iterator)
        self.at = _reference(begin, self.dx, self.dy) if shift is None else shift
        x, y = self.at[: self.dx], self.at[self.dx :].astype(np.longdouble)
        own = _carried(weights[last:], biases[last:], np.zeros(len(weights[last - 1])))
        self.own_x = _carried(self.first, biases[:first], np.zeros(self.dx)).astype(np.float64)
        self.y = (y - own if last < len(held) else y).astype(np.float64)  # the reference less the frozen last biases
        self.own_y = np.abs(own).astype(np.float64) if last < len(held) else np.zeros(self.dy)
        away_y = self.y if self.U is None else self.U.T.astype(np.longdouble) @ self.y
        self.shift = np.append(_carried(self.first, biases[:first], x), away_y).astype(np.float64)
        self.squares, self.far = np.zeros(self.dx + self.dy), np.zeros(self.dx + self.dy)
        self.beside = np.zeros(self.dx + self.dy)  # largest numbers of rows that are no samples
        self.samples, self.outside = 0.0, 0.0

    def __iter__(self) -> Iterator[Rows]:
        for ones, X, Y in self.rows:
            if (X.shape[1], Y.shape[1]) != (self.dx, self.dy):
                yield ones, X[:, :0], Y[:, :0]
                return
            whole = np.hstack([X, Y])
            rows = whole if self.summed else whole - np.outer(ones, self.at)
            self._measure(ones, rows)
            yield ones, self._inputs(rows[:, : self.dx]), self._outputs(ones, rows[:, self.dx :])

    def _inputs(self, X: Matrix) -> Matrix:
        for W in self.first:
            X = X @ W.T
        return X

    def _outputs(self, ones: Matrix, Y: Matrix) -> Matrix:
        if self.U is None:
            return Y
        if self.U.shape[0] > self.U.shape[1]:
            full = Y + np.outer(ones, self.y)
            self.outside += float(np.sum((full - (full @ self.U) @ self.U.T) ** 2))
        return np.asarray(Y @ self.U)

    def _measure(self, ones: Matrix, rows: Matrix) -> None:
        share = np.divide(1.0, ones, out=np.zeros_like(ones), where=ones != 0.0)[:, None]
        self.samples += float(ones @ ones)
        self.squares += np.sum(rows**2, axis=0)
        self.far = np.maximum(self.far, np.max(np.abs(share * rows), axis=0, initial=0.0))
        self.beside = np.maximum(self.beside, np.max(np.abs(rows[ones == 0.0]), axis=0, initial=0.0))

    def widen(self, sums: Sums, units: Units) -> None:
        """Give the sums the sizes of the terms that what is seen was added up from, in the certificate's units.

        The columns were factorised less a reference among the samples, at most twice as far away as the farthest here.
        """
        root = float(np.sqrt(max(self.samples, 1.0)))
        far = np.sqrt(self.squares) / root if self.summed else 2.0 * self.far + self.beside / root
        about_zero = np.sqrt(self.squares) + root * np.abs(np.append(self.at[: self.dx], self.y))
        taken = np.zeros(self.dy)
        if self.taken is not None:
            taken = taken + self.taken(np.append(root, about_zero[: self.dx]))
        x = Layers.of(self.first).sizes if self.first else np.eye(self.dx)
        y = np.eye(self.dy) if self.U is None else np.abs(self.U)
        more = max(1.0, 2.0 * (1 + self.dx + self.dy) / (1 + len(x) + y.shape[1]))  # columns than are seen
        at = _WIDE / EPS * np.abs(self.at[: self.dx])
        sums.far_x = np.maximum(sums.far_x, more * (x @ (far[: self.dx] + at)) / units.x)
        sums.far_y = np.maximum(sums.far_y, more * (y.T @ far[self.dx :]) / units.y)
        longest = x @ (self.far[: self.dx] + np.abs(self.at[: self.dx])) + np.abs(self.own_x)
        sums.long_x = np.maximum(sums.long_x, longest / units.x)
        sums.long_y = np.maximum(sums.long_y, y.T @ (self.far[self.dx :] + np.abs(self.at[self.dx :])) / units.y)
        sums.taken_y = y.T @ taken / units.y
        sums.nothing = 1.0
        if not self.summed:
            sums.weigh(self.data)
        if self.U is not None and self.U.shape[0] > self.U.shape[1]:
            sums.outside = self.outside / units.y**2
            size = about_zero[self.dx :] + root * (far[self.dx :] + 2.0 * self.own_y) + 2.0 * taken
            sums.size_outside = more * float(np.linalg.norm(size)) / units.y


def _reference(block: Rows | None, dx: int, dy: int) -> Matrix:
    """Return a number of each column's kind in the first block, which large means do not hide the others beside."""
    if block is None or (block[1].shape[1], block[2].shape[1]) != (dx, dy):
        return np.zeros(dx + dy)
    ones, X, Y = block
    samples = ones > 0.0
    return reference_row(np.hstack([X, Y])[samples] / ones[samples, None]) if samples.any() else np.zeros(dx + dy)


def _carried(layers: Sequence[Matrix], biases: Sequence[Matrix | None], start: Matrix) -> Matrix:
    """Return what layers with biases make of an input, in long double, as large means may cancel in it."""
    found = start.astype(np.longdouble)
    for W, bias in zip(layers, biases, strict=True):
        found = W.astype(np.longdouble) @ found + (0.0 if bias is None else bias)
    return np.asarray(found)
