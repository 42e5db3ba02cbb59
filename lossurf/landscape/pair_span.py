"""Changes of a pair of layers that together lead down from a strict saddle (theory, section 5, certificates)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from lossurf.decompositions import svd
from lossurf.landscape.inner_products import is_narrow
from lossurf.landscape.norms import top_singular_pairs
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.staircase import Pairs
from lossurf.landscape.type_test import Level, TypeTest
from lossurf.network import Layers, WhitenedNetwork, layer_to_user
from lossurf.numerics import Matrix, frobenius_norm, rank_threshold
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CertificateKind

_PAIRS = 3  # layer pairs tried of the clearest, and of those with the most curvature in the stored coordinates
_ALIKE = 1.05  # ratio of lengths that is not worth a direction of its own
_TRIED = 3  # singular directions tried where the extreme ones are steepest but not always shortest


@dataclass(frozen=True)
class PairSpan:
    """Rank-one changes a b^T of W_i and c d^T of W_j, i > j, whose span holds a direction of negative curvature."""

    kind: CertificateKind
    layers: tuple[int, int]
    a: Matrix  # (n, d_i), one change a row
    b: Matrix  # (n, d_{i-1})
    c: Matrix  # (n', d_j)
    d: Matrix  # (n', d_{j-1})

    def form(self, network: WhitenedNetwork) -> Matrix:
        """Hessian form on the n + n' changes: products of changes of P, and between the layers <E_ij, V_i M_ij V_j>."""
        p, q, r, s = self._carried_out(network)
        mixed = (self.a @ network.residual_block(*self.layers) @ self.d.T) * self._linked(network)
        off = (p @ r.T) * (q @ s.T) + mixed
        return _two_by_two((p @ p.T) * (q @ q.T), off, (r @ r.T) * (s @ s.T))

    def changes_of_product(self, network: WhitenedNetwork, x: Matrix) -> tuple[Matrix, Matrix]:
        """D = A_i V_i B_{i-1} + A_j V_j B_{j-1} and A_i V_i M_ij V_j B_{j-1} of the combination x, shapes of P."""
        p, q, r, s = self._carried_out(network)
        left, right = p.T * x[: len(p)], x[len(p) :, None] * s
        return left @ q + r.T @ right, left @ self._linked(network) @ right

    def sizes(self, x: Matrix) -> tuple[float, float]:
        """Add up the norms of what V_i and V_j of the combination x are put together from: at least their own."""
        parts = (self.a, self.b, x[: len(self.a)]), (self.c, self.d, x[len(self.a) :])
        upper, lower = (
            float(np.sum(np.linalg.norm(columns, axis=1) * np.linalg.norm(rows, axis=1) * np.abs(weights)))
            for columns, rows, weights in parts
        )
        return upper, lower

    def _carried_out(self, network: WhitenedNetwork) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """A_i a, B_{i-1}^T b, A_j c and B_{j-1}^T d, as rows: the changes that a b^T and c d^T make of P."""
        i, j = self.layers
        p, q = self.a @ network.above(i).T, self.b @ network.below(i - 1)
        return p, q, self.c @ network.above(j).T, self.d @ network.below(j - 1)

    def _linked(self, network: WhitenedNetwork) -> Matrix:
        """b^T M_ij c of every two changes."""
        return np.asarray(self.b @ network.partial_product(*self.layers) @ self.c.T)

    def lengths(self, network: WhitenedNetwork, problem: ReducedProblem) -> tuple[Matrix, Matrix]:
        """Gram matrix of the changes in the caller's coordinates, each layer in its own unit, and those units."""
        grams, units = [], []
        for columns, rows, k in ((self.a, self.b, self.layers[0]), (self.c, self.d, self.layers[1])):
            mapped = layer_to_user(network, rows, k, problem)
            unit = frobenius_norm(mapped)
            if 0.0 < unit < inf:
                mapped /= unit
                grams.append((columns @ columns.T) * (mapped @ mapped.T))
            else:
                grams.append(0.0 * rows @ rows.T)
            units += [unit] * len(rows)
        return _two_by_two(grams[0], 0.0, grams[1]), np.array(units)

    def direction(self, network: WhitenedNetwork, x: Matrix) -> Layers:
        """Return the combination x of the changes over all layers, whitened coordinates."""
        i, j = self.layers
        changes = [np.zeros_like(W) for W in network.layers]
        changes[i - 1] += (self.a.T * x[: len(self.a)]) @ self.b
        changes[j - 1] += (self.c.T * x[len(self.a) :]) @ self.d
        return tuple(changes)


def _two_by_two(first: Matrix, mixed: Matrix | float, second: Matrix) -> Matrix:
    """Put a symmetric matrix together from its blocks."""
    n = len(first)
    whole = np.empty((n + len(second), n + len(second)))
    whole[:n, :n], whole[n:, n:] = first, second
    whole[:n, n:] = mixed
    whole[n:, :n] = whole[:n, n:].T
    return whole


