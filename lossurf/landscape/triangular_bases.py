"""A network in orthogonal bases of its inputs, hidden units, outputs and samples in which most of it is zeros.

Samples: the row space of h_{N-1} first, of dimension r. Nodes: the first r columns of W_k Q_{k-1} are Q_k R_k. Then at
a critical point where no layer has a larger rank than the product, only the first r rows and columns of the hidden
nodes and the last rows and columns of the residual (E h_{N-1}^T = 0) are not zero; and without biases what is not zero
of layers and nodes is a triangle, at any point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.boxed import Boxed
from lossurf.landscape.node_network import NodeNetwork
from lossurf.numerics import EPS, Matrix


@dataclass(frozen=True)
class TurnedNetwork:
    """What a product with the Hessian needs of a network.

    Attributes
    ----------
    nodes, layers, deltas : list of Boxed
        h_0..h_{N-1}, W_2..W_N, and A_2^T E..E.
    ones : ndarray, shape (samples,)
        o.
    error : float
        What bounds how far every matrix is from that of a network in orthogonal bases, relative to its Frobenius norm:
        two products with matrices that Householder reflections or an SVD make, each off by m n eps times a small
        constant from orthogonal ones (Higham 2002, Theorem 19.4; measured below 4 sqrt(n) eps, with the products).
    """

    nodes: list[Boxed]
    layers: list[Boxed]
    deltas: list[Boxed]
    ones: Matrix
    error: float


def rank_and_samples(network: NodeNetwork, most: float) -> tuple[int, Matrix]:
    """Return the rank of h_{N-1} but for that share of its Frobenius norm, and a basis that begins with its rows."""
    _, values, rows = svd(network.nodes[-2])
    rests = np.cumsum((values * values)[::-1])[::-1]
    return int(np.count_nonzero(rests > most * most * rests[0])), rows.T


def in_bases(network: NodeNetwork, sizes: Sequence[float], rank: int, samples: Matrix, most: float) -> TurnedNetwork:
    """Change the bases of a network: the eigenvalues of its Hessian stay.

    Parameters
    ----------
    network : NodeNetwork
    sizes : sequence of float
        What h_{k-1} and A_k^T E are multiplied by, k = 1..N.
    rank : int
    samples : ndarray, shape (samples, samples)
        The new basis of the samples.
    most : float
        What may be left out of every matrix (`Boxed.of`): none is kept whole.
    """
    first = network.nodes[0] @ samples
    Q = _orthogonal(first)
    if Q is None:
        Q = np.linalg.qr(first, mode="complete")[0]
    nodes, layers, deltas = [Boxed.of(sizes[0] * (Q.T @ first), most)], [], []
    for k, W in enumerate(network.layers, start=1):
        turned = W @ Q
        Q = np.linalg.qr(turned[:, :rank], mode="complete")[0]
        if k < network.depth:
            nodes.append(Boxed.of(sizes[k] * (Q.T @ (network.nodes[k] @ samples)), most))
        if k > 1:
            layers.append(Boxed.of(Q.T @ turned, most))
            deltas.append(Boxed.of(sizes[k - 1] * (Q.T @ (network.deltas[k] @ samples)), most))
    longest = max(network.samples, *(max(W.shape) for W in network.layers))
    return TurnedNetwork(nodes, layers, deltas, network.ones @ samples, 20.0 * longest * longest * EPS)


def _orthogonal(matrix: Matrix) -> Matrix | None:
    """Take a multiple of an orthogonal matrix, to rounding, for the multiple of it that is."""
    order = len(matrix)
    if matrix.shape != (order, order) or not np.any(matrix):
        return None
    square = float(np.sum(matrix * matrix)) / order
    off = matrix @ matrix.T
    off.flat[:: order + 1] -= square
    return matrix / np.sqrt(square) if np.linalg.norm(off) <= order * EPS * square else None
