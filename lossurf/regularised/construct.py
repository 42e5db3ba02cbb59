"""Critical points of the loss with weight decay of a wanted kind: balanced, with singular values of the data.

Every critical point is W_k = U_k diag(sigma) U_{k-1}^T. Its product is followed from the closed form of whitened inputs
(`continuation`) or is the lowest of its rank that descents find; the hidden bases are random, which changes neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.points.construct import Construction, require_one_of, stored_as, stored_biases
from lossurf.landscape.verdict import Classification
from lossurf.network import Layers
from lossurf.reduction.problem import ReducedProblem
from lossurf.regularised.classify import classify_with_decay
from lossurf.regularised.continuation import Member, follow, layers_of, lowest_of_rank, roots_of
from lossurf.regularised.least import ridge
from lossurf.regularised.scaled import ScaledProblem, scaled_problem
from lossurf.regularised.signal import Signal
from lossurf.words import DECAY_CRITICAL, DType, Verdict

_REMEDIES: Final = {
    Verdict.GLOBAL_MINIMUM: "ask for a local-minimum, or leave --rank and --eigen-set out",
    Verdict.LOCAL_MINIMUM: "ask for a global-minimum, or for another --rank or --eigen-set",
    Verdict.STRICT_SADDLE: "ask for another --rank or --eigen-set, or for less weight decay",
}


@dataclass(frozen=True)
class _Candidate:
    """A critical point in the problem's units, with the eigenvectors of Sigma (from 1) that it comes from, if any."""

    layers: Layers
    eigen_set: tuple[int, ...]
    rank: int


def construct_with_decay(
    problem: ReducedProblem,
    decay: float,
    widths: Sequence[int],
    kind: str,
    *,
    rank: int | None = None,
    eigen_set: Sequence[int] | None = None,
    seed: int = 0,
    dtype: str = "float64",
) -> Construction:
    """Construct a critical point of the loss with weight decay of a wanted kind.

    Parameters
    ----------
    problem : ReducedProblem
        Centred for a network with an output bias, which is not decayed.
    decay : float
        lam > 0.
    widths : sequence of int
        (dx, hidden widths, dy), which fit the data.
    kind : {"global-minimum", "local-minimum", "strict-saddle"}
    rank : int, optional
        Of the product; by default the highest at which there is such a point.
    eigen_set : sequence of int, optional
        Eigenvectors of Sigma, from 1: what the product carries as the inputs are whitened, from where it is followed
        to the data.
    seed : int
        Of the random orthogonal bases of the hidden layers.
    dtype : {"float64", "float32", "float16"}
        The weights are rounded to it before they are classified.

    Returns
    -------
    Construction
        Its `eigen_indices` are empty where no eigen-set was followed.

    Raises
    ------
    UsageError
        If no such point was found.
    """
    wanted = Verdict(require_one_of(kind, "KIND", DECAY_CRITICAL))
    require_one_of(dtype, "--dtype", tuple(DType))
    scaled = scaled_problem(problem, decay, len(widths) - 1)
    chosen = None if eigen_set is None else tuple(sorted(eigen_set))
    _require_sound(scaled, widths, rank, chosen)
    generator = np.random.default_rng(seed)
    turns = [np.linalg.qr(generator.standard_normal((width, width)))[0] for width in widths[1:-1]]
    seen: list[str] = []
    for candidate in _candidates(scaled, widths, wanted, rank, chosen):
        weights = tuple(stored_as(W, dtype) for W in scaled.stored(_turned(candidate.layers, turns)))
        biases = stored_biases(weights, problem, dtype)
        dtypes = [dtype] * len(weights)
        checkpoint = Checkpoint.of(weights, biases, dtypes=dtypes, name=f"constructed {wanted}")
        result = classify_with_decay(checkpoint, problem, decay)
        if result.verdict is wanted:
            return Construction(
                wanted, weights, biases, dtype, candidate.rank, candidate.eigen_set, result.loss, result
            )
        seen.append(_told(candidate, result))
    raise UsageError(
        f"no {wanted} was found with this weight decay; of the critical points {', '.join(seen) or 'none is there'}",
        where="KIND",
        remedy=_REMEDIES[wanted],
    )


def _told(candidate: _Candidate, result: Classification) -> str:
    why = f" ({result.reason})" if result.verdict is Verdict.UNDETERMINED else ""
    return f"that of rank {candidate.rank} is {result.verdict}{why}"


