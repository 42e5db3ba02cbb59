"""`escape`: a point of lower loss than a saddle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from lossurf.api.parts.penalty import penalty_of
from lossurf.api.parts.result import Result
from lossurf.data import Data, DataFacts, as_data
from lossurf.errors import UsageError
from lossurf.inputs.checkpoints.checkpoint import Checkpoint, require_output_bias
from lossurf.inputs.checkpoints.open import Network, as_checkpoint
from lossurf.inputs.checkpoints.roles import Orientation
from lossurf.inputs.tables.data import Samples
from lossurf.landscape.points.construct import require_one_of
from lossurf.landscape.points.escape import Escape, Weights, escape_point
from lossurf.landscape.points.escape_frozen import escape_beside_frozen
from lossurf.regularised.verdict import WeightDecay
from lossurf.words import DType

_EXACT = "float64"


@dataclass(frozen=True)
class EscapeResult(Escape, Result):
    """The way down from a checkpoint, or why there is none.

    Attributes
    ----------
    data : DataFacts
    output : Path or None
        The file that the lower point was written to.
    files : tuple of Path
        Those that the path was written to.
    dtypes : tuple of str
        Number type of each layer of the lower point.
    to_minimum : bool
        Whether the whole path was asked for.
    weight_decay : WeightDecay or None
        None without.
    notes : tuple of str
        What was assumed in reading the data and the checkpoint.
    frozen : tuple of str or None
        Names of the layers that stay as they are; None without.
    given : Checkpoint
        Where the way begins.
    """

    command: ClassVar[str] = "escape"

    data: DataFacts
    output: Path | None
    files: tuple[Path, ...]
    dtypes: tuple[DType, ...]
    to_minimum: bool
    weight_decay: WeightDecay | None
    notes: tuple[str, ...]
    frozen: tuple[str, ...] | None
    given: Checkpoint = field(repr=False)

    @property
    def lower(self) -> Checkpoint:
        """The lower point, under the names of the checkpoint that was given; that itself where there is none."""
        return self._at(self.end, self.dtypes) if self.moved else self.given

    def state_dict(self) -> dict[str, Any]:
        """Return the lower point as `load_state_dict` takes it."""
        return self.lower.state_dict()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the lower point; see `Checkpoint.save`."""
        self.lower.save(path)

    def stops(self) -> Iterator[tuple[str, Checkpoint]]:
        """Yield the start, which loses nothing of what was read, and the end of every segment, each with its name."""
        yield "start", self._at(self.start, (_EXACT,) * len(self.dtypes))
        for segment in self.segments:
            yield str(segment.kind), self._at(segment.end, self.dtypes)

    def _at(self, point: Weights, dtypes: Sequence[str]) -> Checkpoint:
        return self.given.moved(point.layers, point.biases, dtypes)


