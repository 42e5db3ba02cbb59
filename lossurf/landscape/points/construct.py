"""Critical points of every kind on given data, in closed form (theory, section 7).

With S a set of r eigenvectors of Sigma, invertible D_k and tails Z_k, in whitened coordinates,

    W_1 = D_1 [U_S^T T ; Z_1],   W_k = D_k blockdiag(I_r, Z_k) D_{k-1}^{-1},   W_N = [U_S, U_Q Z_N] D_{N-1}^{-1}.

Here Z_1 = Z_N = 0, which makes every gradient vanish whatever the inner tails are. Inner tails zero: strict for one
hidden layer, bad for more, where P is a best fit of its rank below the optimal one. Inner tails with a non-zero
product, or S not the leading set: strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import output_bias
from lossurf.landscape.classify import classify_network
from lossurf.landscape.points.eigen_sets import Choice, Request, choose
from lossurf.landscape.verdict import Classification
from lossurf.network import Layers
from lossurf.numerics import Matrix
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CRITICAL, STRICT_WAYS, CertificateKind, DType, Verdict

_CONDITION: Final = 4.0
"""Condition number of every D_k: with singular values in [1/2, 2] no partial product, of any depth, is longer than
4 times its block-diagonal core, so the points stay well away from rounding."""


@dataclass(frozen=True)
class Construction:
    """A critical point of the wanted kind, as it was classified.

    Attributes
    ----------
    kind : Verdict
    weights : tuple of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), float64 values that `dtype` holds exactly.
    biases : tuple of ndarray or None
        The last is b_N (dy,) on centred data; the others are None.
    dtype : str
    rank : int
        Of the product.
    eigen_indices : tuple of int
        The eigenvectors of Sigma that the product carries, from 1.
    loss : float
    classification : Classification
        Its verdict equals `kind`.
    """

    kind: Verdict
    weights: Layers = field(repr=False)
    biases: tuple[Matrix | None, ...] = field(repr=False)
    dtype: str
    rank: int
    eigen_indices: tuple[int, ...]
    loss: float
    classification: Classification = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        """The verdict of `classification`."""
        return self.classification.verdict


def construct_point(
    problem: ReducedProblem,
    widths: Sequence[int],
    kind: str,
    *,
    rank: int | None = None,
    eigen_set: Sequence[int] | None = None,
    by: str | None = None,
    seed: int = 0,
    dtype: str = "float64",
) -> Construction:
    """Construct a critical point of a wanted kind.

    Parameters
    ----------
    problem : ReducedProblem
        Centred for a network with an output bias.
    widths : sequence of int
        (dx, hidden widths, dy).
    kind : {"global-minimum", "strict-saddle", "bad-saddle"}
    rank : int, optional
        Rank of the product; by default that of L* for minima, and for saddles the largest at which the verdict stands
        clear of rounding.
    eigen_set : sequence of int, optional
        Which eigenvectors of Sigma the product carries, from 1; by default the leading ones.
    by : {"wrong-eigenset", "tails"}, optional
        What makes a strict saddle strict: an eigenvector of larger eigenvalue left out, or the inner tails at a best
        fit of its rank.
    seed : int
        Of the random invertible D_k and tails.
    dtype : {"float64", "float32", "float16"}
        The weights are rounded to it before they are classified.

    Returns
    -------
    Construction

    Raises
    ------
    UsageError
        If no such point exists (the message names the theorem), or its verdict is lost at that precision.

    Notes
    -----
    Theory, section 7; the families are those of Kawaguchi 2016 (supplement) and Achour, Malgouyres & Gerchinovitz
    2024, section 3.
    """
    request = Request(
        problem,
        tuple(widths),
        Verdict(require_one_of(kind, "KIND", CRITICAL)),
        rank,
        None if eigen_set is None else tuple(sorted(eigen_set)),
        None if by is None else CertificateKind(require_one_of(by, "--by", STRICT_WAYS)),
    )
    require_one_of(dtype, "--dtype", tuple(DType))
    refusals: list[UsageError] = []
    for candidate in _candidates(request):
        try:
            return _constructed(candidate, seed, dtype)
        except UsageError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def require_one_of(word: str, where: str, words: Sequence[str]) -> str:
    """Return a word that is among those allowed, or refuse it."""
    if word not in words:
        raise UsageError(f"'{word}' is not one of {', '.join(words)}", where=where, remedy="use one of these")
    return word


def _candidates(request: Request) -> list[Request]:
    """Return the request with every rank that it leaves open, the largest first."""
    if request.kind is Verdict.GLOBAL_MINIMUM or request.rank is not None or request.eigen_set is not None:
        return [request]
    exchanged = request.by is CertificateKind.WRONG_EIGENSET
    ranks = range(request.rank_optimal, 0, -1) if exchanged else range(request.rank_optimal - 1, -1, -1)
    return [replace(request, rank=rank) for rank in ranks] or [request]


def _constructed(request: Request, seed: int, dtype: str) -> Construction:
    problem, choice = request.problem, choose(request)
    exact = critical_weights(problem, request.widths, choice, np.random.default_rng(seed))
    weights = tuple(stored_as(W, dtype) for W in exact)
    biases = stored_biases(weights, problem, dtype)
    name, dtypes = f"constructed {request.kind}", [dtype] * len(weights)
    result = classify_network(Checkpoint.of(weights, biases, dtypes=dtypes, name=name), problem)
    _require_kind(result, request.kind, dtype)
    return Construction(
        request.kind, weights, biases, dtype, len(choice.eigen_set), choice.eigen_set, result.loss, result
    )


def critical_weights(
    problem: ReducedProblem, widths: tuple[int, ...], choice: Choice, generator: np.random.Generator
) -> Layers:
    """Return a critical point of any kind, not yet classified.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy).
    choice : Choice
        An eigen-set of surely non-zero eigenvalues; tails only where every hidden width exceeds its size.
    generator : Generator
        Of the random invertible D_k and tails.

    Returns
    -------
    tuple of ndarray
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), float64.
    """
    layers = _whitened_layers(problem, widths, choice, generator)
    return (_to_user(layers[0], problem), *layers[1:])


def _whitened_layers(
    problem: ReducedProblem, widths: tuple[int, ...], choice: Choice, generator: np.random.Generator
) -> list[Matrix]:
    """Return the layers in whitened coordinates, in units of the target."""
    u, s, vt = problem.target_svd
    S = np.array(choice.eigen_set, dtype=int) - 1
    carried, r, hidden = s[S, None] * vt[S], len(S), widths[1:-1]
    if not hidden:
        return [np.asarray(u[:, S] @ carried)]
    D = [_well_conditioned(width, generator) for width in hidden]
    layers = [D[0][0][:, :r] @ carried]
    for (left, _), (right, inverse) in zip(D[1:], D[:-1], strict=True):
        core = np.zeros((left.shape[0], right.shape[0]))
        core[:r, :r] = np.eye(r)
        if choice.tails:
            core[r:, r:] = _tail(left.shape[0] - r, right.shape[0] - r, generator)
        layers.append(left @ core @ inverse)
    return [*layers, u[:, S] @ D[-1][1][:r]]


def _well_conditioned(size: int, generator: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Return a random D = Q diag(s) with condition number at most `_CONDITION`, and its inverse."""
    q = np.linalg.qr(generator.standard_normal((size, size)))[0]
    s = _CONDITION ** generator.uniform(-0.5, 0.5, size)
    return q * s, q.T / s[:, None]