def pair_spans(test: TypeTest, problem: ReducedProblem, rank: int, tau: float) -> Iterator[PairSpan]:
    """Yield changes of the two kinds of theory section 5 that lead down at a strict saddle.

    Parameters
    ----------
    test : TypeTest
    problem : ReducedProblem
    rank : int
        Rank of P at `tau`.
    tau : float
        Tolerance at which ranks are judged.

    Yields
    ------
    PairSpan
        An exchange of eigen-directions by the first and the last layer where P is no best fit of its rank, and changes
        of other pairs of layers through what lies between them.
    """
    seen = None if _lengths_agree(problem) else _unit_whitening(problem)
    exchanges = test.level(rank, tau) is not Level.EQUAL and 0 < rank < len(test.network.target)
    if exchanges:
        yield _exchange(test, rank, tau, seen)
    strict = test.strict_pairs(rank, tau)
    linked = test.linked_pairs(tau) if exchanges else strict
    steepest = linked[np.argsort(-_mixed_curvature(test.sensitivity, linked), kind="stable")]
    clearest = set(map(tuple, strict.tolist()))
    for pair in dict.fromkeys(map(tuple, [*strict[:_PAIRS].tolist(), *steepest[:_PAIRS].tolist()])):
        kind = CertificateKind.TAILS if pair in clearest else CertificateKind.WRONG_EIGENSET
        yield _linked(test, kind, pair, tau, seen)


def _mixed_curvature(sensitivity: Sensitivity, pairs: Pairs) -> Matrix:
    """Logarithm of ||E_ij|| ||M_ij||, the most that the mixed term gives, in the scale of the stored layers."""
    i, j = pairs.T
    stretch = np.array(sensitivity.network.stretch)
    with np.errstate(divide="ignore"):
        sizes = np.log(sensitivity.block_norms[i, j] * sensitivity.norms[i, j])
    return np.asarray(sizes + stretch[i - 1] + stretch[j - 1])


def _exchange(test: TypeTest, rank: int, tau: float, seen: Matrix | None) -> PairSpan:
    """Case 2: turn directions a that P carries towards better directions b that it leaves out.

    V_N = b a^T W_N and V_1 = C^+ a b^T T with C = W_N ... W_2. The worst a and the best b gain most, but others can be
    shorter to turn, so the few most extreme of each are combined.
    """
    network = test.network
    carried, left_out, basis = _extremes(test, rank)
    threshold = tau * test.sensitivity.change(network.depth + 1, 1)
    sources = _preimages(test, carried, rank, basis, threshold)
    rows = left_out @ network.target
    of_stored_length = [] if seen is None else [rows @ seen.T @ seen]
    times = 1 + len(of_stored_length)
    return PairSpan(
        CertificateKind.WRONG_EIGENSET,
        (network.depth, 1),
        a=np.tile(left_out, (len(carried), 1)),
        b=np.repeat(carried @ network.layers[-1], len(left_out), axis=0),
        c=np.tile(np.repeat(sources, len(left_out), axis=0), (times, 1)),
        d=np.vstack([np.tile(part, (len(carried), 1)) for part in (rows, *of_stored_length)]),
    )


def _extremes(test: TypeTest, rank: int) -> tuple[Matrix, Matrix, Matrix | None]:
    """Rows of the least that P carries and of the best that it leaves out, and a basis of the first if it is known.

    The eigenvectors of Sigma compressed to the range of P and to what is orthogonal to it, which are eigenvectors of
    Sigma itself where P is told to carry whole ones; in a wide network that saves three SVDs.
    """
    network, known = test.network, None if is_narrow(test.network) else test.carried(rank)
    if known is not None and known.others.shape[1]:
        return known.left[:, ::-1].T[:_TRIED], known.others.T[:_TRIED], known.left
    u = svd(network.product)[0]  # all columns: the left-out directions are those beyond the rank
    carried = _principal_axes(u[:, :rank], network.target)[:, ::-1].T[:_TRIED]
    return carried, _principal_axes(u[:, rank:], network.target).T[:_TRIED], None


def _unit_whitening(problem: ReducedProblem) -> Matrix:
    """F with its largest column norm scaled to 1, shape (dx, rank_x).

    A change d of W_1 in whitened coordinates is F^T d' of the stored W_1, and the d' that does most for its length is
    F times what does most in whitened coordinates: on ill-conditioned X the two differ.
    """
    largest = float(np.max(problem.column_norms, initial=0.0))
    return problem.whitening * (problem.column_norms / (largest or 1.0))[:, None]


def _lengths_agree(problem: ReducedProblem) -> bool:
    """Whether a change of W_1 is as long in the caller's coordinates as in whitened ones, nearly and but for a factor.

    Where the singular values of F are within a factor c of each other, so are the ratios of the two lengths, and what
    is steepest in one is within c^2 of that in the other.
    """
    used = problem.column_norms[problem.column_norms > 0.0]
    return bool(used.size) and problem.condition * float(np.max(used)) <= _ALIKE * float(np.min(used))


