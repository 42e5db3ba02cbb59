"""What kind of point the trained layers of a network are at whose other layers are frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lossurf.data import Data
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.landscape.classify import classify_network
from lossurf.landscape.seen import seen_network
from lossurf.landscape.verdict import Classification


def classify_frozen(
    checkpoint: Checkpoint,
    data: Data,
    frozen: Sequence[str],
    *,
    tolerance: float | None = None,
    index: bool = False,
    descents: bool = False,
) -> Classification:
    """Decide what kind of point of the squared loss the layers that are not frozen are at.

    Parameters
    ----------
    checkpoint : Checkpoint
        As the loss sees its outputs (`Data.seen`).
    data : Data
    frozen : sequence of str
        Names of the layers that are not trained; their biases are not either.
    tolerance : float, optional
        tau, of the layers as they are seen; by default that of the coarsest trained dtype times `SeenNetwork.stretch`.
    index, descents : bool
        What a strict saddle's certificate is to hold, as in `classify_network`; of the layers as they are seen.

    Returns
    -------
    Classification
        Losses are those of the whole network, the inertia is over the trained parameters as they are stored.

    Raises
    ------
    InputError
        If a name is not a layer's, all layers are frozen, the frozen layers' product is zero, a bias has no exact
        reduction, or the loss leaves the range of float64.
    """
    names = tuple(dict.fromkeys(frozen))
    seen = seen_network(checkpoint, data.reduce(), names)
    found = classify_network(
        seen.checkpoint,
        seen.problem,
        tolerance=tolerance or seen.default_tolerance,
        index=index,
        descents=descents,
    )
    inertia = found.inertia
    return replace(
        found,
        layers=checkpoint.layers,
        mse=2.0 * found.loss / (seen.problem.samples * data.dy),
        rank_max=min(found.rank_max, seen.rank_limit),
        inertia=None if inertia is None else replace(inertia, zero=inertia.zero + seen.unseen),
        balance=(),  # what gradient flow keeps is another difference where a frozen layer lies between
        frozen=names,
    )
