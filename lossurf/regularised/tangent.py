"""The second derivative of the regularised loss at a critical point, on the tangent space of the rank-r products.

In the bases of the signal and their complements a direction changes P by [[delta, beta], [gamma, 0]] at first order,
and

    v^T H v = ||[delta, beta; gamma, 0] F||^2 + psi(delta) + lam sum_p sigma_p^{2-2N} (|beta_p|^2 + |gamma_p|^2)
              - 2 sum_p sigma_p^{-N} gamma_p^T G_perp beta_p^T

once the layers share delta in the cheapest way; psi is then the second derivative of N/2 lam sum_p s_p^{2/N}, the least
penalty of a product with singular values s (for N = 2 the nuclear norm: Srebro, Rennie & Jaakkola 2005). Own.
Coordinates here are those of the layers: beta_p = sigma_p^{N-1} b_p, gamma_p = sigma_p^{N-1} c_p with b in W_1 and c in
W_N, and delta_pq = w_pq d_pq with d along the layers' shortest way to it. The b are eliminated, in whose coordinates
the form is diagonal and positive, and the Schur complement S is compared with M = I + (dS/d eigenvalue): an eigenvalue
of the pencil (S, M) near zero is one of the Hessian to first order, and the signs of all are the signs of S.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from lossurf.decompositions import svd
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold
from lossurf.regularised.scaled import ScaledProblem
from lossurf.regularised.signal import Signal

LARGEST_FORM: Final = 2000
"""Unknowns of a dense symmetric eigenproblem that takes some ten seconds and 32 MB a matrix."""


@dataclass(frozen=True)
class Tangent:
    """A tangent vector in the layers' coordinates: d (r, r), b (r, dx - r), c (dy - r, r)."""

    d: Matrix
    b: Matrix
    c: Matrix