def _principal_axes(basis: Matrix, target: Matrix) -> Matrix:
    """Eigenvectors (columns) of Sigma compressed to span(basis), eigenvalues descending; nothing is squared."""
    return np.asarray(basis @ svd(basis.T @ target)[0])


def _preimages(test: TypeTest, rows: Matrix, rank: int, basis: Matrix | None, threshold: float) -> Matrix:
    """C^+ a for every row a, through the singular values of C that carry P: at least rank(P) = `rank` of them.

    Where all that C maps out of the span of `basis` is below `threshold` it has no others, and C^+ a is
    C'^T (C' C'^T)^-1 U^T a with C' = U^T C: what its condition, squared, takes of the digits makes the direction less
    steep, no more.
    """
    C = test.network.above(1)
    if basis is not None:
        inner, beyond = basis.T @ C, test.beyond(rank)
        # that of the signal's layers is in the span
        known = beyond is not None and beyond.bounds[test.network.depth + 1, 1] <= threshold
        if known or float(np.linalg.norm(C - basis @ inner)) <= threshold:
            return np.asarray(np.linalg.solve(inner @ inner.T, basis.T @ rows.T).T @ inner)
    left, s, right = svd(C, full_matrices=False)
    kept = s > rank_threshold(float(s[0]), max(C.shape))
    kept[:rank] = True
    return np.asarray(((rows @ left[:, kept]) / s[kept]) @ right[kept])


def _linked(
    test: TypeTest, kind: CertificateKind, layers: tuple[int, int], tau: float, seen: Matrix | None
) -> PairSpan:
    """V_i = a b^T, V_j = c d^T, (a, d) a top singular pair of E_ij and (b, c) one of M_ij.

    Case 3: b unseen by B_{i-1}, c by A_j or both. Case 2 by other layers than the first and the last: (b, c) as it is.
    """
    network, (i, j) = test.network, layers
    pairs = (top_singular_pairs(link, 1) for link in _without_seen(test, i, j, tau))
    links = [np.vstack(rows) for rows in zip(*pairs, strict=True)]
    residual = network.residual_block(i, j)
    left_out = test.carried(test.ranks(tau)[0]) if layers == (network.depth, 1) and not is_narrow(network) else None
    if left_out is None or not left_out.others.shape[1]:
        a, d = top_singular_pairs(residual, _TRIED)
    else:  # E is what P leaves out of T
        a, d = left_out.others.T[:_TRIED], left_out.others_right.T[:_TRIED]
    if j == 1 and seen is not None:
        by_stored_length = top_singular_pairs(residual @ seen.T, _TRIED)
        a, d = np.vstack([a, by_stored_length[0]]), np.vstack([d, by_stored_length[1] @ seen])
    b, c = (np.tile(rows, (len(a), 1)) for rows in links)
    a, d = (np.repeat(rows, len(links[0]), axis=0) for rows in (a, d))
    return PairSpan(kind, layers, a, b, c, d)


def _without_seen(test: TypeTest, i: int, j: int, tau: float) -> list[Matrix]:
    """M_ij without what B_{i-1} sees, without what A_j sees, without both, and as it is.

    In a wide network without those of which nothing is left at tau.
    """
    sensitivity, network = test.sensitivity, test.network
    M, rest_below, rest_above = network.partial_product(i, j), True, True
    beyond = test.beyond(test.ranks(tau)[0])
    if beyond is not None:
        # B_{i-1} sees the range of S_{i-1}, and A_j that of Q_j^T, if not more: the oblique projectors S Q take no more
        # of M than the orthogonal ones, so that what they leave bounds it
        zero = tau * sensitivity.change(i, j)
        if beyond.bounds[i, j] <= zero:
            return [M]
        rest_below = float(np.linalg.norm(beyond.signal.left_above(M, i))) > zero
        rest_above = float(np.linalg.norm(beyond.signal.left_below(M, j))) > zero
    found, from_below, above = [], M, np.zeros((len(M.T), 0))
    if rest_below:
        below = _range(network.below(i - 1), tau * sensitivity.change(i, 0))
        from_below = M - below @ (below.T @ M)
        found.append(from_below)
    if rest_above:
        above = _range(network.above(j).T, tau * sensitivity.change(network.depth + 1, j))
        found.append(M - (M @ above) @ above.T)
    if rest_below and rest_above:
        found.append(from_below - (from_below @ above) @ above.T)
    return [*found, M]


def _range(matrix: Matrix, threshold: float) -> Matrix:
    """Orthonormal basis of the left singular vectors with singular values above `threshold`."""
    left, s, _ = svd(matrix, full_matrices=False)
    return np.asarray(left[:, s > threshold])
