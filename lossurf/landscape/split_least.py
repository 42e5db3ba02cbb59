"""The least eigenvalue that is not zero at minima that keep their samples apart, where a bottleneck leaves a residual.

The forms of `split_ends` are all of H that is not zero. With the rows w_i of an orthogonal W, E G^T = sum_i z_i u_i
w_i^T, the second has the eigenvalues of T(phi_i, z_i), phi_i = ||G^T w_i||^2, or of one of the two diagonal blocks of T
where there are more of one kind of parameter than of the other, but for what W leaves beside the diagonal of G G^T
(Weyl): r (q - r) + r (dy - r) of them. The r^2 of the first, sum_k A_k A_k^T x h_{k-1}^T h_{k-1}, are at least those of
its last term, which are those of the block h_{N-1} h_{N-1}^T of every T, and so not below the least of T. Where as many
eigenvalues of H lead up as all that are, and the least of them is beyond its error, it is the least that is not zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lossurf.landscape.ends import End
from lossurf.landscape.norms import norm_bound
from lossurf.landscape.split_ends import SplitNetwork, pair_matrices
from lossurf.numerics import rank_threshold

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
    least = _least_of_second(network)
    count = r * (r + len(network.rest) + len(network.residual))
    return None if least is None else (End(least.inner + rounded, least.outer - rounded, 0.0), count)


def _least_of_second(network: SplitNetwork) -> End | None:
    """Enclose the least eigenvalue of the second form, to rounding of its factors."""
    A, M, h = network.other_factors
    z, W = network.coupling
    square = W @ (network.rest @ network.rest.T) @ W.T
    phi = square.diagonal().copy()
    square.flat[:: len(square) + 1] = 0.0
    off = float(np.linalg.norm(square)) * norm_bound(A) ** 2
    paired, alone = phi[: len(z)], phi[len(z) :]
    values = [float(np.min(alone)) * np.linalg.eigvalsh(A.T @ A)] if alone.size else []
    if paired.size and np.ptp(phi) <= _SAME * np.max(phi):
        off, z, paired = off + float(np.ptp(phi)) * norm_bound(A) ** 2, z[:1], paired[:1]
    if len(paired) * (2.0 * len(M)) ** 3 > _MOST_WORK:
        return None
    values.append(np.linalg.eigvalsh(pair_matrices(paired, z, A.T @ A, M, h @ h.T)).ravel())
    every = np.concatenate(values)
    least, size = float(np.min(every)), float(np.max(np.abs(every)))
    error = 4.0 * rank_threshold(size, 2 * len(M)) + off
    return End(least + error, least - error, 0.0)
