"""Gradients of ||W_N ... W_1 R11^T - T||^2 without rounding, or with less of it than float64 has; numpy only.

Written for verification alone and sharing nothing with the analysis that it checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lossurf.numerics import Matrix

_MULTIPLICATIONS: Final = 1 << 20
"""Of integers, about a tenth of a microsecond each: up to here the gradient is exact, beyond it is in long double."""


class _Chainable(Protocol):
    """What a chain of products needs."""

    @property
    def T(self) -> Any: ...  # noqa: N802  # as numpy calls it
    def __matmul__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...


_Operand = TypeVar("_Operand", bound=_Chainable)


@dataclass(frozen=True)
class _Dyadic:
    """A matrix of numbers integers * 2^exponent: floats are such numbers, and so are their sums and products."""

    integers: NDArray[Any]  # of Python ints
    exponent: int

    @classmethod
    def of(cls, matrix: Matrix) -> _Dyadic:
        mantissas, exponents = np.frexp(matrix)
        whole = np.ldexp(mantissas, 53).astype(np.int64)
        exponents = exponents - 53
        lowest = int(np.min(exponents[whole != 0], initial=0))
        shifts = np.where(whole != 0, exponents - lowest, 0)
        return cls(whole.astype(object) * 2 ** shifts.astype(object), lowest)

    @property
    def T(self) -> _Dyadic:  # noqa: N802  # as numpy calls it
        return _Dyadic(self.integers.T, self.exponent)

    def __matmul__(self, other: _Dyadic) -> _Dyadic:
        return _Dyadic(np.asarray(self.integers @ other.integers), self.exponent + other.exponent)

    def __sub__(self, other: _Dyadic) -> _Dyadic:
        lowest = min(self.exponent, other.exponent)
        here, there = (
            array.integers * 2 ** (array.exponent - lowest) if array.integers.size else array.integers
            for array in (self, other)
        )
        return _Dyadic(np.asarray(here - there), lowest)

    def rounded(self) -> Matrix:
        """Return the entries to 60 bits of the largest, which float64 then rounds."""
        largest = max((abs(int(value)).bit_length() for value in self.integers.ravel()), default=0)
        shift = max(largest - 60, 0)
        kept = np.array([int(value) >> shift for value in self.integers.ravel()], dtype=np.float64)
        return np.asarray(np.ldexp(kept, self.exponent + shift).reshape(self.integers.shape))


def layer_gradients(weights: Sequence[Matrix], R11: Matrix, T: Matrix) -> list[Matrix]:
    """Return A_k^T E B_{k-1}^T, k = 1..N, of the layers W_1 R11^T, W_2, ..., W_N and E = W_N ... W_1 R11^T - T.

    Parameters
    ----------
    weights : sequence of ndarray
    R11, T : ndarray, shapes (rank, dx) and (dy, rank)

    Returns
    -------
    list of ndarray
        Of the shapes (d_k, d_{k-1}), the first (d_1, rank); exact and rounded once where the matrices are small, and
        otherwise good to the eps of long double times the sizes of the products.
    """
    widths = [R11.shape[0], *(len(W) for W in weights)]
    work = R11.size * widths[1] + 4 * sum(a * b * max(widths) for a, b in pairwise(widths))
    if len(weights) * work <= _MULTIPLICATIONS:
        exact = _gradients([_Dyadic.of(W) for W in weights], _Dyadic.of(R11), _Dyadic.of(T))
        return [gradient.rounded() for gradient in exact]
    wide = [np.asarray(W, dtype=np.longdouble) for W in (*weights, R11, T)]
    return [np.asarray(gradient, dtype=np.float64) for gradient in _gradients(wide[:-2], wide[-2], wide[-1])]


def _gradients(weights: Sequence[_Operand], R11: _Operand, T: _Operand) -> list[_Operand]:
    layers = [weights[0] @ R11.T, *weights[1:]]
    below = [layers[0]]  # B_1, B_2, ...
    for layer in layers[1:]:
        below.append(layer @ below[-1])
    back = below[-1] - T  # A_k^T E
    gradients = []
    for k in range(len(layers) - 1, -1, -1):
        gradients.append(back @ below[k - 1].T if k else back)
        back = layers[k].T @ back
    return gradients[::-1]
