"""How far the computed Hessian can be from that of the stored weights on the data, and what bounds its spectrum."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lossurf.decompositions import largest_singular_value
from lossurf.landscape.norms import norm_bound
from lossurf.landscape.parameter_hessian import ParameterHessian
from lossurf.numerics import EPS, Matrix, frobenius_norm


@dataclass(frozen=True)
class HessianBounds:
    """Bounds in spectral norm, over 2^exponent.

    Attributes
    ----------
    rounding : float
        Of the error of `apply` as an operator.
    assembly : float
        Of the error of `dense` and `product_form`.
    data : float
        Of the change of H by the errors of X and Y (`Precision`).
    trace : float
        A number between the largest eigenvalue of J^T J and its trace.
    least_radius : float
        A lower bound, to rounding, of the largest eigenvalue: of its largest diagonal block.
    blocks : ndarray, shape (parts, parts)
        At [i - 1, q] of what the residual puts between W_i and part q of a lower layer.
    """

    rounding: float
    assembly: float
    data: float
    trace: float
    least_radius: float
    blocks: Matrix

    @cached_property
    def mixed(self) -> float:
        """Of what the residual adds to J^T J: |lambda_i(H) - lambda_i(J^T J)| is at most that (Weyl)."""
        return largest_singular_value(self.blocks + self.blocks.T)

    def changed(self, share: float, unit: float) -> float:
        """Of the change of H where every layer, node and residual is off by that share of its Frobenius norm.

        A product that is off by a unit of the norms of its factors counts in `rounding` twice, forwards and backwards.
        """
        return self.rounding * share / unit

    def of_layers(self, layers: Collection[int]) -> float:
        """Of the part of that which stands in the rows of some layers."""
        if len(layers) < 2:  # one row b of blocks and its transpose: b b^T has the squares of both eigenvalues
            return sum(float(np.linalg.norm(self.blocks[layer - 1])) for layer in layers)
        chosen = np.zeros_like(self.blocks)
        rows = [layer - 1 for layer in layers]
        chosen[rows] = self.blocks[rows]
        return largest_singular_value(chosen + chosen.T)

    def tightened(self, hessian: ParameterHessian) -> HessianBounds:
        """Bound the blocks again, to 2 % of a norm."""
        blocks = np.zeros_like(self.blocks)
        for i, q, block in hessian.tight_mixed_norms():
            blocks[i - 1, q] = hessian.parts[i - 1].factor * hessian.parts[q].factor * block
        return replace(self, blocks=np.minimum(blocks, self.blocks))

    @property
    def spectrum(self) -> tuple[float, float]:
        """Between which all eigenvalues of the operator `apply` lie."""
        return -self.mixed - self.rounding, self.trace + self.mixed + self.rounding


@dataclass(frozen=True)
class _Changes:
    """What an error of one unit in every product makes of the products, in spectral norm, in the units of the nodes.

    A computed product A B is off by at most a unit times ||A||_F ||B||_F (Higham 2002, section 3.5); what follows
    carries that on by its spectral norm.
    """

    above: Matrix  # (N + 1,), of A_k as it is applied to a change of norm 1
    inner: Matrix  # (N + 1, N + 1), of M_ij likewise, at [i, j]
    nodes: Matrix  # (N + 1,), of h_k
    deltas: Matrix  # (N + 1,), of A_k^T E
    node_errors: Matrix  # (N + 1,): not per unit, by the data

    @classmethod
    def of(cls, hessian: ParameterHessian) -> _Changes:
        network, N = hessian.network, hessian.network.depth
        links = np.zeros((N + 2, N + 1))  # ||M_ij|| with A_i in the last row
        links[: N + 1], links[N + 1, 1:] = hessian.inner_norms, hessian.above_norms[1:]
        layers = [0.0, *map(frobenius_norm, network.layers)]
        nodes = [*(part.length for part in hessian.parts[:N]), frobenius_norm(network.nodes[-1])]
        deltas = hessian.delta_lengths

        def applied(i: int, j: int) -> float:
            """Sum over the layers k of M_ij of ||M_ik|| ||W_k||_F ||M_kj||."""
            return float(sum((links[i, k] if k < i - 1 else 1.0) * layers[k] * links[k, j] for k in range(j + 1, i)))

        own = [nodes[0], *(layers[k] * nodes[k - 1] + nodes[k] for k in range(1, N + 1))]
        of_nodes = np.array([own[0], *(_carried(links, own, k) for k in range(1, N + 1))])
        of_nodes[1:] += [(links[k + 1, 1] if k > 1 else 1.0) * layers[1] * own[0] for k in range(1, N + 1)]
        start = float(of_nodes[N]) + deltas[N]
        of_deltas = np.zeros(N + 1)
        for k in range(1, N + 1):
            of_deltas[k] = links[N + 1, k] * start
            of_deltas[k] += sum(links[i, k] * layers[i] * deltas[i] for i in range(k + 1, N + 1))
        first = network.errors.first
        errors = [network.errors.inputs, first, *(links[k + 1, 1] * first for k in range(2, N + 1))]
        inner = np.zeros((N + 1, N + 1))
        for j in range(1, N):
            inner[j + 1 :, j] = [applied(i, j) for i in range(j + 1, N + 1)]
        above = np.array([0.0, *(applied(N + 1, k) for k in range(1, N + 1))])
        return cls(above, inner, of_nodes, of_deltas, np.array(errors))


def _carried(links: Matrix, own: Sequence[float], k: int) -> float:
    """Sum what is lost at the nodes 1..k, carried on to node k."""
    return float(sum((links[k + 1, j] if j < k else 1.0) * own[j] for j in range(1, k + 1)))


def hessian_bounds(hessian: ParameterHessian) -> HessianBounds:
    """Bound the errors of a Hessian and its spectrum, from norms of the products that it is made of.

    Notes
    -----
    J moves by what its factors A_k and h_{k-1} do, and J^T J by 2 ||J|| times that; a product with a vector passes J
    twice, so that its rounding counts twice. A block <A_i^T E, V_i M_ij V_j h_{j-1}> moves by what its factors do. An
    error of X also turns what least squares leaves of Y into the row space.
    """
    network, unit, changes = hessian.network, hessian.unit, _Changes.of(hessian)
    rows, trace, least = [], 0.0, 0.0
    for index, part in enumerate(hessian.parts):
        k, size = part.layer, part.size
        of_right, error = _right(changes, index, k, network.depth)
        above = part.factor * float(hessian.above_norms[k])
        rounded = above * (of_right + part.length) + part.factor * float(changes.above[k]) * size
        rows.append((above * size, unit * rounded, above * error))
        orders = min(hessian.above[k].shape) if k < network.depth else 1, min(part.right.shape)
        least = max(least, (above * size) ** 2 / float(np.prod(orders)) ** 0.25)  # both are `norm_bound`
        trace += (part.factor * frobenius_norm(hessian.above[k]) * part.length) ** 2
    norm, rounded, moved = (float(value) for value in np.linalg.norm(np.array(rows), axis=0))
    of_rounding = 2.0 * (2.0 * norm + rounded) * rounded + 2.0 * unit * norm * norm
    of_data = (2.0 * norm + moved) * moved
    mixed = np.zeros((len(hessian.parts), len(hessian.parts)))
    of_target = network.errors.outputs + float(changes.node_errors[-1])
    delta_norms = [0.0, 0.0, *map(norm_bound, network.deltas[2:])]
    for i, q, block in hessian.mixed_norms:
        part, factor = hessian.parts[q], hessian.parts[i - 1].factor * hessian.parts[q].factor
        j, size, link = part.layer, part.size, float(hessian.inner_norms[i, part.layer])
        delta, whole = delta_norms[i], hessian.delta_lengths[i]
        of_right, error = _right(changes, q, j, network.depth)
        mixed[i - 1, q] = factor * block
        of_factors = float(changes.deltas[i]) * link + delta * float(changes.inner[i, j]) + 2.0 * whole * link
        of_rounding += 2.0 * unit * factor * (of_factors * size + delta * link * (of_right + part.length))
        above = float(hessian.above_norms[i])
        of_data += factor * link * (above * of_target * size + (delta + above * network.errors.rest) * error)
    longest = EPS * network.residual.size + unit
    return HessianBounds(
        rounding=of_rounding,
        assembly=of_rounding + longest * trace,
        data=of_data,
        trace=norm * norm,
        least_radius=least,
        blocks=mixed,
    )


def _right(changes: _Changes, index: int, layer: int, depth: int) -> tuple[float, float]:
    """Return what rounding makes of a part's right factor, per unit, and its error by the data; the row o is exact."""
    if index >= depth:
        return 0.0, 0.0
    return float(changes.nodes[layer - 1]), float(changes.node_errors[layer - 1])
