"""The lemmas behind Theorem 2.3 in plain words; `classify --lemmas` evaluates each on a checkpoint."""

from __future__ import annotations

from typing import Final

from lossurf.theory.explanation import Explanation
from lossurf.theory.references import KAWAGUCHI_2016
from lossurf.words import Kind

_ASK: Final = "Run `lossurf classify CHECKPOINT --lemmas` to evaluate it on a checkpoint."

_ENTRIES: Final = (
    Explanation(
        "lemma-4.1",
        Kind.LEMMA,
        "Lemma 4.1: the gradient condition",
        "W is a critical point exactly if (W_N ... W_{k+1})^T (P X - Y) (W_{k-1} ... W_1 X)^T = 0 for every layer k.",
        "It is the definition of a critical point; everything else needs it.",
        _ASK,
        f"{KAWAGUCHI_2016}, Lemma 4.1",
    ),
    Explanation(
        "lemma-4.2",
        Kind.LEMMA,
        "Lemma 4.2: the product at a critical point is a projected least-squares fit",
        "At a critical point W_N ... W_1 = C (C^T C)^- C^T Y X^T (X X^T)^-1 with C = W_N ... W_2: the least-squares "
        "solution, projected on the range of C.",
        "The only freedom at a critical point is which subspace of the outputs the network uses.",
        _ASK,
        f"{KAWAGUCHI_2016}, Lemma 4.2",
    ),
    Explanation(
        "lemma-4.3",
        Kind.LEMMA,
        "Lemma 4.3: the blocks of the Hessian",
        "The Hessian's diagonal blocks are Kronecker products of Gram matrices; its blocks against layer 1 add a term "
        "in the residual.",
        "It holds at every point, critical or not: a large residual here would be an error of computation.",
        _ASK,
        f"{KAWAGUCHI_2016}, Lemma 4.3",
    ),
    Explanation(
        "lemma-4.4",
        Kind.LEMMA,
        "Lemma 4.4: a range condition for a semidefinite Hessian",
        "If the Hessian at a critical point is positive or negative semidefinite then, for each k = 2..N, the range of "
        "(W_{k-1} ... W_2)^T lies in the range of C^T C, or X r W_N ... W_{k+1} = 0 (r the transposed residual).",
        "Where it fails the Hessian has a negative eigenvalue: the saddle is strict. Where it holds nothing follows.",
        _ASK,
        f"{KAWAGUCHI_2016}, Lemma 4.4",
    ),
    Explanation(
        "corollary-4.5",
        Kind.LEMMA,
        "Corollary 4.5: a rank condition for a semidefinite Hessian",
        "If the Hessian at a critical point is positive or negative semidefinite then, for each k = 2..N, "
        "rank(W_N ... W_k) >= rank(W_{k-1} ... W_2), or X r W_N ... W_{k+1} = 0.",
        "The same test as Lemma 4.4, by ranks alone; it is weaker. Where it fails the saddle is strict.",
        _ASK,
        f"{KAWAGUCHI_2016}, Corollary 4.5",
    ),
    Explanation(
        "lemma-4.6",
        Kind.LEMMA,
        "Lemma 4.6: leading eigenvectors, or no residual",
        "If the Hessian at a critical point is positive semidefinite then C (C^T C)^- C^T projects on leading "
        "eigenvectors of Sigma, as many as rank(C), or X r = 0.",
        "A network that fits with other than the leading directions can turn towards them: where it fails the saddle "
        "is strict.",
        _ASK,
        f"{KAWAGUCHI_2016}, Lemma 4.6",
    ),
)

LEMMAS: Final = {entry.id: entry for entry in _ENTRIES}
"""Every lemma by id."""
