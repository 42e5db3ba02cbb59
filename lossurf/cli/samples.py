"""All samples in memory, for analyses that no triangular factor can stand in for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lossurf.cli.options import DataSource
from lossurf.cli.reporting import Reporter

if TYPE_CHECKING:
    from lossurf.api.losses import LossData
    from lossurf.cli.loading import LoadedData
    from lossurf.inputs.tables.dataset import Dataset
    from lossurf.numerics import Matrix


_COPIES: Final = 8  # of X and Y alive at once in an analysis: standardised, factored, sorted, and temporaries


def load_samples(source: DataSource, report: Reporter) -> tuple[Dataset, Matrix, Matrix]:
    """Read the data whole; what was assumed in reading is said on standard error.

    Returns
    -------
    dataset : Dataset
    X, Y : ndarray, shapes (m, dx), (m, dy)

    Raises
    ------
    InputError
        If an analysis of so many samples would take more memory than allowed.
    """
    import numpy as np

    from lossurf.inputs.memory import memory_limit, require_memory

    dataset, limit, blocks, size = source.open(), memory_limit(source.max_memory), [], 0
    for X, Y in dataset.blocks():
        size += X.nbytes + Y.nbytes
        require_memory("the analysis of all samples", _COPIES * size, limit, dataset.x)
        blocks.append((X.copy(), Y.copy()))  # a reader may use its buffer again
    for note in dataset.notes:
        report.note(note)
    X, Y = (np.vstack([block[side] for block in blocks]) for side in (0, 1))
    return dataset, X, Y


def load_for_loss(source: DataSource, report: Reporter, loss: str, delta: float | None) -> tuple[LoadedData, LossData]:
    """Read the data whole, and reduce them with Y as the loss takes it."""
    from lossurf.api import loss_data
    from lossurf.cli.loading import LoadedData
    from lossurf.reduction.data import reduce_data

    prepared = loss_data(loss, delta, *load_samples(source, report))
    if prepared.classes is not None:
        report.note(f"Y holds labels: the outputs stand for {', '.join(map(str, prepared.classes))}")
    return LoadedData(prepared.dataset, reduce_data(prepared.dataset)), prepared
