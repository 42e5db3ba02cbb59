"""Theorem 2.3 and Corollary 2.4 of Kawaguchi 2016 shown on the user's data, level by level.

Every critical value of the loss belongs to a set S of eigenvectors of Sigma. Points of each level are built and
classified; those that are no global minimum are left downhill and shown not to be maxima.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, islice
from math import comb
from typing import Annotated, Literal

import numpy as np

from lossurf.fields import Count, Indices, Size, limited
from lossurf.landscape.levels import nonzero_eigenvalues
from lossurf.landscape.points.audit_points import AuditPoint, audit_points
from lossurf.landscape.points.witness import ConvexityWitness, convexity_witness
from lossurf.reduction.problem import ReducedProblem
from lossurf.theory.conditions import check_conditions
from lossurf.theory.hypotheses import check_hypotheses
from lossurf.theory.registry import evaluate
from lossurf.theory.theorems import TheoremFinding
from lossurf.words import Verdict


@dataclass(frozen=True)
class AuditLevel:
    """One critical value: the eigen-set S that the product carries, and points built there.

    Attributes
    ----------
    rank : int
        Of the product.
    eigen_indices : tuple of int
        The eigen-set S, from 1.
    loss : float
        1/2 ||R22||^2 + 1/2 the sum of the eigenvalues outside S (theory, section 5).
    points : tuple of AuditPoint
        Built there.
    """

    rank: Count
    eigen_indices: Indices
    loss: float
    points: Annotated[tuple[AuditPoint, ...], limited(minItems=1)]


@dataclass(frozen=True)
class Statement:
    """One claim of the theorem, whether the audit showed it on this data, and by what.

    Attributes
    ----------
    id : str
        Part of Theorem 2.3 or Corollary 2.4.
    shown : bool
        Whether the audit showed it on these data.
    claim : str
        What is claimed.
    evidence : str
        By what it was shown.
    """

    id: Literal["2.3-i", "2.3-ii", "2.3-iii", "2.3-iv", "2.4-shallow", "2.4-deep"]
    shown: bool
    claim: str
    evidence: str


@dataclass(frozen=True)
class Audit:
    """The whole audit.

    Attributes
    ----------
    witness : ConvexityWitness or None
    levels : tuple of AuditLevel
        Best fits of every rank first.
    levels_total : int
        How many levels there are; `levels` is cut at the limit asked for.
    statements : tuple of Statement
    theorem : TheoremFinding
        Whether Theorem 2.3 claims as much for these data and widths.
    """

    witness: ConvexityWitness | None
    levels: tuple[AuditLevel, ...]
    levels_total: Size
    statements: tuple[Statement, ...]
    theorem: TheoremFinding

    @property
    def shown(self) -> bool:
        """Whether every statement was shown."""
        return all(statement.shown for statement in self.statements)


def audit_landscape(
    problem: ReducedProblem,
    widths: tuple[int, ...],
    *,
    limit: int = 64,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Audit:
    """Show Theorem 2.3 (i)-(iv) and Corollary 2.4 on a reduced problem.

    Parameters
    ----------
    problem : ReducedProblem
    widths : tuple of int
        (dx, hidden widths, dy), at least one of them hidden.
    limit : int
        Levels to build at most.
    seed : int
        Of the random bases in which the points are written.
    progress : callable, optional
        Called with "levels" and the share of them that is built.

    Returns
    -------
    Audit
    """
    positive = nonzero_eigenvalues(problem)
    highest = min(positive, *widths)
    rng = np.random.default_rng(seed)
    total = sum(comb(positive, rank) for rank in range(highest + 1))
    levels: list[AuditLevel] = []
    for members in islice(_eigen_sets(positive, highest), min(limit, sys.maxsize)):
        if progress is not None:
            progress("levels", len(levels) / min(limit, total))
        points = audit_points(problem, widths, members, rng)
        loss = _level_loss(problem, members)
        levels.append(AuditLevel(rank=len(members), eigen_indices=members, loss=loss, points=points))
    witness = convexity_witness(problem, widths)
    findings = check_hypotheses(problem) + check_conditions(problem, widths)
    theorem = next(finding for finding in evaluate(findings) if finding.id == "kawaguchi-2.3")
    return Audit(witness, tuple(levels), total, tuple(_statements(witness, tuple(levels), widths)), theorem)


def _eigen_sets(count: int, highest: int) -> Iterator[tuple[int, ...]]:
    """Yield the sets of at most `highest` indices of 1..`count`: the leading one of each rank, then the others."""
    leading = [tuple(range(1, rank + 1)) for rank in range(highest + 1)]
    others = chain.from_iterable(combinations(range(1, count + 1), rank) for rank in range(1, highest + 1))
    yield from leading
    yield from (members for members in others if members != leading[len(members)])


def _level_loss(problem: ReducedProblem, members: tuple[int, ...]) -> float:
    left_out = np.delete(problem.eigenvalues, [index - 1 for index in members])
    return float(0.5 * problem.residual_norm**2 + 0.5 * np.sum(left_out[::-1]))


def _statements(
    witness: ConvexityWitness | None, levels: tuple[AuditLevel, ...], widths: tuple[int, ...]
) -> Iterator[Statement]:
    points = [point for level in levels for point in level.points]
    saddles = [point for point in points if point.verdict in (Verdict.STRICT_SADDLE, Verdict.BAD_SADDLE)]
    untold = sum(point.verdict in (Verdict.UNDETERMINED, Verdict.NOT_CRITICAL) for point in points)
    doubt = f"; {untold} more points cannot be told from a neighbouring level in float64" if untold else ""
    yield _surface(witness)
    yield _no_minimum(saddles, doubt)
    yield _no_maximum(saddles, doubt)
    yield _strict_where_full(saddles, min(widths[1:-1]))
    yield _shallow(saddles, doubt) if len(widths) == 3 else _deep(saddles)


def _surface(witness: ConvexityWitness | None) -> Statement:
    claim = "The loss is neither convex nor concave."
    if witness is None:
        return Statement("2.3-i", False, claim, "nothing can be fitted: X Y^T = 0")
    evidence = (
        f"a point of loss {witness.loss:.6g}, with curvatures {witness.curvature_down:.6g} and "
        f"{witness.curvature_up:.6g} in units of the largest eigenvalue, is the midpoint of two points of loss "
        f"{witness.loss_below:.6g} and of two of loss {witness.loss_above:.6g}"
    )
    return Statement("2.3-i", witness.valid, claim, evidence)


def _no_minimum(saddles: list[AuditPoint], doubt: str) -> Statement:
    left = [point for point in saddles if point.decrease]
    evidence = f"{len(left)} of {len(saddles)} points above L* were left downhill{doubt}"
    return Statement("2.3-ii", _all(left, saddles), "Every local minimum is a global minimum.", evidence)


def _no_maximum(saddles: list[AuditPoint], doubt: str) -> Statement:
    both = [point for point in saddles if point.decrease and point.rise]
    evidence = f"at {len(both)} of {len(saddles)} points above L* the loss both falls and rises nearby{doubt}"
    claim = "Every critical point that is not a global minimum is a saddle."
    return Statement("2.3-iii", _all(both, saddles), claim, evidence)


def _strict_where_full(saddles: list[AuditPoint], p: int) -> Statement:
    full = [point for point in saddles if point.inner_rank == p]
    strict = [point for point in full if point.verdict is Verdict.STRICT_SADDLE]
    claim = "A saddle with rank(W_H ... W_2) = p has a negative Hessian eigenvalue."
    return Statement("2.3-iv", _all(strict, full), claim, f"{len(strict)} of {len(full)} such saddles have one")


def _shallow(saddles: list[AuditPoint], doubt: str) -> Statement:
    strict = [point for point in saddles if point.verdict is Verdict.STRICT_SADDLE]
    evidence = f"{len(strict)} of {len(saddles)} saddles are strict{doubt}"
    return Statement("2.4-shallow", _all(strict, saddles), "With one hidden layer there is no bad saddle.", evidence)


def _deep(saddles: list[AuditPoint]) -> Statement:
    bad = [point for point in saddles if point.verdict is Verdict.BAD_SADDLE]
    claim = "With two hidden layers or more there are bad saddles."
    return Statement("2.4-deep", bool(bad), claim, f"{len(bad)} of {len(saddles)} saddles are bad")


def _all(found: list[AuditPoint], asked: list[AuditPoint]) -> bool:
    """Whether the claim held everywhere, and somewhere: nothing is shown by no point."""
    return bool(asked) and len(found) == len(asked)
