"""Cheaper products with the Hessian at points of low rank: in bases in which most of its factors are zeros."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

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

    Attributes
    ----------
    share : float
        What every layer, node and residual is off by, relative to its Frobenius norm, rounding of the bases included.
    """

    def __init__(self, hessian: ParameterHessian, rank: int, samples: Matrix, most: float) -> None:
        self._hessian = hessian
        N = hessian.network.depth
        turned = in_bases(hessian.network, [part.factor for part in hessian.parts[:N]], rank, samples, most)
        self._rights, self._layers, self._deltas = turned.nodes, turned.layers, turned.deltas
        self._ones = [turned.ones] * N
        for part in hessian.parts[N:]:
            self._ones[part.layer - 1] = part.factor * turned.ones
        self.share = turned.error + max(X.share for X in (*self._rights, *self._layers, *self._deltas))

    def cost(self, without: Collection[int] = ()) -> float:
        """Multiplications of `apply` over those of `ParameterHessian.apply`."""
        network, N = self._hessian.network, self._hessian.network.depth
        samples, used, whole = network.samples, 0.0, 0.0
        for k in range(N):
            rows, below = network.layers[k].shape
            used += rows * self._rights[k].products
            whole += rows * below * samples
            if k > 0:
                used += samples * self._layers[k - 1].products
                whole += rows * below * samples
                if k + 1 not in without:
                    used += below * self._deltas[k - 1].products
                    whole += rows * below * samples
        return used / whole

    def apply(self, vector: Matrix, without: Collection[int] = ()) -> Matrix:
        """H @ vector / 2^exponent as `ParameterHessian.apply` does it; shapes (order,)."""
        N = self._hessian.network.depth
        changes, of_biases = self._hessian.split(vector)
        r: list[Matrix] = []
        for k in range(N):
            moved = self._rights[k].after(changes[k])
            if k > 0:
                self._layers[k - 1].add_before(r[-1], moved)
            bias = of_biases[k]
            if bias is not None:
                moved += np.outer(bias, self._ones[k])
            r.append(moved)
        out = np.empty(self._hessian.order)
        views, bias_views = self._hessian.split(out)
        s = r[-1]
        for k in range(N - 1, -1, -1):
            bias_view = bias_views[k]
            if bias_view is not None:
                bias_view[...] = s @ self._ones[k]
            view = views[k]
            self._rights[k].put_after_transposed(s, view)
            if k > 0:
                s = self._layers[k - 1].transposed_before(s)
                if k + 1 not in without:
                    self._deltas[k - 1].add_times_transposed(r[k - 1], view)
                    self._deltas[k - 1].add_transposed_times(changes[k], s)
        return out
