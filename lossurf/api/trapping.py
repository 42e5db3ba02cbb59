"""`spurious`: a bad local minimum of a ReLU-like network on the user's data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.nonlinear.spurious.activations import piecewise_linear
from lossurf.nonlinear.spurious.decide import SpuriousResult, find_spurious


def spurious(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    hidden_width: int | None = None,
    activation: str = "relu",
    slopes: tuple[float, float] | None = None,
    seed: int = 0,
    samples: Samples = "rows",
) -> SpuriousResult:
    """Find a spurious local minimum of W2 h(W1 x + b1) + b2 under squared loss, and a better point.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    hidden_width : int, optional
        Hidden units; without it one more than the rank of the least-squares predictions.
    activation : str
        "relu" or "leaky-relu".
    slopes : (float, float), optional
        s+ > 0 and s- >= 0 of h, in place of the named activation's.
    seed : int
        Not negative; of random directions and starts.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    SpuriousResult

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the width is below 1 or the activation is not ReLU-like.
    """
    blocks = [(x.copy(), y.copy()) for x, y in as_dataset(X, Y, samples=samples).blocks()]
    whole = [np.vstack([block[side] for block in blocks]) for side in (0, 1)]
    return find_spurious(whole[0], whole[1], piecewise_linear(activation, slopes), hidden_width=hidden_width, seed=seed)
