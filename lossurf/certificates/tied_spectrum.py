"""Whether the bases that a certificate of a tied autoencoder names are what they are said to be, and its shapes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lossurf.certificates.check import Check, at_most
from lossurf.certificates.rounding import TWICE
from lossurf.certificates.tied_numbers import TiedNumbers
from lossurf.decompositions import singular_values
from lossurf.numerics import EPS, UNDECIDED_FACTOR, Matrix, column_norms, frobenius_norm, rank_threshold


def layer_checks(claim: TiedNumbers) -> Iterator[Check]:
    """Yield that the matrix and the data are as long and as wide as they are said to be."""
    (layer,), (rank, dx) = claim.said["layers"], claim.R11.shape
    found, said = frobenius_norm(claim.W), float(layer["norm"])
    yield at_most("weights", abs(found - said), TWICE * EPS * claim.W.size * max(found, said))
    data, shape = claim.said["data"], list(claim.W.shape)
    sizes = all(data.get(key, size) == size for key, size in (("dx", dx), ("dy", dx), ("rank_x", rank)))
    yield Check("shapes", layer.get("shape", shape) == shape and sizes)


def spectrum_checks(claim: TiedNumbers) -> Iterator[Check]:
    """Yield that Q are eigenvectors in order, and that their eigenvalues are told apart as they can be."""
    told, (rank, dx) = claim.told, claim.R11.shape
    e, orthonormal = rank_threshold(1.0, 1 + 2 * dx), TWICE * rank_threshold(1.0, claim.order)
    yield Check("inputs-rank", _independent(claim.R11))
    yield at_most("eigenvectors", _off_orthonormal(claim.Q), orthonormal)
    yield at_most("hidden-basis", _off_orthonormal(claim.stored.arrays["U"]), orthonormal)
    s, sizes = claim.values, told["eigenvalues"]
    yield at_most("eigenvalues", _off_diagonal(claim.images.T, s, TWICE * rank_threshold(1.0, claim.order)), 1.0)
    seen = sum(sizes)
    if not (all(size > 0 for size in sizes) and seen <= rank):
        yield Check("eigenvalues-told-apart", False, float(seen), float(rank))
        return
    # singular values closer than ten times their rounding count as one; each of two computations has that rounding
    steps, between = s[:-1] - s[1:], np.isin(np.arange(1, dx), np.cumsum(sizes))[: dx - 1]
    least, most = (UNDECIDED_FACTOR - TWICE) * e, (UNDECIDED_FACTOR + TWICE) * e
    inside = np.arange(1, dx) < seen
    ordered = float(np.max(-steps, initial=0.0)) <= TWICE * e and float(np.max(s[rank:], initial=0.0)) <= TWICE * e
    yield Check("eigenvalues-in-order", ordered)
    apart = bool(np.all(steps[inside & between] > least) and np.all(steps[inside & ~between] <= most))
    seen_ones = bool(np.all(s[:seen] > least) and np.all(s[seen:] <= most))
    yield Check("eigenvalues-told-apart", apart and seen_ones, float(seen), float(rank))
    image = (claim.stored.arrays["U"].T @ claim.C) * claim.spectrum.s
    lengths = np.linalg.norm(image, axis=1)
    # W Q is rounded relative to the rows of W, which may be long on what X hardly has
    reach = max(float(np.linalg.norm(image)), frobenius_norm(claim.W) * float(np.linalg.norm(claim.spectrum.s)))
    error = TWICE * rank_threshold(reach, claim.order)
    yield at_most("hidden-basis-of-w", _off_diagonal(image, lengths, error), 1.0)


def _independent(R11: Matrix) -> bool:
    """Whether the rows of R11 are independent, its columns having norm 1: the rank of X is their number."""
    norms = column_norms(R11) if len(R11) else np.zeros(R11.shape[1])
    values = singular_values(np.divide(R11, norms, out=np.zeros_like(R11), where=norms > 0.0))
    return bool(len(R11) <= R11.shape[1] and (not values.size or values[-1] > EPS * values[0]))


def _off_orthonormal(basis: Matrix) -> float:
    return float(np.max(np.abs(basis.T @ basis - np.eye(len(basis))), initial=0.0))


def _off_diagonal(rows: Matrix, lengths: Matrix, error: float) -> float:
    """How far rows are from being orthogonal, as a share of what an error of each explains."""
    gram = np.abs(rows @ rows.T)
    bounds = error * (lengths[:, None] + lengths + error)
    shares = np.divide(gram, bounds, out=np.where(gram > 0.0, np.inf, 0.0), where=bounds > 0.0)
    return float(np.max(shares - np.diag(np.diag(shares)), initial=0.0))
