"""What gradient flow keeps: W_{k+1}^T W_{k+1} - W_k W_k^T - b_k b_k^T of every two layers in a row.

Both products change at the same rate, the symmetric part of -(dL/dh_k) h_k^T, so their difference stays as it was at
the start (Du, Hu & Lee 2018; Arora, Cohen & Hazan 2018; with biases h_k = W_k h_{k-1} + b_k adds b_k b_k^T). What a
training run makes of it is discretisation: steps, momentum, decay, batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from lossurf.numerics import Matrix, frobenius_norm


class Balance:
    """The differences of one checkpoint.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}) as stored.
    biases : sequence of ndarray or None, or None
        b_k (d_k,).
    """

    def __init__(self, weights: Sequence[Matrix], biases: Sequence[Matrix | None] | None = None) -> None:
        given = [None] * len(weights) if biases is None else biases
        with np.errstate(over="ignore", invalid="ignore"):  # what leaves the range of float64 has no norm
            self._differences = [
                _difference(below, above, bias) for below, above, bias in zip(weights, weights[1:], given, strict=False)
            ]

    @property
    def norms(self) -> tuple[float | None, ...]:
        """Frobenius norm at every hidden layer k = 1..N-1, squared units of the weights; None if out of range."""
        return tuple(_size(difference) for difference in self._differences)

    def drift(self, reference: Balance) -> tuple[float | None, ...]:
        """Frobenius norms of what the differences have changed by since a reference of the same widths."""
        with np.errstate(over="ignore", invalid="ignore"):
            pairs = zip(self._differences, reference._differences, strict=True)
            return tuple(_size(now - before) for now, before in pairs)


def _difference(below: Matrix, above: Matrix, bias: Matrix | None) -> Matrix:
    found = above.T @ above - below @ below.T
    return np.asarray(found if bias is None else found - np.outer(bias, bias))


def _size(difference: Matrix) -> float | None:
    with np.errstate(over="ignore", invalid="ignore"):
        size = frobenius_norm(difference)
    return size if isfinite(size) else None
