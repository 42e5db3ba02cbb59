"""The Hessian of the loss in a checkpoint's own parameters as an operator: products with vectors, and its blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import frexp, inf, log2

import numpy as np

from lossurf.landscape.node_network import WIDEST_RANGE, NodeNetwork, OutOfRangeError
from lossurf.landscape.norms import norm_bound, tight_norm_bound
from lossurf.numerics import Matrix, frobenius_norm, rank_threshold


@dataclass(frozen=True)
class Part:
    """W_k, or b_k, as parameters: a change V of it changes the output by A_k V right.

    Attributes
    ----------
    layer : int
        k.
    right : ndarray, shape (columns, samples)
        h_{k-1}, or o as a row.
    factor : float
        2^power, from the parameters to the units of the nodes, up to the scale of H.
    size : float
        Upper bound of ||right||_2, tight (`norm_bound`).
    length : float
        ||right||_F.
    """

    layer: int
    right: Matrix
    factor: float

    size: float
    length: float


class ParameterHessian:
    """H = 2^exponent times `apply`, on coordinates orthogonal to the parameters', `network.flat` zeros left out.

    Memory: that of the layers, a few times.

    Parameters
    ----------
    network : NodeNetwork

    Raises
    ------
    OutOfRangeError
        If a parameter's unit is so far from that of the largest block that products leave the range of float64.
    """

    def __init__(self, network: NodeNetwork) -> None:
        self.network = network
        f, depth = network.units, network.depth
        biased = [k for k in range(1, depth + 1) if network.biased[k - 1]]
        rights = [(k, network.nodes[k - 1]) for k in range(1, depth + 1)] + [(k, network.ones[None]) for k in biased]
        self.parts = [Part(k, right, 1.0, norm_bound(right), frobenius_norm(right)) for k, right in rights]
        powers = [*(f[k - 1] - f[k] for k in range(1, depth + 1)), *(-f[k] for k in biased)]
        # half the exponent of the largest block, in the parameters' units
        scale = round(max((size + powers[p] + powers[q] for p, q, size in self._sizes()), default=0.0) / 2.0)
        if max(powers) - scale > WIDEST_RANGE:
            raise OutOfRangeError
        self.exponent = 2 * (f[-1] + scale)
        factors = [float(np.ldexp(1.0, power - scale)) for power in powers]
        self.parts = [replace(part, factor=factor) for part, factor in zip(self.parts, factors, strict=True)]

    def _sizes(self) -> Iterator[tuple[int, int, float]]:
        """Yield pairs of parts with the logarithm of a bound of their block of H, where it is not zero."""
        for p, part in enumerate(self.parts):
            size = float(self.above_norms[part.layer]) * part.size
            if size > 0.0:
                yield p, p, 2.0 * _log2(size)
        yield from ((i - 1, q, _log2(size)) for i, q, size in self.mixed_norms if size > 0.0)

    @cached_property
    def unit(self) -> float:
        """Relative rounding of a product added to another: twice that of the longest sum (Higham 2002, section 3.5)."""
        longest = max(self.network.samples, *(max(W.shape) for W in self.network.layers))
        return rank_threshold(2.0, longest + 4)

    @cached_property
    def above(self) -> list[Matrix]:
        """A_k = W_N ... W_{k+1} at [k], k = 1..N, units of the nodes."""
        layers = self.network.layers
        found = [np.eye(len(layers[-1])), *layers[:0:-1]][:2]
        for W in layers[-2:0:-1]:
            found.append(found[-1] @ W)
        return [np.zeros((0, 0)), *found[::-1]]

    @cached_property
    def above_norms(self) -> Matrix:
        """Upper bounds of ||A_k||_2, shape (N + 1,), from 1 on."""
        return np.array([*map(norm_bound, self.above[:-1]), 1.0])

    @cached_property
    def inner_norms(self) -> Matrix:
        """Upper bounds of ||M_ij||_2 of the inner products W_{i-1} ... W_{j+1} at [i, j], 1 <= j < i <= N."""
        return self._inner_norms(norm_bound)

    def _inner_norms(self, bound: Callable[[Matrix], float]) -> Matrix:
        N, layers = self.network.depth, self.network.layers
        norms = np.zeros((N + 1, N + 1))
        for j in range(1, N):
            norms[j + 1, j] = 1.0
            product: Matrix | None = None
            for i in range(j + 2, N + 1):
                product = layers[i - 2] if product is None else layers[i - 2] @ product
                norms[i, j] = bound(product)
        return norms

    @cached_property
    def mixed_norms(self) -> list[tuple[int, int, float]]:
        """Blocks that the residual makes: of W_i and part q of a lower layer j, and a bound of each.

        ||A_i^T E right^T|| ||M_ij|| in the units of the nodes, computed with its rounding.
        """
        return self._mixed_norms(norm_bound, self.inner_norms)

    def tight_mixed_norms(self) -> list[tuple[int, int, float]]:
        """Return `mixed_norms` from norms that are known to 2 %."""
        return self._mixed_norms(tight_norm_bound, self._inner_norms(tight_norm_bound))

    @cached_property
    def delta_lengths(self) -> list[float]:
        """||A_k^T E||_F at [k], k = 1..N."""
        return [*map(frobenius_norm, self.network.deltas)]

    def _mixed_norms(self, bound: Callable[[Matrix], float], inner: Matrix) -> list[tuple[int, int, float]]:
        found = []
        for q, part in enumerate(self.parts):
            for i in range(part.layer + 1, self.network.depth + 1):
                block = bound(self.network.deltas[i] @ part.right.T)
                rounding = self.unit * self.delta_lengths[i] * part.length
                found.append((i, q, (block + rounding) * float(inner[i, part.layer])))
        return found

    @cached_property
    def _starts(self) -> list[int]:
        """Where each part begins in a vector, and the end."""
        sizes = (len(self.network.layers[part.layer - 1]) * len(part.right) for part in self.parts)
        return list(accumulate(sizes, initial=0))

    @property
    def order(self) -> int:
        """Number of coordinates, without what is left out."""
        return self._starts[-1]

    def apply(self, vector: Matrix, without: Collection[int] = ()) -> Matrix:
        """H @ vector / 2^exponent, one forward and one backward pass (Pearlmutter 1994); shapes (order,).

        Of the layers i that are named in `without` the blocks of `mixed_norms` are left out.
        """
        network, N = self.network, self.network.depth
        rights, deltas, ones = self._scaled
        changes, of_biases = self.split(vector)
        r: list[Matrix] = []  # changes of h_1, ..., h_N
        for k in range(N):
            moved = changes[k] @ rights[k]
            if k > 0:
                moved += network.layers[k] @ r[-1]
            bias = of_biases[k]
            if bias is not None:
                moved += np.outer(bias, ones[k])
            r.append(moved)
        out = np.empty(self.order)
        views, bias_views = self.split(out)
        s = r[-1]  # change of A_k^T E
        for k in range(N - 1, -1, -1):
            bias_view = bias_views[k]
            if bias_view is not None:
                bias_view[...] = s @ ones[k]
            view = views[k]
            np.matmul(s, rights[k].T, out=view)
            if k > 0:
                s = network.layers[k].T @ s
                if k + 1 not in without:
                    view += deltas[k] @ r[k - 1].T
                    s += changes[k].T @ deltas[k]
        return out

    def transposed_jacobian(self, change: Matrix) -> Matrix:
        """J^T @ change / 2^(exponent / 2), of a change of the output (entries,); shape (order,)."""
        s = change.reshape(self.network.residual.shape)
        steps = [self.above[part.layer].T @ s for part in self.parts]
        return np.concatenate(
            [(part.factor * (step @ part.right.T)).ravel() for part, step in zip(self.parts, steps, strict=True)]
        )

    @cached_property
    def _scaled(self) -> tuple[list[Matrix], list[Matrix], list[Matrix]]:
        """h_{k-1}, A_k^T E and o at [k - 1], each times the factor of the parameters beside it: powers of two."""
        N = self.network.depth
        rights = [part.factor * part.right for part in self.parts[:N]]
        deltas = [part.factor * self.network.deltas[part.layer] for part in self.parts[:N]]
        ones = [self.network.ones] * N
        for part in self.parts[N:]:
            ones[part.layer - 1] = part.factor * part.right[0]
        return rights, deltas, ones

    def split(self, vector: Matrix) -> tuple[list[Matrix], list[Matrix | None]]:
        """Return views of the layers' and biases' parts of a vector."""
        depth = self.network.depth
        layers: list[Matrix] = []
        biases: list[Matrix | None] = [None] * depth
        for index, (start, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            part, piece = self.parts[index], vector[start:end]
            if index < depth:
                layers.append(piece.reshape(self.network.layers[index].shape))
            else:
                biases[part.layer - 1] = piece
        return layers, biases

    def dense(self) -> Matrix:
        """H / 2^exponent, shape (order, order), from Kronecker products."""
        columns = [
            np.einsum("oa,bs->osab", part.factor * self.above[part.layer], part.right).reshape(
                self.network.residual.size, -1
            )
            for part in self.parts
        ]
        jacobian = np.hstack(columns)
        H = np.asarray(jacobian.T @ jacobian)
        for q, part in enumerate(self.parts):
            j, across = part.layer, slice(self._starts[q], self._starts[q + 1])
            link = np.eye(len(self.network.layers[j - 1]))  # M_ij
            for i in range(j + 1, self.network.depth + 1):
                E = self.network.deltas[i] @ part.right.T
                rows = slice(self._starts[i - 1], self._starts[i])
                block = self.parts[i - 1].factor * part.factor * np.einsum("ad,bc->abcd", E, link)
                H[rows, across] += block.reshape(rows.stop - rows.start, -1)
                H[across, rows] = H[rows, across].T
                link = self.network.layers[i - 1] @ link
        return H


def _log2(value: float) -> float:
    """Logarithm of a positive number; nothing is left of a number that is not finite."""
    mantissa, exponent = frexp(value)
    return exponent + log2(mantissa) if value < inf else 2.0**20
