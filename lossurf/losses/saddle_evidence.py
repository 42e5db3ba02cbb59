"""Evidence at a saddle of another loss: its own Hessian, and a way down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from lossurf.decompositions import largest_singular_value, svd
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.losses.majoriser import Majoriser
from lossurf.network import WhitenedNetwork
from lossurf.numerics import EPS, Matrix

LARGEST_HESSIAN: Final = 400
"""Parameters up to which the loss's own Hessian is formed where nothing shorter decides its sign (1 MB, 0.1 s)."""

_FIRST_STEPS: Final = (
    0.1,
    0.03,
    0.01,
    0.001,
)  # relative to the layers; small enough to stay near, large enough to show
_HALVINGS: Final = 40


def mixed_part_vanishes(sensitivity: Sensitivity, tau: float) -> bool:
    """Whether E_ij or M_ij is zero at tau for every i > j: then no convex loss has negative curvature there.

    The Hessian is J^T (second derivative) J plus the terms 2 <E_ij, V_i M_ij V_j>.
    """
    pairs = np.argwhere(sensitivity.block_ratios > tau)
    return bool(np.all(sensitivity.rank_ratios(pairs, 0) <= tau))


def least_eigenvalue(point: Majoriser) -> tuple[float, float, tuple[Matrix, ...]]:
    """Least and largest eigenvalue of the loss's own Hessian in whitened coordinates, in units of c scale^2.

    Returns
    -------
    least, largest : float
    direction : tuple of ndarray
        Of the least.
    """
    network = point.network
    hessian = _outer_part(point) + _mixed_part(network)
    values, vectors = np.linalg.eigh(hessian)
    sizes = np.cumsum([W.size for W in network.layers])[:-1]
    parts = np.split(vectors[:, 0], sizes)
    direction = tuple(part.reshape(W.shape) for part, W in zip(parts, network.layers, strict=True))
    return float(values[0]), float(values[-1]), direction


def _outer_part(point: Majoriser) -> Matrix:
    """J^T (second derivative / c) J, J the change of the outputs (in units of scale) with each weight.

    With a bias the least over changes of the output bias is taken, which is what a direction in (W, b) can reach.
    """
    network, Z = point.network, point.Z
    columns = []
    for k in range(1, network.depth + 1):
        seen = Z @ network.below(k - 1).T  # (m, d_{k-1})
        columns.append(
            np.einsum("qa,mb->mqab", network.above(k), seen).reshape(Z.shape[0], network.target.shape[0], -1)
        )
    jacobian = np.concatenate(columns, axis=2)
    bent = np.stack(
        [point.loss.times_curvature(point.outputs, point.Y, jacobian[:, :, n]) for n in range(jacobian.shape[2])],
        axis=2,
    )
    outer = np.tensordot(jacobian, bent, axes=((0, 1), (0, 1)))
    if point.problem.bias:
        cross = bent.sum(axis=0)  # (dy, n)
        dy = cross.shape[0]
        units = np.eye(dy)[:, None, :].repeat(Z.shape[0], axis=1)
        block = np.array([point.loss.times_curvature(point.outputs, point.Y, unit).sum(axis=0) for unit in units])
        outer = outer - cross.T @ np.linalg.pinv(block, hermitian=True) @ cross
    return np.asarray(outer / point.curvature)


def _mixed_part(network: WhitenedNetwork) -> Matrix:
    """<E_ij, V_i M_ij V_j> for every i > j, as a matrix on the packed layers."""
    offsets = np.concatenate([[0], np.cumsum([W.size for W in network.layers])])
    mixed = np.zeros((offsets[-1], offsets[-1]))
    for i in range(2, network.depth + 1):
        for j in range(1, i):
            block = np.einsum("ad,bc->abcd", network.residual_block(i, j), network.partial_product(i, j))
            part = block.reshape(network.layers[i - 1].size, network.layers[j - 1].size)
            mixed[offsets[i - 1] : offsets[i], offsets[j - 1] : offsets[j]] = part
            mixed[offsets[j - 1] : offsets[j], offsets[i - 1] : offsets[i]] = part.T
    return mixed


def escape(point: Majoriser, tau: float) -> tuple[float, float] | None:
    """Leave a saddle that has no negative curvature: make a gradient where there is none, then follow it (own).

    For a layer k take the largest j < k with A_k^T G B_{j-1}^T != 0 and kernel vectors n_i of A_i for j <= i < k. Then
    W_j + t n_j b^T and W_i + t n_i n_{i-1}^T leave P unchanged and make dL/dW_k != 0. The transposed chain likewise.

    Returns
    -------
    (decrease, step) or None
        How much lower the loss itself became, and the t it took, relative to the layers.
    """
    network = point.network
    before = point.loss_of(network)
    sizes = [largest_singular_value(W) for W in network.layers if W.size]
    size = max(float(np.median(sizes)), largest_singular_value(network.residual) ** (1.0 / network.depth))
    for move in _moves(network, tau):
        for t in _FIRST_STEPS:
            moved = network.moved(move, t * size)
            lower = _downhill(point, _touching(point, moved))
            if lower is not None and lower < before - 16.0 * EPS * abs(before):
                return before - lower, t
    return None


def _moves(network: WhitenedNetwork, tau: float) -> Iterator[list[Matrix | None]]:
    yield from _chain(network, tau)
    turned = WhitenedNetwork(
        tuple(W.T for W in reversed(network.layers)), network.target.T, network.stretch, network.first_layer_size
    )
    for move in _chain(turned, tau):
        yield [None if V is None else V.T for V in reversed(move)]


def _chain(network: WhitenedNetwork, tau: float) -> Iterator[list[Matrix | None]]:
    sensitivity = Sensitivity(network)
    for k in range(2, network.depth + 1):
        for j in range(k - 1, 0, -1):
            if sensitivity.block_ratio(k, j) <= tau:
                continue
            kernels = [_kernel_vector(sensitivity, i, tau) for i in range(j, k)]
            if all(n is not None for n in kernels):
                b = svd(network.residual_block(k, j))[2][0]
                move: list[Matrix | None] = [None] * network.depth
                for i, (n, into) in enumerate(zip(kernels, [b, *kernels], strict=False), start=j):
                    assert n is not None
                    assert into is not None
                    move[i - 1] = np.outer(n, into)
                yield move
            break


def _kernel_vector(sensitivity: Sensitivity, i: int, tau: float) -> Matrix | None:
    """Return a unit vector that A_i maps to zero at tau; None where there is none."""
    above = sensitivity.network.above(i)
    _, s, right = svd(above)
    rank = int(np.count_nonzero(s > tau * sensitivity.change(sensitivity.network.depth + 1, i)))
    return right[-1] if rank < above.shape[1] else None


def _touching(point: Majoriser, network: WhitenedNetwork) -> WhitenedNetwork:
    """Return the network with the target of the squared loss that touches the loss there."""
    change = point.problem.scale * point.Z @ (network.product - point.network.product).T
    slope = point.loss.slope(point.outputs + change, point.Y)
    residual = (slope.T @ point.Z) / (point.curvature * point.problem.scale)
    return replace(network, target=network.product - residual, _products={})


def _downhill(point: Majoriser, network: WhitenedNetwork) -> float | None:
    """Lowest loss along the gradient, over a ladder of steps."""
    gradient = [-network.residual_block(k, k) for k in range(1, network.depth + 1)]
    length = float(np.sqrt(sum(float(np.sum(g**2)) for g in gradient)))
    if length == 0.0:
        return None
    return min(point.loss_of(network.moved(gradient, 2.0**-power / length)) for power in range(_HALVINGS))
