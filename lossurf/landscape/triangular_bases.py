"""A network in orthogonal bases of its inputs, hidden units, outputs and samples in which most of it is zeros.

Samples: the row space of h_{N-1} first, of dimension r. Nodes: the first r columns of W_k Q_{k-1} are Q_k R_k. Then at
a critical point where no layer has a larger rank than the product, only the first r rows and columns of the hidden
nodes and the last rows and columns of the residual (E h_{N-1}^T = 0) are not zero; and without biases what is not zero
of layers and nodes is a triangle, at any point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.landscape.boxed import Boxed
from lossurf.landscape.node_network import NodeNetwork
from lossurf.numerics import EPS, Matrix

_DIAGONAL: Final = 48  # rank below which products with a triangle cost no more than what makes a diagonal of it

_APART: Final = 1e-3  # far above what is allowed in the end: it only saves the change of bases


@dataclass(frozen=True)
class TurnedNetwork:
    """What a product with the Hessian needs of a network.

    Attributes
    ----------
    nodes, layers : list of Boxed
        h_0..h_{N-1}, and W_2..W_N.
    deltas : list of Boxed or None
        A_2^T E..E, None where they are left out.
    ones : ndarray, shape (samples,)
        o.
    rank : int
        r.
    error : float
        What bounds how far every matrix is from that of a network in orthogonal bases, relative to its Frobenius norm:
        two products with matrices that Householder reflections or an SVD make, each off by m n eps times a small
        constant from orthogonal ones (Higham 2002, Theorem 19.4; measured below 4 sqrt(n) eps, with the products).
    """

    nodes: list[Boxed]
    layers: list[Boxed]
    deltas: list[Boxed | None]
    ones: Matrix
    rank: int
    error: float

    @property
    def boxes(self) -> Iterator[Boxed]:
        """All of them that there are."""
        yield from self.nodes
        yield from self.layers
        yield from (delta for delta in self.deltas if delta is not None)


def rank_and_samples(network: NodeNetwork, most: float) -> tuple[int, Matrix]:
    """Return the rank of h_{N-1} but for that share of its Frobenius norm, and a basis that begins with its rows.

    The rows by one step of subspace iteration, which squares what rounding or noise adds to a low rank (Halko,
    Martinsson & Tropp 2011, SIAM Review 53, 217): how much they leave out is then computed, not supposed.
    """
    h = network.nodes[-2]
    start = np.random.default_rng(0).random((h.shape[1], min(h.shape)))
    start -= 0.5
    basis = np.linalg.qr(h.T @ (h @ start), mode="complete")[0]
    turned = h @ basis
    rests = np.cumsum(np.einsum("ij,ij->j", turned, turned)[::-1])[::-1]
    rank = int(np.count_nonzero(rests > most * most * rests[0]))
    if rank >= _DIAGONAL:  # orthogonal columns of h_{N-1} make a diagonal of its triangle
        rows = turned[:, :rank]
        basis[:, :rank] = basis[:, :rank] @ np.linalg.eigh(rows.T @ rows)[1][:, ::-1]
    return rank, basis


def keeps_apart(network: NodeNetwork) -> bool:
    """Whether X keeps the rows of h_{N-1} and the other samples apart, roughly, where those are a bottleneck's."""
    h, first = network.nodes[-2], network.nodes[0]
    if len(h) >= min(len(network.residual), *first.shape):
        return False
    rows = np.linalg.qr(h.T)[0]
    onto = first.T @ (first @ rows)
    return bool(np.linalg.norm(onto - rows @ (rows.T @ onto)) <= _APART * np.linalg.norm(onto))


def in_bases(
    network: NodeNetwork,
    sizes: Sequence[float],
    rank: int,
    samples: Matrix,
    most: float,
    *,
    without: Collection[int] = (),
) -> TurnedNetwork:
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
    without : collection of int
        k whose A_k^T E is not asked for.
    """
    first = network.nodes[0] @ samples
    Q = _orthogonal(first)
    if Q is None:
        Q = np.linalg.qr(first, mode="complete")[0]
    nodes = [Boxed.of(sizes[0] * (Q.T @ first), most)]
    layers: list[Boxed] = []
    deltas: list[Boxed | None] = []
    for k, W in enumerate(network.layers, start=1):
        turned = W @ Q
        columns = turned[:, :rank]
        if network.biased[k - 1]:  # whose direction the node has, too
            columns = np.column_stack([network.nodes[k] @ network.ones, columns])
        Q = np.linalg.qr(columns, mode="complete")[0]
        if k < network.depth:
            nodes.append(Boxed.of(sizes[k] * (Q.T @ (network.nodes[k] @ samples)), most))
        if k > 1:
            layers.append(Boxed.of(Q.T @ turned, most))
            delta = None if k in without else Boxed.of(sizes[k - 1] * (Q.T @ (network.deltas[k] @ samples)), most)
            deltas.append(delta)
    longest = max(network.samples, *(max(W.shape) for W in network.layers))
    return TurnedNetwork(nodes, layers, deltas, network.ones @ samples, rank, 20.0 * longest * longest * EPS)


def _orthogonal(matrix: Matrix) -> Matrix | None:
    """Take a multiple of an orthogonal matrix, to rounding, for the multiple of it that is."""
    order = len(matrix)
    if matrix.shape != (order, order) or not np.any(matrix):
        return None
    square = float(np.sum(matrix * matrix)) / order
    off = matrix @ matrix.T
    off.flat[:: order + 1] -= square
    return matrix / np.sqrt(square) if np.linalg.norm(off) <= order * EPS * square else None