def escape(
    weights: Network,
    X: ArrayLike | Data,
    Y: ArrayLike | None = None,
    *,
    biases: Sequence[ArrayLike | None] | None = None,
    to_minimum: bool = False,
    at_least: float | None = None,
    tolerance: float | None = None,
    layers: Sequence[str] | None = None,
    orientation: Orientation | None = None,
    dtype: str | None = None,
    weight_decay: float | None = None,
    reduction: str = "mean",
    frozen: Sequence[str] = (),
    samples: Samples = "rows",
) -> EscapeResult:
    """Find a point of lower loss from a saddle.

    Parameters
    ----------
    weights : sequence of array_like, mapping of str to array_like, path, model, or Checkpoint
        W_1 (d_1, dx), ..., W_N (dy, d_{N-1}): each (outputs, inputs), first layer first; or a state dict.
    X : array_like, shape (m, dx), or Data
    Y : array_like, shape (m, dy) or (m,)
        Left out where X is a Data.
    biases : sequence of array_like or None, optional
        One for each layer, None where it has none.
    to_minimum, at_least, tolerance
        As for `lossurf.landscape.points.escape.escape_point`.
    layers, orientation
        As in `classify`.
    dtype : {"float64", "float32", "float16"}, optional
        Precision that the lower point is rounded to before its loss is taken; by default that of each layer.
    weight_decay, reduction
        As in `classify`: the way down is then that of the regularised loss, and `to_minimum` leads to a point that is
        at least a local minimum, of the kind `verdict_after`; one that is known not to be the least is left as well.
    frozen : sequence of str
        Names of the layers that are not trained and stay as they are, with their biases; only the others move.
    samples : {"rows", "columns"}
        Which axis of X and Y counts samples.

    Returns
    -------
    EscapeResult
        `lower` is the lower point, with the names, types and orientation of what was given, and `end` its arrays;
        `moved` is False where the start is no saddle.

    Raises
    ------
    InputError
        As `classify`.
    UsageError
        If more is to be gained than there is, or rounding to `dtype` takes the gain away; if frozen layers are asked
        for with a weight decay.

    Examples
    --------
    >>> import numpy as np, lossurf
    >>> X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 3.0]])
    >>> Y = X @ np.array([[1.0, 0.0], [2.0, 1.0]]) + np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1], [0.0, 0.0]])
    >>> found = lossurf.escape([np.zeros((1, 2)), np.zeros((2, 1))], X, Y)
    >>> print(found.moved, found.order, found.loss_after < found.loss_before)
    True 2 True
    """
    if dtype is not None:
        require_one_of(dtype, "--dtype", tuple(DType))
    data = as_data(X, Y, samples=samples)
    data.adjustments.refuse_outputs(
        "the lower point would be one of the weighted outputs, which is not what is written,"
    )
    penalty = penalty_of(data, weight_decay, reduction)
    checkpoint = as_checkpoint(weights, data.dx, data.dy, biases=biases, layers=layers, orientation=orientation)
    if not frozen:
        require_output_bias(checkpoint)
    written = _written(checkpoint)
    dtypes = tuple(
        known if dtype is None or name in frozen else dtype
        for name, known in zip(checkpoint.layer_names, written, strict=True)
    )
    find, bias = _way_down(checkpoint, data, penalty, frozen)
    found = find(to_minimum=to_minimum, at_least=at_least, tolerance=tolerance, dtypes=dtypes)
    # exact: they were rounded before their loss was taken; the type tells `classify` how precisely they are known
    segments = tuple(replace(segment, end=_typed(segment.end, dtypes)) for segment in found.segments)
    return EscapeResult(
        **{**vars(found), "segments": segments},
        data=data.facts(bias=bias),
        output=None,
        files=(),
        dtypes=tuple(map(DType, dtypes)),
        to_minimum=to_minimum,
        weight_decay=penalty,
        frozen=tuple(dict.fromkeys(frozen)) or None,
        notes=(*data.notes, *checkpoint.notes),
        given=checkpoint,
    )


def _way_down(
    checkpoint: Checkpoint, data: Data, penalty: WeightDecay | None, frozen: Sequence[str]
) -> tuple[Callable[..., Escape], bool]:
    """Return what finds the way down, and whether it is that of centred data."""
    if frozen:
        _require_plain(penalty, frozen)
        trained = [b for n, b in zip(checkpoint.layer_names, checkpoint.biases, strict=True) if n not in frozen]
        bias = bool(trained) and trained[-1] is not None
        return partial(escape_beside_frozen, checkpoint, data.reduce(), frozen), bias
    bias = checkpoint.has_bias
    if penalty is None:
        return partial(escape_point, checkpoint, data.problem(bias=bias)), bias
    from lossurf.regularised.escape import escape_with_decay

    return partial(escape_with_decay, checkpoint, data.problem(bias=bias), decay=penalty.lambda_), bias


def _require_plain(penalty: WeightDecay | None, frozen: Sequence[str]) -> None:
    if isinstance(frozen, str):
        raise UsageError("the frozen layers are a sequence of names", where="frozen", remedy=f"give ({frozen!r},)")
    if penalty is not None:
        raise UsageError(
            "no way down is known beside frozen layers with a weight decay",
            where="--frozen",
            remedy="leave out one of the two",
        )


def _written(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the precision of each layer: the stored one where numpy has it."""
    known = {**{str(name): str(name) for name in DType}, "bfloat16": "float32"}
    return tuple(known.get(stored, _EXACT) for stored in checkpoint.dtypes)


def _typed(point: Weights, dtypes: Sequence[str]) -> Weights:
    layers = tuple(W.astype(dtype) for W, dtype in zip(point.layers, dtypes, strict=True))
    biases = tuple(None if b is None else b.astype(dtype) for b, dtype in zip(point.biases, dtypes, strict=True))
    return Weights(layers, biases)


DOCUMENT = EscapeResult
