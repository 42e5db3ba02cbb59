"""A lower point than a local minimum of the regularised loss: descents from the thresholded spectra of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import minimize

from lossurf.decompositions import pseudo_inverse, svd
from lossurf.network import Layers
from lossurf.numerics import Matrix, rank_threshold
from lossurf.regularised.bounds import scalar_minimum
from lossurf.regularised.scaled import ScaledProblem

_RANKS: Final = 8  # ranks that are started from, spread evenly up to the widest
_STEPS: Final = 500
_LARGEST: Final = 200_000  # weights; a step costs a few passes over them


def descend(problem: ScaledProblem, widths: Sequence[int]) -> Layers | None:
    """Return the layers of least regularised loss among those that were found, zero included.

    Parameters
    ----------
    problem : ScaledProblem
    widths : sequence of int
        d_0, ..., d_N.

    Returns
    -------
    tuple of ndarray or None
        None for networks of more than _LARGEST weights, where nothing was looked for.

    Notes
    -----
    For rank j the start keeps the j leading singular directions of Y X^T, each at the size that is best for it if the
    others were not there, or of the least-squares solution, balanced over the layers; then L-BFGS. Nothing says that
    the lowest point is among them.
    """
    if is_too_large(widths):
        return None
    pairs = zip(widths[1:], widths[:-1], strict=True)
    best: Layers = tuple(np.zeros(shape) for shape in pairs)
    least = problem.zero_loss
    most = min(*widths, *problem.T.shape)
    ranks = sorted(set(np.linspace(1, most, min(most, _RANKS)).astype(int).tolist())) if most else []
    for rank in ranks:
        layers = descend_at_rank(problem, widths, rank)
        loss = problem.loss(layers)
        if loss < least:
            best, least = layers, loss
    return best


def is_too_large(widths: Sequence[int]) -> bool:
    """Whether a network has more weights than descents are made of."""
    return sum(a * b for a, b in zip(widths[1:], widths[:-1], strict=True)) > _LARGEST


def descend_at_rank(problem: ScaledProblem, widths: Sequence[int], rank: int) -> Layers:
    """Return the lower end of the descents from the two starts of a rank of at least 1."""
    return min((descended(problem, start) for start in _starts(problem, widths, rank)), key=problem.loss)


def _starts(problem: ScaledProblem, widths: Sequence[int], rank: int) -> list[Layers]:
    found = []
    for matrix in (
        problem.correlation,
        problem.T @ pseudo_inverse(problem.F, rcond=rank_threshold(1.0, problem.order)),
    ):
        left, _, right = svd(matrix, full_matrices=False)
        sizes = [_best_size(problem, left[:, i], right[i]) for i in range(min(rank, len(right)))]
        found.append(_balanced(left[:, : len(sizes)], np.array(sizes), right[: len(sizes)], widths))
    return found


def _best_size(problem: ScaledProblem, u: Matrix, v: Matrix) -> float:
    """Return the best s^{1/N} of a s u v^T alone; where nothing is better than zero, that of its least squares."""
    seen = v @ problem.F
    square, slope = float(seen @ seen), max(float(u @ problem.T @ seen), 0.0)
    if not square or not slope:
        return 0.0
    s = scalar_minimum(square, slope, 0.5 * problem.depth * problem.decay, problem.depth)[0]
    return float((s or slope / square) ** (1.0 / problem.depth))


def _balanced(U: Matrix, sigma: Matrix, Vt: Matrix, widths: Sequence[int]) -> Layers:
    bases = [Vt.T, *(np.eye(d, sigma.size) for d in widths[1:-1]), U]
    return tuple(np.asarray((bases[k + 1] * sigma) @ bases[k].T) for k in range(len(widths) - 1))


def descended(problem: ScaledProblem, start: Layers) -> Layers:
    """Return the end of _STEPS steps of L-BFGS on the regularised loss."""
    shapes = [W.shape for W in start]
    ends = np.cumsum([W.size for W in start])

    def layers_of(vector: Matrix) -> Layers:
        return tuple(part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True))

    def loss_and_slope(vector: Matrix) -> tuple[float, Matrix]:
        return _loss_and_slope(problem, layers_of(vector))

    first = np.concatenate([W.ravel() for W in start])
    options = {"maxiter": _STEPS, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-12}
    return layers_of(minimize(loss_and_slope, first, jac=True, method="L-BFGS-B", options=options).x)


def _loss_and_slope(problem: ScaledProblem, layers: Layers) -> tuple[float, Matrix]:
    below = [problem.F]
    for W in layers:
        below.append(W @ below[-1])
    back = below[-1] - problem.T
    loss = 0.5 * float(np.sum(back**2)) + problem.penalty(layers)
    slopes = []
    for W, B in zip(reversed(layers), reversed(below[:-1]), strict=True):
        slopes.append((back @ B.T + problem.decay * W).ravel())
        back = W.T @ back
    return loss, np.concatenate(slopes[::-1])
