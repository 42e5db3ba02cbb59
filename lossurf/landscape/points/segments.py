"""The three kinds of segment of a descent from any critical point to a global minimum (theory, section 8).

On none of them does the loss rise: removing tails leaves P as it is; turning towards a better direction ends where the
turn is best; growing a rank follows (sigma - t^N sigma)^2 down to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import atan2, cos, sin

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.signal import Signal, signal_of
from lossurf.network import Layers, WhitenedNetwork, from_user, whiten
from lossurf.numerics import Matrix, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import SegmentKind


@dataclass(frozen=True)
class Segment:
    """A piece of the path in whitened coordinates.

    Attributes
    ----------
    kind : SegmentKind
    point : callable
        t in [0, 1] to the layers there.
    order : int or None
        Order in t at which the loss falls; None where it stays.
    rank : int
        Rank of the product at the end.
    gained, lost : ndarray, shape (dy,), or None
        The direction of the outputs that the product gains, and the one it gives up.
    """

    kind: SegmentKind
    point: Callable[[float], Layers]
    order: int | None
    rank: int
    gained: Matrix | None = None
    lost: Matrix | None = None


def path_start(weights: Sequence[Matrix], problem: ReducedProblem, rank: int) -> WhitenedNetwork:
    """Return a critical point of rank `rank` in the coordinates that the path is walked in.

    Balanced layers where they carry a signal. Where they carry none, those of the zero network: balancing there would
    scale up a layer that is only rounding, and what grows on it would be lost in that rounding.
    """
    if rank > 0:
        return whiten(weights, problem)
    zero = whiten([np.zeros_like(W) for W in weights], problem)
    return zero.moved(from_user(zero, weights, problem), 1.0)


def descent_path(network: WhitenedNetwork, problem: ReducedProblem, rank: int, rank_max: int) -> Iterator[Segment]:
    """Yield the segments from a critical point to a global minimum.

    Parameters
    ----------
    network : WhitenedNetwork
        `path_start` of a critical point with N >= 2 layers.
    problem : ReducedProblem
    rank : int
        rank(P).
    rank_max : int
        min(d_0, ..., d_N).
    """
    signal = signal_of(network, rank)
    segment = _tails(network, signal)
    if segment is not None:
        yield segment
    error = problem.target_error()
    for _ in range(2 * len(network.target)):  # an exact critical point needs at most one turn for each direction
        turn = _turn(signal, error)
        if turn is None:
            break
        segment, signal = turn
        yield segment
    while signal.rank < rank_max:
        grown = _grow(signal, error)
        if grown is None:
            break
        segment, signal = grown
        yield segment
    last = _onto_leading(signal, problem)
    if last is not None:
        yield last


def _tails(network: WhitenedNetwork, signal: Signal) -> Segment | None:
    """Slide along the critical set to the point without tails."""
    start, end = network.layers, signal.layers()
    sizes = [(float(np.linalg.norm(b - a)), float(np.linalg.norm(a))) for a, b in zip(start, end, strict=True)]
    # a few products of these layers made the end, and ||T||_2 = 1 is the size of what they make
    order = 16 * sum(W.shape[0] for W in start)
    if all(moved <= rank_threshold(max(size, 1.0), order) for moved, size in sizes):
        return None

    def point(t: float) -> Layers:
        return tuple(a + t * (b - a) for a, b in zip(start, end, strict=True))

    return Segment(SegmentKind.TAILS, point, None, signal.rank)


def _turn(signal: Signal, error: float) -> tuple[Segment, Signal] | None:
    """Turn the worst direction a that P carries to the best b that it leaves out, if b is worth more.

    The turned share of Sigma is A cos^2 + B sin^2 + 2 c cos sin with c = a^T Sigma b, which is 0 at an exact critical
    point; with c >= 0 it grows up to the angle 1/2 atan2(2c, A - B), and no further.
    """
    if signal.rank in (0, len(signal.target)):
        return None
    inner, carried, _ = svd(signal.U.T @ signal.target)
    outer, left_out, _ = svd(signal.residual())
    worst = float(carried[signal.rank - 1]) if carried.size >= signal.rank else 0.0
    if float(left_out[0]) - worst <= error:
        return None
    alpha = inner[:, signal.rank - 1]
    a, b = signal.U @ alpha, _orthogonal(outer[:, 0], signal.U)
    c = float((a @ signal.target) @ (b @ signal.target))
    b, c = (b, c) if c >= 0.0 else (-b, -c)
    A, B = float(np.sum((a @ signal.target) ** 2)), float(np.sum((b @ signal.target) ** 2))
    angle = 0.5 * atan2(2.0 * c, A - B)

    def frame(t: float) -> Matrix:
        turned = cos(t * angle) * a + sin(t * angle) * b
        return np.asarray(signal.U + np.outer(turned - a, alpha))

    segment = Segment(SegmentKind.ROTATE, lambda t: signal.layers(frame(t)), 2, signal.rank, gained=b, lost=a)
    return segment, signal.turned(_orthonormal(frame(1.0)))


def _grow(signal: Signal, error: float) -> tuple[Segment, Signal] | None:
    """Add the best left-out direction a: t sigma^(1/N) times z_1 d^T, z_k l_{k-1}^T, a l_{N-1}^T to the layers."""
    outer, left_out, _ = svd(signal.residual(), full_matrices=False)
    if left_out.size == 0 or float(left_out[0]) <= error:
        return None
    a = _orthogonal(outer[:, 0], signal.U)
    row = a @ signal.target
    sigma = float(np.linalg.norm(row))
    share = sigma ** (1.0 / signal.depth)
    pairs = [_free_pair(S, Q) for S, Q in zip(signal.S, signal.Q, strict=True)]
    ends = [z for z, _ in pairs] + [a]
    starts = [row / sigma] + [l for _, l in pairs]  # noqa: E741  # the theory's letter
    start = signal.layers()

    def point(t: float) -> Layers:
        return tuple(W + t * share * np.outer(z, l) for W, z, l in zip(start, ends, starts, strict=True))  # noqa: E741

    grown = replace(
        signal,
        U=np.column_stack([signal.U, a]),
        S=tuple(np.column_stack([S, z]) for S, (z, _) in zip(signal.S, pairs, strict=True)),
        Q=tuple(np.vstack([Q, l]) for Q, (_, l) in zip(signal.Q, pairs, strict=True)),  # noqa: E741
        K=tuple(_extended(K, share) for K in signal.K),
    )
    return Segment(SegmentKind.GROW, point, signal.depth, grown.rank, gained=a), grown


def _free_pair(S: Matrix, Q: Matrix) -> tuple[Matrix, Matrix]:
    """Return z with Q z = 0 and l with S^T l = 0, l^T z = 1, of the least lengths: both unseen by the signal."""
    r = S.shape[1]
    unread = svd(Q)[2][r:].T if r else np.eye(S.shape[0])
    unwritten = svd(S)[0][:, r:] if r else np.eye(S.shape[0])
    left, cosines, right = svd(unwritten.T @ unread)
    length = np.sqrt(cosines[0])
    return unread @ right[0] / length, unwritten @ left[:, 0] / length


def _onto_leading(signal: Signal, problem: ReducedProblem) -> Segment | None:
    """Turn the last small angles to the leading eigenvectors away, which a start that was only nearly critical left.

    Along the geodesic the share of Sigma is a sum of cos^2 A_i + sin^2 B_i with A_i from the leading eigenvectors and
    B_i from the others, and every angle shrinks: the loss falls all the way.
    """
    u, s, _ = problem.target_svd
    leading = u[:, : signal.rank]
    lost = float(np.sum(s[: signal.rank] ** 2) - np.sum((signal.U.T @ signal.target) ** 2))
    if signal.rank == 0 or lost <= rank_threshold(float(np.sum(s**2)), 16 * problem.order):
        return None
    left, cosines, right = svd(signal.U.T @ leading)
    own, ends = signal.U @ left, leading @ right.T
    beside = own - ends * cosines
    sines = np.linalg.norm(beside, axis=0)
    beside = beside / np.where(sines > 0.0, sines, 1.0)
    angles = np.arctan2(sines, cosines)

    def frame(t: float) -> Matrix:
        return np.asarray((ends * np.cos((1.0 - t) * angles) + beside * np.sin((1.0 - t) * angles)) @ left.T)

    return Segment(SegmentKind.ROTATE, lambda t: signal.layers(frame(t)), 2, signal.rank)


def _extended(K: Matrix, entry: float) -> Matrix:
    """Add a diagonal entry to a matrix, or to a diagonal given as a vector."""
    r = K.shape[0]
    if K.ndim == 1:
        return np.append(K, entry)
    extended = np.zeros((r + 1, r + 1))
    extended[:r, :r] = K
    extended[r, r] = entry
    return extended


def _orthogonal(vector: Matrix, basis: Matrix) -> Matrix:
    """Remove what rounding left of `basis` from a unit vector."""
    rest = vector - basis @ (basis.T @ vector)
    return np.asarray(rest / np.linalg.norm(rest))


def _orthonormal(basis: Matrix) -> Matrix:
    """Return the nearest orthonormal columns."""
    u, _, vt = svd(basis, full_matrices=False)
    return np.asarray(u @ vt)
