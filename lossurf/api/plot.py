"""`plot`: what the pictures of the spectrum, of the critical levels and of the loss around a checkpoint show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from lossurf.api.parts.penalty import penalty_of
from lossurf.api.parts.result import Drawn
from lossurf.api.parts.widths import NetworkFacts, fitting_widths, network_facts
from lossurf.data import Data, DataFacts, as_data
from lossurf.fields import Count, Magnitude, Written, array
from lossurf.inputs.checkpoints.checkpoint import require_output_bias
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.landscape.levels import CriticalValue, Eigenvalue, critical_values, eigenvalue_bounds
from lossurf.landscape.verdict import PlainVerdict
from lossurf.landscape.views.surface import Axis
from lossurf.landscape.views.surface import surface as evaluate
from lossurf.landscape.views.trajectory import Level
from lossurf.numerics import Matrix
from lossurf.regularised.verdict import WeightDecay


@dataclass(frozen=True)
class SpectrumPicture(Drawn):
    """The eigenvalues of Sigma with their errors, and the best loss of every rank.

    Attributes
    ----------
    kind : str
        "spectrum".
    output : Path or None
        The picture.
    data : DataFacts
    eigenvalues : tuple of Eigenvalue
        Descending.
    loss_by_rank : ndarray, shape (min(dx, dy) + 1,)
        L_k.
    rank_max : int
        The highest rank that networks of the given widths reach.
    notes : tuple of str
        What was assumed in reading the data.
    """

    command: ClassVar[str] = "plot"

    kind: Literal["spectrum"]
    output: Written
    data: DataFacts
    eigenvalues: tuple[Eigenvalue, ...]
    loss_by_rank: Annotated[Matrix, array(1)]
    rank_max: Count
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LevelsPicture(Drawn):
    """Every critical value of a network of given widths, with the kinds of point that are found there.

    Attributes
    ----------
    kind : str
        "levels".
    output : Path or None
        The picture.
    data : DataFacts
    network : NetworkFacts
    critical_values : tuple of CriticalValue
    complete : bool
        Whether they are all.
    weight_decay : WeightDecay or None
        None without.
    notes : tuple of str
        What was assumed in reading the data.
    """

    command: ClassVar[str] = "plot"

    kind: Literal["levels"]
    output: Written
    data: DataFacts
    network: NetworkFacts
    critical_values: tuple[CriticalValue, ...]
    complete: bool
    weight_decay: WeightDecay | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cut:
    """The loss along the first direction alone, on a finer grid.

    Attributes
    ----------
    distances, losses : ndarray, shape (points,)
    """

    distances: Annotated[Matrix, array(1)]
    losses: Annotated[Matrix, array(1, infinite=True)]


@dataclass(frozen=True)
class SurfacePicture(Drawn):
    """The loss on a plane through a checkpoint.

    Attributes
    ----------
    kind : str
        "surface".
    output : Path or None
        The picture.
    data : DataFacts
    checkpoint : str
        The file.
    verdict : Verdict
    reason : str
        The verdict's ground.
    loss, gap : float
        L and L - L* at the checkpoint.
    levels : tuple of Level
        Drawn as dashed lines.
    x, y : Axis
        Orthogonal directions in balanced whitened coordinates.
    losses : ndarray, shape (points, points)
        Row j, column i: at distance i along x and j along y; exact.
    cut : Cut
    seed : int
        Of random directions.
    notes : tuple of str
        What was assumed in reading the data and the checkpoint.
    """

    command: ClassVar[str] = "plot"

    kind: Literal["surface"]
    output: Written
    data: DataFacts
    checkpoint: str
    verdict: PlainVerdict
    reason: str
    loss: Magnitude
    gap: float
    levels: tuple[Level, ...]
    x: Axis
    y: Axis
    losses: Annotated[Matrix, array(2, infinite=True)]
    cut: Cut
    seed: Count
    notes: tuple[str, ...] = ()


Picture = SpectrumPicture | LevelsPicture | SurfacePicture


def spectrum(
    X: ArrayLike | Data, Y: ArrayLike | None = None, *, widths: Sequence[int] | None = None, bias: bool = False
) -> SpectrumPicture:
    """Gather the eigenvalues of Sigma with their error bars, and the best loss of every rank.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    widths : sequence of int, optional
        (dx, hidden widths, dy), for the highest rank that they allow.
    bias : bool
        The network has a bias on its output: X and Y are centred.

    Returns
    -------
    SpectrumPicture

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the widths do not lead from dx to dy.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> picture = lossurf.plot.spectrum(X, Y)
    >>> print([value.index for value in picture.eigenvalues])
    [1, 2]
    """
    data = as_data(X, Y)
    problem = data.problem(bias=bias)
    narrowest = min(fitting_widths(widths, data)) if widths is not None else data.dx
    losses = problem.loss_by_rank
    return SpectrumPicture(
        kind="spectrum",
        output=None,
        data=data.facts(bias=bias),
        eigenvalues=eigenvalue_bounds(problem),
        loss_by_rank=losses,
        rank_max=min(narrowest, losses.size - 1),
        notes=data.notes,
    )


def levels(
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    widths: Sequence[int],
    bias: bool = False,
    weight_decay: float | None = None,
    reduction: str = "mean",
) -> LevelsPicture:
    """Gather every critical value of a network of given widths, with the kinds of point that are found there.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    widths : sequence of int
        (dx, hidden widths, dy).
    bias : bool
        The network has a bias on its output: X and Y are centred.
    weight_decay, reduction
        As in `classify`: the values are those of the regularised loss, as many as were found.

    Returns
    -------
    LevelsPicture

    Raises
    ------
    InputError
        If the arrays are not finite real numbers or do not go together.
    UsageError
        If the widths do not lead from dx to dy.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> picture = lossurf.plot.levels(X, Y, widths=[2, 2, 2])
    >>> print([sorted(map(str, level.kinds)) for level in picture.critical_values])
    [['strict-saddle'], ['strict-saddle'], ['strict-saddle'], ['global-minimum']]
    """
    data = as_data(X, Y)
    problem = data.problem(bias=bias)
    network = network_facts(fitting_widths(widths, data))
    penalty = penalty_of(data, weight_decay, reduction)
    if penalty is None:
        values, complete = critical_values(problem, network.widths)
    else:
        from lossurf.regularised.levels import critical_values_with_decay

        values, complete = critical_values_with_decay(problem, penalty.lambda_, network.widths)
    return LevelsPicture(
        kind="levels",
        output=None,
        data=data.facts(bias=bias),
        network=network,
        critical_values=values,
        complete=complete,
        weight_decay=penalty,
        notes=data.notes,
    )


def surface(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    points: int = 61,
    seed: int = 0,
) -> SurfacePicture:
    """Evaluate the loss on a plane through a checkpoint that holds the way down, where there is one.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        As in `classify`.
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    points : int
        Along each axis; made odd, so that the checkpoint itself is among them.
    seed : int
        Of random directions.

    Returns
    -------
    SurfacePicture

    Raises
    ------
    InputError
        As `classify`.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> picture = lossurf.plot.surface([np.zeros((1, 2)), np.zeros((2, 1))], X, Y, points=11)
    >>> print(picture.verdict, picture.losses.shape)
    strict-saddle (11, 11)
    """
    data = as_data(X, Y)
    checkpoint = as_checkpoint(weights, data.dx, data.dy)
    require_output_bias(checkpoint)
    found = evaluate(data.seen(checkpoint), data.problem(bias=checkpoint.has_bias), points=points, seed=seed)
    of, (x, y) = found.classification, found.axes
    return SurfacePicture(
        kind="surface",
        output=None,
        data=data.facts(bias=checkpoint.has_bias),
        checkpoint=of.checkpoint,
        verdict=of.verdict,
        reason=of.reason,
        loss=of.loss,
        gap=of.gap,
        levels=found.levels,
        x=x,
        y=y,
        losses=found.losses,
        cut=Cut(np.linspace(x.distances[0], x.distances[-1], found.cut.size), found.cut),
        seed=seed,
        notes=(*data.notes, *checkpoint.notes),
    )


DOCUMENT = Picture
