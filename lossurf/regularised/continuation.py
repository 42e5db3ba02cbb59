"""Critical points of the regularised loss by rank and by eigen-set. Own.

Where X X^T is a multiple of a projector the singular values of P satisfy one scalar equation each: with T = sum t_i u_i
v_i^T and P F = sum q_i u_i v_i^T,

    q_i - t_i + lam q_i^{2/N-1} = 0

(`bounds.scalar_roots`), for any set of i, the u_i being the eigenvectors of Sigma. From there F is bent to that of the
data, its singular values f_j to f_j^s with s from 0 to 1, and Newton's method follows the point; a branch may end on
the way, where the point meets another one. What arrives is critical to rounding, whatever the way was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.network import Layers
from lossurf.regularised.bounds import scalar_roots
from lossurf.regularised.lower import descend_at_rank, is_too_large
from lossurf.regularised.nearest import polished, rounding_of_slope, slope
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.signal import Signal, read_signal

_FIRST_STEP: Final = 2.0**-8  # the first steps have no other to go on from: later ones follow the tangent
_LEAST_STEP: Final = 2.0**-12
_NEWTON: Final = 8  # of a step: one that is short enough has all digits in fewer
_LARGEST_MOVE: Final = 0.1  # of the product's norm, from what a step expects: another branch is not taken for the own
_CARRIES: Final = 1e-6  # of the largest singular value: descents end with idle units of this size


@dataclass(frozen=True)
class Member:
    """One eigenvector of Sigma that a product carries.

    Attributes
    ----------
    index : int
        From 1.
    lower : bool
        With three and more layers: whether its singular value is the smaller of the two that are stationary.
    """

    index: int
    lower: bool = False


def roots_of(problem: ScaledProblem) -> list[tuple[float, ...]]:
    """Return for every singular value of T the stationary q > 0 as the inputs are whitened, the smaller first."""
    t = singular_values(problem.T)
    N = problem.depth
    return [tuple(q for q in scalar_roots(1.0, float(value), 0.5 * N * problem.decay, N) if q > 0.0) for value in t]


def follow(problem: ScaledProblem, members: Sequence[Member]) -> Signal | None:
    """Return the critical point that carries an eigen-set as the inputs are whitened, followed to the data.

    Parameters
    ----------
    problem : ScaledProblem
        Of depth 2 at least.
    members : sequence of Member
        Each with roots (`roots_of`).

    Returns
    -------
    Signal or None
        Of as many hidden units as members; None where the branch ends on the way, or the problem is too large.
    """
    left, f, right = svd(problem.F, full_matrices=False)
    signal = _whitened(problem, members, left @ right)
    if not signal.rank:
        return signal
    done, step = 0.0, _FIRST_STEP
    rate: Layers = tuple(np.zeros_like(W) for W in signal.layers)
    while done < 1.0:
        ahead = min(done + step, 1.0)
        bent = replace(problem, F=(left * f**ahead) @ right)
        ahead_of = tuple(W + (ahead - done) * change for W, change in zip(signal.layers, rate, strict=True))
        guess = read_signal(ahead_of, signal.rank)
        moved = polished(bent, guess, steps=_NEWTON)
        if moved is not None and _is_near(bent, guess, moved):
            moves = zip(moved.layers, signal.layers, strict=True)
            rate = tuple((after - before) / (ahead - done) for after, before in moves)
            signal, done, step = moved, ahead, 2.0 * step
        elif step > _LEAST_STEP:
            step *= 0.5
        else:
            return None
    return signal


def _whitened(problem: ScaledProblem, members: Sequence[Member], isometry: np.ndarray) -> Signal:
    u, _, vt = svd(problem.T, full_matrices=False)
    roots = roots_of(problem)
    sizes = np.array([roots[m.index - 1][0 if m.lower else -1] for m in members])
    order = np.argsort(-sizes, kind="stable")
    chosen = np.array([m.index - 1 for m in members], dtype=int)[order]
    inner = np.eye(len(members))
    bases = (isometry @ vt[chosen].T, *[inner] * (problem.depth - 1), u[:, chosen])
    return Signal(bases, sizes[order] ** (1.0 / problem.depth))


def _is_near(problem: ScaledProblem, guess: Signal, after: Signal) -> bool:
    """Whether a step led to a critical point close to where it was expected; one too large to be moved is none."""
    move, size = np.linalg.norm(after.product - guess.product), np.linalg.norm(after.product)
    return bool(move <= _LARGEST_MOVE * size and slope(problem, after) <= rounding_of_slope(problem, after))


def lowest_of_rank(problem: ScaledProblem, widths: Sequence[int], rank: int) -> Signal | None:
    """Return the lowest critical point that was found of networks whose hidden layers have `rank` units at most.

    Parameters
    ----------
    problem : ScaledProblem
        Of depth 2 at least.
    widths : sequence of int
        d_0, ..., d_N.
    rank : int

    Returns
    -------
    Signal or None
        None where the descents led to no critical point, or the network is too large for them. Critical for the wide
        network as well, whose other units are idle.
    """
    narrow = [widths[0], *(min(width, rank) for width in widths[1:-1]), widths[-1]]
    if rank == 0:
        return empty(problem)
    if is_too_large(narrow):
        return None
    return settled(problem, descend_at_rank(problem, narrow, min(narrow)))


def settled(problem: ScaledProblem, layers: Layers) -> Signal | None:
    """Return the critical point at the end of a descent, idle units at zero; None where none is near, or lower."""
    sizes = [singular_values(W) for W in layers]
    rank = min(int(np.count_nonzero(s > _CARRIES * max(float(s[0]), _CARRIES))) for s in sizes)
    found = polished(problem, read_signal(layers, rank))
    if found is None:
        return None
    here = problem.loss(layers)
    near = problem.loss(found.layers) <= here + _CARRIES * problem.zero_loss
    return found if near and slope(problem, found) <= rounding_of_slope(problem, found) else None


def empty(problem: ScaledProblem) -> Signal:
    """Return the signal of rank 0, at the network that is zero."""
    bases = (np.zeros((len(problem.F), 0)), *[np.zeros((0, 0))] * (problem.depth - 1), np.zeros((len(problem.T), 0)))
    return Signal(bases, np.zeros(0))


def layers_of(signal: Signal, widths: Sequence[int]) -> Layers:
    """Return W_1..W_N of the widths d_0..d_N, hidden units beyond those of the signal being idle."""
    inner = (np.pad(b, ((0, d - len(b)), (0, 0))) for b, d in zip(signal.bases[1:-1], widths[1:-1], strict=True))
    return replace(signal, bases=(signal.bases[0], *inner, signal.bases[-1])).layers
