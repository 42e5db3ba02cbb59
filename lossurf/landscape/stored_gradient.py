"""Whether the gradient in the stored coordinates is surely not zero, however ill-conditioned X is.

Whitening divides by the singular values of X, so that an error of X is felt cond(X) times as strongly in T. The
gradient A_k^T (P X - Y) X^T (W_{k-1} ... W_1)^T divides by nothing: it is known to the errors of X and Y times its own
factors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossurf.decompositions import largest_singular_value as norm_2
from lossurf.network import rounding_of_products
from lossurf.numerics import STABILITY_FACTOR, UNDECIDED_FACTOR, Matrix
from lossurf.reduction.problem import ReducedProblem


def surely_not_critical(weights: Sequence[Matrix], problem: ReducedProblem, tau: float) -> bool:
    """Whether no change of every layer by a relative tau, with any data within their error, makes the gradient zero.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}) as stored.
    problem : ReducedProblem
    tau : float

    Notes
    -----
    To first order, in columns of X scaled to equal norms, D = diag(column_norms): dL/dW_k D is A_k^T H (B_{k-1} D)^T
    with H = (P X - Y) X^T. Layers moved by tau change A_k, P and B_{k-1} (theory, section 6); the data within their
    errors change H by ||dY|| ||X|| + ||P dX|| ||X|| + ||P X - Y|| ||dX||. The first counts with the margin of the
    tolerance, the second with that of an error bound.
    """
    with np.errstate(all="ignore"):  # what leaves the range of float64 compares false: not sure
        return any(_surely_nonzero(weights, problem, max(tau, rounding_of_products(weights))))


def _surely_nonzero(weights: Sequence[Matrix], problem: ReducedProblem, tau: float) -> list[bool]:
    first = weights[0] * problem.column_norms / problem.scale
    norms = [norm_2(W) for W in (first, *weights[1:])]
    # every term below has each layer's norm but W_k's as a factor, except P itself
    unit = [W / n if n else W for W, n in zip((first, *weights[1:]), norms, strict=True)]
    moves = [1.0 if n else 0.0 for n in norms]
    above, below = _products(unit)
    N, size = len(unit), float(np.prod(norms))
    whitened, precision = problem.whitening, problem.precision
    P = size * below[N]
    E = P @ whitened - problem.target
    H = E @ whitened.T
    f, input_error = precision.largest, precision.input_error * precision.largest
    residual = np.hypot(np.linalg.norm(E), problem.residual_norm / problem.scale)
    output_error = float(np.linalg.norm(precision.target_errors)) / problem.scale + problem.neglected_target
    data_error = output_error * f + norm_2(P) * input_error * f + residual * input_error
    a, b, h = (
        [norm_2(A) for A in above],
        [norm_2(B) for B in below],
        norm_2(H),
    )
    of_product = size * sum(a[j] * moves[j - 1] * b[j - 1] for j in range(1, N + 1))
    found = []
    for k in range(1, N + 1):
        A, B = above[k], below[k - 1]
        of_above, of_below = _change(unit, moves, a, k, up=True), _change(unit, moves, b, k, up=False)
        moved = of_above * h * b[k - 1] + a[k] * h * of_below + a[k] * b[k - 1] * of_product * f * f
        uncertain = a[k] * b[k - 1] * data_error
        found.append(norm_2(A.T @ H @ B.T) > STABILITY_FACTOR * tau * moved + UNDECIDED_FACTOR * uncertain)
    return found


def _products(layers: Sequence[Matrix]) -> tuple[list[Matrix], list[Matrix]]:
    """A_0..A_N and B_0..B_N."""
    below = [np.eye(layers[0].shape[1])]
    for W in layers:
        below.append(W @ below[-1])
    above = [np.eye(layers[-1].shape[0])]
    for W in reversed(layers):
        above.append(above[-1] @ W)
    return above[::-1], below


def _change(layers: Sequence[Matrix], moves: Sequence[float], outer: Sequence[float], k: int, *, up: bool) -> float:
    """First-order change of A_k (`up`) or B_{k-1} per relative change of the layers, which are of norm 1 or 0."""
    total, inner = 0.0, None
    for j in range(k + 1, len(layers) + 1) if up else range(k - 1, 0, -1):
        total += (outer[j] if up else outer[j - 1]) * moves[j - 1] * (1.0 if inner is None else norm_2(inner))
        W = layers[j - 1]
        inner = W if inner is None else W @ inner if up else inner @ W
    return total
