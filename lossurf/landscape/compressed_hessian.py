"""Cheaper products with the Hessian at points of low rank: in bases in which most of its factors are zeros.

A hidden unit u of node k is idle where row u of h_k, of W_k and of A_k^T E, and column u of W_{k+1} are zeros. A change
of row u of W_k (and of b_k) meets one of column u of W_{k+1} by the residual, in A_{k+1}^T E (h_{k-1}^T, o^T), and
nothing else: the Hessian is that of the network without the unit, and beside it one block [[0, K], [K^T, 0]] with that
product in K, the same for every idle unit of a node, and zeros. One of them, or none where K = 0, has the spectrum of
all of them, between whose ends 0 lies.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate, pairwise

import numpy as np

from lossurf.landscape.boxed import Boxed
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.landscape.triangular_bases import in_bases
from lossurf.numerics import Matrix


class CompressedHessian:
    """H but for an orthogonal change of coordinates and a small error, from the factors of `ParameterHessian.apply`.

    Parameters
    ----------
    hessian : ParameterHessian
    rank : int
        Of h_{N-1}.
    samples : ndarray, shape (samples, samples)
        A basis of the samples that begins with its rows (`rank_and_samples`).
    most : float
        What may be left out of every layer, node and residual, relative to its Frobenius norm.
    without : collection of int
        Layers whose blocks by the residual are left out (`ParameterHessian.apply`).

    Attributes
    ----------
    turned : TurnedNetwork
        The factors.
    most : float
    share : float
        What every layer, node and residual is off by, relative to its Frobenius norm, rounding of the bases included.
    order : int
        Number of coordinates, without those of idle units that are left out.
    has_idle : bool
        Whether any are, so that 0 is between the ends of the spectrum.
    """

    def __init__(
        self, hessian: ParameterHessian, rank: int, samples: Matrix, most: float, without: Collection[int] = ()
    ) -> None:
        network, N = hessian.network, hessian.network.depth
        self._network = network
        turned = in_bases(network, [part.factor for part in hessian.parts[:N]], rank, samples, most, without=without)
        self.turned, self.most = turned, most
        self.share = turned.error + max(X.share for X in turned.boxes)
        self._ones = [turned.ones] * N
        for part in hessian.parts[N:]:
            self._ones[part.layer - 1] = part.factor * turned.ones
        hidden = [_units_kept(turned.nodes, turned.layers, turned.deltas, k, network.biased) for k in range(1, N)]
        widths = [network.nodes[0].shape[0], *hidden, len(network.residual)]
        count = network.samples
        self._rights = [X.narrowed(below, count) for X, below in zip(turned.nodes, widths, strict=False)]
        self._layers = [X.narrowed(*shape[::-1]) for X, shape in zip(turned.layers, pairwise(widths[1:]), strict=True)]
        self._deltas = [
            None if X is None else X.narrowed(above, count) for X, above in zip(turned.deltas, widths[2:], strict=True)
        ]
        self._shapes = [(above, below) for below, above in pairwise(widths)]
        self._biased = [part.layer - 1 for part in hessian.parts[N:]]
        sizes = [*(a * b for a, b in self._shapes), *(self._shapes[k][0] for k in self._biased)]
        self._starts = list(accumulate(sizes, initial=0))
        self.order = self._starts[-1]
        self.has_idle = self.order < hessian.order

    def cost(self) -> float:
        """Multiplications of `apply` over those of `ParameterHessian.apply`."""
        samples, used, whole = self._network.samples, 0.0, 0.0
        for k, (W, (rows, below)) in enumerate(zip(self._network.layers, self._shapes, strict=True)):
            used += rows * self._rights[k].products
            whole += W.size * samples
            if k > 0:
                used += samples * self._layers[k - 1].products
                whole += W.size * samples
                delta = self._deltas[k - 1]
                if delta is not None:
                    used += below * delta.products
                    whole += W.size * samples
        return used / whole

    def apply(self, vector: Matrix) -> Matrix:
        """H @ vector / 2^exponent as `ParameterHessian.apply` does it; shapes (order,)."""
        rights, layers, N = self._rights, self._layers, len(self._shapes)
        changes, of_biases = self._split(vector)
        r = [rights[0].after(changes[0])]
        for k in range(N):
            if k > 0:
                r.append(layers[k - 1].before(r[-1]))
                rights[k].add_after(changes[k], r[-1])
            if k in of_biases:
                r[-1] += np.outer(of_biases[k], self._ones[k])
        out = np.empty(self.order)
        views, bias_views = self._split(out)
        s = r[-1]
        for k in range(N - 1, -1, -1):
            if k in bias_views:
                bias_views[k][...] = s @ self._ones[k]
            rights[k].put_after_transposed(s, views[k])
            if k > 0:
                s = layers[k - 1].transposed_before(s)
                delta = self._deltas[k - 1]
                if delta is not None:
                    delta.add_times_transposed(r[k - 1], views[k])
                    delta.add_transposed_times(changes[k], s)
        return out

    def _split(self, vector: Matrix) -> tuple[list[Matrix], dict[int, Matrix]]:
        """Return views of the layers' and biases' parts of a vector."""
        pieces = [vector[start:end] for start, end in pairwise(self._starts)]
        layers = [piece.reshape(shape) for piece, shape in zip(pieces, self._shapes, strict=False)]
        return layers, dict(zip(self._biased, pieces[len(layers) :], strict=True))


def _units_kept(
    nodes: list[Boxed], layers: list[Boxed], deltas: list[Boxed | None], k: int, biased: tuple[bool, ...]
) -> int:
    """Count the first units of node k = 1..N-1 that are not idle, and one that is where it meets another change."""
    own, above = (deltas[k - 2] if k > 1 else None), deltas[k - 1]
    ends = [nodes[k].rows.stop, layers[k - 1].columns.stop]
    ends += [layers[k - 2].rows.stop] if k > 1 else []
    ends += [own.rows.stop] if own is not None else []
    used = max(*ends, 1)
    met = above is not None and (biased[k - 1] or _meet(above.columns, nodes[k - 1].columns))
    return int(min(used + met, nodes[k].shape[0]))


def _meet(first: slice, second: slice) -> bool:
    return bool(max(first.start, second.start) < min(first.stop, second.stop))
