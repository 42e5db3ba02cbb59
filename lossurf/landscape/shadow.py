"""The explicit critical point beside a trained network: critical to rounding, of the same rank, eigen-set and type.

In bases of signal and tail (theory, section 5) every layer is W_k = S_k K_k Q_{k-1} + Y_k z_k Y^_{k-1}. The signal's
product is made a projection of T exactly; of the tails what is zero at the tolerance is made zero, by projecting their
cores z_k, so that z_N ... z_1 = 0 and (z_N ... z_{k+1})^T G (z_{k-1} ... z_1)^T = 0 for every k, G what P leaves of T.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.sensitivity import Sensitivity, vanishing_tolerances
from lossurf.landscape.staircase import innermost
from lossurf.landscape.type_test import TypeTest
from lossurf.landscape.verdict import Shadow
from lossurf.network import Layers, WhitenedNetwork, layer_to_user
from lossurf.numerics import Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.spectral import RELATIVE_ERROR
from lossurf.words import Verdict

FARTHEST_SHADOW = 10.0
"""Times tau: a point is critical at tau where, to first order, a change of the layers by tau makes its gradients zero;
what is farther than ten times that, for what the first order leaves out, is not the point that was meant."""

_PASSES = 8
"""Projections of the tails from above and from below disturb each other by the square of what they remove; a few passes
of both reach rounding from any tolerance at which a verdict is made."""

_ROUNDING = 100.0
"""Times order * eps: the measure of a point is rounding. It is put together from singular vectors and the inverse of a
signal block, whose condition takes two digits at most where the layers are balanced."""


def find_shadow(
    test: TypeTest, weights: Sequence[Matrix], problem: ReducedProblem, tau: float
) -> tuple[Shadow | None, float]:
    """Build the critical point that a verdict at `tau` speaks of.

    Parameters
    ----------
    test : TypeTest
        In the gauge that decides; critical at tau.
    weights : sequence of ndarray
        As stored.
    problem : ReducedProblem
    tau : float

    Returns
    -------
    Shadow or None, float
        The point, None where there is none that a relative change of the stored layers by FARTHEST_SHADOW * tau
        reaches; and how far it is in the units of the type test, max_k ||W'_k - W_k|| / w_k (theory, section 6), nan
        where none was built: the carried eigenvectors are not told apart from others, or what was built is not
        critical to rounding. Beside layers of rounding size w_k is 1, and the two differ.
    """
    with np.errstate(all="ignore"):  # what is not finite is not critical
        layers = _critical_layers(test, tau)
        if layers is None or not all(np.isfinite(W).all() for W in layers):
            return None, nan
        read, sensitivity = test.network, test.sensitivity
        network = WhitenedNetwork(layers, read.target, read.stretch, read.first_layer_size)
        distances = np.array([np.linalg.norm(W - before) for W, before in zip(layers, read.layers, strict=True)])
        unit, gradient = rank_threshold(1.0, sum(W.shape[1] for W in layers)), nan
        for gradient in _gradients(network, sensitivity, distances):
            if gradient <= unit:  # a bound so close to nothing says as much as the gradients
                break
        if not gradient <= _ROUNDING * unit:
            return None, nan
        moved = float(np.max(distances / sensitivity.weights[1:]))
        stored = _stored(read, layers, weights, problem)
        distance = max(_distance(W, other) for W, other in zip(weights, stored, strict=True))
    return (Shadow(distance, gradient, stored) if distance <= FARTHEST_SHADOW * tau else None), moved


def _gradients(network: WhitenedNetwork, sensitivity: Sensitivity, distances: Matrix) -> Iterator[float]:
    """Yield bounds of the criticality measure of layers W' at those distances from W, each closer than the one before.

    In a wide network from the norms of E alone, then of what the outer layers make of it; by every gradient itself.
    What a change of W can do is that of W', which is within 10 tau of it.
    """
    N = network.depth
    changes = sensitivity.block_changes.diagonal()[1:]
    if not is_narrow(network):
        norms = sensitivity.norms * (1.0 + RELATIVE_ERROR) + sensitivity.departures(distances)
        above, below = norms[N + 1, 1:], norms[1 : N + 1, 0]
        E = network.residual
        bounds = above * float(np.linalg.norm(E)) * below
        yield float(np.max(vanishing_tolerances(bounds, changes)))
        # A_k^T E = (W_{N-1} ... W_{k+1})^T W_N^T E for k < N, and E B_{k-1}^T = E W_1^T (W_{k-1} ... W_2)^T for k > 1
        upper, lower = (float(np.linalg.norm(felt)) for felt in (network.layers[-1].T @ E, E @ network.layers[0].T))
        bounds[:-1] = np.minimum(bounds[:-1], upper * norms[N, 1:N] * below[:-1])
        bounds[1:] = np.minimum(bounds[1:], above[1:] * lower * norms[2 : N + 1, 1])
        yield float(np.max(vanishing_tolerances(bounds, changes)))
    network.below(N - 1)  # from which P follows too
    # Frobenius norms bound the spectral ones
    sizes = np.array([np.linalg.norm(network.residual_block(k, k)) for k in range(1, N + 1)])
    yield float(np.max(vanishing_tolerances(sizes, changes)))


def _stored(
    network: WhitenedNetwork, layers: Layers, weights: Sequence[Matrix], problem: ReducedProblem
) -> tuple[Matrix, ...]:
    """Map the layers back; what X does not see of W_1 stays as it is, and a layer read as zero is made zero."""
    moved = []
    for k, (W, before, after) in enumerate(zip(weights, network.layers, layers, strict=True), 1):
        if np.any(before):
            moved.append(W + layer_to_user(network, after - before, k, problem))
        else:
            moved.append(_unseen(W, problem) if k == 1 else np.zeros_like(W))
    return tuple(moved)


def _unseen(W_1: Matrix, problem: ReducedProblem) -> Matrix:
    """Part of W_1 that does not act on X."""
    norms = problem.column_norms
    seen = W_1 * norms @ problem.whitening @ problem.left_inverse
    return np.asarray(W_1 - np.divide(seen, norms, out=np.zeros_like(seen), where=norms > 0.0))


def _distance(W: Matrix, other: Matrix) -> float:
    size, moved = (frobenius_norm(matrix) for matrix in (W, other - W))
    return moved / size if size else np.inf if moved else 0.0


def _critical_layers(test: TypeTest, tau: float) -> Layers | None:
    network, rank = test.network, test.ranks(tau)[0]
    carried = test.carried(rank)
    if carried is None:
        return None
    U, V = carried.left, carried.right
    if network.depth == 1:
        return (U @ (U.T @ network.target),)
    signal = test.signal(rank)
    if signal is None:  # a block of it cannot be inverted
        return None
    beyond = test.beyond(rank)
    layers = signal.layers() if beyond is None else beyond.layers
    parts = layers if rank else tuple(np.zeros_like(W) for W in network.layers)
    if _are_rounding(parts, test):
        return parts
    Y = [_complement(V), *(_complement(Q.T) for Q in signal.Q), _complement(U)]
    # the other rows of [S Y]^{-1}, of which the first are Q: Q S = I and Q Y = 0
    inner = zip(signal.S, signal.Q, Y[1:-1], strict=True)
    dual = [Y[0].T, *(basis.T - (basis.T @ S) @ Q for S, Q, basis in inner), Y[-1].T]
    cores = [dual[k] @ W @ Y[k - 1] for k, W in enumerate(network.layers, 1)]
    cores = _without_small_products(cores, Y[-1].T @ network.target @ Y[0], test, tau)
    return tuple(
        np.asarray(part + Y[k] @ core @ dual[k - 1], dtype=np.float64)
        for k, (part, core) in enumerate(zip(parts, cores, strict=True), 1)
    )


def _are_rounding(parts: Layers, test: TypeTest) -> bool:
    """Whether what the signal leaves of the layers is nothing but rounding of them: there are no tails to look at."""
    order = sum(W.shape[1] for W in parts)
    return all(
        float(np.linalg.norm(W - part)) <= rank_threshold(float(np.linalg.norm(W)), order)
        for W, part in zip(test.network.layers, parts, strict=True)
    )


def _complement(columns: Matrix) -> Matrix:
    """Orthonormal basis of what is orthogonal to independent columns."""
    n, r = columns.shape
    if r in (0, n):
        return np.eye(n)[:, r:]
    return np.asarray(np.linalg.qr(columns, mode="complete")[0][:, r:])


def _without_small_products(cores: Sequence[Matrix], G: Matrix, test: TypeTest, tau: float) -> list[Matrix]:
    """Project the tails so that every product which is zero at tau is zero, and the point is critical.

    Directions of what P leaves of T are followed down from the last layer and directions of the input up from the
    first, until they vanish at tau; from there on the layers are made to annihilate them. No direction of the input
    that reaches layer k may be one that layer k + 1 feels. At a bad saddle no pair of layers may be left with E_ij and
    z_{i-1} ... z_{j+1} both rounding rather than zero, so those that vanish at tau are made to.
    """
    left, s, right = _svd(G)
    some = int(np.count_nonzero(s > tau))
    outputs, residual = left[:, :some], s[:some, None] * right[:some]
    blocks, links = _vanishing(test, tau)
    cores = list(cores)
    order = sum(core.shape[1] for core in cores)
    rounding = [rank_threshold(test.sensitivity.weight(k), order) for k in range(1, len(cores) + 1)]
    for _ in range(_PASSES):
        before = [core.copy() for core in cores]
        for i, j in links:
            _cut_between(cores, i, j, test.sensitivity, tau)
        felt = _cut_from_above(cores, outputs, residual, test.sensitivity, tau)
        _cut_from_below(cores, [felt[i - 1] for i in blocks], test.sensitivity, tau)
        if all(np.linalg.norm(a - b) <= small for a, b, small in zip(before, cores, rounding, strict=True)):
            break
    return [
        core if np.linalg.norm(core) > small else np.zeros_like(core)
        for core, small in zip(cores, rounding, strict=True)
    ]


def _vanishing(test: TypeTest, tau: float) -> tuple[list[int], list[tuple[int, int]]]:
    """For every layer j the last i >= j whose E_ij is to be zero, and the pairs whose link is.

    E_jj = 0 is what critical means. The rest makes a saddle bad: where E_ij is not zero, z_{i-1} ... z_{j+1} is.
    """
    layers = np.arange(1, test.network.depth + 1)
    if test.verdict(tau) is not Verdict.BAD_SADDLE:
        return layers.tolist(), []
    linked = test.sensitivity.block_ratios > tau
    blind = np.tril(~linked)[1:, 1:]  # E_jj among them
    blocks = layers[-1] - np.argmax(blind[::-1], axis=0)
    # a product that holds one which is zero is zero: only the shortest need to be made so
    links = innermost(np.tril(linked, -2))
    return blocks.tolist(), sorted(links, key=lambda pair: pair[0] - pair[1])


def _zero(sensitivity: Sensitivity, i: int, j: int, tau: float) -> float:
    """Size at which a direction that has passed through M_ij counts as zero; a direction itself is of size 1."""
    return tau * max(sensitivity.change(i, j), 1.0)


def _cut_between(cores: list[Matrix], i: int, j: int, sensitivity: Sensitivity, tau: float) -> None:
    """Make z_{i-1} ... z_{j+1} zero: each direction is cut where it vanishes at tau."""
    alive = reached = np.eye(cores[j].shape[1])
    for k in range(j + 1, i):
        core = cores[k - 1]
        threshold = np.inf if k == i - 1 else _zero(sensitivity, k + 1, j, tau)
        alive, dropped = _split(core @ reached, alive, threshold)
        cores[k - 1] = core - _projected(reached @ dropped, core.T).T
        reached = cores[k - 1] @ reached


def _cut_from_above(
    cores: list[Matrix], outputs: Matrix, residual: Matrix, sensitivity: Sensitivity, tau: float
) -> list[Matrix]:
    """Cut chains from the outputs; return what of the residual layers 1..N feel, bases (n, t_0), one a layer."""
    N = len(cores)
    alive, reached, rows = np.eye(outputs.shape[1]), outputs, []
    for k in range(N, 0, -1):
        rows.append(_basis(residual.T @ alive).T)
        # dL/dW_1 is felt by every input
        threshold = np.inf if k == 1 else _zero(sensitivity, N + 1, k - 1, tau)
        alive, dropped = _split(cores[k - 1].T @ reached, alive, threshold)
        cores[k - 1] = cores[k - 1] - _projected(reached @ dropped, cores[k - 1])
        reached = cores[k - 1].T @ reached
    return rows[::-1]


def _cut_from_below(cores: list[Matrix], felt: Sequence[Matrix], sensitivity: Sensitivity, tau: float) -> None:
    """Cut chains from the inputs, so that none reaches a layer j where it is among the rows `felt[j - 1]`."""
    alive = _turned_away(_alive_inputs(cores, sensitivity, tau), felt)
    reached = np.eye(cores[0].shape[1])
    for k, core in enumerate(cores):
        dropped = _outside(alive[k], alive[k + 1])
        cores[k] = core - _projected(reached @ dropped, core.T).T
        reached = cores[k] @ reached


def _alive_inputs(cores: Sequence[Matrix], sensitivity: Sensitivity, tau: float) -> list[Matrix]:
    """Nested bases of the inputs that reach layers 0..N; none passes through all."""
    reached = np.eye(cores[0].shape[1])
    alive = [reached]
    for k, core in enumerate(cores[:-1], 1):
        reached = core @ reached
        alive.append(_split(reached, alive[-1], _zero(sensitivity, k + 1, 0, tau))[0])
    return [*alive, reached[:0].T]


def _turned_away(alive: Sequence[Matrix], felt: Sequence[Matrix]) -> list[Matrix]:
    """Turn nested bases, from the last layer on, so that what reaches layer k is orthogonal to `felt[k]`."""
    turned = [alive[-1]]
    for basis, rows in zip(alive[-2::-1], felt[::-1], strict=True):
        rest = basis - turned[-1] @ (turned[-1].T @ basis)
        left, s, _ = _svd(rest - rows.T @ (rows @ rest))
        turned.append(np.hstack([turned[-1], left[:, : int(np.count_nonzero(s > 0.5))]]))  # cosines, 0 or 1 to tau
    return turned[::-1]


def _outside(basis: Matrix, part: Matrix) -> Matrix:
    """Orthonormal basis of what is in the span of a basis and orthogonal to a part of it."""
    left, s, _ = _svd(basis - part @ (part.T @ basis))
    return left[:, : int(np.count_nonzero(s > 0.5))]


def _split(matrix: Matrix, basis: Matrix, threshold: float) -> tuple[Matrix, Matrix]:
    """Split a basis into the directions that a matrix maps to more than a threshold, and the rest."""
    _, s, right = _svd(matrix @ basis, full=True)
    kept = int(np.count_nonzero(s > threshold))
    turned = basis @ right.T
    return turned[:, :kept], turned[:, kept:]


def _projected(columns: Matrix, matrix: Matrix) -> Matrix:
    """Projection of a matrix on the range of independent columns."""
    basis = _basis(columns)
    return np.asarray(basis @ (basis.T @ matrix))


def _basis(columns: Matrix) -> Matrix:
    """Orthonormal basis of the range."""
    left, s, _ = _svd(columns)
    return left[:, : int(np.count_nonzero(s > rank_threshold(float(s[0]), max(columns.shape)) if s.size else 0))]


def _svd(matrix: Matrix, *, full: bool = False) -> tuple[Matrix, Matrix, Matrix]:
    """SVD of a matrix that may have no rows or columns; `full` for all right singular vectors."""
    if 0 in matrix.shape:
        n = matrix.shape[1]
        return np.zeros((matrix.shape[0], 0)), np.zeros(0), np.eye(n) if full else np.zeros((0, n))
    left, s, right = svd(matrix, full_matrices=full)
    return left, s, right
