"""What every result says of its data, its network and its layers."""

from __future__ import annotations

from dataclasses import dataclass

from lossurf.reduction.problem import ReducedProblem


@dataclass(frozen=True)
class DataFacts:
    """What was read: names of X and Y, their shape, stored precision, whether they were centred, and rank(X)."""

    x: str
    y: str
    samples: int
    dx: int
    dy: int
    dtype: str
    bias: bool
    rank_x: int


@dataclass(frozen=True)
class NetworkFacts:
    """A network's widths (dx, ..., dy), hidden layers H, smallest hidden width p (None where H = 0), min(d_0..d_N)."""

    widths: tuple[int, ...]
    hidden_layers: int
    p: int | None
    rank_max: int


def data_facts(problem: ReducedProblem, x: str = "X", y: str = "Y") -> DataFacts:
    """Describe the data behind a reduced problem, under the names they were read from."""
    return DataFacts(x, y, problem.samples, problem.dx, problem.dy, problem.dtype, problem.bias, problem.rank_x)


def network_facts(widths: tuple[int, ...]) -> NetworkFacts:
    """Derive H, p and rank_max from (dx, hidden widths, dy)."""
    hidden = widths[1:-1]
    return NetworkFacts(widths, len(hidden), min(hidden, default=None), min(widths))
