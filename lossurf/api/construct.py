"""`construct`: a critical point of a wanted kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Annotated, Any, ClassVar

from numpy.typing import ArrayLike, NDArray

from lossurf.api.parts.penalty import penalty_of
from lossurf.api.parts.result import Result
from lossurf.api.parts.widths import fitting_widths
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.fields import Count, Indices, Magnitude, Widths, Written, limited
from lossurf.inputs.checkpoints.checkpoint import Checkpoint
from lossurf.inputs.tables.data import Samples
from lossurf.landscape.points.construct import construct_point
from lossurf.landscape.verdict import Certificate, Classification, Inertia
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import CONSTRUCTED, DECAY_CERTIFICATES, SQUARED_CERTIFICATES, DType, Verdict


@dataclass(frozen=True)
class Construction(Result):
    """A critical point of the wanted kind, as it was classified.

    Attributes
    ----------
    data : DataFacts
    kind : Verdict
        The kind that was asked for.
    output : Path or None
        The file it was written to.
    widths : tuple of int
        (dx, hidden widths, dy).
    dtype : DType
        Number type of the weights, which were rounded to it before they were classified.
    seed : int
        Of the random change of basis.
    rank : int
        Of the product.
    eigen_indices : tuple of int
        The eigenvectors of Sigma that the product carries, from 1; with weight decay those that it was followed from,
        if any.
    loss, optimal_loss : float
        L(W) and L*; with weight decay the regularised loss and the best lower bound of it.
    verdict : Verdict
        Equal to `kind`.
    tolerance : float
        tau of the classification.
    stable_from, stable_to : float, float or None
        The verdict holds for every tolerance in this range; None: no upper end.
    certificate : Certificate
    inertia : Inertia or None
        How many independent ways lead down, are flat, and lead up.
    weight_decay : WeightDecay or None
        None without.
    notes : tuple of str
        What was assumed in reading the data.
    checkpoint : Checkpoint
        The network, its layers called W1..WN.
    classification : Classification
    """

    command: ClassVar[str] = "construct"

    data: DataFacts
    kind: Annotated[Verdict, limited(enum=[*CONSTRUCTED])]
    output: Written
    widths: Widths
    dtype: DType
    seed: Count
    rank: Count
    eigen_indices: Indices
    loss: Magnitude
    optimal_loss: Magnitude
    verdict: Annotated[Verdict, limited(enum=[*CONSTRUCTED])]
    tolerance: Magnitude
    stable_from: Magnitude
    stable_to: float | None
    certificate: Annotated[
        Certificate,
        limited(properties={"kind": {"enum": list(dict.fromkeys(SQUARED_CERTIFICATES + DECAY_CERTIFICATES))}}),
    ]
    inertia: Inertia | None
    weight_decay: WeightDecay | None
    notes: tuple[str, ...]
    checkpoint: Checkpoint = field(repr=False)
    classification: Classification = field(repr=False)

    def state_dict(self) -> dict[str, Any]:
        """Return the arrays by their names."""
        return self.checkpoint.state_dict()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network; see `Checkpoint.save`."""
        self.checkpoint.save(path)

    @property
    def weights(self) -> tuple[NDArray[Any], ...]:
        """W_1 (d_1, dx), ..., W_N (dy, d_{N-1}), arrays of type `dtype`."""
        return tuple(W.astype(self.dtype) for W in self.checkpoint.weights)

    @property
    def biases(self) -> tuple[NDArray[Any] | None, ...]:
        """The last is b_N (dy,) on centred data; the others are None."""
        return tuple(None if b is None else b.astype(self.dtype) for b in self.checkpoint.biases)


def construct(
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    widths: Sequence[int] = (),
    kind: str = Verdict.GLOBAL_MINIMUM,
    *,
    rank: int | None = None,
    eigen_set: Sequence[int] | None = None,
    by: str | None = None,
    seed: int = 0,
    dtype: str = "float64",
    bias: bool = False,
    weight_decay: float | None = None,
    reduction: str = "mean",
    samples: Samples = "rows",
) -> Construction:
    """Construct a critical point of a wanted kind on data.

    Parameters
    ----------
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    widths : sequence of int
        (dx, hidden widths, dy).
    kind : {"global-minimum", "local-minimum", "strict-saddle", "bad-saddle"}
        A local minimum that is not global only with weight decay, a bad saddle only without.
    rank, eigen_set, by, seed, dtype
        As for `lossurf.landscape.points.construct.construct_point`; `by` only without weight decay.
    bias : bool
        The network has a bias on its output: X and Y are centred.
    weight_decay, reduction
        As in `classify`: the point is one of the regularised loss.
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

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> made = lossurf.construct(X, Y, widths=[2, 2, 2, 2], kind="bad-saddle")
    >>> print(made.verdict, made.rank, [W.shape for W in made.weights])
    bad-saddle 1 [(2, 2), (2, 2), (2, 2)]
    """
    data = as_data(X, Y, samples=samples)
    data.adjustments.refuse_outputs(
        "a constructed network would be one of the weighted outputs, which is not what is written,"
    )
    penalty, problem = penalty_of(data, weight_decay, reduction), data.problem(bias=bias)
    if penalty is None:
        made = construct_point(problem, widths, kind, rank=rank, eigen_set=eigen_set, by=by, seed=seed, dtype=dtype)
    else:
        if by is not None:
            raise UsageError(
                "what makes a saddle strict is told apart without weight decay alone",
                where="--by",
                remedy="leave out --by or --weight-decay",
            )
        from lossurf.regularised.construct import construct_with_decay

        fitting = fitting_widths(widths, data)
        made = construct_with_decay(
            problem, penalty.lambda_, fitting, kind, rank=rank, eigen_set=eigen_set, seed=seed, dtype=dtype
        )
    found = made.classification
    assert found.certificate is not None  # a critical point that was told has one
    return Construction(
        data=data.facts(bias=bias),
        kind=made.kind,
        output=None,
        widths=tuple(widths),
        dtype=DType(dtype),
        seed=seed,
        rank=made.rank,
        eigen_indices=made.eigen_indices,
        loss=made.loss,
        optimal_loss=found.optimal_loss,
        verdict=made.verdict,
        tolerance=found.tolerance,
        stable_from=found.stable_from,
        stable_to=found.stable_to,
        certificate=found.certificate,
        inertia=found.inertia,
        weight_decay=penalty,
        notes=data.notes,
        # exact: they were rounded before they were classified
        checkpoint=Checkpoint.of(made.weights, made.biases, dtypes=[dtype] * len(made.weights), name=found.checkpoint),
        classification=found,
    )


DOCUMENT = Construction
