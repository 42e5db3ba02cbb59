"""A network over the reduced samples, biases included, in units that keep layers of any size within range of float64.

L(W, b) = 1/2 ||h_N - Y||_F^2 + constant with h_0 = [F, mean of X], h_k = W_k h_{k-1} + b_k o: the samples are the
columns of F (theory, section 2) and, with biases, one more for the means, on which the row o is sqrt(m) and 0
elsewhere. Every node k has a unit, a power of two 2^f_k, which multiplies exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from lossurf.numerics import Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem

WIDEST_RANGE: Final = 400
"""Powers of two that the unit of a parameter may be from that of its block of the Hessian: entries are products of two
such factors and a residual, which then stay within 2^+-1022."""

Biases = Sequence[Matrix | None]


class OutOfRangeError(ValueError):
    """The layers are of sizes too far apart for the entries of their Hessian."""


@dataclass(frozen=True)
class _Samples:
    """What the network is held against, in the data's units."""

    inputs: Matrix  # (dx, samples)
    target: Matrix  # (dy, samples)
    root: float  # sqrt(m) with biases, up to the sign that the row of means has too; otherwise 0
    shift: Matrix  # (dy,): what is taken from the output bias

    @classmethod
    def of(cls, problem: ReducedProblem) -> _Samples:
        inputs = problem.column_norms[:, None] * problem.whitening
        target, row = problem.scale * problem.target, problem.mean_row
        if row is None:
            return cls(inputs, target, 0.0, np.zeros(problem.dy))
        inputs, target = np.column_stack([inputs, row.x]), np.column_stack([target, row.shifted_y])
        return cls(inputs, target, row.root_samples, row.shift_y)


@dataclass(frozen=True)
class DataErrors:
    """Bounds of what the data's errors make of the samples, in the units of the nodes.

    Attributes
    ----------
    inputs, first : float
        Of h_0, and of W_1 h_0.
    outputs : float
        Of Y.
    rest : float
        Not an error: what least squares leaves of Y, which an error of X turns into the row space.
    """

    inputs: float
    first: float
    outputs: float
    rest: float


@dataclass(frozen=True)
class NodeNetwork:
    """Layers, nodes and residuals in the units of the nodes.

    Attributes
    ----------
    units : tuple of int
        f_0..f_N. A parameter W_k is 2^(f_k - f_{k-1}) times what is stored here, b_k 2^f_k.
    layers : tuple of ndarray
        W_1 (d_1, q), ..., W_N. Of an X with fewer samples than columns W_1 keeps the directions that X sees.
    flat : int
        How many directions of W_1 are left out.
    nodes : tuple of ndarray
        h_0 (q, samples), ..., h_N.
    ones : ndarray, shape (samples,)
        o.
    deltas : tuple of ndarray
        A_k^T E, E = h_N - Y, at [k] for k = 1..N.
    biased : tuple of bool
        Which layers have a bias, k = 1..N.
    errors : DataErrors
    """

    units: tuple[int, ...]
    layers: tuple[Matrix, ...]
    flat: int
    nodes: tuple[Matrix, ...]
    ones: Matrix
    deltas: tuple[Matrix, ...]
    biased: tuple[bool, ...]
    errors: DataErrors

    @property
    def depth(self) -> int:
        """N."""
        return len(self.layers)

    @property
    def samples(self) -> int:
        """Columns of every node."""
        return int(self.ones.size)

    @property
    def residual(self) -> Matrix:
        """E, shape (dy, samples)."""
        return self.deltas[-1]