def _tail(rows: int, columns: int, generator: np.random.Generator) -> Matrix:
    """Return a random tail with singular values 1: the product of such tails is never small by accident but for one.

    The first entry's axis is common to all tails, so that their product has norm 1 at any depth.
    """
    tail = np.zeros((rows, columns))
    tail[0, 0] = 1.0
    shared = min(rows, columns) - 1
    if shared > 0:
        tall = np.linalg.qr(generator.standard_normal((max(rows, columns) - 1, shared)))[0]
        tail[1:, 1:] = tall if rows >= columns else tall.T
    return tail


def _to_user(W_1: Matrix, problem: ReducedProblem) -> Matrix:
    """Map the first layer to the user's coordinates, zero on what X does not see; shape (d_1, dx)."""
    norms = problem.column_norms
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
    with np.errstate(over="ignore"):
        return np.asarray((W_1 @ problem.left_inverse * problem.scale) * inverse)


def stored_as(array: Matrix, dtype: str) -> Matrix:
    """Return float64 numbers as they will be read back from storage in `dtype`; refuse what leaves its range."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = array.astype(dtype).astype(np.float64)
    if not np.isfinite(rounded).all():
        raise UsageError(
            f"the weights of this data's units leave the range of {dtype}",
            where="--dtype",
            remedy="use a wider --dtype, or rescale X and Y to unit size",
        )
    return rounded


def stored_biases(weights: Layers, problem: ReducedProblem, dtype: str) -> tuple[Matrix | None, ...]:
    """Return the output bias of centred data at which the mean residual vanishes, rounded; no bias elsewhere."""
    inner: tuple[Matrix | None, ...] = (None,) * (len(weights) - 1)
    if not problem.bias:
        return (*inner, None)
    return (*inner, stored_as(output_bias(weights, None, problem), dtype))


def _require_kind(result: Classification, kind: Verdict, dtype: str) -> None:
    if result.verdict is kind:
        return
    other = "another --rank or --eigen-set" if dtype == "float64" else "--dtype float64, or another --rank"
    raise UsageError(
        f"in {dtype} this {kind} cannot be told from its neighbours: it is classified as {result.verdict} "
        f"({result.reason})",
        where="--dtype",
        remedy=f"use {other}",
    )
