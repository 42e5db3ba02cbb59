"""What a tied autoencoder is stored as: one matrix, or an encoder and its transpose, and data whose Y is X."""

from __future__ import annotations

import numpy as np

from lossurf.data import Data
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.faults import fault, listing
from lossurf.numerics import EPS, UNDECIDED_FACTOR, Matrix, column_norms


def tied_weight(checkpoint: Checkpoint) -> Matrix:
    """Return the one matrix W (k, dx) of a tied autoencoder.

    Raises
    ------
    InputError
        If there are biases, more than two layers, or a second layer that is not the transpose of the first.
    """
    biased = [name for name, bias in zip(checkpoint.layer_names, checkpoint.biases, strict=True) if bias is not None]
    if biased:
        raise fault("tied-bias", checkpoint.name, names=listing(biased))
    if len(checkpoint.weights) > 2:
        raise fault("tied-depth", checkpoint.name, count=len(checkpoint.weights))
    encoder, *decoder = checkpoint.weights
    if decoder and not np.array_equal(decoder[0], encoder.T):
        difference = float(np.max(np.abs(decoder[0] - encoder.T)))
        first, last = checkpoint.layer_names
        raise fault("tied-differ", checkpoint.name, first=first, last=last, difference=f"{difference:.3g}")
    return encoder


def require_autoencoder(data: Data) -> None:
    """Refuse data whose Y is not X, and changes of the data that make it another.

    Two columns of the triangle are coordinates of a column of X and of Y in one orthonormal basis, so that their
    difference has the norm of the columns' difference, up to the rounding of both.

    Raises
    ------
    UsageError
    """
    adjustments = data.adjustments
    if any((adjustments.outputs is not None, adjustments.base, adjustments.residual, adjustments.ridge is not None)):
        raise UsageError(
            "a tied autoencoder is judged without weights of outputs, base or ridge",
            where=adjustments.options,
            remedy="leave them out; --sample-weights may stay",
        )
    remedy = "give --autoencoder, or X alone, so that Y is X"
    if data.dx != data.dy:
        raise UsageError(
            f"a tied autoencoder returns its inputs, and there are {data.dx} inputs and {data.dy} outputs",
            where="--tied",
            remedy=remedy,
        )
    triangle = data.reduce()
    inputs, outputs = slice(1, 1 + data.dx), slice(1 + data.dx, None)
    r = triangle.unshifted
    order = len(r)
    norms = np.maximum(triangle.norms[inputs], triangle.norms[outputs]) + np.abs(triangle.means[inputs])
    apart = column_norms(r[:, inputs] - r[:, outputs]) > UNDECIDED_FACTOR * order * EPS * norms
    if np.any(apart):
        j = int(np.argmax(apart)) + 1
        raise UsageError(
            f"a tied autoencoder returns its inputs, and column {j} of Y is not that of X",
            where="--tied",
            remedy=remedy,
        )
