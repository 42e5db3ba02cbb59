"""What only the samples themselves can tell, for the theorems that ask it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from lossurf.data import Data
from lossurf.reduction.problem import ReducedProblem

_COMPARED: Final = 500_000
"""Numbers of X up to which samples are compared: a few megabytes and a tenth of a second."""


class SampleFacts(NamedTuple):
    """Facts for theorems on networks with biases and nonlinearities.

    Attributes
    ----------
    distinct : bool or None
        Whether no two samples have the same inputs; None where they were not compared.
    affine : ReducedProblem
        The centred problem: its residual is that of the best affine model.
    """

    distinct: bool | None
    affine: ReducedProblem


def sample_facts(data: Data) -> SampleFacts | None:
    """Gather the facts where a theorem can use them: for one output.

    Parameters
    ----------
    data : Data
        Read once more, if they are few.
    """
    if data.dy != 1 or data.adjusted is not None:  # the samples are then not those of the loss
        return None
    affine = data.problem(bias=True)
    if data.dataset.summary is not None or affine.samples * data.dx > _COMPARED:
        return SampleFacts(None, affine)
    X = np.vstack([X for X, _ in data.dataset.blocks()]) + 0.0  # -0.0 is the same input as 0.0
    return SampleFacts(len(np.unique(X, axis=0)) == len(X), affine)
