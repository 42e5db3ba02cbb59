"""`audit`: the theorem shown on data."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from lossurf.api.checking import require_widths
from lossurf.api.reducing import reduced
from lossurf.errors import UsageError
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.landscape.points.audit import Audit, audit_landscape
from lossurf.reduction.problem import ReducedProblem


def audit(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int],
    *,
    bias: bool = False,
    limit: int = 64,
    seed: int = 0,
    samples: Samples = "rows",
) -> Audit:
    """Show Theorem 2.3 and Corollary 2.4 of Kawaguchi 2016 on data, level by level.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    widths : sequence of int
        (dx, hidden widths, dy), at least one of them hidden.
    bias : bool
        The network has a bias on its output: X and Y are centred.
    limit : int
        Critical levels to build at most.
    seed : int
        Of the bases in which the points are written.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the widths do not lead from dx to dy through a hidden layer.
    """
    problem = reduced(as_dataset(X, Y, samples=samples), bias=bias)
    return audit_problem(problem, tuple(widths), limit=limit, seed=seed)


def audit_problem(problem: ReducedProblem, widths: tuple[int, ...], *, limit: int = 64, seed: int = 0) -> Audit:
    """Audit a reduced problem; `audit` for data that were reduced before."""
    require_widths(widths, problem)
    if len(widths) < 3:
        narrow = min(problem.dx, problem.dy)
        raise UsageError(
            "without a hidden layer the loss is convex and has a single level: there is nothing to audit",
            where="widths",
            remedy=f"give a hidden layer, such as {problem.dx},{narrow},{problem.dy}",
        )
    return audit_landscape(problem, widths, limit=limit, seed=seed)
