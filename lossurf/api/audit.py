"""`audit`: the theorem shown on data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from lossurf.api.parts.result import Drawn
from lossurf.api.parts.widths import NetworkFacts, fitting_widths, network_facts
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.inputs.tables.data import Samples
from lossurf.landscape.points.audit import Audit, audit_landscape


@dataclass(frozen=True)
class _OnNetwork:
    data: DataFacts
    network: NetworkFacts


@dataclass(frozen=True)
class AuditResult(Audit, _OnNetwork, Drawn):
    """The whole audit, of a network of given widths on data.

    Attributes
    ----------
    data : DataFacts
    network : NetworkFacts
    ok : bool
        Whether every statement was shown.
    notes : tuple of str
        What was assumed in reading the data.
    """

    command: ClassVar[str] = "audit"

    ok: bool
    notes: tuple[str, ...]


def audit(
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    widths: Sequence[int] = (),
    *,
    bias: bool = False,
    limit: int = 64,
    seed: int = 0,
    samples: Samples = "rows",
    progress: Callable[[str, float], None] | None = None,
) -> AuditResult:
    """Show Theorem 2.3 and Corollary 2.4 of Kawaguchi 2016 on data, level by level.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
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
    progress : callable, optional
        Called with "levels" and the share of them that is built.

    Returns
    -------
    AuditResult

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the widths do not lead from dx to dy through a hidden layer.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> result = lossurf.audit(X, Y, widths=[2, 2, 2, 2])
    >>> print(result.shown, [level.eigen_indices for level in result.levels])
    True [(), (1,), (1, 2), (2,)]
    """
    data = as_data(X, Y, samples=samples)
    network = network_facts(fitting_widths(widths, data))
    if network.hidden_layers == 0:
        narrow = min(data.dx, data.dy)
        raise UsageError(
            "without a hidden layer the loss is convex and has a single level: there is nothing to audit",
            where="widths",
            remedy=f"give a hidden layer, such as {data.dx},{narrow},{data.dy}",
        )
    problem = data.problem(bias=bias)
    found = audit_landscape(problem, network.widths, limit=limit, seed=seed, progress=progress)
    facts = data.facts(bias=bias)
    return AuditResult(**vars(found), data=facts, network=network, ok=found.shown, notes=data.notes)


DOCUMENT = AuditResult
