"""Norms of all O(N^2) products of adjacent layers, of small ones many in one call of LAPACK.

A network of a thousand narrow layers has half a million of them: asked one by one, calls cost more than arithmetic.
The values are to the bit those of `spectral_norm` and `singular_values` of each product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.landscape.norms import singular_values_of_each
from lossurf.network import WhitenedNetwork
from lossurf.numerics import Matrix
from lossurf.spectral import is_direct, spectral_norm

_KEPT_BYTES: Final = 2**27  # of singular values: a sixteenth of the 2 GB in which large networks are classified

_SQUARES_IN_RANGE: Final = 1e-140  # a norm below this may be that of entries whose squares are zero in float64


@dataclass(frozen=True)
class InnerNorms:
    """What is known of M_ij = W_{i-1} ... W_{j+1}, 0 <= j < i <= N + 1.

    Attributes
    ----------
    norms : ndarray, shape (N + 2, N + 1)
        ||M_ij||_2 at [i, j]; 0 where there is no such product.
    spectra : ndarray, shape (N + 2, N + 1, w), or None
        All singular values of M_ij, 0 < j + 1 < i <= N, descending and then zeros; None where they were not asked for
        or take too much memory.
    """

    norms: Matrix
    spectra: Matrix | None


def inner_norms(network: WhitenedNetwork, product_norm: float) -> InnerNorms:
    """Measure every product of adjacent layers but all of them together, whose norm is known."""
    N = network.depth
    norms = np.zeros((N + 2, N + 1))
    narrow = is_narrow(network)
    spectra = _measure_together(network, norms) if narrow else None
    known = network.layer_norms is not None
    if not narrow:
        for j in range(N):
            missing = range(j + 2 + known, N + 1)
            norms[missing.start : N + 1, j] = [spectral_norm(network.partial_product(i, j)) for i in missing]
    norms[np.arange(N + 1) + 1, np.arange(N + 1)] = 1.0  # identities
    norms[N + 1, 1 : N - known] = [spectral_norm(network.above(j)) for j in range(1, N - known)]
    norms[N + 1, 0] = product_norm
    if network.layer_norms is not None:
        norms[np.arange(N) + 2, np.arange(N)] = network.layer_norms
    return InnerNorms(norms, spectra)


def is_narrow(network: WhitenedNetwork) -> bool:
    """Whether no product of layers is so large that its norm is better found by iteration."""
    return is_direct(*network.widest_two)


def _measure_together(network: WhitenedNetwork, norms: Matrix) -> Matrix | None:
    """Fill in ||M_ij|| for i <= N, one row of products after the other; return their singular values if they fit."""
    N = network.depth
    most = min(network.widest_two)
    spectra = np.zeros((N + 2, N + 1, most)) if 8 * (N + 2) * (N + 1) * most <= _KEPT_BYTES else None
    row: dict[int, tuple[list[int], Matrix]] = {}  # by the width d_j: every j, and the products M_ij
    for k, W in enumerate(network.layers[:-1], 1):
        row = {width: (columns, W @ products) for width, (columns, products) in row.items()}
        columns, products = row.get(W.shape[1], ([], np.zeros((0, *W.shape))))
        row[W.shape[1]] = ([*columns, k - 1], np.concatenate([products, W[None]]))
        for columns, products in row.values():
            values = singular_values_of_each(products)
            norms[k + 1, columns] = values[:, 0] if values.shape[1] else 0.0
            if spectra is not None:
                spectra[k + 1, columns, : values.shape[1]] = values
    return spectra


def norm_beyond(matrix: Matrix, rounding: float, known: float | None = None) -> float:
    """||matrix||_2, or its Frobenius norm, which bounds it, where even that is rounding; `known` is ||matrix||_2."""
    if is_direct(*matrix.shape):
        return spectral_norm(matrix)
    size = float(np.linalg.norm(matrix))
    if _SQUARES_IN_RANGE < size <= rounding:
        return size
    return spectral_norm(matrix) if known is None else known


def block_norms(network: WhitenedNetwork) -> Matrix:
    """||E_ij||_2 at [i, j] for 1 <= j < i <= N in a narrow network, shape (N + 1, N + 1); 0 elsewhere."""
    N = network.depth
    norms = np.zeros((N + 1, N + 1))
    by_width: dict[int, list[int]] = {}
    for j in range(1, N):
        by_width.setdefault(network.below(j - 1).shape[0], []).append(j)
    below = [(np.array(js), np.stack([network.below(j - 1) for j in js])) for js in by_width.values()]
    for i in range(2, N + 1):
        above = network.above_residual(i)
        for js, products in below:
            count = int(np.searchsorted(js, i))
            values = singular_values_of_each(above @ products[:count].swapaxes(1, 2))
            norms[i, js[:count]] = values[:, 0] if values.shape[1] else 0.0
    return norms
