"""The least eigenvalue that is not zero at minima that keep their samples apart, where a bottleneck leaves a residual.

The forms of `split_ends` are all of H that is not zero. The first has the eigenvalues of sum_k G_k x K_k, r^2 of them.
With the rows w_i of an orthogonal W, E G^T = sum_i z_i u_i w_i^T, the second has those of T(phi_i, z_i), phi_i =
||G^T w_i||^2, or of one of the two diagonal blocks of T where there are more of one kind of parameter than of the
other, but for what W leaves beside the diagonal of G G^T (Weyl): r (q - r) + r (dy - r) of them. Where as many
eigenvalues of H lead up as that, and none of these is within its error of 0, the least of them is the least of H that
is not zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.ends import End
from lossurf.landscape.least_nonzero import least_eigenvalue
from lossurf.landscape.norms import norm_bound
from lossurf.landscape.split_ends import SplitNetwork, first_terms
from lossurf.numerics import Matrix, rank_threshold

_MOST_WORK: Final = 1e9  # of the cubes of orders: about a second
_SAME: Final = 1e-9  # relative: phi that are one number but for rounding, of which the largest z decides


def split_least(network: SplitNetwork, rounded: float) -> tuple[End, int] | None:
    """Enclose the least eigenvalue of all forms, and count their eigenvalues.

    Parameters
    ----------
    network : SplitNetwork
    rounded : float
        Bound of what the matrices here are rounded by.

    Returns
    -------
    (End, int) or None
        Certain on both sides. None where the forms are too many and too large, or idle units have a third.
    """
    r = len(network.nodes[0])
    if network.has_idle and len(network.layers) == 1:
        return None
    other = _least_of_others(network)
    if other is None:
        return None
    first = least_eigenvalue(*first_terms(network), rounded)
    inner, outer = min(first.inner, other.inner + rounded), min(first.outer, other.outer - rounded)
    return End(inner, outer, 0.0), r * (r + network.rest.shape[0] + network.residual.shape[0])


def _least_of_others(network: SplitNetwork) -> End | None:
    """Enclose the least eigenvalue of the second form, to rounding of its factors."""
    A, M, h = network.other_factors
    _, z, W = svd(network.residual @ network.rest.T)
    square = W @ (network.rest @ network.rest.T) @ W.T
    phi = square.diagonal().copy()
    square.flat[:: len(square) + 1] = 0.0
    off = float(np.linalg.norm(square)) * norm_bound(A) ** 2
    pairs = [(float(p), float(of)) for p, of in zip(phi, z, strict=False)]
    if pairs and np.ptp(phi) <= _SAME * np.max(phi):
        off, pairs = off + float(np.ptp(phi)) * norm_bound(A) ** 2, pairs[:1]
    if len(pairs) * (2.0 * len(M)) ** 3 > _MOST_WORK:
        return None
    values = [np.linalg.eigvalsh(_pair(p, of, A.T @ A, M, h @ h.T)) for p, of in pairs]
    if len(phi) > len(z):
        values += [p * np.linalg.eigvalsh(A.T @ A) for p in phi[len(z) :]]
    if len(network.residual) > len(z):
        values.append(np.linalg.eigvalsh(h @ h.T))
    least, size = min(float(v[0]) for v in values), max(float(np.max(np.abs(v))) for v in values)
    error = 4.0 * rank_threshold(size, 2 * len(M)) + off
    return End(least + error, least - error, 0.0)


def _pair(phi: float, z: float, above: Matrix, between: Matrix, below: Matrix) -> Matrix:
    """T(phi, z)."""
    off = z * between
    return np.block([[phi * above, off.T], [off, below]])
