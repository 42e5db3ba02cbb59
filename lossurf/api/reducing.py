"""Arrays to the reduced problem that every analysis starts from."""

from __future__ import annotations

from lossurf.inputs.tables.dataset import Dataset
from lossurf.reduction.engine import reduce_blocks
from lossurf.reduction.problem import ReducedProblem, reduced_problem
from lossurf.reduction.triangle import Triangle


def triangle_of(data: Dataset) -> Triangle:
    """Read a dataset once."""
    return reduce_blocks(data.blocks(), data.dx, data.dy, dtype=data.dtype, data_eps=data.data_eps)


def reduced(data: Dataset, *, bias: bool) -> ReducedProblem:
    """Reduce a dataset; centred with `bias`, as a network with an output bias asks for."""
    return reduced_problem(triangle_of(data), bias=bias)
