"""`escape`: a point of lower loss than a saddle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from lossurf.api.reducing import reduced
from lossurf.inputs.checkpoints.checkpoint import as_checkpoint, require_output_bias
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.landscape.points.construct import require_one_of
from lossurf.landscape.points.escape import Escape, Weights, escape_point
from lossurf.words import DType


def escape(
    weights: Sequence[ArrayLike],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    to_minimum: bool = False,
    at_least: float | None = None,
    tolerance: float | None = None,
    dtype: str = "float64",
    samples: Samples = "rows",
) -> Escape:
    """Find a point of lower loss from a saddle.

    Parameters
    ----------
    weights : sequence of array_like
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first.
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none.
    to_minimum, at_least, tolerance
        As for `lossurf.landscape.points.escape.escape_point`.
    dtype : {"float64", "float32", "float16"}
        Precision that the lower point is rounded to before its loss is taken.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    Escape
        `end.layers` and `end.biases` are the lower point, arrays of type `dtype`; `moved` is False where the start is
        no saddle.

    Raises
    ------
    InputError
        As `classify`.
    UsageError
        If more is to be gained than there is, or rounding to `dtype` takes the gain away.
    """
    require_one_of(dtype, "--dtype", tuple(DType))
    data = as_dataset(X, Y, samples=samples)
    checkpoint = as_checkpoint(weights, data.dx, data.dy, biases=biases)
    require_output_bias(checkpoint)
    found = escape_point(
        checkpoint,
        reduced(data, bias=checkpoint.has_bias),
        to_minimum=to_minimum,
        at_least=at_least,
        tolerance=tolerance,
        dtypes=[dtype] * len(checkpoint.weights),
    )
    # exact: they were rounded before their loss was taken; the type tells `classify` how precisely they are known
    segments = tuple(replace(segment, end=_typed(segment.end, dtype)) for segment in found.segments)
    return replace(found, segments=segments)


def _typed(weights: Weights, dtype: str) -> Weights:
    biases = tuple(None if b is None else b.astype(dtype) for b in weights.biases)
    return Weights(tuple(W.astype(dtype) for W in weights.layers), biases)