def node_network(weights: Sequence[Matrix], biases: Biases, problem: ReducedProblem) -> NodeNetwork:
    """Run a network on the reduced samples.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}) as stored.
    biases : sequence of ndarray or None
        b_k (d_k,); None where there is none. Any of them needs a `problem` that is centred.
    problem : ReducedProblem

    Raises
    ------
    OutOfRangeError
    """
    samples = _Samples.of(problem)
    f = _units(weights, biases, samples)
    layers = [np.ldexp(np.asarray(W, dtype=np.float64), f[k] - f[k + 1]) for k, W in enumerate(weights)]
    h = np.ldexp(samples.inputs, -f[0])
    ones = np.zeros(h.shape[1])
    ones[-1:] = samples.root
    errors = _data_errors(layers[0], problem, samples, f)
    first = layers[0] @ h
    if h.shape[0] > h.shape[1]:
        basis, h = np.linalg.qr(h)
        layers[0] = layers[0] @ basis
    nodes = [h]
    for k, (W, b) in enumerate(zip(layers, biases, strict=True)):
        h = first if k == 0 else W @ nodes[-1]
        if samples.root:
            offset = np.zeros(len(h)) if b is None else np.asarray(b, dtype=np.float64)
            offset = offset - samples.shift if k == len(layers) - 1 else offset
            h = h + np.outer(np.ldexp(offset, -f[k + 1]), ones)
        nodes.append(h)
    deltas = [nodes[-1] - np.ldexp(samples.target, -f[-1])]
    for W in reversed(layers[1:]):
        deltas.append(W.T @ deltas[-1])
    return NodeNetwork(
        units=f,
        layers=tuple(layers),
        flat=weights[0].size - layers[0].size,
        nodes=tuple(nodes),
        ones=ones,
        deltas=(np.zeros((0, 0)), *deltas[::-1]),
        biased=tuple(b is not None for b in biases),
        errors=errors,
    )


def _units(weights: Sequence[Matrix], biases: Biases, samples: _Samples) -> tuple[int, ...]:
    """f_k: the exponent of h_k were every product as large as its factors."""
    units = [_exponent(samples.inputs)]
    for W, b in zip(weights, biases, strict=True):
        own = units[-1] + _exponent(W)
        has_bias = b is not None and np.any(b)
        units.append(max(own, _exponent(b) + _exponent(np.array(samples.root))) if has_bias and b is not None else own)
    if np.any(samples.target):
        units[-1] = max(units[-1], _exponent(samples.target))
    of_biases = [f for f, b in zip(units[1:], biases, strict=True) if b is not None]
    if max(abs(step) for step in (*(b - a for a, b in pairwise(units)), *of_biases)) > 2 * WIDEST_RANGE:
        raise OutOfRangeError
    return tuple(units)


def _data_errors(first: Matrix, problem: ReducedProblem, samples: _Samples, f: Sequence[int]) -> DataErrors:
    """Bound what the errors of X and Y (`Precision`), and of their means, amount to."""
    precision, row = problem.precision, problem.mean_row
    of_input = precision.input_error * precision.largest
    share = rank_threshold(1.0, problem.order)  # of the factor, and of a mean
    columns = np.ldexp(problem.column_norms, -f[0])
    inputs = float(np.max(columns, initial=0.0)) * of_input
    of_first = frobenius_norm(first * columns) * (of_input + share)
    outputs = float(np.linalg.norm(precision.target_errors)) + problem.neglected_target * problem.scale
    if row is not None:
        share += problem.data_eps
        of_first += share * float(np.linalg.norm(np.abs(first) @ np.ldexp(np.abs(row.x), -f[0])))
        outputs += share * float(np.linalg.norm(row.shifted_y) + abs(samples.root) * np.linalg.norm(row.shift_y))
    inputs += share * frobenius_norm(np.ldexp(samples.inputs, -f[0]))
    rest = float(np.ldexp(problem.residual_norm, -f[-1]))
    return DataErrors(inputs, of_first, float(np.ldexp(outputs, -f[-1])), rest)


def _exponent(array: Matrix) -> int:
    """Return the power of two above the largest entry; 0 for zeros."""
    return int(np.frexp(float(np.max(np.abs(array), initial=0.0)))[1])