class TangentForm:
    """The form at one signal; `unknowns` says how large its matrices are before any is made.

    Parameters
    ----------
    signal : Signal
        Of depth 2 at least.
    problem : ScaledProblem

    Attributes
    ----------
    complement : ndarray, shape (n_c,)
        Singular values of G_perp, descending.
    left_out_inputs, left_out_outputs : ndarray, shapes (dx, n_c), (dy, n_c)
        Its singular vectors.
    """

    def __init__(self, signal: Signal, problem: ScaledProblem) -> None:
        self.signal, self.problem = signal, problem
        self._V, self._U = _with_complement(signal.bases[0]), _with_complement(signal.bases[-1])
        r, N, sigma = signal.rank, signal.depth, signal.sigma
        self._E = signal.product @ problem.F - problem.T
        inputs = self._V.T @ problem.F
        self._carried = inputs[:r]  # (r, rank_x)
        L, f, R = svd(inputs[r:], full_matrices=False)
        self._L, self._f, self._R = L, f, R  # of the inputs that P does not see
        left_out = -(self._U[:, r:].T @ self._E) @ (R.T * f)  # G_perp in the basis L, (dy - r, k)
        self._C, self.complement, Vc = svd(left_out, full_matrices=False)
        self._K = self.complement[:, None] * Vc  # (n_c, k)
        self.left_out_inputs = self._V[:, r:] @ (L @ Vc.T)  # right singular vectors of G_perp
        self.left_out_outputs = self._U[:, r:] @ self._C
        powers = sigma[:, None] ** np.arange(N)[None, :]  # sigma_p^j
        self._share = powers[:, ::-1][:, None, :] * powers[None, :, :]  # of a_k[p, q] in delta_pq at [p, q, k - 1]
        self.reach = np.sqrt(np.sum(self._share**2, axis=2))  # w, (r, r)
        self._top = powers[:, -1]  # sigma^{N-1}

    @property
    def unknowns(self) -> int:
        """Order of S: r^2 + r times the outputs beside the signal that matter."""
        return int(self.signal.rank * (self.signal.rank + self._C.shape[1]))

    @property
    def eliminated(self) -> int:
        """Positive directions that are not in S."""
        r, dx, dy = self.signal.rank, self._V.shape[0], self._U.shape[0]
        return int(r * (dx - r) + r * (dy - r - self._C.shape[1]))

    @cached_property
    def _diagonal(self) -> Matrix:
        """The form on b in the basis L: sigma_p^{2N-2} f^2 + lam, (r, k)."""
        return np.asarray((self._top[:, None] * self._f) ** 2 + self.problem.decay)

    @cached_property
    def _couplings(self) -> list[Matrix]:
        """For every p the form between b_p and (d_p, c_p): (k, r + n_c)."""
        of_signal = (self._carried @ self._R.T).T * self._f[:, None]  # (k, r)
        found = []
        for p in range(self.signal.rank):
            below = self.signal.sigma[p] ** (self.signal.depth - 2)
            found.append(np.hstack([self._top[p] * of_signal * self.reach[p], -below * self._K.T]))
        return found

    def _indices(self, p: int) -> Matrix:
        """Places of (d_p, c_p) among the unknowns."""
        r, n_c = self.signal.rank, self._C.shape[1]
        return np.concatenate([p * r + np.arange(r), r * r + p * n_c + np.arange(n_c)])

    @cached_property
    def matrices(self) -> tuple[Matrix, Matrix]:
        """S and M, shapes (unknowns, unknowns)."""
        S, M = np.zeros((self.unknowns,) * 2), np.eye(self.unknowns)
        self._add_penalty(S)
        self._add_data(S)
        for p, coupling in enumerate(self._couplings):
            at = np.ix_(self._indices(p), self._indices(p))
            scaled = coupling / self._diagonal[p][:, None]
            S[at] -= coupling.T @ scaled
            M[at] += scaled.T @ scaled
        return 0.5 * (S + S.T), M

    def _add_data(self, S: Matrix) -> None:
        r, n_c = self.signal.rank, self._C.shape[1]
        gram = self._carried @ self._carried.T
        for p in range(r):
            rows = p * r + np.arange(r)
            S[np.ix_(rows, rows)] += self.reach[p][:, None] * gram * self.reach[p]
        of_columns = (self._top[:, None] * gram * self._top) + self.problem.decay * np.eye(r)
        S[r * r :, r * r :] += np.kron(of_columns, np.eye(n_c))

    def _add_penalty(self, S: Matrix) -> None:
        """psi: along the singular values the second derivative of h(s) = N/2 lam s^{2/N}, beside them differences."""
        r, N, lam = self.signal.rank, self.signal.depth, self.problem.decay
        sigma = self.signal.sigma
        slope = sigma ** (2 - N)  # h'(s) / lam
        together, apart = _divided(sigma, N), (slope[:, None] + slope) / (sigma[:, None] ** N + sigma**N)
        mean, half = 0.5 * (together + apart), 0.5 * (together - apart)
        place = np.arange(r * r).reshape(r, r)
        off = ~np.eye(r, dtype=bool)
        S[place[off], place[off]] += (lam * mean * self.reach**2)[off]
        S[place[off], place.T[off]] += (lam * half * self.reach * self.reach.T)[off]
        own = np.diag(place)
        S[own, own] += lam * (2.0 / N - 1.0) * sigma ** (2 - 2 * N) * np.diag(self.reach) ** 2

    @cached_property
    def spectrum(self) -> tuple[Matrix, Matrix]:
        """Eigenvalues of (S, M), ascending, with their vectors as columns; M-orthonormal."""
        if not self.unknowns:
            return np.zeros(0), np.zeros((0, 0))
        values, vectors = eigh(*self.matrices, check_finite=False)
        return np.asarray(values), np.asarray(vectors)

    @property
    def size(self) -> float:
        """Bound of the terms of the form in the layers' coordinates: what its rounding is a share of."""
        top = float(self._top[0]) if self.signal.rank else 0.0
        sides = float(self.complement[0]) if self.complement.size else 0.0
        below = float(self.signal.sigma[0]) ** (self.signal.depth - 2) if self.signal.rank else 0.0
        return self.signal.depth * top**2 + sides * below + 2.0 * self.problem.decay

    def tangent(self, vector: Matrix) -> Tangent:
        """Return the tangent vector of unknowns, b at its best."""
        r, n_c = self.signal.rank, self._C.shape[1]
        d, c = vector[: r * r].reshape(r, r), vector[r * r :].reshape(r, n_c)
        b = np.zeros((r, self._L.shape[1]))
        for p, coupling in enumerate(self._couplings):
            b[p] = -(coupling @ np.concatenate([d[p], c[p]])) / self._diagonal[p]
        return Tangent(d, b @ self._L.T, self._C @ c.T)

    def newton(self, longest: float = inf) -> Matrix | None:
        """Take a Newton step to the nearest critical point, singular directions left out, and return the product.

        None where the step is not finite. Beside a critical point that is not isolated, flat directions have
        eigenvalues of the size of the slope, and steps along them of any length: those longer than `longest` are left
        out too.
        """
        r, N, lam = self.signal.rank, self.signal.depth, self.problem.decay
        G = self._U.T @ (self._E @ self.problem.F.T) @ self._V
        g_d = (G[:r, :r] + np.diag(lam * self.signal.sigma ** (2 - N))) * self.reach
        g_b = (G[:r, r:] @ self._L) * self._top[:, None]
        g_c = (G[r:, :r] * self._top).T  # (r, dy - r)
        inside = g_c @ self._C
        right = np.concatenate([g_d.ravel(), inside.ravel()])
        for p, coupling in enumerate(self._couplings):
            right[self._indices(p)] -= coupling.T @ (g_b[p] / self._diagonal[p])
        y = self._solved(-right, longest)
        moved = self.tangent(y)
        b = moved.b - (g_b / self._diagonal) @ self._L.T
        of_columns = self._top[:, None] * (self._carried @ self._carried.T) * self._top + lam * np.eye(r)
        outside = g_c - inside @ self._C.T
        c = moved.c - cho_solve(cho_factor(of_columns), outside).T if r else moved.c
        beta, gamma = self._top[:, None] * b, c * self._top
        change = np.block([[moved.d * self.reach, beta], [gamma, gamma / self.signal.sigma**N @ beta]])
        found = self.signal.product + self._U @ change @ self._V.T
        return np.asarray(found) if np.isfinite(found).all() else None

    def _solved(self, right: Matrix, longest: float) -> Matrix:
        """S^+ right; what is zero to rounding beside the largest is a direction in which nothing decides."""
        values, vectors = self.spectrum
        if not values.size:
            return right
        largest = float(np.max(np.abs(values)))
        kept = np.abs(values) > UNDECIDED_FACTOR * rank_threshold(largest, self.problem.order + self.unknowns)
        steps = np.divide(vectors.T @ right, values, out=np.zeros_like(values), where=kept)
        return np.asarray(vectors @ np.where(np.abs(steps) <= longest, steps, 0.0))

    def lift(self, tangent: Tangent) -> list[Matrix]:
        """Return the changes of the layers that belong to a tangent vector, delta shared in the cheapest way."""
        bases, r, N = self.signal.bases, self.signal.rank, self.signal.depth
        shares = self._cheapest(tangent.d)
        layers = [np.asarray(bases[k + 1] @ shares[:, :, k] @ bases[k].T) for k in range(N)]
        layers[0] += bases[1] @ tangent.b @ self._V[:, r:].T
        layers[-1] += self._U[:, r:] @ tangent.c @ bases[-2].T
        return layers

    def _cheapest(self, d: Matrix) -> Matrix:
        """Return a_k[p, q] at [p, q, k - 1], so that delta is what d says at the least penalty.

        sum_k sigma_p^{N-k} a_k[p, q] sigma_q^{k-1} = w_pq d_pq. The penalty, over lam |a|^2 less twice the sum over
        i > j of a_i[p, q] a_j[q, p] sigma_p^{1+j-i} sigma_q^{i-j-1}, couples a[p, q] with a[q, p] alone, and is >= 0
        on the changes that leave delta as it is.
        """
        r, N = d.shape[0], self.signal.depth
        found = np.zeros((r, r, N))
        for p in range(r):
            for q in range(p, r):
                rows = self._share[p, q] / self.reach[p, q], self._share[q, p] / self.reach[q, p]
                pair = _pair(d[p, q], d[q, p], rows, self._pair_penalty(p, q), same=p == q)
                found[p, q], found[q, p] = pair
        return found

    def _pair_penalty(self, p: int, q: int) -> Matrix:
        """Matrix of the penalty in (a[p, q], a[q, p]) over lam, (2N, 2N)."""
        N, s, t = self.signal.depth, self.signal.sigma[p], self.signal.sigma[q]
        Q = np.eye(2 * N)
        for i in range(1, N + 1):
            for j in range(1, i):
                for first, second, x, y in ((i - 1, N + j - 1, s, t), (N + i - 1, j - 1, t, s)):
                    value = x ** (1 + j - i) * y ** (i - j - 1)
                    Q[first, second] -= value
                    Q[second, first] -= value
        return Q


