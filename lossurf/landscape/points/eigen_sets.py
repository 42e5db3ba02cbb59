"""Which eigenvectors of Sigma a critical point of a wanted kind may carry, and the theorem that forbids the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.numerics import Matrix, decide_nonzero
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import CertificateKind, Status, Verdict

# id: (option, what is wrong and the theorem that says so, what to do next); `_refuse` fills in the fields in braces.
_REFUSALS: Final[dict[str, tuple[str, str, str]]] = {
    "ends": (
        "--widths",
        "the widths {widths} do not lead from dx = {dx} to dy = {dy}",
        "give all of them, each at least 1, such as {dx},4,{dy}",
    ),
    "negative": ("--rank", "a rank of {rank} is less than zero", "ask for a rank of 0 or more"),
    "index": ("--eigen-set", "there is no eigenvector {index} of Sigma", "use different numbers from 1 to {dy}"),
    "set-against-rank": (
        "--eigen-set",
        "an eigen-set of {size} makes a product of rank {size}, not {rank}",
        "leave --rank out",
    ),
    "zero-eigenvalue": (
        "--eigen-set",
        (
            "eigenvalue {index} of Sigma is zero, and a critical product projects least squares onto eigenvectors "
            "of Sigma (Kawaguchi 2016, Lemma 4.2), so it cannot carry that direction"
        ),
        "use numbers from 1 to {positive}",
    ),
    "rank-max": (
        "--rank",
        "a product of widths {widths} has rank at most {rank_max}, and {rank} is asked for",
        "ask for at most {rank_max}, or widen the narrowest layer",
    ),
    "rank-positive": (
        "--rank",
        (
            "Sigma has {positive} non-zero eigenvalues, and a critical product projects least squares onto "
            "eigenvectors of Sigma (Kawaguchi 2016, Lemma 4.2), so its rank is at most {positive}, not {rank}"
        ),
        "ask for a rank of at most {positive}",
    ),
    "convex": (
        "KIND",
        "without a hidden layer the loss is convex: every critical point is a global minimum",
        "give --widths a hidden layer, or ask for a global-minimum",
    ),
    "nothing-to-gain": (
        "KIND",
        "X explains nothing of Y: the zero product is optimal and every critical point is a global minimum",
        "ask for a global-minimum, or use other data",
    ),
    "shallow": (
        "KIND",
        "a network with one hidden layer has no bad saddle (Kawaguchi 2016, Corollary 2.4 (i))",
        "ask for a strict-saddle, or give --widths a second hidden layer",
    ),
    "optimal": (
        "{option}",
        (
            "the best product of rank {rank} reaches L*, and a critical point there is a global minimum "
            "(Kawaguchi 2016, Theorem 2.3 (ii))"
        ),
        "ask for a rank below {rank_optimal}, or for a global-minimum",
    ),
    "not-optimal": (
        "{option}",
        (
            "with eigen-set {chosen} the loss is above L*, and a critical point there is a saddle "
            "(Kawaguchi 2016, Theorem 2.3 (iii))"
        ),
        "leave the option out, or ask for a strict-saddle",
    ),
    "not-leading": (
        "--eigen-set",
        (
            "with eigen-set {chosen} the product is not a best fit of rank {rank}, and every critical point there is a "
            "strict saddle (Achour, Malgouyres & Gerchinovitz 2024)"
        ),
        "use the eigen-set of the {rank} largest eigenvalues, or ask for a strict-saddle",
    ),
    "leading": (
        "{option}",
        "eigen-set {chosen} has the {rank} largest eigenvalues: no exchange of eigenvectors lowers the loss",
        "use --by tails, or leave a larger eigenvalue out of --eigen-set",
    ),
    "no-exchange": (
        "--by",
        "no {rank} eigenvectors with non-zero eigenvalues leave out a larger eigenvalue",
        "use --by tails, or a rank below the number of different eigenvalues",
    ),
    "tie": (
        "--eigen-set",
        "whether eigen-set {chosen} has the {rank} largest eigenvalues cannot be told: a gap is within rounding",
        "use an eigen-set without those two",
    ),
}


@dataclass(frozen=True)
class Request:
    """What was asked of a construction, on which data.

    Attributes
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy).
    kind : Verdict
    rank : int or None
    eigen_set : tuple of int or None
        Numbers from 1, ascending.
    by : CertificateKind or None
        For strict saddles: WRONG_EIGENSET or TAILS.
    """

    problem: ReducedProblem
    widths: tuple[int, ...]
    kind: Verdict
    rank: int | None = None
    eigen_set: tuple[int, ...] | None = None
    by: CertificateKind | None = None

    @property
    def rank_max(self) -> int:
        """Largest rank of a product of these widths."""
        return min(self.widths)

    @property
    def roots(self) -> Matrix:
        """Singular values of T / scale, descending, shape (dy,): the roots of the eigenvalues of Sigma."""
        s = self.problem.target_svd[1]
        return np.concatenate([s, np.zeros(self.problem.dy - s.size)])

    @property
    def positive(self) -> int:
        """Number of eigenvalues that are surely not zero."""
        return sum(_surely(float(root), self.problem) for root in self.roots)

    @property
    def rank_optimal(self) -> int:
        """Rank of the product at which L* is reached."""
        return min(self.rank_max, self.positive)


@dataclass(frozen=True)
class Choice:
    """The eigen-set (numbers from 1) a point will carry, and whether its inner tails are to be non-zero."""

    eigen_set: tuple[int, ...]
    tails: bool


def choose(request: Request) -> Choice:
    """Settle what was left open in a request.

    Parameters
    ----------
    request : Request

    Returns
    -------
    Choice

    Raises
    ------
    UsageError
        If no critical point of that kind exists; names the theorem that forbids it.
    """
    _require_sound(request)
    if request.kind is Verdict.GLOBAL_MINIMUM:
        return _minimum(request)
    if len(request.widths) == 2:
        raise _refuse("convex")
    if request.positive == 0:
        raise _refuse("nothing-to-gain")
    if request.kind is Verdict.BAD_SADDLE:
        return _bad_saddle(request)
    return _strict_saddle(request)


def _require_sound(request: Request) -> None:
    """Refuse widths, ranks and numbers that no critical point of any kind has."""
    problem, widths, rank = request.problem, request.widths, request.rank
    if len(widths) < 2 or min(widths) < 1 or (widths[0], widths[-1]) != (problem.dx, problem.dy):
        raise _refuse("ends", widths=",".join(map(str, widths)), dx=problem.dx, dy=problem.dy)
    if rank is not None and rank < 0:
        raise _refuse("negative", rank=rank)
    indices = request.eigen_set or ()
    for position, index in enumerate(indices):
        if not 1 <= index <= problem.dy or index in indices[:position]:
            raise _refuse("index", index=index, dy=problem.dy)
    if request.eigen_set is not None and rank not in (None, len(indices)):
        raise _refuse("set-against-rank", size=len(indices), rank=rank)
    wanted = len(indices) if rank is None else rank
    if wanted > request.rank_max:
        raise _refuse("rank-max", widths=",".join(map(str, widths)), rank_max=request.rank_max, rank=wanted)
    for index in indices:
        if index > request.positive:
            raise _refuse("zero-eigenvalue", index=index, positive=request.positive)
    if wanted > request.positive:
        raise _refuse("rank-positive", positive=request.positive, rank=wanted)


def _minimum(request: Request) -> Choice:
    chosen = _chosen(request, request.rank_optimal)
    if len(chosen) < request.rank_optimal or not _is_leading(request, chosen):
        raise _refuse("not-optimal", option=_option(request), chosen=_listed(chosen))
    return Choice(chosen, tails=False)


def _bad_saddle(request: Request) -> Choice:
    if len(request.widths) == 3:
        raise _refuse("shallow")
    chosen = _chosen(request, request.rank_optimal - 1)
    if not _is_leading(request, chosen):
        raise _refuse("not-leading", chosen=_listed(chosen), rank=len(chosen))
    _require_suboptimal(request, chosen)
    return Choice(chosen, tails=False)


def _strict_saddle(request: Request) -> Choice:
    if request.by is None:
        return _either(request)
    if request.by is CertificateKind.WRONG_EIGENSET:
        return _exchanged(request)
    chosen = _chosen(request, request.rank_optimal - 1)
    if not _is_leading(request, chosen):
        raise _refuse("not-leading", chosen=_listed(chosen), rank=len(chosen))
    _require_suboptimal(request, chosen)
    return Choice(chosen, tails=True)


def _either(request: Request) -> Choice:
    """Tails where the eigen-set leaves a better rank to reach, an exchange of eigenvectors otherwise."""
    chosen = _chosen(request, request.rank_optimal - 1)
    if not _is_leading(request, chosen):
        return Choice(chosen, tails=False)
    if len(chosen) < request.rank_optimal:
        return Choice(chosen, tails=True)
    if request.eigen_set is not None:
        _require_suboptimal(request, chosen)
    return _exchanged(request)


def _exchanged(request: Request) -> Choice:
    """Return the eigen-set of the largest eigenvalues but one, which gives way to the next that is surely smaller."""
    if request.eigen_set is not None:
        chosen = request.eigen_set
        if _is_leading(request, chosen):
            raise _refuse("leading", option=_option(request), chosen=_listed(chosen), rank=len(chosen))
        return Choice(chosen, tails=False)
    rank = request.rank_optimal if request.rank is None else request.rank
    for last in range(rank + 1, request.positive + 1):
        if rank > 0 and _surely(float(request.roots[rank - 1] - request.roots[last - 1]), request.problem):
            return Choice((*range(1, rank), last), tails=False)
    raise _refuse("no-exchange", rank=rank)


def _chosen(request: Request, default_rank: int) -> tuple[int, ...]:
    if request.eigen_set is not None:
        return request.eigen_set
    return tuple(range(1, (default_rank if request.rank is None else request.rank) + 1))


def _require_suboptimal(request: Request, chosen: Sequence[int]) -> None:
    if len(chosen) >= request.rank_optimal:
        raise _refuse("optimal", option=_option(request), rank=len(chosen), rank_optimal=request.rank_optimal)


def _is_leading(request: Request, chosen: Sequence[int]) -> bool:
    """Whether no eigenvalue left out is larger than one that is carried; a gap within rounding cannot be told."""
    roots = request.roots
    carried = np.array(chosen, dtype=int) - 1
    left_out = np.setdiff1d(np.arange(roots.size), carried)
    if carried.size == 0 or left_out.size == 0:
        return True
    gap = float(np.max(roots[left_out]) - np.min(roots[carried]))
    status = decide_nonzero(max(gap, 0.0), request.problem.target_error()).status
    if status is Status.UNDECIDED:
        raise _refuse("tie", chosen=_listed(chosen), rank=len(chosen))
    return status is Status.FAILS


def _surely(value: float, problem: ReducedProblem) -> bool:
    return decide_nonzero(max(value, 0.0), problem.target_error()).status is Status.HOLDS


def _option(request: Request) -> str:
    return "--eigen-set" if request.eigen_set is not None else "--rank"


def _listed(chosen: Sequence[int]) -> str:
    return "{" + ", ".join(map(str, chosen)) + "}"


def _refuse(name: str, **fields: object) -> UsageError:
    where, what, remedy = (text.format(**fields) for text in _REFUSALS[name])
    return UsageError(what, where=where, remedy=remedy)
