"""`construct`: a critical point of a wanted kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from lossurf.api.reducing import reduced
from lossurf.inputs.tables.data import Samples, as_dataset
from lossurf.landscape.points.construct import Construction, construct_point


def construct(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int],
    kind: str,
    *,
    rank: int | None = None,
    eigen_set: Sequence[int] | None = None,
    by: str | None = None,
    seed: int = 0,
    dtype: str = "float64",
    bias: bool = False,
    samples: Samples = "rows",
) -> Construction:
    """Construct a critical point of a wanted kind on data.

    Parameters
    ----------
    X : array_like, shape (m, dx)
    Y : array_like, shape (m, dy) or (m,)
    widths : sequence of int
        (dx, hidden widths, dy).
    kind : {"global-minimum", "strict-saddle", "bad-saddle"}
    rank, eigen_set, by, seed, dtype
        As for `lossurf.landscape.points.construct.construct_point`.
    bias : bool
        The network has a bias on its output: X and Y are centred.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    Construction
        Its `weights` are W_1..W_N, arrays of type `dtype`; its `classification` has the verdict `kind`.

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If no such point exists (the message names the theorem), or its verdict is lost at that precision.
    """
    problem = reduced(as_dataset(X, Y, samples=samples), bias=bias)
    made = construct_point(problem, widths, kind, rank=rank, eigen_set=eigen_set, by=by, seed=seed, dtype=dtype)
    # exact: they were rounded before they were classified; the type tells `classify` how precisely they are known
    biases = tuple(None if b is None else b.astype(dtype) for b in made.biases)
    return replace(made, weights=tuple(W.astype(dtype) for W in made.weights), biases=biases)