def _pair(first: float, second: float, rows: tuple[Matrix, Matrix], Q: Matrix, *, same: bool) -> tuple[Matrix, Matrix]:
    """Return the a of one pair: the shortest for its delta, and what of the others lowers the penalty."""
    N = rows[0].size
    if same:  # one set of unknowns: a[p, q] = a[q, p]
        both = np.vstack([np.eye(N), np.eye(N)]) / np.sqrt(2.0)
        start = both @ rows[0] * np.sqrt(2.0) * first
        kernel = both @ _kernel(rows[0][None, :])
    else:
        start = np.concatenate([rows[0] * first, rows[1] * second])
        constraint = np.zeros((2, 2 * N))
        constraint[0, :N], constraint[1, N:] = rows
        kernel = _kernel(constraint)
    a = start - kernel @ (np.linalg.pinv(kernel.T @ Q @ kernel, rcond=1e-12, hermitian=True) @ (kernel.T @ Q @ start))
    return a[:N], a[N:]


def _kernel(rows: Matrix) -> Matrix:
    return np.asarray(svd(rows)[2][rows.shape[0] :].T)


def _divided(sigma: Matrix, N: int) -> Matrix:
    """(s_p^a - s_q^a) / (s_p - s_q) for s = sigma^N, a = 2/N - 1; its limit where the two are equal.

    Through logarithms, as differences of near powers would lose all digits: s_q^{a-1} expm1(a t) / expm1(t) with
    t = log(s_p / s_q).
    """
    a, logs = 2.0 / N - 1.0, N * np.log(sigma)
    t = np.minimum(logs[:, None], logs) - np.maximum(logs[:, None], logs)  # <= 0: no overflow
    lead = np.exp((a - 1.0) * np.maximum(logs[:, None], logs))
    ratio = np.divide(np.expm1(a * t), np.expm1(t), out=np.full_like(t, a), where=t < 0.0)
    return np.asarray(lead * ratio)


def _with_complement(basis: Matrix) -> Matrix:
    """Orthogonal matrix whose first columns are those given."""
    size, rank = basis.shape
    if not rank:
        return np.eye(size)
    full = np.linalg.qr(basis, mode="complete")[0]
    full[:, :rank] = basis
    return np.asarray(full)
