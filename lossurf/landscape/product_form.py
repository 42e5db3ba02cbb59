"""J J^T, of order dy times samples: where the residual is zero its eigenvalues are those of the Hessian J^T J."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.numerics import Matrix, frobenius_norm


class ProductForm:
    """J J^T / 2^exponent = sum_k (A_k A_k^T) x (h_{k-1}^T h_{k-1}, + o^T o with a bias), on changes of the output.

    A product with a change takes 2 N - 1 products of matrices, where one with the Hessian takes 5 N - 1 and more.

    Parameters
    ----------
    hessian : ParameterHessian
    """

    def __init__(self, hessian: ParameterHessian) -> None:
        self._hessian = hessian

    @property
    def order(self) -> int:
        """Number of entries of the output."""
        return self._hessian.network.residual.size

    @property
    def is_cheap(self) -> bool:
        """Whether a product costs less than one with the Hessian: not where outputs are many and layers narrow."""
        network = self._hessian.network
        outputs, samples = network.residual.shape
        own = network.depth * outputs * samples * (outputs + samples)
        return bool(own <= 3 * samples * sum(W.size for W in network.layers))

    @property
    def output(self) -> Matrix:
        """h_N as a change of the output, shape (order,)."""
        return self._hessian.network.nodes[-1].ravel()

    @cached_property
    def _factors(self) -> list[tuple[Matrix | None, Matrix]]:
        """A_k A_k^T, None for the identity, and what stands beside it, k = 1..N."""
        network, found = self._hessian.network, []
        for k in range(1, network.depth + 1):
            parts = [part for part in self._hessian.parts if part.layer == k]
            beside = sum(part.factor**2 * (part.right.T @ part.right) for part in parts)
            A = self._hessian.above[k]
            found.append((None if k == network.depth else A @ A.T, np.asarray(beside)))
        return found

    @property
    def terms(self) -> tuple[list[Matrix], list[Matrix]]:
        """A_k A_k^T and what stands beside it, k = 1..N."""
        identity = np.eye(len(self._hessian.network.residual))
        return [identity if above is None else above for above, _ in self._factors], [K for _, K in self._factors]

    def apply(self, vector: Matrix) -> Matrix:
        """J J^T @ vector / 2^exponent; shapes (order,)."""
        return sum_of_products(self._factors, vector.reshape(self._hessian.network.residual.shape)).ravel()

    def dense(self) -> Matrix:
        """J J^T / 2^exponent, shape (order, order)."""
        identity = np.eye(len(self._hessian.network.residual))
        return np.asarray(sum(np.kron(identity if A is None else A, beside) for A, beside in self._factors))

    def rounding(self) -> float:
        """Bound what the factors and a product with a vector of norm 1 round, in units of `unit`, to first order.

        A product of two matrices is off by a unit times their Frobenius norms, and one that is multiplied by a third by
        the spectral norm of that.
        """
        total = 0.0
        for k, (above, beside) in enumerate(self._factors, start=1):
            A, parts = self._hessian.above[k], [part for part in self._hessian.parts if part.layer == k]
            size = float(self._hessian.above_norms[k]) ** 2
            of_beside = sum((part.factor * part.size) ** 2 for part in parts)
            formed = sum((part.factor * part.length) ** 2 for part in parts)
            applied = frobenius_norm(beside)
            total += size * (formed + applied + of_beside)
            if above is not None:
                total += (frobenius_norm(A) ** 2 + frobenius_norm(above)) * of_beside
        return total


def sum_of_products(factors: Iterable[tuple[Matrix | None, Matrix]], change: Matrix) -> Matrix:
    """Return sum_k G_k change K_k, None standing for the identity; at least one term."""
    total: Matrix | None = None
    for above, beside in factors:
        moved = change @ beside
        moved = moved if above is None else above @ moved
        total = moved if total is None else np.add(total, moved, out=total)
    assert total is not None
    return total