def _require_sound(
    problem: ScaledProblem, widths: Sequence[int], rank: int | None, eigen_set: tuple[int, ...] | None
) -> None:
    if problem.depth == 1:
        if rank is not None or eigen_set is not None:
            raise UsageError(
                "without a hidden layer the loss with weight decay has one critical point, that of ridge regression",
                where="--rank" if rank is not None else "--eigen-set",
                remedy="leave it out, or give --widths a hidden layer",
            )
        return
    highest = _highest(problem, widths)
    wanted = len(eigen_set) if eigen_set is not None else rank
    if rank is not None and wanted != rank:
        raise UsageError(
            f"an eigen-set of {wanted} makes a product of rank {wanted}, not {rank}",
            where="--eigen-set",
            remedy="leave --rank out",
        )
    if wanted is not None and not 0 <= wanted <= highest:
        raise UsageError(
            f"a product of widths {','.join(map(str, widths))} has a rank of 0 to {highest} here, not {wanted}",
            where="--rank" if eigen_set is None else "--eigen-set",
            remedy=f"ask for at most {highest}",
        )
    roots = roots_of(problem)
    for index in eigen_set or ():
        if not 1 <= index <= len(roots) or (eigen_set or ()).count(index) > 1 or not roots[index - 1]:
            stationary = [str(i) for i, found in enumerate(roots, start=1) if found]
            raise UsageError(
                f"with this weight decay no critical point carries eigenvector {index} of Sigma",
                where="--eigen-set",
                remedy=f"use different ones of {', '.join(stationary)}" if stationary else "use less weight decay",
            )


def _highest(problem: ScaledProblem, widths: Sequence[int]) -> int:
    return int(min(*widths, *problem.T.shape))


def _candidates(
    problem: ScaledProblem,
    widths: Sequence[int],
    kind: Verdict,
    rank: int | None,
    eigen_set: tuple[int, ...] | None,
) -> Iterator[_Candidate]:
    """Yield critical points that may be of the kind, the likeliest first."""
    if problem.depth == 1:
        yield _Candidate((ridge(problem),), (), min(widths))
        return
    strict = kind is Verdict.STRICT_SADDLE
    if eigen_set is not None:
        yield from _followed(problem, widths, _sizes(eigen_set, strict=strict and problem.depth > 2))
        return
    ranks = range(_highest(problem, widths), -1, -1) if rank is None else (rank,)
    if strict and problem.depth > 2:  # passes from the minimum of one rank to that of the next
        stationary = [i for i, found in enumerate(roots_of(problem), start=1) if found]
        for r in ranks:
            if 0 < r <= len(stationary):
                yield from _followed(problem, widths, _sizes(tuple(stationary[:r]), strict=True))
        return
    found = [(r, lowest_of_rank(problem, widths, r)) for r in ranks]
    signals: list[Signal] = [signal for r, signal in found if signal is not None and signal.rank == r]
    if not strict:
        signals.sort(key=lambda signal: problem.loss(signal.layers))
    yield from (_Candidate(layers_of(signal, widths), (), signal.rank) for signal in signals)


def _sizes(eigen_set: tuple[int, ...], *, strict: bool) -> Iterator[tuple[Member, ...]]:
    """Yield the set with all singular values at the larger size; for a saddle first one, or all, at the smaller."""
    if strict:
        for small in reversed(eigen_set):
            yield tuple(Member(index, lower=index == small) for index in eigen_set)
        if len(eigen_set) > 1:
            yield tuple(Member(index, lower=True) for index in eigen_set)
    yield tuple(map(Member, eigen_set))


def _followed(
    problem: ScaledProblem, widths: Sequence[int], sets: Iterator[tuple[Member, ...]]
) -> Iterator[_Candidate]:
    for members in sets:
        signal = follow(problem, members)
        if signal is not None:
            indices = tuple(member.index for member in members)
            yield _Candidate(layers_of(signal, widths), indices, signal.rank)


def _turned(layers: Layers, turns: Sequence[np.ndarray]) -> Layers:
    """Turn every hidden layer, which leaves the product and the penalty as they are."""
    found = list(layers)
    for k, Q in enumerate(turns):
        found[k], found[k + 1] = Q @ found[k], found[k + 1] @ Q.T
    return tuple(found)
