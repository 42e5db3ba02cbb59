"""Lemmas 4.1-4.6 and Corollary 4.5 of Kawaguchi 2016 evaluated on a checkpoint (theory, section 9).

Each statement is held in whitened coordinates, where X = I and ||T||_2 = 1, so that none needs X X^T invertible; a
number counts as zero by the one rule of theory section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from lossurf.decompositions import singular_values, svd
from lossurf.landscape.lemmas.hessian_blocks import block_disagreement
from lossurf.landscape.sensitivity import Sensitivity
from lossurf.landscape.verdict import LemmaFinding
from lossurf.numerics import STABILITY_FACTOR, Matrix, numerical_rank
from lossurf.spectral import spectral_norm
from lossurf.words import Status


@dataclass(frozen=True)
class _Claim:
    """Something said to be zero at a tolerance, and what counts as zero there."""

    residual: float
    threshold: float

    @property
    def holds(self) -> bool:
        return self.residual <= self.threshold

    @property
    def excess(self) -> float:
        if self.residual == 0.0:
            return 0.0
        return self.residual / self.threshold if self.threshold > 0.0 else np.inf


_Statement = Callable[[float], _Claim]


def evaluate_lemmas(sensitivity: Sensitivity, tau: float) -> tuple[LemmaFinding, ...]:
    """Hold every lemma against a whitened network.

    Parameters
    ----------
    sensitivity : Sensitivity
        Of the whitened network; at least two layers.
    tau : float
        Tolerance.

    Returns
    -------
    tuple of LemmaFinding
        4.1, 4.2, 4.3, then 4.4 and 4.5 for k = 2..N, then 4.6. Empty without a hidden layer: the lemmas are about
        products.

    Notes
    -----
    K. Kawaguchi, "Deep learning without poor local minima" (2016), section 4 and supplement.
    """
    if sensitivity.network.depth < 2:
        return ()
    lemmas = Lemmas(sensitivity)
    critical = lemmas.gradient(tau).holds
    return tuple(_findings(lemmas, tau, critical))


def inner_rank(sensitivity: Sensitivity, tau: float) -> int:
    """rank(W_H ... W_2) at tolerance tau, the hypothesis of Theorem 2.3 (iv); the width d_1 where H = 1."""
    N = sensitivity.network.depth
    values = singular_values(sensitivity.network.partial_product(N, 1))
    return numerical_rank(values, tau * sensitivity.change(N, 1))


class Lemmas:
    """The statements of the lemmas as functions of the tolerance."""

    def __init__(self, sensitivity: Sensitivity) -> None:
        self.sensitivity = sensitivity
        self.network = sensitivity.network
        self._top = self.network.depth + 1

    @cached_property
    def _svd(self) -> tuple[Matrix, Matrix, Matrix]:
        """Of C = W_N ... W_2."""
        return svd(self.network.above(1), full_matrices=False)

    def _kept(self, tau: float) -> tuple[int, float]:
        """rank(C), and how far a unit tolerance turns its range: change(C) over the smallest singular value kept."""
        s, change = self._svd[1], self.sensitivity.change(self._top, 1)
        rank = numerical_rank(s, tau * change)
        return rank, change / float(s[rank - 1]) if rank else 0.0

    def gradient(self, tau: float) -> _Claim:
        """4.1: A_k^T E B_{k-1}^T = 0 for every k."""
        return _Claim(float(np.max(self.sensitivity.gradient_measures())), tau)

    def representation(self, tau: float) -> _Claim:
        """4.2: P = C (C^T C)^- C^T T."""
        rank, turn = self._kept(tau)
        range_of_C = self._svd[0][:, :rank]
        residual = spectral_norm(self.network.product - range_of_C @ (range_of_C.T @ self.network.target))
        return _Claim(residual, tau * self._representation_reach(rank, turn))

    def _representation_reach(self, rank: int, turn: float) -> float:
        """Bound, per unit tolerance, P - C C^+ T: C^T E within the rule for gradients, through the inverse of C."""
        slack = max(self.sensitivity.block_change(1, 1), 1.0)
        return self.sensitivity.product_change + turn + (slack / float(self._svd[1][rank - 1]) if rank else 0.0)

    def row_space(self, k: int, tau: float) -> _Claim:
        """4.4: the range of (W_{k-1} ... W_2)^T lies in that of C^T C, or X r A_k = 0."""
        rank, turn = self._kept(tau)
        rows = self._svd[2][:rank]
        inner = self.network.partial_product(k, 1)
        outside = spectral_norm(inner - (inner @ rows.T) @ rows)
        reach = self.sensitivity.change(k, 1) + self.sensitivity.norm(k, 1) * turn
        return min(_Claim(outside, tau * reach), self._blind(tau, k), key=lambda claim: claim.excess)

    def ranks(self, k: int, tau: float) -> _Claim:
        """4.5: rank(W_N ... W_k) >= rank(W_{k-1} ... W_2), or X r A_k = 0."""
        outer = singular_values(self.network.above(k - 1))
        rank = numerical_rank(outer, tau * self.sensitivity.change(self._top, k - 1))
        inner = singular_values(self.network.partial_product(k, 1))
        surplus = float(inner[rank]) if inner.size > rank else 0.0
        return min(
            _Claim(surplus, tau * self.sensitivity.change(k, 1)), self._blind(tau, k), key=lambda claim: claim.excess
        )

    def _blind(self, tau: float, k: int) -> _Claim:
        """X r A_k = 0, that is A_k^T E = 0."""
        size = spectral_norm(self.network.above(k).T @ self.network.residual)
        s = self.sensitivity
        reach = s.change(self._top, k) * s.residual_norm + s.norm(self._top, k) * s.product_change
        return _Claim(size, tau * reach)

    def leading(self, tau: float) -> _Claim:
        """4.6: C (C^T C)^- C^T projects on a leading eigenspace of Sigma, or X r = 0.

        An invariant subspace on which no Rayleigh quotient is below one of its complement: this says the same as
        U_p U_p^T without dividing by a gap, and stays meaningful for tied eigenvalues.
        """
        rank, turn = self._kept(tau)
        N = self.network.depth
        slack = max(self.sensitivity.block_change(N, N), 1.0) * self.sensitivity.norm(self._top, N - 1)
        reach = 2.0 * turn + self._representation_reach(rank, turn) + slack
        no_residual = _Claim(self.sensitivity.residual_norm, tau * self.sensitivity.product_change)
        return min(_Claim(self._eigenspace_defect(rank), tau * reach), no_residual, key=lambda claim: claim.excess)

    def _eigenspace_defect(self, rank: int) -> float:
        """max(||(I - Pi) Sigma Pi||, largest Rayleigh quotient outside less smallest inside), Pi on range(C)."""
        basis = np.linalg.qr(self._svd[0][:, :rank], mode="complete")[0]
        seen = basis.T @ self.network.target
        sigma = seen @ seen.T
        inside, outside = sigma[:rank, :rank], sigma[rank:, rank:]
        if not inside.size or not outside.size:
            return 0.0
        exchange = float(np.linalg.eigvalsh(outside)[-1] - np.linalg.eigvalsh(inside)[0])
        return max(spectral_norm(sigma[rank:, :rank]), exchange)


def _findings(lemmas: Lemmas, tau: float, critical: bool) -> Iterator[LemmaFinding]:
    yield _finding("lemma-4.1", None, lemmas.gradient, tau, _gradient_meaning)
    yield _finding("lemma-4.2", None, lemmas.representation, tau, lambda status: _fit_meaning(status, critical))
    disagreement, rounding = block_disagreement(lemmas.network)
    yield _finding("lemma-4.3", None, lambda _: _Claim(disagreement, rounding), tau, _hessian_meaning)

    def second_order(status: Status) -> str:
        return _second_order_meaning(status, critical)

    layers = range(2, lemmas.network.depth + 1)
    for k in layers:
        yield _finding("lemma-4.4", k, partial(lemmas.row_space, k), tau, second_order)
    for k in layers:
        yield _finding("corollary-4.5", k, partial(lemmas.ranks, k), tau, second_order)
    yield _finding("lemma-4.6", None, lemmas.leading, tau, second_order)


def _finding(
    identifier: str, layer: int | None, statement: _Statement, tau: float, meaning: Callable[[Status], str]
) -> LemmaFinding:
    answers = {statement(tau * factor).holds for factor in (1.0 / STABILITY_FACTOR, 1.0, STABILITY_FACTOR)}
    claim = statement(tau)
    status = Status.UNDECIDED if len(answers) > 1 else Status.HOLDS if claim.holds else Status.FAILS
    return LemmaFinding(identifier, layer, status, claim.residual, claim.threshold, meaning(status))


_CLOSE = "within a factor 3 of the tolerance: not decided"


def _gradient_meaning(status: Status) -> str:
    return {Status.HOLDS: "a critical point", Status.FAILS: "not a critical point", Status.UNDECIDED: _CLOSE}[status]


def _fit_meaning(status: Status, critical: bool) -> str:
    if status is Status.UNDECIDED:
        return _CLOSE
    if status is Status.HOLDS:
        return "the product is least squares projected on the range of C"
    return "a contradiction with Lemma 4.1" if critical else "not yet a projected least-squares fit"


def _hessian_meaning(status: Status) -> str:
    return "the blocks agree with derivatives of the gradient" if status is Status.HOLDS else "an error of computation"


def _second_order_meaning(status: Status, critical: bool) -> str:
    if not critical:
        return "speaks of critical points only"
    if status is Status.UNDECIDED:
        return _CLOSE
    if status is Status.FAILS:
        return "the Hessian has a negative eigenvalue: a strict saddle"
    return "a necessary condition, met; it proves nothing alone"
