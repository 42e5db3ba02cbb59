"""Points of one critical level, each classified and probed: which way leads down from it, which way up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lossurf.fields import Count
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.bias import output_bias
from lossurf.landscape.classify import classify_network
from lossurf.landscape.lemmas.evaluate import inner_rank
from lossurf.landscape.points.construct import critical_weights
from lossurf.landscape.points.eigen_sets import Choice
from lossurf.landscape.points.segments import descent_path
from lossurf.landscape.points.witness import rises_nearby
from lossurf.landscape.reading import read_point
from lossurf.landscape.verdict import Classification, PlainVerdict
from lossurf.network import Layers, WhitenedNetwork
from lossurf.reduction.problem import ReducedProblem
from lossurf.words import Verdict

_ALONG = (1 / 64, 1 / 8, 1.0)
"""N-th powers of where along a segment the loss is asked to be lower than before: a fall of order N leaves that share
of itself there, far above rounding at any depth."""


@dataclass(frozen=True)
class AuditPoint:
    """One critical point.

    Attributes
    ----------
    tails : bool
        Whether the inner layers also carry what the product does not, so that rank(W_H ... W_2) = p.
    verdict : Verdict
    loss : float
        Evaluated, user's units.
    inner_rank : int
        rank(W_H ... W_2).
    decrease : float or None
        How much lower a point reached from here is, user's units; None at a global minimum, 0 where none was found.
    rise : float or None
        How much the loss rises a short way off, user's units; as `decrease`.
    index : int or None
        Morse index: how many independent ways lead down; None where the tolerance leaves it open.
    """

    tails: bool
    verdict: PlainVerdict
    loss: float
    inner_rank: Count
    decrease: float | None
    rise: float | None
    index: Count | None = None


def audit_points(
    problem: ReducedProblem, widths: tuple[int, ...], eigen_set: tuple[int, ...], generator: np.random.Generator
) -> tuple[AuditPoint, ...]:
    """Build, classify and probe points that carry one eigen-set.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy), at least one of them hidden.
    eigen_set : tuple of int
        From 1, of surely non-zero eigenvalues, no more than the least width.
    generator : Generator
        Of the bases the layers are written in.

    Returns
    -------
    tuple of AuditPoint
        Without tails and, where the inner layers have room for them, with.
    """
    hidden = widths[1:-1]
    ways = (False, True) if len(hidden) > 1 and len(eigen_set) < min(hidden) else (False,)
    return tuple(
        _audited(problem, critical_weights(problem, widths, Choice(eigen_set, tails), generator), tails)
        for tails in ways
    )


def _audited(problem: ReducedProblem, weights: Layers, tails: bool) -> AuditPoint:
    biases = (*(None,) * (len(weights) - 1), output_bias(weights, None, problem)) if problem.bias else None
    result = classify_network(Checkpoint.of(weights, biases), problem)
    tau = result.tolerance
    sensitivity = read_point(weights, problem, biases=biases, tau=tau).deciding(tau).sensitivity
    network = sensitivity.network
    optimal = result.verdict is Verdict.GLOBAL_MINIMUM
    return AuditPoint(
        tails=tails,
        verdict=result.verdict,
        loss=result.loss,
        inner_rank=inner_rank(sensitivity, tau),
        decrease=None if optimal else _decrease(result, network, problem),
        rise=None if optimal else problem.scale**2 * rises_nearby(network),
        index=None if result.inertia is None else result.inertia.negative,
    )


def _decrease(result: Classification, network: WhitenedNetwork, problem: ReducedProblem) -> float:
    """How far below a saddle the certificate's direction, or else the first falling segment of the path, leads."""
    certificate = result.certificate
    if certificate is not None and certificate.loss_decrease is not None:
        return certificate.loss_decrease
    if result.verdict is not Verdict.BAD_SADDLE:
        return 0.0
    path = descent_path(network, problem, result.rank, result.rank_max)
    falling = next((segment for segment in path if segment.order is not None), None)
    if falling is None:
        return 0.0
    falls = [
        network.excess - replace(network, layers=falling.point(share ** (1 / network.depth)), _products={}).excess
        for share in _ALONG
    ]
    return problem.scale**2 * falls[-1] if all(np.diff([0.0, *falls]) > 0.0) else 0.0
